"""Links get forwarded: whoever opens one from a message in a browser of their own learns nothing of the person."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page

from stamkunde.messaging.default_texts import default_texts
from stamkunde.messaging.model import FIELD_NAMES, Field, MessageKind
from tests.browser.customer import Customer
from tests.browser.looks import look_at
from tests.browser_fixtures import Contexts, Customers

NAME = "Karoline"
EMAIL = "karoline@privat.example"
SPENT = 49_500
BALANCE = "14,85"


@dataclass(frozen=True)
class Forwarded:
    """A link from a real message, and what is known of the person it was sent to."""

    link: str
    customer: Customer
    card_number: str | None = None

    def told_by(self, page: Page) -> list[str]:
        """What a page tells of the person, in its markup too."""
        told = {
            "name": NAME,
            "number": _spaced(self.customer.number.removeprefix("+")[2:]),
            "e-mail": re.escape(EMAIL),
            "balance": re.escape(BALANCE),
            "card": _spaced(self.card_number) if self.card_number else None,
        }
        return [kind for kind, pattern in told.items() if pattern and re.search(pattern, page.content())]


def _welcome(customer: Customer) -> Forwarded:
    customer.joins("terms", "sms", email=EMAIL)
    customer.sees_the_card()
    _buy(customer)
    customer.opens("/m/{slug}")
    number = re.sub(r"\D", "", customer.page.locator("figure figcaption").inner_text())
    (link,) = customer.shop.wait_for_message(customer.number, "welcome")["links"]
    return Forwarded(link, customer, number)


def _confirm_email(customer: Customer) -> Forwarded:
    forwarded = _welcome(customer)
    (link,) = customer.shop.wait_for_message(EMAIL, "confirm_email")["links"]
    return Forwarded(link, customer, forwarded.card_number)


def _till_join(customer: Customer) -> Forwarded:
    customer.shop.shop.till.join(customer.number, accepts=False, first_name=NAME)
    _buy(customer)
    (link,) = customer.shop.wait_for_message(customer.number, "till_join")["links"]
    return Forwarded(link, customer)


def _erasure_requested(customer: Customer) -> Forwarded:
    customer.joins("terms")
    customer.sees_the_card()
    return _asks_to_be_deleted(customer, MessageKind.ERASURE_REQUESTED)


def _erasure_requested_bonus(customer: Customer) -> Forwarded:
    card_number = _welcome(customer).card_number
    forwarded = _asks_to_be_deleted(customer, MessageKind.ERASURE_REQUESTED_BONUS)
    return Forwarded(forwarded.link, customer, card_number)


def _erasure_requested_news(customer: Customer) -> Forwarded:
    customer.joins("sms")
    customer.sees("done.heading")
    return _asks_to_be_deleted(customer, MessageKind.ERASURE_REQUESTED_NEWS)


def _erasure_undone(customer: Customer) -> Forwarded:
    card_number = _erasure_requested_bonus(customer).card_number
    customer.opens("/m/{slug}")
    customer.presses("erase.keep")
    (link,) = customer.shop.wait_for_message(customer.number, MessageKind.ERASURE_UNDONE)["links"]
    return Forwarded(link, customer, card_number)


def _asks_to_be_deleted(customer: Customer, kind: MessageKind) -> Forwarded:
    customer.opens("/m/{slug}/delete")
    customer.presses("erase.send")
    (link,) = customer.shop.wait_for_message(customer.number, kind)["links"]
    return Forwarded(link, customer)


SENT_BY: dict[MessageKind, Callable[[Customer], Forwarded]] = {
    MessageKind.WELCOME: _welcome,
    MessageKind.CONFIRM_EMAIL: _confirm_email,
    MessageKind.TILL_JOIN: _till_join,
    MessageKind.ERASURE_REQUESTED: _erasure_requested,
    MessageKind.ERASURE_REQUESTED_BONUS: _erasure_requested_bonus,
    MessageKind.ERASURE_REQUESTED_NEWS: _erasure_requested_news,
    MessageKind.ERASURE_UNDONE: _erasure_undone,
}

REMINDERS = {kind for kind in MessageKind if kind.startswith("terms_week")} | {MessageKind.IMPORT_TERMS}
"""Their link is of the same act as that of `till_join`, and opens the same page."""

LADDER = {kind for kind in MessageKind if kind.startswith(("ladder_", "last_notice"))}
"""Nobody stays away for years in a browser: tests of the link's page read what theirs show."""


@pytest.mark.parametrize("language", ["da", "nb"])
@pytest.mark.parametrize("kind", SENT_BY, ids=str)
def test_a_forwarded_link_shows_nothing_of_the_person(
    new_customer: Customers, new_context: Contexts, kind: MessageKind, language: str
) -> None:
    forwarded = SENT_BY[kind](new_customer(language))
    page = new_context(locale=language).new_page()
    page.goto(forwarded.link)
    assert forwarded.told_by(page) == []
    look_at(page)
    if kind is not MessageKind.WELCOME:
        page.locator("main form button").first.click()
        page.wait_for_load_state()
        assert forwarded.told_by(page) == []


@pytest.mark.parametrize("language", ["da", "nb", "en"])
def test_every_default_text_with_a_link_is_forwarded(language: str) -> None:
    place = f"{{{FIELD_NAMES[language][Field.LINK]}}}"
    found = {kind for kind, written in default_texts(language).items() if place in written.text}
    # The terms that `terms_changed` leads to are the same for everybody.
    assert found - REMINDERS - LADDER - {MessageKind.TERMS_CHANGED} == SENT_BY.keys()


def test_the_search_would_find_the_person(new_customer: Customers) -> None:
    """On the member's own device all of it is there."""
    forwarded = _welcome(new_customer())
    assert set(forwarded.told_by(forwarded.customer.page)) >= {"name", "balance", "card"}
    forwarded.customer.page.set_content(f"<p>{forwarded.customer.number} {EMAIL}</p>")
    assert forwarded.told_by(forwarded.customer.page) == ["number", "e-mail"]


def _buy(customer: Customer) -> None:
    till = customer.shop.shop.till
    till.buy(till.look_up(customer.number).body["member_id"], SPENT)


def _spaced(digits: str) -> str:
    return r"[\s ]?".join(digits)
