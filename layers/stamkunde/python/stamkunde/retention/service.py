"""The hourly look at everybody who is due in a club: who isn't costs nothing, and missed days are caught up.

What is to be done is decided by the facts and done by a case of its own, step by step; a hint stays until then.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from copy import replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from msgspec import Struct

from stamkunde.clubs.model import Club
from stamkunde.clubs.rounds import IsOver
from stamkunde.gateways.cases import Cases
from stamkunde.ledger.store import LedgerStore
from stamkunde.members.consents import ConsentRecord
from stamkunde.members.evidence_end import forget_on
from stamkunde.members.model import Member
from stamkunde.members.remains import Remains
from stamkunde.members.store import MemberStore
from stamkunde.messaging.model import DeliveryState
from stamkunde.messaging.store import ClubMessages
from stamkunde.retention.at_once import AtOnce
from stamkunde.retention.everybody import Everybody
from stamkunde.retention.expiry import with_dates
from stamkunde.retention.facts import club_time, facts_of
from stamkunde.retention.model import Facts, Step, StepKind, look_at, next_step
from stamkunde.retention.store import DUE_SHARDS, Case, DueStore, Hint, Swept
from stamkunde.shared.clock import Clock, days_of_utc
from stamkunde.shared.terms import Arrival

PUT_OFF = timedelta(hours=1)
"""When somebody is looked at again whose visit broke."""

A_DAY = timedelta(days=1)

CASE_LASTS = timedelta(minutes=45)
"""After that a case that isn't done is started again: its machine gives up much earlier."""

OVERLAP = timedelta(hours=1)
"""So far back hints are looked for again: a transaction may take its time to arrive, and clocks differ a little."""

_ARRIVALS = {
    DeliveryState.SENT: Arrival.SENT,
    DeliveryState.DELIVERED: Arrival.SENT,
    DeliveryState.UNKNOWN: Arrival.PERHAPS,
}


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


class BrokenVisit(Struct, frozen=True):
    """Somebody who couldn't be looked at, by the case if there was one: no log tells of members."""

    error: Exception
    case_id: str | None


class Visited(Struct, frozen=True):
    """What a run came to in a club.

    Parameters
    ----------
    finished
        Whether everybody who was due was looked at, and made due who is to be told; the next run does the rest.
    armed
        How many were made due to be told of new terms.
    removal_waits
        For how long somebody is to be erased by now who isn't: of all of them the longest.
    """

    outcomes: Counter[Outcome]
    broken: tuple[BrokenVisit, ...]
    finished: bool
    armed: int
    removal_waits: timedelta


class Glance(Struct, frozen=True):
    """Who somebody is, as far as it was read, and what is to be done next about them."""

    step: Step | None
    member: Member | None = None
    facts: Facts | None = None


class Looking(Struct, frozen=True):
    """Sees who somebody is now and decides what is to be done next about them."""

    club: Club
    members: MemberStore
    remains: Remains
    messages: ClubMessages
    ledger: LedgerStore

    def glance(self, member_id: str, now: datetime) -> Glance:
        """The next step as `next_step` has it, for half its price.

        It may be a moment old: what is due is decided once more before it is done, and nobody is given up by it.
        """
        member, records = self.members.load_with_records(member_id, consistent=False)
        if member is not None:
            facts, step = self.decide(member, records, now, consistent=False)
            if step is not None:
                return Glance(step, member, facts)
        return Glance(self.next_step(member_id, now))

    def next_step(self, member_id: str, now: datetime) -> Step | None:
        """What is to be done, and from when on; None for nothing that time will bring."""
        member, records = self.members.load_with_records(member_id)
        if member is not None:
            return self.decide(member, records, now)[1]
        if self.remains.are_there(member_id):
            return Step(StepKind.REMOVE_REST, now)
        # What is left without remains is evidence of somebody who was merged into another.
        day = forget_on(records, self.club.time_zone)
        return Step(StepKind.FORGET_EVIDENCE, club_time(self.club).start_of(day)) if day else None

    def decide(
        self, member: Member, records: Sequence[ConsentRecord], now: datetime, *, consistent: bool = True
    ) -> tuple[Facts, Step | None]:
        """What is known of somebody who was just read, and what follows from it.

        What became of the notices to them is looked up only when something is due: a visit that merely re-arms has
        no need of it.
        """
        account_id, calendar = member.account_id, club_time(self.club)
        account = self.ledger.load_account(account_id, consistent=consistent) if account_id else None
        facts = facts_of(member, records, self.club.time_zone, now, account=account)
        facts = with_dates(facts, member, account, self.club, now)
        step = next_step(facts, calendar, now)
        if step is None or not facts.unseen or not step.is_due(now):
            return facts, step
        facts = facts.seen({message_id: self._arrival_of(message_id) for message_id in facts.unseen})
        return facts, next_step(facts, calendar, now)

    def _arrival_of(self, message_id: str) -> Arrival:
        """Failed, expired or never taken: it wasn't sent. What still waited would have come to its end by now."""
        delivery = self.messages.find_delivery(message_id)
        return _ARRIVALS.get(delivery.state, Arrival.NOT_SENT) if delivery else Arrival.NOT_SENT


