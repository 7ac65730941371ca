"""The local stand-in for CloudFront: one address for pages and API, in front of the engine's API.

Beside what CloudFront does it serves the inbox, which exists on a laptop only.
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading

import aiohttp
import httpx
from aiohttp import StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import RawRequestMessage
from botocore.exceptions import BotoCoreError
from multidict import CIMultiDict
from yarl import URL

from infra.local.home import LOOPBACK, LocalRunError
from infra.local.inbox import PATHS as INBOX_PATHS
from infra.local.inbox import Inbox
from infra.local.short_links import pages_path
from infra.target import (
    CLIENT_IP_HEADER,
    LOCAL_ORIGIN_SECRET,
    LOCAL_PAGES_DOMAIN,
    LOCAL_SHORT_DOMAIN,
    ORIGIN_HEADER,
)

BODY_LIMIT = 10 * 1024 * 1024
# API Gateway gives a function 30 seconds.
ANSWER_SECONDS = 31.0
HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer"}
    | {"transfer-encoding", "upgrade", "proxy-connection", "expect"}
)
# What the front door decides itself, whatever a client sends.
NOT_FROM_CLIENTS = HOP_BY_HOP | {"host", "content-length", ORIGIN_HEADER, CLIENT_IP_HEADER, "x-forwarded-for"}
NOT_FROM_THE_ENGINE = HOP_BY_HOP | {"content-length"}
SET_BY_AIOHTTP = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")


class FrontDoor:
    """A reverse proxy in a thread of its own; it holds its port from the moment it is made."""

    def __init__(self, port: int) -> None:
        self.url = f"http://{LOOPBACK}:{port}"
        self.pages_url = f"http://{LOCAL_PAGES_DOMAIN}:{port}"
        self._upstream: str | None = None
        self._inbox: Inbox | None = None
        self._socket = _bind(port)
        self._loop = asyncio.new_event_loop()
        self._closing = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="front-door", daemon=True)
        self._thread.start()

    def open(self, upstream: str) -> None:
        """Let requests through to `upstream`; until then every answer is 503."""
        self._upstream = upstream

    def show_inbox(self, inbox: Inbox) -> None:
        """Serve the inbox from now on."""
        self._inbox = inbox

    def close(self) -> None:
        """Finish the requests under way and give the port back."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._closing.set)
            self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(
            timeout=timeout,
            connector=connector,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=SET_BY_AIOHTTP,
        ) as session:

            async def answer(request: web.BaseRequest) -> web.StreamResponse:
                if request.url.host == LOCAL_SHORT_DOMAIN:
                    return self._lengthen(request)
                if self._inbox is not None and request.path in INBOX_PATHS:
                    return await _show(self._inbox, request)
                return await self._forward(session, request)

            server = web.ServerRunner(web.Server(answer, request_factory=_request), shutdown_timeout=5)
            await server.setup()
            await web.SockSite(server, self._socket).start()
            await self._closing.wait()
            await server.cleanup()

    def _lengthen(self, request: web.BaseRequest) -> web.StreamResponse:
        address = self.pages_url + pages_path(request.path)
        return web.Response(status=302, headers={"location": address, "cache-control": "no-store"})

    async def _forward(self, session: aiohttp.ClientSession, request: web.BaseRequest) -> web.StreamResponse:
        if self._upstream is None:
            return _problem(503, "starting", "The local stack is still starting.")
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return _problem(413, "body_too_large", "The body is larger than 10 MB.")
        headers = CIMultiDict(
            (name, value) for name, value in request.headers.items() if name.lower() not in NOT_FROM_CLIENTS
        )
        headers[ORIGIN_HEADER] = LOCAL_ORIGIN_SECRET
        headers[CLIENT_IP_HEADER] = headers["x-forwarded-for"] = request.remote or LOOPBACK
        try:
            async with session.request(
                request.method,
                # Encoded: the path reaches the engine byte for byte, dots and all.
                URL(self._upstream + request.raw_path, encoded=True),
                headers=headers,
                data=body or None,
                allow_redirects=False,
            ) as answer:
                return web.Response(
                    status=answer.status,
                    reason=answer.reason,
                    headers=_answered(answer),
                    body=await answer.read(),
                )
        except TimeoutError:
            return _problem(504, "engine_too_slow", "The local AWS took longer than 30 seconds.")
        except aiohttp.ClientError:
            return _problem(502, "engine_away", "The local AWS does not answer; see the window of `make run`.")


async def _show(inbox: Inbox, request: web.BaseRequest) -> web.StreamResponse:
    accepted = request.headers.get("accept-language", "")
    try:
        # Its readers wait for the engine: in a thread, or nobody else would be served meanwhile.
        page = await asyncio.to_thread(inbox.answer, request.path, dict(request.query), accepted)
    except (httpx.HTTPError, BotoCoreError):
        return _problem(502, "engine_away", "The local AWS does not answer; see the window of `make run`.")
    return web.Response(
        body=page.content.encode(), content_type=page.media_type, charset="utf-8", headers=page.headers
    )


def _request(
    message: RawRequestMessage,
    payload: StreamReader,
    protocol: web.RequestHandler,
    writer: AbstractStreamWriter,
    task: asyncio.Task[None],
) -> web.BaseRequest:
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=BODY_LIMIT)


def _answered(answer: aiohttp.ClientResponse) -> CIMultiDict[str]:
    return CIMultiDict(
        (name, value) for name, value in answer.headers.items() if name.lower() not in NOT_FROM_THE_ENGINE
    )


def _problem(status: int, code: str, detail: str) -> web.Response:
    body = {"type": "about:blank", "title": detail, "status": status, "code": code}
    return web.Response(status=status, body=json.dumps(body).encode(), content_type="application/problem+json")


def _bind(port: int) -> socket.socket:
    try:
        return socket.create_server((LOOPBACK, port), backlog=512)
    except OSError:
        raise LocalRunError(
            f"Port {port} on {LOOPBACK} is taken by another program. Stop that program, or choose another "
            f"port: STAMKUNDE_PORT={port + 1 if port < 65535 else port - 1} make run"
        ) from None
