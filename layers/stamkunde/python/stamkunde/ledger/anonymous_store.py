"""Rows of the ledger table that are left of entries whose members are gone.

``GONE#<club>#<day>#<shard>`` / ``ENTRY#<noon>#<random>``: what was booked on a day, of nobody. ``GONE#<club>`` /
``MOVED``: how often entries were put in the place of others, for whoever reads a club's ledger account by account.
"""

from collections.abc import Container, Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from stamkunde.ledger.model.accounts import Account, UseKey
from stamkunde.ledger.model.anonymous import Coupons, anonymous, of_nobody
from stamkunde.ledger.model.entries import Entry, EntryKind
from stamkunde.ledger.rows import (
    ACCOUNT_PREFIX,
    ENTRY_PREFIX,
    ITEM_VERSION,
    entry_attributes,
    entry_from_row,
    use_sort_key,
)
from stamkunde.ledger.store import ACCOUNT_SHARDS
from stamkunde.shared.clock import local_date
from stamkunde.shared.ids import new_id, shard_of
from stamkunde.shared.item import from_wire, to_wire
from stamkunde.shared.reading import get_row, query_rows
from stamkunde.shared.transaction import (
    NOT_THERE,
    THERE,
    UNCHANGED,
    Busy,
    ConditionFailed,
    Delete,
    Put,
    Update,
    commit,
    delete_alone,
)

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

    from stamkunde.ledger.coupon_store import CouponStore

GONE_SHARDS = 8
PORTION = 40
"""Entries that one transaction replaces: each is two of its hundred writes."""

KEY_LETTERS = 16
_MOVED = "MOVED"
_POINTING = ("account", "entry", "refunds", "refunded", "parked", "revision")
_NOTED = "noted"
_OURS_OR_NEW = "attribute_not_exists(pk) OR v = :v"
_A_MILLISECOND = timedelta(milliseconds=1)


