"""Which terms a club's members accepted, in numbers: accounts say it, so nobody's own row is read."""

from collections import Counter

from msgspec import Struct

from stamkunde.ledger.account_members import AccountMembers


class AcceptedTerms(Struct, frozen=True):
    """One club's accounts, asked for nothing but who accepted what."""

    accounts: AccountMembers

    def count(self) -> Counter[int]:
        """How many members accepted each version last; `NOT_ACCEPTED` for those who accepted none."""
        counted: Counter[int] = Counter()
        for row in self.accounts.rows():
            counted.update(version for version, *_ in row["members"].values())
        return counted
