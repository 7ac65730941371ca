"""Which terms a club's members accepted, in numbers: accounts say it, so nobody's own row is read."""

from collections import Counter
from collections.abc import Sequence
from itertools import batched
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from stamkunde.ledger.rows import ACCOUNT_PREFIX
from stamkunde.ledger.store import LedgerStore
from stamkunde.shared.item import from_wire, to_wire
from stamkunde.shared.patience import Patience
from stamkunde.shared.transaction import Busy

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

MOST_A_CALL = 100


class AcceptedTerms(Struct, frozen=True):
    """One club's accounts, asked for nothing but who accepted what."""

    client: "DynamoDBClient"
    table: str
    club_id: str
    patience: Patience

    def count(self) -> Counter[int]:
        """How many members accepted each version last; `NOT_ACCEPTED` for those who accepted none."""
        accounts = LedgerStore(self.client, self.table, self.club_id).account_ids()
        counted: Counter[int] = Counter()
        for some in batched(accounts, MOST_A_CALL, strict=False):
            counted.update(self._versions(some))
        return counted

    def _versions(self, account_ids: Sequence[str]) -> list[int]:
        rows = self.patience.until_done(lambda: self._rows(account_ids))
        return [version for row in rows for version, *_ in row["members"].values()]

    def _rows(self, account_ids: Sequence[str]) -> list[dict[str, Any]]:
        keys = [to_wire({"pk": f"A#{self.club_id}#{each}", "sk": ACCOUNT_PREFIX}) for each in account_ids]
        answer = self.client.batch_get_item(
            RequestItems={self.table: {"Keys": keys, "ProjectionExpression": "members"}}
        )
        if answer.get("UnprocessedKeys"):
            raise Busy
        return [from_wire(item) for item in answer["Responses"].get(self.table, ())]
