"""Rows of the ledger table: accounts, immutable entries, receipt guards.

``A#<club>#<account>``: ``ACCOUNT`` and one ``ENTRY#<instant>#<id>`` an entry; sort keys that begin with ``ACCOUNT``
are what a purchase reads, in one Query, without the entries. ``R#<club>#<purchase>``: the guard of a receipt.
``ACCOUNTS#<club>#<shard>``: which accounts there are. ``GUESTS#<club>#<month>#<shard>``: receipts without membership.
``NOTED#<club>#<day>``: what the owner is shown of a day.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from stamkunde.ledger.coupon_store import CouponStore
from stamkunde.ledger.guards import Guard, guard_attributes, guard_from_row
from stamkunde.ledger.model.accounts import Account, AccountMember, UseKey
from stamkunde.ledger.model.entries import Entry
from stamkunde.ledger.notes import Note, NoteKind
from stamkunde.ledger.rows import (
    ACCOUNT_PREFIX,
    ENTRY_PREFIX,
    ITEM_VERSION,
    account_attributes,
    account_from_rows,
    entry_attributes,
    entry_from_row,
    use_attributes,
    use_sort_key,
)
from stamkunde.shared.clock import compact_instant, iso_instant, parse_instant
from stamkunde.shared.ids import new_id, shard_of
from stamkunde.shared.item import from_wire, to_wire
from stamkunde.shared.reading import get_row, query_between, query_rows
from stamkunde.shared.terms import NOT_ACCEPTED
from stamkunde.shared.transaction import NOT_THERE, THERE, UNCHANGED, Put, Write, commit, put_alone

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

    from stamkunde.ledger.anonymous_store import AnonymousStore
    from stamkunde.ledger.proposal_store import ProposalStore

ACCOUNT_SHARDS = 64
AFTER_ALL = "~"
"""Sorts after every instant."""
GUEST_SHARDS = 16
GUEST = "g"
"""What ids of receipts without membership begin with."""

MONTH = "%Y-%m"
NEVER_REFUNDED = f"{THERE} AND attribute_not_exists(revision)"
"""The condition of a guard that is still as its purchase wrote it."""

UNREADABLE = (LookupError, ValueError, TypeError, AttributeError, msgspec.MsgspecError)
"""What reading a row raises that isn't what it should be."""


@dataclass(eq=False)
class UnreadableEntry(Exception):
    """A row of an entry that nobody of ours has written so."""

    entry_id: str


class EntryPage(Struct, frozen=True):
    """Entries, newest first, and where the next page begins."""

    entries: list[Entry]
    following: str | None


