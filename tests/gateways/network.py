"""A mobile and mail network of the tests' own: speaks as SNS and SES do, and fails in every way there is."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from infra.local.home import LOOPBACK

NAMESPACE = "http://sns.amazonaws.com/doc/2010-03-31/"
MAIL_PATH = "/v2/email/outbound-emails"


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


@dataclass(frozen=True)
class Call:
    """One message as it was handed over: SNS's form or SES's document, and how the network took it."""

    given: dict[str, Any]
    mood: Mood

    @property
    def text(self) -> str:
        """The message's words."""
        if "Message" in self.given:
            return str(self.given["Message"])
        return str(self.given["Content"]["Simple"]["Body"]["Text"]["Data"])

    @property
    def recipient(self) -> str:
        """To whom it goes."""
        if "PhoneNumber" in self.given:
            return str(self.given["PhoneNumber"])
        (address,) = self.given["Destination"]["ToAddresses"]
        return str(address)


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

        self._server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://{LOOPBACK}:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def perhaps_taken(self) -> list[Call]:
        """The messages that the network did not surely leave."""
        return [call for call in self.calls if call.mood not in SURELY_NOT_TAKEN]

    def take(self, handler: BaseHTTPRequestHandler) -> None:
        """Take one message as the mood is."""
        body = handler.rfile.read(int(handler.headers["content-length"])).decode()
        spoken, given = (SES, json.loads(body)) if handler.path == MAIL_PATH else (SNS, _form(body))
        mood = self.mood
        with self._lock:
            self.calls.append(Call(given, mood))
            self.connections.add(handler.client_address[1])
            number = len(self.calls)
        match mood:
            case Mood.HANGS:
                self.over.wait(10)
            case Mood.RESETS:
                handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                handler.connection.close()
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
