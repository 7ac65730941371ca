"""The hourly look at everybody who is due in a club: who isn't costs nothing, and missed days are caught up.

What is to be done is decided by the facts and done by a case of its own, step by step; a hint stays until then.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from copy import replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from msgspec import Struct

from stamkunde.clubs.model import NOTICE_OF_NEW_VERSIONS, Club
from stamkunde.clubs.rounds import IsOver
from stamkunde.gateways.cases import Cases
from stamkunde.ledger.store import ACCOUNT_SHARDS, LedgerStore
from stamkunde.members.consents import ConsentRecord
from stamkunde.members.evidence_end import forget_on
from stamkunde.members.model import Member
from stamkunde.members.remains import Remains
from stamkunde.members.store import NEWSLETTER_SHARDS, MemberStore
from stamkunde.messaging.model import DeliveryState
from stamkunde.messaging.store import ClubMessages
from stamkunde.retention.facts import club_time, facts_of
from stamkunde.retention.model import Facts, Step, StepKind, next_step
from stamkunde.retention.store import DUE_SHARDS, Case, DueStore, Hint, Swept
from stamkunde.shared.clock import Clock, days_of_utc
from stamkunde.shared.terms import Arrival

PUT_OFF = timedelta(hours=1)
"""When somebody is looked at again whose visit broke."""

CASE_LASTS = timedelta(minutes=45)
"""After that a case that isn't done is started again: its machine gives up much earlier."""

OVERLAP = timedelta(hours=1)
"""So far back hints are looked for again: a transaction may take its time to arrive, and clocks differ a little."""

WAVE = 1_250
WAVES_A_DAY = 8
"""A large club's members aren't all made due at once: so many an hour, and so many hours a day."""

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
    """

    outcomes: Counter[Outcome]
    broken: tuple[BrokenVisit, ...]
    finished: bool
    armed: int


class Looking(Struct, frozen=True):
    """Sees who somebody is now and decides what is to be done next about them."""

    club: Club
    members: MemberStore
    remains: Remains
    messages: ClubMessages

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

    def decide(self, member: Member, records: Sequence[ConsentRecord], now: datetime) -> tuple[Facts, Step | None]:
        """What is known of somebody who was just read, and what follows from it.

        What became of their latest notice is looked up only when something is due: a visit that merely re-arms has
        no need of it.
        """
        facts, calendar = facts_of(member, records, self.club.time_zone, now), club_time(self.club)
        step = next_step(facts, calendar, now)
        notice = facts.unseen
        if step is None or notice is None or not step.is_due(now):
            return facts, step
        facts = facts.seen(self._arrival_of(notice.message_id))
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
        armed, left = self._arm_for_terms(swept, now, is_over) if sweep.finished else (0, 0)
        return Visited(sweep.outcomes, tuple(sweep.broken), sweep.finished and not left, armed)

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

    def _arm_for_terms(self, swept: Swept, now: datetime, is_over: IsOver) -> tuple[int, int]:
        """Make everybody due once a new version of the terms is published; a run goes on where the last one ended.

        That goes for the first version too: so everybody is looked at who was there before this job was.

        Returns
        -------
        How many were made due, and how many parts are left.
        """
        version = self._newest_known_terms(now)
        if swept.terms_version < version:
            is_first = swept.terms_version == 0
            parts = ACCOUNT_SHARDS + NEWSLETTER_SHARDS if is_first else ACCOUNT_SHARDS
            swept = replace(swept, terms_version=version, shards_left=tuple(range(parts)))
        armed = 0
        for part in swept.shards_left:
            if is_over():
                break
            members = list(self._members_of(part))
            at = club_time(self.club).next_opening(now + wave_of(part, len(members)))
            for member_id in members:
                self.store.arm(member_id, at)
            armed += len(members)
            swept = replace(swept, shards_left=tuple(each for each in swept.shards_left if each != part))
            self.store.note_swept(swept)
        return armed, len(swept.shards_left)

    def _newest_known_terms(self, now: datetime) -> int:
        """The newest version that everybody knows by now: until then somebody may still accept the one before it."""
        known = (terms for terms in self.club.terms if terms.published_at + NOTICE_OF_NEW_VERSIONS <= now)
        return max((terms.version for terms in known), default=0)

    def _members_of(self, part: int) -> Iterator[str]:
        """Part of a club: first those with an account, then those who only take the news."""
        if part >= ACCOUNT_SHARDS:
            yield from self.looking.members.newsletter_ids(part - ACCOUNT_SHARDS)
            return
        for account_id in self.ledger.account_ids_of(part):
            account = self.ledger.load_account(account_id, consistent=False)
            yield from account.members if account else ()


def wave_of(part: int, members: int) -> timedelta:
    """How long the members of a part of a club wait; the club is taken to have as many in each other part."""
    waves = 1 + members * ACCOUNT_SHARDS // WAVE
    days, hours = divmod(part % waves, WAVES_A_DAY)
    return timedelta(days=days, hours=hours)


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
        """Everything that was due earlier is done, but for what the look back finds again; it never goes back."""
        return max(self._until, self.since)

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
