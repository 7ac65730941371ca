"""The till API's page: read at a desk or on a phone, by anybody."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.looks import look_at
from tests.browser_fixtures import Contexts
from tests.local_stack import LocalStack


def test_the_apis_page_is_accessible_and_leads_from_a_route_to_its_refusals(
    new_context: Contexts, local_stack: LocalStack
) -> None:
    page = new_context(locale="en").new_page()
    page.goto(f"{local_stack.stack.pages_url}/docs")
    look_at(page)
    route = page.locator("#book_purchase")
    route.get_by_text("Example", exact=True).click()
    expect(route.locator("pre").first).to_contain_text("curl -X POST")
    look_at(page)
    route.get_by_role("link", name="receipt_too_old").click()
    expect(page.locator("#receipt_too_old")).to_be_in_viewport()
