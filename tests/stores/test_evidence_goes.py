"""Evidence goes on its day by itself: whatever is said makes due whoever says it, and nothing else has to (R10)."""

from __future__ import annotations

from copy import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from stamkunde.members.admission import Change
from stamkunde.members.consents import ConsentMethod, ConsentRecord, Evidence, PermissionKind, new_record_id
from stamkunde.members.model import Acceptance
from stamkunde.members.wordings import club_permission
from stamkunde.retention.service import Outcome
from tests.due_scene import AN_HOUR, JOINED, DueShop, open_due_shop

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

SMS = PermissionKind.SMS
NOTED = datetime(2027, 1, 2, 7, tzinfo=UTC)


@pytest.fixture
def due(dynamodb: DynamoDBClient) -> DueShop:
    return open_due_shop(dynamodb)


def say(due: DueShop, member_id: str, *, yes: bool = False, no: bool = False, address: str | None = None) -> None:
    """Somebody says yes or no to text messages, or shows that an e-mail address is theirs."""
    now, member = due.shop.now(), due.member(member_id)
    assert member is not None
    given = (club_permission(due.shop.club, SMS, "da"),) if yes else ()
    withdrawn = (SMS,) if no else ()
    evidence = Evidence(ConsentMethod.MEMBER_PAGE, now, now, "da")
    record = ConsentRecord(new_record_id(now), evidence, None, given, withdrawn, address_hash=address)
    after = member.confirmed_email(f"{address}@holm.dk", now) if address else member
    due.shop.admission.write(Change(member, after, record), now)


def kept(due: DueShop, member_id: str) -> list[ConsentRecord]:
    """What is kept beside what they accepted the terms by."""
    return [record for record in due.shop.members.consent_records(member_id) if record.terms is None]


def comes_to(due: DueShop, now: datetime) -> None:
    """An hourly run at an instant, and those after it until nothing more is done: a visit does one thing."""
    visited = due.jump(now)
    while visited.outcomes[Outcome.STARTED]:
        now += AN_HOUR
        visited = due.hour(now)


def test_a_number_given_in_a_sale_by_somebody_who_accepts_at_once_goes_three_years_later(due: DueShop) -> None:
    shop = due.shop
    shop.club = replace(shop.club, member_policy=replace(shop.club.member_policy, soft_opt_in=True))
    acceptance = Acceptance(1, ConsentMethod.SIGNED_FORM, JOINED)
    point = shop.point
    joined = shop.membership.join("+4520123456", None, acceptance, point.outlet_id, point.till_id, in_a_sale=True)
    member_id = joined.at_till.member.member_id
    assert [record.soft_opt_in for record in shop.members.consent_records(member_id)] == [(SMS,)]
    comes_to(due, datetime(2029, 3, 2, 7, tzinfo=UTC))
    (record,) = shop.members.consent_records(member_id)
    assert (record.terms is not None, record.soft_opt_in) == (True, ())


def test_a_yes_goes_two_years_after_a_stop_that_came_when_the_owner_was_told_that_it_lapses(due: DueShop) -> None:
    member_id = due.shop.new_member()
    say(due, member_id, yes=True)
    comes_to(due, NOTED)
    due.at(datetime(2027, 1, 10, 12, tzinfo=UTC))
    say(due, member_id, no=True)
    comes_to(due, datetime(2029, 1, 9, 22, tzinfo=UTC))
    assert len(kept(due, member_id)) == 2
    comes_to(due, datetime(2029, 1, 10, 7, tzinfo=UTC))
    assert [record.withdrawn for record in kept(due, member_id)] == [(SMS,)]


def test_a_no_goes_two_years_after_the_next_one(due: DueShop) -> None:
    member_id = due.shop.new_member()
    for day in (2, 12):
        due.at(JOINED.replace(day=day))
        say(due, member_id, no=True)
    comes_to(due, datetime(2028, 3, 11, 22, tzinfo=UTC))
    assert len(kept(due, member_id)) == 2
    comes_to(due, datetime(2028, 3, 12, 7, tzinfo=UTC))
    assert [record.evidence.recorded_at.day for record in kept(due, member_id)] == [12]


def test_the_proof_of_an_address_goes_two_years_after_another_took_its_place(due: DueShop) -> None:
    member_id = due.shop.new_member()
    for day, address in ((2, "one"), (12, "two")):
        due.at(JOINED.replace(day=day))
        say(due, member_id, address=address)
        comes_to(due, JOINED.replace(day=day + 1))
    comes_to(due, datetime(2028, 3, 12, 7, tzinfo=UTC))
    assert [record.address_hash for record in kept(due, member_id)] == ["two"]


def test_a_yes_goes_two_years_after_a_merge_took_it_back(due: DueShop) -> None:
    loser, winner = due.shop.new_member(), due.shop.new_member()
    say(due, winner, yes=True)
    say(due, loser, no=True)
    comes_to(due, NOTED)
    due.at(datetime(2027, 1, 10, 12, tzinfo=UTC))
    due.shop.merging.merge(loser, winner, "Ida")
    comes_to(due, datetime(2029, 1, 10, 7, tzinfo=UTC))
    assert [record.withdrawn for record in kept(due, winner)] == [(SMS,)]