class AnonymousStore:
    """What is left of one club's entries whose members are gone. Built for one club: no method takes another's id."""

    def __init__(self, client: "DynamoDBClient", table: str, club_id: str, time_zone: str) -> None:
        self._client = client
        self._table = table
        self._club_id = club_id
        self._time_zone = time_zone

    def entries_booked(self, since: datetime, until: datetime, shard: int) -> Iterator[Entry]:
        """One part of the entries of nobody that were booked from one of the club's days on, up to another."""
        day, end = local_date(since, self._time_zone), local_date(until - _A_MILLISECOND, self._time_zone)
        while day <= end:
            rows = query_rows(self._client, self._table, self._gone_pk(day, shard), ENTRY_PREFIX, consistent=True)
            yield from map(entry_from_row, rows)
            day += timedelta(days=1)

    def moved(self) -> int:
        """How often entries were replaced: who reads the ledger in parts has read it whole if this stays the same."""
        row = get_row(self._client, self._table, self._moved_pk(), _MOVED, consistent=True)
        return int(row["moved"]) if row else 0

    def strip_guards(self, entries: Iterable[Entry]) -> None:
        """Take out of the guards of some entries where those are; a receipt counts once all the same.

        What the owner was told of their refunds goes as well, by the days that a guard names for that alone.
        """
        for entry in entries:
            if not (guard_id := _guard_of(entry)):
                continue
            if days := self._strip(guard_id, _POINTING):
                for day in days:
                    self.remove_notes(day, (), {entry.entry_id})
                self._strip(guard_id, (_NOTED,))

    def _strip(self, guard_id: str, names: Sequence[str]) -> list[date]:
        """Take some attributes out of a guard; on which days the owner was told of a refund."""
        try:
            stripped = self._client.update_item(
                TableName=self._table,
                Key=to_wire({"pk": f"R#{self._club_id}#{guard_id}", "sk": "GUARD"}),
                UpdateExpression="REMOVE " + ", ".join(f"#{name}" for name in names),
                ConditionExpression=THERE,
                ExpressionAttributeNames={f"#{name}": name for name in names},
                ReturnValues="ALL_NEW",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return []
        return [date.fromisoformat(day) for day in from_wire(stripped["Attributes"]).get(_NOTED, ())]

    def replace(self, account: Account, entries: Sequence[Entry], coupons: Coupons) -> None:
        """Put anonymous copies in the place of some entries of an account, all or none.

        Those of an account that is closed leave it; in another one they stay where they are. That one is written each
        time, so that nobody proves it from entries that they read half before and half after.

        Raises
        ------
        Busy
            The account was written meanwhile, or somebody else has replaced one of them.
        """
        moved = Update(
            "moved",
            self._table,
            {"pk": self._moved_pk(), "sk": _MOVED},
            "ADD moved :one SET v = :v",
            _OURS_OR_NEW,
            {"one": 1, "v": ITEM_VERSION},
        )
        writes: list[Put | Delete | Update] = [moved, *([] if account.closed else [self._touched(account)])]
        for number, entry in enumerate(entries):
            copy = anonymous(entry, new_id("", KEY_LETTERS), self._time_zone, coupons)
            row = self._gone_row(of_nobody(copy)) if account.closed else self._account_row(copy)
            key = {"pk": self._account_pk(entry.account_id), "sk": ENTRY_PREFIX + entry.entry_id}
            writes.append(Put(f"copy_{number}", self._table, row, NOT_THERE))
            writes.append(Delete(f"entry_{number}", self._table, key, THERE))
        try:
            commit(self._client, writes)
        except ConditionFailed as failed:
            raise Busy from failed

    def remove_notes(self, day: date, ids: Container[str], entry_ids: Container[str]) -> None:
        """Take away what the owner was told on a day of some members, or of some entries."""
        for row in query_rows(self._client, self._table, f"NOTED#{self._club_id}#{day.isoformat()}", consistent=True):
            if row["member"] in ids or row["entry"] in entry_ids:
                self._client.delete_item(TableName=self._table, Key=to_wire({"pk": row["pk"], "sk": row["sk"]}))

    def remove_uses(self, account_id: str, keys: Iterable[UseKey]) -> None:
        """Take away what is known of uses of coupons in an account; only of those whom nobody can book for.

        Raises
        ------
        Busy
            The table asked for patience.
        """
        for key in keys:
            row = {"pk": self._account_pk(account_id), "sk": use_sort_key(key)}
            delete_alone(self._client, Delete("use", self._table, row, _OURS_OR_NEW, {"v": ITEM_VERSION}))

    def remove_account(self, account: Account) -> None:
        """Take away an account that is closed and has no entries left: last of all what finds the rest of it.

        Raises
        ------
        Busy
            The table asked for patience.
        """
        shard = shard_of(account.account_id, ACCOUNT_SHARDS)
        row = {"pk": self._account_pk(account.account_id), "sk": ACCOUNT_PREFIX}
        listed = {"pk": f"ACCOUNTS#{self._club_id}#{shard:02d}", "sk": account.account_id}
        for key in (listed, row):
            delete_alone(self._client, Delete("account", self._table, key, _OURS_OR_NEW, {"v": ITEM_VERSION}))

    def _touched(self, account: Account) -> Update:
        key = {"pk": self._account_pk(account.account_id), "sk": ACCOUNT_PREFIX}
        revisions = {"before": account.revision, "after": account.revision + 1}
        return Update("account", self._table, key, "SET revision = :after", UNCHANGED, revisions)

    def _account_row(self, copy: Entry) -> dict[str, Any]:
        keys = {"pk": self._account_pk(copy.account_id), "sk": ENTRY_PREFIX + copy.entry_id, "v": ITEM_VERSION}
        return keys | entry_attributes(copy)

    def _gone_row(self, copy: Entry) -> dict[str, Any]:
        day = local_date(copy.booked_at, self._time_zone)
        sk = ENTRY_PREFIX + copy.entry_id
        pk = self._gone_pk(day, shard_of(sk, GONE_SHARDS))
        attributes = entry_attributes(copy)
        del attributes["balance"]
        return {"pk": pk, "sk": sk, "v": ITEM_VERSION} | attributes

    def _account_pk(self, account_id: str) -> str:
        return f"A#{self._club_id}#{account_id}"

    def _gone_pk(self, day: date, shard: int) -> str:
        return f"GONE#{self._club_id}#{day.isoformat()}#{shard}"

    def _moved_pk(self) -> str:
        return f"GONE#{self._club_id}"


def coupons_used(store: "CouponStore", entries: Iterable[Entry]) -> Coupons:
    """The coupons that some entries took something off by."""
    names = {each.name for entry in entries if entry.purchase for each in entry.purchase.benefits}
    return {name: history for name in sorted(names) if (history := store.find(name))}


def _guard_of(entry: Entry) -> str | None:
    """What made an entry count once: the receipt, or the key by which a till gave a voucher."""
    if entry.purchase is not None:
        return entry.purchase.purchase_id
    return entry.grounds.transfer_id if entry.kind is EntryKind.VOUCHER and entry.grounds else None
