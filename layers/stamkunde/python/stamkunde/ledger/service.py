"""What a till does with the ledger: quote, book, look up. Load, decide by the model, write once."""

from collections.abc import Callable, Mapping, Sequence
from copy import replace
from datetime import datetime

from msgspec import Struct, field

from stamkunde.ledger.guards import Guard, guard_from_row
from stamkunde.ledger.known_coupons import NO_TOTALS, CapturedHold, ClubCoupons, FoundTotals
from stamkunde.ledger.model.accounts import Account
from stamkunde.ledger.model.coupons import Coupon
from stamkunde.ledger.model.earning import Occasion
from stamkunde.ledger.model.entries import Earned, EarnedShare, Entry, EntryKind, PurchaseFacts, UseChange
from stamkunde.ledger.model.holding import HOLD_OVER, captured_hold
from stamkunde.ledger.model.receipts import (
    Basket,
    Flag,
    Line,
    Receipt,
    ReceiptTime,
    Redemption,
    TillPoint,
    judge_receipt_time,
    purchase_id,
    receipt_period,
)
from stamkunde.ledger.model.redeeming import redemptions_of
from stamkunde.ledger.model.settlement import Settlement, Terms, settle
from stamkunde.ledger.model.standing import Standing, standing
from stamkunde.ledger.notes import NoteKind, note_of
from stamkunde.ledger.refunds import Refunds
from stamkunde.ledger.store import EntryPage, LedgerStore, guest_account, new_entry_id
from stamkunde.shared.clock import Clock, local_date
from stamkunde.shared.errors import Refusal
from stamkunde.shared.patience import RETRY_AFTER_SECONDS, Patience
from stamkunde.shared.programme import BonusProgramme, programme_at
from stamkunde.shared.transaction import ConditionFailed, Put, Write

QUEUE_SECONDS = 8.0
"""How long a batch is worked on: with the last receipt's own patience, well within a function's time limit."""

MOST_LOOKS = 3
"""For a member's account: whoever joins a household may leave one account while it is being loaded."""


class Booked(Struct, frozen=True):
    """A purchase in the ledger; `repeated` when it had been booked before."""

    entry: Entry
    repeated: bool


class Decision(Struct, frozen=True):
    """What booking a receipt comes to, before it is written.

    Parameters
    ----------
    coupons
        By id, the versions it was decided by.
    hold_id
        Of the hold that is used up with it.
    kept
        By coupon, how many its total keeps back for that hold.
    """

    before: Account
    after: Account
    entry: Entry
    coupons: Mapping[str, Coupon]
    hold_id: str | None
    kept: Mapping[str, int]


class OnOffer(Struct, frozen=True):
    """What members can have at an outlet at an instant, whoever they are."""

    terms: Terms
    coupons: tuple[Coupon, ...]
    occasion: Occasion

    def standing(self, account: Account, member_id: str) -> Standing:
        """What one of them has, for the cashier."""
        terms = self.terms
        stamps = terms.offers.stamp_programmes
        return standing(account, account.known_as(member_id), terms.programme, stamps, self.coupons, self.occasion)


