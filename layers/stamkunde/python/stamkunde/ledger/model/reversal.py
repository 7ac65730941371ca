"""What a refund gives back and takes back: the reverse of a purchase, line by line and unit by unit (invariant 4).

Everything is reckoned from the purchase and from what has come back of it so far, never from the last refund alone:
whatever way a sale is split, and in whatever order it comes back, all its refunds together are its whole.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from copy import replace
from datetime import date, datetime, timedelta

import msgspec
from msgspec import Struct

from stamkunde.ledger.model.accounts import (
    Account,
    CouponUse,
    LotChange,
    LotKey,
    Movement,
    RewardKey,
    StampCard,
    StampChange,
    UseKey,
    credit,
    debit,
)
from stamkunde.ledger.model.earning import earned_amount
from stamkunde.ledger.model.entries import Benefit, BenefitSource, Entry, PurchaseFacts, UseChange
from stamkunde.ledger.model.receipts import Line
from stamkunde.ledger.model.stamping import VISIT, forget_visit, take_back
from stamkunde.shared.clock import iso_instant, local_date
from stamkunde.shared.errors import Refusal
from stamkunde.shared.ids import derived_id
from stamkunde.shared.reasons import Reason

GRACE = timedelta(days=14)
"""What comes back and would be over already can be used for so long, the last day included."""


class Refund(Struct, frozen=True):
    """Goods that come back, as a till reports it.

    Parameters
    ----------
    purchase_id
        What they were bought with.
    refund_number
        The refunding till's own number of it.
    lines
        Pairs of a line's place (from 0) and units, 0 for a whole line that isn't counted; None for all that is left.
    """

    purchase_id: str
    refund_number: str
    refunded_at: datetime
    lines: tuple[tuple[int, int], ...] | None = None

    def content_hash(self) -> bytes:
        """SHA-256 of everything that makes it this refund: a retry has the same."""
        content = [self.purchase_id, self.refund_number, iso_instant(self.refunded_at), self.lines]
        return hashlib.sha256(msgspec.json.encode(content)).digest()


def refund_id(club_id: str, till_id: str, period: str, refund_number: str) -> str:
    """The identity of a refund: the same refund always gets the same one."""
    return derived_id("f", club_id, till_id, period, refund_number)


class Reversal(Struct, frozen=True):
    """What a refund does.

    Parameters
    ----------
    lines
        What came back: pairs as in `RefundFacts`.
    refunded
        Units that have come back by now, by a line's place; an uncounted line is one unit.
    amount, money_back
        What the lines had cost after benefits, and what of it is paid back in money; minor units.
    taken_back, spent_back, owed, lapsed
        Units of bonus, as in `RefundFacts`.
    stamps_back
        Stamps that were given for the lines, by stamp programme.
    benefits
        What had been used on them and can be used again.
    account
        As it is afterwards, one revision on.
    """

    lines: tuple[tuple[int, int], ...]
    refunded: Mapping[int, int]
    amount: int
    money_back: int
    taken_back: int
    spent_back: int
    owed: int
    lapsed: int
    stamps_back: tuple[tuple[str, int], ...]
    benefits: tuple[Benefit, ...]
    movement: Movement
    uses: tuple[UseChange, ...]
    account: Account


class _Returned(Struct, frozen=True):
    """What a purchase owes for the units that have come back of it by now."""

    amount: int
    money: int
    earned: int
    spent: int
    stamps: Mapping[str, int]
    benefits: frozenset[int]


def reverse(
    sale: Entry,
    refunded: Mapping[int, int],
    asked: Sequence[tuple[int, int]] | None,
    account: Account,
    member_id: str | None,
    booked_at: datetime,
    time_zone: str,
    lapsed: int | None = None,
) -> Reversal:
    """What a refund gives back and takes back; the only place that decides it.

    Spent bonus comes back first, to the lots it came from, last spent first, and pays off what the account owes. Then
    what the lines had earned is taken from the lot it was put in, from other lots that can be spent and aren't
    reserved, and what is still missing is owed: a refund is never blocked. Bonus that has expired since is lost
    already: what is still in its lot is taken, what lapsed unspent is not asked for, and the rest is owed. Whether
    something is over is judged on the day the refund is booked, since that is when the customer has it.

    Parameters
    ----------
    sale
        The purchase's entry.
    refunded
        Units that came back before, by a line's place.
    asked
        As `Refund.lines`.
    account
        Of the member as it stands; an empty one for a customer without membership.
    member_id
        As the account knows them.
    lapsed
        Units of bonus that expired in the lots of `lots_over` and were not yet reckoned with by a refund of this
        purchase; None where the account can't tell: what is no longer there counts as lapsed.

    Raises
    ------
    Refusal
        ``refund_exceeds_sale``: there is no such line, or not so much of it is left. ``invalid_field``.
    """
    purchase = sale.purchase
    if purchase is None:
        raise Refusal("unknown_purchase")
    after_units = _units_after(purchase, refunded, asked)
    before, after = _returned(purchase, refunded), _returned(purchase, after_units)
    today = local_date(booked_at, time_zone)
    benefits = tuple(purchase.benefits[each] for each in sorted(after.benefits - before.benefits))
    stamps = {name: units - before.stamps.get(name, 0) for name, units in after.stamps.items()}
    stamps = {name: units for name, units in stamps.items() if units}

    given = _give_back_bonus(account, _lots_given(sale, before.spent, after.spent, today))
    due = after.earned - before.earned
    if over := lots_over(sale, account, member_id, booked_at, time_zone):
        taken = _take_expired(given[0], over, due, due if lapsed is None else lapsed)
    else:
        taken = _take_bonus(given[0], _own_lots(sale, account, member_id), due, booked_at, today)
    opened = _with_cards(taken[0], purchase, stamps)
    stamped = _turn_back_stamps(opened, _rewards_given(benefits, today), stamps, booked_at)
    movement = Movement(
        _summed((*given[1].lots, *taken[1].lots)), given[1].deficit + taken[1].deficit, stamped[1].stamps
    )
    uses = _uses_given(stamped[0], member_id, benefits)
    left = _without_visit(stamped[0], purchase, stamps, min(purchase.bought_at, sale.booked_at))
    return Reversal(
        lines=_lines_back(purchase, refunded, after_units),
        refunded=after_units,
        amount=after.amount - before.amount,
        money_back=after.money - before.money,
        taken_back=-taken[1].amount,
        spent_back=after.spent - before.spent,
        owed=taken[1].deficit,
        lapsed=due + taken[1].amount,
        stamps_back=tuple(stamps.items()),
        benefits=benefits,
        movement=movement,
        uses=tuple(UseChange(coupon_id, use.used - account.uses[key].used) for (key, use), coupon_id in uses),
        account=replace(
            left,
            uses={**account.uses, **dict(each for each, _ in uses)},
            revision=account.revision + 1,
        ),
    )


def lots_over(
    sale: Entry, account: Account, member_id: str | None, at: datetime, time_zone: str
) -> tuple[LotKey, ...]:
    """The lots that bonus of a purchase lay in, once their last day is over; empty before."""
    today = local_date(at, time_zone)
    return tuple(lot for lot in _own_lots(sale, account, member_id) if lot.expires_on < today)


def sold_lines(purchase: PurchaseFacts) -> tuple[Line, ...]:
    """The lines of a purchase; one uncounted line for those of which none were kept."""
    return purchase.lines or (Line("", 0, purchase.total),)


def units_sold(line: Line) -> int:
    """Units that can come back of a line: what isn't counted comes back as a whole."""
    return line.quantity or 1


