"""What an account holds: lots of bonus, stamp cards, rewards, what is reserved, and uses of coupons."""

from collections.abc import Iterable, Mapping
from copy import replace
from datetime import date, datetime, timedelta
from types import MappingProxyType

from msgspec import Struct, field

from stamkunde.shared.clock import local_date
from stamkunde.shared.terms import NOT_ACCEPTED

HOLD_REMEMBERED = timedelta(days=1)
"""How long a reservation that is over is still known, so that whoever asks again is told what became of it."""


class LotKey(Struct, frozen=True, order=True):
    """What bonus is merged by: its last day, and the terms it was earned under."""

    expires_on: date
    terms_version: int

    @property
    def pending(self) -> bool:
        """Whether it waits for the terms to be accepted."""
        return self.terms_version == NOT_ACCEPTED


class LotChange(Struct, frozen=True):
    """How much an entry put into a lot (positive) or took from it (negative): its allocation."""

    lot: LotKey
    amount: int


class RewardKey(Struct, frozen=True, order=True):
    """What rewards are merged by: the last day they can be used, the stamp programme, and what the card asked for.

    Parameters
    ----------
    stamps
        Of the full card it came of: so many a refund opens it into again. 0 in rows that don't say.
    """

    expires_on: date
    stamp_programme_id: str
    stamps: int = 0


class StampCard(Struct, frozen=True):
    """A running card.

    Parameters
    ----------
    stamps
        On it now; below 0 after a refund of stamps whose reward was used.
    needed
        What was promised when the card was begun; a programme that asks for less since then counts (an edit never
        takes from a running card). Of no meaning while there is nothing on it.
    visits
        When visits were stamped lately, oldest first: what the next one must keep a distance to.
    """

    stamps: int
    needed: int
    visits: tuple[datetime, ...] = ()


class StampChange(Struct, frozen=True):
    """What an entry did to a stamp card: stamps given or taken, and rewards that came of it or were used."""

    stamp_programme_id: str
    stamps: int
    rewards: tuple[tuple[RewardKey, int], ...] = ()


class Movement(Struct, frozen=True):
    """What an entry did to an account.

    Parameters
    ----------
    deficit
        Added to what the account owes (positive), or paid off of it (negative).
    """

    lots: tuple[LotChange, ...] = ()
    deficit: int = 0
    stamps: tuple[StampChange, ...] = ()

    @property
    def amount(self) -> int:
        """What it added to the balance, or took from it, in units of bonus."""
        return sum(change.amount for change in self.lots) - self.deficit


class Hold(Struct, frozen=True):
    """What is set aside for one receipt until it is captured, released or timed out.

    Parameters
    ----------
    bonus
        Units of bonus.
    rewards, coupons
        Stamp programmes whose reward, and coupons one use of which, is held; one name for each.
    ended
        Whether it was captured or released: it holds nothing more, and answers whoever asks for it again.
    captured
        Whether a receipt used it.
    content
        Digest of what was asked for: the same key with another basket is a mistake.
    """

    member_id: str
    until: datetime
    bonus: int = 0
    rewards: tuple[str, ...] = ()
    coupons: tuple[str, ...] = ()
    ended: bool = False
    captured: bool = False
    content: str = ""

    def live(self, at: datetime) -> bool:
        """Whether it holds anything at an instant."""
        return self.until > at and not self.ended

    def known(self, at: datetime) -> bool:
        """Whether anybody may still ask for it."""
        return at < self.until + HOLD_REMEMBERED

    def over(self, *, captured: bool = False) -> "Hold":
        """It once nothing is held by it any more."""
        return Hold(self.member_id, self.until, ended=True, captured=captured, content=self.content)


class CouponUse(Struct, frozen=True):
    """One member's vouchers for a coupon, and how often they have used it.

    Parameters
    ----------
    vouchers
        Handed out so far, also those that are used.
    last_day
        Of all that are unused: the latest that any was given with; None where only the coupon's own window counts.
    """

    used: int
    vouchers: int = 0
    last_day: date | None = None
    revision: int = 0

    def lapsed(self, today: date) -> bool:
        """Whether unused vouchers can't be used any more on a day of the club's, whatever the coupon's window."""
        return self.last_day is not None and self.last_day < today


