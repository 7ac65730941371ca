"""A new club in a running local stack with everything the public sees of it: pages, a till, an inbox."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import httpx

from infra.local.home import Stack
from tests.local_stack import wait_until
from tests.till_over_http import OpenShop

PAGES = {
    "DK": {
        "company": "Bager Holm ApS",
        "registration_number": "12345678",
        "contact": "hej@bagerholm.example",
        "goods": "brød, kager og kaffe",
        "accent": "#8a4b1f",
    },
    "NO": {
        "company": "Sykkelhuset AS",
        "registration_number": "987654321",
        "contact": "hei@sykkelhuset.example",
        "goods": "sykler, deler og klær",
        "accent": "#d94f1e",
    },
}
NAMES = {"DK": "Bager Holm", "NO": "Sykkelhuset"}
# A wake-up that is lost is made good after two to three minutes.
MESSAGE_SECONDS = 200


@dataclass
class PublicShop:
    """A club of a test's own, so that no test uses up another's limits."""

    stack: Stack
    shop: OpenShop

    @classmethod
    def in_stack(cls, stack: Stack, door: httpx.Client, country: str = "DK", **given: Any) -> PublicShop:
        """A new one; `door` is a client of the stack's front door."""
        shop = OpenShop.in_stack(stack, door, name=NAMES[country], country=country, **given)
        shop.operator.do("publish_join_page", club_id=shop.till.club["club_id"], **PAGES[country])
        return cls(stack, shop)

    @property
    def slug(self) -> str:
        """Its name in addresses."""
        slug: str = self.shop.till.club["slug"]
        return slug

    @property
    def name(self) -> str:
        """Its name as customers say it."""
        return self.shop.shop.club.name

    @property
    def language(self) -> str:
        """Its own language."""
        return self.shop.shop.club.language

    @property
    def country(self) -> str:
        """Where it is."""
        return self.shop.shop.club.country

    def url(self, path: str) -> str:
        """An address of the pages; ``{slug}`` in it is the club's."""
        return self.stack.pages_url + path.replace("{slug}", self.slug)

    def new_number(self) -> str:
        """A mobile number of the club's country that nobody has."""
        prefix, first = {"DK": ("+45", "27"), "NO": ("+47", "90")}[self.country]
        return f"{prefix}{first}{random.randrange(10**5, 10**6)}"  # +45 200… is nobody's

    def messages(self, recipient: str, kind: str | None = None) -> list[dict[str, Any]]:
        """What somebody was sent, newest first."""
        answer = httpx.get(f"{self.stack.inbox_url}.json", params={"to": recipient}, timeout=MESSAGE_SECONDS)
        found: list[dict[str, Any]] = answer.raise_for_status().json()["messages"]
        return [message for message in found if kind in (None, message["kind"]) and message["state"] == "sent"]

    def wait_for_message(self, recipient: str, kind: str, number: int = 1) -> dict[str, Any]:
        """The newest message of a kind to somebody, once so many have arrived."""
        wait_until(lambda: len(self.messages(recipient, kind)) >= number, MESSAGE_SECONDS)
        return self.messages(recipient, kind)[0]

    def wait_for_code(self, recipient: str, number: int = 1) -> str:
        """The newest code that somebody was sent, once so many have arrived."""
        code: str = self.wait_for_message(recipient, "code", number)["code"]
        return code
