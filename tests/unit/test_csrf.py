"""A posted form counts only if we showed it, to this browser, on one of our pages."""

from __future__ import annotations

from typing import Any

import pytest

from stamkunde.http import Request
from stamkunde.shared.signing import SigningKey
from stamkunde.web.cookies import VISITOR, drop_cookie, set_cookie
from stamkunde.web.csrf import Visitor, form_token, is_our_form

DOMAIN = "klub.example.com"
KEYS = (SigningKey(2, b"n" * 32), SigningKey(1, b"o" * 32))
FORM = "/bager-holm/join"


def a_request(**headers: str) -> Request:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request("POST", FORM, given, {}, "", base64_encoded=False)


KNOWN = Visitor.of(a_request(cookie=f"{VISITOR}={'a' * 32}"))


def accepts(token: str, visitor: Visitor = KNOWN, form: str = FORM, **headers: str) -> bool:
    return is_our_form(a_request(**headers), token, KEYS, visitor, form, DOMAIN)


def test_our_own_form_counts_also_after_a_new_key() -> None:
    assert accepts(form_token(KEYS[0], KNOWN, FORM))
    assert accepts(form_token(KEYS[1], KNOWN, FORM))
    assert not accepts(form_token(SigningKey(0, b"x" * 32), KNOWN, FORM))


def test_a_token_is_worth_nothing_elsewhere() -> None:
    token = form_token(KEYS[0], KNOWN, FORM)
    assert not accepts(token, form="/bager-holm/join/code")
    assert not accepts(token, visitor=Visitor("b" * 32, new=False))
    assert not accepts("")
    assert not accepts("ærlig\ud800")
    assert not accepts(token[:-1])


def test_a_browser_that_keeps_no_cookie_has_been_shown_no_form() -> None:
    stranger = Visitor.of(a_request())
    assert stranger.new
    assert not accepts(form_token(KEYS[0], stranger, FORM), visitor=stranger)


@pytest.mark.parametrize("cookie", ["", "a", "A" * 32, "g" * 32, "a" * 33, "a" * 31 + "\n"])
def test_a_cookie_that_is_none_of_ours_is_replaced(cookie: str) -> None:
    visitor = Visitor.of(a_request(cookie=f"{VISITOR}={cookie}"))
    assert visitor.new
    assert visitor.value != cookie
    (written,) = visitor.cookies()
    assert written == f"{VISITOR}={visitor.value}; Path=/; Secure; HttpOnly; SameSite=Lax"
    assert KNOWN.cookies() == []


@pytest.mark.parametrize(
    ("headers", "counts"),
    [
        ({"sec_fetch_site": "same-origin"}, True),
        ({"sec_fetch_site": "none"}, True),
        ({"sec_fetch_site": "same-origin", "origin": "null"}, True),
        ({"sec_fetch_site": "cross-site"}, False),
        ({"sec_fetch_site": "same-site"}, False),
        ({"origin": f"https://{DOMAIN}"}, True),
        ({"origin": "null"}, True),
        ({"origin": "https://evil.example.com"}, False),
        ({"origin": f"https://{DOMAIN}.evil.example.com"}, False),
        ({"origin": "http://[::1"}, False),
        ({"origin": "https://[klub.example.com]"}, False),
        ({}, True),
    ],
)
def test_a_form_posted_from_another_site_does_not_count(headers: dict[str, Any], counts: bool) -> None:
    assert accepts(form_token(KEYS[0], KNOWN, FORM), **headers) is counts


def test_a_cookie_that_would_need_quoting_is_a_fault_of_ours() -> None:
    with pytest.raises(ValueError, match="quoting"):
        set_cookie("__Host-x", "a;b")
    assert "Max-Age=0" in drop_cookie("__Host-x")