def _units_after(
    purchase: PurchaseFacts, refunded: Mapping[int, int], asked: Sequence[tuple[int, int]] | None
) -> dict[int, int]:
    lines = sold_lines(purchase)
    if asked is None:
        after = {place: units_sold(line) for place, line in enumerate(lines)}
        if after == refunded:
            raise Refusal("refund_exceeds_sale", {"line": 1}, "/lines")
        return after
    after = dict(refunded)
    for position, (place, quantity) in enumerate(asked):
        if place >= len(lines):
            raise Refusal("refund_exceeds_sale", {"line": place + 1}, f"/lines/{position}/line")
        line = lines[place]
        pointer = f"/lines/{position}/quantity"
        if line.quantity and not quantity:
            among = Reason("between", {"least": 1, "most": line.quantity})
            raise Refusal("invalid_field", {"expected": among}, pointer)
        if quantity and not line.quantity:
            raise Refusal("invalid_field", {"expected": Reason("uncounted")}, pointer)
        if quantity > line.quantity or after.get(place, 0) + (quantity or 1) > units_sold(line):
            raise Refusal("refund_exceeds_sale", {"line": place + 1}, pointer)
        after[place] = after.get(place, 0) + (quantity or 1)
    return after


def _lines_back(
    purchase: PurchaseFacts, before: Mapping[int, int], after: Mapping[int, int]
) -> tuple[tuple[int, int], ...]:
    return tuple(
        (place, after[place] - before.get(place, 0) if line.quantity else 0)
        for place, line in enumerate(sold_lines(purchase))
        if after.get(place, 0) > before.get(place, 0)
    )


