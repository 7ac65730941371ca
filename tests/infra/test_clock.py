"""Moving a club's clock: what gave up on the way is no more done than what still runs."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from infra.local.clock import GAVE_UP, MovedClub
from infra.local.home import LocalRunError

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@dataclass
class Executions:
    """What Step Functions lists: an execution a row, with the club that it is about."""

    rows: list[dict[str, Any]] = field(default_factory=list)

    def add(self, name: str, status: str, club: str, at: datetime = NOW) -> None:
        self.rows.append({"name": name, "executionArn": name, "status": status, "club": club, "startDate": at})

    def get_paginator(self, _operation: str) -> Executions:
        return self

    def paginate(self, *, stateMachineArn: str, statusFilter: str) -> list[dict[str, Any]]:  # noqa: N803 - AWS's names
        assert stateMachineArn == "machine"
        return [{"executions": [row for row in self.rows if row["status"] == statusFilter]}]

    def describe_execution(self, *, executionArn: str) -> dict[str, str]:  # noqa: N803 - AWS's name
        (row,) = (row for row in self.rows if row["name"] == executionArn)
        return {"input": json.dumps({"club": row["club"], "case": "k1", "step": "terms_reminder"})}


def look(executions: Executions) -> None:
    moved = MovedClub.__new__(MovedClub)
    moved._states = executions
    moved._club_id = "c1"
    moved._stack = SimpleNamespace(state_machines={"member_due": "machine"})  # type: ignore[assignment]
    moved._see_that_none_failed(NOW, NOW)


@pytest.mark.parametrize("status", GAVE_UP)
def test_a_case_that_gave_up_ends_the_journey_and_is_named(status: str) -> None:
    executions = Executions()
    executions.add("k1-1", status, "c1")
    with pytest.raises(LocalRunError, match=r"1 cases of c1 failed \(k1-1\)"):
        look(executions)


def test_what_failed_in_another_club_or_earlier_is_none_of_this_journeys_business() -> None:
    executions = Executions()
    executions.add("k1-1", "FAILED", "c2")
    executions.add("k2-1", "FAILED", "c1", NOW - timedelta(hours=1))
    executions.add("k3-1", "SUCCEEDED", "c1")
    look(executions)
