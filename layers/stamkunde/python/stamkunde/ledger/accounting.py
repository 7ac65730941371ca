"""The accountant's file of a month: written in parts, signed as a whole, and checked for changes later.

A row's place in the file doesn't matter to the signature, what stands in it does: the parts come account by account,
and whoever puts them together sorts them by day, so that nobody's purchases stand together.
"""

import hmac
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct, field

from stamkunde.ledger.anonymous_store import GONE_SHARDS, AnonymousStore
from stamkunde.ledger.model.accounting import AccountBook, Cells, Row, closing, heading, written
from stamkunde.ledger.model.entries import Entry
from stamkunde.ledger.store import ACCOUNT_SHARDS, GUEST_SHARDS, LedgerStore
from stamkunde.shared.clock import Clock, end_of_month
from stamkunde.shared.errors import Refusal
from stamkunde.shared.signing import SigningKey, derive, seal, unseal

PURPOSE = "ledger export"
CHECKING = "ledger export check"
SIGNATURE = "stamkunde-signature"
SIGNATURE_CELLS = 5
"""That word, the club, the month, the number of the key, and the proof."""

OF_GUESTS = ACCOUNT_SHARDS
OF_NOBODY = OF_GUESTS + GUEST_SHARDS
PARTS = OF_NOBODY + GONE_SHARDS
"""First what accounts hold, then receipts without membership, then what is left of members who are gone."""

MODULUS = 1 << 256

MOST_ROWS = 8_000
"""Rows after which a part ends: an answer of a Lambda holds 6 MB."""

WORK_SECONDS = 20.0


class Signed(msgspec.Struct, frozen=True):
    """How far a file has come: carried from part to part under a seal, so that nobody adds to it on the way.

    Parameters
    ----------
    moved
        What `AnonymousStore.moved` was as it began: an entry that became nobody's on the way would stand in it twice.
    """

    club_id: str
    month: str
    key_id: int
    part: int = 0
    digest: str = "0"
    rows: int = 0
    sums: dict[str, int] = {}
    moved: int = 0


class ExportPart(Struct, frozen=True):
    """A part of the file.

    Parameters
    ----------
    heading, closing
        The first and the last rows, in the first and the last part.
    following
        What to ask the next part by; None after the last one.
    """

    heading: list[Cells]
    rows: list[Cells]
    closing: list[Cells]
    following: str | None


class Verdict(StrEnum):
    """What is to be said of a file."""

    UNALTERED = "unaltered"
    ALTERED = "altered"
    UNSIGNED = "unsigned"
    """Its last line is no signature."""

    OTHER_CLUB = "other_club"
    KEY_GONE = "key_gone"
    """The club has had two new keys since: make the month's file again, and compare."""


class CheckPart(Struct, frozen=True):
    """How a check of a file stands: how to go on, or what it has come to."""

    following: str | None = None
    verdict: Verdict | None = None


