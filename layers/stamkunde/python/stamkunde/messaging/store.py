"""Rows of the messages table: what waits to be sent, what became of it, and how many tests a club has sent.

``OUTBOX#<shard>`` / ``<due instant>#<club>#<message>``: a message that waits or is with the gateway; the partitions
empty themselves. ``D#<club>#<message>`` / ``DELIVERY``: what became of it. ``TESTS#<club>`` / ``TESTS``: a counter.
"""

from collections.abc import Mapping
from copy import replace
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from stamkunde.messaging.model import DeliveryState, MessageKind, Yes
from stamkunde.messaging.outbox import Claim, Delivery, HourlyCount, Message, worth_sending_until
from stamkunde.messaging.parts import Encoding
from stamkunde.messaging.quiet_hours import Pause
from stamkunde.shared.channel import Channel
from stamkunde.shared.clock import compact_instant, iso_instant, parse_instant
from stamkunde.shared.ids import new_id, shard_of
from stamkunde.shared.item import from_wire, to_wire
from stamkunde.shared.reading import get_row, query_rows
from stamkunde.shared.transaction import NOT_THERE, THERE, ConditionFailed, Delete, Put, commit

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

type Key = Mapping[str, str]

ITEM_VERSION = 1
OUTBOX_SHARDS = 8
MOST_ROWS_A_SHARD = 100
UNCLAIMED = f"{THERE} AND attribute_not_exists(claim)"
PAUSED = "attribute_exists(pause_from) AND pause_from <= :now AND pause_until > :now"


def outbox_key(message: Message) -> dict[str, str]:
    """Where a message waits: what a wake-up carries."""
    shard = shard_of(message.message_id, OUTBOX_SHARDS)
    return {
        "pk": f"OUTBOX#{shard}",
        "sk": f"{compact_instant(message.due_at)}#{message.club_id}#{message.message_id}",
    }


def write_purpose(message: Message) -> str:
    """What the write of a message is called in its transaction, which may hold messages of several kinds."""
    return f"{message.kind} message"


class ClubMessages:
    """One club's messages. Built for one club: no method takes another's id."""

    def __init__(self, client: "DynamoDBClient", table: str, club_id: str) -> None:
        self._client = client
        self._table = table
        self.club_id = club_id

    def find_delivery(self, message_id: str) -> Delivery | None:
        """What became of a message; None while it waits."""
        row = get_row(self._client, self._table, _delivery_pk(self.club_id, message_id), "DELIVERY", consistent=True)
        return _delivery(row) if row else None

    def tests_sent(self) -> HourlyCount | None:
        """How many test messages the club has sent in the hour of its last one; None before the first."""
        row = get_row(self._client, self._table, self._tests_pk(), "TESTS", consistent=True)
        return HourlyCount(row["hour_utc"], row["used"]) if row else None

    def count_write(self, before: HourlyCount | None, after: HourlyCount) -> Put:
        """The counter's new state, refused if another message was counted in between."""
        row = {
            "pk": self._tests_pk(),
            "sk": "TESTS",
            "v": ITEM_VERSION,
            "hour_utc": after.hour,
            "used": after.used,
        }
        if before is None:
            return Put("count", self._table, row, NOT_THERE)
        known = {"hour": before.hour, "used": before.used}
        return Put("count", self._table, row, "hour_utc = :hour AND used = :used", known)

    def outbox_write(self, message: Message) -> Put:
        """A message that waits, to be written with the fact that it tells of."""
        if message.club_id != self.club_id:
            raise ValueError("the message is another club's")
        row = {
            **outbox_key(message),
            "v": ITEM_VERSION,
            "kind": message.kind.value,
            "channel": message.channel.value,
            "recipient": message.recipient,
            "sender": message.sender,
            "text": message.text,
            "due_at": iso_instant(message.due_at),
            "send_before": iso_instant(message.send_before),
            "attempts": message.attempts,
            **_only_some_have(message),
        }
        return Put(write_purpose(message), self._table, row, NOT_THERE)

    def waiting(self, message_ids: frozenset[str]) -> list[Message]:
        """Those of some messages that wait to be sent, or are with the gateway: the outbox is all but empty."""
        shards = sorted({shard_of(each, OUTBOX_SHARDS) for each in message_ids})
        rows = (
            row
            for shard in shards
            for row in query_rows(self._client, self._table, f"OUTBOX#{shard}", consistent=True)
        )
        found = (_message(row) for row in rows if row["sk"].rpartition("#")[2] in message_ids)
        return [message for message in found if message.club_id == self.club_id]

    def take_back(self, message: Message) -> bool:
        """Take away a message that nobody has taken to send it; whether it could be."""
        try:
            commit(self._client, [Delete("message", self._table, outbox_key(message), UNCLAIMED)])
        except ConditionFailed:
            return False
        return True

    def commit(self, writes: list[Put]) -> None:
        """Write everything or nothing; see `stamkunde.shared.transaction.commit`."""
        commit(self._client, writes)

    def _tests_pk(self) -> str:
        return f"TESTS#{self.club_id}"


