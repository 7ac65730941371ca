"""Rows of the clubs table that hold a club's saved segments: ``CLUB#<club>`` / ``SEGMENT#<segment>``."""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from stamkunde.campaigns.model.criteria import Criterion, read_criterion, write_criterion
from stamkunde.shared.clock import iso_instant, parse_instant
from stamkunde.shared.reading import get_row, query_rows
from stamkunde.shared.transaction import NOT_THERE, THERE, UNCHANGED, Delete, Put, delete_alone, put_alone

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

ITEM_VERSION = 1
PREFIX = "SEGMENT#"


class Segment(Struct, frozen=True):
    """A saved rule that chooses members.

    Parameters
    ----------
    by
        Who of the staff saved it last.
    revision
        Goes up with every change; a change of an older one is refused. 0 for one that isn't saved yet.
    """

    segment_id: str
    name: str
    criterion: Criterion
    by: str
    saved_at: datetime
    revision: int = 0


class SegmentStore:
    """One club's segments. Built for one club: no method takes another's id."""

    def __init__(self, client: "DynamoDBClient", table: str, club_id: str) -> None:
        self._client = client
        self._table = table
        self._pk = f"CLUB#{club_id}"

    def load(self, segment_id: str) -> Segment | None:
        """A segment by its id."""
        row = get_row(self._client, self._table, self._pk, PREFIX + segment_id, consistent=True)
        return _segment(row) if row else None

    def every(self) -> Iterator[Segment]:
        """All of them, in the order of their ids."""
        return map(_segment, query_rows(self._client, self._table, self._pk, PREFIX, consistent=True))

    def put(self, segment: Segment) -> Segment:
        """Save a new segment, or a change of one as it was read. Returns it as it is saved.

        Raises
        ------
        ConditionFailed
            There is one already, or it was changed or removed meanwhile.
        Busy
            The table asked for patience.
        """
        row = {
            "pk": self._pk,
            "sk": PREFIX + segment.segment_id,
            "v": ITEM_VERSION,
            "revision": segment.revision + 1,
            "name": segment.name,
            "criteria": write_criterion(segment.criterion).decode(),
            "by": segment.by,
            "saved_at": iso_instant(segment.saved_at),
        }
        before = segment.revision
        condition, values = (UNCHANGED, {"before": before}) if before else (NOT_THERE, {})
        put_alone(self._client, Put("segment", self._table, row, condition, values))
        return Segment(segment.segment_id, segment.name, segment.criterion, segment.by, segment.saved_at, before + 1)

    def remove(self, segment_id: str) -> None:
        """Take a segment away; a campaign has a copy of its own.

        Raises
        ------
        ConditionFailed
            There is none.
        Busy
            The table asked for patience.
        """
        key = {"pk": self._pk, "sk": PREFIX + segment_id}
        delete_alone(self._client, Delete("segment", self._table, key, THERE))


def _segment(row: dict[str, Any]) -> Segment:
    return Segment(
        segment_id=row["sk"].removeprefix(PREFIX),
        name=row["name"],
        criterion=read_criterion(row["criteria"]),
        by=row["by"],
        saved_at=parse_instant(row["saved_at"]),
        revision=row["revision"],
    )
