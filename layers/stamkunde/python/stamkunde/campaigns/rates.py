"""How fast all workers together send: one row a gateway, by channel, and one a club.

``RATE#gateway#<channel>`` and ``RATE#club#<club>#<channel>`` / ``RATE``: until when the slots are taken.

A reservation is one conditional update; a second one where the first guess was wrong, whether others are waiting. Who
would have to wait too long reserves nothing, so that what it gives back is there for others.
"""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from msgspec import Struct

from stamkunde.campaigns.model.pacing import Pace, Slot
from stamkunde.shared.channel import Channel
from stamkunde.shared.item import from_wire, to_wire
from stamkunde.shared.transaction import Busy

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

ITEM_VERSION = 1
LONGEST_WAIT = timedelta(seconds=20)
"""Whoever would wait longer gives its chunk back: a worker that sleeps costs money."""

_MOST_TRIES = 5
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Paces(Struct, frozen=True):
    """How fast is sent by each channel, by all clubs together and by one of them."""

    sms: Pace
    email: Pace
    club: Pace

    def of(self, channel: Channel) -> Pace:
        """That of a channel's gateway."""
        return self.sms if channel is Channel.SMS else self.email


class TooFar(Struct, frozen=True):
    """That others have reserved all of the next seconds: until when."""

    free_from: datetime


class Rates:
    """What is reserved by all workers. It names clubs, and nothing of anybody."""

    def __init__(self, client: "DynamoDBClient", table: str, paces: Paces) -> None:
        self._client = client
        self._table = table
        self.paces = paces

    def pace(self, channel: Channel) -> Pace:
        """How fast one club may send by a channel."""
        return min(self.paces.of(channel), self.paces.club, key=_speed)

    def reserve(self, channel: Channel, club_id: str, parts: int, now: datetime) -> Slot | TooFar:
        """Reserve the next time for so many parts that both the gateway and the club have.

        Raises
        ------
        Busy
            Too many others reserve just now.
        """
        theirs, club = self.paces.of(channel), self.paces.club
        of_club, of_gateway = f"RATE#club#{club_id}#{channel.value}", f"RATE#gateway#{channel.value}"
        first = self._reserve(of_club, club.lasts(parts), now)
        if isinstance(first, TooFar):
            return first
        second = self._reserve(of_gateway, theirs.lasts(parts), now)
        if isinstance(second, TooFar):
            self._give_back(of_club, club.lasts(parts))
            return second
        return Slot(max(first, second), self.pace(channel))

    def _reserve(self, pk: str, lasts: timedelta, now: datetime) -> datetime | TooFar:
        is_idle = False
        for _ in range(_MOST_TRIES):
            try:
                return self._fresh(pk, lasts, now) if is_idle else self._behind_others(pk, lasts, now)
            except ClientError as error:
                if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                    raise
                found: Any = error.response.get("Item")
            free_from = _instant(from_wire(found)["free_us"]) if found else now
            if free_from > now + LONGEST_WAIT:
                return TooFar(free_from)
            is_idle = free_from <= now
        raise Busy

    def _behind_others(self, pk: str, lasts: timedelta, now: datetime) -> datetime:
        condition = "free_us > :now AND free_us <= :latest"
        values = {"now": _number(now), "latest": _number(now + LONGEST_WAIT), "lasts": lasts // _MICROSECOND}
        return self._update(pk, "SET free_us = free_us + :lasts", condition, values) - lasts

    def _fresh(self, pk: str, lasts: timedelta, now: datetime) -> datetime:
        condition = "attribute_not_exists(pk) OR free_us <= :now"
        values = {"now": _number(now), "then": _number(now + lasts), "v": ITEM_VERSION}
        return self._update(pk, "SET free_us = :then, v = :v", condition, values) - lasts

    def _give_back(self, pk: str, lasts: timedelta) -> None:
        self._update(pk, "SET free_us = free_us - :lasts", "attribute_exists(pk)", {"lasts": lasts // _MICROSECOND})

    def _update(self, pk: str, change: str, condition: str, values: dict[str, int]) -> datetime:
        answer = self._client.update_item(
            TableName=self._table,
            Key=to_wire({"pk": pk, "sk": "RATE"}),
            UpdateExpression=change,
            ConditionExpression=condition,
            ExpressionAttributeValues={f":{name}": value for name, value in to_wire(values).items()},
            ReturnValues="UPDATED_NEW",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        row: dict[str, Any] = from_wire(answer["Attributes"])
        return _instant(row["free_us"])


def _speed(pace: Pace) -> float:
    return pace.quota


def _number(instant: datetime) -> int:
    return (instant - _EPOCH) // _MICROSECOND


def _instant(microseconds: int) -> datetime:
    return _EPOCH + microseconds * _MICROSECOND
