"""Rows of the ledger table: accounts, immutable entries, receipt guards.

``A#<club>#<account>``: ``ACCOUNT`` and one ``ENTRY#<instant>#<id>`` an entry; sort keys that begin with ``ACCOUNT``
are what a purchase reads, in one Query, without the entries. ``R#<club>#<purchase>``: the guard of a receipt.
``ACCOUNTS#<club>#<shard>``: which accounts there are.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from stamkunde.ledger.model import (
    Account,
    AccountMember,
    Balance,
    Earned,
    Entry,
    EntryKind,
    Line,
    LotChange,
    LotKey,
    PurchaseFacts,
)
from stamkunde.shared.clock import compact_instant, iso_instant, parse_instant
from stamkunde.shared.ids import new_id, shard_of
from stamkunde.shared.item import from_wire, to_wire
from stamkunde.shared.reading import get_row, query_rows
from stamkunde.shared.terms import NOT_ACCEPTED
from stamkunde.shared.transaction import NOT_THERE, UNCHANGED, Put, Write, commit

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

ITEM_VERSION = 1
ACCOUNT_SHARDS = 64
ACCOUNT_PREFIX = "ACCOUNT"
ENTRY_PREFIX = "ENTRY#"


@dataclass(frozen=True, slots=True)
class Guard:
    """What makes a receipt count once: where its entry is, and what the receipt said."""

    purchase_id: str
    account_id: str
    entry_id: str
    content_hash: bytes


@dataclass(frozen=True, slots=True)
class EntryPage:
    """Entries, newest first, and where the next page begins."""

    entries: list[Entry]
    following: str | None


class LedgerStore:
    """One club's ledger. Built for one club: no method takes another's id."""

    def __init__(self, client: "DynamoDBClient", table: str, club_id: str) -> None:
        self._client = client
        self._table = table
        self.club_id = club_id

    def load_account(self, account_id: str, *, consistent: bool) -> Account | None:
        """An account as it stands, in one Query that reads no entries."""
        pk = self._account_pk(account_id)
        rows = query_rows(self._client, self._table, pk, ACCOUNT_PREFIX, consistent=consistent)
        found = {row["sk"]: row for row in rows}
        return _account(account_id, found[ACCOUNT_PREFIX]) if found else None

    def find_guard(self, purchase_id: str) -> Guard | None:
        """The guard of a receipt that has counted."""
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

    def account_ids(self) -> Iterator[str]:
        """Every account of the club, for rebuilding projections and for proof."""
        for shard in range(ACCOUNT_SHARDS):
            yield from (row["sk"] for row in query_rows(self._client, self._table, self._registry_pk(shard)))

    def open_account_writes(self, account: Account) -> list[Put]:
        """A new account, and its place in the list of accounts."""
        shard = shard_of(account.account_id, ACCOUNT_SHARDS)
        registry = {"pk": self._registry_pk(shard), "sk": account.account_id, "v": ITEM_VERSION}
        return [
            Put("account", self._table, self._account_row(account), NOT_THERE),
            Put("account_registry", self._table, registry, NOT_THERE),
        ]

    def entry_writes(self, before: Account, after: Account, entry: Entry) -> list[Put]:
        """An entry with the account it leads to, refused if another write came between."""
        return [
            self.account_write(before, after),
            Put("entry", self._table, self._entry_row(entry), NOT_THERE),
        ]

    def account_write(self, before: Account, after: Account) -> Put:
        """An account's new state where no bonus moves, refused if another write came between."""
        return Put("account", self._table, self._account_row(after), UNCHANGED, {"before": before.revision})

    def guard_write(self, guard: Guard) -> Put:
        """The guard of a receipt, refused if the receipt has counted already."""
        row = {
            "pk": self._guard_pk(guard.purchase_id),
            "sk": "GUARD",
            "v": ITEM_VERSION,
            "account": guard.account_id,
            "entry": guard.entry_id,
            "content": guard.content_hash,
        }
        return Put("guard", self._table, row, NOT_THERE)

    def commit(self, writes: Sequence[Write]) -> None:
        """Write everything or nothing; see `stamkunde.shared.transaction.commit`."""
        commit(self._client, writes)

    def _account_pk(self, account_id: str) -> str:
        return f"A#{self.club_id}#{account_id}"

    def _guard_pk(self, purchase_id: str) -> str:
        return f"R#{self.club_id}#{purchase_id}"

    def _registry_pk(self, shard: int) -> str:
        return f"ACCOUNTS#{self.club_id}#{shard:02d}"

    def _account_row(self, account: Account) -> dict[str, Any]:
        return {
            "pk": self._account_pk(account.account_id),
            "sk": ACCOUNT_PREFIX,
            "v": ITEM_VERSION,
            "revision": account.revision,
            "lots": {_lot_text(lot): amount for lot, amount in account.lots.items()},
            "members": {
                member_id: [
                    member.terms_version,
                    member.last_purchase_at and iso_instant(member.last_purchase_at),
                ]
                for member_id, member in account.members.items()
            },
        }

    def _entry_row(self, entry: Entry) -> dict[str, Any]:
        row = {
            "pk": self._account_pk(entry.account_id),
            "sk": ENTRY_PREFIX + entry.entry_id,
            "v": ITEM_VERSION,
            "kind": entry.kind.value,
            "member": entry.member_id,
            "outlet": entry.outlet_id,
            "till": entry.till_id,
            "booked": iso_instant(entry.booked_at),
            "day": entry.day.isoformat(),
            "amount": entry.amount,
            "changes": [[_lot_text(change.lot), change.amount] for change in entry.changes],
            "balance": [entry.balance.total, entry.balance.available, entry.balance.pending],
        }
        return row | _purchase_attributes(entry.purchase) if entry.purchase else row


