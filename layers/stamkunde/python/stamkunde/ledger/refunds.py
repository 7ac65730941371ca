"""What a till does when goods come back: a refund is booked once, whichever till of the club it comes from.

A refund that is quicker than its sale waits in the guard of that sale, and is booked when the sale arrives.
"""

from collections import Counter
from collections.abc import Callable
from copy import replace
from datetime import datetime, time, timedelta

from msgspec import Struct

from stamkunde.ledger.guards import BookedRefund, Guard, ParkedRefund, waiting_guard
from stamkunde.ledger.model.accounts import Account
from stamkunde.ledger.model.entries import BenefitBack, Entry, EntryKind, RefundFacts
from stamkunde.ledger.model.receipts import (
    CLOCK_TOLERANCE,
    ReceiptTime,
    TillPoint,
    judge_receipt_time,
    receipt_period,
)
from stamkunde.ledger.model.reversal import Refund, Reversal, lots_over, refund_id, reverse
from stamkunde.ledger.notes import Note, NoteKind
from stamkunde.ledger.store import LedgerStore, guest_account, new_entry_id
from stamkunde.shared.clock import Clock, local_date, wall_instant
from stamkunde.shared.errors import Refusal
from stamkunde.shared.patience import Patience
from stamkunde.shared.reasons import Reason
from stamkunde.shared.transaction import Busy, ConditionFailed, Write

PARKED_FOR = timedelta(days=7)
"""How long a refund waits for its sale: as long as a queue of receipts may."""

DAYS_TENDED = 14
"""So many days of parked refunds are looked through; a job that stood still for a week misses none."""

MOST_REFUNDS = 100
"""Refunds of one purchase: its guard is one row."""


class Refunded(Struct, frozen=True):
    """A refund in the ledger; `repeated` when it had been booked before."""

    entry: Entry
    repeated: bool


class Waiting(Struct, frozen=True):
    """A refund that waits for its sale; `repeated` when it had been parked before."""

    parked: ParkedRefund
    repeated: bool

    @property
    def until(self) -> datetime:
        """When it is given up."""
        return self.parked.parked_at + PARKED_FOR


class Tended(Struct, frozen=True):
    """What became of parked refunds that were looked after."""

    booked: int
    ended: int


class _Source(Struct, frozen=True):
    """Where a refund comes from, and when."""

    outlet_id: str
    till_id: str
    time: ReceiptTime


