"""What is a member's own, on their own page: seen, corrected, taken along, deleted. Through the real handler."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from stamkunde.clubs.model import MemberPolicy, Question
from stamkunde.clubs.store import ClubStore
from stamkunde.members.codes import one_time_code, purpose_of
from stamkunde.members.consents import ConsentMethod
from stamkunde.members.model import GRACE, Member
from stamkunde.members.own_data import LINES_OF_AN_ENTRY
from stamkunde.members.own_data_file import FORMAT, SECRETS_OF_OURS
from stamkunde.members.store import MemberStore
from stamkunde.members.uses import Uses
from stamkunde.messaging.model import MessageKind, Yes
from stamkunde.shared.channel import Channel
from stamkunde.shared.clock import SystemClock, iso_instant
from stamkunde.shared.transaction import commit
from stamkunde.web.texts import LANGUAGE_NAMES, catalogue
from tests.function_fixtures import new_till
from tests.functions.conftest import PAGE, OpenClub
from tests.functions.test_member_page import OPENING, member_id, opened
from tests.page_browser import SENT_BACK, PageBrowser, Seen

OWN_PAGES = ("details", "number", "number/codes", "data", "data.json", "delete")
OWN_FORMS = ("details", "details/email", "number", "number/codes", "number/codes/again", "delete", "keep")


@pytest.fixture
def number(shop: OpenClub) -> str:
    """The number of a member who joined at the till."""
    number = shop.number()
    assert shop.till.join(number, first_name="Mette").status == 201
    return number


@pytest.fixture
def mette(shop: OpenClub, number: str) -> PageBrowser:
    """Her phone, with her card open."""
    return opened(shop, number)


def stored(shop: OpenClub, member_id: str) -> Member:
    store = MemberStore(shop.client, "members", shop.club.club_id, shop.club.address_key, SystemClock())
    found = store.load_even_gone(member_id, consistent=True)
    assert found is not None
    return found


def goes(shop: OpenClub, browser: PageBrowser, page: str) -> Seen:
    return browser.get(f"{shop.card}/{page}")


def links(seen: Seen) -> dict[str, str]:
    return {each.text.strip(): each.attributes["href"] for each in seen.all("a")}


def codes(shop: OpenClub) -> dict[str, str]:
    """The newest codes, by the number that each was sent to."""
    found = {}
    for message in shop.messages("code"):
        challenge = message["challenge"]
        keys = shop.club.signing_keys
        found[message["recipient"]] = one_time_code(keys, challenge, purpose_of(challenge), message["recipient"])
    return found


def downloaded(shop: OpenClub, browser: PageBrowser) -> dict[str, Any]:
    answer = browser.call("GET", f"{shop.card}/data.json")
    assert answer["statusCode"] == 200
    found: dict[str, Any] = json.loads(answer["body"])
    return found


def test_the_card_leads_to_everything_that_is_its_members_own(shop: OpenClub, mette: PageBrowser) -> None:
    own = mette.seen.by_id("own").text
    for words in ("Se og ret", "Alt, vi har gemt om dig", "Slet mine oplysninger"):
        assert words in own
        mette.get(links(mette.get(shop.card))[words])
        assert mette.seen.status == 200


def test_every_own_page_asks_for_the_number_first(shop: OpenClub, number: str) -> None:
    stranger = shop.browser()
    for page in OWN_PAGES:
        assert stranger.get(f"{shop.card}/{page}").heading == OPENING
    for form in (*OWN_FORMS, "permissions/stop"):
        assert stranger.post(f"{shop.card}/{form}", {}).heading == OPENING


def test_details_are_corrected_and_the_page_speaks_the_chosen_language(
    shop: OpenClub, number: str, mette: PageBrowser
) -> None:
    seen = goes(shop, mette, "details")
    assert seen.form(f"{shop.card}/details").fields["first_name"] == "Mette"
    seen = mette.send(f"{shop.card}/details", first_name="Mathilde", email="m@example.com", language="en")
    assert mette.statuses == SENT_BACK
    assert "Saved." in seen.text
    assert "We have sent a link to m@example.com." in seen.text
    member = stored(shop, member_id(shop, number))
    assert (member.first_name, member.language, member.email) == ("Mathilde", "en", "m@example.com")
    assert member.details_confirmed_at is not None
    assert mette.get(shop.card).heading == "Hi Mathilde"
    assert "Saved." not in goes(shop, mette, "details").text


def test_what_is_typed_wrong_stays_and_is_mended_beside_its_field(shop: OpenClub, mette: PageBrowser) -> None:
    goes(shop, mette, "details")
    seen = mette.send(f"{shop.card}/details", first_name="www.x.dk", email="ikke en adresse", language="nb")
    assert (mette.statuses, mette.path) == (SENT_BACK, f"{shop.card}/details")
    assert len(seen.alerts) == 1
    form = seen.form(f"{shop.card}/details")
    typed = {name: form.fields[name] for name in ("first_name", "email", "language")}
    assert typed == {"first_name": "www.x.dk", "email": "ikke en adresse", "language": "nb"}
    assert seen.named("email").attributes["aria-describedby"] == "email-fault"
    assert goes(shop, mette, "details").form(f"{shop.card}/details").fields["first_name"] == "Mette"


def test_a_club_asks_what_it_has_chosen_to_ask_and_nothing_else(
    shop: OpenClub, number: str, mette: PageBrowser, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = goes(shop, mette, "details").form(f"{shop.card}/details")
    assert form.choices.keys() == {"language"}
    assert "birth_date" not in form.fields
    bikes = Question("cykel", "Hvad cykler du på?", ("Racer", "Mountainbike"))
    policy = MemberPolicy(asks_birth_date=True, asks_outlet=True, questions=(bikes,))
    commit(shop.client, [ClubStore(shop.client, "clubs", shop.club.club_id).member_policy_write(policy)])
    _forget_clubs(monkeypatch)
    seen = goes(shop, mette, "details")
    form = seen.form(f"{shop.card}/details")
    assert form.choices["answer.cykel"] == ["", "Racer", "Mountainbike"]
    assert form.choices["own_outlet"] == ["", "banegaarden"]
    assert "Hvad cykler du på?" in seen.text
    chosen = {"answer.cykel": "Racer", "own_outlet": "banegaarden", "birth_date": "1990-05-03"}
    mette.post(form.action, form.fields | chosen)
    form = goes(shop, mette, "details").form(f"{shop.card}/details")
    assert {name: form.fields[name] for name in chosen} == chosen
    seen = mette.post(form.action, form.fields | {"birth_date": "2020-05-03", "answer.cykel": "Hest"})
    assert "Man skal være fyldt 15 år" in seen.by_id("birth_date-fault").text
    assert "answer.cykel-fault" in seen.html
    profile = goes(shop, mette, "data").by_id("profile").text
    for told in ("Hvad cykler du på?", "Racer", "Banegårdspladsen", "3. maj 1990"):
        assert told in profile


def test_a_new_number_takes_both_codes_and_the_card_stays_open(
    shop: OpenClub, number: str, mette: PageBrowser
) -> None:
    own_id, new = member_id(shop, number), shop.number()
    goes(shop, mette, "number")
    seen = mette.send(f"{shop.card}/number", phone=new)
    assert (mette.statuses, mette.path) == ([303, 200], f"{shop.card}/number/codes")
    assert new not in mette.path
    typed = codes(shop)
    old_code, new_code = typed[f"+45{number}"], typed[f"+45{new}"]
    seen = mette.send(f"{shop.card}/number/codes", old_code=old_code, new_code="000000")
    assert (mette.statuses, len(seen.alerts)) == (SENT_BACK, 1)
    assert "new_code-fault" in seen.html
    assert "old_code-fault" not in seen.html
    mette.send(f"{shop.card}/number/codes", new_code=new_code)
    assert mette.path == f"{shop.card}/details"
    assert (member_id(shop, new), shop.till.look_up(number).status) == (own_id, 404)
    assert [row["recipient"] for row in shop.messages("number_changed")] == [f"+45{number}"]
    assert mette.get(shop.card).heading == "Hej Mette"


def test_a_number_of_somebody_else_is_refused_after_both_codes_and_not_before(
    shop: OpenClub, number: str, mette: PageBrowser
) -> None:
    taken = shop.number()
    shop.till.join(taken)
    goes(shop, mette, "number")
    mette.send(f"{shop.card}/number", phone=taken)
    assert mette.seen.alerts == []
    typed = codes(shop)
    seen = mette.send(f"{shop.card}/number/codes", old_code=typed[f"+45{number}"], new_code=typed[f"+45{taken}"])
    assert mette.path == f"{shop.card}/number"
    assert "Der er allerede et medlem med det nummer" in seen.by_id("phone-fault").text
    assert member_id(shop, number) != member_id(shop, taken)


@pytest.mark.parametrize("phone", ["", "abc", "33"])
def test_a_new_number_that_is_none_is_mended_beside_its_field(shop: OpenClub, mette: PageBrowser, phone: str) -> None:
    goes(shop, mette, "number")
    seen = mette.send(f"{shop.card}/number", phone=phone)
    assert (mette.statuses, mette.path, len(seen.alerts)) == (SENT_BACK, f"{shop.card}/number", 1)
    assert seen.named("phone").attributes["value"] == phone
    assert goes(shop, mette, "number/codes").heading == "Skift mobilnummer"


def test_new_codes_make_the_old_ones_worthless(shop: OpenClub, number: str, mette: PageBrowser) -> None:
    new = shop.number()
    goes(shop, mette, "number")
    mette.send(f"{shop.card}/number", phone=new)
    old = codes(shop)
    mette.send(f"{shop.card}/number/codes/again")
    mette.send(f"{shop.card}/number/codes", old_code=old[f"+45{number}"], new_code=old[f"+45{new}"])
    assert mette.path == f"{shop.card}/number/codes"
    fresh = codes(shop)
    mette.send(f"{shop.card}/number/codes", old_code=fresh[f"+45{number}"], new_code=fresh[f"+45{new}"])
    assert mette.path == f"{shop.card}/details"


def test_being_deleted_says_in_numbers_what_is_lost_and_can_be_undone_on_the_card(
    shop: OpenClub, number: str, mette: PageBrowser
) -> None:
    own_id = member_id(shop, number)
    shop.till.buy(own_id, 49_500)
    seen = goes(shop, mette, "delete")
    assert "Din bonus på 14,85 kr. kan bruges indtil da." in seen.text
    mette.send(f"{shop.card}/delete")
    assert (mette.statuses, mette.path) == ([303, 200], shop.card)
    notice = mette.seen.by_id("erasure").text
    assert "Det har du bedt om." in notice
    assert "14,85 kr." in notice
    assert "Slet mine oplysninger" not in mette.seen.by_id("own").text
    wish = stored(shop, own_id).erasure
    assert wish is not None
    assert wish.erase_at - wish.asked_at == GRACE
    assert shop.till.buy(own_id, 10_000, spend_bonus=1_000).status == 201
    assert "erasure" not in mette.send(f"{shop.card}/keep").html
    assert stored(shop, own_id).erasure is None
    assert len(shop.messages("erasure_undone")) == 1


@pytest.mark.parametrize("language", LANGUAGE_NAMES)
def test_the_link_in_the_message_undoes_it_and_shows_nothing_of_the_person(
    shop: OpenClub, number: str, mette: PageBrowser, language: str
) -> None:
    own_id = member_id(shop, number)
    goes(shop, mette, "details")
    mette.send(f"{shop.card}/details", language=language)
    goes(shop, mette, "delete")
    mette.send(f"{shop.card}/delete")
    link = shop.link("erasure_requested")
    stranger = shop.browser()
    seen = stranger.get(link)
    assert seen.heading == catalogue(language)["keep.heading"]
    assert "Mette" not in seen.html
    assert number not in seen.html
    assert stored(shop, own_id).erasure is not None
    seen = stranger.send(link, act="keep")
    assert (seen.heading, "Mette" in seen.html) == (catalogue(language)["link.kept.heading"], False)
    assert stored(shop, own_id).erasure is None


def test_from_that_day_on_the_page_asks_for_a_number_and_the_till_knows_nobody(
    tables: Any, operate: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    till = new_till(operate, clock_offset_seconds=0)
    operate("publish_join_page", club_id=till.club["club_id"], **PAGE)
    shop = OpenClub(till, tables, operate)
    number = shop.number()
    shop.till.join(number, first_name="Mette")
    mette = opened(shop, number)
    goes(shop, mette, "delete")
    mette.send(f"{shop.card}/delete")
    _move_clock(shop, GRACE - timedelta(minutes=1))
    assert mette.get(shop.card).heading == "Hej Mette"
    _move_clock(shop, GRACE + timedelta(seconds=1))
    for page in ("", "/history", *(f"/{page}" for page in OWN_PAGES)):
        assert mette.get(shop.card + page).heading == OPENING
        assert "Mette" not in mette.seen.html
    for form in OWN_FORMS:
        assert mette.post(f"{shop.card}/{form}", {}).heading == OPENING
    assert shop.till.look_up(number).status == 404
    assert shop.till.join(number).status == 201


def test_everything_is_shown_to_its_member(shop: OpenClub) -> None:
    number = shop.number()
    mette = shop.joined(number, email="mette@example.com", sms="yes", email_news="yes")
    shop.till.buy(member_id(shop, number), 49_500)
    seen = goes(shop, mette, "data")
    profile = seen.by_id("profile").text
    for told in ("Mette", "mette@example.com", "Dansk"):
        assert told in profile
    consents = seen.by_id("consents").text
    for told in ("På tilmeldingssiden", "Betingelser, udgave 1, godkendt.", "Ja: Sms.", "203.0.113.7", "Chrome"):
        assert told in consents
    purchases = seen.by_id("purchases").text
    for told in ("+14,85 kr.", "Banegårdspladsen", "495,00 kr.", "3 % af"):
        assert told in purchases
    assert "Velkomst" in seen.by_id("messages").text
    assert "Chrome, Android" in seen.by_id("own-devices").text
    assert seen.headers["cache-control"] == "no-store"


def test_a_member_reads_when_a_yes_was_last_used(shop: OpenClub) -> None:
    """R29."""
    number = shop.number()
    mette = shop.joined(number, sms="yes")
    own_id = member_id(shop, number)
    assert "Sidst brugt" not in goes(shop, mette, "data").by_id("consents").text
    (record,) = downloaded(shop, mette)["consents"]
    assert record["used"] == {}
    used_at = SystemClock().now()
    Uses(shop.client, "members", shop.club.club_id).note(Yes(own_id, record["record_id"]), Channel.SMS, used_at)
    (record,) = downloaded(shop, mette)["consents"]
    assert record["used"] == {"sms": iso_instant(used_at)}
    assert "Sidst brugt den" in goes(shop, mette, "data").by_id("consents").text
    asked = {"club_id": shop.club.club_id, "member_id": own_id, "by": "Ida"}
    told = shop.operate("may_write", **asked, message_class="marketing", channel="sms", purpose="news")
    assert "sidst brugt d. " in told["answers"][0]["line"]["da"]
    assert {each["kind"]: bool(each["last_used_on"]) for each in told["permissions"]} == {
        "sms": True,
        "email": False,
        "purchases": False,
    }


def test_everything_is_in_the_file_for_other_programs(shop: OpenClub) -> None:
    number = shop.number()
    mette = shop.joined(number, email="mette@example.com", sms="yes")
    own_id = member_id(shop, number)
    shop.till.buy(own_id, 49_500)
    told = downloaded(shop, mette)
    assert (told["format"], told["club"]["name"]) == (FORMAT, "Bager Holm")
    member = stored(shop, own_id)
    assert told["profile"].keys() == {"state", *Member.__struct_fields__} - {*SECRETS_OF_OURS}
    assert (told["profile"]["phone"], told["profile"]["email"]) == (member.phone, member.email)
    (record,) = told["consents"]
    assert record["evidence"]["client_ip"] == "203.0.113.7"
    assert (record["terms"]["version"], record["given"][0]["kind"]) == (1, "sms")
    assert told["bonus"]["balance"]["available"] == 1485
    (movement,) = told["movements"]
    assert (movement["kind"], movement["amount"], movement["outlet"]) == ("purchase", 1485, "banegaarden")
    assert sum(line["amount"] for line in movement["purchase"]["lines"]) == 49_500
    assert sorted(note["kind"] for note in told["messages"]) == ["confirm_email", "welcome"]
    assert [device["label"] for device in told["devices"]] == ["Chrome, Android"]
    answer = mette.call("GET", f"{shop.card}/data.json")
    assert answer["headers"]["content-disposition"] == f'attachment; filename="{shop.club.slug}.json"'
    assert answer["headers"]["cache-control"] == "no-store"


def test_neither_page_nor_file_tells_what_others_in_a_household_bought(
    shop: OpenClub, number: str, mette: PageBrowser
) -> None:
    own_id = member_id(shop, number)
    bo = shop.till.join(shop.number()).body["member_id"]
    shared = shop.operate("join_household", club_id=shop.club.club_id, member_id=bo, host_id=own_id, by="Ida")
    assert shared["member_ids"] == sorted([own_id, bo])
    shop.till.buy(bo, 40_000)
    shop.till.buy(own_id, 49_500)
    history = goes(shop, mette, "history").text
    assert "af en anden i husstanden" in history
    assert "+12,00 kr." in history
    assert "3 % af 495,00 kr." in history
    assert "400,00" not in history
    page = goes(shop, mette, "data").text
    assert "400,00" not in page
    told = downloaded(shop, mette)
    assert [each["amount"] for each in told["movements_of_household"]] == [0, 1200]
    assert {name for each in told["movements_of_household"] for name in each} == {"day", "kind", "amount"}
    assert [each["amount"] for each in told["movements"] if each["kind"] == "purchase"] == [1485]
    # As an amount: the digits may stand in a number or a hash by chance.
    assert ": 40000" not in json.dumps(told)
    deleting = goes(shop, mette, "delete").text
    assert "de andre i husstanden beholder dem" in deleting
    assert "går den tabt" not in deleting


def test_what_does_not_fit_into_one_part_is_on_a_page_of_its_own_with_its_own_file(
    shop: OpenClub, number: str, mette: PageBrowser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stamkunde.members.own_data.LARGEST_PART", 2 * (LINES_OF_AN_ENTRY + 1))
    own_id = member_id(shop, number)
    for amount in (10_000, 20_000, 30_000):
        shop.till.buy(own_id, amount)
    newest = goes(shop, mette, "data")
    assert ("300,00 kr." in newest.text, "100,00 kr." in newest.text) == (True, False)
    older = mette.get(links(newest)["Ældre køb"])
    assert ("300,00 kr." in older.text, "100,00 kr." in older.text) == (False, True)
    assert "Ældre køb" not in links(older)
    before = downloaded(shop, mette)["older_movements"]
    file = links(older)["Hent denne del som fil"]
    assert parse_qs(urlsplit(file).query) == {"before": [before]}
    answer = mette.call("GET", file)
    (movement,) = json.loads(answer["body"])["movements"]
    assert movement["purchase"]["total"] == 10_000


def test_whoever_takes_the_news_only_sees_and_deletes_what_is_theirs(shop: OpenClub) -> None:
    reader = shop.joined(shop.number(), terms="", sms="yes")
    for page in ("details", "data", "delete"):
        assert goes(shop, reader, page).status == 200
        assert "bonus på" not in reader.seen.text
    assert downloaded(shop, reader)["bonus"] is None
    goes(shop, reader, "delete")
    reader.send(f"{shop.card}/delete")
    assert len(shop.messages("erasure_requested_news")) == 1


def test_one_tap_takes_every_permission_back(shop: OpenClub) -> None:
    number = shop.number()
    mette = shop.joined(number, email="mette@example.com", sms="yes", email_news="yes")
    mette.get(shop.card)
    mette.send(f"{shop.card}/permissions/stop")
    assert mette.path == shop.card
    assert not [form for form in mette.seen.forms if ("act", "stop") in form.buttons]
    records = downloaded(shop, mette)["consents"]
    assert {"sms", "email"} <= set(records[-1]["withdrawn"])
    assert shop.till.look_up(number).body["state"] == "member"


@pytest.mark.parametrize("form", [*OWN_FORMS, "permissions/stop"])
def test_a_form_that_is_none_of_ours_changes_nothing_of_a_members_own(
    shop: OpenClub, number: str, mette: PageBrowser, form: str
) -> None:
    goes(shop, mette, "number")
    mette.send(f"{shop.card}/number", phone=shop.number())
    before = stored(shop, member_id(shop, number))
    sent = len(shop.messages())
    seen = mette.post(f"{shop.card}/{form}", {"csrf": "0" * 64, "first_name": "Ida", "language": "en"})
    assert (seen.status, len(seen.alerts)) == (403, 1)
    assert stored(shop, member_id(shop, number)) == before
    assert len(shop.messages()) == sent


@pytest.mark.parametrize("language", LANGUAGE_NAMES)
def test_every_kind_of_message_and_way_to_agree_has_a_name_that_its_member_understands(language: str) -> None:
    named = {f"message.{kind}" for kind in MessageKind} | {f"method.{method}" for method in ConsentMethod}
    assert named <= catalogue(language).keys()


def test_no_address_of_an_own_page_tells_of_anybody(shop: OpenClub, number: str, mette: PageBrowser) -> None:
    for page in ("details", "number", "data", "delete"):
        seen = goes(shop, mette, page)
        addresses = [each.attributes["href"] for each in seen.all("a")] + [form.action for form in seen.forms]
        assert not [each for each in addresses if number in each or "Mette" in each]


def _move_clock(shop: OpenClub, offset: timedelta) -> None:
    shop.operate("move_clock", club_id=shop.club.club_id, clock_offset_seconds=int(offset.total_seconds()))


def _forget_clubs(monkeypatch: pytest.MonkeyPatch) -> None:
    from member_page import handler as member_page

    monkeypatch.setattr(member_page.PAGES.clubs, "_known", {})
