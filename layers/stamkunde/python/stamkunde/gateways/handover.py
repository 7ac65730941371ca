"""Handing a message over, once: the port that every gateway keeps, and what a failure of one means.

Whoever calls must know what became of the message, for it may be sent twice or lost by a wrong guess. So there are
three ways to fail, and an adapter never tries again by itself.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ProxyConnectionError,
)
from botocore.exceptions import ConnectionError as ConnectionBroke
from botocore.parsers import ResponseParserError

NEVER_CONNECTED = (EndpointConnectionError, ConnectTimeoutError, ProxyConnectionError)
THROTTLES = frozenset({
    "KMSThrottling", "LimitExceededException", "Throttled", "ThrottledException", "Throttling", "ThrottlingException",
    "TooManyRequestsException",
})  # fmt: skip
QUOTAS = frozenset({"ServiceQuotaExceededException"})
"""What the account may spend or send is used up; it is again when the quota is raised, or the month is over."""

SHUT_OUT = frozenset({
    "AccessDenied", "AccessDeniedException", "AccountSuspendedException", "AuthorizationError",
    "AuthorizationErrorException", "ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId",
    "SendingPausedException", "SignatureDoesNotMatch", "UnrecognizedClientException",
})  # fmt: skip
"""It is us whom it turns away, whatever the message is: the next one would fare no better."""


@dataclass(eq=False)
class GatewayFailure(Exception):
    """The gateway did not say yes.

    Parameters
    ----------
    reason
        A short code, never the gateway's own words: those quote numbers and addresses.
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


class Gateway[M](Protocol):
    """Takes messages of one kind."""

    def send(self, message: M) -> str:
        """Hand one message over; the gateway's own id for it.

        Raises
        ------
        Refused, NotAccepted, AnswerLost
            What became of the message instead.
        """
        ...


def hand_over(call: Callable[..., Mapping[str, Any]], close: Callable[[], None], **request: Any) -> str:
    """Call an AWS gateway once, by a client whose own retries are off; see `Gateway.send`.

    Parameters
    ----------
    close
        Gives up the client's connections; the next call opens its own.
    """
    try:
        answer = call(**request)
    except ClientError as error:
        raise _judged(error) from error
    except NEVER_CONNECTED as error:
        raise NotAccepted("gateway_unreachable") from error
    except (HTTPClientError, ConnectionBroke, ResponseParserError) as error:
        raise AnswerLost("answer_lost") from error
    finally:
        # Kept over a Lambda's sleep, a connection breaks when used: nobody could say what became of the message.
        close()
    message_id = answer.get("MessageId")
    if not isinstance(message_id, str):
        raise AnswerLost("answer_lost")
    return message_id


def _judged(error: ClientError) -> GatewayFailure:
    code = error.response["Error"]["Code"]
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    if code in THROTTLES or status == HTTPStatus.TOO_MANY_REQUESTS:
        return NotAccepted("gateway_throttles")
    if code in QUOTAS:
        return NotAccepted("gateway_no_credit")
    if code in SHUT_OUT:
        return NotAccepted("gateway_shut")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return AnswerLost("gateway_broke")
    return Refused(code)
