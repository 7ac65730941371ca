"""What people said stop to who are gone since: so that no old file of a club's gives it back (R6, R10).

``STOP#<club>#<keyed hash of the number>`` / ``STOP``: which permissions somebody with that number took back last,
and when. It blocks what was allowed before the stop and nothing else, and is cleared away after a year: by then a yes
from before it has lapsed anyway.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING

from stamkunde.members.consents import ConsentRecord, PermissionKind, taken_back
from stamkunde.members.model import Member, phone_pointer
from stamkunde.members.permission import LASTS_MONTHS, counted
from stamkunde.shared.clock import iso_instant, local_date, months_later, parse_instant
from stamkunde.shared.reading import get_row
from stamkunde.shared.transaction import Put

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

ITEM_VERSION = 1

type StopsByKind = Mapping[PermissionKind, datetime]


class Stops:
    """One club's stops of people who are gone. Built for one club: no method takes another's id."""

    def __init__(self, client: "DynamoDBClient", table: str, club_id: str, address_key: bytes) -> None:
        self._client = client
        self._table = table
        self._club_id = club_id
        self._address_key = address_key

    def of(self, phone: str) -> StopsByKind:
        """What whoever had that number stopped before they were gone, and when; mostly nothing."""
        pk = self._pk(phone_pointer(self._address_key, phone))
        row = get_row(self._client, self._table, pk, "STOP", consistent=True)
        return {PermissionKind(kind): parse_instant(at) for kind, at in row["stopped"].items()} if row else {}

    def writes(self, member: Member, records: Iterable[ConsentRecord], time_zone: str, now: datetime) -> list[Put]:
        """What somebody who is taken away had stopped, under each number that they had; nothing for most."""
        said = counted(records, member, time_zone)
        stopped = {
            kind: max(record.evidence.given_at for record in said if kind in record.withdrawn)
            for kind in PermissionKind
            if kind in taken_back(said)
        }
        if not stopped:
            return []
        over_on = months_later(local_date(max(stopped.values()), time_zone), LASTS_MONTHS + 1)
        over_at = datetime.combine(over_on, time.min, UTC)
        if over_at <= now:
            return []
        hashes = {phone_pointer(self._address_key, member.phone), *(each.phone_hash for each in member.formerly)}
        return [
            Put(
                f"stop_{number}",
                self._table,
                {
                    "pk": self._pk(phone_hash),
                    "sk": "STOP",
                    "v": ITEM_VERSION,
                    "stopped": {kind.value: iso_instant(at) for kind, at in stopped.items()},
                    "expires": int(over_at.timestamp()),
                },
            )
            for number, phone_hash in enumerate(sorted(hashes))
        ]

    def _pk(self, phone_hash: str) -> str:
        return f"STOP#{self._club_id}#{phone_hash}"
