"""The pages as a browser's machine meets them: headers, cookies, errors, and what the front door decides."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.browser_fixtures import Customers, Shops
from tests.local_stack import LocalStack
from tests.public_shop import PublicShop

BROWSER = {"accept": "text/html", "accept-language": "nb"}
FORGED = "203.0.113.9"
SHUT = {
    "default-src 'none'",
    "style-src 'self'",
    "img-src 'self' data:",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "manifest-src 'none'",
}


@pytest.fixture
def visitor(local_stack: LocalStack) -> Iterator[httpx.Client]:
    """Somebody who asks for pages, and follows nothing by themselves."""
    with httpx.Client(base_url=local_stack.stack.pages_url, headers=BROWSER, timeout=30) as visitor:
        yield visitor


@pytest.fixture
def shop(new_shop: Shops) -> PublicShop:
    return new_shop("NO")


@pytest.mark.parametrize("path", ["/{slug}/join", "/{slug}/terms", "/m/{slug}", "/{slug}/join/done", "/nobody/join"])
def test_every_page_lets_in_no_script_no_frame_and_tells_no_other_site_where_it_was(
    visitor: httpx.Client, shop: PublicShop, path: str
) -> None:
    answer = visitor.get(path.replace("{slug}", shop.slug))
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert set(answer.headers["content-security-policy"].split("; ")) == SHUT
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] in {"no-store", "private, no-cache"}
    assert "<script" not in answer.text
    assert " style=" not in answer.text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/nobody/join", 404),
        ("/m/nobody", 404),
        ("/nothing", 404),
        ("/assets/none.css", 404),
        ("/l/ab23cd45ef67gh89", 410),
    ],
)
def test_what_is_not_there_is_said_as_a_page_or_as_a_problem(visitor: httpx.Client, path: str, status: int) -> None:
    page = visitor.get(path)
    assert page.status_code == status
    if not path.startswith("/assets"):
        assert '<html lang="nb">' in page.text
    problem = visitor.get(path, headers={"accept": "application/json"})
    assert problem.status_code == status
    assert problem.headers["content-type"] == "application/problem+json"
    assert problem.json()["code"]


def test_styles_are_kept_for_ever_and_their_names_change_with_them(visitor: httpx.Client, shop: PublicShop) -> None:
    page = visitor.get(f"/{shop.slug}/join").text
    styles = [part.partition('"')[0] for part in page.split('<link rel="stylesheet" href="')[1:]]
    assert len(styles) == 2
    for style in styles:
        answer = visitor.get(style)
        assert answer.headers["content-type"].startswith("text/css")
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


def test_a_form_from_elsewhere_does_nothing(visitor: httpx.Client, shop: PublicShop) -> None:
    number = shop.new_number()
    typed = {"phone": number, "first_name": "Kari", "terms": "yes", "terms_version": "1"}
    answer = visitor.post(f"/{shop.slug}/join", data=typed)
    assert answer.status_code == 403
    assert f'value="{number}"' in answer.text
    assert "location" not in answer.headers
    assert shop.messages(number) == []


def test_the_evidence_holds_the_address_that_the_front_door_saw(new_customer: Customers) -> None:
    claims = {"x-stamkunde-client-ip": FORGED, "x-forwarded-for": FORGED}
    customer = new_customer(extra_http_headers=claims)
    customer.joins("terms", "sms")
    customer.sees_the_card()
    members = customer.shop.shop.shop.members
    member = members.find_by_phone(customer.number, consistent=True)
    assert member is not None
    (record,) = members.consent_records(member.member_id)
    assert record.evidence.client_ip == "127.0.0.1"
    assert "Chrome" in (record.evidence.user_agent or "")


def test_cookies_go_to_nobody_else(new_customer: Customers) -> None:
    customer = new_customer()
    customer.joins("terms")
    customer.sees_the_card()
    cookies = customer.page.context.cookies()
    assert {cookie["name"].rpartition("-")[0] for cookie in cookies} >= {"__Host", "__Host-device"}
    for cookie in cookies:
        assert cookie["name"].startswith("__Host-")
        assert (cookie["secure"], cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, True, "Lax", "/")


def test_short_links_lead_to_the_pages(visitor: httpx.Client, shop: PublicShop) -> None:
    answer = visitor.get(f"/c/{shop.slug}", headers={"host": "k.test"})
    assert answer.status_code == 302
    assert answer.headers["location"] == shop.url("/m/{slug}")
