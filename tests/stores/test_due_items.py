"""Members who are due: found without looking at the others, done once whatever dies in between, and never lost."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from stamkunde.clubs.model import TermsVersion
from stamkunde.ledger.model.entries import EntryKind
from stamkunde.members.admission import Change
from stamkunde.members.consents import ConsentMethod, ConsentRecord, Evidence, PermissionKind, new_record_id
from stamkunde.members.erasing import Erasing
from stamkunde.members.model import AskedBy, ErasureRequest, MemberState, TermsChase
from stamkunde.members.store import ServiceLinks
from stamkunde.members.wordings import club_permission
from stamkunde.retention.acts import Acted
from stamkunde.retention.model import StepKind
from stamkunde.retention.service import Outcome
from stamkunde.retention.store import Swept
from stamkunde.shared.clock import compact_instant
from tests.due_scene import AN_HOUR, ERASED, FIRST_REMINDER, JOINED, SECOND_REMINDER, DueShop, open_due_shop
from tests.factories import everything_shown
from tests.letterbox import token_in, waiting
from tests.stores.test_joining import form, join
from tests.stores.test_service_links import CALLER

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

CHASE = (FIRST_REMINDER, SECOND_REMINDER, ERASED)
A_DAY = timedelta(days=1)
ERASE_ON = date(2026, 3, 21)


@pytest.fixture
def due(dynamodb: DynamoDBClient) -> DueShop:
    return open_due_shop(dynamodb)


def test_joining_at_the_till_begins_the_chase_and_makes_somebody_due(due: DueShop) -> None:
    member = due.member(due.open_member())
    assert member is not None
    assert member.chase is not None
    assert member.chase.began_at == JOINED
    (hint,) = due.hints()
    assert hint["sk"] == f"20260307T070000000Z#{member.member_id}"


def test_joining_with_an_acceptance_makes_nobody_due(due: DueShop) -> None:
    member = due.member(due.shop.new_member())
    assert member is not None
    assert member.chase is None
    assert due.hints() == []


def test_accepting_ends_the_chase(due: DueShop) -> None:
    member_id = due.open_member("+4520123456")
    due.hour(FIRST_REMINDER)
    due.shop.join("+4520123456", accepts=True)
    member = due.member(member_id)
    assert member is not None
    assert (member.state, member.chase) == (MemberState.MEMBER, None)
    due.hour(SECOND_REMINDER)
    assert due.hour(ERASED).outcomes == Counter()
    assert due.reminders() == ["terms_week_1"]
    assert due.hints() == []


def test_who_never_accepts_is_reminded_twice_and_taken_away_with_all_they_had(due: DueShop) -> None:
    member_id = due.open_member(buys=100_000)
    for now in CHASE:
        due.hour(now)
    assert due.reminders() == ["terms_week_1_bonus", "terms_week_2_bonus"]
    assert due.member(member_id) is None
    assert due.rows("M#") + due.rows("P#") + due.rows("LINK#") + due.rows("K#") == []
    assert due.hints() + due.cases() == []
    kinds = [entry.kind for entry in every_entry(due)]
    assert kinds == [EntryKind.PURCHASE, EntryKind.FORFEIT]


def every_entry(due: DueShop) -> list[Any]:
    store = due.shop.store
    return [entry for account_id in store.account_ids() for entry in store.every_entry(account_id)]


def test_a_reminder_names_the_day_and_what_is_lost(due: DueShop) -> None:
    member_id = due.open_member(buys=100_000)
    due.hour(FIRST_REMINDER)
    (message,) = waiting(due.shop.client, "terms_week_1_bonus")
    assert "bonus på 30 kr. d. 21. marts." in message["text"]
    member = due.member(member_id)
    assert member is not None
    assert member.chase is not None
    assert member.chase.erase_on == date(2026, 3, 21)


def test_the_link_in_a_reminder_accepts_the_terms(due: DueShop) -> None:
    member_id = due.open_member()
    due.hour(FIRST_REMINDER)
    (message,) = waiting(due.shop.client, "terms_week_1")
    link = ServiceLinks(due.shop.client, "members").find(token_in(message))
    assert link is not None
    due.shop.links.accept(link, everything_shown(due.shop.club), CALLER)
    member = due.member(member_id)
    assert member is not None
    assert (member.state, member.chase) == (MemberState.MEMBER, None)


def test_a_run_twice_in_the_hour_writes_nothing_twice(due: DueShop) -> None:
    due.open_member()
    due.at(FIRST_REMINDER)
    due.run_job()
    due.run_job()
    due.run_machine()
    due.run_job()
    due.run_machine()
    assert due.reminders() == ["terms_week_1"]
    assert len(due.machine.started) == 1


def test_two_cases_about_the_same_do_it_once(due: DueShop) -> None:
    member_id = due.open_member()
    due.at(FIRST_REMINDER)
    due.shop.due.arm(member_id, FIRST_REMINDER - AN_HOUR)
    due.run_job()
    assert len(due.machine.waiting) == 2
    assert due.run_machine() == [Acted.DONE, Acted.NOTHING]
    assert due.reminders() == ["terms_week_1"]


def test_a_step_of_a_case_that_is_closed_does_nothing(due: DueShop) -> None:
    due.open_member()
    due.at(FIRST_REMINDER)
    due.run_job()
    (case_id,) = due.machine.waiting
    due.run_machine()
    assert due.acts.act(case_id) == (Acted.CLOSED, None)
    due.acts.rearm(case_id)
    assert len(due.hints()) == 1


def test_three_missed_days_are_caught_up(due: DueShop) -> None:
    members = []
    for _ in range(3):
        members.append(due.open_member())
        due.shop.wait(A_DAY)
    due.hour(FIRST_REMINDER - A_DAY)
    visited = due.hour(FIRST_REMINDER + timedelta(days=3))
    assert visited.outcomes == {Outcome.STARTED: 3}
    assert due.reminders() == ["terms_week_1"] * 3


def test_a_run_whose_time_is_over_is_finished_by_the_next(due: DueShop) -> None:
    members = [due.open_member() for _ in range(5)]
    due.at(FIRST_REMINDER)
    visited = due.run_job([False] * 18 + [True])
    assert not visited.finished
    while not (visited := due.run_job()).finished:
        raise AssertionError
    due.run_machine()
    assert due.reminders() == ["terms_week_1"] * len(members)


def test_who_is_not_due_any_more_is_looked_at_once_and_never_again(due: DueShop) -> None:
    member_id = due.shop.new_member()
    due.shop.due.arm(member_id, JOINED)
    assert due.hour(JOINED + AN_HOUR).outcomes == {Outcome.DROPPED: 1}
    assert due.hour(JOINED + 2 * AN_HOUR).outcomes == {}


def test_a_stale_hint_leads_to_the_day_that_counts(due: DueShop) -> None:
    member_id = due.open_member()
    due.shop.due.arm(member_id, JOINED + A_DAY)
    assert due.hour(JOINED + A_DAY).outcomes == {Outcome.REARMED: 1}
    (hint,) = due.hints()
    assert hint["sk"].startswith("20260307T070000000Z")


def test_a_hint_that_is_renewed_while_its_case_runs_is_kept(due: DueShop) -> None:
    member_id = due.open_member()
    due.at(FIRST_REMINDER)
    due.run_job()
    due.shop.due.arm(member_id, FIRST_REMINDER)
    due.run_machine()
    assert sorted(hint["sk"][:8] for hint in due.hints()) == ["20260307", "20260314"]


def test_a_member_who_breaks_the_job_is_put_off_and_holds_up_nobody(due: DueShop) -> None:
    broken, other = due.open_member(), due.open_member()
    key: Any = {"pk": {"S": f"M#{due.shop.club.club_id}#{broken}"}, "sk": {"S": "MEMBER"}}
    row: Any = due.shop.client.get_item(TableName="members", Key=key)["Item"]
    due.shop.client.put_item(TableName="members", Item=row | {"joined_at": {"S": "yesterday"}})
    visited = due.hour(FIRST_REMINDER)
    assert visited.outcomes == {Outcome.BROKEN: 1, Outcome.STARTED: 1}
    assert [type(each.error) for each in visited.broken] == [ValueError]
    assert due.reminders() == ["terms_week_1"]
    due.shop.client.put_item(TableName="members", Item=row)
    due.hour(FIRST_REMINDER + AN_HOUR)
    assert due.reminders() == ["terms_week_1"] * 2
    assert other != broken


def test_a_machine_that_cannot_be_started_is_started_in_a_later_hour(due: DueShop) -> None:
    class Away:
        def start(self, *_: Any) -> None:
            raise ConnectionError

    due.open_member()
    due.at(FIRST_REMINDER)
    away: Any = Away()
    visited = replace(due.visits, cases=away).run(lambda: False)
    assert visited.outcomes == {Outcome.BROKEN: 1}
    due.hour(FIRST_REMINDER + AN_HOUR)
    assert due.reminders() == ["terms_week_1"]
    assert list(due.machine.started.values()) == ["terms_reminder"]


def test_a_case_that_never_ended_is_started_again_under_another_name(due: DueShop) -> None:
    due.open_member()
    due.at(FIRST_REMINDER)
    due.run_job()
    due.machine.waiting.clear()
    due.at(FIRST_REMINDER + AN_HOUR / 2)
    assert due.run_job().outcomes == {Outcome.UNDER_WAY: 1}
    due.hour(FIRST_REMINDER + AN_HOUR)
    first, second = due.machine.started
    assert (first.rpartition("-")[0], first[-2:], second[-2:]) == (second.rpartition("-")[0], "-1", "-2")
    assert due.reminders() == ["terms_week_1"]
    assert due.cases() == []


MOMENTS = range(14)
"""More than any hour of the chase has, so that the last ones don't die."""