class Ledger(Struct, frozen=True):
    """One club's ledger, as a till uses it.

    Parameters
    ----------
    find_account
        The account of a member by the member's id, or None: asked when a till doesn't say, or says it wrong.
    coupons
        Read only for baskets that name one.
    promised_months
        By terms version: how long bonus lives at least.
    """

    store: LedgerStore
    programmes: tuple[BonusProgramme, ...]
    time_zone: str
    clock: Clock
    patience: Patience
    find_account: Callable[[str], str | None]
    coupons: ClubCoupons
    promised_months: Mapping[int, int] = field(default_factory=dict)

    def quote(self, basket: Basket, outlet_id: str, member_id: str | None, account_id: str | None) -> Settlement:
        """What a basket would earn and spend now; writes nothing.

        Raises
        ------
        Refusal
            ``unknown_member``, and those of `settle`.
        """
        account = self.member_account(member_id, account_id, consistent=False) if member_id else guest_account("")
        now = self.clock.now()
        whose = account.known_as(member_id) if member_id else None
        terms = self.terms_for(outlet_id, now, basket.redemptions)
        told = replace(terms, offers=self.coupons.with_what_is_left(terms.offers, basket.redemptions))
        return settle(basket, told, account, whose, ReceiptTime(now, now))

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
                waiting.add(receipt.member_id or "")
            answers.append(answer)
        return answers

    def _book_in_queue(self, receipt: Receipt, till: TillPoint, waiting: set[str], end: float) -> Booked | Refusal:
        if (receipt.member_id or "") in waiting or self.patience.monotonic() > end:
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
        guard = self._booked_guard(identity)
        return self.store.load_entry(guard.account_id, guard.entry_id)

    def refunds_of(self, identity: str) -> list[Entry]:
        """What was refunded of a purchase so far, oldest first.

        Raises
        ------
        Refusal
            ``unknown_purchase``.
        """
        return self.refunds.of_purchase(self._booked_guard(identity))

    @property
    def refunds(self) -> Refunds:
        """The same club's refunds."""
        return Refunds(self.store, self.time_zone, self.clock, self.patience, self.find_account)

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

    def _booked_guard(self, identity: str) -> Guard:
        guard = self.store.find_guard(identity)
        if guard is None or not guard.account_id:
            raise Refusal("unknown_purchase")
        return guard

    def _try_to_book(self, receipt: Receipt, till: TillPoint, identity: str) -> Booked:
        totals = NO_TOTALS
        while True:
            done = self._book_by(receipt, till, identity, totals)
            if isinstance(done, Booked):
                return done
            totals = done

    def _book_by(self, receipt: Receipt, till: TillPoint, identity: str, totals: FoundTotals) -> Booked | FoundTotals:
        """Book by what is known of coupons' totals; else what is known of them by now."""
        try:
            decided = self._decide(receipt, till, identity, totals)
        except Refusal:
            # A retry of a booked receipt may be refused by what has happened since, such as its own spending.
            guard = self.store.find_guard(identity)
            if guard is None or not guard.booked:
                raise
            return self._repeat(guard, receipt)
        entry = decided.entry
        guard = Guard(identity, entry.account_id, entry.entry_id, receipt.content_hash())
        try:
            self.store.commit([self.store.guard_write(guard), *self._writes(decided)])
        except ConditionFailed as failed:
            earlier = failed.found.get("guard")
            found = guard_from_row(earlier) if earlier is not None else None
            if found is not None and found.booked:
                return self._repeat(found, receipt)
            stopped = self._book_over_parked(guard, found, self._writes(decided)) if found is not None else failed
            if stopped is not None:
                return self.coupons.totals_found(stopped, decided.coupons.values(), totals)
        return Booked(entry, repeated=False)

    def _book_over_parked(self, guard: Guard, waiting: Guard, writes: Sequence[Write]) -> ConditionFailed | None:
        """Book a sale whose refunds were quicker; they are booked right after it, and else by a later try.

        Gives back what stopped it, if something did.
        """
        sold = waiting.sold(guard.account_id, guard.entry_id, guard.content_hash)
        try:
            self.store.commit([self.store.guard_write(sold, waiting), *writes])
        except ConditionFailed as failed:
            return failed
        self.refunds.book_parked(guard.purchase_id)
        return None

    def _decide(self, receipt: Receipt, till: TillPoint, identity: str, totals: FoundTotals) -> Decision:
        now = self.clock.now()
        time = judge_receipt_time(receipt.bought_at, now, till.late_receipts_until)
        account = (
            guest_account(identity)
            if receipt.member_id is None
            else self.member_account(receipt.member_id, receipt.account_id, consistent=True)
        )
        member_id = account.known_as(receipt.member_id) if receipt.member_id else None
        hold_id = captured_hold(account, receipt.reservation_id, member_id, now, offline=receipt.offline)
        hold = account.holds[hold_id] if hold_id else None
        captured = CapturedHold(hold_id, hold, now)
        named = redemptions_of(receipt.basket, (), hold.coupons if hold else ())
        terms = self.terms_for(till.outlet_id, time.counts_at, named, captured.left(totals))
        settlement = settle(receipt.basket, terms, account, member_id, time, hold_id=hold_id, offline=receipt.offline)
        if receipt.reservation_id and not hold_id:
            settlement = replace(settlement, refused=(HOLD_OVER, *settlement.refused))
        flags: tuple[Flag, ...] = ("redemption_refused",) if settlement.refused else ()
        entry = Entry(
            entry_id=new_entry_id(now),
            kind=EntryKind.PURCHASE,
            account_id=account.account_id,
            member_id=member_id,
            outlet_id=till.outlet_id,
            till_id=till.till_id,
            booked_at=now,
            day=local_date(time.counts_at, self.time_zone),
            movement=settlement.movement,
            balance=settlement.balance,
            purchase=_facts(receipt, settlement, identity, (*time.flags, *flags), terms.programme),
            uses=_use_changes(account, settlement, member_id),
        )
        return Decision(account, settlement.account, entry, terms.offers.coupons, hold_id, captured.kept(totals))

    def on_offer(self, outlet_id: str) -> OnOffer:
        """What members can have at an outlet right now."""
        now = self.clock.now()
        coupons = tuple(self.coupons.at(now).values())
        return OnOffer(self.terms_for(outlet_id, now), coupons, Occasion(outlet_id, now, self.time_zone))

    def terms_for(
        self,
        outlet_id: str,
        at: datetime,
        redemptions: Sequence[Redemption] = (),
        left: Mapping[str, int] | None = None,
    ) -> Terms:
        """By what a basket is settled that is bought at an instant, with the coupons and codes that it names.

        Parameters
        ----------
        left
            As in `Offers`: of totals that are known.
        """
        programme = programme_at(self.programmes, at)
        rewards = {
            stamps.stamp_programme_id: stamps
            for version in (*(each for each in self.programmes if each.valid_from <= at), programme)
            for stamps in version.stamp_programmes
        }
        offers = replace(self.coupons.offers(redemptions, at), stamp_programmes=rewards, left=left or {})
        now = programme_at(self.programmes, self.clock.now())
        return Terms(programme, outlet_id, self.time_zone, offers, self.promised_months, now)

    def _repeat(self, guard: Guard, receipt: Receipt) -> Booked:
        if guard.content_hash != receipt.content_hash():
            raise Refusal("receipt_differs", pointer="/receipt_number")
        if not guard.account_id:
            raise Refusal("not_a_member_purchase")
        if guard.parked:
            self.refunds.book_parked(guard.purchase_id)
        return Booked(self.store.load_entry(guard.account_id, guard.entry_id), repeated=True)

    def _writes(self, decided: Decision) -> list[Write]:
        """What goes with the guard: entry and account, totals and codes, notes for the owner."""
        entry, purchase = decided.entry, decided.entry.purchase
        if purchase is None:
            raise LookupError("a receipt is booked as a purchase")
        kind = NoteKind.REDEMPTION_REFUSED
        notes = [note_of(entry, kind, self.time_zone, each.code, each.name) for each in purchase.refused]
        return [
            *self._entry_writes(decided.before, decided.after, entry),
            *self.coupons.store.redemption_writes(purchase.benefits, decided.coupons, decided.hold_id, decided.kept),
            *(self.store.note_write(note) for note in notes),
        ]

    def _entry_writes(self, before: Account, after: Account, entry: Entry) -> list[Put]:
        if entry.member_id is None:
            return self.store.guest_writes(entry)
        return self.store.entry_writes(before, after, entry)

    def member_account(self, member_id: str, account_id: str | None, *, consistent: bool) -> Account:
        """The member's account: where the till says, or where the member's own row says.

        Raises
        ------
        Refusal
            ``unknown_member``.
        """
        account = self.store.load_account(account_id, consistent=consistent) if account_id else None
        looks_left = MOST_LOOKS
        while account is None or account.known_as(member_id) not in account.members:
            found = self.find_account(member_id) if looks_left else None
            if found is None:
                raise Refusal("unknown_member", pointer="/member_id")
            account = self.store.load_account(found, consistent=consistent)
            looks_left -= 1
        return account


