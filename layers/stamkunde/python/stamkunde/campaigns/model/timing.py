"""When a campaign goes: from a time on the shop's wall to an instant, and on through its sending hours. Pure.

A campaign never goes late: what an outage kept back past its latest start expires, and so does what its own end
overtakes. What the sending hours interrupt waits for the next opening.
"""

import math
from datetime import datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from msgspec import Struct

from stamkunde.messaging.quiet_hours import SendingHours, next_closing, next_opening, wall_clock

LATENESS = timedelta(hours=2)
"""How late a campaign may start."""

LATENESS_OF_LEFTOVERS = timedelta(minutes=20)
"""What is left is sold out, or the shop closed, before an hour is over."""


class Rhythm(Struct, frozen=True):
    """The hours in which a club's messages may arrive, by its own wall clock."""

    hours: SendingHours
    time_zone: str
    country: str

    def opening(self, instant: datetime) -> datetime:
        """The first instant from `instant` on that lies in them."""
        return next_opening(instant, self.hours, time_zone=self.time_zone, country=self.country)

    def closing(self, instant: datetime) -> datetime:
        """The end of the hours that `instant` lies in."""
        return next_closing(instant, self.hours, time_zone=self.time_zone, country=self.country)

    def is_open(self, instant: datetime) -> bool:
        """Whether messages may arrive."""
        return self.opening(instant) == instant

    def on_the_wall(self, instant: datetime) -> datetime:
        """What the clock on the wall shows, without zone."""
        return instant.astimezone(ZoneInfo(self.time_zone)).replace(tzinfo=None)


class ClockNote(StrEnum):
    """What a night on which the clocks change did to a time."""

    SKIPPED = "skipped"
    """There is no such time that night: it is an hour later on the wall."""
    TWICE = "twice"
    """It comes twice that night: it is the first."""


class Start(Struct, frozen=True):
    """When a campaign that was asked for at a time really goes; said before anything is moved.

    Parameters
    ----------
    asked
        The instant in UTC of the time on the wall that was asked for.
    goes_at
        When it goes, by the club's sending hours.
    """

    asked: datetime
    goes_at: datetime
    clock: ClockNote | None

    @property
    def waits(self) -> bool:
        """Whether it was asked for outside the sending hours."""
        return self.goes_at != self.asked


def start_at(wall: datetime, rhythm: Rhythm) -> Start:
    """When a campaign goes that is asked for at a time on the wall."""
    asked = wall_clock(wall.date(), wall.time(), rhythm.time_zone)
    return Start(asked, rhythm.opening(asked), _clock_note(wall, rhythm.time_zone))


def _clock_note(wall: datetime, time_zone: str) -> ClockNote | None:
    zone = ZoneInfo(time_zone)
    first, second = (wall.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
    if first is None or second is None or first == second:
        return None
    # Where the clocks go forward the offset before is the smaller one.
    return ClockNote.SKIPPED if first < second else ClockNote.TWICE


def latest_start(goes_at: datetime, lateness: timedelta = LATENESS, ends_at: datetime | None = None) -> datetime:
    """The last instant at which a campaign may still start.

    Parameters
    ----------
    ends_at
        When it is worth nothing any more, such as the shop's closing time or an event's beginning.
    """
    latest = goes_at + lateness
    return latest if ends_at is None else min(latest, ends_at)


class Step(StrEnum):
    """What becomes of a campaign now."""

    GO = "go"
    WAIT = "wait"
    EXPIRE = "expire"


class Decision(Struct, frozen=True):
    """What becomes of a campaign now, and until when it waits if it does."""

    step: Step
    until: datetime | None = None


def decide_start(
    now: datetime, starts_at: datetime, latest: datetime, rhythm: Rhythm, ends_at: datetime | None = None
) -> Decision:
    """Whether a scheduled campaign starts now, waits, or has missed its time (an outage, a laptop asleep)."""
    if now < starts_at:
        return Decision(Step.WAIT, starts_at)
    opening = rhythm.opening(now)
    if opening > latest or (ends_at is not None and opening >= ends_at):
        return Decision(Step.EXPIRE)
    return Decision(Step.GO) if opening == now else Decision(Step.WAIT, opening)


def decide_going_on(now: datetime, rhythm: Rhythm, ends_at: datetime | None = None) -> Decision:
    """Whether a campaign that is being sent goes on, waits for the next opening, or has come to its end."""
    opening = rhythm.opening(now)
    if ends_at is not None and opening >= ends_at:
        return Decision(Step.EXPIRE)
    return Decision(Step.GO) if opening == now else Decision(Step.WAIT, opening)


class Stretch(Struct, frozen=True):
    """A time without a pause in which so many parts are sent."""

    begins: datetime
    ends: datetime
    parts: int


class Course(Struct, frozen=True):
    """How the sending of a campaign will go.

    Parameters
    ----------
    left
        Parts that its end overtakes: they are never sent.
    """

    stretches: tuple[Stretch, ...]
    left: int

    @property
    def done_at(self) -> datetime | None:
        """When the last part is sent; None if nothing is."""
        return self.stretches[-1].ends if self.stretches else None

    @property
    def waits_until(self) -> datetime | None:
        """When it goes on after its first pause; None for a campaign that fits into one stretch."""
        return self.stretches[1].begins if len(self.stretches) > 1 else None


def course_of(
    parts: int, per_second: float, goes_at: datetime, rhythm: Rhythm, ends_at: datetime | None = None
) -> Course:
    """How the sending goes at a rate, through the sending hours, to the end of the parts or of the campaign.

    Raises
    ------
    ValueError
        A rate of nothing.
    """
    if per_second <= 0:
        raise ValueError("nothing is ever sent at that rate")
    stretches: list[Stretch] = []
    left, begins = parts, rhythm.opening(goes_at)
    while left and (ends_at is None or begins < ends_at):
        closes = rhythm.closing(begins) if ends_at is None else min(rhythm.closing(begins), ends_at)
        sent = min(left, max(1, math.floor((closes - begins).total_seconds() * per_second)))
        stretches.append(Stretch(begins, min(closes, begins + timedelta(seconds=sent / per_second)), sent))
        left -= sent
        begins = rhythm.opening(closes)
    return Course(tuple(stretches), left)


def written_time(at: time, language: str) -> str:
    """A time of the day as short as the language writes it: ``17``, ``6.30``, ``6:30``."""
    if not at.minute:
        return str(at.hour)
    return f"{at.hour}{':' if language == 'en' else '.'}{at.minute:02d}"


def full_time(at: time, language: str) -> str:
    """A time of the day with its minutes: ``8.00``, ``8:00`` in English."""
    return f"{at.hour}{':' if language == 'en' else '.'}{at.minute:02d}"
