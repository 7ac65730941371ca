"""`stamkunde clock advance`: let a club's clock jump from one day on which something is due to the next.

Clubs of the local engine may have a clock of their own. What would happen in the months between happens on the way:
at each instant at which somebody is due the jobs run, and the next jump waits until all that came of it is done.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from infra.local.home import LocalRunError, Stack
from infra.local.loopback import client
from infra.local.operator import Operator
from stamkunde.clubs.model import Club
from stamkunde.clubs.store import ClubRegistry, ClubStore
from stamkunde.messaging.store import OUTBOX_SHARDS, Outbox
from stamkunde.retention.store import DUE_SHARDS, DueStore
from stamkunde.shared.clock import SystemClock, days_of_utc, months_later

SETTLED_WITHIN = 120.0
LOOK_EVERY = 0.2
ONE_SECOND = timedelta(seconds=1)
CLOCKS_DIFFER = timedelta(seconds=2)
GAVE_UP: tuple[Literal["FAILED", "TIMED_OUT", "ABORTED"], ...] = ("FAILED", "TIMED_OUT", "ABORTED")
AN_HOUR = timedelta(hours=1)
_DISTANCE = re.compile(r"(?P<number>\d{1,4})(?P<unit>mo|w|d|h)")
_UNITS = {"w": timedelta(weeks=1), "d": timedelta(days=1), "h": AN_HOUR}

type Distance = Callable[[datetime], datetime]


def read_distance(text: str) -> Distance:
    """How far to go, such as ``18mo``, ``14d``, ``3w`` or ``6h``: the instant that far after another.

    Raises
    ------
    LocalRunError
        It is none of these.
    """
    match = _DISTANCE.fullmatch(text)
    if match is None:
        raise LocalRunError(f"{text} is no distance: write 18mo, 14d, 3w or 6h.")
    number, unit = int(match["number"]), match["unit"]
    if unit == "mo":
        return lambda since: datetime.combine(months_later(since.date(), number), since.timetz())
    return lambda since: since + number * _UNITS[unit]


@dataclass(frozen=True, slots=True)
class Stop:
    """An instant at which the clock stood, and what the jobs say that they did there."""

    at: datetime
    due: dict[str, Any]
    ledger: dict[str, Any]


class MovedClub:
    """A club of the local stack whose clock is moved on."""

    def __init__(self, stack: Stack, named: str) -> None:
        self._stack = stack
        self._operator = Operator(stack)
        self._tables = client("dynamodb", stack.aws_endpoint)
        self._functions = client("lambda", stack.aws_endpoint)
        self._states = client("stepfunctions", stack.aws_endpoint)
        self._club_id = ClubRegistry(self._tables, stack.tables["clubs"]).find_by_slug(named) or named
        if self._club().clock_offset is None:
            raise LocalRunError(f"{named} lives in real time: only a club made with a clock of its own can be moved.")

    def advance(self, distance: Distance) -> Iterator[Stop]:
        """Go that far, and stop wherever somebody is due and at the end."""
        target = distance(self.now())
        while (due := self._next_due(target)) is not None:
            yield self._stop_at(due)
        yield self._stop_at(target)

    def now(self) -> datetime:
        """The club's own time."""
        return SystemClock().now() + (self._club().clock_offset or timedelta())

    def _stop_at(self, instant: datetime) -> Stop:
        offset = instant + ONE_SECOND - SystemClock().now()
        self._operator.do("move_clock", club_id=self._club_id, clock_offset_seconds=int(offset.total_seconds()))
        begun = SystemClock().now() - CLOCKS_DIFFER
        due = self._run("due_job")
        self._wait_until("cases", self._cases_are_done)
        self._see_that_none_failed(instant, begun)
        self._wait_until("messages", self._outbox_is_empty)
        return Stop(instant, due, self._run("ledger_job"))

    def _next_due(self, target: datetime) -> datetime | None:
        """The next instant at which somebody is due; who is still due after a visit is due again in an hour."""
        now = self.now()
        store = DueStore(self._tables, self._stack.tables["members"], self._club_id)
        swept = store.swept()
        for day in days_of_utc(min(swept.until if swept else now, now), target):
            found = [hint.instant for shard in range(DUE_SHARDS) for hint in store.due_on(day, shard, target)]
            if found:
                earliest = min(found)
                instant = earliest if earliest > now else now + AN_HOUR
                return instant if instant < target else None
        return None

    def _run(self, function: str) -> dict[str, Any]:
        answer = self._functions.invoke(FunctionName=self._stack.functions[function], Payload=b"{}")
        shown: dict[str, Any] = json.loads(answer["Payload"].read())
        if answer.get("FunctionError"):
            raise LocalRunError(f"{function} broke ({shown.get('errorType')}): see its log.")
        return shown

    def _cases_are_done(self) -> bool:
        machine = self._stack.state_machines["member_due"]
        running = self._states.list_executions(stateMachineArn=machine, statusFilter="RUNNING", maxResults=1)
        return not running["executions"]

    def _see_that_none_failed(self, instant: datetime, begun: datetime) -> None:
        """A case that gave up is no case that is done: whoever moves the clock must not believe it."""
        machine = self._stack.state_machines["member_due"]
        listed = (
            execution
            for status in GAVE_UP
            for page in self._states.get_paginator("list_executions").paginate(
                stateMachineArn=machine, statusFilter=status
            )
            for execution in page["executions"]
        )
        recent = (execution for execution in listed if execution["startDate"] >= begun)
        failed = [execution["name"] for execution in recent if self._is_own(execution["executionArn"])]
        if failed:
            raise LocalRunError(
                f"At {instant:%Y-%m-%d %H:%M} UTC {len(failed)} cases of {self._club_id} failed "
                f"({', '.join(failed)}): see the log of due_task."
            )

    def _is_own(self, execution: str) -> bool:
        given = json.loads(self._states.describe_execution(executionArn=execution)["input"])
        return bool(given["club"] == self._club_id)

    def _outbox_is_empty(self) -> bool:
        """Whether nothing of the club waits that may go out now."""
        outbox, now = Outbox(self._tables, self._stack.tables["messages"]), datetime.now(UTC)
        waiting = (row.key["sk"] for shard in range(OUTBOX_SHARDS) for row in outbox.due(shard, now))
        return not any(f"#{self._club_id}#" in sort_key for sort_key in waiting)

    def _wait_until(self, what: str, is_so: Callable[[], bool]) -> None:
        end = time.monotonic() + SETTLED_WITHIN
        while not is_so():
            if time.monotonic() > end:
                raise LocalRunError(f"The {what} of {self._club_id} are not done after {SETTLED_WITHIN:.0f} seconds.")
            time.sleep(LOOK_EVERY)

    def _club(self) -> Club:
        club = ClubStore(self._tables, self._stack.tables["clubs"], self._club_id).load()
        if club is None:
            raise LocalRunError(f"There is no club {self._club_id}.")
        return club
