"""The hourly look at everybody who is due in a club: who isn't costs nothing, and missed days are caught up.

What is to be done is decided by the facts and done by a case of its own, step by step; a hint stays until then.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from stamkunde.clubs.model import Club
from stamkunde.clubs.rounds import IsOver
from stamkunde.gateways.cases import Cases
from stamkunde.ledger.store import ACCOUNT_SHARDS, LedgerStore
from stamkunde.members.remains import Remains
from stamkunde.members.store import MemberStore
from stamkunde.retention.facts import club_time, facts_of
from stamkunde.retention.model import Step, StepKind, next_step
from stamkunde.retention.store import DUE_SHARDS, Case, DueStore, Hint, Swept
from stamkunde.shared.clock import Clock

PUT_OFF = timedelta(hours=1)
"""When somebody is looked at again whose visit broke."""

CASE_LASTS = timedelta(minutes=45)
"""After that a case that isn't done is started again: its machine gives up much earlier."""

OVERLAP = timedelta(hours=1)
"""So far back hints are looked for again: a transaction may take its time to arrive, and clocks differ a little."""


class Outcome(StrEnum):
    """What came of a visit."""

    STARTED = "started"
    STARTED_AGAIN = "started_again"
    UNDER_WAY = "under_way"
    REARMED = "rearmed"
    DROPPED = "dropped"
    BROKEN = "broken"


STANDING = frozenset({Outcome.STARTED, Outcome.STARTED_AGAIN, Outcome.UNDER_WAY, Outcome.BROKEN})
"""The outcomes after which the hint still stands: the next run begins no later than there."""


@dataclass(frozen=True, slots=True)
class BrokenVisit:
    """Somebody who couldn't be looked at, by the case if there was one: no log tells of members."""

    error: Exception
    case_id: str | None


@dataclass(frozen=True, slots=True)
class Visited:
    """What a run came to in a club.

    Parameters
    ----------
    finished
        Whether everybody who was due was looked at; the next run does the rest.
    armed
        How many were made due to be told of new terms.
    """

    outcomes: Counter[Outcome]
    broken: tuple[BrokenVisit, ...]
    finished: bool
    armed: int


@dataclass(frozen=True, slots=True)
class Looking:
    """Sees who somebody is now and decides what is to be done next about them."""

    club: Club
    members: MemberStore
    remains: Remains

    def next_step(self, member_id: str, now: datetime) -> Step | None:
        """What is to be done, and from when on; None for nothing that time will bring."""
        member, records = self.members.load_with_records(member_id)
        if member is None:
            return Step(StepKind.REMOVE_REST, now) if self.remains.are_there(member_id) else None
        return next_step(facts_of(member, records, self.club.time_zone, now), club_time(self.club), now)


