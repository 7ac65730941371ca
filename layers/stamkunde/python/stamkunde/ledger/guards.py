"""Receipt guards: what makes a receipt count once, and its refunds never more than the receipt; and their rows."""

from collections.abc import Mapping, Sequence
from copy import replace
from datetime import date, datetime
from typing import Any

from msgspec import Struct, field

from stamkunde.ledger.model.receipts import Flag
from stamkunde.ledger.model.reversal import Refund
from stamkunde.shared.clock import iso_instant, parse_instant


class BookedRefund(Struct, frozen=True):
    """Where a refund's entry is, and what the refund said."""

    account_id: str
    entry_id: str
    content_hash: bytes


class ParkedRefund(Struct, frozen=True):
    """A refund whose sale hasn't arrived yet."""

    refund: Refund
    outlet_id: str
    till_id: str
    parked_at: datetime
    flags: tuple[Flag, ...] = ()


class Guard(Struct, frozen=True):
    """What makes a receipt count once: where its entry is, and what the receipt said.

    Parameters
    ----------
    account_id, entry_id
        Empty once the person was erased, and while only refunds of it have arrived.
    content_hash
        Empty while only refunds have arrived.
    revision
        0 until something is refunded; goes up with every refund, and a write of an older revision is refused.
    refunded
        Units that came back, by a line's place from 0; an uncounted line is one unit.
    refunds, parked
        By a refund's identity.
    noted
        The club's days on which its owner was told of a refund that couldn't be booked on it.
    """

    purchase_id: str
    account_id: str
    entry_id: str
    content_hash: bytes
    revision: int = 0
    refunded: Mapping[int, int] = field(default_factory=dict)
    refunds: Mapping[str, BookedRefund] = field(default_factory=dict)
    parked: Mapping[str, ParkedRefund] = field(default_factory=dict)
    noted: tuple[date, ...] = ()

    @property
    def booked(self) -> bool:
        """Whether the sale has arrived."""
        return bool(self.content_hash)

    def sold(self, account_id: str, entry_id: str, content_hash: bytes) -> "Guard":
        """The guard once the sale of parked refunds is booked."""
        return replace(
            self,
            account_id=account_id,
            entry_id=entry_id,
            content_hash=content_hash,
            revision=self.revision + 1,
        )

    def park(self, identity: str, parked: ParkedRefund) -> "Guard":
        """The guard with a refund that waits."""
        return replace(self, parked={**self.parked, identity: parked}, revision=self.revision + 1)

    def end_parked(self, identity: str) -> "Guard":
        """The guard without a refund that waited."""
        parked = {each: value for each, value in self.parked.items() if each != identity}
        return replace(self, parked=parked, revision=self.revision + 1)

    def give_up(self, identity: str, noted_on: date) -> "Guard":
        """The guard without a refund that waited in vain, of which the owner is told on a day."""
        ended = self.end_parked(identity)
        return ended if noted_on in self.noted else replace(ended, noted=(*self.noted, noted_on))

    def refund(self, identity: str, booked: BookedRefund, refunded: Mapping[int, int]) -> "Guard":
        """The guard with a refund booked, which waits no more."""
        return replace(self.end_parked(identity), refunds={**self.refunds, identity: booked}, refunded=refunded)


def waiting_guard(purchase_id: str) -> Guard:
    """What stands for a sale that hasn't arrived."""
    return Guard(purchase_id, "", "", b"")


def guard_attributes(guard: Guard) -> dict[str, Any]:
    """A guard as its row has it; what is empty takes no room."""
    row = {
        "account": guard.account_id,
        "entry": guard.entry_id,
        "content": guard.content_hash,
        "revision": guard.revision,
        "refunded": {str(place): units for place, units in guard.refunded.items()},
        "refunds": {
            identity: [each.account_id, each.entry_id, each.content_hash] for identity, each in guard.refunds.items()
        },
        "parked": {identity: _parked_row(each) for identity, each in guard.parked.items()},
        "noted": [day.isoformat() for day in guard.noted],
    }
    return {name: value for name, value in row.items() if value}


def guard_from_row(row: Mapping[str, Any]) -> Guard:
    """The guard that a failed condition found, or a read gave."""
    purchase_id = row["pk"].rpartition("#")[2]
    return Guard(
        purchase_id=purchase_id,
        account_id=row.get("account", ""),
        entry_id=row.get("entry", ""),
        content_hash=row.get("content", b""),
        revision=row.get("revision", 0),
        refunded={int(place): units for place, units in row.get("refunded", {}).items()},
        refunds={identity: BookedRefund(*each) for identity, each in row.get("refunds", {}).items()},
        parked={identity: _parked(purchase_id, *each) for identity, each in row.get("parked", {}).items()},
        noted=tuple(map(date.fromisoformat, row.get("noted", ()))),
    )


def _parked_row(parked: ParkedRefund) -> list[Any]:
    refund = parked.refund
    return [
        refund.refund_number,
        iso_instant(refund.refunded_at),
        refund.lines and [list(pair) for pair in refund.lines],
        parked.outlet_id,
        parked.till_id,
        iso_instant(parked.parked_at),
        list(parked.flags),
    ]


def _parked(
    purchase_id: str,
    refund_number: str,
    refunded_at: str,
    lines: Sequence[Sequence[int]] | None,
    outlet_id: str,
    till_id: str,
    parked_at: str,
    flags: Sequence[Flag],
) -> ParkedRefund:
    pairs = None if lines is None else tuple((place, units) for place, units in lines)
    refund = Refund(purchase_id, refund_number, parse_instant(refunded_at), pairs)
    return ParkedRefund(refund, outlet_id, till_id, parse_instant(parked_at), tuple(flags))
