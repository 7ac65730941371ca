"""What members are told by the clock, and what follows when it never reached them."""

from __future__ import annotations

from collections import Counter
from copy import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from stamkunde.clubs.model import Club, TermsVersion
from stamkunde.ledger.store import ACCOUNT_SHARDS
from stamkunde.members.admission import Change
from stamkunde.members.consents import ConsentMethod, ConsentRecord, Evidence, PermissionKind, new_record_id
from stamkunde.members.model import Acceptance, Member
from stamkunde.messaging.model import DeliveryState
from stamkunde.retention.everybody import WAVE, wave_of
from stamkunde.retention.model import KNOWN_AFTER, MOST_TELLINGS
from stamkunde.retention.service import Outcome
from stamkunde.retention.store import DUE_SHARDS
from stamkunde.shared.terms import NOT_ACCEPTED, Arrival
from tests.due_scene import AN_HOUR, ERASED, FIRST_REMINDER, JOINED, SECOND_REMINDER, DueShop, open_due_shop
from tests.stores.test_joining import form, join, newsletter

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

A_DAY = timedelta(days=1)
NOT_SENT = (DeliveryState.FAILED, DeliveryState.EXPIRED, None)
LAPSED = datetime(2027, 3, 2, 7, tzinfo=UTC)


@pytest.fixture
def due(dynamodb: DynamoDBClient) -> DueShop:
    return open_due_shop(dynamodb)


def publish(due: DueShop, version: int) -> Club:
    terms = TermsVersion(version, "da", f"Betingelser {version}", JOINED, bonus_expiry_months=1)
    return replace(due.shop.club, terms=(*due.shop.club.terms, terms))


@pytest.mark.parametrize("outcome", NOT_SENT, ids=str)
def test_nobody_is_erased_whose_last_reminder_was_never_sent(due: DueShop, outcome: DeliveryState | None) -> None:
    member_id = due.open_member()
    due.jump(FIRST_REMINDER)
    due.jump(SECOND_REMINDER, outcome)
    due.jump(ERASED + A_DAY / 2)
    member = due.member(member_id)
    assert member is not None
    assert member.chase is not None
    assert [each.arrival for each in member.chase.reminders] == [Arrival.SENT, Arrival.NOT_SENT, None]
    assert [each.names.isoformat() for each in member.chase.reminders] == ["2026-03-21", "2026-03-21", "2026-04-20"]
    assert due.reminders()[-2:] == ["terms_week_2", "terms_week_2"]
    due.jump(datetime(2026, 4, 19, 12, tzinfo=UTC))
    assert due.member(member_id) is not None
    due.jump(datetime(2026, 4, 20, 12, tzinfo=UTC))
    assert due.member(member_id) is None


def test_a_last_reminder_whose_answer_was_lost_is_followed_by_another_with_a_day_of_its_own(due: DueShop) -> None:
    member_id = due.open_member()
    due.jump(FIRST_REMINDER)
    due.jump(SECOND_REMINDER, DeliveryState.UNKNOWN)
    due.jump(ERASED + A_DAY / 2)
    assert due.member(member_id) is not None
    texts = [row["text"] for row in due.letters("terms_week_2")]
    assert ["21. marts" in texts[0], "20. april" in texts[1]] == [True, True]


def test_a_first_reminder_that_was_never_sent_is_the_first_again_a_week_later(due: DueShop) -> None:
    due.open_member()
    due.jump(FIRST_REMINDER, DeliveryState.FAILED)
    due.jump(SECOND_REMINDER)
    assert due.reminders() == ["terms_week_1", "terms_week_1"]


def test_somebody_whom_nothing_reaches_is_forgotten_on_the_day_that_the_last_reminder_names(due: DueShop) -> None:
    member_id = due.open_member()
    for now in (FIRST_REMINDER, SECOND_REMINDER):
        due.jump(now, DeliveryState.FAILED)
    for day in (date(2026, 4, 6), date(2026, 4, 29), date(2026, 5, 22)):
        due.jump(datetime(day.year, day.month, day.day, 12, tzinfo=UTC), DeliveryState.FAILED)
    assert len(due.reminders()) == 4
    assert due.member(member_id) is not None
    due.jump(datetime(2026, 5, 29, 12, tzinfo=UTC))
    assert due.member(member_id) is None


