"""Reservations: what is set aside for one receipt until it is captured, released or timed out (pitfall 4).

A hold lowers what is available and leaves the balance as it is. It lies in the account, whose revision guards it: of
two tills that want the same, one wins. Nothing has to run when it times out, for whoever asks compares its end.
"""

from collections.abc import Mapping, Sequence
from copy import replace
from datetime import date, datetime, timedelta

from stamkunde.ledger.model.accounts import Account, Hold
from stamkunde.ledger.model.entries import Benefit, BenefitSource, Refused
from stamkunde.ledger.model.receipts import Basket, RedemptionKind
from stamkunde.shared.clock import local_date
from stamkunde.shared.errors import Refusal
from stamkunde.shared.idempotency import WriteKey
from stamkunde.shared.ids import derived_id

HOLD_TIME = timedelta(minutes=15)
MOST_HOLDS = 10
"""Of one account at a time: the account's row must stay small."""

MOST_REMEMBERED = 20
"""Holds that are over and still known, whoever asks for them again."""

HOLD_OVER = Refused("reservation", "", "reservation_over")
"""What a receipt from a queue is told whose reservation is no more."""

_ACCOUNT_LETTERS = 16


def reservation_id(account_id: str, till_id: str, key: str) -> str:
    """The identity of a reservation: the same key of the same till gives the same one.

    It begins with what the account is called by, so that the account is found without an index.
    """
    return derived_id(f"h{account_id[1:]}", till_id, key, letters=16)


def account_of_reservation(reservation_id: str) -> str:
    """The account that a reservation lies in."""
    return f"a{reservation_id[1 : 1 + _ACCOUNT_LETTERS]}"


def check_can_be_held(basket: Basket) -> None:
    """See that something is to be held, and nothing that can't be.

    Raises
    ------
    Refusal
        ``nothing_to_hold``; ``code_not_held``: whoever has a poster's code keeps it by not using it.
    """
    if any(each.kind is RedemptionKind.CODE for each in basket.redemptions):
        raise Refusal("code_not_held", pointer="/redemptions")
    if not basket.spend_bonus and not basket.redemptions:
        raise Refusal("nothing_to_hold", pointer="/spend_bonus")


def hold_for(member_id: str, spent: int, benefits: Sequence[Benefit], content: str, now: datetime) -> Hold:
    """What a basket uses, set aside from now on: no more bonus than it takes.

    Parameters
    ----------
    spent
        Units of bonus.
    """
    return Hold(
        member_id=member_id,
        until=now + HOLD_TIME,
        bonus=spent,
        rewards=_names(benefits, BenefitSource.REWARD),
        coupons=_names(benefits, BenefitSource.COUPON),
        content=content,
    )


def day_made(hold: Hold, time_zone: str) -> date:
    """The club's day on which something was set aside: its last day is judged by that."""
    return local_date(hold.until - HOLD_TIME, time_zone)


def _names(benefits: Sequence[Benefit], source: BenefitSource) -> tuple[str, ...]:
    return tuple(each.name for each in benefits if each.source is source)


def set_aside(account: Account, hold_id: str, hold: Hold, now: datetime) -> Account:
    """The account with a hold, one revision on.

    Raises
    ------
    Refusal
        ``too_many_reservations``.
    """
    if len(account.live_holds(now)) >= MOST_HOLDS:
        raise Refusal("too_many_reservations", {"most": MOST_HOLDS})
    held = account.replace_hold(hold_id, hold)
    return replace(held, holds=remembered(held.holds, now), revision=account.revision + 1)


def let_go(account: Account, hold_id: str, now: datetime) -> Account:
    """The account with a hold released, one revision on."""
    freed = account.replace_hold(hold_id, account.holds[hold_id].over())
    return replace(freed, holds=remembered(freed.holds, now), revision=account.revision + 1)


def remembered(holds: Mapping[str, Hold], now: datetime) -> dict[str, Hold]:
    """Holds without those that are over for a day, or that too many others came after."""
    live = {hold_id: hold for hold_id, hold in holds.items() if hold.live(now)}
    over = {hold_id: hold for hold_id, hold in holds.items() if hold_id not in live and hold.known(now)}
    youngest = sorted(over, key=lambda hold_id: (over[hold_id].until, hold_id))[-MOST_REMEMBERED:]
    return live | {hold_id: over[hold_id] for hold_id in youngest}


def find_repeated(account: Account, hold_id: str, key: WriteKey, now: datetime) -> Hold | None:
    """What an earlier try with the same key has set aside.

    Raises
    ------
    Refusal
        ``idempotency_key_differs``: it came with something else then. ``reservation_over``.
    """
    hold = account.holds.get(hold_id)
    if hold is None:
        return None
    if hold.content != key.content:
        raise Refusal("idempotency_key_differs")
    if not hold.live(now):
        raise Refusal("reservation_over")
    return hold


def captured_hold(
    account: Account, hold_id: str | None, member_id: str | None, now: datetime, *, offline: bool
) -> str | None:
    """The hold that a receipt captures, if it names one.

    None also where a receipt from a queue comes too late for it. A hold that has timed out may still be captured by
    such a receipt, as far as nobody else took what it held; one that was released, or is forgotten, may not.

    Raises
    ------
    Refusal
        ``unknown_reservation``, ``reservation_over``: timed out, released, or captured with another receipt.
    """
    if hold_id is None:
        return None
    hold = account.holds.get(hold_id)
    if hold is not None and hold.member_id == member_id and not hold.ended and (offline or hold.live(now)):
        return hold_id
    if offline:
        return None
    raise Refusal(
        "unknown_reservation" if hold is None or hold.member_id != member_id else "reservation_over",
        pointer="/reservation_id",
    )
