"""What a request says: forms, cookies, and from where it came."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stamkunde.http import LARGEST_BODY, Request
from stamkunde.shared.errors import Refusal
from tests.till_client import gateway_event

FORM = "application/x-www-form-urlencoded"


def request(body: str = "", **headers: str) -> Request:
    given_headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request.from_event(gateway_event("POST", "/bager-holm/join", given_headers, body))


@given(st.dictionaries(st.text(min_size=1, max_size=10), st.text(max_size=40), max_size=10))
def test_a_form_is_read_as_the_browser_wrote_it(fields: dict[str, str]) -> None:
    assert request(urlencode(fields), content_type=FORM).form() == fields


def test_a_form_that_arrives_in_base64_is_read() -> None:
    event: dict[str, Any] = gateway_event("POST", "/x", {"Content-Type": f"{FORM}; charset=UTF-8"}, "x")
    event |= {"body": base64.b64encode(b"first_name=S%C3%B8ren&phone=20+12").decode(), "isBase64Encoded": True}
    assert Request.from_event(event).form() == {"first_name": "Søren", "phone": "20 12"}


@pytest.mark.parametrize(
    ("body", "content_type", "code"),
    [
        ("a=1", "application/json", "wrong_content_type"),
        ("a=1", "", "wrong_content_type"),
        ("a=" + "x" * LARGEST_BODY, FORM, "body_too_large"),
        ("a=%ff", FORM, "malformed_body"),
        ("&".join(f"a{number}=1" for number in range(51)), FORM, "malformed_body"),
    ],
)
def test_a_form_that_cannot_be_read_is_refused(body: str, content_type: str, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        request(body, content_type=content_type).form()
    assert refused.value.code == code


def test_cookies_are_read_where_aws_and_where_the_engine_puts_them() -> None:
    event = gateway_event("GET", "/x", {"Cookie": "a=1; b=x=y"}, "")
    assert Request.from_event(event).cookies == {"a": "1", "b": "x=y"}
    assert Request.from_event(event | {"cookies": ["c=3", "d=4"]}).cookies == {"c": "3", "d": "4"}
    assert request().cookies.get("a") is None


def test_the_front_door_decides_where_a_request_comes_from() -> None:
    assert request(x_stamkunde_client_ip="2001:db8::7", x_forwarded_for="203.0.113.9").client_ip == "2001:db8::7"
    assert request(x_forwarded_for="203.0.113.9").client_ip == "192.0.2.1"
