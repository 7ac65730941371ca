"""Coupons as a warm Lambda knows them: a club's list is read once a minute, when something asks for it."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import replace
from datetime import datetime, timedelta
from types import MappingProxyType

from msgspec import Struct, field

from stamkunde.ledger.coupon_store import CouponStore, Limit, limit_from_row, limit_purpose
from stamkunde.ledger.model.accounts import Hold
from stamkunde.ledger.model.coupons import Coupon, CouponHistory, FoundCode, hash_code
from stamkunde.ledger.model.receipts import OLDEST_RECEIPT, Redemption, RedemptionKind
from stamkunde.ledger.model.redeeming import NO_OFFERS, Offers
from stamkunde.shared.clock import Clock
from stamkunde.shared.transaction import Busy, ConditionFailed

KNOWN_FOR_SECONDS = 60
"""Less than the two minutes that new versions are published ahead, so no warm Lambda misses one."""

KEPT_AFTER_ITS_END = OLDEST_RECEIPT + timedelta(hours=1)
"""A late receipt may still use a coupon that is over by now."""


class FoundTotal(Struct, frozen=True):
    """A coupon's total that a write failed by.

    Parameters
    ----------
    left
        How many nobody has taken.
    kept
        By hold: how many are kept back for it.
    """

    left: int
    kept: Mapping[str, int]


type FoundTotals = Mapping[str, FoundTotal]
"""By coupon."""

NO_TOTALS: FoundTotals = MappingProxyType({})
"""Nothing failed yet: the write decides."""


class CapturedHold(Struct, frozen=True):
    """What a receipt captures, if it does.

    Parameters
    ----------
    hold
        As its account has it, live or timed out; a total may have let go of it sooner or later, by another's clock.
    """

    hold_id: str | None
    hold: Hold | None
    now: datetime

    def promised(self) -> Counter[str]:
        """By coupon: how many uses are held for the receipt."""
        return Counter(self.hold.coupons if self.hold and self.hold.live(self.now) else ())

    def kept(self, totals: FoundTotals) -> dict[str, int]:
        """By coupon: how many its total keeps back for the receipt; where none was found, what is held."""
        if self.hold is None:
            return {}
        promised = self.promised()
        kept = {
            name: totals[name].kept.get(self.hold_id or "", 0) if name in totals else promised[name]
            for name in self.hold.coupons
        }
        return {name: count for name, count in kept.items() if count}

    def left(self, totals: FoundTotals) -> dict[str, int]:
        """By coupon whose total was found: how many more than what is held for it the receipt may use.

        Less than 0 where what was held has been given to somebody else.
        """
        promised = self.promised()
        return {
            name: total.left + total.kept.get(self.hold_id or "", 0) - promised[name]
            for name, total in totals.items()
        }


class _List(Struct, frozen=True):
    """A club's coupons that weren't over at an instant."""

    since: datetime
    until_second: float
    histories: tuple[CouponHistory, ...]


class CouponMemory(Struct):
    """The coupons of a deployment's clubs, as far as somebody has asked.

    Parameters
    ----------
    monotonic
        Measures how long a list has been known; tells no date.
    """

    monotonic: Callable[[], float] = time.monotonic
    _known: dict[str, _List] = field(default_factory=dict)

    def not_over_at(self, store: CouponStore, at: datetime, now: datetime) -> tuple[CouponHistory, ...]:
        """A club's coupons that weren't over at an instant, and perhaps some that were."""
        known = self._known.get(store.club_id)
        if known is not None and self.monotonic() < known.until_second and known.since <= at:
            return known.histories
        since = min(at, now - KEPT_AFTER_ITS_END)
        histories = tuple(store.not_over_at(since))
        self._known[store.club_id] = _List(since, self.monotonic() + KNOWN_FOR_SECONDS, histories)
        return histories


class ClubCoupons(Struct, frozen=True):
    """One club's coupons, as a till uses them.

    Parameters
    ----------
    memory
        Where they are kept for a minute; None for a club whose clock is moved, which would outrun it.
    """

    store: CouponStore
    clock: Clock
    memory: CouponMemory | None = None

    def at(self, instant: datetime) -> dict[str, Coupon]:
        """By id, the version of each coupon that counts at an instant; some may not have begun, or be over."""
        memory = self.memory or CouponMemory()
        histories = memory.not_over_at(self.store, instant, self.clock.now())
        return {history.newest.coupon_id: history.at(instant) for history in histories}

    def offers(self, redemptions: Sequence[Redemption], at: datetime) -> Offers:
        """What coupons and codes a basket names; nothing is read for a basket that names none."""
        if all(each.kind is RedemptionKind.REWARD for each in redemptions):
            return NO_OFFERS
        typed = {each.name for each in redemptions if each.kind is RedemptionKind.CODE}
        found = {code: self._code(code) for code in sorted(typed)}
        return Offers(coupons=self.at(at), codes={code: each for code, each in found.items() if each})

    def with_what_is_left(self, offers: Offers, redemptions: Sequence[Redemption]) -> Offers:
        """The offers, with how many are left of a total: for a quote, which may be a moment behind."""
        named = {each.name for each in redemptions if each.kind is RedemptionKind.COUPON}
        named |= {code.coupon_id for code in offers.codes.values()}
        left: dict[str, int] = {}
        for coupon_id in sorted(named & offers.coupons.keys()):
            total = offers.coupons[coupon_id].total
            limit = self.store.limit(coupon_id) if total is not None else None
            if limit is not None and total is not None:
                left[coupon_id] = limit.left(total, self.clock.now())
        return replace(offers, left=left)

    def totals_found(self, failed: ConditionFailed, coupons: Iterable[Coupon], known: FoundTotals) -> FoundTotals:
        """The totals that a write failed by, and those that were known before: settle again by them.

        It ends: each time fewer are left than was known.

        Raises
        ------
        Busy
            Settling again would change nothing: it failed by something else, by no fewer than were known to be left,
            or by what ended holds held, which has been taken out now.
        """
        found: dict[str, FoundTotal] = {}
        for coupon in coupons:
            row = failed.found.get(limit_purpose(coupon.coupon_id))
            if row is None or coupon.total is None:
                continue
            limit = limit_from_row(row)
            self._sweep(limit)
            kept = {hold_id: count for hold_id, (_, count) in limit.holds.items()}
            found[coupon.coupon_id] = FoundTotal(limit.left(coupon.total, self.clock.now()), kept)
        if not found or any(name in known and known[name].left <= total.left for name, total in found.items()):
            raise Busy from failed
        return {**known, **found}

    def _sweep(self, limit: Limit) -> None:
        sweep = self.store.sweep_write(limit, self.clock.now())
        if sweep is None:
            return
        try:
            self.store.commit([sweep])
        except ConditionFailed as failed:
            raise Busy from failed  # another till was quicker at it
        raise Busy

    def _code(self, typed: str) -> FoundCode | None:
        code_hash = hash_code(typed)
        return self.store.find_code(code_hash) if code_hash else None
