"""The ladder of notices to members who stay away, and how far somebody has come on one. Pure rules.

Members' rows and clubs' settings both hold parts of it.
"""

from collections.abc import Iterable
from datetime import date, datetime
from enum import StrEnum

from msgspec import Struct

from stamkunde.shared.errors import Refusal
from stamkunde.shared.terms import Arrival

MOST_RUNGS = 6


class RungText(StrEnum):
    """What a rung says."""

    MISSED_YOU = "missed_you"
    BONUS = "bonus"
    LAST = "last"
    """That they are deleted, on which day, and what they lose: nobody is deleted without it."""


class Rung(Struct, frozen=True):
    """A notice to somebody who has been away for so many months."""

    after_months: int
    text: RungText


class Ladder(Struct, frozen=True):
    """After how many months away somebody is deleted, and what they are told on the way, the earliest first."""

    months: int
    rungs: tuple[Rung, ...]

    @property
    def last(self) -> Rung:
        """The notice without which nobody is deleted."""
        return self.rungs[-1]


class SkipReason(StrEnum):
    """Why a rung was passed over."""

    NO_PERMISSION = "no_permission"
    """It is advertising, and nothing allows it."""

    OUTAGE = "outage"
    """A later one was due already when somebody looked: only the latest goes."""


class RungNotice(Struct, frozen=True):
    """A rung that was written.

    Parameters
    ----------
    written_at, message_id
        When it was written into the outbox, and as what.
    names
        The club's day on which the last one says that they are deleted; None for the others.
    arrival
        None until somebody has looked what became of it.
    """

    rung: Rung
    written_at: datetime
    message_id: str
    names: date | None = None
    arrival: Arrival | None = None


class RungSkipped(Struct, frozen=True):
    """A rung that was passed over, on a day of the club's."""

    rung: Rung
    day: date
    reason: SkipReason


class Absence(Struct, frozen=True):
    """What somebody was told since they were last there; whoever was there again since begins anew.

    Parameters
    ----------
    since
        The club's day on which they were last active.
    notices
        The oldest first.
    """

    since: date
    notices: tuple[RungNotice | RungSkipped, ...] = ()

    def without_last_notices(self) -> "Absence":
        """Once they read that they stay: what they were told of a day ends nothing any more."""
        kept = (each for each in self.notices if not (isinstance(each, RungNotice) and each.names))
        return Absence(self.since, tuple(kept))


_USUAL = {12: (6, 9, 11), 24: (12, 18, 23), 36: (18, 24, 35)}


def usual_ladder(months: int) -> Ladder:
    """The ladder of a club that has made none of its own: at half the time, at two thirds, and a month before."""
    missed, bonus, last = _USUAL.get(months, (months // 2, months * 2 // 3, months - 1))
    early = (Rung(missed, RungText.MISSED_YOU), Rung(bonus, RungText.BONUS))
    return Ladder(months, (*_ascending(early, last), Rung(last, RungText.LAST)))


def check_ladder(ladder: Ladder) -> Ladder:
    """A club's own ladder, if it is one.

    Raises
    ------
    Refusal
        ``invalid_field`` with a JSON Pointer: too many rungs or none, one that doesn't come after the one before it,
        or another than the last that is the last notice. The last one comes a month before the end, or earlier.
    """
    if not 1 <= len(ladder.rungs) <= MOST_RUNGS:
        raise Refusal("invalid_field", {"expected": f"1-{MOST_RUNGS}"}, "/rungs")
    earliest = 1
    for number, rung in enumerate(ladder.rungs):
        is_last = number == len(ladder.rungs) - 1
        if (rung.text is RungText.LAST) is not is_last:
            allowed = [each for each in RungText if (each is RungText.LAST) is is_last]
            raise Refusal("invalid_field", {"expected": ", ".join(allowed)}, f"/rungs/{number}/text")
        if not earliest <= rung.after_months < ladder.months:
            among = f"{earliest}-{ladder.months - 1}"
            raise Refusal("invalid_field", {"expected": among}, f"/rungs/{number}/after_months")
        earliest = rung.after_months + 1
    return ladder


def _ascending(rungs: Iterable[Rung], end: int) -> list[Rung]:
    """The rungs that have a month of their own before the last one: where time is short there are fewer."""
    kept: list[Rung] = []
    for rung in rungs:
        if (kept[-1].after_months if kept else 0) < rung.after_months < end:
            kept.append(rung)
    return kept
