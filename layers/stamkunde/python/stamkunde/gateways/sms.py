"""Handing a text message over to the mobile network, once: the port, and SNS behind it.

Whoever calls must know what a failure means, for a message may be sent twice or lost by a wrong guess. So there are
three ways to fail, and an adapter never tries again by itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection
from botocore.parsers import ResponseParserError

MOST_DOLLARS_A_PART = 0.20
"""More than any country costs in which clubs may join members; SNS refuses what would cost more."""

THROTTLES = frozenset({"Throttled", "ThrottledException", "Throttling", "ThrottlingException", "KMSThrottling"})


@dataclass(frozen=True, slots=True)
class Sms:
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
    """

    recipient: str
    sender: str
    text: str
    parts: int
    advertises: bool


@dataclass(eq=False)
class GatewayFailure(Exception):
    """The gateway did not say yes.

    Parameters
    ----------
    reason
        A short code, never the gateway's own words: those quote numbers.
    """

    reason: str

    def __str__(self) -> str:
        return self.reason


class Refused(GatewayFailure):
    """It said no, and would again."""


class NotAccepted(GatewayFailure):
    """It surely has not taken the message, for a reason that passes."""


class AnswerLost(GatewayFailure):
    """It may have taken the message or not."""


class SmsGateway(Protocol):
    """Takes text messages."""

    def send(self, sms: Sms) -> str:
        """Hand one message over; the gateway's own id for it.

        Raises
        ------
        Refused, NotAccepted, AnswerLost
            What became of the message instead.
        """
        ...


class SnsClient(Protocol):
    """What is used of botocore's SNS client, whose own retries must be off."""

    def publish(self, **given: Any) -> Mapping[str, Any]:
        """Publish one message."""
        ...

    def close(self) -> None:
        """Give up the connections; the next call opens its own."""
        ...


@dataclass(frozen=True, slots=True)
class SnsSmsGateway:
    """Amazon SNS, straight to a phone number."""

    client: SnsClient

    def send(self, sms: Sms) -> str:
        """Hand one message over; see `SmsGateway`."""
        try:
            answer = self.client.publish(
                PhoneNumber=sms.recipient,
                Message=sms.text,
                MessageAttributes={
                    "AWS.SNS.SMS.SenderID": _text(sms.sender),
                    "AWS.SNS.SMS.SMSType": _text("Promotional" if sms.advertises else "Transactional"),
                    "AWS.SNS.SMS.MaxPrice": {
                        "DataType": "Number",
                        "StringValue": f"{sms.parts * MOST_DOLLARS_A_PART:.2f}",
                    },
                },
            )
        except ClientError as error:
            raise _judged(error) from error
        except NoConnection as error:
            raise NotAccepted("gateway_unreachable") from error
        except (HTTPClientError, ResponseParserError) as error:
            raise AnswerLost("answer_lost") from error
        finally:
            # Kept over a Lambda's sleep, a connection breaks when used: nobody could say what became of the message.
            self.client.close()
        message_id: str = answer["MessageId"]
        return message_id


def _text(value: str) -> dict[str, str]:
    return {"DataType": "String", "StringValue": value}


def _judged(error: ClientError) -> GatewayFailure:
    code = error.response["Error"]["Code"]
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    if code in THROTTLES or status == HTTPStatus.TOO_MANY_REQUESTS:
        return NotAccepted("gateway_throttles")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return AnswerLost("gateway_broke")
    return Refused(code)
