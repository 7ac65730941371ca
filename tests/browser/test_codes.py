"""Codes that are guessed, used up, old: what somebody at a browser meets."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.customer import Customer
from tests.browser.looks import look_at
from tests.browser_fixtures import Customers

TRIES = 5


def test_wrong_codes_lead_to_the_lock_and_a_new_code_opens_it(customer: Customer) -> None:
    customer.asks_to_join("terms")
    code = customer.shop.wait_for_code(customer.number)
    for left in range(TRIES - 1, -1, -1):
        customer.types_the_code(_wrong(code))
        expect(customer.page.get_by_role("alert")).to_be_visible()
        if left:
            expect(customer.page.get_by_role("alert")).to_contain_text(str(left))
    expect(customer.page.get_by_role("button", name=customer.says("code.again"))).to_be_focused()
    look_at(customer.page)
    customer.types_the_code(code)
    expect(customer.page.get_by_role("alert")).to_be_visible()
    assert customer.shop.shop.till.look_up(customer.number).code == "unknown_member"

    customer.presses("code.again")
    customer.types_the_code(customer.shop.wait_for_code(customer.number, 2))
    customer.sees_the_card()


def test_going_back_from_the_card_after_a_mistyped_code_shows_a_page(customer: Customer) -> None:
    customer.asks_to_join("terms")
    code = customer.shop.wait_for_code(customer.number)
    customer.types_the_code(_wrong(code))
    expect(customer.page.get_by_role("alert")).to_be_visible()
    expect(customer.page.locator("[name=code]")).to_be_focused()
    expect(customer.page.locator("[name=code]")).to_have_value(_wrong(code))
    customer.types_the_code(code)
    customer.sees_the_card()
    customer.page.go_back()
    customer.sees("code.heading")
    expect(customer.page.get_by_role("alert")).to_have_count(0)
    customer.page.reload()
    customer.sees("code.heading")
    customer.page.go_forward()
    customer.sees_the_card()


def test_going_back_after_a_mistyped_number_shows_the_form(customer: Customer) -> None:
    number, customer.number = customer.number, "12"
    customer.opens("/{slug}/join")
    customer.fills_in_the_join_form("terms")
    customer.presses("join.send")
    expect(customer.page.locator("[name=phone]")).to_be_focused()
    expect(customer.page.locator("[name=terms]")).to_be_checked()
    customer.page.locator("[name=phone]").fill(number)
    customer.presses("join.send")
    customer.sees("code.heading")
    customer.page.go_back()
    expect(customer.page.locator("[name=phone]")).to_be_visible()


def test_a_code_is_for_the_browser_that_asked_for_it(new_customer: Customers) -> None:
    customer = new_customer()
    customer.asks_to_join("terms")
    code = customer.shop.wait_for_code(customer.number)
    other = new_customer(shop=customer.shop)
    other.asks_to_join("terms")
    other.shop.wait_for_code(other.number)
    other.types_the_code(code)
    expect(other.page.get_by_role("alert")).to_be_visible()


def test_too_many_codes_for_a_number_are_refused_with_a_time(customer: Customer) -> None:
    customer.asks_to_join("terms")
    for number in range(2, 6):
        customer.presses("code.again")
        customer.shop.wait_for_code(customer.number, number)
    customer.presses("code.again")
    expect(customer.page.get_by_role("alert")).to_be_visible()
    look_at(customer.page)
    assert len(customer.shop.messages(customer.number, "code")) == 5


def _wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06}"