STAGES = {
    FIRST_REMINDER: TermsChase(JOINED),
    SECOND_REMINDER: TermsChase(JOINED, (FIRST_REMINDER,), ERASE_ON),
    ERASED: TermsChase(JOINED, (FIRST_REMINDER, SECOND_REMINDER), ERASE_ON),
}
LETTERS = {FIRST_REMINDER: ["terms_week_1_bonus"], SECOND_REMINDER: ["terms_week_2_bonus"], ERASED: []}


@pytest.mark.parametrize("dies_in", CHASE, ids=["first reminder", "second reminder", "removal"])
def test_a_crash_between_any_two_writes_loses_nothing_and_doubles_nothing(
    dynamodb: DynamoDBClient, dies_in: datetime
) -> None:
    deaths = [lives_and_dies(open_due_shop(dynamodb), dies_in, moments) for moments in MOMENTS]
    assert deaths[0]
    assert not deaths[-1]


def lives_and_dies(due: DueShop, dies_in: datetime, moments: int) -> bool:
    """An hour in which the process dies, and the two after it in which it doesn't; whether it died."""
    member_id = due.open_member(buys=100_000)
    own = due.shop.club.club_id
    stage(due, member_id, dies_in)
    died = due.dying_after(moments, dies_in)
    due.hour(dies_in + AN_HOUR)
    due.hour(dies_in + 2 * AN_HOUR)
    sent = [row["kind"] for row in waiting(due.shop.client) if f"#{own}#" in row["sk"]]
    assert [kind for kind in sent if kind != "till_join"] == LETTERS[dies_in], moments
    left = [row for row in due.rows("") if f"#{own}" in row["pk"] and row["sk"] != "SWEPT"]
    assert [row for row in left if row["sk"] == "CASE"] == [], moments
    if dies_in is ERASED:
        assert left == [], moments
        (account_id,) = due.shop.store.account_ids()
        account = due.shop.store.load_account(account_id, consistent=True)
        assert account is not None
        assert (account.members, [amount for amount in account.lots.values() if amount]) == ({}, [])
    else:
        following = {CHASE[CHASE.index(dies_in) + 1]}
        hints = {row["sk"].partition("#")[0] for row in left if row["pk"].startswith("DUE#")}
        assert hints == {compact_instant(instant) for instant in following}, moments
    return died


