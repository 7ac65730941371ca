"""The member's page: opened by a code on a device once, and everything that can be done there."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.customer import NAME, Customer
from tests.browser.looks import look_at
from tests.browser_fixtures import Customers


@pytest.fixture
def member(customer: Customer) -> Customer:
    """A member whose card is open on their phone."""
    customer.joins("terms", "sms")
    customer.sees_the_card()
    return customer


def test_the_card_shows_what_the_till_reads_and_what_there_is_to_spend(member: Customer) -> None:
    till = member.shop.shop.till
    found = till.look_up(member.number).body
    till.buy(found["member_id"], 49_500)
    member.opens("/m/{slug}")
    expect(member.page.locator(".sum")).to_contain_text("14,85")
    number = re.sub(r"\D", "", member.page.locator("figure figcaption").inner_text())
    by_card = till.send("POST", "/v1/members/lookup", {"card": number})
    assert by_card.body["member_id"] == found["member_id"]
    pictures = member.page.locator("main svg, main img")
    assert pictures.count() == 2
    look_at(member.page)


def test_history_says_why_each_amount_was_earned(member: Customer) -> None:
    till = member.shop.shop.till
    till.buy(till.look_up(member.number).body["member_id"], 49_500)
    member.opens("/m/{slug}")
    member.page.get_by_role("link", name=member.says("card.history")).click()
    member.sees("history.heading")
    why = member.page.locator("summary").first
    expect(why).to_contain_text("14,85")
    why.click()
    expect(member.page.get_by_text(re.compile(r"3 % af 495,00"))).to_be_visible()
    look_at(member.page)


def test_permissions_are_taken_back_and_given_again(member: Customer) -> None:
    member.presses("permissions.stop.sms")
    expect(member.page.get_by_role("button", name=member.says("permissions.stop.sms"))).to_have_count(0)
    look_at(member.page)
    member.page.get_by_role("button", name=member.says("permissions.give")).first.click()
    expect(member.page.get_by_role("button", name=member.says("permissions.stop.sms"))).to_be_visible()


def test_an_address_that_waits_for_its_owner_is_shown_however_long_it_is(customer: Customer) -> None:
    address = f"{'m' * 64}@{'langt' * 12}.example.com"
    customer.joins("terms", "email_news", email=address)
    customer.sees_the_card()
    customer.sees("email.sent", address=address)
    look_at(customer.page)


def test_the_card_opens_on_another_device_by_a_code_and_can_be_closed_there(
    member: Customer, new_customer: Customers
) -> None:
    other = new_customer(shop=member.shop, number=member.number)
    other.opens_the_card()
    member.opens("/m/{slug}")
    member.presses("devices.remove_others")
    other.opens("/m/{slug}")
    other.sees("open.heading")
    expect(other.page.get_by_text(NAME)).to_have_count(0)
    member.opens("/m/{slug}")
    member.sees_the_card()


def test_signing_out_closes_the_card_here_and_nowhere_else(member: Customer, new_customer: Customers) -> None:
    other = new_customer(shop=member.shop, number=member.number)
    other.opens_the_card()
    other.presses("devices.sign_out")
    other.opens("/m/{slug}")
    other.sees("open.heading")
    member.opens("/m/{slug}")
    member.sees_the_card()


def test_nobody_learns_from_the_page_whether_a_number_is_a_member(member: Customer, new_customer: Customers) -> None:
    stranger = new_customer(shop=member.shop)
    stranger.opens("/m/{slug}")
    look_at(stranger.page)
    stranger.page.locator("[name=phone]").fill(stranger.number)
    stranger.presses("join.send")
    stranger.sees("code.heading")
    look_at(stranger.page)
    stranger.types_the_code("123456")
    expect(stranger.page.get_by_role("alert")).to_be_visible()
    assert stranger.shop.messages(stranger.number) == []


def test_the_card_opens_without_javascript(member: Customer, new_customer: Customers) -> None:
    other = new_customer(shop=member.shop, number=member.number, java_script_enabled=False)
    other.opens_the_card()
