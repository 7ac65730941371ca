"""What is left of somebody once their own row is gone, found by their id alone.

``M#<club>#<member>``: consent records, devices and whatever else was kept of them. Whoever was merged into another
isn't gone: their ``MERGED`` row leads to that one, and what they agreed to stays beside it.
"""

from typing import TYPE_CHECKING, Any

from stamkunde.members.model import FormerMember
from stamkunde.shared.reading import get_row, query_rows
from stamkunde.shared.transaction import THERE, Delete

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

MERGED = "MERGED"


class Remains:
    """What one club still keeps of people who are gone. Built for one club: no method takes another's id."""

    def __init__(self, client: "DynamoDBClient", table: str, club_id: str) -> None:
        self._client = client
        self._table = table
        self._club_id = club_id

    def removals(self, member_id: str) -> list[Delete]:
        """Everything that lies in somebody's partition beside their own row, taken away."""
        keys = [{"pk": row["pk"], "sk": row["sk"]} for row in self._rows(member_id) if row["sk"] != "MEMBER"]
        return [Delete(f"rest_{number}", self._table, key, THERE) for number, key in enumerate(keys)]

    def are_there(self, member_id: str) -> bool:
        """Whether somebody is gone and something of them isn't."""
        sort_keys = {row["sk"] for row in self._rows(member_id)}
        return bool(sort_keys) and not sort_keys & {"MEMBER", MERGED}

    def were_merged(self, member_id: str) -> bool:
        """Whether somebody is another by now."""
        return get_row(self._client, self._table, self._pk(member_id), MERGED, consistent=True) is not None

    def former_removals(self, former: FormerMember, theirs: frozenset[str]) -> list[Delete]:
        """What leads from somebody who was merged into a member to that member, taken away.

        Parameters
        ----------
        theirs
            The ids of all that the member ever was: the number may be a stranger's by now, or be taken meanwhile.
        """
        pointers = [(f"P#{self._club_id}#{former.phone_hash}", "PHONE")]
        if former.card_number:
            pointers.append((f"K#{self._club_id}#{former.card_number}", "CARD"))
        removals = [
            Delete(
                f"former_{sk.lower()}_{former.member_id}",
                self._table,
                {"pk": pk, "sk": sk},
                "#member = :person",
                {"person": row["member"]},
            )
            for pk, sk in pointers
            if (row := get_row(self._client, self._table, pk, sk, consistent=True)) and row["member"] in theirs
        ]
        if self.were_merged(former.member_id):
            merged = {"pk": self._pk(former.member_id), "sk": MERGED}
            removals.append(Delete(f"merged_{former.member_id}", self._table, merged, THERE))
        return removals

    def device_removals(self, member_id: str) -> list[Delete]:
        """What opens somebody's page, taken away."""
        return [each for each in self.removals(member_id) if each.key["sk"].startswith("DEVICE#")]

    def _rows(self, member_id: str) -> list[dict[str, Any]]:
        return list(query_rows(self._client, self._table, self._pk(member_id), consistent=True))

    def _pk(self, member_id: str) -> str:
        return f"M#{self._club_id}#{member_id}"