type UseKey = tuple[str, str]
"""A coupon and a member."""


class AccountMember(Struct, frozen=True):
    """A member's part in an account.

    Parameters
    ----------
    terms_version
        The version this member accepted; `NOT_ACCEPTED` while the membership is open.
    carried_over
        What they brought along from paper: stamp programmes, and ``bonus``. Each counts once.
    given_on, given
        The club's day they last gave bonus away, and how much on that day.
    formerly
        Ids of members that were found to be the same person: a till may still send them.
    """

    terms_version: int
    last_purchase_at: datetime | None
    carried_over: tuple[str, ...] = ()
    given_on: date | None = None
    given: int = 0
    formerly: tuple[str, ...] = ()


class Balance(Struct, frozen=True):
    """What an account holds, in units of bonus.

    Parameters
    ----------
    total
        The sum of the entries: `available` + `reserved` + `pending` + what has expired on the way to being posted,
        less what is owed.
    """

    total: int
    available: int
    pending: int
    reserved: int = 0


class Account(Struct, frozen=True):
    """Bonus, stamps and coupon uses of one member or household in one club.

    Parameters
    ----------
    revision
        Goes up with every write; a write of an older revision is refused (two tills at once).
    deficit
        What refunds took back that had been spent already; the next bonus pays it off.
    closed
        Whether nobody lives from it any more and its entries are leaving it: they no longer add up to it.
    """

    account_id: str
    revision: int
    lots: Mapping[LotKey, int]
    members: Mapping[str, AccountMember]
    deficit: int = 0
    cards: Mapping[str, StampCard] = field(default_factory=lambda: MappingProxyType({}))
    rewards: Mapping[RewardKey, int] = field(default_factory=lambda: MappingProxyType({}))
    holds: Mapping[str, Hold] = field(default_factory=lambda: MappingProxyType({}))
    uses: Mapping[UseKey, CouponUse] = field(default_factory=lambda: MappingProxyType({}))
    closed: bool = False

    def known_as(self, member_id: str) -> str:
        """The id by which a member is in this account: another one, if they were merged into it."""
        return next((each for each, member in self.members.items() if member_id in member.formerly), member_id)

    def balance(self, at: datetime, time_zone: str) -> Balance:
        """What it holds at an instant, in the club's zone."""
        today = local_date(at, time_zone)
        alive = self.spendable_lots(today)
        reserved = self.reserved(at)
        return Balance(
            total=sum(self.lots.values()) - self.deficit,
            available=max(0, sum(alive.values()) - reserved - self.deficit),
            pending=sum(n for lot, n in self.lots.items() if lot.pending and lot.expires_on >= today),
            reserved=reserved,
        )

    def spendable_lots(self, today: date) -> dict[LotKey, int]:
        """Lots that are alive on a day of the club's and wait for nothing, soonest expiry first."""
        return {lot: self.lots[lot] for lot in sorted(self.lots) if not lot.pending and lot.expires_on >= today}

    def live_holds(self, at: datetime) -> dict[str, Hold]:
        """What is held at an instant."""
        return {hold_id: hold for hold_id, hold in self.holds.items() if hold.live(at)}

    def reserved(self, at: datetime) -> int:
        """Units of bonus that are held at an instant."""
        return sum(hold.bonus for hold in self.live_holds(at).values())

    def rewards_left(self, stamp_programme_id: str, today: date, at: datetime) -> int:
        """Rewards of a programme that can be used on a day of the club's: those held are not among them."""
        alive = sum(
            n
            for key, n in self.rewards.items()
            if key.stamp_programme_id == stamp_programme_id and key.expires_on >= today
        )
        return alive - sum(hold.rewards.count(stamp_programme_id) for hold in self.live_holds(at).values())

    def apply(self, movement: Movement) -> "Account":
        """The account after a movement, one revision on; what is empty is gone.

        Cards are counted only: what else a card remembers is set by `replace_card`.
        """
        lots = _added(self.lots, ((change.lot, change.amount) for change in movement.lots))
        rewards = _added(self.rewards, (each for change in movement.stamps for each in change.rewards))
        if min((*lots.values(), *rewards.values(), self.deficit + movement.deficit, 0)) < 0:
            raise ValueError("a lot, a reward or a deficit can't be less than nothing")
        cards = dict(self.cards)
        for change in movement.stamps:
            if change.stamps:
                card = cards[change.stamp_programme_id]
                cards[change.stamp_programme_id] = replace(card, stamps=card.stamps + change.stamps)
        return replace(
            self,
            lots=lots,
            rewards=rewards,
            cards=cards,
            deficit=self.deficit + movement.deficit,
            revision=self.revision + 1,
        )

    def replace_hold(self, hold_id: str, hold: Hold) -> "Account":
        """The account with something set aside, or with that changed."""
        return replace(self, holds={**self.holds, hold_id: hold})

    def replace_card(self, stamp_programme_id: str, card: StampCard) -> "Account":
        """The account with a card begun, or with what it remembers changed."""
        return replace(self, cards={**self.cards, stamp_programme_id: card})

    def replace_member(self, member_id: str, member: AccountMember) -> "Account":
        """The account with what it remembers of a member changed."""
        return replace(self, members={**self.members, member_id: member})


