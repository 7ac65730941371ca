"""What operators do with a club's coupons: publish them, see them, make codes for posters."""

from collections.abc import Collection
from datetime import UTC, datetime

from msgspec import Struct

from stamkunde.ledger.coupon_store import CouponStore, Limit
from stamkunde.ledger.model.coupons import (
    Coupon,
    CouponAudience,
    CouponHistory,
    hash_code,
    new_code,
    next_version,
)
from stamkunde.shared.clock import Clock
from stamkunde.shared.errors import Refusal
from stamkunde.shared.patience import Patience
from stamkunde.shared.transaction import MOST_ITEMS, ConditionFailed

MOST_CODES = 500
BEFORE_ALL_COUPONS = datetime(2000, 1, 1, tzinfo=UTC)


class CouponInUse(Struct, frozen=True):
    """A coupon as an operator sees it; `limit` where it has a total."""

    history: CouponHistory
    limit: Limit | None


class CouponDesk(Struct, frozen=True):
    """One club's coupons, as operators use them.

    Parameters
    ----------
    outlet_ids
        The club's: a coupon names no others.
    """

    store: CouponStore
    outlet_ids: Collection[str]
    clock: Clock
    patience: Patience

    def publish(self, wish: Coupon) -> Coupon:
        """A new coupon, or a new version of one, from an instant at least two minutes ahead.

        Raises
        ------
        Refusal
            ``invalid_field`` with a pointer, ``unknown_outlet``, ``version_starts_too_soon``; ``already_exists``:
            another version was published just now.
        """
        before = self.store.find(wish.coupon_id)
        after = next_version(before, wish, self.outlet_ids, self.clock.now())
        writes = self.store.publish_writes(before, after)
        try:
            self.patience.until_done(lambda: self.store.commit(writes))
        except ConditionFailed as failed:
            raise Refusal("already_exists", {"what": "coupon version"}) from failed
        return after.newest

    def coupons(self, *, over: bool = False) -> list[CouponInUse]:
        """The club's coupons by the instant they are over; those that are over only if asked for."""
        since = BEFORE_ALL_COUPONS if over else self.clock.now()
        return [
            CouponInUse(history, self._limit(history.newest) if history.newest.total is not None else None)
            for history in self.store.not_over_at(since)
        ]

    def make_codes(self, coupon_id: str, count: int) -> list[str]:
        """New single-use codes for a coupon, shown once: only their hashes are kept.

        Raises
        ------
        Refusal
            ``coupon_unknown``: there is none, or codes aren't what it is for. ``invalid_field``: not 1 to 500.
        """
        if not 1 <= count <= MOST_CODES:
            raise Refusal("invalid_field", {"expected": f"1-{MOST_CODES}"}, "/count")
        history = self.store.find(coupon_id)
        if history is None or history.newest.audience is not CouponAudience.CODE:
            raise Refusal("coupon_unknown", pointer="/coupon_id")
        codes = [new_code() for _ in range(count)]
        hashes = [code_hash for code in codes if (code_hash := hash_code(code))]
        now = self.clock.now()
        for start in range(0, count, MOST_ITEMS):
            # Codes whose answer is lost on the way are known to nobody, and do no harm.
            writes = self.store.new_code_writes(coupon_id, hashes[start : start + MOST_ITEMS], now)
            self.patience.until_done(lambda writes=writes: self.store.commit(writes))  # type: ignore[misc]
        return codes

    def _limit(self, coupon: Coupon) -> Limit | None:
        return self.store.limit(coupon.coupon_id)
