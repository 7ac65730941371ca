"""What staff did is on record with everybody whom it was about, however many they are."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from stamkunde.audit.model import concerning, new_act
from stamkunde.audit.store import AuditStore
from tests.factories import NOON

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


def test_a_list_of_a_whole_large_club_is_on_record_with_everybody_in_it(dynamodb: DynamoDBClient) -> None:
    store = AuditStore(dynamodb, "members", "claegehus1", "Europe/Copenhagen")
    everybody = [f"m{number:016}" for number in range(30_000)]
    act = new_act(NOON, "Mette", "list_for_breach", everybody)
    for _ in range(2):
        store.note(act)
    kept = store.of_day(NOON.date(), NOON)
    assert [member_id for each in kept for member_id in each.member_ids] == everybody
    assert {(each.at, each.by, each.what) for each in kept} == {(NOON, "Mette", "list_for_breach")}
    assert len(list(concerning(kept, frozenset(everybody[-1:])))) == 1


def test_a_days_acts_are_those_between_its_midnights_in_the_clubs_zone(dynamodb: DynamoDBClient) -> None:
    store = AuditStore(dynamodb, "members", "claegehus1", "Europe/Copenhagen")
    last_of_march = datetime(2027, 3, 31, tzinfo=ZoneInfo("Europe/Copenhagen"))
    for hours in (-0.5, 0, 23.5, 24):
        store.note(new_act(last_of_march + timedelta(hours=hours), "Mette", "look_up", [f"at {hours}"]))
    kept = {
        day: [act.member_ids for act in store.of_day(date(2027, *day), NOON)] for day in ((3, 30), (3, 31), (4, 1))
    }
    assert kept == {(3, 30): [("at -0.5",)], (3, 31): [("at 0",), ("at 23.5",)], (4, 1): [("at 24",)]}