def _added[K](held: Mapping[K, int], changes: Iterable[tuple[K, int]]) -> dict[K, int]:
    result = dict(held)
    for key, amount in changes:
        result[key] = result.get(key, 0) + amount
    return {key: amount for key, amount in result.items() if amount}


def credit(account: Account, lot: LotKey, amount: int) -> Movement:
    """How bonus comes in: what the account owes is paid off first."""
    paid_off = 0 if lot.pending else min(amount, account.deficit)
    rest = amount - paid_off
    return Movement((LotChange(lot, rest),) if rest else (), -paid_off)


def debit(lots: Mapping[LotKey, int], amount: int) -> tuple[LotChange, ...]:
    """How bonus goes out of some lots, in their order; the lots must hold as much."""
    changes = []
    for lot, held in lots.items():
        if amount == 0:
            break
        taken = min(held, amount)
        changes.append(LotChange(lot, -taken))
        amount -= taken
    if amount:
        raise ValueError("the lots hold less than that")
    return tuple(changes)


def release(account: Account, member_id: str, terms_version: int) -> tuple[Account, Movement]:
    """The account once a member accepted the terms: what was pending is now earned under that version.

    What the account owes is paid off first, soonest expiry first.
    """
    lots: list[LotChange] = []
    owed = account.deficit
    for lot, amount in sorted(account.lots.items()):
        if lot.pending:
            paid_off = min(owed, amount)
            owed -= paid_off
            freed = LotChange(LotKey(lot.expires_on, terms_version), amount - paid_off)
            lots += [LotChange(lot, -amount), *([freed] if freed.amount else [])]
    movement = Movement(tuple(lots), owed - account.deficit)
    member = replace(account.members[member_id], terms_version=terms_version)
    return account.apply(movement).replace_member(member_id, member), movement


def forfeit(account: Account, member_id: str) -> tuple[Account, Movement]:
    """The account once a member is gone: others keep all of it; after the last one what it held is lost.

    Nobody can book on an account without members.
    """
    others = {each: member for each, member in account.members.items() if each != member_id}
    if others:
        holds = {each: hold for each, hold in account.holds.items() if hold.member_id != member_id}
        return replace(account.apply(Movement()), members=others, holds=holds), Movement()
    rewards: dict[str, list[tuple[RewardKey, int]]] = {each: [] for each in account.cards}
    for key, count in sorted(account.rewards.items()):
        rewards.setdefault(key.stamp_programme_id, []).append((key, -count))
    movement = Movement(
        tuple(LotChange(lot, -amount) for lot, amount in sorted(account.lots.items())),
        -account.deficit,
        tuple(
            StampChange(each, -account.cards[each].stamps if each in account.cards else 0, tuple(taken))
            for each, taken in sorted(rewards.items())
        ),
    )
    return replace(account.apply(movement), members={}, cards={}, holds={}), movement
