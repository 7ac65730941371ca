"""What moves between two accounts: a gift of bonus, a household, two members who are one person (docs/adr/0017)."""

from collections import Counter
from collections.abc import Mapping
from copy import replace
from datetime import date, datetime

from msgspec import Struct, field

from stamkunde.ledger.model.accounts import (
    Account,
    AccountMember,
    CouponUse,
    LotChange,
    LotKey,
    Movement,
    RewardKey,
    StampCard,
    StampChange,
    debit,
)
from stamkunde.ledger.model.earning import Occasion
from stamkunde.ledger.model.entries import UseChange
from stamkunde.ledger.model.stamping import fill, remembered
from stamkunde.shared.clock import local_date
from stamkunde.shared.errors import Refusal
from stamkunde.shared.programme import StampProgramme
from stamkunde.shared.terms import NOT_ACCEPTED

MOST_GIVEN_A_DAY = 50_000
"""Minor units that the bonus is worth which one member may give away on one of the club's days: 500 kr."""

LARGEST_HOUSEHOLD = 8


class Moment(Struct, frozen=True):
    """When something moves, and what the club promises then.

    Parameters
    ----------
    stamp_programmes
        By id, also those that give no more stamps: their cards live on.
    point_value
        What a unit of bonus is worth, in minor units.
    over
        Coupons that nobody can use any more: uses of theirs stay where they are.
    """

    at: datetime
    time_zone: str
    stamp_programmes: Mapping[str, StampProgramme] = field(default_factory=dict)
    point_value: int = 1
    over: frozenset[str] = frozenset()

    @property
    def today(self) -> date:
        """The club's day."""
        return local_date(self.at, self.time_zone)


class Side(Struct, frozen=True):
    """One account of a transfer, as it is afterwards, and what was done to it."""

    account: Account
    movement: Movement = field(default_factory=Movement)
    uses: tuple[UseChange, ...] = ()


class Transfer(Struct, frozen=True):
    """What one account gave and another received."""

    given: Side
    received: Side


def give(giver: Account, giver_id: str, receiver: Account, receiver_id: str, amount: int, moment: Moment) -> Transfer:
    """Bonus that one member gives to another: what expires soonest goes first, and keeps its last day and terms.

    Raises
    ------
    Refusal
        ``own_household``, ``terms_not_accepted``, ``gift_limit``, ``not_enough_bonus``: what is reserved or pending
        is not there to be given.
    """
    if giver.account_id == receiver.account_id:
        raise Refusal("own_household", pointer="/receiver_id")
    _require_terms(giver, giver_id)
    _require_terms(receiver, receiver_id)
    member = giver.members[giver_id]
    given_today = member.given if member.given_on == moment.today else 0
    if (given_today + amount) * moment.point_value > MOST_GIVEN_A_DAY:
        raise Refusal("gift_limit", pointer="/bonus")
    if amount > giver.balance(moment.at, moment.time_zone).available:
        raise Refusal("not_enough_bonus", pointer="/bonus")
    lots = debit(giver.spendable_lots(moment.today), amount)
    out = Movement(lots)
    into = _taken_in(receiver, {change.lot: -change.amount for change in lots}, 0, moment)
    noted = replace(member, given_on=moment.today, given=given_today + amount)
    return Transfer(Side(giver.apply(out).replace_member(giver_id, noted), out), Side(receiver.apply(into), into))


def join_household(guest: Account, guest_id: str, host: Account, host_id: str, moment: Moment) -> Transfer:
    """A member who from now on lives from another's account, with everything their own account held.

    Raises
    ------
    Refusal
        ``terms_not_accepted``, ``shares_an_account``: the guest leaves another household first. ``household_full``,
        ``held_now``: something is set aside for a receipt of theirs.
    """
    _require_terms(guest, guest_id)
    _require_terms(host, host_id)
    _require_nothing_held(guest, guest_id, moment)
    if len(guest.members) > 1:
        raise Refusal("shares_an_account")
    if len(host.members) >= LARGEST_HOUSEHOLD:
        raise Refusal("household_full", {"most": LARGEST_HOUSEHOLD})
    received = host.replace_member(guest_id, guest.members[guest_id])
    return _everything(guest, guest_id, received, guest_id, moment)


