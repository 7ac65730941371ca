"""A mobile and mail network of the tests' own: speaks as our gateways do, and fails in every way there is."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from infra.local.home import LOOPBACK

NAMESPACE = "http://sns.amazonaws.com/doc/2010-03-31/"
MAIL_PATH = "/v2/email/outbound-emails"
GATEWAYAPI_PATH = "/rest/mtsms"
TARGET = "x-amz-target"
TOKEN = "token-of-the-parameter-store"


class Mood(StrEnum):
    """How the network takes a message."""

    ACCEPTS = "accepts"
    THROTTLES = "throttles"
    REFUSES = "refuses"
    BREAKS = "breaks"
    BREAKS_AFTER_ACCEPTING = "breaks after accepting"
    HANGS = "hangs"
    RESETS = "resets"
    TALKS_NONSENSE = "talks nonsense"
    GIVES_NO_ID = "gives no id"


SURELY_NOT_TAKEN = {Mood.THROTTLES, Mood.REFUSES}


@dataclass(frozen=True)
class WireFormat:
    """How one of the gateways answers."""

    content_type: str
    accepted: str
    nonsense: str
    nothing: str
    error: str
    failures: dict[Mood, tuple[int, str]]


SNS = WireFormat(
    content_type="text/xml",
    accepted=f'<PublishResponse xmlns="{NAMESPACE}"><PublishResult><MessageId>network-%s</MessageId></PublishResult>'
    "<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></PublishResponse>",
    nonsense="<nonsense",
    nothing=f'<PublishResponse xmlns="{NAMESPACE}"><PublishResult/></PublishResponse>',
    error=f'<ErrorResponse xmlns="{NAMESPACE}"><Error><Type>Sender</Type><Code>%s</Code>'
    "<Message>+4520123456 said no</Message></Error><RequestId>r</RequestId></ErrorResponse>",
    failures={
        Mood.THROTTLES: (400, "Throttled"),
        Mood.REFUSES: (400, "InvalidParameter"),
        Mood.BREAKS: (500, "InternalError"),
        Mood.BREAKS_AFTER_ACCEPTING: (503, "ServiceUnavailable"),
    },
)
SES = WireFormat(
    content_type="application/json",
    accepted='{"MessageId":"network-%s"}',
    nonsense="{nonsense",
    nothing="{}",
    error='{"__type":"%s","message":"mette@example.com said no"}',
    failures={
        Mood.THROTTLES: (429, "TooManyRequestsException"),
        Mood.REFUSES: (400, "MessageRejected"),
        Mood.BREAKS: (500, "InternalFailure"),
        Mood.BREAKS_AFTER_ACCEPTING: (503, "ServiceUnavailable"),
    },
)
VOICE = WireFormat(
    content_type="application/x-amz-json-1.0",
    accepted='{"MessageId":"network-%s"}',
    nonsense="{nonsense",
    nothing="{}",
    error='{"__type":"%s","message":"+4520123456 said no"}',
    failures={
        Mood.THROTTLES: (400, "ThrottlingException"),
        Mood.REFUSES: (400, "ValidationException"),
        Mood.BREAKS: (500, "InternalServerException"),
        Mood.BREAKS_AFTER_ACCEPTING: (503, "ServiceUnavailable"),
    },
)
GATEWAYAPI = WireFormat(
    content_type="application/json",
    accepted='{"ids":[%s],"usage":{"countries":{"DK":1},"currency":"DKK","total_cost":0.12}}',
    nonsense="{nonsense",
    nothing='{"ids":[]}',
    error='{"code":"%s","incident_uuid":"d8127429","message":"MSISDN 4520123456 said no","variables":["4520123456"]}',
    failures={
        Mood.THROTTLES: (429, "0x0001"),
        Mood.REFUSES: (403, "0x0217"),
        Mood.BREAKS: (500, "0x0201"),
        Mood.BREAKS_AFTER_ACCEPTING: (503, "0x0201"),
    },
)


@dataclass(frozen=True)
class Call:
    """One message as it was handed over: a form or a document, with its headers, and how the network took it."""

    given: dict[str, Any]
    mood: Mood
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The message's words."""
        for name in ("Message", "MessageBody", "message"):
            if name in self.given:
                return str(self.given[name])
        return str(self.given["Content"]["Simple"]["Body"]["Text"]["Data"])

    @property
    def recipient(self) -> str:
        """To whom it goes."""
        for name in ("PhoneNumber", "DestinationPhoneNumber"):
            if name in self.given:
                return str(self.given[name])
        if "recipients" in self.given:
            ((recipient,),) = (each.values() for each in self.given["recipients"])
            return f"+{recipient}"
        (address,) = self.given["Destination"]["ToAddresses"]
        return str(address)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    """More than any worker has threads: one that finds no place would be told that nobody is there."""


