"""Text messages to the mobile network, by GatewayAPI.com: a Danish firm's REST interface, which reports by a webhook.

Fields, answers and codes are those of its public documentation (github.com/onlinecity/gatewayapi-docs, rest and
errors).
"""

import base64
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Protocol

import msgspec
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as ConnectionBroke
from msgspec import Struct

from stamkunde.gateways.handover import NEVER_CONNECTED, AnswerLost, GatewayFailure, NotAccepted, Refused
from stamkunde.gateways.sms import Sms
from stamkunde.messaging.parts import Encoding, count_parts

NO_CREDIT = "0x0216"
"""What its error list calls "Insufficient credit": what is topped up is taken the next time."""

_CODE = re.compile(r"0x[0-9A-Fa-f]{4}")


class HttpAnswer(Protocol):
    """What is used of an answer."""

    @property
    def status_code(self) -> int:
        """Of HTTP."""
        ...

    @property
    def content(self) -> bytes:
        """What it says."""
        ...


class HttpSession(Protocol):
    """What is used of botocore's own HTTP session: it calls once, and says by its exceptions how that went."""

    def send(self, request: Any) -> HttpAnswer:
        """Send one prepared request."""
        ...

    def close(self) -> None:
        """Give up the connections."""
        ...


class _Sent(msgspec.Struct):
    ids: list[int]


class _Refusal(msgspec.Struct):
    code: str = ""


class GatewayApiSms(Struct, frozen=True):
    """GatewayAPI.com, one message to one number.

    Parameters
    ----------
    url
        Where its interface is: there are some, by where messages are kept.
    token
        Reads the account's API token; it is asked for with the first message, and kept by whoever gives it.
    """

    session: HttpSession
    url: str
    token: Callable[[], str]

    def send(self, message: Sms) -> str:
        """Hand one message over; see `stamkunde.gateways.handover.Gateway`."""
        request = self._request(message, self._token())
        try:
            answer = self.session.send(request)
            content = answer.content
        except NEVER_CONNECTED as error:
            raise NotAccepted("gateway_unreachable") from error
        except (HTTPClientError, ConnectionBroke) as error:
            raise AnswerLost("answer_lost") from error
        finally:
            # As with every gateway: what is kept over a Lambda's sleep breaks when it is used.
            self.session.close()
        if answer.status_code >= HTTPStatus.MULTIPLE_CHOICES:
            raise _judged(answer.status_code, content)
        return _id_of(content)

    def _token(self) -> str:
        try:
            return self.token()
        except (BotoCoreError, ClientError) as error:
            raise NotAccepted("gateway_token_unread") from error

    def _request(self, message: Sms, token: str) -> Any:
        as_user = base64.b64encode(f"{token}:".encode()).decode()
        headers = {"authorization": f"Basic {as_user}", "content-type": "application/json"}
        body = msgspec.json.encode(_document(message))
        return AWSRequest("POST", f"{self.url}/rest/mtsms", headers, body).prepare()


def _document(message: Sms) -> dict[str, Any]:
    document: dict[str, Any] = {
        "message": message.text,
        "sender": message.sender,
        "recipients": [{"msisdn": int(message.recipient.removeprefix("+"))}],
        "priority": "BULK" if message.advertises else "NORMAL",
        # It bills no more parts than these.
        "max_parts": message.parts,
        # It writes everything in the 7-bit alphabet unless it is told otherwise.
        "encoding": "UTF8" if count_parts(message.text).encoding is Encoding.GSM_7 else "UCS2",
    }
    if message.reference:
        document["userref"] = message.reference
    if message.worth_seconds is not None:
        document["validity_period"] = message.worth_seconds
    return document


def _judged(status: int, content: bytes) -> GatewayFailure:
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return NotAccepted("gateway_throttles")
    # A refusal of one message is 403, with a code.
    if status == HTTPStatus.UNAUTHORIZED:
        return NotAccepted("gateway_shut")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return AnswerLost("gateway_broke")
    code = _code_of(content)
    return NotAccepted("gateway_no_credit") if code == NO_CREDIT else Refused(code or f"http_{status}")


def _code_of(content: bytes) -> str:
    """Its own code, and never its words: those quote numbers."""
    try:
        code = msgspec.json.decode(content, type=_Refusal).code
    except msgspec.DecodeError:
        return ""
    return code if _CODE.fullmatch(code) else ""


def _id_of(content: bytes) -> str:
    try:
        ids = msgspec.json.decode(content, type=_Sent).ids
    except msgspec.DecodeError as error:
        raise AnswerLost("answer_lost") from error
    if len(ids) != 1:
        raise AnswerLost("answer_lost")
    return str(ids[0])
