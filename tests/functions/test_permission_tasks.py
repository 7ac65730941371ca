"""What an operator asks and decides about whom a club may write to, task by task."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from infra.command_line import main
from stamkunde.clubs.store import ClubStore
from stamkunde.members.consents import PermissionKind, permissions
from stamkunde.members.lapsing import LapsingNote, LapsingNotes
from stamkunde.members.permission import lapses_on
from stamkunde.members.store import MemberStore
from stamkunde.shared.clock import ClubClock, SystemClock
from stamkunde.shared.language import LANGUAGES
from stamkunde.shared.transaction import commit
from tests.function_fixtures import new_till
from tests.functions.conftest import PAGE, OpenClub

REASON = "Vi har mange kunder, der kun kommer om sommeren."
QUESTION = {"question_id": "cykel", "words": "Hvad kører du på?", "answers": ["Racer", "MTB"]}
ELEVEN_MONTHS = timedelta(days=335)


def policy(shop: OpenClub, **said: Any) -> dict[str, Any]:
    answer: dict[str, Any] = shop.operate("publish_member_policy", club_id=shop.club.club_id, **said)
    return answer


def verdicts(shop: OpenClub, member_id: str, **narrowed: str) -> list[dict[str, Any]]:
    asked = {"club_id": shop.club.club_id, "member_id": member_id, "by": "Mette"}
    answers: list[dict[str, Any]] = shop.operate("may_write", **asked, **narrowed)["answers"]
    return answers


def member_of(shop: OpenClub, phone: str) -> str:
    found: str = shop.operate("find_member", club_id=shop.club.club_id, phone=phone, by="Mette")["member_id"]
    return found


def test_a_new_club_has_made_the_most_careful_choices(shop: OpenClub) -> None:
    shown = policy(shop)
    assert (shown["purchase_use"], shown["soft_opt_in"], shown["questions"]) == ("consent", False, [])
    assert not shown["asks_birth_date"]


def test_what_is_not_said_stays_as_it_is(shop: OpenClub) -> None:
    policy(shop, asks_birth_date=True, questions=[QUESTION])
    shown = policy(shop, soft_opt_in=True)
    assert (shown["asks_birth_date"], shown["soft_opt_in"], shown["questions"]) == (True, True, [QUESTION])
    stored = ClubStore(shop.client, "clubs", shop.club.club_id).load()
    assert stored is not None
    assert stored.member_policy.questions[0].answers == ("Racer", "MTB")
    assert policy(shop, questions=[])["questions"] == []


@pytest.mark.parametrize(
    ("said", "code", "pointer"),
    [
        ({"questions": [QUESTION, QUESTION]}, "already_exists", "/questions"),
        ({"questions": [QUESTION] * 6}, "invalid_field", "/questions"),
        ({"questions": [QUESTION | {"answers": ["Racer"]}]}, "invalid_field", "/questions/0/answers"),
        ({"questions": [QUESTION | {"words": "  "}]}, "invalid_field", "/questions/0/words"),
        ({"purchase_use": "balancing_test"}, "invalid_field", "/balancing_test"),
        ({"purchase_use": "balancing_test", "balancing_test": "Fordi"}, "invalid_field", "/balancing_test"),
    ],
)
def test_a_choice_that_a_club_may_not_make_is_refused(
    shop: OpenClub, said: dict[str, Any], code: str, pointer: str
) -> None:
    before = policy(shop)
    answer = policy(shop, **said)
    assert (answer["code"], answer["pointer"]) == (code, pointer)
    assert policy(shop) == before


def test_a_norwegian_club_must_ask_before_it_uses_purchases(operate: Any, tables: Any) -> None:
    """R12."""
    norwegian = new_till(operate, country="NO").club
    wish = {"purchase_use": "balancing_test", "balancing_test": REASON}
    answer = operate("publish_member_policy", club_id=norwegian["club_id"], **wish)
    assert (answer["code"], answer["pointer"]) == ("balancing_test_not_allowed", "/purchase_use")


def test_may_we_write_is_answered_in_one_line_a_language_with_every_step_behind_it(shop: OpenClub) -> None:
    number = shop.number()
    shop.joined(number, sms="yes")
    (answer,) = verdicts(shop, member_of(shop, number), channel="sms", message_class="marketing", purpose="news")
    assert (answer["may"], answer["reason"]) == (True, "said_yes")
    assert answer["line"].keys() == set(LANGUAGES)
    assert answer["line"]["da"].startswith("Ja. Samtykke givet d. ")
    assert "på tilmeldingssiden" in answer["line"]["da"]
    assert [step["finding"] for step in answer["steps"]] == [
        *("known", "stays", "member", "age_unknown", "has_number", "said_yes")
    ]


def test_without_narrowing_all_kinds_of_messages_are_answered(shop: OpenClub) -> None:
    number = shop.number()
    shop.joined(number)
    told = {
        (each["message_class"], each["channel"], each["purpose"]): each["reason"]
        for each in verdicts(shop, member_of(shop, number))
    }
    assert told == {
        ("marketing", "sms", "news"): "never_asked",
        ("marketing", "sms", "purchases"): "never_asked",
        ("marketing", "email", "news"): "no_email",
        ("marketing", "email", "purchases"): "no_email",
        ("service", "sms", "news"): "service",
        ("service", "email", "news"): "no_email",
        ("critical", "sms", "news"): "awaited",
        ("critical", "email", "news"): "no_email",
    }


def test_may_we_write_is_printed_as_a_line_a_question_with_its_steps_below(
    shop: OpenClub, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    number = shop.number()
    shop.joined(number, sms="yes")
    member_id = member_of(shop, number)
    monkeypatch.setattr("infra.permission_commands.asking", lambda: shop.operate)

    def printed(*options: str) -> str:
        assert main(["member", "may-write", shop.club.club_id, member_id, "--by", "Mette", *options]) == 0
        # What the functions log stands above it.
        return f"\n{capsys.readouterr().out}"

    def lines_of(*options: str) -> list[str]:
        _, _, below = printed(*options).partition(f"\n{member_id}, ")
        return below.splitlines()[1:]

    lines = lines_of()
    assert [line.partition(": ")[0] for line in lines if not line.startswith(" ")] == [
        "Reklame på sms",
        "Reklame på sms, valgt efter køb",
        "Reklame på e-mail",
        "Reklame på e-mail, valgt efter køb",
        "Servicebesked på sms",
        "Servicebesked på e-mail",
        "Besked på sms, som personen venter på",
        "Besked på e-mail, som personen venter på",
    ]
    assert lines[0].startswith("Reklame på sms: Ja. Samtykke givet d. ")
    assert lines[1:5] == [
        "    ✓ Der er en person med dette medlemsnummer.",
        "    ✓ Ingen har bedt om at få oplysningerne slettet.",
        "    ✓ Betingelserne er godkendt (udgave 1).",
        "    ✓ Vi kender ikke fødselsdatoen.",
    ]
    email = lines.index("Reklame på e-mail: Nej. Vi har ingen e-mail.")
    assert lines[email + 5] == "    ✗ Vi har ingen e-mail."
    one = lines_of("--class", "service", "--channel", "sms", "--language", "en")
    assert one[0] == "Service message by SMS: Yes. The message is service and sells nothing."
    assert len(one) == 4
    assert '"answers": [' in printed("--json")


def test_nobody_is_told_of_somebody_who_is_not_there(shop: OpenClub) -> None:
    answer = shop.operate("may_write", club_id=shop.club.club_id, member_id="m0000000000000000", by="Mette")
    assert answer["code"] == "unknown_member"


@pytest.fixture
def moved(operate: Any, tables: Any) -> OpenClub:
    """A club whose clock can be moved, with its pages open."""
    till = new_till(operate, clock_offset_seconds=0)
    operate("publish_join_page", club_id=till.club["club_id"], **PAGE)
    return OpenClub(till, tables, operate)


def noted(shop: OpenClub, member_id: str) -> None:
    """What the hourly job does two months ahead."""
    held = permissions(members(shop).consent_records(member_id), email_confirmed=True)[PermissionKind.SMS]
    note = LapsingNote(member_id, held.kind, lapses_on(held, shop.club.time_zone))
    commit(shop.client, [LapsingNotes(shop.client, "members", shop.club.club_id).write(note)])


def members(shop: OpenClub) -> MemberStore:
    offset = shop.club.clock_offset or timedelta()
    clock = ClubClock(SystemClock(), offset)
    return MemberStore(shop.client, "members", shop.club.club_id, shop.club.address_key, clock)


def lapsing(shop: OpenClub) -> list[dict[str, Any]]:
    answer: list[dict[str, Any]] = shop.operate("list_lapsing", club_id=shop.club.club_id, by="Mette")["permissions"]
    return answer


def test_what_lapses_is_listed_until_the_member_keeps_it_on_their_page(moved: OpenClub) -> None:
    """R29."""
    number = moved.number()
    browser = moved.joined(number, sms="yes")
    member_id = member_of(moved, number)
    noted(moved, member_id)
    assert lapsing(moved) == []
    moved.operate("move_clock", club_id=moved.club.club_id, clock_offset_seconds=int(ELEVEN_MONTHS.total_seconds()))
    (told,) = lapsing(moved)
    assert (told["member_id"], told["kind"]) == (member_id, "sms")
    # A shop knows nobody by an id.
    assert (told["first_name"], told["phone"]) == ("Mette", f"+45{number}")
    act, _ = moved.operate("show_audit", club_id=moved.club.club_id, by="Ida")["acts"][-2:]
    assert (act["what"], act["member_ids"]) == ("list_lapsing", [member_id])
    browser = moved.browser()
    browser.get(moved.card)
    browser.send(moved.card, phone=number)
    browser.send(f"{moved.card}/code", code=moved.code())
    seen = browser.get(moved.card)
    assert "Behold" in seen.text
    form = next(form for form in seen.forms if form.fields.get("permission") == "sms")
    assert ("act", "give") in form.buttons
    browser.post(form.action, form.fields | {"act": "give"})
    assert "Behold" not in browser.get(moved.card).text
    assert lapsing(moved) == []
    assert verdicts(moved, member_id, channel="sms", purpose="news", message_class="marketing")[0]["may"]


def test_a_lapsed_permission_is_offered_anew_and_not_used_until_then(moved: OpenClub) -> None:
    """R29."""
    number = moved.number()
    moved.joined(number, sms="yes")
    member_id = member_of(moved, number)
    year = int(timedelta(days=366).total_seconds())
    moved.operate("move_clock", club_id=moved.club.club_id, clock_offset_seconds=year)
    marketing = {"channel": "sms", "purpose": "news", "message_class": "marketing"}
    assert verdicts(moved, member_id, **marketing)[0]["reason"] == "lapsed"
    browser = moved.browser()
    browser.get(moved.card)
    browser.send(moved.card, phone=number)
    browser.send(f"{moved.card}/code", code=moved.code())
    seen = browser.get(moved.card)
    assert "Dit ja gjaldt til" in seen.text
    form = next(form for form in seen.forms if form.fields.get("permission") == "sms")
    browser.post(form.action, form.fields | {"act": "give"})
    assert verdicts(moved, member_id, **marketing)[0]["reason"] == "said_yes"


# -- what the join page asks


def test_a_birth_date_is_asked_for_only_where_the_club_wants_it(shop: OpenClub) -> None:
    """R15."""
    assert "birth_date" not in shop.browser().get(shop.join).forms[0].fields


def test_nobody_under_15_joins_where_it_is_asked(moved: OpenClub) -> None:
    """R14."""
    moved.operate("publish_member_policy", club_id=moved.club.club_id, asks_birth_date=True)
    browser = moved.browser()
    assert "birth_date" in browser.get(moved.join).forms[0].fields
    number = moved.number()
    young = (datetime.now(UTC) - timedelta(days=14 * 365)).date().isoformat()
    seen = browser.send(moved.join, phone=number, terms="yes", birth_date=young)
    assert "fyldt 15 år" in seen.text
    assert moved.messages("code") == []
    grown = moved.joined(number, birth_date="1990-05-03")
    assert grown.seen.status == 200
    member = members(moved).load(member_of(moved, number), consistent=True)
    assert member is not None
    assert str(member.birth_date) == "1990-05-03"


def test_the_use_of_purchases_is_a_box_of_its_own_only_where_the_club_asks(moved: OpenClub) -> None:
    """R12."""
    assert "purchases" in moved.browser().get(moved.join).forms[0].boxes
    number = moved.number()
    moved.joined(number, purchases="yes")
    member_id = member_of(moved, number)
    asked = {"channel": "sms", "purpose": "purchases", "message_class": "marketing"}
    assert permissions(members(moved).consent_records(member_id), email_confirmed=True).keys() == {
        PermissionKind.PURCHASES
    }
    assert verdicts(moved, member_id, **asked)[0]["reason"] == "never_asked"
    weighed = {"purchase_use": "balancing_test", "balancing_test": REASON}
    moved.operate("publish_member_policy", club_id=moved.club.club_id, **weighed)
    assert "purchases" not in moved.browser().get(moved.join).forms[0].boxes
