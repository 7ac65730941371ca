"""What customers see, from joining to the card and of a campaign, in the pictures that the documentation shows.

`make pictures` keeps them; otherwise this only walks the way that they show.
"""

from __future__ import annotations

import os
from pathlib import Path

from playwright.sync_api import Page

from infra.local.home import ROOT
from stamkunde.shared.channel import Channel
from tests.browser.campaigns import Campaigns
from tests.browser_fixtures import Contexts, Customers
from tests.local_stack import LocalStack

KEPT_IN = os.environ.get("STAMKUNDE_PICTURES")


def test_the_way_from_the_form_to_the_card_by_day_and_night(new_customer: Customers, tmp_path: Path) -> None:
    folder = ROOT / KEPT_IN if KEPT_IN else tmp_path
    customer = new_customer()
    customer.opens("/{slug}/join")
    customer.fills_in_the_join_form("terms", "sms")
    _take(customer.page, folder / "join.png")
    customer.page.emulate_media(color_scheme="dark")
    _take(customer.page, folder / "join-dark.png")
    customer.page.emulate_media(color_scheme="light")
    customer.presses("join.send")
    customer.sees("code.heading")
    code = customer.shop.wait_for_code(customer.number)
    customer.page.locator("[name=code]").fill(code)
    _take(customer.page, folder / "code.png")
    customer.types_the_code(code)
    customer.sees_the_card()
    till = customer.shop.shop.till
    till.buy(till.look_up(customer.number).body["member_id"], 49_500)
    customer.opens("/m/{slug}")
    _take(customer.page, folder / "card.png")
    customer.shop.wait_for_message(customer.number, "welcome")
    customer.page.goto(f"{customer.shop.stack.inbox_url}?to={customer.number}")
    _take(customer.page, folder / "inbox.png")
    assert {path.name for path in folder.iterdir()} >= {
        "join.png",
        "join-dark.png",
        "code.png",
        "card.png",
        "inbox.png",
    }


def test_the_page_that_a_campaigns_link_opens(
    local_stack: LocalStack, new_customer: Customers, new_context: Contexts, tmp_path: Path
) -> None:
    folder = ROOT / KEPT_IN if KEPT_IN else tmp_path
    links = Campaigns.of_a_new_shop(local_stack.stack, new_customer).reach()
    page = new_context(locale="da").new_page()
    page.goto(links[Channel.SMS])
    _take(page, folder / "offer.png")
    assert (folder / "offer.png").stat().st_size


def _take(page: Page, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    page.evaluate("document.activeElement.blur()")
    page.screenshot(path=file, full_page=True, caret="hide")