def _returned(purchase: PurchaseFacts, refunded: Mapping[int, int]) -> _Returned:
    lines = sold_lines(purchase)
    nets = nets_of(purchase)
    total = sum(nets)
    free = _free_units(purchase.benefits)
    back = [
        _net_back(net, units_sold(line) - free.get(place, 0), refunded.get(place, 0))
        for place, (net, line) in enumerate(zip(nets, lines, strict=True))
    ]
    amount = sum(back)
    rates = purchase.line_rates or (purchase.earned.rate,) * len(lines)
    kept = [net - returned for net, returned in zip(nets, back, strict=True)]
    still_earned = earned_amount(kept, rates, purchase.to_pay - purchase.not_earning, total)
    all_back = all(refunded.get(place, 0) == units_sold(line) for place, line in enumerate(lines))
    stamps = {
        name: sum(int(all_back) if place == VISIT else min(refunded.get(place, 0), units) for place, units in by_line)
        for name, by_line in purchase.stamped
    }
    return _Returned(
        amount=amount,
        # Rounded up, so that a till never has to ask for an øre back.
        money=-(-purchase.to_pay * amount // total) if total else 0,
        # A customer without membership earned nothing, whatever the rate.
        earned=max(0, purchase.earned.amount - still_earned),
        spent=purchase.spent * amount // total if total else 0,
        stamps=stamps,
        benefits=frozenset(_benefits_back(purchase, refunded)),
    )


def nets_of(purchase: PurchaseFacts) -> list[int]:
    """By line: what it cost after benefits, in minor units."""
    nets = [line.amount for line in sold_lines(purchase)]
    for benefit in purchase.benefits:
        for place, amount in benefit.discounts:
            nets[place] -= amount
    return nets


def _free_units(benefits: Iterable[Benefit]) -> dict[int, int]:
    free: dict[int, int] = {}
    for benefit in benefits:
        for place, units in benefit.free_units:
            free[place] = free.get(place, 0) + units
    return free


def _net_back(net: int, paid_units: int, back: int) -> int:
    """What came back of a line's net amount: the units that were paid for come back before the free ones."""
    return net * min(back, paid_units) // paid_units if paid_units else 0


def _benefits_back(purchase: PurchaseFacts, refunded: Mapping[int, int]) -> Iterable[int]:
    """Positions: a free unit's comes back with it; what made several lines cheaper when all of them are back."""
    lines = sold_lines(purchase)
    free = _free_units(purchase.benefits)
    reached = {place: units_sold(lines[place]) - units for place, units in free.items()}
    for position, benefit in enumerate(purchase.benefits):
        for place, units in benefit.free_units:
            reached[place] += units
        needed = {place: reached[place] for place, _ in benefit.free_units}
        needed = needed or {place: units_sold(lines[place]) for place, _ in benefit.discounts}
        if all(refunded.get(place, 0) >= units for place, units in needed.items()):
            yield position


def _lots_given(sale: Entry, before: int, after: int, today: date) -> list[tuple[LotKey, int]]:
    """The lots that spent bonus returns to, last spent first: what is over gets its days of grace."""
    result = []
    begin = 0
    for change in reversed([change for change in sale.changes if change.amount < 0]):
        end = begin - change.amount
        amount = min(after, end) - max(before, begin)
        if amount > 0:
            result.append((LotKey(_in_grace(change.lot.expires_on, today), change.lot.terms_version), amount))
        begin = end
    return result


def _in_grace(last_day: date, today: date) -> date:
    return last_day if last_day >= today else today + GRACE


def _give_back_bonus(account: Account, given: Iterable[tuple[LotKey, int]]) -> tuple[Account, Movement]:
    lots: list[LotChange] = []
    deficit = 0
    for lot, amount in given:
        movement = credit(account, lot, amount)
        account = account.apply(movement)
        lots += movement.lots
        deficit += movement.deficit
    return account, Movement(tuple(lots), deficit)


def _take_expired(account: Account, over: tuple[LotKey, ...], amount: int, lapsed: int) -> tuple[Account, Movement]:
    held = {lot: account.lots[lot] for lot in over if lot in account.lots}
    taken = debit(held, min(amount, sum(held.values())))
    missing = amount + sum(change.amount for change in taken)
    movement = Movement(taken, max(0, missing - lapsed))
    return account.apply(movement), movement


def _take_bonus(
    account: Account, own: tuple[LotKey, ...], amount: int, at: datetime, today: date
) -> tuple[Account, Movement]:
    held = {lot: account.lots[lot] for lot in own if lot in account.lots}
    pending = {lot: count for lot, count in held.items() if lot.pending}
    waiting = debit(pending, min(amount, sum(pending.values())))
    rest = amount + sum(change.amount for change in waiting)
    spendable = account.spendable_lots(today)
    unreserved = max(0, sum(spendable.values()) - account.reserved(at))
    in_order = {lot: spendable[lot] for lot in own if lot in spendable} | spendable
    taken = debit(in_order, min(rest, unreserved))
    owed = rest + sum(change.amount for change in taken)
    movement = Movement((*waiting, *taken), owed)
    return account.apply(movement), movement


def _own_lots(sale: Entry, account: Account, member_id: str | None) -> tuple[LotKey, ...]:
    """Where bonus of a purchase lies: in its lot, or where that was released to once the terms were accepted."""
    earned_in = next((change.lot for change in sale.changes if change.amount > 0), None)
    if earned_in is None or member_id is None:
        return ()
    released = LotKey(earned_in.expires_on, account.members[member_id].terms_version)
    return (earned_in, released) if earned_in.pending and released != earned_in else (earned_in,)


def _summed(changes: Iterable[LotChange]) -> tuple[LotChange, ...]:
    amounts: dict[LotKey, int] = {}
    for change in changes:
        amounts[change.lot] = amounts.get(change.lot, 0) + change.amount
    return tuple(LotChange(lot, amount) for lot, amount in amounts.items() if amount)


def _rewards_given(benefits: Iterable[Benefit], today: date) -> dict[str, dict[RewardKey, int]]:
    given: dict[str, dict[RewardKey, int]] = {}
    for benefit in benefits:
        if benefit.reward_expires_on is not None:
            key = RewardKey(_in_grace(benefit.reward_expires_on, today), benefit.name, benefit.reward_stamps)
            rewards = given.setdefault(benefit.name, {})
            rewards[key] = rewards.get(key, 0) + 1
    return given


def _with_cards(account: Account, purchase: PurchaseFacts, stamps: Mapping[str, int]) -> Account:
    """The account with a card for each of some stamps: who left a household since then owes them on a new one."""
    needed = {name: units for name, _, units in purchase.cards}
    for name, units in stamps.items():
        if name not in account.cards:
            account = account.replace_card(name, StampCard(0, needed.get(name, units)))
    return account


def _turn_back_stamps(
    account: Account, rewards: Mapping[str, Mapping[RewardKey, int]], stamps: Mapping[str, int], at: datetime
) -> tuple[Account, Movement]:
    """Rewards that come back first pay off what their card owes."""
    changes = []
    for name in (*rewards, *(each for each in stamps if each not in rewards)):
        given = StampChange(name, 0, tuple(rewards.get(name, {}).items()))
        account = account.apply(Movement(stamps=(given,)))
        taken = StampChange(name, 0)
        if name in account.cards:
            before = account.cards[name]
            card, taken = take_back(_without_held_rewards(account, name, at), name, stamps.get(name, 0))
            account = account.replace_card(name, replace(card, stamps=before.stamps)).apply(Movement(stamps=(taken,)))
        sums: dict[RewardKey, int] = {}
        for key, count in (*given.rewards, *taken.rewards):
            sums[key] = sums.get(key, 0) + count
        changes.append(StampChange(name, taken.stamps, tuple((key, count) for key, count in sums.items() if count)))
    return account, Movement(stamps=tuple(change for change in changes if change.stamps or change.rewards))


def _without_visit(account: Account, purchase: PurchaseFacts, stamps: Mapping[str, int], at: datetime) -> Account:
    """The account once a visit has come to nothing: what is bought instead may be stamped."""
    for name, by_line in purchase.stamped:
        if name in stamps and name in account.cards and any(place == VISIT for place, _ in by_line):
            account = account.replace_card(name, forget_visit(account.cards[name], at))
    return account


def _without_held_rewards(account: Account, stamp_programme_id: str, at: datetime) -> Account:
    held = sum(hold.rewards.count(stamp_programme_id) for hold in account.live_holds(at).values())
    rewards = dict(account.rewards)
    for key in sorted(key for key in rewards if key.stamp_programme_id == stamp_programme_id):
        hidden = min(held, rewards[key])
        rewards[key] -= hidden
        held -= hidden
    return replace(account, rewards=rewards)


def _uses_given(
    account: Account, member_id: str | None, benefits: Iterable[Benefit]
) -> list[tuple[tuple[UseKey, CouponUse], str]]:
    """The member's uses afterwards; one that the account doesn't know of any more can't come back."""
    uses: dict[UseKey, CouponUse] = {}
    for benefit in benefits:
        key = (benefit.name, member_id or "")
        use = uses.get(key, account.uses.get(key))
        if benefit.source is BenefitSource.COUPON and use is not None and use.used:
            uses[key] = replace(use, used=use.used - 1)
    return [((key, use), key[0]) for key, use in uses.items()]
