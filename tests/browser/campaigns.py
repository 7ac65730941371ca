"""A campaign as it reaches a customer at a browser: drafted, seen, pressed, begun and sent in a local stack."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from infra.local.home import Stack
from infra.local.loopback import client
from stamkunde.shared.channel import Channel
from tests.browser.customer import Customer
from tests.browser_fixtures import COUNTRIES, Customers
from tests.ledger_checks import rows_of
from tests.local_stack import wait_until
from tests.public_shop import PublicShop

A_WHILE = 200.0
BY = "Anna"
BAKED: dict[str, dict[str, str]] = {
    "da": {
        "sms": "Hej {Fornavn}! Hele weekenden får du to kanelsnegle for 30 kr. hos {Klub}. Se/stop sms: {Link}",
        "subject": "To kanelsnegle for 30 kr. hos {Klub}",
        "body": "Hej {Fornavn}\n\nHele weekenden får du to kanelsnegle for 30 kr.\n\nSe: {Link}\nAfmeld: {Stop}",
        "conditions": "Gælder lørdag og søndag, så længe der er flere.\nÉn gang for hvert medlem.",
    },
    "nb": {
        "sms": "Hei {Fornavn}! Hele helgen får du lappet et dekk for 99 kr. hos {Klub}. Se/stopp SMS: {Link}",
        "subject": "Lapping for 99 kr. hos {Klub}",
        "body": "Hei {Fornavn}\n\nHele helgen får du lappet et dekk for 99 kr.\n\nSe mer: {Link}\nAvmeld: {Stopp}",
        "conditions": "Gjelder lørdag og søndag.\nÉn gang for hvert medlem.",
    },
    "en": {
        "sms": "Hello {FirstName}! All weekend you get two rolls for 30 kr. at {Club}. See/stop texts: {Link}",
        "subject": "Two rolls for 30 kr. at {Club}",
        "body": "Hello {FirstName}\n\nAll weekend you get two rolls for 30 kr.\nSee: {Link}\nUnsubscribe: {Stop}",
        "conditions": "On Saturday and Sunday, as long as there are some.\nOnce for each member.",
    },
}


@dataclass
class Campaigns:
    """What a shop sends to all of its members, of whom one sits at a browser."""

    customer: Customer

    @classmethod
    def of_a_new_shop(cls, stack: Stack, new_customer: Customers, language: str = "da") -> Campaigns:
        """Those of a shop whose clock can be set."""
        with httpx.Client(base_url=stack.api_url, timeout=30) as door:
            shop = PublicShop.in_stack(stack, door, COUNTRIES[language], clock_offset_seconds=0)
            return cls(new_customer(language, shop))

    @property
    def email(self) -> str:
        """The customer's address."""
        return f"karoline.{self.customer.number[-6:]}@example.com"

    def reach(self) -> dict[Channel, str]:
        """Join, allow both channels, and be sent an e-mail, which a text message follows, and a text message at once.

        The link of each, by its channel. It is noon by the club's own clock, whenever the test runs.
        """
        customer = self.customer
        customer.joins("terms", "sms", "email_news", email=self.email)
        (confirm,) = customer.shop.wait_for_message(self.email, "confirm_email")["links"]
        customer.page.goto(confirm)
        customer.presses("confirm.send")
        customer.sees("link.confirmed.heading")
        noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) + timedelta(days=1)
        ahead = int((noon - datetime.now(UTC)).total_seconds())
        self._do("move_clock", clock_offset_seconds=ahead)
        self._do("rebuild_facts")
        pressed = [self._press(["sms"]), self._press(["email", "sms"], sms_after_hours=4)]
        # The undo minute is over; the job of the next minute begins them.
        self._do("move_clock", clock_offset_seconds=ahead + 70)
        stack = customer.shop.stack
        client("lambda", stack.aws_endpoint).invoke(FunctionName=stack.functions["campaign_job"], Payload=b"{}")
        wait_until(lambda: all(self._sent(campaign_id) for campaign_id in pressed), A_WHILE)
        return {Channel.SMS: self._link(customer.number), Channel.EMAIL: self._link(self.email)}

    def rows(self) -> list[dict[str, Any]]:
        """What is stored of the club's members and of what they were sent, which a look could have changed."""
        sent = [row for row in self._rows("messages") if row["pk"].startswith(("SENT#", "ADDR#"))]
        return [*self._rows("members"), *sent]

    def forget_lists(self) -> None:
        """Clear the lists of who was sent what away, as time does after 35 days."""
        stack = self.customer.shop.stack
        tables = client("dynamodb", stack.aws_endpoint)
        for row in self._rows("messages"):
            if row["sk"] == "LIST":
                key = {"pk": {"S": row["pk"]}, "sk": {"S": row["sk"]}}
                tables.delete_item(TableName=stack.tables["messages"], Key=key)

    def _rows(self, table: str) -> list[dict[str, Any]]:
        stack = self.customer.shop.stack
        found = rows_of(client("dynamodb", stack.aws_endpoint), stack.tables[table], [self._club_id])
        return sorted(found, key=lambda row: (row["pk"], row["sk"]))

    @property
    def _club_id(self) -> str:
        club_id: str = self.customer.shop.shop.till.club["club_id"]
        return club_id

    def _do(self, task: str, **given: Any) -> dict[str, Any]:
        return self.customer.shop.shop.operator.do(task, club_id=self._club_id, **given)

    def _press(self, channels: list[str], **given: Any) -> str:
        language = self.customer.language
        words = dict(BAKED[language])
        answers = {"conditions": words.pop("conditions"), "stock": "enough"}
        text = {"language": language} | words
        wish = {"name": words["subject"], "texts": [text], "channels": channels, "answers": answers} | given
        campaign_id: str = self._do("draft_campaign", campaign=wish, by=BY)["campaign_id"]
        seal = self._do("preview_campaign", campaign_id=campaign_id, by=BY)["seal"]
        self._do("schedule_campaign", campaign_id=campaign_id, seal=seal, by=BY)
        return campaign_id

    def _sent(self, campaign_id: str) -> bool:
        counts: dict[str, int] = self._do("show_campaign", campaign_id=campaign_id)["counts"]
        return counts["sent"] == 1

    def _link(self, recipient: str) -> str:
        """The link in the campaign's message, which is of no kind that is sent by itself."""
        links: list[str] = next(each for each in self.customer.shop.messages(recipient) if each["kind"] is None)[
            "links"
        ]
        return links[0]