class Network:
    """What was handed over, in order, and how the next message is taken."""

    def __init__(self) -> None:
        self.mood = Mood.ACCEPTS
        self.calls: list[Call] = []
        self.connections: set[int] = set()
        """The callers' ports: one each connection."""
        self.over = threading.Event()
        self._lock = threading.Lock()
        network = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                network.take(self)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
                """Tell nothing."""

        self._server = _Server((LOOPBACK, 0), Handler)
        self.url = f"http://{LOOPBACK}:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def perhaps_taken(self) -> list[Call]:
        """The messages that the network did not surely leave."""
        return [call for call in self.calls if call.mood not in SURELY_NOT_TAKEN]

    def take(self, handler: BaseHTTPRequestHandler) -> None:
        """Take one message as the mood is."""
        body = handler.rfile.read(int(handler.headers["content-length"])).decode()
        if handler.headers.get(TARGET, "").startswith("AmazonSSM."):
            parameter = {"Name": json.loads(body)["Name"], "Type": "SecureString", "Value": TOKEN}
            _answer(handler, VOICE, 200, json.dumps({"Parameter": parameter}))
            return
        spoken = _spoken(handler)
        given = _form(body) if spoken is SNS else json.loads(body)
        mood = self.mood
        with self._lock:
            self.calls.append(Call(given, mood, {name.lower(): value for name, value in handler.headers.items()}))
            self.connections.add(handler.client_address[1])
            number = len(self.calls)
        match mood:
            case Mood.HANGS:
                self.over.wait(10)
            case Mood.RESETS:
                handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                handler.connection.close()
                # Else the handler would hold it open, waiting for the next message, until the caller gives up.
                handler.close_connection = True
            case Mood.TALKS_NONSENSE:
                _answer(handler, spoken, 200, spoken.nonsense)
            case Mood.GIVES_NO_ID:
                _answer(handler, spoken, 200, spoken.nothing)
            case Mood.ACCEPTS:
                _answer(handler, spoken, 200, spoken.accepted % number)
            case _:
                status, code = spoken.failures[mood]
                _answer(handler, spoken, status, spoken.error % code)

    def stop(self) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()


def _spoken(handler: BaseHTTPRequestHandler) -> WireFormat:
    """Whose way of speaking a request is."""
    if handler.path == MAIL_PATH:
        return SES
    if handler.path == GATEWAYAPI_PATH:
        return GATEWAYAPI
    return VOICE if handler.headers.get(TARGET, "").startswith("PinpointSMSVoiceV2.") else SNS


def _form(body: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(body).items()}


def _answer(handler: BaseHTTPRequestHandler, spoken: WireFormat, status: int, body: str) -> None:
    handler.send_response(status)
    handler.send_header("content-type", spoken.content_type)
    handler.send_header("content-length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body.encode())


@contextmanager
def running_network() -> Iterator[Network]:
    """A network that is there for a while."""
    network = Network()
    yield network
    network.stop()
