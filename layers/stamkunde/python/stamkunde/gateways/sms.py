"""Text messages to the mobile network, by Amazon SNS."""

from collections.abc import Mapping
from typing import Any, Protocol

from msgspec import Struct

from stamkunde.gateways.handover import hand_over

MOST_DOLLARS_A_PART = 0.20
"""More than any country costs in which clubs may join members; SNS refuses what would cost more."""


class Sms(Struct, frozen=True):
    """A text message as it is handed over.

    Parameters
    ----------
    recipient
        E.164.
    sender
        See `stamkunde.messaging.sender`.
    parts
        What will be billed at most.
    advertises
        Whether the network may treat it as less urgent.
    reference
        What the gateway is to say again when it reports of it; see `stamkunde.gateways.reference`.
    worth_seconds
        For how long it is worth delivering, in seconds; None for as long as the gateway thinks fit.
    """

    recipient: str
    sender: str
    text: str
    parts: int
    advertises: bool
    reference: str | None = None
    worth_seconds: int | None = None

    @property
    def most_dollars(self) -> float:
        """What it may cost at most."""
        return self.parts * MOST_DOLLARS_A_PART


class SnsClient(Protocol):
    """What is used of botocore's SNS client, whose own retries must be off."""

    def publish(self, **given: Any) -> Mapping[str, Any]:
        """Publish one message."""
        ...

    def close(self) -> None:
        """Give up the connections."""
        ...


class SnsSmsGateway(Struct, frozen=True):
    """Amazon SNS, straight to a phone number. It carries no reference, knows no end, and reports to logs only."""

    client: SnsClient

    def send(self, message: Sms) -> str:
        """Hand one message over; see `stamkunde.gateways.handover.Gateway`."""
        return hand_over(
            self.client.publish,
            self.client.close,
            PhoneNumber=message.recipient,
            Message=message.text,
            MessageAttributes={
                "AWS.SNS.SMS.SenderID": _text(message.sender),
                "AWS.SNS.SMS.SMSType": _text("Promotional" if message.advertises else "Transactional"),
                "AWS.SNS.SMS.MaxPrice": {
                    "DataType": "Number",
                    "StringValue": f"{message.most_dollars:.2f}",
                },
            },
        )


def _text(value: str) -> dict[str, str]:
    return {"DataType": "String", "StringValue": value}
