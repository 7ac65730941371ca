"""The proof: an account's entries must give the account again."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

from msgspec import Struct

from stamkunde.ledger.model.accounts import Account, LotKey, RewardKey, UseKey
from stamkunde.ledger.model.anonymous import is_anonymous
from stamkunde.ledger.model.earning import earned_amount
from stamkunde.ledger.model.entries import Entry, EntryKind, PurchaseFacts
from stamkunde.ledger.model.reversal import nets_of


class DifferenceKind(StrEnum):
    """What doesn't agree. The words of `stamkunde ledger verify` and of the runbook."""

    MISSING = "missing"
    """An account that has entries, or stands in the list of accounts, isn't there."""

    UNREADABLE = "unreadable"
    """A row of the account can't be read."""

    LOTS = "lots"
    DEFICIT = "deficit"
    STAMPS = "stamps"
    REWARDS = "rewards"
    USES = "uses"
    IMPOSSIBLE = "impossible"
    """Less than nothing in a lot, a reward or what is owed."""

    CHAIN = "chain"
    """An entry's balance begins where no other entry's ended."""

    RECKONING = "reckoning"
    """What a purchase or a refund says isn't what it moved, or isn't what its lines come to."""

    TWICE = "twice"
    """A receipt that counted before."""


class Difference(Struct, frozen=True):
    """Something that doesn't agree, by ids only: whoever looks at it finds the amounts in the table."""

    account_id: str
    kind: DifferenceKind
    entry_id: str | None = None


class Folded(Struct, frozen=True):
    """What some entries come to: what the account they belong to must hold."""

    lots: Mapping[LotKey, int]
    deficit: int
    stamps: Mapping[str, int]
    rewards: Mapping[RewardKey, int]
    uses: Mapping[UseKey, tuple[int, int]]


class Flows(Struct, frozen=True):
    """What entries moved, in units of bonus; every one adds to the balance or, below 0, takes from it.

    Parameters
    ----------
    earned, spent
        Of purchases.
    refunded
        What refunds gave back, less what they took back.
    adjusted
        By people: corrections, what was carried over, gifts and moves between accounts.
    """

    earned: int = 0
    spent: int = 0
    refunded: int = 0
    expired: int = 0
    forfeited: int = 0
    adjusted: int = 0

    @property
    def total(self) -> int:
        """What they did to the balance: earned - spent - expired - forfeited + adjusted."""
        return self.earned + self.spent + self.refunded + self.expired + self.forfeited + self.adjusted

    def __add__(self, other: "Flows") -> "Flows":
        """What two groups of entries moved."""
        return Flows(
            self.earned + other.earned,
            self.spent + other.spent,
            self.refunded + other.refunded,
            self.expired + other.expired,
            self.forfeited + other.forfeited,
            self.adjusted + other.adjusted,
        )


NO_FLOWS = Flows()


def flows_of(entry: Entry) -> Flows:
    """What one entry moved."""
    match entry.kind:
        case EntryKind.PURCHASE:
            spent = entry.purchase.spent if entry.purchase else 0
            return Flows(earned=entry.amount + spent, spent=-spent)
        case EntryKind.REFUND:
            return Flows(refunded=entry.amount)
        case EntryKind.EXPIRE:
            return Flows(expired=entry.amount)
        case EntryKind.FORFEIT:
            return Flows(forfeited=entry.amount)
    return Flows(adjusted=entry.amount)


def fold(entries: Iterable[Entry]) -> Folded:
    """What entries come to, whatever their order; what comes to nothing is left out."""
    lots: Counter[LotKey] = Counter()
    stamps: Counter[str] = Counter()
    rewards: Counter[RewardKey] = Counter()
    uses: dict[UseKey, tuple[int, int]] = {}
    deficit = 0
    for entry in entries:
        deficit += entry.movement.deficit
        for lot_change in entry.movement.lots:
            lots[lot_change.lot] += lot_change.amount
        for change in entry.movement.stamps:
            stamps[change.stamp_programme_id] += change.stamps
            for key, count in change.rewards:
                rewards[key] += count
        for use in entry.uses:
            used, vouchers = uses.get((use.coupon_id, entry.member_id or ""), (0, 0))
            uses[use.coupon_id, entry.member_id or ""] = (used + use.used, vouchers + use.vouchers)
    return Folded(
        {lot: n for lot, n in lots.items() if n},
        deficit,
        {name: n for name, n in stamps.items() if n},
        {key: n for key, n in rewards.items() if n},
        {key: counts for key, counts in uses.items() if counts != (0, 0)},
    )