def test_somebody_who_was_brought_along_is_told_of_the_new_club_system_first(due: DueShop) -> None:
    shop = due.shop
    person = Member("m1", "a1", "+4520112233", "Mette", NOT_ACCEPTED, JOINED, "da")
    shop.admission.write(Change(None, person, is_told=False), JOINED)
    due.jump(FIRST_REMINDER)
    due.jump(SECOND_REMINDER)
    assert [letter["kind"] for letter in due.letters()] == ["import_terms", "terms_week_2"]
    assert due.letters()[0]["text"].startswith("Bager Holm har skiftet klubsystem.")


def test_everybody_is_made_due_for_new_terms_once(due: DueShop) -> None:
    members = {due.shop.new_member() for _ in range(3)}
    due.shop.club = publish(due, 2)
    assert due.hour(JOINED + AN_HOUR).armed == 3
    assert {hint["sk"].partition("#")[2] for hint in due.hints()} == members
    assert due.hour(JOINED + 2 * AN_HOUR).armed == 0


def test_nobody_is_made_due_for_new_terms_before_everybody_knows_them(due: DueShop) -> None:
    due.shop.new_member()
    due.shop.club = publish(due, 2)
    assert due.hour(JOINED + timedelta(minutes=1)).armed == 0
    assert due.hour(JOINED + timedelta(minutes=2)).armed == 1


def test_new_terms_are_told_to_every_member_once(due: DueShop) -> None:
    member_id = due.shop.new_member()
    due.shop.club = publish(due, 2)
    for hours in range(1, 5):
        due.hour(JOINED + hours * AN_HOUR)
    due.jump(JOINED + 3 * A_DAY)
    assert due.are_only_looked_at_again(member_id)
    assert len(due.letters("terms_changed")) == 1
    member = due.member(member_id)
    assert member is not None
    assert member.told_terms is not None
    assert (member.told_terms.version, member.terms_version) == (2, 1)


def test_whoever_accepts_older_terms_than_the_newest_is_told_of_those(due: DueShop) -> None:
    due.shop.club = publish(due, 2)
    due.has_come_to(JOINED, terms_version=2)
    member_id = due.shop.new_member()
    (hint,) = due.hints()
    assert hint["sk"].endswith(member_id)
    due.hour(JOINED + AN_HOUR)
    assert len(due.letters("terms_changed")) == 1


def test_whoever_accepts_older_terms_after_a_while_is_told_of_the_newest(due: DueShop) -> None:
    phone = "+4520123456"
    due.open_member(phone)
    due.shop.club = publish(due, 2)
    due.shop.membership.join(phone, None, Acceptance(1, ConsentMethod.SIGNED_FORM, JOINED), "banegaarden", "kasse-1")
    due.has_come_to(JOINED, terms_version=2)
    due.hour(JOINED + AN_HOUR)
    assert len(due.letters("terms_changed")) == 1


def test_whoever_accepts_the_newest_terms_is_told_of_none(due: DueShop) -> None:
    assert due.are_only_looked_at_again(due.shop.new_member())


@pytest.mark.parametrize("outcome", NOT_SENT, ids=str)
def test_new_terms_that_nobody_was_told_of_are_told_again(due: DueShop, outcome: DeliveryState | None) -> None:
    member_id = told_of_the_second(due, outcome)
    due.jump(JOINED + AN_HOUR + KNOWN_AFTER)
    due.jump(JOINED + AN_HOUR + 3 * KNOWN_AFTER)
    assert len(due.letters("terms_changed")) == 2
    assert due.are_only_looked_at_again(member_id)


def test_new_terms_whose_answer_was_lost_are_told_once(due: DueShop) -> None:
    told_of_the_second(due, DeliveryState.UNKNOWN)
    assert due.jump(JOINED + AN_HOUR + KNOWN_AFTER).outcomes.keys() == {Outcome.REARMED}
    assert len(due.letters("terms_changed")) == 1


def test_nobody_is_told_of_new_terms_for_ever(due: DueShop) -> None:
    member_id = told_of_the_second(due, DeliveryState.FAILED)
    for times in (1, 3, 6, 10):
        due.jump(JOINED + AN_HOUR + times * KNOWN_AFTER, DeliveryState.FAILED)
    assert len(due.letters("terms_changed")) == MOST_TELLINGS
    assert due.are_only_looked_at_again(member_id)


def told_of_the_second(due: DueShop, outcome: DeliveryState | None) -> str:
    """A member of the first terms is written to about the second ones."""
    due.shop.club = publish(due, 2)
    due.has_come_to(JOINED, terms_version=2)
    member_id = due.shop.new_member()
    due.hour(JOINED + AN_HOUR, outcome)
    return member_id


