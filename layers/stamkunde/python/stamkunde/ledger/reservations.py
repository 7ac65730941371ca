"""Setting aside what a customer wants to use, until the receipt is there: reserve, release. A purchase captures."""

from collections import Counter
from collections.abc import Mapping, Sequence
from copy import replace
from datetime import datetime, timedelta

from msgspec import Struct

from stamkunde.ledger.coupon_store import limit_from_row, limit_purpose
from stamkunde.ledger.known_coupons import NO_TOTALS, FoundTotals
from stamkunde.ledger.model.accounts import Account, Hold
from stamkunde.ledger.model.coupons import Coupon
from stamkunde.ledger.model.holding import (
    HOLD_TIME,
    account_of_reservation,
    check_can_be_held,
    find_repeated,
    hold_for,
    let_go,
    reservation_id,
    set_aside,
)
from stamkunde.ledger.model.receipts import Basket, ReceiptTime, TillPoint
from stamkunde.ledger.model.settlement import Settlement, settle
from stamkunde.ledger.service import Ledger
from stamkunde.shared.errors import Refusal
from stamkunde.shared.idempotency import WriteKey
from stamkunde.shared.transaction import Busy, ConditionFailed, Write

LIMIT_GRACE = timedelta(seconds=10)
"""How much longer a coupon's total keeps back what is held: no other till's clock may take it out before the end."""


class Wish(Struct, frozen=True):
    """What somebody wants to have set aside, as a till tells it.

    Parameters
    ----------
    account_id
        Where the till last saw this member's bonus.
    key
        Of the till's: the same again is the same reservation.
    """

    basket: Basket
    member_id: str
    account_id: str | None
    key: WriteKey


class Reserved(Struct, frozen=True):
    """What is set aside; `repeated` when it was before."""

    reservation_id: str
    until: datetime
    settlement: Settlement
    repeated: bool


class Reservations(Struct, frozen=True):
    """One club's reservations, as a till uses them."""

    ledger: Ledger

    def reserve(self, wish: Wish, till: TillPoint) -> Reserved:
        """Set aside what a basket uses, for a quarter of an hour, once per key.

        Raises
        ------
        Refusal
            ``nothing_to_hold``, ``code_not_held``, ``too_many_reservations``, ``idempotency_key_differs``,
            ``reservation_over``: the key's reservation was captured, released or timed out. ``try_again``. Those of
            `Ledger.quote`.
        """
        check_can_be_held(wish.basket)
        return self.ledger.patience.until_done(lambda: self._try_to_reserve(wish, till))

    def release(self, hold_id: str) -> None:
        """Give back what is set aside; what was released or has timed out stays so.

        Raises
        ------
        Refusal
            ``unknown_reservation``; ``reservation_over``: a receipt has captured it. ``try_again``.
        """
        self.ledger.patience.until_done(lambda: self._try_to_release(hold_id))

    def _try_to_reserve(self, wish: Wish, till: TillPoint) -> Reserved:
        totals = NO_TOTALS
        while True:
            done = self._reserve_by(wish, till, totals)
            if isinstance(done, Reserved):
                return done
            totals = done

    def _reserve_by(self, wish: Wish, till: TillPoint, totals: FoundTotals) -> Reserved | FoundTotals:
        """Set aside by what is known of coupons' totals; else what is known of them by now."""
        now = self.ledger.clock.now()
        account = self.ledger.member_account(wish.member_id, wish.account_id, consistent=True)
        hold_id = reservation_id(account.account_id, till.till_id, wish.key.key)
        earlier = find_repeated(account, hold_id, wish.key, now)
        if earlier is not None:
            return Reserved(hold_id, earlier.until, self._settle_again(wish, till, account, hold_id), repeated=True)
        member_id = account.known_as(wish.member_id)
        left = {name: total.left for name, total in totals.items()}
        terms = self.ledger.terms_for(till.outlet_id, now, wish.basket.redemptions, left)
        settlement = settle(wish.basket, terms, account, member_id, ReceiptTime(now, now))
        hold = hold_for(member_id, settlement.spent, settlement.benefits, wish.key.content, now)
        after = set_aside(account, hold_id, hold, now)
        coupons = {name: terms.offers.coupons[name] for name in hold.coupons}
        limited = {name: coupon for name, coupon in coupons.items() if coupon.total is not None}
        try:
            self._write(account, after, self._limit_writes(limited, hold_id, hold))
        except ConditionFailed as failed:
            return self.ledger.coupons.totals_found(failed, limited.values(), totals)
        return Reserved(hold_id, hold.until, settlement, repeated=False)

    def _limit_writes(self, limited: Mapping[str, Coupon], hold_id: str, hold: Hold) -> list[Write]:
        store = self.ledger.coupons.store
        uses = Counter(name for name in hold.coupons if name in limited)
        until = hold.until + LIMIT_GRACE
        return [store.hold_write(limited[name], hold_id, until, count) for name, count in uses.items()]

    def _settle_again(self, wish: Wish, till: TillPoint, account: Account, hold_id: str) -> Settlement:
        """What the first answer said of the basket: settled by the rules of that instant, out of what was held."""
        hold = account.holds[hold_id]
        made_at = hold.until - HOLD_TIME
        basket = replace(wish.basket, redemptions=())
        terms = self.ledger.terms_for(till.outlet_id, made_at, wish.basket.redemptions)
        return settle(basket, terms, account, hold.member_id, ReceiptTime(made_at, made_at), hold_id=hold_id)

    def _try_to_release(self, hold_id: str) -> None:
        now = self.ledger.clock.now()
        account = self.ledger.store.load_account(account_of_reservation(hold_id), consistent=True)
        hold = account.holds.get(hold_id) if account else None
        if account is None or hold is None:
            raise Refusal("unknown_reservation")
        if hold.captured:
            raise Refusal("reservation_over")
        if hold.live(now):
            self._release(account, hold_id, hold, now)

    def _release(self, account: Account, hold_id: str, hold: Hold, now: datetime) -> None:
        coupons = self.ledger.coupons.at(hold.until - HOLD_TIME) if hold.coupons else {}
        kept = {name: count for name, count in Counter(hold.coupons).items() if coupons[name].total is not None}
        after = let_go(account, hold_id, now)
        try:
            self._write(account, after, self._release_writes(kept, hold_id))
        except ConditionFailed as failed:
            rest = _still_kept(kept, hold_id, failed)
            if rest == kept:
                raise Busy from failed
        else:
            return
        try:
            self._write(account, after, self._release_writes(rest, hold_id))
        except ConditionFailed as failed:
            raise Busy from failed

    def _release_writes(self, kept: Mapping[str, int], hold_id: str) -> list[Write]:
        store = self.ledger.coupons.store
        return [store.release_write(name, hold_id, count) for name, count in kept.items()]

    def _write(self, before: Account, after: Account, limits: Sequence[Write]) -> None:
        store = self.ledger.store
        account = store.account_write(before, after)
        if limits:
            store.commit([account, *limits])
        else:
            store.put_alone(account)


def _still_kept(kept: Mapping[str, int], hold_id: str, failed: ConditionFailed) -> dict[str, int]:
    """What totals still keep for a hold: a clock that is ahead may have taken it out of some before its end."""
    found = {name: failed.found.get(limit_purpose(name)) for name in kept}
    gone = {name for name, row in found.items() if row is not None and hold_id not in limit_from_row(row).holds}
    return {name: count for name, count in kept.items() if name not in gone}
