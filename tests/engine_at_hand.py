"""The engine's DynamoDB called in this process, without HTTP: for tests that make a hundred thousand calls.

It is the very code that answers everywhere else (ministack.services.dynamodb), in an account of its own, so nothing
here stores, compares or decides. What is left out is what isn't ours: signing, sockets, and botocore's own checks.
"""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Iterator
from threading import Lock
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError
from botocore.hooks import HierarchicalEmitter
from ministack.core.responses import request_scope  # type: ignore[import-untyped]
from ministack.services import dynamodb  # type: ignore[import-untyped]

from infra.local.home import REGION
from tests.tables import create_tables


class Pages:
    """Asks for page after page."""

    def __init__(self, ask: Any) -> None:
        self._ask = ask

    def paginate(self, **given: Any) -> Iterator[dict[str, Any]]:
        """The answers to a question, one by one."""
        while True:
            page = self._ask(**given)
            yield page
            if "LastEvaluatedKey" not in page:
                return
            given |= {"ExclusiveStartKey": page["LastEvaluatedKey"]}


ONE_AT_A_TIME = Lock()
"""As its server has it, which works off one call after the other."""


class EngineAtHand:
    """Answers as a DynamoDB client of botocore's does, as far as the code asks."""

    class exceptions:  # noqa: N801 - as botocore's client has it
        """What creating a table twice would raise."""

        ResourceInUseException = ClientError

    def __init__(self, account: str) -> None:
        self._account = account
        self.meta = SimpleNamespace(events=HierarchicalEmitter())

    def get_paginator(self, operation: str) -> Pages:
        """All pages of a query or a scan."""
        return Pages(getattr(self, operation))

    def __getattr__(self, operation: str) -> Any:
        name = operation.title().replace("_", "")

        def call(**given: Any) -> dict[str, Any]:
            return self._call(name, given)

        return call

    def _call(self, name: str, given: dict[str, Any]) -> dict[str, Any]:
        headers = {"x-amz-target": f"DynamoDB_20120810.{name}"}
        with ONE_AT_A_TIME, request_scope(self._account, REGION):
            answering = dynamodb.handle_request(
                "POST", "/", headers, json.dumps(given, default=_in_base64).encode(), {}
            )
            status, _, body = _finished(answering)
        answer: dict[str, Any] = json.loads(body, object_hook=_with_bytes)
        self._emit(name, given, answer)
        if status != 200:
            raise ClientError(_as_botocore_has_it(answer, status), name)  # type: ignore[arg-type]
        return answer

    def _emit(self, name: str, given: dict[str, Any], answer: dict[str, Any]) -> None:
        """Tell whoever counts what a call costs; a call that failed too, as botocore does."""
        model, events = SimpleNamespace(name=name), self.meta.events
        context: dict[str, Any] = {}
        events.emit(f"provide-client-params.dynamodb.{name}", params=given, model=model, context=context)
        events.emit(f"after-call.dynamodb.{name}", model=model, parsed=answer, context=context)


def _in_base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _with_bytes(found: dict[str, Any]) -> dict[str, Any]:
    """A binary attribute as botocore gives it."""
    return {"B": base64.b64decode(found["B"])} if found.keys() == {"B"} and isinstance(found["B"], str) else found


def _finished(coroutine: Any) -> Any:
    """What a coroutine returns that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("the engine waits for something")


def _as_botocore_has_it(answer: dict[str, Any], status: int) -> dict[str, Any]:
    code = str(answer.get("__type", "")).rpartition("#")[2]
    message = answer.get("message") or answer.get("Message") or ""
    rest = {name: value for name, value in answer.items() if name not in {"__type", "message", "Message"}}
    return rest | {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}


def engine_at_hand() -> Any:
    """A client of an empty account with the project's tables."""
    client: Any = EngineAtHand(f"{random.randrange(10**11, 10**12)}")
    create_tables(client)
    return client
