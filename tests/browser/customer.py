"""A customer with a phone in the hand: what they see and press, in the page's own words."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import Page, expect

from stamkunde.web.texts import page_text
from tests.public_shop import PublicShop

NAME = "Karoline"


@dataclass
class Customer:
    """Somebody at one browser."""

    page: Page
    shop: PublicShop
    number: str
    language: str

    def says(self, key: str, **values: str) -> str:
        """A text of the pages in the customer's language."""
        return page_text(self.language, key, **values)

    def opens(self, path: str) -> None:
        """Open an address of the club's."""
        language = "" if self.language == self.shop.language else f"?lang={self.language}"
        self.page.goto(self.shop.url(path) + language)

    def presses(self, key: str, **values: str) -> None:
        """Press the button of that text."""
        self.page.get_by_role("button", name=self.says(key, **values), exact=True).click()

    def sees(self, key: str, **values: str) -> None:
        """See a text of the pages."""
        expect(self.page.get_by_text(self.says(key, **values)).first).to_be_visible()

    def fills_in_the_join_form(self, *boxes: str, first_name: str = NAME, email: str = "") -> None:
        """Type who they are and tick boxes: ``terms``, ``sms``, ``email_news``."""
        self.page.locator("[name=phone]").fill(self.number)
        self.page.locator("[name=first_name]").fill(first_name)
        self.page.locator("[name=email]").fill(email)
        for box in boxes:
            self.page.locator(f"[name={box}]").check()

    def asks_to_join(self, *boxes: str, first_name: str = NAME, email: str = "") -> None:
        """Send the join form."""
        self.opens("/{slug}/join")
        self.fills_in_the_join_form(*boxes, first_name=first_name, email=email)
        self.presses("join.send")
        self.sees("code.heading")

    def types_the_code(self, code: str) -> None:
        """Type a code and send it."""
        self.page.locator("[name=code]").fill(code)
        self.presses("code.send")

    def joins(self, *boxes: str, first_name: str = NAME, email: str = "") -> None:
        """Join with the code that the phone gets."""
        sent = len(self.shop.messages(self.number, "code"))
        self.asks_to_join(*boxes, first_name=first_name, email=email)
        self.types_the_code(self.shop.wait_for_code(self.number, sent + 1))

    def opens_the_card(self) -> None:
        """Open the card on this phone with the code that it gets."""
        sent = len(self.shop.messages(self.number, "code"))
        self.opens("/m/{slug}")
        self.page.locator("[name=phone]").fill(self.number)
        self.presses("join.send")
        self.types_the_code(self.shop.wait_for_code(self.number, sent + 1))
        self.sees_the_card()

    def sees_the_card(self) -> None:
        """See that the card is open."""
        self.page.wait_for_url(self.shop.url("/m/{slug}*"))
        expect(self.page.locator("figure figcaption")).to_be_visible()
