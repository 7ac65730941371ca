"""Members who are due: found without looking at the others, done once whatever dies in between, and never lost."""

from __future__ import annotations

from copy import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from stamkunde.erasure.model import StepName
from stamkunde.ledger.model.entries import EntryKind
from stamkunde.members.access_store import ServiceLinks
from stamkunde.members.admission import Change
from stamkunde.members.consents import ConsentMethod, ConsentRecord, Evidence, PermissionKind, new_record_id
from stamkunde.members.erasing import Erasing
from stamkunde.members.model import AskedBy, ErasureRequest, MemberState
from stamkunde.members.signed_forms import photos_of
from stamkunde.members.wordings import club_permission
from stamkunde.retention.acts import Acted
from stamkunde.retention.model import StepKind
from stamkunde.retention.service import Outcome
from tests.due_scene import AN_HOUR, ERASED, FIRST_REMINDER, JOINED, SECOND_REMINDER, DueShop, open_due_shop
from tests.erasing_shop import erase
from tests.factories import everything_shown
from tests.ledger_checks import every_row
from tests.letterbox import token_in
from tests.stores.test_joining import form, join
from tests.stores.test_service_links import CALLER

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

CHASE = (FIRST_REMINDER, SECOND_REMINDER, ERASED)
A_DAY = timedelta(days=1)


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


def test_who_joins_with_an_acceptance_is_not_chased_but_looked_at_within_a_quarter(due: DueShop) -> None:
    member = due.member(due.shop.new_member())
    assert member is not None
    assert member.chase is None
    assert due.are_only_looked_at_again(member.member_id)


def test_accepting_ends_the_chase(due: DueShop) -> None:
    member_id = due.open_member("+4520123456")
    due.hour(FIRST_REMINDER)
    due.shop.join("+4520123456", accepts=True)
    member = due.member(member_id)
    assert member is not None
    assert (member.state, member.chase) == (MemberState.MEMBER, None)
    due.hour(SECOND_REMINDER)
    assert due.are_only_looked_at_again(member_id)
    assert due.hour(ERASED).outcomes[Outcome.STARTED] == 0
    assert due.reminders() == ["terms_week_1"]


def test_who_never_accepts_is_reminded_twice_and_taken_away_with_all_they_had(due: DueShop) -> None:
    member_id = due.open_member(buys=100_000)
    for now in CHASE:
        due.hour(now)
    assert due.reminders() == ["terms_week_1_bonus", "terms_week_2_bonus"]
    assert due.member(member_id) is None
    assert due.rows("M#") + due.rows("P#") + due.rows("LINK#") + due.rows("K#") == []
    assert due.hints() + due.cases() == []
    assert list(due.shop.store.account_ids()) == []
    kept = [row for row in every_row(due.shop.client)["ledger"] if row["sk"].startswith("ENTRY#")]
    assert {row["pk"].partition("#")[0] for row in kept} == {"GONE"}
    assert sorted(row["kind"] for row in kept) == [EntryKind.FORFEIT, EntryKind.PURCHASE]


def test_a_reminder_names_the_day_and_what_is_lost(due: DueShop) -> None:
    member_id = due.open_member(buys=100_000)
    due.hour(FIRST_REMINDER)
    (message,) = due.letters("terms_week_1_bonus")
    assert "bonus på 30 kr. d. 21. marts." in message["text"]
    member = due.member(member_id)
    assert member is not None
    assert member.chase is not None
    assert member.chase.latest is not None
    assert member.chase.latest.names == date(2026, 3, 21)


def test_the_link_in_a_reminder_accepts_the_terms(due: DueShop) -> None:
    member_id = due.open_member()
    due.hour(FIRST_REMINDER)
    (message,) = due.letters("terms_week_1")
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
    due.run_job()
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


def test_a_hint_of_nobody_is_looked_at_once_and_never_again(due: DueShop) -> None:
    due.shop.due.arm("m1", JOINED)
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