def stage(due: DueShop, member_id: str, now: datetime) -> None:
    """Let somebody have come as far in the chase as they are just before an instant."""
    member = due.member(member_id)
    assert member is not None
    after = replace(member, chase=STAGES[now], revision=member.revision + 1)
    due.shop.access.commit(due.shop.members.change_writes(member, after))
    for row in due.hints():
        if row["sk"].endswith(member_id):
            due.shop.client.delete_item(TableName="members", Key={"pk": {"S": row["pk"]}, "sk": {"S": row["sk"]}})
    due.shop.due.arm(member_id, now)
    due.shop.due.note_swept(Swept(now, terms_version=1, shards_left=()))


def agree(due: DueShop, member_id: str, *kinds: PermissionKind) -> None:
    now = due.shop.now()
    given = tuple(club_permission(due.shop.club, kind, "da") for kind in kinds)
    record = ConsentRecord(new_record_id(now), Evidence(ConsentMethod.MEMBER_PAGE, now, now, "da"), given=given)
    member = due.member(member_id)
    assert member is not None
    due.shop.admission.write(Change(member, member, record), now)


def test_the_owner_is_told_once_of_a_permission_that_lapses_two_months_ahead(due: DueShop) -> None:
    member_id = due.shop.new_member()
    agree(due, member_id, PermissionKind.SMS)
    (hint,) = due.hints()
    assert hint["sk"].startswith("20270101T2300")
    noting = datetime.fromisoformat("2027-01-02T07:00:00+00:00")
    due.jump(noting)
    due.hour(noting + AN_HOUR)
    (note,) = due.rows("LAPSING#")
    assert note["sk"] == f"2027-03-02#{member_id}#sms"
    member = due.member(member_id)
    assert member is not None
    assert member.noted_lapses == (("sms", date(2027, 3, 2)),)
    assert due.hints() == []


