"""What CloudFront's function does, run by Node, and that the local front door does the same with short links."""

import json
import subprocess
from typing import Any

import pytest

from infra.constructs.viewer_request import viewer_request_code
from infra.local.loopback import node
from infra.local.short_links import pages_path, pieces
from infra.target import CLIENT_IP_HEADER

PAGES, SHORT = "club.example.com", "k.example.com"
VISITOR = "203.0.113.7"
SHORT_PATHS = {
    "/c/bager-holm": "/m/bager-holm",
    "/t/bager-holm": "/bager-holm/terms/changes",
    "/t/": "/",
    "/ab23cd45ef67gh89": "/l/ab23cd45ef67gh89",
    "/8xQ2aZ0bYc9D": "/l/8xQ2aZ0bYc9D",
    "/": "/",
    "/c/": "/",
    "/c/Bager": "/",
    "//evil.example": "/",
    "/a/b": "/",
    "/ab%0d%0ax": "/",
    "/c/../l/x": "/",
}


def test_the_caller_is_who_cloudfront_says_whatever_a_client_claims() -> None:
    claimed = {"host": {"value": PAGES}, CLIENT_IP_HEADER: {"value": "198.51.100.1"}, "accept": {"value": "*/*"}}
    (request,) = _handled({"uri": "/bager-holm/join", "headers": claimed})
    assert request["uri"] == "/bager-holm/join"
    assert request["headers"] == claimed | {CLIENT_IP_HEADER: {"value": VISITOR}}


def test_short_links_lead_to_the_pages_and_nowhere_else() -> None:
    answers = _handled(*({"uri": path, "headers": {"host": {"value": SHORT.upper()}}} for path in SHORT_PATHS))
    assert {answer["statusCode"] for answer in answers} == {302}
    assert [answer["headers"]["location"]["value"] for answer in answers] == [
        f"https://{PAGES}{path}" for path in SHORT_PATHS.values()
    ]
    assert {answer["headers"]["cache-control"]["value"] for answer in answers} == {"no-store"}


def test_a_request_without_a_host_goes_on() -> None:
    (request,) = _handled({"uri": "/", "headers": {}})
    assert request["headers"][CLIENT_IP_HEADER] == {"value": VISITOR}


@pytest.mark.parametrize(("path", "expected"), SHORT_PATHS.items())
def test_the_local_front_door_lengthens_links_the_same_way(path: str, expected: str) -> None:
    assert pages_path(path) == expected


def test_links_in_a_message_are_found_where_they_end() -> None:
    text = "Godkend: k.test/ab23 Ikke dig? Dit kort: k.test/c/bager-holm. E-mail: https://k.test/cd45\nHilsen"
    found = list(pieces(text, "k.test", "http://localhost:1"))
    assert "".join(words for words, _ in found) == text
    assert [each for each in found if each[1]] == [
        ("k.test/ab23", "http://localhost:1/l/ab23"),
        ("k.test/c/bager-holm", "http://localhost:1/m/bager-holm"),
        ("https://k.test/cd45", "http://localhost:1/l/cd45"),
    ]


def _handled(*requests: dict[str, Any]) -> list[dict[str, Any]]:
    events = [{"request": request, "viewer": {"ip": VISITOR}} for request in requests]
    program = f"{viewer_request_code(PAGES, SHORT)}\nconsole.log(JSON.stringify({json.dumps(events)}.map(handler)))"
    shown = subprocess.run([node(), "-e", program], capture_output=True, text=True, check=True).stdout
    handled: list[dict[str, Any]] = json.loads(shown)
    return handled
