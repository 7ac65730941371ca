"""Text messages to the mobile network, by AWS End User Messaging: it reports what becomes of each."""

from collections.abc import Mapping
from typing import Any, Protocol

from msgspec import Struct

from stamkunde.gateways.handover import hand_over
from stamkunde.gateways.reference import KEY
from stamkunde.gateways.sms import Sms

SHORTEST_WORTH_SECONDS = 5
LONGEST_WORTH_SECONDS = 72 * 3600
"""What the service takes as the time in which a message is worth handing to a network."""


class SmsVoiceClient(Protocol):
    """What is used of botocore's client of ``pinpoint-sms-voice-v2``, whose own retries must be off."""

    def send_text_message(self, **given: Any) -> Mapping[str, Any]:
        """Send one message."""
        ...

    def close(self) -> None:
        """Give up the connections."""
        ...


class SmsVoiceGateway(Struct, frozen=True):
    """AWS End User Messaging SMS, with a highest price, an end and a reference a message.

    Parameters
    ----------
    configuration_set
        By which it reports what becomes of a message.
    """

    client: SmsVoiceClient
    configuration_set: str

    def send(self, message: Sms) -> str:
        """Hand one message over; see `stamkunde.gateways.handover.Gateway`."""
        return hand_over(
            self.client.send_text_message,
            self.client.close,
            DestinationPhoneNumber=message.recipient,
            OriginationIdentity=message.sender,
            MessageBody=message.text,
            MessageType="PROMOTIONAL" if message.advertises else "TRANSACTIONAL",
            MaxPrice=f"{message.most_dollars:.2f}",
            ConfigurationSetName=self.configuration_set,
            **_known_of(message),
        )


def _known_of(message: Sms) -> dict[str, Any]:
    known: dict[str, Any] = {"Context": {KEY: message.reference}} if message.reference else {}
    if message.worth_seconds is not None:
        known["TimeToLive"] = min(max(message.worth_seconds, SHORTEST_WORTH_SECONDS), LONGEST_WORTH_SECONDS)
    return known