def leave_household(account: Account, member_id: str, alone: Account, moment: Moment) -> Transfer:
    """A member who lives from a new account of their own: what is shared stays, their own uses come along.

    Parameters
    ----------
    alone
        The new account, with nothing in it.

    Raises
    ------
    Refusal
        ``held_now``.
    """
    _require_nothing_held(account, member_id, moment)
    left, moved = _without(account, member_id, moment)
    joined = replace(alone, members={member_id: account.members[member_id]})
    given = Side(replace(left, revision=account.revision + 1), uses=_taken(moved))
    after, uses = _with_uses(joined, member_id, moved)
    return Transfer(given, Side(after, uses=uses))


def merge(loser: Account, loser_id: str, winner: Account, winner_id: str, moment: Moment) -> Transfer:
    """Two members who are one person: the winner stays.

    What the loser's account holds comes along if nobody else lives from it. Pending bonus comes in under the terms
    that the winner accepted. Uses and vouchers are added up.

    Parameters
    ----------
    loser, winner
        Two accounts; for two members of one household see `merge_within`.

    Raises
    ------
    Refusal
        ``terms_not_accepted``: by the winner. ``held_now``.
    """
    _require_terms(winner, winner_id)
    _require_nothing_held(loser, loser_id, moment)
    united = _united(winner.members[winner_id], loser.members[loser_id], loser_id)
    received = winner.replace_member(winner_id, united)
    if len(loser.members) == 1:
        return _everything(loser, loser_id, received, winner_id, moment)
    left, moved = _without(loser, loser_id, moment)
    given = Side(replace(left, revision=loser.revision + 1), uses=_taken(moved))
    after, uses = _with_uses(received, winner_id, moved)
    return Transfer(given, Side(replace(after, revision=winner.revision + 1), uses=uses))


def merge_within(account: Account, loser_id: str, winner_id: str, moment: Moment) -> Transfer:
    """Two members of one household who are one person: both sides are the same account, as it is in the end.

    Raises
    ------
    Refusal
        ``terms_not_accepted``: by the winner. ``held_now``.
    """
    _require_terms(account, winner_id)
    _require_nothing_held(account, loser_id, moment)
    left, moved = _without(account, loser_id, moment)
    united = _united(account.members[winner_id], account.members[loser_id], loser_id)
    after, uses = _with_uses(left.replace_member(winner_id, united), winner_id, moved)
    after = replace(after, revision=account.revision + 1)
    return Transfer(Side(after, uses=_taken(moved)), Side(after, uses=uses))


def _require_terms(account: Account, member_id: str) -> None:
    if account.members[member_id].terms_version == NOT_ACCEPTED:
        raise Refusal("terms_not_accepted")


def _require_nothing_held(account: Account, member_id: str, moment: Moment) -> None:
    if any(hold.member_id == member_id for hold in account.live_holds(moment.at).values()):
        raise Refusal("held_now")


def _everything(source: Account, member_id: str, target: Account, into_id: str, moment: Moment) -> Transfer:
    """All that an account holds, put into another; the one that it leaves has no members any more."""
    out = Movement(
        tuple(LotChange(lot, -amount) for lot, amount in sorted(source.lots.items())),
        -source.deficit,
        tuple(
            StampChange(
                name,
                -source.cards[name].stamps if name in source.cards else 0,
                tuple((key, -count) for key, count in sorted(_rewards(source, name).items())),
            )
            for name in _stamp_names(source)
        ),
    )
    bare, moved = _without(source, member_id, moment)
    emptied = replace(bare.apply(out), cards={})
    terms_version = target.members[into_id].terms_version
    lots: Counter[LotKey] = Counter()
    for lot, amount in source.lots.items():
        lots[LotKey(lot.expires_on, terms_version) if lot.pending else lot] += amount
    into = _taken_in(target, lots, source.deficit, moment)
    for name in _stamp_names(source):
        target, change = _with_card(target, source, name, moment)
        into = replace(into, stamps=(*into.stamps, change))
    after, uses = _with_uses(target.apply(into), into_id, moved)
    return Transfer(Side(emptied, out, _taken(moved)), Side(after, into, uses))


def _taken_in(account: Account, lots: Mapping[LotKey, int], owed: int, moment: Moment) -> Movement:
    """How lots, and what is owed, come into an account: what can be spent pays what is owed, soonest expiry first.

    What waits for the terms or is reserved pays nothing.
    """
    held = Counter(account.lots) + Counter(lots)
    together = replace(account, lots=held, deficit=account.deficit + owed)
    spendable = together.spendable_lots(moment.today)
    paid = min(together.deficit, max(0, sum(spendable.values()) - account.reserved(moment.at)))
    changed = Counter(lots)
    for change in debit(spendable, paid):
        changed[change.lot] += change.amount
    return Movement(
        tuple(LotChange(lot, amount) for lot, amount in sorted(changed.items()) if amount),
        owed - paid,
    )


