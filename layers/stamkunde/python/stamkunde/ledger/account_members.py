"""Who lives from a club's accounts: asked of the accounts, a hundred at once, so that nobody's own row is read."""

from collections.abc import Iterator, Sequence
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


class AccountMembers(Struct, frozen=True):
    """One club's accounts, asked for nothing but who is in them."""

    client: "DynamoDBClient"
    table: str
    club_id: str
    patience: Patience

    def member_ids(self) -> Iterator[str]:
        """Everybody who has an account, alone or with others.

        Raises
        ------
        Refusal
            ``try_again``: the table asks for patience for too long.
        """
        for row in self.rows():
            yield from row["members"]

    def rows(self) -> Iterator[dict[str, Any]]:
        """Of every account its members' part, as the row has it."""
        accounts = LedgerStore(self.client, self.table, self.club_id).account_ids()
        for some in batched(accounts, MOST_A_CALL, strict=False):
            yield from self._answered(some)

    def _answered(self, account_ids: Sequence[str]) -> list[dict[str, Any]]:
        return self.patience.until_done(lambda: self._rows(account_ids))

    def _rows(self, account_ids: Sequence[str]) -> list[dict[str, Any]]:
        keys = [to_wire({"pk": f"A#{self.club_id}#{each}", "sk": ACCOUNT_PREFIX}) for each in account_ids]
        answer = self.client.batch_get_item(
            RequestItems={self.table: {"Keys": keys, "ProjectionExpression": "members"}}
        )
        if answer.get("UnprocessedKeys"):
            raise Busy
        return [from_wire(item) for item in answer["Responses"].get(self.table, ())]
