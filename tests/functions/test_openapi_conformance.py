"""schemathesis against the handler, at every limit of the API document: more requests than HTTP is for."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qsl

import pytest

from tests.conformance import Sent, hold_to_its_limits
from tests.function_fixtures import CONTEXT, ORIGIN_SECRET
from tests.till_client import TillClient
from till_api.routes import ROUTES


def gateway(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """API Gateway as a WSGI application: it makes an event of a request, and a response of an answer."""
    from till_api.handler import lambda_handler

    headers = {
        name.removeprefix("HTTP_").replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_") or name == "CONTENT_TYPE"
    }
    event: dict[str, Any] = {
        "rawPath": environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace"),
        "headers": headers | {"x-stamkunde-origin": ORIGIN_SECRET},
        "requestContext": {"http": {"method": environ["REQUEST_METHOD"], "sourceIp": "192.0.2.1"}},
        "queryStringParameters": dict(parse_qsl(environ["QUERY_STRING"], keep_blank_values=True)),
        "body": base64.b64encode(environ["wsgi.input"].read()).decode(),
        "isBase64Encoded": True,
    }
    answer = lambda_handler(event, CONTEXT)  # type: ignore[arg-type]
    start_response(f"{answer['statusCode']} Answered", list(answer["headers"].items()))
    return [answer["body"].encode()]


@pytest.mark.parametrize("name", [route.name for route in ROUTES])
def test_at_every_limit_the_answer_is_one_that_the_document_tells_of(till: TillClient, name: str) -> None:
    key = {"authorization": f"Bearer {till.key}"}

    def send(case: Sent) -> Any:
        return case.call(app=gateway, headers=key)

    hold_to_its_limits(name, send)
