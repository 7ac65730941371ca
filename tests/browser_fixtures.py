"""A real Chromium of a phone's size, and clubs for it to visit."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.local_stack import LocalStack
from tests.public_shop import PublicShop

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ViewportSize

    from tests.browser.customer import Customer

PHONE: ViewportSize = {"width": 390, "height": 844}
COUNTRIES = {"da": "DK", "nb": "NO", "en": "DK"}

type Contexts = Callable[..., BrowserContext]
type Customers = Callable[..., Customer]
type Shops = Callable[[str], PublicShop]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser."""
    # Here, not above: every suite loads these fixtures, and few want a browser.
    from playwright.sync_api import sync_playwright

    from tests.browser.chromium import find_chromium

    found = find_chromium()
    with sync_playwright() as playwright:
        environment: dict[str, str | float | bool] = {**os.environ, **found.environment}
        browser = playwright.chromium.launch(executable_path=found.program, env=environment)
        yield browser
        browser.close()


@pytest.fixture
def new_context(chromium: Browser) -> Iterator[Contexts]:
    """Makes browsers that know nobody, each a phone's; whatever a page complains of in its console fails the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def make(**options: Any) -> BrowserContext:
        # Less motion: colours that are still on their way from day to night would be measured half-way.
        phone = {"viewport": PHONE, "device_scale_factor": 2, "is_mobile": True, "has_touch": True}
        context = chromium.new_context(**phone, reduced_motion="reduce", **options)  # type: ignore[arg-type]
        context.set_default_timeout(15_000)
        context.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        contexts.append(context)
        return context

    yield make
    for context in contexts:
        context.close()
    # A page that refuses a form says so by its status, which the browser notes too.
    assert [said for said in complaints if "status of 4" not in said] == []


@pytest.fixture
def new_shop(local_stack: LocalStack) -> Iterator[Shops]:
    """Makes clubs by country."""
    with httpx.Client(base_url=local_stack.stack.api_url, timeout=30) as door:
        yield lambda country: PublicShop.in_stack(local_stack.stack, door, country)


@pytest.fixture
def new_customer(new_context: Contexts, new_shop: Shops) -> Customers:
    """Makes customers with a phone of their own, at a new club unless one is given."""
    from tests.browser.customer import Customer

    def make(language: str = "da", shop: PublicShop | None = None, number: str = "", **options: Any) -> Customer:
        shop = shop or new_shop(COUNTRIES[language])
        page = new_context(locale=language, **options).new_page()
        return Customer(page, shop, number or shop.new_number(), language)

    return make


@pytest.fixture
def customer(new_customer: Customers) -> Customer:
    """Somebody at a new Danish club."""
    return new_customer()
