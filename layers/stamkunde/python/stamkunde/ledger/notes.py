"""What the shop's owner is shown of a day: what people did by hand, and what could not be honoured.

A note is written in the transaction of what it tells of: put ``store.note_write(note_of(…))`` beside the entry's own
writes. The owner reads a day with ``store.notes_of_day(day)``.
"""

from datetime import date, datetime
from enum import StrEnum

from msgspec import Struct

from stamkunde.ledger.model.entries import Entry
from stamkunde.shared.clock import local_date


class NoteKind(StrEnum):
    """What a note tells of."""

    SURPRISE_VOUCHER = "surprise_voucher"
    CARRY_OVER = "carry_over"
    CORRECTION = "correction"
    MERGE = "merge"
    REDEMPTION_REFUSED = "redemption_refused"
    """A queued receipt wanted to use what was no longer there: the customer has it, and nobody gave it."""

    UNMATCHED_REFUND = "unmatched_refund"
    """A refund waited for its sale, and the sale never came."""


class Note(Struct, frozen=True):
    """One line for the owner.

    Parameters
    ----------
    day
        The club's calendar day it was written on.
    entry_id, account_id, member_id
        What it is about, as far as there is such a thing.
    code
        A reason or a refusal's code, such as ``coupon_used``; empty where the kind says it all.
    subject
        The coupon, the stamp programme or the refund it is about; empty otherwise.
    """

    kind: NoteKind
    noted_at: datetime
    day: date
    entry_id: str | None = None
    account_id: str | None = None
    member_id: str | None = None
    code: str = ""
    subject: str = ""


def note_of(entry: Entry, kind: NoteKind, time_zone: str, code: str = "", subject: str = "") -> Note:
    """A note about an entry, on the club's day it was booked."""
    return Note(
        kind=kind,
        noted_at=entry.booked_at,
        day=local_date(entry.booked_at, time_zone),
        entry_id=entry.entry_id,
        account_id=entry.account_id,
        member_id=entry.member_id,
        code=code,
        subject=subject,
    )
