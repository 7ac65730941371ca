"""Rows of the views table that hold members' facts: many members a row, so that 50,000 are read at once.

``FACTS#<club>#<shard>`` / ``<block>``: all members whose ids fall into that block, in one attribute.
``FACTS#<club>`` / ``REBUILT``: how far the facts have been made anew as a whole.
``MARKED#<shard>`` / ``<club>#<kind>#<id>``: whose facts are to be made anew.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from copy import replace
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from stamkunde.campaigns.model.facts import MOST_ITEM_NUMBERS, MemberFacts, with_items
from stamkunde.shared.ids import new_id, shard_of
from stamkunde.shared.item import to_wire
from stamkunde.shared.reading import get_row, query_rows
from stamkunde.shared.transaction import (
    NOT_THERE,
    UNCHANGED,
    Busy,
    ConditionFailed,
    Delete,
    Put,
    delete_alone,
    put_alone,
)

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

ITEM_VERSION = 1
FACT_SHARDS = 16
BLOCKS_A_SHARD = 512
"""Few members lie in one, so that a change of one of them is cheap; a Query is paid by the kilobyte, not the row."""

BLOCKS = FACT_SHARDS * BLOCKS_A_SHARD
MARK_SHARDS = 16
LARGEST_ROW = 380_000
"""Bytes; DynamoDB takes 400 kB, names and keys included."""

REBUILT = "REBUILT"


class Block(Struct, frozen=True):
    """The members of one of `BLOCKS` blocks, by id.

    Parameters
    ----------
    revision
        0 for one that was never written.
    """

    number: int
    revision: int
    members: Mapping[str, MemberFacts]


class Rebuilt(Struct, frozen=True):
    """How far a night's making anew of all facts has come.

    Parameters
    ----------
    following
        The first shard that it hasn't done; `FACT_SHARDS` once it is over.
    whole
        Whether all have been made once, this night or before: until then nobody can be chosen by them.
    """

    night: date
    following: int
    revision: int = 0
    whole: bool = False


class MarkKind(StrEnum):
    """What was touched."""

    MEMBER = "M"
    ACCOUNT = "A"
    """All who live from it."""


class Touched(Struct, frozen=True):
    """What was touched in a club, whose facts are therefore to be made anew."""

    club_id: str
    kind: MarkKind
    subject: str


class Mark(Struct, frozen=True):
    """That something was touched; `mark` is new each time."""

    touched: Touched
    mark: str


class FactsStore:
    """One club's facts. Built for one club: no method takes another's id."""

    def __init__(self, client: "DynamoDBClient", table: str, club_id: str) -> None:
        self._client = client
        self._table = table
        self.club_id = club_id

    def of_shard(self, shard: int) -> Iterator[MemberFacts]:
        """Everybody of one of `FACT_SHARDS` parts of the club, as lately confirmed."""
        for row in query_rows(self._client, self._table, self._pk(shard)):
            yield from unpacked(row["members"])

    def load(self, number: int) -> Block:
        """A block, as last confirmed."""
        shard, place = divmod(number, BLOCKS_A_SHARD)
        row = get_row(self._client, self._table, self._pk(shard), f"{place:03}", consistent=True)
        return _block(number, row) if row else Block(number, 0, {})

    def blocks(self, shard: int) -> dict[int, Block]:
        """The blocks of a shard that were ever written, by number, as last confirmed."""
        rows = query_rows(self._client, self._table, self._pk(shard), consistent=True)
        numbered = ((shard * BLOCKS_A_SHARD + int(row["sk"]), row) for row in rows)
        return {number: _block(number, row) for number, row in numbered}

    def put(self, before: Block, members: Mapping[str, MemberFacts]) -> bool:
        """Write a block whole; False if another write came between, and nothing is written."""
        shard, place = divmod(before.number, BLOCKS_A_SHARD)
        row = {
            "pk": self._pk(shard),
            "sk": f"{place:03}",
            "v": ITEM_VERSION,
            "revision": before.revision + 1,
            "members": fitting(members[each] for each in sorted(members)),
        }
        return self._put(row, before.revision)

    def forget(self, member_ids: Collection[str]) -> None:
        """Take somebody's facts away; nothing is written where there are none.

        Raises
        ------
        Busy
            Another write came between.
        """
        for number in sorted({block_of(each) for each in member_ids}):
            block = self.load(number)
            left = {each: facts for each, facts in block.members.items() if each not in member_ids}
            if left.keys() != block.members.keys() and not self.put(block, left):
                raise Busy

    def rebuilt(self) -> Rebuilt | None:
        """How far the facts have been made anew; None: never."""
        row = get_row(self._client, self._table, f"FACTS#{self.club_id}", REBUILT, consistent=True)
        if row is None:
            return None
        return Rebuilt(date.fromisoformat(row["night"]), row["following"], row["revision"], row["whole"])

    def note_rebuilt(self, rebuilt: Rebuilt) -> bool:
        """Note how far it has come; False if another run did."""
        row = {
            "pk": f"FACTS#{self.club_id}",
            "sk": REBUILT,
            "v": ITEM_VERSION,
            "revision": rebuilt.revision + 1,
            "night": rebuilt.night.isoformat(),
            "following": rebuilt.following,
            "whole": rebuilt.whole,
        }
        return self._put(row, rebuilt.revision)

    def _put(self, row: dict[str, Any], before: int) -> bool:
        condition = UNCHANGED if before else NOT_THERE
        values = {"before": before} if before else {}
        try:
            put_alone(self._client, Put("facts", self._table, row, condition, values))
        except (ConditionFailed, Busy):
            return False
        return True

    def _pk(self, shard: int) -> str:
        return f"FACTS#{self.club_id}#{shard:02}"


class MarkStore:
    """Whose facts are to be made anew, of all clubs: for the stream consumers and the job."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def mark(self, touched: Iterable[Touched]) -> int:
        """Have these made anew. Returns how many."""
        marks = set(touched)
        for each in marks:
            row = self._key(each) | {"v": ITEM_VERSION, "mark": new_id("d")}
            self._client.put_item(TableName=self._table, Item=to_wire(row))
        return len(marks)

    def marks(self) -> Iterator[Mark]:
        """All that wait."""
        for shard in range(MARK_SHARDS):
            for row in query_rows(self._client, self._table, f"MARKED#{shard:02}", consistent=True):
                club_id, kind, subject = row["sk"].split("#")
                yield Mark(Touched(club_id, MarkKind(kind), subject), row["mark"])

    def clear(self, mark: Mark) -> None:
        """Take a mark away, unless it was marked again meanwhile."""
        delete = Delete("mark", self._table, self._key(mark.touched), "mark = :mark", {"mark": mark.mark})
        try:
            delete_alone(self._client, delete)
        except (ConditionFailed, Busy):
            return

    def _key(self, touched: Touched) -> dict[str, Any]:
        sk = f"{touched.club_id}#{touched.kind}#{touched.subject}"
        return {"pk": f"MARKED#{shard_of(sk, MARK_SHARDS):02}", "sk": sk}


def _block(number: int, row: Mapping[str, Any]) -> Block:
    return Block(number, row["revision"], {each.member_id: each for each in unpacked(row["members"])})


def block_of(member_id: str) -> int:
    """Which block a member's facts are in: always the same one."""
    return shard_of(member_id, BLOCKS)


def packed(members: Iterable[MemberFacts]) -> bytes:
    """Facts as a row holds them: MessagePack, and not deflated, for a search of the tables must find who is there."""
    return _ENCODER.encode(list(members))


def fitting(members: Iterable[MemberFacts]) -> bytes:
    """What `packed` makes, small enough for a row: in a very large club, with fewer item numbers of each member."""
    facts, most = list(members), MOST_ITEM_NUMBERS
    while len(row := packed(facts)) > LARGEST_ROW and most:
        most //= 2
        facts = [replace(each, bought=each.bought and with_items(each.bought, most)) for each in facts]
    return row


def unpacked(members: bytes) -> list[MemberFacts]:
    """What `packed` made."""
    return _DECODER.decode(members)


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(list[MemberFacts])
