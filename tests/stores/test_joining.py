"""Joining on the page: all that is wrong is told at once, a code proves the number, one transaction writes it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from stamkunde.clubs.model import Club, MemberPolicy, TermsVersion
from stamkunde.members.codes import CodePurpose, one_time_code
from stamkunde.members.consents import Caller, ConsentMethod, PermissionKind, TermsAccepted, permissions
from stamkunde.members.joining import FormErrors, Joined, JoinForm, JoinRequest
from stamkunde.members.member_card import MemberCard
from stamkunde.members.model import Member, MemberState
from stamkunde.members.wordings import Shown, club_permission, terms_wording
from stamkunde.shared.clock import FixedClock
from stamkunde.shared.errors import Refusal
from stamkunde.shared.patience import Patience
from stamkunde.views.service import sale_fact
from tests.factories import LONG_AGO, NOON, everything_shown, make_club
from tests.ledger_checks import assert_ledger_adds_up, every_row, rows
from tests.letterbox import waiting
from tests.shop import Shop

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

PHONE = "+4520123456"
CALLER = Caller("192.0.2.7", "Mozilla/5.0 (Linux; Android 14) Chrome/126.0 Mobile Safari/537.36")
BOTH = frozenset({PermissionKind.SMS, PermissionKind.EMAIL})
SHOWN = make_club()
TWO_TERMS = (TermsVersion(1, "da", "Betingelser", LONG_AGO), TermsVersion(2, "da", "Nye betingelser", LONG_AGO))


@pytest.fixture
def shop(dynamodb: DynamoDBClient) -> Shop:
    return Shop(dynamodb)


def form(language: str = "da", terms_version: int | None = None, club: Club = SHOWN, **given: Any) -> JoinForm:
    """A form that a page of the club was opened with."""
    shown = everything_shown(club, language)
    standard: dict[str, Any] = {
        "phone": "20 12 34 56",
        "first_name": "Mette",
        "email": "",
        "accepts_terms": True,
        "permissions": frozenset(),
        "shown": shown if terms_version is None else replace(shown, terms_version=terms_version),
    }
    return JoinForm(**(standard | given))


def newsletter(**given: Any) -> JoinForm:
    return form(accepts_terms=False, permissions=frozenset({PermissionKind.SMS}), **given)


def code_of(shop: Shop, challenge_id: str, phone: str = PHONE) -> str:
    return one_time_code(shop.club.signing_keys, challenge_id, CodePurpose.JOIN, phone)


def join(shop: Shop, wish: JoinForm | None = None, present: str = "") -> Joined:
    request = shop.joining.check(wish or form())
    challenge_id = shop.joining.ask_code(request, CALLER)
    code = code_of(shop, challenge_id, request.phone)
    return shop.joining.join(request, challenge_id, code, CALLER, present=present)


def known(shop: Shop) -> Member:
    member = shop.members.find_by_phone(PHONE, consistent=True)
    assert member is not None
    return member


def errors_of(shop: Shop, wish: JoinForm) -> dict[str, str]:
    with pytest.raises(FormErrors) as wrong:
        shop.joining.check(wish)
    return {field: refusal.code for field, refusal in wrong.value.errors.items()}


def test_a_form_that_is_right_is_tidied(shop: Shop) -> None:
    wish = form(first_name="  Anne  Grethe ", email=" Mette@Holm.DK ", permissions=BOTH, language="en")
    request = shop.joining.check(wish)
    assert (request.phone, request.first_name, request.email, request.language) == (
        PHONE,
        "Anne Grethe",
        "Mette@holm.dk",
        "en",
    )
    assert request.terms == TermsAccepted(1, shop.club.terms[0].text_hash, terms_wording(shop.club, "en"))
    channels = (PermissionKind.SMS, PermissionKind.EMAIL)
    assert request.permissions == tuple(club_permission(shop.club, channel, "en") for channel in channels)


def test_the_use_of_purchases_alone_is_no_reason_to_join(shop: Shop) -> None:
    wish = form(accepts_terms=False, permissions=frozenset({PermissionKind.PURCHASES}))
    assert errors_of(shop, wish) == {"choice": "choice_missing"}


def test_what_a_club_does_not_ask_for_it_does_not_take(shop: Shop) -> None:
    """R15."""
    assert shop.joining.check(form(birth_date="3.5.1990")).birth_date is None
    shop.club = replace(shop.club, member_policy=MemberPolicy(asks_birth_date=True))
    request = shop.joining.check(form(birth_date="3.5.1990"))
    assert request.birth_date == date(1990, 5, 3)
    assert msgspec.json.decode(msgspec.json.encode(request), type=JoinRequest) == request
    assert errors_of(shop, form(birth_date="3.5.2020")) == {"birth_date": "too_young"}
    assert errors_of(shop, form(birth_date="3.5.90")) == {"birth_date": "birth_date_invalid"}


def test_a_wish_survives_the_way_to_the_code_and_back(shop: Shop) -> None:
    request = shop.joining.check(form(email="mette@holm.dk", permissions=BOTH))
    assert msgspec.json.decode(msgspec.json.encode(request), type=JoinRequest) == request


def test_everything_wrong_is_told_at_once(shop: Shop) -> None:
    wrong = form(
        phone="1204", first_name="www.evil.dk", email="mette", accepts_terms=True, terms_version=7, permissions=BOTH
    )
    assert errors_of(shop, wrong) == {
        "phone": "phone_invalid",
        "first_name": "name_not_allowed",
        "email": "email_invalid",
        "terms": "terms_changed",
    }


@pytest.mark.parametrize(
    ("given", "field", "code"),
    [
        ({"phone": ""}, "phone", "phone_invalid"),
        ({"phone": "+1 202 555 0123"}, "phone", "phone_country_not_allowed"),
        ({"phone": "+47 22 12 34 56"}, "phone", "phone_not_mobile"),
        ({"phone": "0045 FLOWERS"}, "phone", "phone_has_letters"),
        ({"first_name": "A" * 41}, "first_name", "name_not_allowed"),
        ({"first_name": "<b>Mette</b>"}, "first_name", "name_not_allowed"),
        ({"first_name": "Mette 🙂"}, "first_name", "name_not_allowed"),
        ({"email": "mette@"}, "email", "email_invalid"),
        ({"email": "a" * 250 + "@holm.dk"}, "email", "email_invalid"),
        ({"email": "mætte@holm.dk"}, "email", "email_invalid"),
        ({"email": "Mette <mette@holm.dk>"}, "email", "email_invalid"),
        ({"permissions": frozenset({PermissionKind.EMAIL})}, "email", "email_missing"),
        ({"accepts_terms": False}, "choice", "choice_missing"),
        ({"terms_version": 0}, "terms", "terms_changed"),
    ],
)
def test_a_field_that_is_wrong_is_named(shop: Shop, given: dict[str, Any], field: str, code: str) -> None:
    assert errors_of(shop, form(**given)) == {field: code}


def test_nothing_is_kept_of_somebody_who_never_types_the_code(shop: Shop) -> None:
    shop.joining.ask_code(shop.joining.check(form(email="mette@holm.dk")), CALLER)
    kept = str(rows(shop.client, "members"))
    for told in ("20123456", "Mette", "mette@holm.dk", CALLER.client_ip):
        assert told not in kept


def test_accepting_the_terms_makes_a_member_with_account_card_and_device(shop: Shop) -> None:
    joined = join(shop)
    member = joined.member
    assert member == known(shop)
    assert (member.state, member.first_name, member.language) == (MemberState.MEMBER, "Mette", "da")
    assert (member.joined_at, member.joined_at_outlet, member.joined_at_till) == (NOON, None, None)
    assert shop.account(member.member_id).members[member.member_id].terms_version == 1
    assert member.card_number is not None
    assert shop.access.find_by_card(member.card_number) == member.member_id
    assert joined.device_token is not None
    device = shop.devices.find(joined.device_token)
    assert device is not None
    assert device.member_id == member.member_id


def test_the_evidence_is_exact(shop: Shop) -> None:
    member = join(shop, form(email="mette@holm.dk", permissions=BOTH, language="en")).member
    (record,) = shop.members.consent_records(member.member_id)
    evidence = record.evidence
    assert (evidence.method, evidence.given_at, evidence.recorded_at) == (ConsentMethod.JOIN_PAGE, NOON, NOON)
    assert (evidence.language, evidence.client_ip, evidence.user_agent) == ("en", "192.0.2.7", CALLER.user_agent)
    assert record.terms is not None
    assert (record.terms.version, record.terms.text_hash) == (1, shop.club.terms[0].text_hash)
    assert record.terms.wording == "I have read the terms of the customer club at Bager Holm and accept them."
    sms, email = record.given
    assert sms.wording.startswith(
        "Yes please, Bager Holm may send me offers, news and invitations about brød og kager"
    )
    assert (sms.kind, email.kind) == (PermissionKind.SMS, PermissionKind.EMAIL)


def test_a_box_that_was_not_ticked_gives_no_permission(shop: Shop) -> None:
    member = join(shop, form(email="mette@holm.dk")).member
    assert permissions(shop.members.consent_records(member.member_id), email_confirmed=True) == {}


def test_a_new_member_is_welcomed_once_and_an_address_is_asked(shop: Shop) -> None:
    join(shop, form(email="mette@holm.dk"))
    (welcome,) = waiting(shop.client, "welcome")
    (asking,) = waiting(shop.client, "confirm_email")
    assert welcome["recipient"] == PHONE
    assert "Hej Mette." in welcome["text"]
    assert "/c/bager-holm" in welcome["text"]
    assert (asking["recipient"], asking["channel"]) == ("mette@holm.dk", "email")
    assert len(shop.queue.told) == 3  # with the code's


def test_the_newsletter_only_makes_no_account_and_no_card_but_opens_the_page_to_say_stop(shop: Shop) -> None:
    joined = join(shop, newsletter())
    member = joined.member
    assert member.state is MemberState.NEWSLETTER
    assert (member.account_id, member.card_number) == (None, None)
    assert shop.devices.find(joined.device_token) is not None
    (record,) = shop.members.consent_records(member.member_id)
    assert record.terms is None
    assert rows(shop.client, "ledger") == []
    assert waiting(shop.client, "welcome") == []


def test_somebody_with_the_newsletter_only_is_unknown_at_the_till(shop: Shop) -> None:
    join(shop, newsletter())
    with pytest.raises(Refusal) as refused:
        shop.membership.look_up(PHONE)
    assert refused.value.code == "unknown_member"


def test_the_newsletters_reader_becomes_a_member_and_keeps_the_permission(shop: Shop) -> None:
    reader = join(shop, newsletter(first_name="")).member
    shop.wait(timedelta(days=1))
    joined = join(shop, form())
    assert joined.member.member_id == reader.member_id
    assert joined.member.state is MemberState.MEMBER
    assert (joined.member.first_name, joined.member.joined_at) == ("Mette", shop.now())
    held = permissions(shop.members.consent_records(reader.member_id), email_confirmed=False)
    assert held.keys() == {PermissionKind.SMS}
    assert len(waiting(shop.client, "welcome")) == 1


def test_an_open_member_who_accepts_on_the_page_gets_what_was_pending(shop: Shop) -> None:
    opened = shop.join(PHONE, accepts=False).at_till.member
    shop.buy(opened.member_id, 10_000)
    shop.wait(timedelta(hours=2))
    joined = join(shop)
    assert joined.member.state is MemberState.MEMBER
    assert joined.member.joined_at_till == "kasse-1"
    assert (shop.balance(opened.member_id).available, shop.balance(opened.member_id).pending) == (300, 0)
    release = shop.entries(opened.member_id)[0]
    assert (release.kind.value, release.outlet_id, release.till_id) == ("release", None, None)
    assert sale_fact(shop.club.club_id, release) is None
    assert_ledger_adds_up(shop, opened.member_id)


def test_an_open_member_who_only_says_yes_to_texts_stays_open(shop: Shop) -> None:
    opened = shop.join(PHONE, accepts=False).at_till.member
    joined = join(shop, newsletter())
    assert joined.member.state is MemberState.OPEN
    assert permissions(shop.members.consent_records(opened.member_id), email_confirmed=False).keys() == {
        PermissionKind.SMS
    }


def test_joining_again_adds_a_record_and_only_fills_in_what_was_missing(shop: Shop) -> None:
    first = join(shop, form(email="mette@holm.dk")).member
    shop.wait(timedelta(hours=2))
    again = join(shop, form(first_name="Gert", email="", permissions=frozenset({PermissionKind.SMS}))).member
    assert (again.member_id, again.first_name, again.email) == (first.member_id, "Mette", "mette@holm.dk")
    assert (again.card_number, again.account_id) == (first.card_number, first.account_id)
    assert len(shop.members.consent_records(first.member_id)) == 2
    assert len(waiting(shop.client, "welcome")) == 1
    assert len(shop.devices.list(first.member_id)) == 2


def test_an_address_nobody_has_confirmed_can_be_put_right(shop: Shop) -> None:
    join(shop, form(email="mete@holm.dk"))
    shop.wait(timedelta(hours=2))
    assert join(shop, form(email="mette@holm.dk")).member.email == "mette@holm.dk"
    assert len(waiting(shop.client, "confirm_email")) == 2


def confirm(shop: Shop, member: Member) -> Member:
    """The member, once the address they gave is confirmed."""
    assert member.email is not None
    confirmed = replace(member.confirmed_email(member.email, shop.now()), revision=member.revision + 1)
    shop.store.commit(shop.members.change_writes(member, confirmed))
    return confirmed


def test_another_address_is_asked_while_the_confirmed_one_stays_in_use(shop: Shop) -> None:
    confirm(shop, join(shop, form(email="mette@holm.dk")).member)
    shop.wait(timedelta(hours=2))
    again = join(shop, form(email="other@holm.dk")).member
    assert (again.email, again.email_confirmed, again.pending_email) == ("mette@holm.dk", True, "other@holm.dk")
    assert {row["recipient"] for row in waiting(shop.client, "confirm_email")} == {"mette@holm.dk", "other@holm.dk"}


def test_whoever_gives_the_confirmed_address_again_is_asked_nothing(shop: Shop) -> None:
    confirm(shop, join(shop, form(email="mette@holm.dk")).member)
    for email in ("other@holm.dk", "mette@holm.dk"):
        shop.wait(timedelta(hours=2))
        again = join(shop, form(email=email)).member
    assert (again.email, again.email_confirmed, again.pending_email) == ("mette@holm.dk", True, None)
    assert len(waiting(shop.client, "confirm_email")) == 2


def test_a_permission_by_email_is_kept_with_the_keyed_hash_of_its_address(shop: Shop) -> None:
    member = join(shop, form(email="mette@holm.dk", permissions=BOTH)).member
    shop.wait(timedelta(hours=2))
    join(shop, form(email="other@holm.dk"))
    first, second = shop.members.consent_records(member.member_id)
    assert first.address_hash == shop.members.address_hash("mette@holm.dk")
    assert second.address_hash is None
    evidence = str([row for row in rows(shop.client, "members") if row["sk"].startswith("CONSENT#")])
    assert "holm.dk" not in evidence


def test_words_that_nobody_was_shown_are_not_agreed_to(shop: Shop) -> None:
    opened = form(email="mette@holm.dk", permissions=BOTH)
    assert shop.club.join_page is not None
    shop.club = replace(shop.club, join_page=replace(shop.club.join_page, goods="vin og tobak"))
    assert errors_of(shop, opened) == {"choice": "wording_changed"}
    assert errors_of(shop, form(shown=Shown("da", 1))) == {"terms": "wording_changed"}
    in_danish = everything_shown(shop.club).digests
    assert errors_of(shop, form(shown=Shown("nb", 1, in_danish))) == {"terms": "wording_changed"}
    assert shop.joining.check(form(accepts_terms=True)).permissions == ()


def test_what_was_shown_stands_in_the_evidence_whatever_changes_until_the_code(shop: Shop) -> None:
    request = shop.joining.check(form(email="mette@holm.dk", permissions=BOTH))
    challenge_id = shop.joining.ask_code(request, CALLER)
    read = (terms_wording(shop.club), club_permission(shop.club, PermissionKind.SMS, "da"))
    assert shop.club.join_page is not None
    shop.club = replace(
        shop.club,
        name="Vinhuset",
        terms=TWO_TERMS,
        join_page=replace(shop.club.join_page, goods="vin og tobak"),
    )
    member = shop.joining.join(request, challenge_id, code_of(shop, challenge_id), CALLER).member
    assert (member.state, member.terms_version) == (MemberState.MEMBER, 1)
    (record,) = shop.members.consent_records(member.member_id)
    assert record.terms == TermsAccepted(1, TWO_TERMS[0].text_hash, read[0])
    assert record.given[0] == read[1]


def test_a_word_counts_after_an_earlier_one_that_a_faster_clock_wrote_down(shop: Shop) -> None:
    member = join(shop, newsletter()).member
    ahead = replace(shop.joining, clock=FixedClock(NOON + timedelta(seconds=2)))
    shop.clock = FixedClock(NOON + timedelta(seconds=5))
    card = MemberCard(shop.club, shop.admission, shop.codes, shop.devices, shop.clock, shop.patience)
    sms = frozenset({PermissionKind.SMS})
    card.change_permissions(member.member_id, frozenset(), everything_shown(shop.club), CALLER, sms)
    request = shop.joining.check(newsletter())
    challenge_id = shop.joining.ask_code(request, CALLER)
    ahead.join(request, challenge_id, code_of(shop, challenge_id), CALLER)
    assert permissions(shop.members.consent_records(member.member_id), email_confirmed=False).keys() == {
        PermissionKind.SMS
    }


def test_another_code_in_the_same_browser_leaves_no_second_device(shop: Shop) -> None:
    first = join(shop)
    shop.wait(timedelta(hours=2))
    elsewhere = join(shop)
    shop.wait(timedelta(hours=2))
    again = join(shop, present=first.device_token)
    assert [shop.devices.find(each.device_token) is not None for each in (first, elsewhere, again)] == [
        False,
        True,
        True,
    ]
    shop.wait(timedelta(hours=2))
    join(shop, form(phone="26123456"), present=again.device_token)
    assert shop.devices.find(again.device_token) is not None, "a browser lent to somebody else closed a card"


def test_a_member_may_accept_newer_terms_by_joining_again(shop: Shop) -> None:
    member = join(shop).member
    shop.buy(member.member_id, 10_000)
    shop.club = replace(shop.club, terms=TWO_TERMS)
    shop.wait(timedelta(hours=2))
    again = join(shop, form(club=shop.club)).member
    assert again.terms_version == 2
    assert shop.account(member.member_id).members[member.member_id].terms_version == 2
    assert shop.balance(member.member_id).available == 300
    assert_ledger_adds_up(shop, member.member_id)


def test_terms_that_changed_while_the_page_was_open_are_to_be_read_again(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb, club=make_club(terms=TWO_TERMS))
    assert errors_of(shop, form(terms_version=1)) == {"terms": "terms_changed"}


def test_the_same_code_again_gives_the_same_and_writes_nothing(shop: Shop) -> None:
    request = shop.joining.check(form())
    challenge_id = shop.joining.ask_code(request, CALLER)
    code = code_of(shop, challenge_id)
    first = shop.joining.join(request, challenge_id, code, CALLER)
    before = written(shop)
    assert shop.joining.join(request, challenge_id, code, CALLER) == first
    assert written(shop) == before


def test_the_same_newsletter_code_again_gives_the_same(shop: Shop) -> None:
    request = shop.joining.check(newsletter())
    challenge_id = shop.joining.ask_code(request, CALLER)
    first = shop.joining.join(request, challenge_id, code_of(shop, challenge_id), CALLER)
    assert shop.joining.join(request, challenge_id, code_of(shop, challenge_id), CALLER) == first


def test_a_used_code_whose_device_was_removed_opens_nothing(shop: Shop) -> None:
    request = shop.joining.check(form())
    challenge_id = shop.joining.ask_code(request, CALLER)
    code = code_of(shop, challenge_id)
    member = shop.joining.join(request, challenge_id, code, CALLER).member
    shop.devices.remove(member.member_id, frozenset(each.device_id for each in shop.devices.list(member.member_id)))
    with pytest.raises(Refusal) as refused:
        shop.joining.join(request, challenge_id, code, CALLER)
    assert refused.value.code == "code_expired"


def test_a_double_click_joins_once(shop: Shop) -> None:
    request = shop.joining.check(form(email="mette@holm.dk", permissions=BOTH))
    challenge_id = shop.joining.ask_code(request, CALLER)
    code = code_of(shop, challenge_id)
    with ThreadPoolExecutor(4) as pool:
        joined = list(pool.map(lambda _: shop.joining.join(request, challenge_id, code, CALLER), range(4)))
    assert len({each.device_token for each in joined}) == 1
    assert len(shop.members.consent_records(joined[0].member.member_id)) == 1
    assert len(waiting(shop.client, "welcome")) == len(waiting(shop.client, "confirm_email")) == 1
    assert len([row for row in rows(shop.client, "ledger") if row["sk"] == "ACCOUNT"]) == 1


def test_a_till_and_the_page_at_once_make_one_member(shop: Shop) -> None:
    request = shop.joining.check(form())
    challenge_id = shop.joining.ask_code(request, CALLER)
    code = code_of(shop, challenge_id)

    def act(number: int) -> str:
        if number == 3:
            return shop.joining.join(request, challenge_id, code, CALLER).member.member_id
        return shop.join(PHONE, accepts=False).at_till.member.member_id

    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(act, range(8)))
    assert len(found) == 1
    assert known(shop).state is MemberState.MEMBER


def test_a_wrong_code_writes_nothing_but_the_try(shop: Shop) -> None:
    request = shop.joining.check(form())
    challenge_id = shop.joining.ask_code(request, CALLER)
    wrong = f"{(int(code_of(shop, challenge_id)) + 1) % 1_000_000:06d}"
    with pytest.raises(Refusal) as refused:
        shop.joining.join(request, challenge_id, wrong, CALLER)
    assert refused.value.code == "code_wrong"
    assert shop.members.find_by_phone(PHONE, consistent=True) is None
    assert rows(shop.client, "ledger") == []


def test_a_code_asked_for_one_number_proves_no_other(shop: Shop) -> None:
    request = shop.joining.check(form())
    challenge_id = shop.joining.ask_code(request, CALLER)
    other = replace(request, phone="+4526123456")
    with pytest.raises(Refusal) as refused:
        shop.joining.join(other, challenge_id, code_of(shop, challenge_id), CALLER)
    assert refused.value.code == "code_wrong"


def test_somebody_already_in_the_club_is_asked_for_a_code_like_anybody(shop: Shop) -> None:
    join(shop)
    shop.wait(timedelta(hours=2))
    before = len(waiting(shop.client, "code"))
    shop.joining.ask_code(shop.joining.check(form()), CALLER)
    shop.joining.ask_code(shop.joining.check(form(phone="26123456")), CALLER)
    assert len(waiting(shop.client, "code")) == before + 2


def test_a_page_that_never_gets_its_turn_writes_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    request = shop.joining.check(form())
    challenge_id = shop.joining.ask_code(request, CALLER)
    shop.patience = Patience(limit=0.0)
    taken = shop.join(PHONE, accepts=False).at_till.member
    stale: Iterator[Member | None] = iter([None])
    monkeypatch.setattr(type(shop.members), "find_by_phone", lambda *_, **__: next(stale))
    with pytest.raises(Refusal) as refused:
        shop.joining.join(request, challenge_id, code_of(shop, challenge_id), CALLER)
    monkeypatch.undo()
    assert refused.value.code == "try_again"
    assert known(shop) == taken


def written(shop: Shop) -> dict[str, list[dict[str, Any]]]:
    """Everything but the tries of codes, which count every post."""
    return {
        table: [row for row in found if row["sk"] != "CODE" and "#typed#" not in row["pk"]]
        for table, found in every_row(shop.client).items()
    }
