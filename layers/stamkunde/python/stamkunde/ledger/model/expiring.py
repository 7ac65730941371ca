"""What lapses by itself: lots of bonus, rewards and unused vouchers whose last day is over."""

from collections.abc import Mapping
from datetime import date, timedelta

from msgspec import Struct

from stamkunde.ledger.model.accounts import Account, CouponUse, LotChange, Movement, RewardKey, StampChange, UseKey
from stamkunde.ledger.model.receipts import OLDEST_RECEIPT

VOUCHERS_KEPT = OLDEST_RECEIPT + timedelta(days=1)
"""So long after its last day a voucher is left where it is: a receipt of that day may come late, and use it."""

_A_DAY = timedelta(days=1)


class Expired(Struct, frozen=True):
    """What an account loses because its last day is over, and what it pays off of what is owed.

    Parameters
    ----------
    last_day
        The latest day on which any of it could still be used: the day the entry counts to.
    """

    movement: Movement
    last_day: date


def expired(account: Account, today: date) -> Expired | None:
    """What has lapsed before a day of the club's; None if nothing has. The last day itself still counts.

    What could have been spent pays what the account owes, and only the rest is lost: it may have been reserved when
    a refund took it, so that it was owed instead.
    """
    lots = {lot: amount for lot, amount in account.lots.items() if lot.expires_on < today}
    rewards = {key: count for key, count in account.rewards.items() if key.expires_on < today}
    if not lots and not rewards:
        return None
    taken: dict[str, list[tuple[RewardKey, int]]] = {}
    for key, count in sorted(rewards.items()):
        taken.setdefault(key.stamp_programme_id, []).append((key, -count))
    spendable = sum(amount for lot, amount in lots.items() if not lot.pending)
    movement = Movement(
        tuple(LotChange(lot, -amount) for lot, amount in sorted(lots.items())),
        -min(account.deficit, spendable),
        stamps=tuple(StampChange(name, 0, tuple(changes)) for name, changes in sorted(taken.items())),
    )
    last_days = [*(lot.expires_on for lot in lots), *(key.expires_on for key in rewards)]
    return Expired(movement, max(last_days))


def ended_vouchers(account: Account, today: date) -> Mapping[UseKey, int]:
    """Unused vouchers that no receipt can use any more on a day of the club's, however late it comes."""
    return {
        key: use.vouchers - use.used
        for key, use in account.uses.items()
        if (day := _taken_off_from(use)) is not None and day <= today
    }


def expires_from(account: Account) -> date | None:
    """The club's first day on which there is something to post as lapsed; None as long as nothing is held."""
    days = [lot.expires_on + _A_DAY for lot in account.lots]
    days += [reward.expires_on + _A_DAY for reward in account.rewards]
    days += [day for use in account.uses.values() if (day := _taken_off_from(use)) is not None]
    return min(days, default=None)


def _taken_off_from(use: CouponUse) -> date | None:
    """From when on its unused vouchers are over; one that lasts as long as its coupon ends with it, for everybody."""
    if use.last_day is None or use.vouchers <= use.used:
        return None
    return use.last_day + VOUCHERS_KEPT