def test_a_walk_through_all_members_goes_on_where_the_time_was_over(due: DueShop) -> None:
    members = [due.shop.new_member() for _ in range(4)]
    due.shop.club = publish(due, 2)
    due.at(JOINED + AN_HOUR)
    visited = due.run_job([False] * 16 + [False] * 30 + [True])
    swept = due.shop.due.swept()
    assert swept is not None
    assert (visited.finished, len(swept.shards_left)) == (False, ACCOUNT_SHARDS - 30)
    rest = due.run_job()
    assert rest.finished
    assert visited.armed + rest.armed == len(members)


def test_members_of_a_club_that_is_older_than_the_job_are_looked_at_once(dynamodb: DynamoDBClient) -> None:
    due = open_due_shop(dynamodb)
    reader = join(due.shop, newsletter()).member.member_id
    member = due.shop.new_member()
    for row in [*due.hints(), *due.rows(f"DUE#{due.shop.club.club_id}")]:
        due.shop.client.delete_item(TableName="members", Key={"pk": {"S": row["pk"]}, "sk": {"S": row["sk"]}})
    due.shop.club = replace(due.shop.club, created_at=JOINED - 40 * A_DAY)
    assert due.hour(JOINED + AN_HOUR).armed == 2
    assert {hint["sk"].partition("#")[2] for hint in due.hints()} == {reader, member}
    assert due.hour(JOINED + 2 * AN_HOUR).armed == 0


def test_the_members_of_a_small_club_are_made_due_at_once_and_those_of_a_large_one_in_waves() -> None:
    assert {wave_of(part, members=3) for part in range(ACCOUNT_SHARDS)} == {timedelta()}
    a_part = 50_000 // ACCOUNT_SHARDS
    waits = [wave_of(part, a_part) for part in range(ACCOUNT_SHARDS)]
    on_a_day = Counter(wait.days for wait in waits)
    assert max(on_a_day.values()) * a_part <= DUE_SHARDS * 1_000
    assert max(Counter(waits).values()) * a_part <= 2 * WAVE
    assert max(waits) < timedelta(days=6)


def test_who_only_takes_the_news_goes_with_the_permission(due: DueShop) -> None:
    reader = join(due.shop, newsletter()).member.member_id
    due.jump(datetime(2027, 1, 2, 7, tzinfo=UTC))
    assert len(due.rows("LAPSING#")) == 1
    due.jump(LAPSED - A_DAY)
    assert due.member(reader) is not None
    due.jump(LAPSED)
    assert due.member(reader) is None
    assert due.rows("M#") + due.rows("P#") + due.rows("LAPSING#") + due.rows("NEWSLETTER#") == []
    assert due.hints() + due.cases() == []


def test_a_reader_who_never_confirms_an_address_is_forgotten_after_a_fortnight_and_never_noted(due: DueShop) -> None:
    wish = form(accepts_terms=False, permissions=frozenset({PermissionKind.EMAIL}), email="ida@example.dk")
    reader = join(due.shop, wish).member.member_id
    due.jump(JOINED + 13 * A_DAY)
    assert due.member(reader) is not None
    due.jump(JOINED + 14 * A_DAY)
    assert due.member(reader) is None
    assert due.rows("LAPSING#") == []


def test_a_reader_who_says_stop_is_forgotten_after_a_fortnight(due: DueShop) -> None:
    reader = join(due.shop, newsletter()).member
    later = JOINED + A_DAY
    evidence = Evidence(ConsentMethod.MEMBER_PAGE, later, later, "da")
    stop = ConsentRecord(new_record_id(later), evidence, withdrawn=(PermissionKind.SMS,))
    due.shop.admission.write(Change(reader, reader, stop), later)
    due.jump(later + 13 * A_DAY)
    assert due.member(reader.member_id) is not None
    due.jump(later + 14 * A_DAY)
    assert due.member(reader.member_id) is None


def test_an_address_that_is_confirmed_late_is_noted_before_its_permission_lapses(due: DueShop) -> None:
    wish = form(permissions=frozenset({PermissionKind.EMAIL}), email="ida@example.dk")
    member = join(due.shop, wish).member
    noting = datetime(2027, 1, 2, 7, tzinfo=UTC)
    due.jump(noting)
    assert due.rows("LAPSING#") == []
    proved = member.confirmed_email("ida@example.dk", noting)
    due.shop.admission.write(Change(member, proved), noting)
    due.hour(noting + AN_HOUR)
    (note,) = due.rows("LAPSING#")
    assert note["sk"].endswith("#email")
