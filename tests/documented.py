"""Every answer that a test's till gets is one that `till_api.contract` tells of, and so the OpenAPI document."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import msgspec

from stamkunde.shared.errors import STATUS_BY_CODE
from stamkunde.shared.routing import Route
from till_api.contract import CONTRACT
from till_api.routes import ROUTES

FRONT_DOORS_OWN = HTTPStatus.TOO_MANY_REQUESTS


def assert_documented(method: str, path: str, status: int, body: Any) -> None:
    """See that a route's answer has a status, a code and a form that are written down for it."""
    route = _route_of(method, urlsplit(path).path)
    if route is None or status == FRONT_DOORS_OWN:
        return
    contract = CONTRACT[route.name]
    if model := contract.answers.get(HTTPStatus(status)):
        msgspec.convert(body, model)
        return
    code = body["code"]
    assert code in contract.codes(), f"{route.name} refuses with {code}: add it to functions/till_api/contract.py"
    assert STATUS_BY_CODE[code] == status == body["status"]


def _route_of(method: str, path: str) -> Route | None:
    wanted = "GET" if method == "HEAD" else method
    return next((route for route in ROUTES if route.method == wanted and route.pattern().fullmatch(path)), None)
