"""What is to be done about somebody by the clock, and when: decided from the facts alone. Pure."""

from collections.abc import Mapping
from copy import replace
from datetime import date, datetime
from enum import StrEnum

from msgspec import Struct

from stamkunde.retention.model.chase import KNOWN_AFTER, chase_step
from stamkunde.retention.model.ladder import Away, ladder_step
from stamkunde.retention.model.steps import ClubTime, Step, StepKind
from stamkunde.shared.terms import Arrival, TermsChase, TermsTold

MOST_TELLINGS = 3
"""How often somebody is written to about new terms, until one was sent."""

_RANKS = {kind: rank for rank, kind in enumerate(StepKind)}


class Standing(StrEnum):
    """What somebody is to the club."""

    OPEN = "open"
    MEMBER = "member"
    NEWSLETTER = "newsletter"


class Lapse(Struct, frozen=True):
    """That a permission ends by itself.

    Parameters
    ----------
    on
        The club's first day without it.
    note_on
        The day on which the owner is told.
    noted
        Whether the owner was told.
    """

    kind: str
    on: date
    note_on: date
    noted: bool


class Facts(Struct, frozen=True):
    """All that a decision about somebody rests on.

    Parameters
    ----------
    chase
        Of somebody who hasn't accepted the terms.
    erase_at
        From when on they are gone, if they or the shop asked for it.
    accepted_terms
        The version that they accepted last.
    told_terms
        The newest version that they were written to about.
    lapses
        Of the permissions that hold.
    news_until
        The club's first day on which nothing lets somebody be kept who only takes the news.
    forget_on
        The club's first day on which evidence of theirs is to be forgotten.
    away
        Since when a member hasn't been there; None for everybody else.
    expires_from
        The club's first day on which something may have lapsed in their account; None while that is unread.
    birthday
        The next one of a member who told it.
    """

    standing: Standing
    chase: TermsChase | None = None
    erase_at: datetime | None = None
    accepted_terms: int = 0
    told_terms: TermsTold | None = None
    lapses: tuple[Lapse, ...] = ()
    news_until: date | None = None
    forget_on: date | None = None
    away: Away | None = None
    expires_from: date | None = None
    birthday: date | None = None

    @property
    def unseen(self) -> tuple[str, ...]:
        """The notices of which it isn't known yet whether they were sent, by the ids of their messages."""
        told = self.chase.latest if self.chase else self.told_terms
        notices = (told, self.away.unseen if self.away else None)
        return tuple(each.message_id for each in notices if each is not None and each.arrival is None)

    def seen(self, arrivals: Mapping[str, Arrival]) -> "Facts":
        """Once somebody has looked what became of those notices."""
        chase, told, away = self.chase, self.told_terms, self.away
        if chase and chase.latest and (arrival := arrivals.get(chase.latest.message_id)):
            chase = replace(chase, reminders=(*chase.reminders[:-1], replace(chase.latest, arrival=arrival)))
        if told and (arrival := arrivals.get(told.message_id)):
            told = replace(told, arrival=arrival)
        if away and away.unseen and (arrival := arrivals.get(away.unseen.message_id)):
            away = away.seen(arrival)
        return replace(self, chase=chase, told_terms=told, away=away)


def next_step(facts: Facts, club: ClubTime, now: datetime) -> Step | None:
    """What is to be done next about somebody; None when there is nothing that time will bring.

    Who is about to be deleted on request is told nothing more, and nothing of them is noted. A notice that is unseen
    is taken for sent where that brings a later step, so nothing is missed by looking only when a step is due.
    """
    if facts.erase_at is not None:
        return Step(StepKind.REMOVE_ASKED, facts.erase_at)
    match facts.standing:
        case Standing.OPEN:
            chase = [chase_step(facts.chase, club, now)] if facts.chase else []
            return _first([*chase, *_noting_steps(facts, club), *_steps_at_once(facts, club)], now)
        case Standing.MEMBER:
            telling = [*_ladder_steps(facts, club, now), *_telling_steps(facts, club, now)]
            return _first([*telling, *_noting_steps(facts, club), *_steps_at_once(facts, club)], now)
        case Standing.NEWSLETTER:
            until = [Step(StepKind.REMOVE_LAPSED, club.start_of(facts.news_until))] if facts.news_until else []
            return _first([*until, *_noting_steps(facts, club)], now)


def _ladder_steps(facts: Facts, club: ClubTime, now: datetime) -> list[Step]:
    """What somebody is told who stays away, and their end; by the ladder that holds now."""
    if facts.away is None:
        return []
    step = ladder_step(facts.away, club.ladder(club.day_of(now)), club, now)
    return [Step(StepKind.RUNG if step.rung else StepKind.REMOVE_INACTIVE, step.at)]


def _telling_steps(facts: Facts, club: ClubTime, now: datetime) -> list[Step]:
    """Telling of the newest terms, or looking whether that was sent; what may have been sent is told once."""
    told = facts.told_terms
    if facts.accepted_terms >= club.terms_version:
        return []
    if told is None or told.version < club.terms_version:
        return [Step(StepKind.TELL_TERMS, club.next_opening(max(club.terms_published_at, now)))]
    if told.times >= MOST_TELLINGS or told.arrival in {Arrival.SENT, Arrival.PERHAPS}:
        return []
    look_at = told.written_at + KNOWN_AFTER * told.times
    return [Step(StepKind.TELL_TERMS, club.next_opening(max(look_at, now)) if told.arrival else look_at)]


def _noting_steps(facts: Facts, club: ClubTime) -> list[Step]:
    """What is done about somebody without telling them."""
    forgetting = [Step(StepKind.FORGET_EVIDENCE, club.start_of(facts.forget_on))] if facts.forget_on else []
    # A use moves the day of one that was noted already: until then it is not known whether to note it anew.
    days = (lapse.on if lapse.noted else lapse.note_on for lapse in facts.lapses)
    return [*(Step(StepKind.NOTE_LAPSING, club.start_of(day)) for day in days), *forgetting]


def _steps_at_once(facts: Facts, club: ClubTime) -> list[Step]:
    """What a visit does by itself."""
    days = {StepKind.EXPIRE: facts.expires_from, StepKind.NOTE_BIRTHDAY: facts.birthday}
    return [Step(kind, club.start_of(day)) for kind, day in days.items() if day is not None]


def _first(steps: list[Step], now: datetime) -> Step | None:
    """The earliest; of those that are due, the one of the highest rank."""
    return min(steps, key=lambda step: (max(step.at, now), _RANKS[step.kind]), default=None)
