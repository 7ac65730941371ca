"""What became of a campaign's messages, counted. Pure."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct, field

from stamkunde.campaigns.model.left_out import LeftOut


class Outcome(StrEnum):
    """What the sending of one message came to."""

    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"
    NOT_ACCEPTED = "not_accepted"


class Handled(Struct, frozen=True):
    """What became of one place in a list.

    Parameters
    ----------
    left_out
        Why nothing was sent to them; None if a gateway was called.
    parts, price
        What is billed: of text messages that were sent, or may have been; minor units.
    saved
        What the text message would have cost that was spared them.
    """

    outcome: Outcome | None = None
    left_out: LeftOut | None = None
    parts: int = 0
    price: int = 0
    saved: int = 0


class Tally(Struct, frozen=True):
    """So many messages of each kind, and why others weren't sent.

    Parameters
    ----------
    not_accepted
        What was unknown, and of which nobody has reported anything since.
    parts, price
        What is billed, or may be, in minor units of the club's currency.
    unsent
        Of lists that no worker could work through.
    saved
        What the text messages would have cost that an e-mail has spared.
    """

    sent: int = 0
    failed: int = 0
    unknown: int = 0
    not_accepted: int = 0
    parts: int = 0
    price: int = 0
    unsent: int = 0
    saved: int = 0
    left_out: Mapping[LeftOut, int] = field(default_factory=dict)

    @property
    def skipped(self) -> int:
        """How many were passed over."""
        return sum(self.left_out.values())

    @property
    def handled(self) -> int:
        """How many places it has counted."""
        return self.sent + self.failed + self.unknown + self.not_accepted + self.skipped + self.unsent

    def __add__(self, other: "Tally") -> "Tally":
        return self._with(other, 1)

    def __sub__(self, other: "Tally") -> "Tally":
        return self._with(other, -1)

    def _with(self, other: "Tally", sign: int) -> "Tally":
        numbers = {name: getattr(self, name) + sign * getattr(other, name) for name in _NUMBERS}
        reasons = dict.fromkeys((*self.left_out, *other.left_out))
        left_out = {each: self.left_out.get(each, 0) + sign * other.left_out.get(each, 0) for each in reasons}
        return Tally(**numbers, left_out=left_out)

    def counters(self) -> dict[str, int]:
        """By the names of a row's attributes; what is none is left out."""
        named = {f"n_{name}": getattr(self, name) for name in _NUMBERS}
        named |= {f"left_{reason.value}": number for reason, number in self.left_out.items()}
        return {name: number for name, number in named.items() if number}


_NUMBERS = ("sent", "failed", "unknown", "not_accepted", "parts", "price", "unsent", "saved")


def tally_of(handled: Iterable[Handled]) -> Tally:
    """What some places came to."""
    total = Tally()
    for each in handled:
        total += _of_one(each)
    return total


def read_counters(row: Mapping[str, Any]) -> Tally:
    """What `Tally.counters` wrote."""
    numbers = {name: row.get(f"n_{name}", 0) for name in _NUMBERS}
    left_out = {reason: row[f"left_{reason.value}"] for reason in LeftOut if f"left_{reason.value}" in row}
    return Tally(**numbers, left_out=left_out)


def _of_one(handled: Handled) -> Tally:
    if handled.left_out is not None:
        return Tally(saved=handled.saved, left_out={handled.left_out: 1})
    outcome = handled.outcome
    return Tally(
        sent=int(outcome is Outcome.SENT),
        failed=int(outcome is Outcome.FAILED),
        unknown=int(outcome is Outcome.UNKNOWN),
        not_accepted=int(outcome is Outcome.NOT_ACCEPTED),
        parts=handled.parts,
        price=handled.price,
    )
