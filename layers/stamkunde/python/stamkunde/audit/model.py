"""What staff did with members' data: who, what, whose and when; kept for a year. Pure rules."""

from collections.abc import Iterable, Iterator
from copy import replace
from datetime import date, datetime, timedelta
from itertools import batched

from msgspec import Struct

from stamkunde.shared.clock import compact_instant
from stamkunde.shared.errors import Refusal
from stamkunde.shared.ids import new_id

KEPT_FOR = timedelta(days=365)
MOST_NAMED = 5_000
"""So many members one act names: of more than about 20,000 its row would be too large."""

MOST_DAYS = 366
"""Days that may be asked for at once: more than are kept."""


class Act(Struct, frozen=True):
    """That somebody of the staff looked at members' data, changed it or took it out.

    Parameters
    ----------
    act_id
        Sorts by the instant.
    by
        Their name, as they gave it.
    what
        The task that they had carried out, such as ``correct_member``.
    member_ids
        Whose data it was, everybody's in a list that was taken out; empty where it was nobody's.
    """

    act_id: str
    at: datetime
    by: str
    what: str
    member_ids: tuple[str, ...] = ()

    @property
    def kept_until(self) -> datetime:
        """When it is to be forgotten: a year suffices to answer whoever asks who saw their data."""
        return self.at + KEPT_FOR


def new_act(now: datetime, by: str, what: str, member_ids: Iterable[str] = ()) -> Act:
    """An act of this moment."""
    return Act(f"{compact_instant(now)}#{new_id('', 8)}", now, by, what, tuple(dict.fromkeys(member_ids)))


def parts(act: Act) -> list[Act]:
    """An act in as many as it takes to name everybody; the first keeps its id, the same act has the same parts."""
    following = [
        replace(act, act_id=f"{act.act_id}-{number:03}", member_ids=part)
        for number, part in enumerate(batched(act.member_ids[MOST_NAMED:], MOST_NAMED, strict=False), 1)
    ]
    return [replace(act, member_ids=act.member_ids[:MOST_NAMED]), *following]


def concerning(acts: Iterable[Act], ids: frozenset[str]) -> Iterator[Act]:
    """The acts that name a member by one of these ids; all of them where none is asked for."""
    return (act for act in acts if not ids or ids.intersection(act.member_ids))


def days_between(first: date, last: date) -> list[date]:
    """All days from one to another, both included.

    Raises
    ------
    Refusal
        ``invalid_field``: the last lies before the first, or more than a year after it.
    """
    count = (last - first).days + 1
    if not 0 < count <= MOST_DAYS:
        raise Refusal("invalid_field", {"expected": f"1-{MOST_DAYS}"}, "/until_day")
    return [first + timedelta(days=number) for number in range(count)]