def _facts(
    receipt: Receipt, settlement: Settlement, identity: str, flags: tuple[Flag, ...], programme: BonusProgramme
) -> PurchaseFacts:
    return PurchaseFacts(
        purchase_id=identity,
        receipt_number=receipt.receipt_number,
        bought_at=receipt.bought_at,
        total=settlement.total,
        earned=_told(settlement.earned),
        asked_to_spend=settlement.asked_to_spend,
        spent=settlement.spent,
        lines=tuple(_kept(line, settlement, programme) for line in receipt.basket.lines),
        flags=flags,
        paid_with_bonus=settlement.paid_with_bonus,
        not_earning=settlement.not_earning,
        line_rates=settlement.line_rates,
        benefits=settlement.benefits,
        stamped=tuple((name, each.by_line) for name, each in settlement.stamped.items()),
        refused=settlement.refused,
        cards=tuple((name, each.card.stamps, each.card.needed) for name, each in settlement.stamped.items()),
    )


def _told(earned: Earned) -> Earned:
    """What is remembered of how it was earned: rules and multipliers tell what was bought, too."""
    if not earned.pending:
        return earned
    return replace(earned, shares=tuple(EarnedShare(share.base, share.rate) for share in earned.shares))


def _kept(line: Line, settlement: Settlement, programme: BonusProgramme) -> Line:
    """What is remembered of a line: not what was bought while the terms aren't accepted, nor of hidden goods."""
    if settlement.earned.pending or programme.exclusions.hides(line.item_number, line.item_group):
        return replace(line, item_number="", item_group=None)
    return line


def _use_changes(before: Account, settlement: Settlement, member_id: str | None) -> tuple[UseChange, ...]:
    if member_id is None:
        return ()
    return tuple(
        UseChange(coupon_id, use.used - before.uses[coupon_id, member_id].used)
        if (coupon_id, member_id) in before.uses
        else UseChange(coupon_id, use.used)
        for coupon_id, use in settlement.uses.items()
    )