class Refunds(Struct, frozen=True):
    """One club's refunds.

    Parameters
    ----------
    find_account
        The account of a member by the member's id, or None: asked when the member's purchase lies in another one.
    """

    store: LedgerStore
    time_zone: str
    clock: Clock
    patience: Patience
    find_account: Callable[[str], str | None]

    def book(self, refund: Refund, till: TillPoint) -> Refunded:
        """Book a refund of a purchase that is in the ledger, once, however often it is sent.

        Raises
        ------
        Refusal
            ``unknown_purchase``. ``receipt_differs``: the same refund came before with other content.
            ``not_a_member_purchase``: the member is gone. ``invalid_field``: dated before its sale.
            ``too_many_refunds``. ``try_again``. Those of `reverse` and of `judge_receipt_time`. Nothing is written
            then.
        """
        identity = self._identity(refund, till)
        return self.patience.until_done(lambda: self._try_to_book(refund, till, identity))

    def book_or_park(self, refund: Refund, till: TillPoint) -> Refunded | Waiting:
        """Book a refund, or have it wait if its sale hasn't arrived yet.

        Raises
        ------
        Refusal
            Those of `book` but ``unknown_purchase``.
        """
        identity = self._identity(refund, till)

        def attempt() -> Refunded | Waiting:
            guard = self.store.find_guard(refund.purchase_id)
            if guard is None or not guard.booked:
                return self._park(guard, refund, till, identity)
            return self._book_on(guard, refund, till, identity)

        return self.patience.until_done(attempt)

    def of_purchase(self, guard: Guard) -> list[Entry]:
        """What was refunded of a purchase so far, oldest first."""
        booked = sorted(guard.refunds.values(), key=lambda each: each.entry_id)
        return [self.store.load_entry(each.account_id, each.entry_id) for each in booked if each.account_id]

    def book_parked(self, purchase_id: str) -> int:
        """Book what has waited for a sale that is booked by now; what can't be booked is noted. Returns how many.

        It never raises for a refund's sake: the sale is booked, and what finds no turn now is tended later.
        """
        guard = self.store.find_guard(purchase_id)
        if guard is None or not guard.booked:
            return 0
        return sum(self._book_waiting(purchase_id, identity) for identity in guard.parked)

    def tend_parked(self, now: datetime) -> Tended:
        """Book what was left behind when its sale arrived, and end with a note what has waited too long.

        For the hourly job; repeatable.
        """
        booked = ended = 0
        today = local_date(now, self.time_zone)
        for days in range(DAYS_TENDED + 1):
            for purchase_id, identity in self.store.parked_on(today - timedelta(days=days)):
                guard = self.store.find_guard(purchase_id)
                parked = guard.parked.get(identity) if guard else None
                if guard is None or parked is None:
                    continue
                if guard.booked:
                    booked += self._book_waiting(purchase_id, identity)
                elif parked.parked_at + PARKED_FOR <= now:
                    self._end(purchase_id, identity, "unknown_purchase")
                    ended += 1
        return Tended(booked, ended)

    def _identity(self, refund: Refund, till: TillPoint) -> str:
        period = receipt_period(refund.refunded_at, till.receipt_numbers, self.time_zone)
        return refund_id(self.store.club_id, till.till_id, period, refund.refund_number)

    def _try_to_book(self, refund: Refund, till: TillPoint, identity: str) -> Refunded:
        guard = self.store.find_guard(refund.purchase_id)
        if guard is None or not guard.booked:
            raise Refusal("unknown_purchase")
        return self._book_on(guard, refund, till, identity)

    def _book_on(self, guard: Guard, refund: Refund, till: TillPoint, identity: str) -> Refunded:
        earlier = guard.refunds.get(identity)
        if earlier is not None:
            return self._repeat(earlier, refund)
        parked = guard.parked.get(identity)
        if parked is not None:
            _check_same(parked.refund.content_hash(), refund)
            return Refunded(
                self._write(guard, refund, _source_of(parked, self.clock.now()), identity), repeated=False
            )
        source = _Source(till.outlet_id, till.till_id, self._judge(refund, till))
        return Refunded(self._write(guard, refund, source, identity), repeated=False)

    def _repeat(self, earlier: BookedRefund, refund: Refund) -> Refunded:
        _check_same(earlier.content_hash, refund)
        if not earlier.account_id:
            raise Refusal("not_a_member_purchase")
        return Refunded(self.store.load_entry(earlier.account_id, earlier.entry_id), repeated=True)

    def _judge(self, refund: Refund, till: TillPoint) -> ReceiptTime:
        try:
            return judge_receipt_time(refund.refunded_at, self.clock.now(), till.late_receipts_until)
        except Refusal as refusal:
            raise Refusal(refusal.code, refusal.values, "/refunded_at") from refusal

    def _write(self, guard: Guard, refund: Refund, source: _Source, identity: str) -> Entry:
        if not guard.account_id:
            raise Refusal("not_a_member_purchase")
        if len(guard.refunds) >= MOST_REFUNDS:
            raise Refusal("too_many_refunds", {"most": MOST_REFUNDS})
        sale = self.store.load_entry(guard.account_id, guard.entry_id)
        _check_after(sale, refund)
        before, member_id = self._account(sale, refund.purchase_id)
        now = source.time.booked_at
        lapsed = self._lapsed(sale, before, member_id, now)
        reversal = reverse(sale, guard.refunded, refund.lines, before, member_id, now, self.time_zone, lapsed)
        entry = replace(self._entry(sale, refund, source, reversal), member_id=member_id)
        booked = BookedRefund(entry.account_id, entry.entry_id, refund.content_hash())
        after = guard.refund(identity, booked, reversal.refunded)
        writes = self._entry_writes(before, reversal, entry)
        self._commit([self.store.guard_write(after, guard), *writes, *self._offers_back(reversal)])
        return entry

    def _account(self, sale: Entry, purchase_id: str) -> tuple[Account, str | None]:
        """The account that holds the member now, perhaps another than the purchase's, and as whom it knows them."""
        if sale.member_id is None:
            return guest_account(purchase_id), None
        account = self.store.load_account(sale.account_id, consistent=True)
        if account is None or account.known_as(sale.member_id) not in account.members:
            found = self.find_account(sale.member_id)
            account = self.store.load_account(found, consistent=True) if found else None
        if account is None or account.known_as(sale.member_id) not in account.members:
            raise Refusal("not_a_member_purchase")
        return account, account.known_as(sale.member_id)

    def _lapsed(self, sale: Entry, account: Account, member_id: str | None, now: datetime) -> int | None:
        """What `reverse` wants to know; looked for only where a purchase's bonus is over, in its own account."""
        over = lots_over(sale, account, member_id, now, self.time_zone)
        if not over or account.account_id != sale.account_id:
            return None
        first_day = min(lot.expires_on for lot in over) + timedelta(days=1)
        midnight = wall_instant(datetime.combine(first_day, time.min), self.time_zone)
        lapsed = 0
        for entry in self.store.entries_since(account.account_id, midnight):
            if entry.kind is EntryKind.EXPIRE:
                lapsed -= sum(change.amount for change in entry.changes if change.lot in over)
            elif entry.refund is not None and entry.refund.purchase_entry_id == sale.entry_id:
                lapsed -= entry.refund.lapsed
        return max(0, lapsed)

    def _entry(self, sale: Entry, refund: Refund, source: _Source, reversal: Reversal) -> Entry:
        now = source.time.booked_at
        return Entry(
            entry_id=new_entry_id(now),
            kind=EntryKind.REFUND,
            account_id=reversal.account.account_id,
            member_id=sale.member_id,
            outlet_id=source.outlet_id,
            till_id=source.till_id,
            booked_at=now,
            day=local_date(source.time.counts_at, self.time_zone),
            movement=reversal.movement,
            balance=reversal.account.balance(now, self.time_zone),
            refund=RefundFacts(
                purchase_id=refund.purchase_id,
                purchase_entry_id=sale.entry_id,
                refund_number=refund.refund_number,
                refunded_at=refund.refunded_at,
                lines=reversal.lines,
                amount=reversal.amount,
                money_back=reversal.money_back,
                taken_back=reversal.taken_back,
                spent_back=reversal.spent_back,
                owed=reversal.owed,
                benefits_back=tuple(BenefitBack(each.source, each.name, each.title) for each in reversal.benefits),
                stamps_back=reversal.stamps_back,
                lapsed=reversal.lapsed,
                flags=source.time.flags,
            ),
            uses=reversal.uses,
        )

    def _entry_writes(self, before: Account, reversal: Reversal, entry: Entry) -> list[Write]:
        if entry.member_id is None:
            return [*self.store.guest_writes(entry)]
        return [*self.store.entry_writes(before, reversal.account, entry)]

    def _offers_back(self, reversal: Reversal) -> list[Write]:
        """What others may use again: one of a coupon's total, a code."""
        limited = Counter(each.name for each in reversal.benefits if each.limited)
        codes = [each.code_hash for each in reversal.benefits if each.code_hash]
        return [
            *(self.store.coupons.give_back_write(coupon_id, uses) for coupon_id, uses in limited.items()),
            *(self.store.coupons.code_back_write(code_hash) for code_hash in codes),
        ]

    def _park(self, guard: Guard | None, refund: Refund, till: TillPoint, identity: str) -> Waiting:
        waiting = guard or waiting_guard(refund.purchase_id)
        earlier = waiting.parked.get(identity)
        if earlier is not None:
            _check_same(earlier.refund.content_hash(), refund)
            return Waiting(earlier, repeated=True)
        if len(waiting.parked) >= MOST_REFUNDS:
            raise Refusal("too_many_refunds", {"most": MOST_REFUNDS})
        time = self._judge(refund, till)
        parked = ParkedRefund(refund, till.outlet_id, till.till_id, time.booked_at, time.flags)
        day = local_date(time.booked_at, self.time_zone)
        self._commit(
            [
                self.store.guard_write(waiting.park(identity, parked), guard),
                self.store.parked_write(day, refund.purchase_id, identity),
            ]
        )
        return Waiting(parked, repeated=False)

    def _book_waiting(self, purchase_id: str, identity: str) -> int:
        def attempt() -> int:
            guard = self.store.find_guard(purchase_id)
            parked = guard.parked.get(identity) if guard else None
            if guard is None or parked is None:
                return 0
            self._write(guard, parked.refund, _source_of(parked, self.clock.now()), identity)
            return 1

        try:
            return self.patience.until_done(attempt)
        except Refusal as refusal:
            if refusal.code != "try_again":
                self._end(purchase_id, identity, refusal.code)
            return 0

    def _end(self, purchase_id: str, identity: str, code: str) -> None:
        """A parked refund is given up, and the owner is told."""

        def attempt() -> None:
            guard = self.store.find_guard(purchase_id)
            parked = guard.parked.get(identity) if guard else None
            if guard is None or parked is None:
                return
            now = self.clock.now()
            note = Note(
                kind=NoteKind.UNMATCHED_REFUND,
                noted_at=now,
                day=local_date(now, self.time_zone),
                entry_id=guard.entry_id or None,
                account_id=guard.account_id or None,
                code=code,
                subject=parked.refund.refund_number,
            )
            after = guard.give_up(identity, note.day)
            self._commit([self.store.guard_write(after, guard), self.store.note_write(note)])

        try:
            self.patience.until_done(attempt)
        except Refusal:
            # It is still listed, and tended the next hour.
            return

    def _commit(self, writes: list[Write]) -> None:
        try:
            self.store.commit(writes)
        except ConditionFailed as failed:
            raise Busy from failed


def _check_same(content_hash: bytes, refund: Refund) -> None:
    if content_hash != refund.content_hash():
        raise Refusal("receipt_differs", pointer="/refund_number")


def _check_after(sale: Entry, refund: Refund) -> None:
    """Nothing comes back before it is sold; the clocks of two tills may differ a little."""
    sold_at = min(sale.purchase.bought_at, sale.booked_at) if sale.purchase else sale.booked_at
    if refund.refunded_at + CLOCK_TOLERANCE < sold_at:
        raise Refusal("invalid_field", {"expected": Reason("after_sale")}, "/refunded_at")


def _source_of(parked: ParkedRefund, now: datetime) -> _Source:
    """A parked refund counts when the goods came back, judged when it was parked."""
    counts_at = min(parked.refund.refunded_at, parked.parked_at)
    return _Source(parked.outlet_id, parked.till_id, ReceiptTime(counts_at, now, parked.flags))
