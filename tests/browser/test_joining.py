"""Joining on a phone: the form, the code that lies in the inbox, the card."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from stamkunde.messaging.default_texts import default_texts
from stamkunde.messaging.model import MessageKind
from tests.browser.customer import NAME, Customer
from tests.browser.looks import look_at
from tests.browser_fixtures import Customers

LINK_NAME = "Klik www.example.com"


@pytest.mark.parametrize("language", ["da", "nb", "en"])
def test_somebody_joins_with_the_code_they_were_sent(new_customer: Customers, language: str) -> None:
    customer = new_customer(language)
    customer.opens("/{slug}/join")
    expect(customer.page.locator("html")).to_have_attribute("lang", language)
    assert customer.page.locator("input[type=checkbox]:checked").count() == 0
    assert customer.page.evaluate("document.documentElement.scrollHeight <= innerHeight"), "more than one screen"
    look_at(customer.page)

    customer.fills_in_the_join_form("terms", "sms")
    customer.presses("join.send")
    customer.sees("code.heading")
    look_at(customer.page)

    customer.types_the_code(customer.shop.wait_for_code(customer.number))
    customer.sees_the_card()
    customer.sees("card.greeting", name=NAME)
    expect(customer.page.locator("html")).to_have_attribute("lang", language)
    look_at(customer.page)

    welcome = customer.shop.wait_for_message(customer.number, "welcome")
    beginning = default_texts(language)[MessageKind.WELCOME].text.partition("{")[0]
    assert welcome["text"].startswith(beginning)
    assert welcome["links"] == [customer.shop.url("/m/{slug}")]


def test_the_code_in_the_message_is_bound_to_the_pages(customer: Customer) -> None:
    customer.asks_to_join("terms")
    message = customer.shop.wait_for_message(customer.number, "code")
    assert message["text"].endswith(f"\n@localhost #{message['code']}")
    assert (message["class"], message["parts"]) == ("critical", 1)


def test_whoever_wants_news_only_gets_no_card(customer: Customer) -> None:
    customer.asks_to_join("sms")
    customer.types_the_code(customer.shop.wait_for_code(customer.number))
    customer.sees("done.heading")
    look_at(customer.page)
    assert customer.shop.messages(customer.number, "welcome") == []
    answer = customer.shop.shop.till.look_up(customer.number)
    assert answer.code == "unknown_member"


def test_everything_that_is_wrong_is_said_at_once_beside_its_field_and_what_was_typed_stays(
    customer: Customer,
) -> None:
    customer.opens("/{slug}/join")
    customer.page.locator("[name=phone]").fill("12")
    customer.page.locator("[name=first_name]").fill(LINK_NAME)
    customer.page.locator("[name=email]").fill("nobody")
    customer.page.locator("[name=sms]").check()
    customer.presses("join.send")
    for name, typed in (("phone", "12"), ("first_name", LINK_NAME), ("email", "nobody")):
        field = customer.page.locator(f"[name={name}]")
        expect(field).to_have_value(typed)
        expect(field).to_have_attribute("aria-invalid", "true")
        fault = (field.get_attribute("aria-describedby") or "").split()[0]
        expect(customer.page.locator(f"#{fault}")).to_be_visible()
    expect(customer.page.locator("[name=sms]")).to_be_checked()
    expect(customer.page.get_by_role("alert")).to_be_visible()
    look_at(customer.page)
    assert customer.shop.messages(customer.number) == []


@pytest.mark.parametrize(
    ("name", "number"),
    [
        pytest.param("www.example.com", None, id="a link"),
        pytest.param("<b>Bo</b>", None, id="markup"),
        pytest.param("B" * 41, None, id="41 letters"),
        pytest.param("Bo 🎃", None, id="an emoji"),
        pytest.param(NAME, "+44 7400 123456", id="another country"),
        pytest.param(NAME, "+47 22 12 34 56", id="a landline"),
    ],
)
def test_what_no_member_can_be_called_or_rung_on_is_refused_in_words(
    new_customer: Customers, name: str, number: str | None
) -> None:
    customer = new_customer("nb")
    customer.number = number or customer.number
    customer.opens("/{slug}/join")
    customer.fills_in_the_join_form("terms", first_name=name)
    customer.presses("join.send")
    wrong = customer.page.locator("[aria-invalid=true]")
    expect(wrong).to_have_count(1)
    expect(wrong).to_have_attribute("name", "phone" if number else "first_name")
    assert customer.page.locator("main b").count() == 0


def test_somebody_joins_without_javascript(new_customer: Customers) -> None:
    customer = new_customer(java_script_enabled=False)
    customer.joins("terms", "sms")
    customer.sees_the_card()


def test_somebody_joins_by_keyboard_only(customer: Customer) -> None:
    keyboard = customer.page.keyboard
    customer.opens("/{slug}/join")
    for name, typed in (("phone", customer.number), ("first_name", NAME), ("email", "")):
        _tab_to(customer, f"[name={name}]")
        keyboard.type(typed)
    _tab_to(customer, "[name=terms]")
    keyboard.press("Space")
    expect(customer.page.locator("[name=terms]")).to_be_checked()
    keyboard.press("Enter")
    customer.sees("code.heading")
    expect(customer.page.locator("[name=code]")).to_be_focused()
    keyboard.type(customer.shop.wait_for_code(customer.number))
    keyboard.press("Enter")
    customer.sees_the_card()


def test_a_double_click_joins_once(customer: Customer) -> None:
    customer.asks_to_join("terms")
    customer.page.locator("[name=code]").fill(customer.shop.wait_for_code(customer.number))
    customer.page.get_by_role("button", name=customer.says("code.send"), exact=True).dblclick(no_wait_after=True)
    customer.sees_the_card()
    customer.shop.wait_for_message(customer.number, "welcome")
    assert len(customer.shop.messages(customer.number, "welcome")) == 1
    assert customer.shop.shop.till.look_up(customer.number).status == 200


def test_a_double_click_on_the_form_sends_codes_that_both_lead_on(customer: Customer) -> None:
    customer.opens("/{slug}/join")
    customer.fills_in_the_join_form("terms")
    customer.page.get_by_role("button", name=customer.says("join.send"), exact=True).dblclick(no_wait_after=True)
    customer.sees("code.heading")
    sent = len(customer.shop.messages(customer.number, "code"))
    customer.types_the_code(customer.shop.wait_for_code(customer.number, max(sent, 1)))
    customer.sees_the_card()


def test_going_back_and_sending_again_ends_on_the_card_too(customer: Customer) -> None:
    customer.asks_to_join("terms")
    code = customer.shop.wait_for_code(customer.number)
    customer.types_the_code(code)
    customer.sees_the_card()
    customer.page.go_back()
    customer.sees("code.heading")
    customer.types_the_code(code)
    customer.sees_the_card()
    customer.shop.wait_for_message(customer.number, "welcome")
    assert len(customer.shop.messages(customer.number, "welcome")) == 1


def test_going_back_to_the_form_shows_what_was_typed(customer: Customer) -> None:
    customer.asks_to_join("terms")
    customer.page.go_back()
    expect(customer.page.locator("[name=phone]")).to_have_value(customer.number)
    expect(customer.page.locator("[name=terms]")).to_be_checked()


def test_whoever_joins_again_is_shown_the_terms_again_and_told_nothing(new_customer: Customers) -> None:
    """A stranger who types a member's number sees the same pages as the member."""
    customer = new_customer()
    customer.joins("terms")
    customer.sees_the_card()
    stranger = new_customer(shop=customer.shop, number=customer.number)
    stranger.asks_to_join("terms", first_name="Ubuden")
    pages = re.sub(r'value="[^"]*"', "", stranger.page.content())
    nobody = new_customer(shop=customer.shop)
    nobody.asks_to_join("terms")
    other = re.sub(r'value="[^"]*"', "", nobody.page.content())
    shown = (stranger.number[3:], nobody.number[3:])
    assert _without(pages, shown[0]) == _without(other, shown[1])


def _without(page: str, number: str) -> str:
    return re.sub(r"\s*".join(number), "", page)


def _tab_to(customer: Customer, selector: str) -> None:
    """Press Tab until the field has the focus, as somebody without a mouse does."""
    wanted = customer.page.locator(selector)
    for _ in range(20):
        if wanted.evaluate("element => element === document.activeElement"):
            return
        customer.page.keyboard.press("Tab")
    raise AssertionError(f"no way by keyboard to {selector}")
