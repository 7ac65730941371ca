"""Joined at the till, then told: accepting by the link in the message, or having a mistyped number deleted."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.customer import NAME, Customer
from tests.browser.looks import look_at
from tests.browser_fixtures import Customers

EARNED = 300


@pytest.fixture
def joined_at_the_till(new_customer: Customers) -> Customer:
    """Somebody whom the cashier enrolled and who has bought for 100 kroner; they hold their phone."""
    return _join_at_the_till(new_customer("da"))


def test_accepting_by_the_link_releases_the_bonus(joined_at_the_till: Customer) -> None:
    customer = joined_at_the_till
    assert _balance(customer) == {"total": EARNED, "available": 0, "pending": EARNED, "reserved": 0}
    _open_the_link(customer)
    look_at(customer.page)
    customer.presses("accept.send")
    customer.sees("link.accepted.heading")
    look_at(customer.page)
    assert _balance(customer) == {"total": EARNED, "available": EARNED, "pending": 0, "reserved": 0}
    assert _state(customer) == "member"
    customer.shop.wait_for_message(customer.number, "welcome")


def test_looking_at_the_link_changes_nothing(joined_at_the_till: Customer) -> None:
    customer = joined_at_the_till
    for _ in range(3):
        _open_the_link(customer)
    assert _state(customer) == "open"
    assert customer.shop.messages(customer.number, "welcome") == []


def test_accepting_twice_releases_once_and_welcomes_once(joined_at_the_till: Customer) -> None:
    customer = joined_at_the_till
    _open_the_link(customer)
    customer.page.get_by_role("button", name=customer.says("accept.send"), exact=True).dblclick(no_wait_after=True)
    customer.sees("link.accepted.heading")
    _open_the_link(customer)
    customer.sees("link.accepted.heading")
    assert _balance(customer)["available"] == EARNED
    customer.shop.wait_for_message(customer.number, "welcome")
    assert len(customer.shop.messages(customer.number, "welcome")) == 1


def test_a_mistyped_number_is_deleted_in_one_tap(joined_at_the_till: Customer) -> None:
    customer = joined_at_the_till
    _open_the_link(customer)
    customer.presses("accept.delete")
    customer.sees("link.deleted.heading")
    look_at(customer.page)
    assert customer.shop.shop.till.look_up(customer.number).code == "unknown_member"


def test_whoever_has_accepted_cannot_be_deleted_by_the_link_any_more(joined_at_the_till: Customer) -> None:
    customer = joined_at_the_till
    _open_the_link(customer)
    other_tab = customer.page.context.new_page()
    other_tab.goto(customer.page.url)
    customer.presses("accept.send")
    customer.sees("link.accepted.heading")
    other_tab.get_by_role("button", name=customer.says("accept.delete"), exact=True).click()
    expect(other_tab.get_by_text(customer.says("link.deleted.heading"))).to_have_count(0)
    assert _state(customer) == "member"


def test_the_link_works_without_javascript(new_customer: Customers) -> None:
    customer = _join_at_the_till(new_customer("nb", java_script_enabled=False))
    _open_the_link(customer)
    customer.presses("accept.send")
    customer.sees("link.accepted.heading")


def test_joining_on_the_page_after_the_till_keeps_the_bonus(joined_at_the_till: Customer) -> None:
    customer = joined_at_the_till
    customer.joins("terms")
    customer.sees_the_card()
    assert _balance(customer) == {"total": EARNED, "available": EARNED, "pending": 0, "reserved": 0}


def _join_at_the_till(customer: Customer) -> Customer:
    till = customer.shop.shop.till
    joined = till.join(customer.number, accepts=False, first_name=NAME).body
    till.buy(joined["member_id"], 10_000)
    return customer


def _open_the_link(customer: Customer) -> None:
    message = customer.shop.wait_for_message(customer.number, "till_join")
    (link,) = message["links"]
    customer.page.goto(link)


def _balance(customer: Customer) -> dict[str, int]:
    balance: dict[str, int] = customer.shop.shop.till.look_up(customer.number).body["balance"]
    return balance


def _state(customer: Customer) -> str:
    return str(customer.shop.shop.till.look_up(customer.number).body["state"])
