"""What a club owes its members: the sum of all accounts, by the year in which it would lapse."""

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime

from msgspec import Struct, field

from stamkunde.ledger.model.accounts import Account


class Liability(Struct, frozen=True):
    """What some accounts hold, in units of bonus.

    Parameters
    ----------
    accounts
        Accounts that somebody lives from.
    by_year
        By the year of their last day: what can be spent. `pending_by_year`: what waits for the terms.
    deficit
        What accounts owe the club.
    reserved
        Of what can be spent, what is held for receipts under way.
    lapsed
        What is over and not posted yet: owed to nobody.
    """

    accounts: int = 0
    by_year: Mapping[int, int] = field(default_factory=dict)
    pending_by_year: Mapping[int, int] = field(default_factory=dict)
    deficit: int = 0
    reserved: int = 0
    lapsed: int = 0

    @property
    def total(self) -> int:
        """The sum of all balances, as the sum of the entries gives it."""
        return sum(self.by_year.values()) + sum(self.pending_by_year.values()) + self.lapsed - self.deficit

    def __add__(self, other: "Liability") -> "Liability":
        """What two groups of accounts hold."""
        return Liability(
            self.accounts + other.accounts,
            dict(Counter(self.by_year) + Counter(other.by_year)),
            dict(Counter(self.pending_by_year) + Counter(other.pending_by_year)),
            self.deficit + other.deficit,
            self.reserved + other.reserved,
            self.lapsed + other.lapsed,
        )


NOTHING_OWED = Liability()


def liability_of(account: Account, today: date, at: datetime) -> Liability:
    """What one account holds on a day of the club's."""
    spendable: Counter[int] = Counter()
    pending: Counter[int] = Counter()
    lapsed = 0
    for lot, amount in account.lots.items():
        if lot.expires_on < today:
            lapsed += amount
        else:
            (pending if lot.pending else spendable)[lot.expires_on.year] += amount
    return Liability(
        1 if account.members else 0, dict(spendable), dict(pending), account.deficit, account.reserved(at), lapsed
    )
