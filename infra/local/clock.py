"""`stamkunde clock advance`: let a club's clock jump from one day on which something is due to the next.

Clubs of the local engine may have a clock of their own. What would happen in the months between happens on the way:
at each instant at which somebody or a campaign is due the jobs run, and the next jump waits until all that came of it
is done: every message of a campaign that may be sent by then is.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from copy import replace
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from infra.local.home import LocalRunError, Stack
from infra.local.loopback import client
from infra.local.moved_campaigns import MovedCampaigns
from infra.local.operator import Operator
from stamkunde.clubs.model import Club
from stamkunde.clubs.store import ClubRegistry, ClubStore
from stamkunde.messaging.store import OUTBOX_SHARDS, Outbox
from stamkunde.retention.store import DueStore, hint_instant
from stamkunde.shared.clock import SystemClock, months_later

SETTLED_WITHIN = 120.0
LOOK_EVERY = 0.2
JOBS_EVERY = 5.0
"""Seconds; elsewhere the campaigns' jobs come each minute, and whoever moves a clock needn't wait for that."""

ONE_SECOND = timedelta(seconds=1)
CLOCKS_DIFFER = timedelta(seconds=2)
GAVE_UP: tuple[Literal["FAILED", "TIMED_OUT", "ABORTED"], ...] = ("FAILED", "TIMED_OUT", "ABORTED")
CAMPAIGN_JOBS = ("campaign_job", "campaign_watch_job")
AN_HOUR = timedelta(hours=1)
A_DAY = timedelta(days=1)
FAR_AWAY = datetime.max.replace(tzinfo=UTC)
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
    """An instant at which the clock stood, and what the jobs of members and campaigns say that they did there."""

    at: datetime
    due: dict[str, Any]
    campaigns: dict[str, Any]


class MovedClub:
    """A club of the local stack whose clock is moved on."""

    def __init__(self, stack: Stack, named: str) -> None:
        self._stack = stack
        self._operator = Operator(stack)
        self._tables = client("dynamodb", stack.aws_endpoint)
        self._functions = client("lambda", stack.aws_endpoint)
        self._states = client("stepfunctions", stack.aws_endpoint)
        self._club_id = ClubRegistry(self._tables, stack.tables["clubs"]).find_by_slug(named) or named
        self._due_items = DueStore(self._tables, stack.tables["members"], self._club_id)
        self._campaigns = MovedCampaigns(self._tables, stack.tables["messages"], self._club_id)
        if self._club().clock_offset is None:
            raise LocalRunError(f"{named} lives in real time: only a club made with a clock of its own can be moved.")

    def advance(self, distance: Distance) -> Iterator[Stop]:
        """Go that far, and stop wherever somebody or a campaign is due and at the end.

        In the end the ledger is proved.
        """
        target = distance(self.now())
        while True:
            hint = self._next_hint(target)
            instant = min(self._next_instant(hint), target)
            yield self._stop_at(instant, min(hint or target, instant))
            if instant == target:
                break
        self._run("proof_job")

    def _next_instant(self, hint: datetime | None) -> datetime:
        """When something happens next, to members or campaigns."""
        now = self.now()
        # Who is still due after a visit is due again in an hour.
        visit = FAR_AWAY if hint is None else hint if hint > now else now + AN_HOUR
        return min(visit, self._campaigns.next_at(now) or FAR_AWAY)

    def now(self) -> datetime:
        """The club's own time."""
        return SystemClock().now() + (self._club().clock_offset or timedelta())

    def _stop_at(self, instant: datetime, nobody_before: datetime) -> Stop:
        offset = instant + ONE_SECOND - SystemClock().now()
        # A long campaign may have taken longer than there was to go: no clock is put back.
        ahead = max(offset, self._club().clock_offset or timedelta())
        self._operator.do("move_clock", club_id=self._club_id, clock_offset_seconds=int(ahead.total_seconds()))
        self._jump_to(nobody_before)
        begun = SystemClock().now() - CLOCKS_DIFFER
        due, campaigns = self._run("due_job"), self._run("campaign_job")
        self._wait_until("cases", self._cases_are_done)
        self._see_that_none_failed(instant, begun)
        self._send_campaigns()
        self._wait_until("messages", self._outbox_is_empty)
        return Stop(instant, due, campaigns)

    def _send_campaigns(self) -> None:
        """Run the campaigns' jobs until all is sent that may be by now, for as long as it goes on."""
        before, waited = self._campaigns.progress(), 0.0
        while not self._campaigns.is_settled(self.now()):
            if waited > SETTLED_WITHIN:
                raise LocalRunError(f"Nothing more is sent of the campaigns of {self._club_id}: see the jobs' logs.")
            for job in CAMPAIGN_JOBS:
                self._run(job)
            time.sleep(JOBS_EVERY)
            after = self._campaigns.progress()
            waited = waited + JOBS_EVERY if after == before else 0.0
            before = after

    def _jump_to(self, instant: datetime) -> None:
        """Let the job look at no day before on which nobody is due, as was just seen."""
        swept, day_before = self._due_items.swept(), instant - A_DAY
        if swept is not None and swept.until < day_before:
            self._due_items.note_swept(replace(swept, until=day_before))

    def _next_hint(self, target: datetime) -> datetime | None:
        """The earliest instant by another at which somebody is due, or was and still is.

        Asked at once: here a table is small, and a year has six thousand places to look in.
        """
        now, swept = self.now(), self._due_items.swept()
        since = min(swept.until if swept else now, now) - A_DAY
        pages = self._tables.get_paginator("scan").paginate(
            TableName=self._stack.tables["members"],
            ConsistentRead=True,
            FilterExpression="begins_with(pk, :days)",
            ExpressionAttributeValues={":days": {"S": f"DUE#{self._club_id}#"}},
        )
        instants = (hint_instant(item["sk"]["S"]) for page in pages for item in page["Items"])
        return min((instant for instant in instants if since <= instant <= target), default=None)

    def _run(self, function: str) -> dict[str, Any]:
        wish = json.dumps({"club_id": self._club_id}).encode()
        answer = self._functions.invoke(FunctionName=self._stack.functions[function], Payload=wish)
        shown: dict[str, Any] = json.loads(answer["Payload"].read())
        if answer.get("FunctionError"):
            raise LocalRunError(f"{function} broke ({shown.get('errorType')}): see its log.")
        return shown

    def _cases_are_done(self) -> bool:
        machines = self._stack.state_machines.values()
        running = (
            self._states.list_executions(stateMachineArn=machine, statusFilter="RUNNING", maxResults=1)
            for machine in machines
        )
        return not any(each["executions"] for each in running)

    def _see_that_none_failed(self, instant: datetime, begun: datetime) -> None:
        """A case that gave up is no case that is done: whoever moves the clock must not believe it."""
        listed = (
            execution
            for machine in self._stack.state_machines.values()
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
                f"({', '.join(failed)}): see the logs of due_task, erasure_task and campaign_task."
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
