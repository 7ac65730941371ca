"""The pages behind a campaign's links, on a phone: an offer read at a glance, and a stop that one press does."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, expect

from infra.local.inbox import inbox_texts
from stamkunde.shared.channel import Channel
from stamkunde.web.texts import page_text
from tests.browser.campaigns import BAKED, Campaigns
from tests.browser.customer import NAME
from tests.browser.looks import look_at
from tests.browser_fixtures import Contexts, Customers
from tests.local_stack import LocalStack

LANGUAGES = ("da", "nb", "en")


@dataclass
class Reader:
    """Whoever has a campaign's link, in a browser that knows nobody."""

    page: Page
    campaigns: Campaigns

    def opens(self, address: str) -> None:
        """Open it, and see what must be true of each of these pages."""
        self.page.goto(address)
        self.looks()

    def looks(self) -> None:
        """All of it at a glance, by day and night, and nothing of the person: links are forwarded."""
        look_at(self.page)
        assert self.page.evaluate("document.documentElement.scrollHeight <= window.innerHeight"), self.page.url
        customer = self.campaigns.customer
        number = r"\s?".join(customer.number.removeprefix("+")[2:])
        persons = (NAME, re.escape(self.campaigns.email), number)
        assert [each for each in persons if re.search(each, self.page.content())] == []

    def reads(self, key: str, **values: str) -> None:
        """Read a text of the pages."""
        text = page_text(self.campaigns.customer.language, key, **values)
        expect(self.page.get_by_text(text, exact=True).first).to_be_visible()

    def presses(self, key: str) -> None:
        """Press the button of that text, and look at what comes of it."""
        text = page_text(self.campaigns.customer.language, key)
        self.page.get_by_role("button", name=text, exact=True).click()
        self.page.wait_for_load_state()


type Readers = Callable[[str], tuple[Reader, dict[Channel, str]]]


@pytest.fixture
def new_reader(local_stack: LocalStack, new_customer: Customers, new_context: Contexts) -> Readers:
    """Makes readers of a language, and the links of the text message and of the e-mail that they have."""

    def make(language: str) -> tuple[Reader, dict[Channel, str]]:
        campaigns = Campaigns.of_a_new_shop(local_stack.stack, new_customer, language)
        links = campaigns.reach()
        return Reader(new_context(locale=language).new_page(), campaigns), links

    return make


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_offer_is_read_at_a_glance_and_one_press_stops(new_reader: Readers, language: str) -> None:
    reader, links = new_reader(language)
    by_mail, unsubscribe = links[Channel.EMAIL], links[Channel.EMAIL].replace("/l/", "/u/")
    before = reader.campaigns.rows()
    for address in (links[Channel.SMS], by_mail, unsubscribe):
        reader.opens(address)
    assert reader.campaigns.rows() == before, "a look has changed something"

    reader.opens(by_mail)
    reader.presses("offer.seen")
    reader.reads("offer.seen_noted")
    reader.looks()

    reader.opens(links[Channel.SMS])
    offer = reader.page.locator(".prose")
    for line in BAKED[language]["conditions"].splitlines():
        expect(offer.get_by_text(line, exact=True)).to_be_visible()
    reader.presses("offer.send.sms")
    reader.reads("offer.has_stopped.sms", club=reader.campaigns.customer.shop.name)
    expect(reader.page.locator("main form")).to_have_count(0)
    reader.looks()

    reader.opens(unsubscribe)
    reader.presses("offer.send.email")
    reader.reads("link.unsubscribed.heading")
    reader.looks()


def test_the_inbox_says_that_it_was_a_campaign(new_reader: Readers) -> None:
    reader, _ = new_reader("da")
    customer, texts = reader.campaigns.customer, inbox_texts("da")
    for recipient in (customer.number, reader.campaigns.email):
        reader.page.goto(f"{customer.shop.stack.inbox_url}?to={recipient}&lang=da")
        newest = reader.page.locator("article").first
        expect(newest).to_contain_text(f"{texts['campaign']}, {texts['class.marketing']}")
        expect(newest).to_contain_text(texts["why.campaign"])
        look_at(reader.page)


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_old_message_asks_for_the_number_and_says_what_is_wrong_with_it(
    new_reader: Readers, language: str
) -> None:
    reader, links = new_reader(language)
    reader.campaigns.forget_lists()
    customer = reader.campaigns.customer
    # Whose language it was in, nobody knows any more either.
    reader.opens(f"{links[Channel.SMS]}?lang={language}")
    reader.reads("offer.old")
    reader.page.locator("[name=phone]").fill("12")
    reader.presses("offer.send.sms")
    expect(reader.page.locator("#phone-fault")).to_be_visible()
    reader.looks()
    reader.page.locator("[name=phone]").fill(customer.number)
    reader.presses("offer.send.sms")
    reader.reads("link.number_stopped.heading")
    reader.looks()
    assert customer.shop.wait_for_message(customer.number, "stopped")
