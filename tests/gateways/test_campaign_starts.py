"""A campaign is begun once, and begun again if what began it has failed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from stamkunde.gateways.campaign_starts import CampaignStarts
from stamkunde.shared.clock import FixedClock

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Machine:
    """Takes each name once, as Step Functions does for 90 days."""

    def __init__(self) -> None:
        self.taken: dict[str, str] = {}

    def start_execution(self, **given: Any) -> dict[str, Any]:
        if given["name"] in self.taken:
            raise ClientError({"Error": {"Code": "ExecutionAlreadyExists"}}, "StartExecution")
        self.taken[given["name"]] = given["input"]
        return {}


def begin(machine: Machine, at: datetime) -> None:
    CampaignStarts(machine, "arn", FixedClock(at)).start("c1", "k1", 2)


def test_who_asks_twice_in_the_same_half_hour_begins_it_once() -> None:
    machine = Machine()
    begin(machine, NOON)
    begin(machine, NOON + timedelta(minutes=29))
    assert [json.loads(each) for each in machine.taken.values()] == [{"club": "c1", "campaign": "k1"}]


def test_what_failed_is_begun_again_in_the_next_half_hour() -> None:
    machine = Machine()
    begin(machine, NOON)
    begin(machine, NOON + timedelta(minutes=30))
    assert len(machine.taken) == 2
