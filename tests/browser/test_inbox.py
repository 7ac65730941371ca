"""The local inbox: what newcomers and tests read instead of a phone."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect

from infra.local.inbox import clock_text, inbox_texts
from stamkunde.messaging.model import DeliveryState, MessageClass, MessageKind
from stamkunde.shared.channel import Channel
from stamkunde.shared.item import to_wire
from tests.browser.customer import Customer
from tests.browser.looks import look_at
from tests.browser_fixtures import Contexts
from tests.local_stack import LocalStack

LANGUAGES = ("da", "nb", "en")


@pytest.fixture
def inbox(new_context: Contexts) -> Page:
    """Somebody at the machine, who looks at the inbox."""
    return new_context(locale="da").new_page()


def test_a_code_is_read_and_a_link_followed(customer: Customer, inbox: Page) -> None:
    customer.joins("terms", email="karoline@privat.example")
    customer.sees_the_card()
    customer.shop.wait_for_message(customer.number, "welcome")
    inbox.goto(f"{customer.shop.stack.inbox_url}?to={customer.number}")
    newest, oldest = inbox.locator("article").all()
    expect(oldest).to_contain_text(customer.shop.messages(customer.number, "code")[0]["code"])
    expect(oldest).to_contain_text("kritisk, 1 del")
    expect(newest).to_contain_text("service, 1 del")
    expect(newest).to_contain_text("Du er blevet medlem.")
    newest.get_by_role("link", name="k.test/c/").click()
    inbox.wait_for_url(customer.shop.url("/m/{slug}"))


def test_an_email_shows_its_sender_subject_and_link(customer: Customer, inbox: Page) -> None:
    email = f"{customer.shop.slug}@privat.example"
    customer.joins("terms", email=email)
    customer.shop.wait_for_message(email, "confirm_email")
    inbox.goto(f"{customer.shop.stack.inbox_url}?to={email}")
    (shown,) = inbox.locator("article").all()
    expect(shown).to_contain_text(f"{customer.shop.slug}@stamkunde.test")
    expect(shown).to_contain_text("Bekræft din e-mail")
    shown.get_by_role("link", name="https://k.test/").click()
    expect(inbox.get_by_role("button", name="Bekræft", exact=True)).to_be_visible()


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_can_be_read_by_everybody_in_their_language(customer: Customer, inbox: Page, language: str) -> None:
    customer.asks_to_join("terms")
    customer.shop.wait_for_code(customer.number)
    inbox.goto(f"{customer.shop.stack.inbox_url}?lang={language}")
    expect(inbox.locator("html")).to_have_attribute("lang", language)
    expect(inbox.get_by_role("heading", level=1)).to_have_text(inbox_texts(language)["title"])
    look_at(inbox)


def test_what_nobody_knows_is_said_to_be_unknown(local_stack: LocalStack, customer: Customer, inbox: Page) -> None:
    row = {
        "pk": f"D#{customer.shop.shop.till.club['club_id']}#xnobodyknows",
        "sk": "DELIVERY",
        "v": 1,
        "kind": "welcome",
        "class": "service",
        "channel": "sms",
        "outcome": "unknown",
        "reason": "worker_lost",
        "provider_id": None,
        "parts": 1,
        "encoding": "gsm7",
        "due_at": "2026-11-22T12:00:00.000Z",
        "recorded_at": "2126-11-22T12:00:00.000Z",
    }
    table = local_stack.stack.tables["messages"]
    local_stack.client("dynamodb").put_item(TableName=table, Item=to_wire(row))
    inbox.goto(customer.shop.stack.inbox_url)
    key = {name: row[name] for name in ("pk", "sk")}
    local_stack.client("dynamodb").delete_item(TableName=table, Key=to_wire(key))
    shown = inbox.locator("article[data-state=unknown]").first
    expect(shown).to_contain_text("uvist, om den kom frem (worker_lost)")
    expect(shown).to_contain_text("Vi gemmer ikke, hvem den var til")


def test_it_refuses_every_script_and_every_frame(customer: Customer, inbox: Page) -> None:
    answer = inbox.goto(customer.shop.stack.inbox_url)
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["cache-control"] == "no-store"


def test_times_are_this_machines_and_say_of_which_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    noon = datetime(2026, 11, 22, 12, tzinfo=UTC)
    for zone, shown in (("Europe/Copenhagen", "2026-11-22 13:00:00 CET"), ("UTC", "2026-11-22 12:00:00 UTC")):
        with monkeypatch.context() as elsewhere:
            elsewhere.setenv("TZ", zone)
            time.tzset()
            assert clock_text(noon) == shown
    time.tzset()


def test_every_text_exists_in_all_three_languages() -> None:
    keys = {language: set(inbox_texts(language)) for language in LANGUAGES}
    assert keys["da"] == keys["nb"] == keys["en"]
    assert {f"state.{state}" for state in DeliveryState} <= keys["da"]
    assert {f"class.{each}" for each in MessageClass} <= keys["da"]
    assert {f"kind.{kind}" for kind in MessageKind} <= keys["da"]
    assert set(Channel) <= keys["da"]
    assert all(text.strip() for language in LANGUAGES for text in inbox_texts(language).values())
    assert json.dumps(inbox_texts("da")) != json.dumps(inbox_texts("nb"))
