"""What a till does with the ledger: quote, book, look up. Load, decide by the model, write once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from stamkunde.ledger.model import (
    Account,
    Basket,
    Entry,
    EntryKind,
    Flag,
    PurchaseFacts,
    Receipt,
    ReceiptTime,
    Settlement,
    judge_receipt_time,
    purchase_id,
    receipt_period,
    settle,
)
from stamkunde.ledger.store import EntryPage, Guard, LedgerStore, guard_from_row, new_entry_id
from stamkunde.shared.clock import Clock, local_date
from stamkunde.shared.errors import Refusal
from stamkunde.shared.patience import RETRY_AFTER_SECONDS, Patience
from stamkunde.shared.programme import BonusProgramme, programme_at
from stamkunde.shared.transaction import Busy, ConditionFailed

QUEUE_SECONDS = 8.0
"""How long a batch is worked on: with the last receipt's own patience, well within a function's time limit."""


@dataclass(frozen=True, slots=True)
class TillPoint:
    """Where a receipt comes from, as the ledger needs to know it."""

    till_id: str
    outlet_id: str
    receipt_numbers: str
    late_receipts_until: datetime | None


@dataclass(frozen=True, slots=True)
class Booked:
    """A purchase in the ledger; `repeated` when it had been booked before."""

    entry: Entry
    repeated: bool


@dataclass(frozen=True, slots=True)
class Ledger:
    """One club's ledger, as a till uses it.

    Parameters
    ----------
    find_account
        The account of a member by the member's id, or None: asked when a till doesn't say, or says it wrong.
    """

    store: LedgerStore
    programmes: tuple[BonusProgramme, ...]
    time_zone: str
    clock: Clock
    patience: Patience
    find_account: Callable[[str], str | None]

    def quote(self, basket: Basket, member_id: str, account_id: str | None) -> Settlement:
        """What a basket would earn and spend now; writes nothing.

        Raises
        ------
        Refusal
            ``unknown_member``, and those of `settle`.
        """
        account = self._account(member_id, account_id, consistent=False)
        now = self.clock.now()
        return settle(
            basket, programme_at(self.programmes, now), account, member_id, ReceiptTime(now, now), self.time_zone
        )

    def book(self, receipt: Receipt, till: TillPoint) -> Booked:
        """Book a settled receipt once, however often it is sent.

        Raises
        ------
        Refusal
            ``receipt_differs``: the same receipt came before with other content. ``try_again``. Those of `quote` and
            of `judge_receipt_time`. Nothing is written then.
        """
        period = receipt_period(receipt.bought_at, till.receipt_numbers, self.time_zone)
        identity = purchase_id(self.store.club_id, till.till_id, period, receipt.receipt_number)
        return self.patience.until_done(lambda: self._try_to_book(receipt, till, identity))

    def book_in_turn(self, receipts: Sequence[Receipt | Refusal], till: TillPoint) -> list[Booked | Refusal]:
        """Book a till's queue in the order given; what could not be read stays refused, none stops the others.

        A receipt that finds no turn makes that member's later ones wait too: they may spend what it earns. After
        `QUEUE_SECONDS` the rest is not attempted, so that the till has its answer before the gateway gives up.
        """
        end = self.patience.monotonic() + QUEUE_SECONDS
        waiting: set[str] = set()
        answers: list[Booked | Refusal] = []
        for receipt in receipts:
            answer = receipt if isinstance(receipt, Refusal) else self._book_in_queue(receipt, till, waiting, end)
            if isinstance(receipt, Receipt) and isinstance(answer, Refusal) and answer.code == "try_again":
                waiting.add(receipt.member_id)
            answers.append(answer)
        return answers

    def _book_in_queue(self, receipt: Receipt, till: TillPoint, waiting: set[str], end: float) -> Booked | Refusal:
        if receipt.member_id in waiting or self.patience.monotonic() > end:
            return Refusal("try_again", retry_after=RETRY_AFTER_SECONDS)
        try:
            return self.book(receipt, till)
        except Refusal as refusal:
            return refusal

    def find_purchase(self, identity: str) -> Entry:
        """A booked purchase.

        Raises
        ------
        Refusal
            ``unknown_purchase``.
        """
        guard = self.store.find_guard(identity)
        if guard is None:
            raise Refusal("unknown_purchase")
        return self.store.load_entry(guard.account_id, guard.entry_id)

    def entries(self, member_id: str, *, most: int, after: str | None) -> EntryPage:
        """A page of a member's ledger, newest first.

        Raises
        ------
        Refusal
            ``unknown_member``.
        """
        account_id = self.find_account(member_id)
        if account_id is None:
            raise Refusal("unknown_member")
        return self.store.entries(account_id, most=most, after=after)

    def _try_to_book(self, receipt: Receipt, till: TillPoint, identity: str) -> Booked:
        try:
            before, after, entry = self._decide(receipt, till, identity)
        except Refusal:
            # A retry of a booked receipt may be refused by what has happened since, such as its own spending.
            guard = self.store.find_guard(identity)
            if guard is None:
                raise
            return self._repeat(guard, receipt)
        guard = Guard(identity, entry.account_id, entry.entry_id, receipt.content_hash())
        try:
            self.store.commit([self.store.guard_write(guard), *self.store.entry_writes(before, after, entry)])
        except ConditionFailed as failed:
            earlier = failed.found.get("guard")
            if earlier is None:
                raise Busy from failed
            return self._repeat(guard_from_row(earlier), receipt)
        return Booked(entry, repeated=False)

    def _decide(self, receipt: Receipt, till: TillPoint, identity: str) -> tuple[Account, Account, Entry]:
        now = self.clock.now()
        time = judge_receipt_time(receipt.bought_at, now, till.late_receipts_until)
        account = self._account(receipt.member_id, receipt.account_id, consistent=True)
        programme = programme_at(self.programmes, time.counts_at)
        settlement = settle(receipt.basket, programme, account, receipt.member_id, time, self.time_zone)
        entry = Entry(
            entry_id=new_entry_id(now),
            kind=EntryKind.PURCHASE,
            account_id=account.account_id,
            member_id=receipt.member_id,
            outlet_id=till.outlet_id,
            till_id=till.till_id,
            booked_at=now,
            day=local_date(time.counts_at, self.time_zone),
            changes=settlement.changes,
            balance=settlement.balance,
            purchase=_facts(receipt, settlement, identity, account, time.flags),
        )
        return account, settlement.account, entry

    def _repeat(self, guard: Guard, receipt: Receipt) -> Booked:
        if guard.content_hash != receipt.content_hash():
            raise Refusal("receipt_differs", pointer="/receipt_number")
        return Booked(self.store.load_entry(guard.account_id, guard.entry_id), repeated=True)

    def _account(self, member_id: str, account_id: str | None, *, consistent: bool) -> Account:
        """The member's account: where the till says, or where the member's own row says."""
        account = self.store.load_account(account_id, consistent=consistent) if account_id else None
        if account is not None and member_id in account.members:
            return account
        found = self.find_account(member_id)
        account = self.store.load_account(found, consistent=consistent) if found else None
        if account is None or member_id not in account.members:
            raise Refusal("unknown_member", pointer="/member_id")
        return account


def _facts(
    receipt: Receipt, settlement: Settlement, identity: str, account: Account, flags: tuple[Flag, ...]
) -> PurchaseFacts:
    accepted = account.members[receipt.member_id].terms_version
    facts = PurchaseFacts(
        purchase_id=identity,
        receipt_number=receipt.receipt_number,
        bought_at=receipt.bought_at,
        total=settlement.total,
        earned=settlement.earned,
        asked_to_spend=settlement.asked_to_spend,
        spent=settlement.spent,
        lines=receipt.basket.lines,
        flags=flags,
    )
    return facts if accepted else replace(facts, lines=())
