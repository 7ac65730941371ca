"""A mobile network of the tests' own: speaks SNS's wire format, and fails in every way there is."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

from infra.local.home import LOOPBACK

NAMESPACE = "http://sns.amazonaws.com/doc/2010-03-31/"
ACCEPTED = (
    f'<PublishResponse xmlns="{NAMESPACE}"><PublishResult><MessageId>network-{{number}}</MessageId></PublishResult>'
    "<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></PublishResponse>"
)
ERROR = (
    f'<ErrorResponse xmlns="{NAMESPACE}"><Error><Type>Sender</Type><Code>{{code}}</Code>'
    "<Message>+4520123456 said no</Message></Error><RequestId>r</RequestId></ErrorResponse>"
)


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


FAILING = {
    Mood.THROTTLES: (400, "Throttled"),
    Mood.REFUSES: (400, "InvalidParameter"),
    Mood.BREAKS: (500, "InternalError"),
    Mood.BREAKS_AFTER_ACCEPTING: (503, "ServiceUnavailable"),
}


class Network:
    """What was handed over, in order, and how the next message is taken."""

    def __init__(self) -> None:
        self.mood = Mood.ACCEPTS
        self.calls: list[dict[str, str]] = []
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

    def take(self, handler: BaseHTTPRequestHandler) -> None:
        """Take one message as the mood is."""
        form = parse_qs(handler.rfile.read(int(handler.headers["content-length"])).decode())
        with self._lock:
            self.calls.append({name: values[0] for name, values in form.items()})
            self.connections.add(handler.client_address[1])
            number = len(self.calls)
        match self.mood:
            case Mood.HANGS:
                self.over.wait(10)
            case Mood.RESETS:
                handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                handler.connection.close()
            case Mood.TALKS_NONSENSE:
                self._answer(handler, 200, "<nonsense")
            case Mood.ACCEPTS:
                self._answer(handler, 200, ACCEPTED.format(number=number))
            case mood:
                status, code = FAILING[mood]
                self._answer(handler, status, ERROR.format(code=code))

    def stop(self) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()

    @staticmethod
    def _answer(handler: BaseHTTPRequestHandler, status: int, body: str) -> None:
        handler.send_response(status)
        handler.send_header("content-type", "text/xml")
        handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body.encode())


@contextmanager
def running_network() -> Iterator[Network]:
    """A network that is there for a while."""
    network = Network()
    yield network
    network.stop()
