"""What a basket gives and takes: the one function behind a quote, a reservation and a purchase."""

from collections.abc import Mapping
from copy import replace
from datetime import date

from msgspec import Struct, field

from stamkunde.ledger.model.accounts import (
    Account,
    AccountMember,
    Balance,
    CouponUse,
    Hold,
    LotChange,
    LotKey,
    Movement,
    StampChange,
    credit,
    debit,
)
from stamkunde.ledger.model.earning import Occasion, earn, line_rate
from stamkunde.ledger.model.entries import Benefit, Earned, Refused
from stamkunde.ledger.model.holding import day_made, remembered
from stamkunde.ledger.model.receipts import Basket, ReceiptTime, RedemptionKind
from stamkunde.ledger.model.redeeming import NO_OFFERS, Counter, Offers, redemptions_of
from stamkunde.ledger.model.stamping import Stamped, stamp_cards
from stamkunde.shared.clock import end_of_month, local_date
from stamkunde.shared.errors import Refusal
from stamkunde.shared.programme import BonusProgramme
from stamkunde.shared.terms import NOT_ACCEPTED

GUEST = AccountMember(NOT_ACCEPTED, None)


class Terms(Struct, frozen=True):
    """By what a basket is settled.

    Parameters
    ----------
    programme
        The version valid when it was bought.
    programme_now
        The version valid when it is booked; None where that is the same.
    promised_months
        How long bonus lives at least, by the terms version that a member accepted (R26).
    """

    programme: BonusProgramme
    outlet_id: str
    time_zone: str
    offers: Offers = NO_OFFERS
    promised_months: Mapping[int, int] = field(default_factory=dict)
    programme_now: BonusProgramme | None = None

    def new_lot(self, day: date, terms_version: int) -> LotKey:
        """Where bonus of a day goes: it lives as long as the programme says, and never shorter than was promised.

        Which terms an open member will accept isn't known yet, so theirs lives as long as any terms promise.
        """
        longest = max(self.promised_months.values(), default=0)
        months = max(self.programme.expiry_months, self.promised_months.get(terms_version, longest))
        return LotKey(end_of_month(day, months), terms_version)


class Settlement(Struct, frozen=True):
    """What a basket gives and takes: the answer to a quote, and what a purchase writes.

    Parameters
    ----------
    total
        Sum of the lines before benefits, minor units.
    spent, paid_with_bonus
        Units of bonus, and what they come to in minor units.
    stamped
        By stamp programme.
    uses
        By coupon: the member's uses afterwards.
    refused
        What could not be honoured on a receipt from a queue; empty for any other, which is refused as a whole.
    account
        As it is afterwards; None without a member.
    """

    total: int
    earned: Earned
    asked_to_spend: int
    spent: int
    paid_with_bonus: int
    not_earning: int
    line_rates: tuple[int, ...]
    benefits: tuple[Benefit, ...]
    stamped: Mapping[str, Stamped]
    uses: Mapping[str, CouponUse]
    refused: tuple[Refused, ...]
    movement: Movement
    account: Account
    balance: Balance

    @property
    def changes(self) -> tuple[LotChange, ...]:
        """What it does to the bonus, lot by lot."""
        return self.movement.lots

    @property
    def discount(self) -> int:
        """What benefits take off, in minor units."""
        return sum(benefit.amount for benefit in self.benefits)

    @property
    def to_pay(self) -> int:
        """What is left to pay with money."""
        return self.total - self.discount - self.paid_with_bonus