@dataclass(frozen=True, slots=True)
class WaitingRow:
    """A row of the outbox as it came, read when it is needed: one that can't be read holds up no other."""

    item: Mapping[str, Any] = field(repr=False)

    @property
    def key(self) -> Key:
        """Where it lies."""
        return {"pk": self.item["pk"]["S"], "sk": self.item["sk"]["S"]}

    def message(self) -> Message:
        """What waits there."""
        return _message(from_wire(self.item))


class Outbox:
    """What waits, of all clubs: for the worker and the job."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def load(self, key: Key) -> Message | None:
        """A message that waits or is with the gateway; None once it is recorded."""
        row = get_row(self._client, self._table, key["pk"], key["sk"], consistent=True)
        return _message(row) if row else None

    def due(self, shard: int, now: datetime) -> list[WaitingRow]:
        """The oldest messages of a shard that were due by now, without those that wait for the club to open again.

        Those may be many after an evening on which the gateway took nothing, and must hide nobody's code.
        """
        values = {":pk": f"OUTBOX#{shard}", ":until": compact_instant(now), ":now": iso_instant(now)}
        found: list[WaitingRow] = []
        begin_after: dict[str, Any] = {}
        while len(found) < MOST_ROWS_A_SHARD:
            page = self._client.query(
                TableName=self._table,
                KeyConditionExpression="pk = :pk AND sk < :until",
                FilterExpression=f"attribute_exists(claim) OR NOT ({PAUSED})",
                ExpressionAttributeValues=to_wire(values),
                ConsistentRead=True,
                Limit=MOST_ROWS_A_SHARD,
                **begin_after,
            )
            found += (WaitingRow(item) for item in page["Items"])
            if "LastEvaluatedKey" not in page:
                break
            begin_after = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
        return found[:MOST_ROWS_A_SHARD]

    def claim(self, message: Message, now: datetime) -> Message | None:
        """Take a message that nobody has taken; None if somebody was faster."""
        claim = Claim(new_id("", 12), now)
        values = {"claim": claim.claim_id, "at": iso_instant(now)}
        update = "SET claim = :claim, claimed_at = :at"
        if self._update(message, update, UNCLAIMED, values):
            return replace(message, claim=claim)
        # The answer to our own claim may have been lost, and the client asked again.
        found = self.load(outbox_key(message))
        return found if found is not None and found.claim == claim else None

    def give_back(self, message: Message) -> None:
        """Let others take a message that the gateway surely has not."""
        values = {"claim": message.claimed_by, "attempts": message.attempts + 1}
        self._update(message, "SET attempts = :attempts REMOVE claim, claimed_at", "claim = :claim", values)

    def record(self, message: Message, delivery: Delivery) -> bool:
        """Put what became of a message in the place of the message; whether this is news.

        Somebody may have recorded less meanwhile: knowledge replaces ignorance, and never the other way. Tried again
        after an answer was lost, it is news still.

        Raises
        ------
        Busy
            Somebody writes the same rows just now.
        """
        away = Delete("message", self._table, outbox_key(message), *_as_it_is(message))
        kept = _delivery_row(delivery)
        try:
            commit(self._client, [away, Put("delivery", self._table, kept, NOT_THERE)])
        except ConditionFailed as failed:
            found = failed.found.get("delivery")
            return found is not None and (
                _is_ours(found, delivery) or self._improve(_delivery(found).state, delivery)
            )
        return True

    def _improve(self, earlier: DeliveryState, delivery: Delivery) -> bool:
        if delivery.state.after(earlier) is earlier:
            return False
        row = _delivery_row(delivery)
        try:
            commit(
                self._client,
                [Put("delivery", self._table, row, "outcome = :earlier", {"earlier": earlier.value})],
            )
        except ConditionFailed as failed:
            return _is_ours(failed.found.get("delivery"), delivery)
        return True

    def _update(self, message: Message, update: str, condition: str, values: Mapping[str, Any]) -> bool:
        try:
            self._client.update_item(
                TableName=self._table,
                Key=to_wire(outbox_key(message)),
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeValues={f":{name}": value for name, value in to_wire(values).items()},
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                return False
            raise
        return True


def _as_it_is(message: Message) -> tuple[str, dict[str, Any]]:
    """The condition that nobody else has taken the message since it was read."""
    if message.claim is None:
        return UNCLAIMED, {}
    return "claim = :claim", {"claim": message.claim.claim_id}


def _only_some_have(message: Message) -> dict[str, Any]:
    optional = {
        "subject": message.subject,
        "challenge": message.challenge,
        "yes": [message.yes.member_id, message.yes.record_id] if message.yes else None,
        "pause_from": iso_instant(message.pause.begins) if message.pause else None,
        "pause_until": iso_instant(message.pause.ends) if message.pause else None,
    }
    return {name: value for name, value in optional.items() if value is not None}


def _message(row: dict[str, Any]) -> Message:
    _, club_id, message_id = row["sk"].split("#")
    claim = Claim(row["claim"], parse_instant(row["claimed_at"])) if "claim" in row else None
    kind, due_at = MessageKind(row["kind"]), parse_instant(row["due_at"])
    return Message(
        club_id=club_id,
        message_id=message_id,
        kind=kind,
        channel=Channel(row["channel"]),
        recipient=row["recipient"],
        sender=row["sender"],
        text=row["text"],
        due_at=due_at,
        # Rows of before each kind had an end say none.
        send_before=parse_instant(row["send_before"]) if "send_before" in row else worth_sending_until(kind, due_at),
        subject=row.get("subject"),
        challenge=row.get("challenge"),
        attempts=row["attempts"],
        claim=claim,
        yes=Yes(*row["yes"]) if "yes" in row else None,
        pause=Pause(parse_instant(row["pause_from"]), parse_instant(row["pause_until"]))
        if "pause_from" in row
        else None,
    )


def _is_ours(found: Mapping[str, Any] | None, delivery: Delivery) -> bool:
    """Whether what is recorded was recorded by ourselves, and the answer to that was lost."""
    return found is not None and delivery.record_id is not None and found.get("record_id") == delivery.record_id


def _delivery_pk(club_id: str, message_id: str) -> str:
    return f"D#{club_id}#{message_id}"


def _delivery_row(delivery: Delivery) -> dict[str, Any]:
    return {
        "pk": _delivery_pk(delivery.club_id, delivery.message_id),
        "sk": "DELIVERY",
        "v": ITEM_VERSION,
        "kind": delivery.kind.value,
        "class": delivery.message_class,
        "channel": delivery.channel.value,
        "outcome": delivery.state.value,
        "reason": delivery.reason,
        "provider_id": delivery.provider_id,
        "parts": delivery.parts,
        "encoding": delivery.encoding.value if delivery.encoding else None,
        "due_at": iso_instant(delivery.due_at),
        "recorded_at": iso_instant(delivery.recorded_at),
        "record_id": delivery.record_id,
    }


def _delivery(row: dict[str, Any]) -> Delivery:
    _, club_id, message_id = row["pk"].split("#")
    return Delivery(
        club_id=club_id,
        message_id=message_id,
        kind=MessageKind(row["kind"]),
        channel=Channel(row["channel"]),
        state=DeliveryState(row["outcome"]),
        parts=row["parts"],
        encoding=Encoding(row["encoding"]) if row["encoding"] else None,
        due_at=parse_instant(row["due_at"]),
        recorded_at=parse_instant(row["recorded_at"]),
        reason=row["reason"],
        provider_id=row["provider_id"],
        record_id=row.get("record_id"),
    )