def test_a_permission_that_is_renewed_is_noted_anew_a_year_later(due: DueShop) -> None:
    member_id = due.shop.new_member()
    agree(due, member_id, PermissionKind.SMS)
    due.jump(datetime.fromisoformat("2027-01-02T07:00:00+00:00"))
    agree(due, member_id, PermissionKind.SMS)
    (hint,) = due.hints()
    assert hint["sk"].startswith("20271101T2300")
    due.jump(datetime.fromisoformat("2027-11-02T07:00:00+00:00"))
    assert len(due.rows("LAPSING#")) == 2


def test_who_asked_to_be_deleted_is_taken_away_with_all_that_led_to_them(due: DueShop) -> None:
    loser, winner = due.shop.join("+4520111111"), due.shop.join("+4520222222")
    due.shop.merging.merge(loser.at_till.member.member_id, winner.at_till.member.member_id, "Ida")
    member_id = winner.at_till.member.member_id
    agree(due, member_id, PermissionKind.SMS)
    due.shop.buy(member_id, 100_000)
    ask_for_erasure(due, member_id, JOINED + timedelta(days=14))
    due.jump(JOINED + timedelta(days=14) - AN_HOUR)
    assert due.member(member_id) is not None
    due.hour(JOINED + timedelta(days=14))
    due.hour(JOINED + timedelta(days=14) + AN_HOUR)
    assert due.member(member_id) is None
    assert due.rows("M#") + due.rows("P#") + due.rows("LINK#") + due.rows("K#") == []
    due.jump(datetime.fromisoformat("2027-01-02T07:00:00+00:00"))
    assert due.hints() + due.cases() == []


def test_the_photo_of_a_signed_form_goes_with_its_member(due: DueShop) -> None:
    shop = due.shop
    stays, goes = (shop.join(phone).at_till.member.member_id for phone in ("+4520111111", "+4520222222"))
    for member_id in (stays, goes):
        (record,) = shop.members.consent_records(member_id)
        due.photos.keep(f"{member_id}.jpg", b"photo", "image/jpeg")
        shop.access.commit([shop.members.attachment_write(member_id, record, f"{member_id}.jpg")])
    ask_for_erasure(due, goes, JOINED + timedelta(days=14))
    due.jump(JOINED + timedelta(days=15))
    assert due.member(goes) is None
    assert list(due.photos.kept) == [f"{stays}.jpg"]


def test_an_open_member_who_stays_after_all_is_reminded_once_more_before_the_end(due: DueShop) -> None:
    member_id = due.open_member()
    due.jump(FIRST_REMINDER)
    due.jump(SECOND_REMINDER)
    assert len(due.reminders()) == 2
    wishes(due).ask(member_id, AskedBy.MEMBER)
    due.at(ERASED + timedelta(days=1))
    wishes(due).undo(member_id, AskedBy.MEMBER)
    for days in (1, 2, 3, 30):
        due.jump(ERASED + timedelta(days=days, hours=12))
        assert due.member(member_id) is not None
    assert len(due.reminders()) == 3
    due.jump(ERASED + timedelta(days=31, hours=2))
    assert due.member(member_id) is None


def wishes(due: DueShop) -> Erasing:
    return Erasing(due.shop.club, due.shop.admission, due.shop.due, due.shop.clock, due.shop.patience)


