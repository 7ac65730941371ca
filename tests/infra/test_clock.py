"""Moving a club's clock: where it stops, and that what gave up on the way is no more done than what still runs."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from infra.clock_commands import _words
from infra.local.clock import A_DAY, GAVE_UP, ONE_SECOND, MovedClub, Stop, read_distance
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


@dataclass
class Journey:
    """A club with a clock, in which members and campaigns are due; each is done once the jobs have run."""

    members: list[datetime] = field(default_factory=list)
    campaigns: list[datetime] = field(default_factory=list)
    swept: list[datetime] = field(default_factory=list)
    ran: list[str] = field(default_factory=list)
    time: datetime = NOW
    to_send: int = 0

    def club(self, monkeypatch: pytest.MonkeyPatch) -> MovedClub:
        moved = MovedClub.__new__(MovedClub)
        moved._club_id = "c1"
        moved._operator = SimpleNamespace(do=self._move)  # type: ignore[assignment]
        moved._campaigns = self  # type: ignore[assignment]
        for name, instead in {
            "now": lambda: self.time,
            "_club": lambda: SimpleNamespace(clock_offset=self.time - NOW),
            "_next_hint": lambda target: min((each for each in self.members if each <= target), default=None),
            "_jump_to": self.swept.append,
            "_run": self._run,
            "_cases_are_done": lambda: True,
            "_see_that_none_failed": lambda *_: None,
            "_outbox_is_empty": lambda: True,
        }.items():
            monkeypatch.setattr(moved, name, instead)
        monkeypatch.setattr("infra.local.clock.SystemClock", lambda: SimpleNamespace(now=lambda: NOW))
        monkeypatch.setattr("infra.local.clock.time.sleep", lambda _: None)
        return moved

    def next_at(self, now: datetime) -> datetime | None:
        return min((max(each, now) for each in self.campaigns), default=None)

    def is_settled(self, now: datetime) -> bool:
        return not self.to_send and all(each > now for each in self.campaigns)

    def progress(self) -> int:
        return self.to_send

    def _move(self, _task: str, club_id: str, clock_offset_seconds: int) -> None:
        assert club_id == "c1"
        self.time = NOW + timedelta(seconds=clock_offset_seconds)

    def _run(self, job: str) -> dict[str, Any]:
        self.ran.append(job)
        if job == "due_job":
            self.members = [each for each in self.members if each > self.time]
        if job == "campaign_job":
            begun = [each for each in self.campaigns if each <= self.time]
            self.campaigns = [each for each in self.campaigns if each > self.time]
            self.to_send += 3 * len(begun)
            return {"begun": len(begun), "woken": 0}
        if job == "campaign_watch_job":
            self.to_send = max(self.to_send - 1, 0)
        return {"clubs": 1}


def test_the_clock_stops_where_members_and_campaigns_are_due_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    member, first, second, later = (NOW + timedelta(days=days) for days in (2, 1, 3, 40))
    journey = Journey([member], [second, first, later])
    stops = list(journey.club(monkeypatch).advance(read_distance("30d")))
    assert [stop.at for stop in stops] == [first, member, second, NOW + timedelta(days=30)]
    assert [stop.campaigns["begun"] for stop in stops] == [1, 0, 1, 0]
    # Nobody is due before any of these, and the job needn't look there.
    assert journey.swept == [first, member, second, NOW + timedelta(days=30)]
    assert journey.ran[-1] == "proof_job"
    assert _words(stops[0]) == "campaigns begun 1"


def test_the_clock_goes_on_only_when_all_of_a_campaign_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    journey = Journey(campaigns=[NOW + A_DAY])
    stops = iter(journey.club(monkeypatch).advance(read_distance("7d")))
    next(stops)
    assert journey.to_send == 0
    assert journey.ran.count("campaign_watch_job") == 3
    assert journey.time == NOW + A_DAY + ONE_SECOND


def test_a_campaign_that_gets_no_further_ends_the_journey(monkeypatch: pytest.MonkeyPatch) -> None:
    journey = Journey(campaigns=[NOW + A_DAY])
    moved = journey.club(monkeypatch)
    run = moved._run
    monkeypatch.setattr(moved, "_run", lambda job: {} if job == "campaign_watch_job" else run(job))
    with pytest.raises(LocalRunError, match="Nothing more is sent of the campaigns of c1"):
        list(moved.advance(read_distance("7d")))


def test_a_campaign_that_took_longer_than_there_was_to_go_puts_no_clock_back(monkeypatch: pytest.MonkeyPatch) -> None:
    journey = Journey(campaigns=[NOW + timedelta(minutes=59)])
    moved = journey.club(monkeypatch)
    stops = iter(moved.advance(read_distance("1h")))
    next(stops)
    journey.time += timedelta(minutes=10)
    before = journey.time
    assert len(list(stops)) == 1
    assert journey.time == before


def test_what_the_jobs_did_at_a_stop_is_said_and_what_they_did_not_is_not() -> None:
    assert _words(Stop(NOW, {"clubs": 3, "visited": 0}, {"begun": 0})) == "nothing"
    assert (
        _words(Stop(NOW, {"visited": 2}, {"begun": 1, "ended": 2}))
        == "visited 2, campaigns begun 1, campaigns ended 2"
    )