@dataclass(frozen=True, slots=True)
class DueVisits:
    """Looks at one club's members who are due."""

    club: Club
    store: DueStore
    looking: Looking
    ledger: LedgerStore
    cases: Cases
    clock: Clock

    def run(self, is_over: IsOver) -> Visited:
        """Look at everybody who is due by now, as far as the time suffices."""
        now = self.clock.now()
        swept = self.store.swept() or Swept(min(self.club.created_at, now), 0, ())
        sweep = _Sweep(swept.until, now)
        for hint in self._due(sweep, is_over):
            broken = self._visit_safely(sweep, hint)
            if broken is not None:
                sweep.broken.append(broken)
        swept = replace(swept, until=sweep.until)
        self.store.note_swept(swept)
        armed = self._arm_for_terms(swept, now, is_over) if sweep.finished else 0
        return Visited(sweep.outcomes, tuple(sweep.broken), sweep.finished, armed)

    def _due(self, sweep: "_Sweep", is_over: IsOver) -> Iterator[Hint]:
        for day in _days(min(sweep.since, sweep.now) - OVERLAP, sweep.now):
            for shard in range(DUE_SHARDS):
                for hint in self._until_over(self.store.due_on(day, shard, sweep.now), is_over):
                    if hint is None:
                        sweep.stop_at(day)
                        return
                    yield hint

    def _until_over(self, hints: Iterator[Hint], is_over: IsOver) -> Iterator[Hint | None]:
        """The hints, and None once the time is over."""
        if is_over():
            yield None
        for hint in hints:
            yield hint
            if is_over():
                yield None

    def _visit_safely(self, sweep: "_Sweep", hint: Hint) -> BrokenVisit | None:
        """Look at somebody; what breaks holds up nobody else, and comes again in an hour."""
        try:
            sweep.came_to(self._visit(hint, sweep.now), hint)
        except Exception as error:  # noqa: BLE001 - one member must not hold up the others
            sweep.came_to(Outcome.BROKEN, hint)
            return BrokenVisit(error, hint.case_id)
        return None

    def _visit(self, hint: Hint, now: datetime) -> Outcome:
        if hint.case_id is not None:
            return self._look_after(hint, hint.case_id, now)
        try:
            step = self.looking.next_step(hint.member_id, now)
        except Exception:
            self.store.put_off(hint, now + PUT_OFF)
            raise
        if step is None:
            self.store.drop(hint)
            return Outcome.DROPPED
        if not step.is_due(now):
            self.store.put_off(hint, step.at)
            return Outcome.REARMED
        return self._begin(hint, step.kind, now)

    def _look_after(self, hint: Hint, case_id: str, now: datetime) -> Outcome:
        case = self.store.load_case(case_id)
        if case is None:
            # Its last step took the case away, and the hint was renewed by whoever had read it before.
            step = self.looking.next_step(hint.member_id, now)
            return self._begin(hint, step.kind if step else StepKind.REMOVE_REST, now)
        if now - case.started_at < CASE_LASTS:
            return Outcome.UNDER_WAY
        return self._start(self.store.start_again(case, now), Outcome.STARTED_AGAIN)

    def _begin(self, hint: Hint, kind: StepKind, now: datetime) -> Outcome:
        return self._start(self.store.claim(hint, kind, now), Outcome.STARTED)

    def _start(self, case: Case | None, outcome: Outcome) -> Outcome:
        """Start a case's machine; None is one that another run has taken, and which is seen to by it."""
        if case is None:
            return Outcome.UNDER_WAY
        self.cases.start(self.club.club_id, case.case_id, case.attempt, case.kind.value)
        return outcome

    def _arm_for_terms(self, swept: Swept, now: datetime, is_over: IsOver) -> int:
        """Make everybody due once a new version of the terms is published; a run goes on where the last one ended."""
        version = self.club.current_terms().version
        if swept.terms_version < version:
            swept = replace(swept, terms_version=version, shards_left=tuple(range(ACCOUNT_SHARDS)))
        armed = 0
        for shard in swept.shards_left:
            if is_over():
                break
            for member_id in self._members_of(shard):
                self.store.arm(member_id, now)
                armed += 1
            swept = replace(swept, shards_left=tuple(each for each in swept.shards_left if each != shard))
            self.store.note_swept(swept)
        return armed

    def _members_of(self, shard: int) -> Iterator[str]:
        for account_id in self.ledger.account_ids_of(shard):
            account = self.ledger.load_account(account_id, consistent=False)
            yield from account.members if account else ()


class _Sweep:
    """How far a run has come, and where the next one begins."""

    def __init__(self, since: datetime, now: datetime) -> None:
        self.since = since
        self.now = now
        self.finished = True
        self.outcomes: Counter[Outcome] = Counter()
        self.broken: list[BrokenVisit] = []
        self._until = now

    @property
    def until(self) -> datetime:
        """Everything that was due earlier is done."""
        return self._until

    def came_to(self, outcome: Outcome, hint: Hint) -> None:
        """Count a visit; a hint that stands is seen again by the next run."""
        self.outcomes[outcome] += 1
        if outcome in STANDING:
            self._begin_at(hint.day)

    def stop_at(self, day: date) -> None:
        """The time is over in the middle of a day."""
        self.finished = False
        self._begin_at(day)

    def _begin_at(self, day: date) -> None:
        self._until = min(self._until, datetime.combine(day, time.min, UTC))


def _days(first: datetime, last: datetime) -> Iterator[date]:
    day, end = first.astimezone(UTC).date(), last.astimezone(UTC).date()
    while day <= end:
        yield day
        day += timedelta(days=1)