def held_by(account: Account) -> Folded:
    """What an account holds, in the shape that its entries are folded to."""
    return Folded(
        {lot: n for lot, n in account.lots.items() if n},
        account.deficit,
        {name: card.stamps for name, card in account.cards.items() if card.stamps},
        {key: n for key, n in account.rewards.items() if n},
        {key: (use.used, use.vouchers) for key, use in account.uses.items() if use.used or use.vouchers},
    )


def differences(account: Account, entries: Sequence[Entry]) -> list[Difference]:
    """What doesn't agree between an account and all of its entries; nothing, if all is well."""
    proved, held = fold(entries), held_by(account)
    disagreeing = [
        kind
        for kind, is_same in (
            (DifferenceKind.LOTS, proved.lots == held.lots),
            (DifferenceKind.DEFICIT, proved.deficit == held.deficit),
            (DifferenceKind.STAMPS, proved.stamps == held.stamps),
            (DifferenceKind.REWARDS, proved.rewards == held.rewards),
            (DifferenceKind.USES, _of_members(proved.uses, account) == _of_members(held.uses, account)),
            (DifferenceKind.IMPOSSIBLE, min((*held.lots.values(), *held.rewards.values(), held.deficit, 0)) >= 0),
        )
        if not is_same
    ]
    found = [Difference(account.account_id, kind) for kind in disagreeing]
    found += [Difference(account.account_id, DifferenceKind.CHAIN, each) for each in _loose_ends(entries)]
    found += [
        Difference(account.account_id, DifferenceKind.RECKONING, entry.entry_id)
        for entry in entries
        if not _adds_up(entry)
    ]
    found += [Difference(account.account_id, DifferenceKind.TWICE, each) for each in _counted_twice(entries)]
    return found


def _of_members(uses: Mapping[UseKey, tuple[int, int]], account: Account) -> dict[UseKey, tuple[int, int]]:
    """Uses by those who live from the account: of whoever was erased neither rows nor entries tell them any more."""
    return {key: counts for key, counts in uses.items() if key[1] in account.members}


def _adds_up(entry: Entry) -> bool:
    """Whether a purchase or a refund moved what it says, and a purchase earned what its lines come to."""
    purchase, refund = entry.purchase, entry.refund
    if refund is not None:
        return entry.amount == refund.spent_back - refund.taken_back
    if purchase is None:
        return True
    return entry.amount == purchase.earned.amount - purchase.spent and _earned_by_lines(purchase)


def _earned_by_lines(purchase: PurchaseFacts) -> bool:
    """Whether it earned what its lines come to, by the rates it keeps; true where no lines are kept."""
    if not purchase.lines:
        return True
    paid = nets_of(purchase)
    rates = purchase.line_rates or (purchase.earned.rate,) * len(paid)
    earning = purchase.to_pay - purchase.not_earning
    return purchase.earned.amount == earned_amount(paid, rates, earning, sum(paid))


def _counted_twice(entries: Sequence[Entry]) -> list[str]:
    """Purchases with the identity of an earlier one."""
    seen: set[str] = set()
    twice = []
    for entry in sorted(entries, key=lambda each: each.entry_id):
        if entry.purchase is None or is_anonymous(entry):
            continue
        if entry.purchase.purchase_id in seen:
            twice.append(entry.entry_id)
        seen.add(entry.purchase.purchase_id)
    return twice


def _loose_ends(entries: Sequence[Entry]) -> list[str]:
    """Entries that begin where no other one ended.

    Their ids tell their order but for milliseconds, since two tills' entries may be booked in the same instant. So
    nothing is asked of the order: an account begins at 0, and each entry must begin where another one ended.
    """
    ends = Counter([0, *(entry.balance.total for entry in entries)])
    loose = []
    for entry in sorted(entries, key=lambda each: each.entry_id):
        begin = entry.balance.total - entry.amount
        if ends[begin] == 0:
            loose.append(entry.entry_id)
        else:
            ends[begin] -= 1
    return loose