class DueVisits(Struct, frozen=True):
    """Looks at one club's members who are due."""

    club: Club
    store: DueStore
    looking: Looking
    at_once: AtOnce
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
        armed, left = self._arm_everybody(swept, now, is_over) if sweep.finished else (0, 0)
        finished = sweep.finished and not left
        return Visited(sweep.outcomes, tuple(sweep.broken), finished, armed, sweep.removal_waits)

    def _due(self, sweep: "_Sweep", is_over: IsOver) -> Iterator[Hint]:
        for day in days_of_utc(min(sweep.since, sweep.now) - OVERLAP, sweep.now):
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
            sweep.came_to(self._visit(sweep, hint), hint)
        except Exception as error:  # noqa: BLE001 - one member must not hold up the others
            sweep.came_to(Outcome.BROKEN, hint)
            return BrokenVisit(error, hint.case_id)
        return None

    def _visit(self, sweep: "_Sweep", hint: Hint) -> Outcome:
        now = sweep.now
        if hint.case_id is not None:
            return self._look_after(sweep, hint, hint.case_id)
        try:
            step = self._tend(self.looking.glance(hint.member_id, now), now)
        except Exception:
            self.store.put_off(hint, now + PUT_OFF)
            raise
        if step is None:
            self.store.drop(hint)
            return Outcome.DROPPED
        if not step.is_due(now):
            self.store.put_off(hint, look_at(hint.member_id, step.at, now))
            return Outcome.REARMED
        if step.kind.removes:
            sweep.saw_removal(step.at)
        elif self.club.is_closed(now):
            # A shop that is gone tells nobody anything; who is left goes with it.
            self.store.put_off(hint, now + A_DAY)
            return Outcome.REARMED
        if not sweep.begins(hint.member_id) or step.kind.at_once:
            # Two hints led to them, or something is held for a receipt that may be under way.
            self.store.put_off(hint, now + PUT_OFF)
            return Outcome.REARMED
        return self._begin(hint, step.kind, now)

    def _tend(self, seen: Glance, now: datetime) -> Step | None:
        """Do what needs no case, for anybody who stays; what is to be done next after that."""
        step = seen.step
        if step is None or seen.member is None or seen.facts is None or self.club.is_closed(now):
            return step
        if step.kind.removes and step.is_due(now):
            return step
        facts = self.at_once.tend(seen.member, seen.facts, now)
        return step if facts == seen.facts else next_step(facts, club_time(self.club), now)

    def _look_after(self, sweep: "_Sweep", hint: Hint, case_id: str) -> Outcome:
        case, now = self.store.load_case(case_id), sweep.now
        if case is None:
            # Its last step took the case away, and the hint was renewed by whoever had read it before.
            step = self.looking.next_step(hint.member_id, now)
            return self._begin(hint, step.kind if step else StepKind.REMOVE_REST, now)
        if case.kind.removes:
            sweep.saw_removal(hint.instant)
        if now - case.started_at < CASE_LASTS:
            return Outcome.UNDER_WAY
        return self._start(self.store.start_again(case, now), Outcome.STARTED_AGAIN)

    def _begin(self, hint: Hint, kind: StepKind, now: datetime) -> Outcome:
        return self._start(self.store.claim(hint, kind, now), Outcome.STARTED)

    def _start(self, case: Case | None, outcome: Outcome) -> Outcome:
        """Start a case's machine; None is one that another run has taken, and which is seen to by it."""
        if case is None:
            return Outcome.UNDER_WAY
        kind = case.kind
        self.cases.start(self.club.club_id, case.case_id, case.attempt, kind.value, removes=kind.removes)
        return outcome

    def _arm_everybody(self, swept: Swept, now: datetime, is_over: IsOver) -> tuple[int, int]:
        if self.club.is_closed(now):
            return 0, 0
        return Everybody(self.club, self.store, self.looking.members, self.looking.ledger).arm(swept, now, is_over)


class _Sweep:
    """How far a run has come, and where the next one begins."""

    def __init__(self, since: datetime, now: datetime) -> None:
        self.since = since
        self.now = now
        self.finished = True
        self.outcomes: Counter[Outcome] = Counter()
        self.broken: list[BrokenVisit] = []
        self.removal_waits = timedelta()
        self._begun: set[str] = set()
        self._until = now

    @property
    def until(self) -> datetime:
        """Everything that was due earlier is done, but for what the look back finds again; it never goes back."""
        return max(self._until, self.since)

    def came_to(self, outcome: Outcome, hint: Hint) -> None:
        """Count a visit; a hint that stands is seen again by the next run."""
        self.outcomes[outcome] += 1
        if outcome in STANDING:
            self._begin_at(hint.day)

    def begins(self, member_id: str) -> bool:
        """Begin with a member, unless this run has: whether it does."""
        has_not = member_id not in self._begun
        self._begun.add(member_id)
        return has_not

    def saw_removal(self, since: datetime) -> None:
        """Somebody is still there who was to be erased from an instant on."""
        self.removal_waits = max(self.removal_waits, self.now - since)

    def stop_at(self, day: date) -> None:
        """The time is over in the middle of a day."""
        self.finished = False
        self._begin_at(day)

    def _begin_at(self, day: date) -> None:
        self._until = min(self._until, datetime.combine(day, time.min, UTC))
