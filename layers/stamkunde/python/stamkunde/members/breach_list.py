"""Whose data a club keeps, and of which kinds: for whoever must tell of a breach within 72 hours (R24)."""

from collections.abc import Iterator

from msgspec import Struct

from stamkunde.ledger.store import ACCOUNT_SHARDS, LedgerStore
from stamkunde.members.model import Member
from stamkunde.members.own_data import ids_of
from stamkunde.members.store import NEWSLETTER_SHARDS, PHOTO, MemberStore

PARTS = ACCOUNT_SHARDS + NEWSLETTER_SHARDS
"""The list is put together part by part: whose bonus lies in an account, then who came for the newsletter only."""

OWN_FIELDS = ("phone", "first_name", "email", "birth_date", "answers", "own_outlet", "card_number")
"""What stands in a member's own row."""

KINDS_OF_ROWS = {"CONSENT": "consents", PHOTO: "photos_of_forms", "DEVICE": "devices", "MESSAGE": "messages"}
"""What lies beside it, also under the ids that they had before they were merged; see `MemberStore.kinds_of_rows`."""

PURCHASES = "purchases"
FIELDS = (*OWN_FIELDS, *KINDS_OF_ROWS.values(), PURCHASES)


class Kept(Struct, frozen=True):
    """A person of whom the club keeps something, and which of `FIELDS` that is."""

    member: Member
    fields: tuple[str, ...]


class BreachList(Struct, frozen=True):
    """Lists one club's people with the kinds of data there are of each, and none of the data itself."""

    members: MemberStore
    ledger: LedgerStore

    def part(self, number: int) -> Iterator[Kept]:
        """One of `PARTS` parts; also who asked to be deleted and is gone to everybody else."""
        for member_id in self._member_ids(number):
            member = self.members.load_even_gone(member_id)
            is_listed_twice = number >= ACCOUNT_SHARDS and member is not None and member.account_id is not None
            if member is not None and not is_listed_twice:
                yield Kept(member, self._fields(member))

    def _member_ids(self, number: int) -> Iterator[str]:
        if number >= ACCOUNT_SHARDS:
            yield from self.members.newsletter_ids(number - ACCOUNT_SHARDS)
            return
        for account_id in self.ledger.account_ids_of(number):
            account = self.ledger.load_account(account_id, consistent=False)
            yield from account.members if account else ()

    def _fields(self, member: Member) -> tuple[str, ...]:
        kinds = {kind for each in ids_of(member) for kind in self.members.kinds_of_rows(each)}
        has = {name: bool(getattr(member, name)) for name in OWN_FIELDS}
        has |= {name: prefix in kinds for prefix, name in KINDS_OF_ROWS.items()}
        has[PURCHASES] = member.account_id is not None and self._has_entries(member.account_id)
        return tuple(name for name in FIELDS if has[name])

    def _has_entries(self, account_id: str) -> bool:
        return bool(self.ledger.entries(account_id, most=1, after=None).entries)
