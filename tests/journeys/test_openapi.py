"""schemathesis over real HTTP: every route of the document that the front door itself serves, on the local stack.

At the limits of each schema the handler alone is tried: tests/functions/test_openapi_conformance.py.
"""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import requests

from infra.openapi import DOCUMENT
from tests.conformance import Sent, hold_in_a_shop
from tests.local_stack import LocalStack
from tests.till_over_http import OpenShop
from till_api.routes import ROUTES

CASES = 8


def test_the_document_and_its_page_are_there_for_anybody_and_kept_for_a_while(local_stack: LocalStack) -> None:
    with httpx.Client(base_url=local_stack.stack.api_url, timeout=30) as anybody:
        served, page = anybody.get("/openapi.json"), anybody.get("/docs")
    assert (served.status_code, served.text) == (200, DOCUMENT.read_text())
    assert served.headers["content-type"] == "application/json"
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert {served.headers["cache-control"], page.headers["cache-control"]} == {"public, max-age=300"}
    assert all(f"{route.method} {route.path}" in page.text for route in ROUTES)


@pytest.mark.parametrize("name", [route.name for route in ROUTES])
def test_no_route_answers_what_the_document_does_not_tell_of(local_stack: LocalStack, name: str) -> None:
    with httpx.Client(base_url=local_stack.stack.api_url, timeout=30) as door, requests.Session() as session:
        till = OpenShop.in_stack(local_stack.stack, door).till
        key = {"authorization": f"Bearer {till.key}"}

        def send(case: Sent) -> Any:
            return case.call(base_url=local_stack.stack.api_url, session=session, headers=key)

        hold_in_a_shop(name, till, send, cases=CASES)
