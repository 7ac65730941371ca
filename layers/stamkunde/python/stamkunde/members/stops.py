"""What was stopped by those who are gone, or have another number: no old file of a club's gives it back (R6, R10).

``STOP#<club>#<keyed hash of the number>`` / ``STOP``: which permissions somebody with that number took back last,
and when. It blocks what was allowed before the stop and nothing else, and is cleared away after a year: by then a yes
from before it has lapsed anyway.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Any

from stamkunde.members.consents import ConsentRecord, PermissionKind, taken_back
from stamkunde.members.model import Member, phone_pointer
from stamkunde.members.permission import LASTS_MONTHS, counted
from stamkunde.shared.clock import iso_instant, local_date, months_later, parse_instant, wall_instant
from stamkunde.shared.reading import get_row
from stamkunde.shared.transaction import NOT_THERE, Put

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

ITEM_VERSION = 1

type StopsByKind = Mapping[PermissionKind, datetime]


class Stops:
    """One club's stops by number. Built for one club: no method takes another's id."""

    def __init__(self, client: "DynamoDBClient", table: str, club_id: str, address_key: bytes) -> None:
        self._client = client
        self._table = table
        self._club_id = club_id
        self._address_key = address_key

    def of(self, phone: str, now: datetime) -> StopsByKind:
        """What whoever had that number stopped before they were gone, and when; mostly nothing."""
        row = self._row(phone_pointer(self._address_key, phone))
        return _stopped(row) if row and _expires_at(row) > now else {}

    def writes(self, member: Member, records: Iterable[ConsentRecord], time_zone: str, now: datetime) -> list[Put]:
        """What somebody had stopped who is taken away, or gives up their number; nothing for most.

        It stands under the number that they have and those of whoever was merged into them, beside what was stopped
        under it before. Refused where another write came between.
        """
        said = counted(records, member, time_zone)
        stopped = {
            kind: max(record.evidence.given_at for record in said if kind in record.withdrawn)
            for kind in PermissionKind
            if kind in taken_back(said)
        }
        if not stopped:
            return []
        over_on = months_later(local_date(max(stopped.values()), time_zone), LASTS_MONTHS)
        over_at = wall_instant(datetime.combine(over_on, time.min), time_zone)
        if over_at <= now:
            return []
        hashes = {phone_pointer(self._address_key, member.phone), *(each.phone_hash for each in member.formerly)}
        return [
            self._write(f"stop_{number}", phone_hash, stopped, over_at, now)
            for number, phone_hash in enumerate(sorted(hashes))
        ]

    def _write(self, purpose: str, phone_hash: str, stopped: StopsByKind, over_at: datetime, now: datetime) -> Put:
        """With what whoever had that number before had stopped: a file may be older than both of their lives."""
        there = self._row(phone_hash)
        latest, expires = dict(stopped), int(over_at.timestamp())
        if there is not None and _expires_at(there) > now:
            expires = max(expires, there["expires"])
            for kind, at in _stopped(there).items():
                latest[kind] = max(at, latest.get(kind, at))
        row = {
            "pk": self._pk(phone_hash),
            "sk": "STOP",
            "v": ITEM_VERSION,
            "stopped": {kind.value: iso_instant(at) for kind, at in latest.items()},
            "expires": expires,
        }
        if there is None:
            return Put(purpose, self._table, row, NOT_THERE)
        return Put(purpose, self._table, row, "stopped = :before", {"before": there["stopped"]})

    def _row(self, phone_hash: str) -> dict[str, Any] | None:
        return get_row(self._client, self._table, self._pk(phone_hash), "STOP", consistent=True)

    def _pk(self, phone_hash: str) -> str:
        return f"STOP#{self._club_id}#{phone_hash}"


def _stopped(row: Mapping[str, Any]) -> StopsByKind:
    return {PermissionKind(kind): parse_instant(at) for kind, at in row["stopped"].items()}


def _expires_at(row: Mapping[str, Any]) -> datetime:
    return datetime.fromtimestamp(int(row["expires"]), UTC)
