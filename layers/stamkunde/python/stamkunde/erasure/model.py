"""How somebody is forgotten: why, in which steps, and what is written down of it that tells of nobody. Pure rules."""

from copy import replace
from datetime import date, timedelta
from enum import StrEnum

from msgspec import Struct

from stamkunde.shared.errors import Refusal
from stamkunde.shared.other_places import OtherPlace

COPIES_LAST = timedelta(days=31)
"""So long what is deleted can still be brought back from the tables' recovery and the buckets' old versions."""


class Cause(StrEnum):
    """Why somebody is forgotten."""

    ASKED_BY_MEMBER = "asked_by_member"
    ASKED_BY_STAFF = "asked_by_staff"
    TERMS_NOT_ACCEPTED = "terms_not_accepted"
    NEWS_LAPSED = "news_lapsed"
    """Who only took the news, and doesn't any more."""

    INACTIVE = "inactive"
    NOT_THEIRS = "not_theirs"
    """The number was mistyped: whoever has it said so."""


class StepName(StrEnum):
    """What is done one after the other, in this order (docs/data.md, "Erasing")."""

    CONDEMN = "condemn"
    TOMBSTONE = "tombstone"
    CUT_ACCESS = "cut_access"
    PENDING_SENDS = "pending_sends"
    FORFEIT = "forfeit"
    ENTRIES = "entries"
    ACCOUNT = "account"
    TRACES = "traces"
    PHOTOS = "photos"
    PERSON = "person"
    RECEIPT = "receipt"
    CLOSE = "close"


class Left(StrEnum):
    """What a step leaves behind: whether the next one follows, or it is asked for again."""

    DONE = "done"
    MORE = "more"
    NOT_DUE = "not_due"
    """Nobody is to be erased, or they have thought again: said by the first step only."""


class Receipt(Struct, frozen=True):
    """That an erasure was begun, and that it is done: nothing in it tells of whom.

    Parameters
    ----------
    asked_on
        The club's day on which somebody asked for it; None where nobody had to.
    begun_on
        The club's day from which on they were nobody's member.
    done_on
        The club's day on which the last of them was deleted; None until then.
    ticks
        Where else staff have looked.
    asked_shop
        Whether a person asked the shop, though they may have asked on their page too.
    """

    receipt_id: str
    cause: Cause
    asked_on: date | None
    begun_on: date
    done_on: date | None = None
    ticks: tuple[OtherPlace, ...] = ()
    asked_shop: bool = False

    @property
    def out_of_copies_on(self) -> date | None:
        """From when on no copy holds them any more."""
        return self.done_on + COPIES_LAST if self.done_on else None

    @property
    def checks(self) -> tuple[OtherPlace, ...]:
        """Where staff are asked to look: only where a person asked the shop."""
        return tuple(OtherPlace) if self.asked_shop else ()

    def tick(self, place: OtherPlace) -> "Receipt":
        """Once staff have looked there.

        Raises
        ------
        Refusal
            ``invalid_field``: nobody has to look there.
        """
        if place not in self.checks:
            raise Refusal("invalid_field", {"expected": ", ".join(self.checks)}, "/place")
        kept = {*self.ticks, place}
        return replace(self, ticks=tuple(each for each in OtherPlace if each in kept))
