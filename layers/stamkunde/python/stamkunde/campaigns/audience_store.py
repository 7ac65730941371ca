"""Whom a campaign was for when it began, and why others were left out: rows of the messages table.

``CAMPAIGN#<club>#<campaign>`` / ``AUDIENCE#<row>``: all that was decided about the members whose ids fall into that
row, written once and never changed but by an erasure. The lists that are sent by are made of these rows alone, so
that making them again makes the same. They live for 35 days.
"""

from collections.abc import Iterable, Iterator, Mapping
from copy import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from stamkunde.campaigns.chunk_store import LISTS_LAST, NOBODY
from stamkunde.campaigns.facts_store import BLOCKS, FACT_SHARDS, block_of
from stamkunde.campaigns.model.preview import Decided
from stamkunde.shared.reading import get_row, query_between
from stamkunde.shared.transaction import NOT_THERE, Busy, ConditionFailed, Put, put_alone

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

ITEM_VERSION = 1
ROWS = 128
"""Fifty thousand members are four hundred a row, some fifteen kilobytes; not deflated: a search must find them."""

ROWS_A_PAGE = ROWS // FACT_SHARDS
_BLOCKS_A_ROW = BLOCKS // ROWS


class FrozenRow(Struct, frozen=True):
    """What was decided about some members; `NOBODY` in the place of one who was erased."""

    number: int
    decided: tuple[Decided, ...]


class AudienceStore:
    """What one club's campaigns decided. Built for one club: no method takes another's id."""

    def __init__(self, client: "DynamoDBClient", table: str, club_id: str) -> None:
        self._client = client
        self._table = table
        self._club_id = club_id

    def frozen_rows(self, campaign_id: str, page: int) -> frozenset[int]:
        """Which rows of one of an audience's pages are there."""
        first = page * ROWS_A_PAGE
        return frozenset(row.number for row in self._between(campaign_id, first, first + ROWS_A_PAGE - 1))

    def freeze(self, campaign_id: str, page: int, decided: Iterable[Decided], now: datetime) -> None:
        """Write what was decided about one of an audience's pages; what is there already stays as it is.

        Raises
        ------
        Busy
            The table asked for patience.
        """
        by_row: dict[int, list[Decided]] = {page * ROWS_A_PAGE + number: [] for number in range(ROWS_A_PAGE)}
        for each in decided:
            by_row[row_of(each.member_id)].append(each)
        expires = int((now + LISTS_LAST).timestamp())
        for number, members in by_row.items():
            item = self._row(campaign_id, number, sorted(members, key=_by_member)) | {"expires": expires}
            try:
                put_alone(self._client, Put("audience", self._table, item, NOT_THERE))
            except ConditionFailed:
                continue

    def rows(self, campaign_id: str) -> Iterator[FrozenRow]:
        """All that was decided, in the order of rows."""
        return self._between(campaign_id, 0, ROWS - 1)

    def find(self, campaign_id: str, member_id: str) -> Decided | None:
        """What was decided about a member; None if the campaign didn't look for them, or it is too long ago."""
        row = get_row(self._client, self._table, self._pk(campaign_id), _sk(row_of(member_id)), consistent=True)
        if row is None:
            return None
        return next((each for each in _frozen(row).decided if each.member_id == member_id), None)

    def forget(self, campaign_id: str, member_id: str) -> bool:
        """Take somebody who is erased out of what was decided; whether they were in it.

        Their place stays, so that everybody else's does.

        Raises
        ------
        Busy
            Somebody writes the same row just now.
        """
        found = get_row(self._client, self._table, self._pk(campaign_id), _sk(row_of(member_id)), consistent=True)
        row = _frozen(found) if found else None
        if found is None or row is None or all(each.member_id != member_id for each in row.decided):
            return False
        left = [replace(each, member_id=NOBODY) if each.member_id == member_id else each for each in row.decided]
        item = self._row(campaign_id, row.number, left) | {"expires": found["expires"]}
        unchanged = {"before": found["members"]}
        try:
            put_alone(self._client, Put("audience", self._table, item, "members = :before", unchanged))
        except ConditionFailed as failed:
            # Somebody else of the same row was taken out just now.
            raise Busy from failed
        return True

    def _between(self, campaign_id: str, first: int, last: int) -> Iterator[FrozenRow]:
        pk = self._pk(campaign_id)
        return map(_frozen, query_between(self._client, self._table, pk, _sk(first), _sk(last), consistent=True))

    def _row(self, campaign_id: str, number: int, members: Iterable[Decided]) -> dict[str, Any]:
        packed = _ENCODER.encode(list(members))
        return {"pk": self._pk(campaign_id), "sk": _sk(number), "v": ITEM_VERSION, "members": packed}

    def _pk(self, campaign_id: str) -> str:
        return f"CAMPAIGN#{self._club_id}#{campaign_id}"


def row_of(member_id: str) -> int:
    """In which of `ROWS` rows a member is: always the same one, and of the page that their facts are in."""
    return block_of(member_id) // _BLOCKS_A_ROW


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(tuple[Decided, ...])


def _by_member(decided: Decided) -> str:
    return decided.member_id


def _sk(number: int) -> str:
    return f"AUDIENCE#{number:03}"


def _frozen(row: Mapping[str, Any]) -> FrozenRow:
    return FrozenRow(int(row["sk"].partition("#")[2]), _DECODER.decode(row["members"]))