def new_entry_id(booked_at: datetime) -> str:
    """An entry's id: the instant it was booked, and enough at random that two tills never meet."""
    return f"{compact_instant(booked_at)}#{new_id('', 8)}"


def guard_from_row(row: dict[str, Any]) -> Guard:
    """The guard that a failed condition found, or a read gave."""
    return Guard(row["pk"].rpartition("#")[2], row["account"], row["entry"], row["content"])


def _lot_text(lot: LotKey) -> str:
    return f"{lot.expires_on:%Y%m%d}.{lot.terms_version}"


def _lot_key(text: str) -> LotKey:
    day, _, terms_version = text.partition(".")
    return LotKey(date.fromisoformat(day), int(terms_version))


def _account(account_id: str, row: dict[str, Any]) -> Account:
    return Account(
        account_id=account_id,
        revision=row["revision"],
        lots={_lot_key(text): amount for text, amount in row["lots"].items()},
        members={
            member_id: AccountMember(terms_version, bought and parse_instant(bought))
            for member_id, (terms_version, bought) in row["members"].items()
        },
    )


def _purchase_attributes(purchase: PurchaseFacts) -> dict[str, Any]:
    earned = purchase.earned
    return {
        "purchase": purchase.purchase_id,
        "receipt": purchase.receipt_number,
        "bought": iso_instant(purchase.bought_at),
        "total": purchase.total,
        "earned": [earned.programme_version, earned.base, earned.rate, earned.amount, earned.terms_version],
        "spent": [purchase.asked_to_spend, purchase.spent],
        "lines": [[line.item_number, line.quantity, line.amount] for line in purchase.lines],
        "flags": list(purchase.flags),
    }


def _purchase(row: dict[str, Any]) -> PurchaseFacts:
    asked_to_spend, spent = row["spent"]
    return PurchaseFacts(
        purchase_id=row["purchase"],
        receipt_number=row["receipt"],
        bought_at=parse_instant(row["bought"]),
        total=row["total"],
        earned=Earned(*row["earned"]),
        asked_to_spend=asked_to_spend,
        spent=spent,
        lines=tuple(Line(*line) for line in row["lines"]),
        flags=tuple(row["flags"]),
    )


def club_of(row: dict[str, Any]) -> str:
    """Whose row it is, for the stream consumer, which serves all clubs."""
    return str(row["pk"].split("#")[1])


def entry_from_row(row: dict[str, Any]) -> Entry:
    """The entry that a row, or an image in the table's stream, holds."""
    return Entry(
        entry_id=row["sk"].removeprefix(ENTRY_PREFIX),
        kind=EntryKind(row["kind"]),
        account_id=row["pk"].rpartition("#")[2],
        member_id=row["member"],
        outlet_id=row["outlet"],
        till_id=row["till"],
        booked_at=parse_instant(row["booked"]),
        day=date.fromisoformat(row["day"]),
        changes=tuple(LotChange(_lot_key(text), amount) for text, amount in row["changes"]),
        balance=Balance(*row["balance"]),
        purchase=_purchase(row) if "purchase" in row else None,
    )


def new_account(account_id: str, member_id: str, terms_version: int = NOT_ACCEPTED) -> Account:
    """An empty account of one member."""
    return Account(account_id, 1, {}, {member_id: AccountMember(terms_version, None)})
