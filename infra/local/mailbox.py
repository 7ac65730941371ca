"""What the local AWS has sent to whom, each message with what Stamkunde knows of it.

The engine keeps the messages, our tables what became of them; the gateway's id joins the two. Our own tables know
nobody's number or address once a message is sent, so this can only be put together here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from copy import replace
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from infra.local.home import Stack
from infra.local.loopback import client, require_loopback
from stamkunde.messaging.model import KINDS, DeliveryState, MessageClass, MessageKind
from stamkunde.shared.channel import Channel
from stamkunde.shared.clock import parse_instant
from stamkunde.shared.item import from_wire

ENGINE_SECONDS = 10
_CODE = re.compile(r"(?<!\d)\d{6}(?!\d)")


@dataclass(frozen=True, slots=True)
class Mail:
    """A message as its receiver sees it.

    Parameters
    ----------
    message_id
        Ours; None when the gateway's answer was lost, for nothing joins the two then.
    recipient, sender, subject, text
        None where only what became of it is left: we keep nothing of the person.
    parts
        What is billed; 0 for an e-mail.
    at
        When it was sent or given up; None while it waits.
    """

    channel: Channel
    state: DeliveryState
    message_id: str | None = None
    recipient: str | None = None
    sender: str | None = None
    subject: str | None = None
    text: str | None = None
    kind: MessageKind | None = None
    reason: str | None = None
    parts: int = 0
    at: datetime | None = None
    campaign_id: str | None = None

    @property
    def message_class(self) -> str | None:
        """What it is in law."""
        if self.campaign_id is not None:
            return MessageClass.MARKETING.value
        return KINDS[self.kind].message_class.value if self.kind else None

    @property
    def code(self) -> str | None:
        """The one-time code in it."""
        found = _CODE.search(self.text or "") if self.kind in (MessageKind.CODE, None) else None
        return found[0] if found else None


class Mailbox:
    """All messages of a local stack."""

    def __init__(self, stack: Stack) -> None:
        self._endpoint = require_loopback(stack.aws_endpoint, "The engine's address")
        self._tables = client("dynamodb", stack.aws_endpoint)
        self._table = stack.tables["messages"]

    def all(self) -> list[Mail]:
        """Every message, newest first; what still waits comes before what is done."""
        rows = list(self._rows())
        waiting = [row for row in rows if row["pk"].startswith("OUTBOX#")]
        deliveries = [row for row in rows if row["pk"].startswith("D#")]
        taken = {row["recipient"] for row in waiting if "claim" in row}
        known = {row["provider_id"]: row for row in deliveries if row["provider_id"]}
        campaigns = {row["provider_id"]: row for row in rows if row["pk"].startswith("SENT#") if "provider_id" in row}
        arrived = [
            _of_campaign(mail, campaigns[provider_id])
            if provider_id in campaigns
            else _with_fate(mail, known.get(provider_id), taken)
            for mail, provider_id in self._handed_over()
        ]
        seen = {mail.message_id for mail in arrived}
        mails = [
            *map(_waiting, waiting),
            *arrived,
            *(_unseen(row) for row in deliveries if _message_id(row) not in seen),
        ]
        return sorted(mails, key=lambda mail: mail.at or datetime.max.replace(tzinfo=UTC), reverse=True)

    def _rows(self) -> Iterator[dict[str, Any]]:
        # Lambdas never scan; this is no Lambda, and the table is a laptop's.
        for page in self._tables.get_paginator("scan").paginate(TableName=self._table, ConsistentRead=True):
            yield from map(from_wire, page["Items"])

    def _handed_over(self) -> Iterator[tuple[Mail, str]]:
        """What the gateways have taken, with their own ids."""
        phones: Mapping[str, Iterable[dict[str, Any]]] = self._engine("sns/sms-messages")["sms_messages"]
        # Newest first: the engine keeps a phone's messages in their order, but not their times.
        for record in (record for records in phones.values() for record in reversed(list(records))):
            sender = record["MessageAttributes"].get("AWS.SNS.SMS.SenderID", {}).get("StringValue")
            yield (
                Mail(
                    Channel.SMS,
                    DeliveryState.UNKNOWN,
                    recipient=record["PhoneNumber"],
                    sender=sender,
                    text=record["Message"],
                ),
                record["MessageId"],
            )
        for records in self._engine("ses/messages")["messages"].values():
            for record in records:
                mail = Mail(
                    Channel.EMAIL,
                    DeliveryState.UNKNOWN,
                    recipient=", ".join(record["To"]),
                    sender=record["Source"],
                    subject=record["Subject"],
                    text=record["BodyText"],
                    at=datetime.fromtimestamp(record["Timestamp"], UTC),
                )
                yield mail, record["MessageId"]

    def _engine(self, path: str) -> dict[str, Any]:
        # Whatever proxy the shell names: the engine is on this machine.
        answer = httpx.get(f"{self._endpoint}/_ministack/{path}", timeout=ENGINE_SECONDS, trust_env=False)
        shown: dict[str, Any] = answer.raise_for_status().json()
        return shown


def _with_fate(mail: Mail, delivery: dict[str, Any] | None, taken: set[str]) -> Mail:
    if delivery is None:
        state = DeliveryState.CLAIMED if mail.recipient in taken else DeliveryState.UNKNOWN
        return replace(mail, state=state)
    return replace(
        mail,
        state=DeliveryState(delivery["outcome"]),
        message_id=_message_id(delivery),
        kind=MessageKind(delivery["kind"]),
        reason=delivery["reason"],
        parts=delivery["parts"],
        at=mail.at or parse_instant(delivery["recorded_at"]),
    )


def _of_campaign(mail: Mail, row: dict[str, Any]) -> Mail:
    return replace(
        mail,
        state=DeliveryState(row["outcome"]),
        reason=row.get("reason"),
        parts=row["parts"],
        at=mail.at or parse_instant(row["called_at"]),
        campaign_id=row["sk"].partition("#")[0],
    )


def _waiting(row: dict[str, Any]) -> Mail:
    return Mail(
        Channel(row["channel"]),
        DeliveryState.CLAIMED if "claim" in row else DeliveryState.PENDING,
        message_id=row["sk"].rpartition("#")[2],
        recipient=row["recipient"],
        sender=row["sender"],
        subject=row.get("subject"),
        text=row["text"],
        kind=MessageKind(row["kind"]),
    )


def _unseen(row: dict[str, Any]) -> Mail:
    return Mail(
        Channel(row["channel"]),
        DeliveryState(row["outcome"]),
        message_id=_message_id(row),
        kind=MessageKind(row["kind"]),
        reason=row["reason"],
        parts=row["parts"],
        at=parse_instant(row["recorded_at"]),
    )


def _message_id(row: dict[str, Any]) -> str:
    return str(row["pk"]).rpartition("#")[2]
