"""What lapses by itself: lots of bonus and rewards whose last day is over."""

from datetime import date

from msgspec import Struct

from stamkunde.ledger.model.accounts import Account, LotChange, Movement, RewardKey, StampChange


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