def agree(due: DueShop, member_id: str, kind: PermissionKind = PermissionKind.SMS) -> None:
    now = due.shop.now()
    given = (club_permission(due.shop.club, kind, "da"),)
    record = ConsentRecord(new_record_id(now), Evidence(ConsentMethod.MEMBER_PAGE, now, now, "da"), given=given)
    member = due.member(member_id)
    assert member is not None
    due.shop.admission.write(Change(member, member, record), now)


def test_where_the_next_run_begins_never_goes_back(due: DueShop) -> None:
    agree(due, due.shop.new_member())
    since = datetime(2027, 1, 2, 0, 30, tzinfo=UTC)
    for hint in due.free_hints():
        due.shop.due.put_off(hint, since - timedelta(hours=2))
    due.has_come_to(since, terms_version=1)
    swept = due.shop.due.swept()
    assert swept is not None
    # What has stood since the day before is found by the look back, from a little before where the run begins.
    due.at(since + timedelta(minutes=10))
    assert due.run_job().outcomes == {Outcome.STARTED: 1}
    assert due.shop.due.swept() == swept
    # The next run may be on a machine whose clock is behind.
    due.at(since - timedelta(minutes=10))
    due.run_job()
    assert due.shop.due.swept() == swept
    due.hour(since + AN_HOUR)
    assert len(due.rows("LAPSING#")) == 1
    due.hour(since + 2 * AN_HOUR)
    assert due.shop.due.swept() == replace(swept, until=since + 2 * AN_HOUR)


def test_the_owner_is_told_once_of_a_permission_that_lapses_two_months_ahead(due: DueShop) -> None:
    member_id = due.shop.new_member()
    agree(due, member_id)
    noting = datetime.fromisoformat("2027-01-02T07:00:00+00:00")
    due.jump(noting)
    due.hour(noting + AN_HOUR)
    (note,) = due.rows("LAPSING#")
    assert note["sk"] == f"2027-03-02#{member_id}#sms"
    member = due.member(member_id)
    assert member is not None
    assert member.noted_lapses == (("sms", date(2027, 3, 2)),)
    # Next they are looked at when it lapses, for it may have been used meanwhile.
    (hint,) = due.hints()
    assert hint["sk"].startswith("20270301T2300")
    due.jump(datetime(2027, 3, 1, 23, tzinfo=UTC))
    assert due.are_only_looked_at_again(member_id)
    assert len(due.rows("LAPSING#")) == 1


def test_a_permission_that_is_renewed_is_noted_anew_a_year_later(due: DueShop) -> None:
    member_id = due.shop.new_member()
    agree(due, member_id)
    due.jump(datetime.fromisoformat("2027-01-02T07:00:00+00:00"))
    agree(due, member_id)
    due.shop.buy(member_id)
    due.jump(datetime.fromisoformat("2027-11-02T07:00:00+00:00"))
    assert len(due.rows("LAPSING#")) == 2


def test_evidence_goes_two_years_after_what_it_proves_has_ended(due: DueShop) -> None:
    shop = due.shop
    loser, member_id = shop.new_member(), shop.new_member()
    for each in (loser, member_id):
        agree(due, each)
    shop.merging.merge(loser, member_id, "Ida")
    for year in (2027, 2028, 2029):
        due.jump(datetime(year, 1, 2, 7, tzinfo=UTC))
        due.shop.buy(member_id)
        due.jump(datetime(year, 3, 1, 22, tzinfo=UTC))
    assert [len(shop.members.consent_records(each)) for each in (loser, member_id)] == [2, 2]
    due.jump(datetime(2029, 3, 2, 7, tzinfo=UTC))
    for each in (loser, member_id):
        (record,) = shop.members.consent_records(each)
        assert record.terms is not None
    assert due.are_only_looked_at_again(member_id)
    assert due.cases() == []