class LedgerStore:
    """One club's ledger. Built for one club: no method takes another's id."""

    def __init__(self, client: "DynamoDBClient", table: str, club_id: str) -> None:
        self._client = client
        self._table = table
        self.club_id = club_id

    @property
    def coupons(self) -> CouponStore:
        """The same club's coupons, for transactions that touch both."""
        return CouponStore(self._client, self._table, self.club_id)

    @property
    def proposals(self) -> "ProposalStore":
        """The same club's corrections that wait for a second person."""
        from stamkunde.ledger.proposal_store import ProposalStore  # noqa: PLC0415 - tills never ask for them

        return ProposalStore(self._client, self._table, self.club_id)

    def gone(self, time_zone: str) -> "AnonymousStore":
        """What is left of the same club's entries whose members are gone."""
        from stamkunde.ledger.anonymous_store import AnonymousStore  # noqa: PLC0415 - tills never ask for them

        return AnonymousStore(self._client, self._table, self.club_id, time_zone)

    def load_account(self, account_id: str, *, consistent: bool) -> Account | None:
        """An account as it stands, in one Query that reads no entries."""
        pk = self._account_pk(account_id)
        rows = query_rows(self._client, self._table, pk, ACCOUNT_PREFIX, consistent=consistent)
        found = {row["sk"]: row for row in rows}
        account = found.pop(ACCOUNT_PREFIX, None)
        return account_from_rows(account_id, account, found.values()) if account else None

    def find_guard(self, purchase_id: str) -> Guard | None:
        """The guard of a receipt that has counted, or of which a refund has arrived."""
        row = get_row(self._client, self._table, self._guard_pk(purchase_id), "GUARD", consistent=True)
        return guard_from_row(row) if row else None

    def load_entry(self, account_id: str, entry_id: str) -> Entry:
        """One entry that a guard points to.

        Raises
        ------
        LookupError
            It isn't there: guard and entry are written together, so the table has been tampered with.
        """
        pk = self._account_pk(account_id)
        row = get_row(self._client, self._table, pk, ENTRY_PREFIX + entry_id, consistent=True)
        if row is None:
            raise LookupError("a receipt guard points to no entry")
        return entry_from_row(row)

    def entries(self, account_id: str, *, most: int, after: str | None) -> EntryPage:
        """A page of an account's entries, newest first; `after` is the last sort key of the page before.

        A page may hold fewer than `most`, since DynamoDB ends one at a megabyte: only `following` tells the end.
        """
        pk = self._account_pk(account_id)
        request: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :pk AND begins_with(sk, :sk)",
            "ExpressionAttributeValues": to_wire({":pk": pk, ":sk": ENTRY_PREFIX}),
            "ScanIndexForward": False,
            "Limit": most,
        }
        if after is not None:
            request["ExclusiveStartKey"] = to_wire({"pk": pk, "sk": after})
        answer = self._client.query(**request)
        last = answer.get("LastEvaluatedKey")
        return EntryPage(
            [entry_from_row(from_wire(item)) for item in answer["Items"]],
            str(from_wire(last)["sk"]) if last else None,
        )

    def every_entry(self, account_id: str) -> Iterator[Entry]:
        """All entries of an account in the order of their ids, as last confirmed.

        Raises
        ------
        UnreadableEntry
            A row isn't what entries are written as.
        """
        pk = self._account_pk(account_id)
        for row in query_rows(self._client, self._table, pk, ENTRY_PREFIX, consistent=True):
            try:
                yield entry_from_row(row)
            except UNREADABLE as error:
                raise UnreadableEntry(row["sk"].removeprefix(ENTRY_PREFIX)) from error

    def entries_booked(self, account_id: str, since: datetime, until: datetime) -> Iterator[Entry]:
        """An account's entries that were booked between two instants, the end exclusive."""
        # Ids go on after their instant, so none of the end's own lies before it.
        return self._entries_between(account_id, compact_instant(since), compact_instant(until))

    def entries_since(self, account_id: str, since: datetime) -> Iterator[Entry]:
        """An account's entries booked from an instant on, as last confirmed, oldest first."""
        return self._entries_between(account_id, compact_instant(since), AFTER_ALL)

    def _entries_between(self, account_id: str, first: str, last: str) -> Iterator[Entry]:
        pk = self._account_pk(account_id)
        rows = query_between(
            self._client, self._table, pk, ENTRY_PREFIX + first, ENTRY_PREFIX + last, consistent=True
        )
        return map(entry_from_row, rows)

    def account_ids(self) -> Iterator[str]:
        """Every account of the club, for rebuilding projections and for proof."""
        for shard in range(ACCOUNT_SHARDS):
            yield from self.account_ids_of(shard)

    def account_ids_of(self, shard: int) -> Iterator[str]:
        """The accounts of one part of the list of accounts."""
        return (row["sk"] for row in query_rows(self._client, self._table, self._registry_pk(shard)))

    def is_listed(self, account_id: str) -> bool:
        """Whether the list of accounts names one."""
        pk = self._registry_pk(shard_of(account_id, ACCOUNT_SHARDS))
        return get_row(self._client, self._table, pk, account_id, consistent=True) is not None

    def open_account_writes(self, account: Account) -> list[Put]:
        """A new account, and its place in the list of accounts."""
        shard = shard_of(account.account_id, ACCOUNT_SHARDS)
        registry = {"pk": self._registry_pk(shard), "sk": account.account_id, "v": ITEM_VERSION}
        return [
            Put("account", self._table, self._account_row(account), NOT_THERE),
            Put("account_registry", self._table, registry, NOT_THERE),
        ]

    def entry_writes(self, before: Account, after: Account, entry: Entry) -> list[Put]:
        """An entry with the account it leads to and the coupon uses it changes; refused if others wrote between.

        Uses lie in the account's partition and are written only together with it: the account's revision guards them.
        """
        return [self.account_write(before, after), self.entry_write(entry), *self.use_writes(before, after)]

    def use_writes(self, before: Account, after: Account) -> list[Put]:
        """The coupon uses that changed; only beside the account they lie with."""
        changed = [key for key, use in after.uses.items() if before.uses.get(key) != use]
        return [self._use_write(before, after, key) for key in changed]

    def guest_writes(self, entry: Entry) -> list[Put]:
        """An entry alone, of a receipt without membership, and its place in the list of the month's."""
        month = entry.booked_at.strftime(MONTH)
        pk = self._guests_pk(month, shard_of(entry.account_id, GUEST_SHARDS))
        listed = {"pk": pk, "sk": entry.account_id, "v": ITEM_VERSION}
        return [self.entry_write(entry), Put("guest", self._table, listed)]

    def guest_accounts(self, since: datetime, until: datetime, shard: int) -> list[str]:
        """What stands for the accounts of receipts without membership in months of UTC that a period touches."""
        months = sorted({each.astimezone(UTC).strftime(MONTH) for each in (since, until)})
        found = {
            row["sk"]
            for month in months
            for row in query_rows(self._client, self._table, self._guests_pk(month, shard))
        }
        return sorted(found)

    def entry_write(self, entry: Entry) -> Put:
        """An entry; a new one is never put over another."""
        return Put("entry", self._table, self._entry_row(entry), NOT_THERE)

    def _use_write(self, before: Account, after: Account, key: UseKey) -> Put:
        row = {"pk": self._account_pk(after.account_id), "sk": use_sort_key(key), "v": ITEM_VERSION}
        row |= use_attributes(after.uses[key])
        if key not in before.uses:
            return Put("use", self._table, row, NOT_THERE)
        return Put("use", self._table, row, UNCHANGED, {"before": before.uses[key].revision})

    def account_write(self, before: Account, after: Account) -> Put:
        """An account's new state where no bonus moves, refused if another write came between."""
        return Put("account", self._table, self._account_row(after), UNCHANGED, {"before": before.revision})

    def guard_write(self, guard: Guard, before: Guard | None = None) -> Put:
        """The guard of a receipt, refused if there is one already, or if it isn't as it was before."""
        keys = {"pk": self._guard_pk(guard.purchase_id), "sk": "GUARD", "v": ITEM_VERSION}
        row = keys | guard_attributes(guard)
        if before is None:
            return Put("guard", self._table, row, NOT_THERE)
        if before.revision == 0:
            return Put("guard", self._table, row, NEVER_REFUNDED)
        return Put("guard", self._table, row, UNCHANGED, {"before": before.revision})

    def parked_write(self, day: date, purchase_id: str, identity: str) -> Put:
        """That a refund waits for its sale since a day of the club's; rows of over days stay behind."""
        row = {"pk": self._parked_pk(day), "sk": f"{purchase_id}#{identity}", "v": ITEM_VERSION}
        return Put("parked", self._table, row)

    def parked_on(self, day: date) -> list[tuple[str, str]]:
        """Refunds that were parked on a day: purchases and the refunds' identities."""
        rows = query_rows(self._client, self._table, self._parked_pk(day))
        return [(purchase_id, identity) for purchase_id, _, identity in (row["sk"].partition("#") for row in rows)]

    def note_write(self, note: Note) -> Put:
        """A line for the owner, beside the writes of what it tells of."""
        row = {
            "pk": self._notes_pk(note.day),
            "sk": f"{compact_instant(note.noted_at)}#{new_id('', 8)}",
            "v": ITEM_VERSION,
            "kind": note.kind.value,
            "entry": note.entry_id,
            "account": note.account_id,
            "member": note.member_id,
            "code": note.code,
            "subject": note.subject,
            "noted": iso_instant(note.noted_at),
        }
        return Put("note", self._table, row, NOT_THERE)

    def notes_of_day(self, day: date) -> list[Note]:
        """What the owner is shown of one of the club's days, oldest first."""
        return [note_from_row(row, day) for row in query_rows(self._client, self._table, self._notes_pk(day))]

    def put_alone(self, put: Put) -> None:
        """Write one item; see `stamkunde.shared.transaction.put_alone`."""
        put_alone(self._client, put)

    def commit(self, writes: Sequence[Write]) -> None:
        """Write everything or nothing; see `stamkunde.shared.transaction.commit`."""
        commit(self._client, writes)

    def _account_pk(self, account_id: str) -> str:
        return f"A#{self.club_id}#{account_id}"

    def _guard_pk(self, purchase_id: str) -> str:
        return f"R#{self.club_id}#{purchase_id}"

    def _parked_pk(self, day: date) -> str:
        return f"PARKED#{self.club_id}#{day.isoformat()}"

    def _notes_pk(self, day: date) -> str:
        return f"NOTED#{self.club_id}#{day.isoformat()}"

    def _guests_pk(self, month: str, shard: int) -> str:
        return f"GUESTS#{self.club_id}#{month}#{shard:02d}"

    def _registry_pk(self, shard: int) -> str:
        return f"ACCOUNTS#{self.club_id}#{shard:02d}"

    def _account_row(self, account: Account) -> dict[str, Any]:
        keys = {"pk": self._account_pk(account.account_id), "sk": ACCOUNT_PREFIX, "v": ITEM_VERSION}
        return keys | account_attributes(account)

    def _entry_row(self, entry: Entry) -> dict[str, Any]:
        keys = {"pk": self._account_pk(entry.account_id), "sk": ENTRY_PREFIX + entry.entry_id, "v": ITEM_VERSION}
        return keys | entry_attributes(entry)