def test_a_number_that_leads_to_somebody_twice_is_taken_away_once(due: DueShop) -> None:
    shop = due.shop
    loser, winner = (shop.join(phone).at_till.member.member_id for phone in ("+4520111111", "+4520222222"))
    shop.merging.merge(loser, winner, "Ida")
    newcomer = join(shop, form(phone="+4520111111")).member.member_id
    assert newcomer not in {loser, winner}
    shop.merging.merge(newcomer, winner, "Ida")
    ask_for_erasure(due, winner, JOINED + timedelta(days=14))
    due.jump(JOINED + timedelta(days=15))
    assert due.rows("M#") + due.rows("P#") + due.rows("LINK#") + due.rows("K#") == []


def ask_for_erasure(due: DueShop, member_id: str, erase_at: datetime) -> None:
    member = due.member(member_id)
    assert member is not None
    wish = ErasureRequest(AskedBy.MEMBER, due.shop.now(), erase_at)
    after = replace(member, erasure=wish, revision=member.revision + 1)
    writes = [*due.shop.members.change_writes(member, after), due.shop.due.due_write(member_id, erase_at)]
    due.shop.access.commit(writes)


def test_somebody_with_more_than_one_transaction_holds_is_gone_an_hour_after_a_crash(
    due: DueShop,
) -> None:
    member_id = due.shop.new_member()
    for number in range(110):
        due.shop.wait(timedelta(seconds=number))
        agree(due, member_id, PermissionKind.SMS)
    member = due.member(member_id)
    assert member is not None
    due.shop.removal.try_to_remove(member, due.shop.now())
    assert len(due.rows("M#")) > 10
    due.hour(due.shop.now() + AN_HOUR)
    assert due.rows("M#") == []
    assert "remove_rest" in due.machine.started.values()


def test_what_the_owner_was_told_of_goes_with_the_member(due: DueShop) -> None:
    member_id = due.shop.new_member()
    agree(due, member_id, PermissionKind.SMS)
    due.jump(datetime.fromisoformat("2027-01-02T07:00:00+00:00"))
    assert len(due.rows("LAPSING#")) == 1
    member = due.member(member_id)
    assert member is not None
    due.shop.removal.try_to_remove(member, due.shop.now())
    assert due.rows("LAPSING#") == []


def test_everybody_is_made_due_for_new_terms_once(due: DueShop) -> None:
    members = {due.shop.new_member() for _ in range(3)}
    due.shop.club = publish(due, 2)
    assert due.hour(JOINED + AN_HOUR).armed == 3
    assert {hint["sk"].partition("#")[2] for hint in due.hints()} == members
    assert due.hour(JOINED + 2 * AN_HOUR).armed == 0


def test_new_terms_are_told_to_every_member_once(due: DueShop) -> None:
    member_id = due.shop.new_member()
    due.shop.club = publish(due, 2)
    for hours in range(1, 5):
        due.hour(JOINED + hours * AN_HOUR)
    assert len(waiting(due.shop.client, "terms_changed")) == 1
    member = due.member(member_id)
    assert member is not None
    assert (member.told_terms, member.terms_version) == (2, 1)


def publish(due: DueShop, version: int) -> Any:
    terms = TermsVersion(version, "da", f"Betingelser {version}", JOINED, bonus_expiry_months=1)
    return replace(due.shop.club, terms=(*due.shop.club.terms, terms))


def test_a_walk_through_all_members_goes_on_where_the_time_was_over(due: DueShop) -> None:
    members = [due.shop.new_member() for _ in range(4)]
    due.shop.club = publish(due, 2)
    visited = due.run_job([False] * 2 * 16 + [False] * 30 + [True] * 1000)
    assert visited.finished
    armed = visited.armed
    while armed < len(members):
        armed += due.run_job().armed
    assert armed == len(members)


def test_a_member_of_before_the_chase_is_reminded_before_anything_else(due: DueShop) -> None:
    member_id = due.open_member()
    member = due.member(member_id)
    assert member is not None
    old = replace(member, chase=None, revision=member.revision + 1)
    due.shop.access.commit(due.shop.members.change_writes(member, old))
    back = JOINED + timedelta(days=400, hours=-4)
    due.shop.due.arm(member_id, back)
    due.jump(back)
    assert due.reminders() == ["terms_week_1"]
    assert due.member(member_id) is not None


def test_the_kinds_of_steps_keep_their_names_for_rows_carry_them() -> None:
    assert [kind.value for kind in StepKind] == [
        "remove_rest",
        "remove_asked",
        "remove_open",
        "terms_reminder",
        "tell_terms",
        "note_lapsing",
    ]