def test_who_asked_to_be_deleted_is_taken_away_with_all_that_led_to_them(due: DueShop) -> None:
    loser, winner = due.shop.join("+4520111111"), due.shop.join("+4520222222")
    due.shop.merging.merge(loser.at_till.member.member_id, winner.at_till.member.member_id, "Ida")
    member_id = winner.at_till.member.member_id
    agree(due, member_id)
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


def photographed(due: DueShop, member_id: str, *endings: str) -> None:
    """Photos of somebody's form, of which a record tells of none: what wrote the record died."""
    for ending in endings:
        due.photos.keep(f"{photos_of(due.shop.club.club_id, member_id)}form.{ending}", b"photo", "image/jpeg")


def test_every_photo_of_a_signed_form_goes_with_its_member_whatever_a_record_tells(due: DueShop) -> None:
    phones = ("+4520111111", "+4520222222", "+4520333333")
    stays, goes, was = (due.shop.join(phone).at_till.member.member_id for phone in phones)
    for member_id in (stays, goes, was):
        photographed(due, member_id, "jpg", "png", "pdf")
    due.shop.merging.merge(was, goes, "Ida")
    ask_for_erasure(due, goes, JOINED + timedelta(days=14))
    due.jump(JOINED + timedelta(days=15))
    assert due.member(goes) is None
    assert all(name.startswith(photos_of(due.shop.club.club_id, stays)) for name in due.photos.kept)
    assert len(due.photos.kept) == 3


def test_a_photo_that_comes_while_its_member_is_erased_goes_with_them(due: DueShop) -> None:
    member_id = due.shop.new_member()
    ask_for_erasure(due, member_id, JOINED + timedelta(days=14))
    due.at(JOINED + timedelta(days=14))
    assert due.run_job().outcomes[Outcome.STARTED] == 1
    (case_id,) = due.machine.waiting
    for step in StepName:
        if step is StepName.PERSON:
            photographed(due, member_id, "jpg")
        due.erasure.do(step, case_id)
    assert due.photos.kept == {}
    assert due.hints() + due.cases() == []


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


def test_what_is_left_of_somebody_whose_own_row_is_gone_goes_too(due: DueShop) -> None:
    """However much it is: nothing of it need be done together."""
    member_id = due.shop.new_member()
    for number in range(110):
        due.shop.wait(timedelta(seconds=number))
        agree(due, member_id)
    key: Any = {"pk": {"S": f"M#{due.shop.club.club_id}#{member_id}"}, "sk": {"S": "MEMBER"}}
    due.shop.client.delete_item(TableName="members", Key=key)
    due.shop.due.arm(member_id, due.shop.now())
    photographed(due, member_id, "jpg")
    due.hour(due.shop.now() + AN_HOUR)
    assert due.rows("M#") == []
    assert due.photos.kept == {}
    assert "remove_rest" in due.machine.started.values()


def test_what_the_owner_was_told_of_goes_with_the_member(due: DueShop) -> None:
    member_id = due.shop.new_member()
    agree(due, member_id)
    due.jump(datetime.fromisoformat("2027-01-02T07:00:00+00:00"))
    assert len(due.rows("LAPSING#")) == 1
    erase(due.shop, member_id)
    assert due.rows("LAPSING#") == []


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
        "remove_lapsed",
        "remove_inactive",
        "terms_reminder",
        "rung",
        "tell_terms",
        "note_lapsing",
        "forget_evidence",
        "expire",
        "note_birthday",
    ]


def test_two_hints_that_lead_to_the_same_member_begin_one_case(due: DueShop) -> None:
    member_id = due.open_member()
    due.shop.due.arm(member_id, FIRST_REMINDER - AN_HOUR)
    visited = due.hour(FIRST_REMINDER)
    assert visited.outcomes == {Outcome.STARTED: 1, Outcome.REARMED: 1}
    assert due.hour(FIRST_REMINDER + AN_HOUR).outcomes[Outcome.STARTED] == 0
    assert due.reminders() == ["terms_week_1"]