def _stamp_names(account: Account) -> list[str]:
    with_rewards = (key.stamp_programme_id for key in account.rewards)
    return sorted({*account.cards, *with_rewards})


def _rewards(account: Account, name: str) -> dict[RewardKey, int]:
    return {key: count for key, count in account.rewards.items() if key.stamp_programme_id == name}


def _with_card(target: Account, source: Account, name: str, moment: Moment) -> tuple[Account, StampChange]:
    """The account ready for another's stamps and rewards of a programme, and what they change."""
    rewards = Counter(_rewards(source, name))
    theirs, own = source.cards.get(name), target.cards.get(name)
    if theirs is None:
        return target, StampChange(name, 0, tuple(sorted(rewards.items())))
    before = own.stamps if own else 0
    cards = [card for card in (own, theirs) if card]
    programme = moment.stamp_programmes.get(name)
    card = StampCard(
        before + theirs.stamps,
        min((card.needed for card in cards if card.stamps > 0), default=theirs.needed),
        remembered([visit for card in cards for visit in card.visits]),
    )
    if programme is not None:
        card = replace(card, needed=min(card.needed, programme.needed))
        card, full = fill(card, programme, Occasion("", moment.at, moment.time_zone))
        rewards.update(dict(full))
    ready = target.replace_card(name, replace(card, stamps=before))
    return ready, StampChange(name, card.stamps - before, tuple((key, n) for key, n in sorted(rewards.items()) if n))


def _without(account: Account, member_id: str, moment: Moment) -> tuple[Account, dict[str, CouponUse]]:
    """The account without a member, and the uses and vouchers that were theirs; their rows say nothing any more.

    What they used of coupons that are over stays behind, so that years of coupons don't make a move too large.
    """
    own = {
        coupon_id: use
        for (coupon_id, whose), use in account.uses.items()
        if whose == member_id and coupon_id not in moment.over and (use.used or use.vouchers)
    }
    cleared = {(coupon_id, member_id): CouponUse(0, revision=use.revision) for coupon_id, use in own.items()}
    members = {each: member for each, member in account.members.items() if each != member_id}
    return replace(account, members=members, uses={**account.uses, **cleared}), own


def _taken(uses: Mapping[str, CouponUse]) -> tuple[UseChange, ...]:
    """What taking them away did."""
    return tuple(UseChange(coupon_id, -use.used, -use.vouchers) for coupon_id, use in uses.items())


def _with_uses(
    account: Account, member_id: str, uses: Mapping[str, CouponUse]
) -> tuple[Account, tuple[UseChange, ...]]:
    """The account with uses and vouchers put to those that a member has there."""
    added = {}
    for coupon_id, use in uses.items():
        own = account.uses.get((coupon_id, member_id), CouponUse(0))
        added[coupon_id, member_id] = replace(
            own,
            used=own.used + use.used,
            vouchers=own.vouchers + use.vouchers,
            last_day=_youngest(own, use),
        )
    changes = tuple(UseChange(coupon_id, use.used, use.vouchers) for coupon_id, use in uses.items())
    return replace(account, uses={**account.uses, **added}), changes


def _youngest(own: CouponUse, other: CouponUse) -> date | None:
    """The last day of vouchers put together; one that has none of its own lasts as long as its coupon."""
    days = [use.last_day for use in (own, other) if use.vouchers]
    known = [day for day in days if day is not None]
    return max(known) if known and len(known) == len(days) else None


def _united(winner: AccountMember, loser: AccountMember, loser_id: str) -> AccountMember:
    """What an account remembers of one person who was two."""
    last_gift, other_gift = sorted((winner, loser), key=lambda each: each.given_on or date.min, reverse=True)
    same_day = last_gift.given_on == other_gift.given_on
    return replace(
        winner,
        last_purchase_at=_later(winner.last_purchase_at, loser.last_purchase_at),
        carried_over=tuple(sorted({*winner.carried_over, *loser.carried_over})),
        given_on=last_gift.given_on,
        given=last_gift.given + (other_gift.given if same_day else 0),
        formerly=(*winner.formerly, loser_id, *loser.formerly),
    )


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    known = [each for each in (one, other) if each is not None]
    return max(known) if known else None