class Accounting(Struct, frozen=True):
    """One club's file for the accountant.

    Parameters
    ----------
    keys
        The club's; the first one signs.
    monotonic
        Measures how long a part has taken; tells no date.
    """

    store: LedgerStore
    book: AccountBook
    keys: Sequence[SigningKey]
    clock: Clock
    monotonic: Callable[[], float] = field(default=time.monotonic)

    def export(self, month: date, following: str | None) -> ExportPart:
        """The next part of the file of a month that is over.

        Raises
        ------
        Refusal
            ``month_not_over``. ``invalid_field``: the part isn't one of this file. ``try_again``, from the
            first part on: entries of somebody who was erased meanwhile are elsewhere now.
        """
        reading = self.book.reading
        since, until = self.month_over(month)
        state = self._open(following, PURPOSE) if following else self._begin(month)
        if state.month != _month_text(month):
            raise Refusal("invalid_field", {"expected": state.month}, "/month")
        head = [] if following else [heading(reading.language)]
        rows: list[Row] = []
        part, end = state.part, self.monotonic() + WORK_SECONDS
        while part < PARTS and len(rows) < MOST_ROWS and self.monotonic() < end:
            for entry in self._entries(part, since, until):
                rows += self.book.rows(entry)
            part += 1
        if self._gone.moved() != state.moved:
            raise Refusal("try_again")
        sums = Counter(state.sums)
        for row in rows:
            sums.update(row.sums)
        texts = [written(row, reading) for row in rows]
        state = self._add(msgspec.structs.replace(state, part=part, sums=dict(sums)), [*head, *texts])
        if part < PARTS:
            return ExportPart(head, texts, [], seal(self.keys, PURPOSE, msgspec.json.encode(state)))
        last = closing(sums, reading)
        return ExportPart(head, texts, [*last, self._signature(self._add(state, last))], None)

    def month_over(self, month: date) -> tuple[datetime, datetime]:
        """The instants a month that is over began and ended at.

        Raises
        ------
        Refusal
            ``month_not_over``.
        """
        since, until = month_bounds(month, self.book.reading.time_zone)
        if until > self.clock.now():
            raise Refusal("month_not_over", pointer="/month")
        return since, until

    def check(self, signature: Cells, rows: Iterable[Cells], following: str | None, *, last: bool) -> CheckPart:
        """Take in the next rows of a file; after the last ones, whether they are what was signed.

        Raises
        ------
        Refusal
            ``invalid_field``: `following` isn't what the part before was answered.
        """
        if not is_signature(signature):
            return CheckPart(verdict=Verdict.UNSIGNED)
        _, club_id, month, key_id, proof = signature
        if club_id != self.store.club_id:
            return CheckPart(verdict=Verdict.OTHER_CLUB)
        if all(str(key.key_id) != key_id for key in self.keys):
            return CheckPart(verdict=Verdict.KEY_GONE)
        state = self._open(following, CHECKING) if following else Signed(club_id, month, int(key_id))
        state = self._add(state, rows)
        if not last:
            return CheckPart(seal(self.keys, CHECKING, msgspec.json.encode(state)))
        is_same = hmac.compare_digest(self._signature(state)[-1].encode(), proof.encode())
        return CheckPart(verdict=Verdict.UNALTERED if is_same and state.month == month else Verdict.ALTERED)

    def _begin(self, month: date) -> Signed:
        return Signed(self.store.club_id, _month_text(month), self.keys[0].key_id, moved=self._gone.moved())

    def _open(self, sealed: str, purpose: str) -> Signed:
        opened = unseal(self.keys, purpose, sealed)
        state = msgspec.json.decode(opened, type=Signed) if opened else None
        if state is None or state.club_id != self.store.club_id:
            raise Refusal("invalid_field", {"expected": SIGNATURE}, "/following")
        return state

    def _entries(self, part: int, since: datetime, until: datetime) -> Iterator[Entry]:
        if part >= OF_NOBODY:
            yield from self._gone.entries_booked(since, until, part - OF_NOBODY)
            return
        accounts = (
            self.store.account_ids_of(part)
            if part < OF_GUESTS
            else self.store.guest_accounts(since, until, part - OF_GUESTS)
        )
        for account_id in accounts:
            yield from self.store.entries_booked(account_id, since, until)

    @property
    def _gone(self) -> AnonymousStore:
        return self.store.gone(self.book.reading.time_zone)

    def _add(self, state: Signed, rows: Iterable[Cells]) -> Signed:
        """What has been signed so far with some rows more, in whatever order they come."""
        key = self._row_key(state)
        taken = [int.from_bytes(derive(key, "row", *bare(row)), "big") for row in rows]
        digest = (int(state.digest, 16) + sum(taken)) % MODULUS
        return msgspec.structs.replace(state, digest=f"{digest:x}", rows=state.rows + len(taken))

    def _signature(self, state: Signed) -> Cells:
        proof = derive(self._row_key(state), "file", state.digest, str(state.rows)).hex()
        return SIGNATURE, state.club_id, state.month, str(state.key_id), proof

    def _row_key(self, state: Signed) -> bytes:
        key = next((key for key in self.keys if key.key_id == state.key_id), None)
        if key is None:
            # A new key was made while the file was: begin again.
            raise Refusal("invalid_field", {"expected": SIGNATURE}, "/following")
        return derive(key.secret, PURPOSE, state.club_id, state.month)


def is_signature(row: Sequence[str]) -> bool:
    """Whether a row, without the empty cells at its end, is the last line of such a file."""
    return len(row) == SIGNATURE_CELLS and row[0] == SIGNATURE


def bare(row: Cells) -> Cells:
    """A row without the empty cells at its end, which spreadsheets add and leave out."""
    filled = [place for place, cell in enumerate(row, start=1) if cell]
    return tuple(row[: filled[-1]]) if filled else ()


def month_bounds(month: date, time_zone: str) -> tuple[datetime, datetime]:
    """The instants a month begins and ends at in a club's zone, the end exclusive."""
    first = month.replace(day=1)
    following = end_of_month(first, 0) + timedelta(days=1)
    begin, end = (
        datetime(day.year, day.month, 1, tzinfo=ZoneInfo(time_zone)).astimezone(UTC) for day in (first, following)
    )
    return begin, end


def _month_text(month: date) -> str:
    return f"{month:%Y-%m}"