def settle(
    basket: Basket,
    terms: Terms,
    account: Account,
    member_id: str | None,
    time: ReceiptTime,
    *,
    hold_id: str | None = None,
    offline: bool = False,
) -> Settlement:
    """What a basket earns, stamps, redeems and spends, and why; the only place that decides it.

    Benefits come off first, then bonus pays, soonest expiry first and capped at what is left; what is paid with money
    earns, rounded down once per receipt. What is earned can be spent from the next purchase on. All that is judged
    at the instant of the purchase; the balance is told as of the instant it is booked.

    Parameters
    ----------
    account
        An empty one without members for a customer without membership.
    hold_id
        Of the hold that is captured: what it names is redeemed, and what it reserved is free for this receipt.
    offline
        The sale is over: what can't be honoured is told line by line, and the rest is booked.

    Raises
    ------
    Refusal
        ``terms_not_accepted``: an open member's bonus is pending. ``not_enough_bonus``. Those of `Counter.redeem`.
    """
    hold = account.holds[hold_id] if hold_id is not None else Hold(member_id or "", time.booked_at)
    holds = account.holds
    promised = hold if hold.live(time.booked_at) else Hold(hold.member_id, hold.until)
    held_on = min(day_made(hold, terms.time_zone), local_date(time.counts_at, terms.time_zone))
    if hold_id is not None:
        holds = {**holds, hold_id: hold.over(captured=True)}
    # What counts is what is held now, also for a receipt that was bought while something else was.
    account = replace(account, holds={each: held for each, held in holds.items() if held.live(time.booked_at)})
    occasion = Occasion(terms.outlet_id, time.counts_at, terms.time_zone)
    counter = Counter(
        basket.lines,
        account if member_id else None,
        member_id,
        terms.offers,
        occasion,
        held_coupons=promised.coupons,
        held_rewards=promised.rewards,
        held_on=held_on,
    )
    refused = _redeem(basket, hold, counter, offline=offline)
    asked = basket.spend_bonus or hold.bonus
    net_total = sum(counter.nets)
    purse = Purse(account, member_id, promised.bonus, held_on, occasion)
    spending, not_spent = purse.pay(min(asked, net_total // terms.programme.point_value), offline=offline)
    refused += not_spent
    spent = -sum(change.amount for change in spending)
    paid_with_bonus = spent * terms.programme.point_value
    not_earning = min(_not_earning(basket, terms.programme), net_total - paid_with_bonus)
    rates = [line_rate(line, terms.programme, occasion) for line in basket.lines]
    member = account.members[member_id] if member_id else GUEST
    paid = net_total - paid_with_bonus - not_earning
    earned = earn(counter.nets, rates, terms.programme, paid if member_id else 0, member.terms_version)
    stamped = (
        stamp_cards(
            basket.lines,
            counter.nets,
            counter.free_units,
            terms.programme,
            terms.programme_now or terms.programme,
            account,
            occasion,
        )
        if member_id
        else {}
    )
    movement = _movement(account, spending, earned, stamped, counter, terms, occasion)
    after = replace(
        _after(account, movement, stamped, counter, member_id, occasion), holds=remembered(holds, time.booked_at)
    )
    line_rates = tuple(rate.rate for rate in rates)
    return Settlement(
        total=basket.total,
        earned=earned,
        asked_to_spend=asked,
        spent=spent,
        paid_with_bonus=paid_with_bonus,
        not_earning=not_earning,
        line_rates=() if set(line_rates) <= {terms.programme.rate} else line_rates,
        benefits=tuple(counter.benefits),
        stamped=stamped,
        uses=counter.uses,
        refused=tuple(refused),
        movement=movement,
        account=after,
        balance=after.balance(time.booked_at, terms.time_zone),
    )


def _redeem(basket: Basket, hold: Hold, counter: Counter, *, offline: bool) -> list[Refused]:
    refused = []
    for redemption in counter.in_turn(redemptions_of(basket, hold.rewards, hold.coupons)):
        try:
            counter.redeem(redemption)
        except Refusal as refusal:
            if not offline:
                raise
            name = "" if redemption.kind is RedemptionKind.CODE else redemption.name
            refused.append(Refused(redemption.kind.value, name, refusal.code))
    return refused


class Purse(Struct, frozen=True):
    """The bonus that may pay for a receipt.

    Parameters
    ----------
    account
        What is held for other receipts is reserved in it.
    held
        What was set aside for this one: a promise that neither a refund nor midnight since then breaks.
    held_on
        The club's day on which it was.
    """

    account: Account
    member_id: str | None
    held: int
    held_on: date
    occasion: Occasion

    def pay(self, asked: int, *, offline: bool) -> tuple[tuple[LotChange, ...], list[Refused]]:
        """Which lots pay, and what could not be honoured.

        Raises
        ------
        Refusal
            ``unknown_member``, ``terms_not_accepted``, ``not_enough_bonus``; never for a sale that is over.
        """
        try:
            return self._take(asked), []
        except Refusal as refusal:
            if not offline:
                raise
            code = refusal.code
        left = self._available() if code == "not_enough_bonus" else 0
        return self._take(left), [Refused("bonus", "", code, asked - left)]

    def _take(self, amount: int) -> tuple[LotChange, ...]:
        if amount == 0:
            return ()
        if self.member_id is None:
            raise Refusal("unknown_member", pointer="/member_id")
        if self.account.members[self.member_id].terms_version == NOT_ACCEPTED:
            raise Refusal("terms_not_accepted", pointer="/spend_bonus")
        if amount > self._available():
            raise Refusal("not_enough_bonus", pointer="/spend_bonus")
        lapsed = debit(self._lapsed(), min(amount, self._promised_of_lapsed()))
        return (*lapsed, *debit(self._alive(), amount + sum(change.amount for change in lapsed)))

    def _available(self) -> int:
        alive = sum(self._alive().values())
        reserved = self.account.reserved(self.occasion.at)
        free = self._promised_of_lapsed() + alive - reserved - self.account.deficit
        return max(0, free, min(self.held, sum(self._lapsed().values()) + alive - reserved))

    def _alive(self) -> dict[LotKey, int]:
        return self.account.spendable_lots(local_date(self.occasion.at, self.occasion.time_zone))

    def _lapsed(self) -> dict[LotKey, int]:
        """What could be spent when the bonus was set aside, and otherwise could no more."""
        alive = self._alive()
        return {lot: n for lot, n in self.account.spendable_lots(self.held_on).items() if lot not in alive}

    def _promised_of_lapsed(self) -> int:
        return min(self.held, sum(self._lapsed().values()))


def _not_earning(basket: Basket, programme: BonusProgramme) -> int:
    kinds = programme.exclusions.payment_kinds
    return sum(payment.amount for payment in basket.payments if payment.kind in kinds)


def _movement(
    account: Account,
    spending: tuple[LotChange, ...],
    earned: Earned,
    stamped: Mapping[str, Stamped],
    counter: Counter,
    terms: Terms,
    occasion: Occasion,
) -> Movement:
    bought_on = local_date(occasion.at, occasion.time_zone)
    earning = credit(account, terms.new_lot(bought_on, earned.terms_version), earned.amount)
    changes = {stamp_programme_id: each.change for stamp_programme_id, each in stamped.items()}
    for key, used in counter.rewards.items():
        change = changes.get(key.stamp_programme_id, StampChange(key.stamp_programme_id, 0))
        changes[key.stamp_programme_id] = replace(change, rewards=(*change.rewards, (key, used)))
    return Movement((*spending, *earning.lots), earning.deficit, tuple(changes.values()))


def _after(
    account: Account,
    movement: Movement,
    stamped: Mapping[str, Stamped],
    counter: Counter,
    member_id: str | None,
    occasion: Occasion,
) -> Account:
    for stamp_programme_id, each in stamped.items():
        # Its stamps are counted by the movement.
        before = account.cards.get(stamp_programme_id)
        account = account.replace_card(stamp_programme_id, replace(each.card, stamps=before.stamps if before else 0))
    after = account.apply(movement)
    if member_id is None:
        return after
    uses = {(coupon_id, member_id): use for coupon_id, use in counter.uses.items()}
    member = after.members[member_id]
    latest = occasion.at if member.last_purchase_at is None else max(occasion.at, member.last_purchase_at)
    after = after.replace_member(member_id, replace(member, last_purchase_at=latest))
    return replace(after, uses={**after.uses, **uses})