def new_entry_id(booked_at: datetime) -> str:
    """An entry's id: the instant it was booked, and enough at random that two tills never meet."""
    return f"{compact_instant(booked_at)}#{new_id('', 8)}"


def note_from_row(row: dict[str, Any], day: date) -> Note:
    """A line for the owner, as it was written."""
    return Note(
        kind=NoteKind(row["kind"]),
        noted_at=parse_instant(row["noted"]),
        day=day,
        entry_id=row["entry"],
        account_id=row["account"],
        member_id=row["member"],
        code=row["code"],
        subject=row["subject"],
    )


def club_of(row: dict[str, Any]) -> str:
    """Whose row it is, for the stream consumer, which serves all clubs."""
    return str(row["pk"].split("#")[1])


def accounts_of(rows: Iterable[dict[str, Any]]) -> set[tuple[str, str]]:
    """Which clubs' accounts some entries' rows belong to, for the same; entries of nobody belong to none."""
    keys = (row["pk"].split("#") for row in rows)
    return {(club_id, account_id) for kind, club_id, account_id, *_ in keys if kind == "A"}


def new_account(account_id: str, member_id: str, terms_version: int = NOT_ACCEPTED) -> Account:
    """An empty account of one member."""
    return Account(account_id, 1, {}, {member_id: AccountMember(terms_version, None)})


def guest_account(purchase_id: str) -> Account:
    """What stands for the account of a customer without membership: its one receipt is kept by itself."""
    return Account(f"{GUEST}{purchase_id[1:]}", 0, {}, {})


def is_guest(account_id: str) -> bool:
    """Whether it stands for the account of a customer without membership."""
    return account_id.startswith(GUEST)
