"""Everything that members do with what is theirs, on a phone, in each language, with and without JavaScript."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from stamkunde.web.texts import phone_text
from tests.browser.customer import NAME, Customer
from tests.browser.looks import look_at
from tests.browser_fixtures import Customers

SPENT = 49_500

type Look = Callable[[Customer], None]


@pytest.fixture(params=["da", "nb", "en"])
def language(request: pytest.FixtureRequest) -> str:
    """Each of the three."""
    chosen: str = request.param
    return chosen


@pytest.fixture(params=[True, False], ids=["with scripts", "without scripts"])
def scripts(request: pytest.FixtureRequest) -> bool:
    """Whether the browser runs scripts at all."""
    chosen: bool = request.param
    return chosen


@pytest.fixture
def member(new_customer: Customers, language: str, scripts: bool) -> Customer:
    """A member who has bought something, and whose card is open on their phone."""
    customer = new_customer(language, java_script_enabled=scripts)
    customer.joins("terms", "sms")
    customer.sees_the_card()
    till = customer.shop.shop.till
    till.buy(till.look_up(customer.number).body["member_id"], SPENT)
    return customer


@pytest.fixture
def look(scripts: bool) -> Look:
    """Look at the page; what looks needs scripts itself, and the page is the same without."""
    return lambda customer: look_at(customer.page) if scripts else None


def follows(member: Customer, key: str) -> None:
    """Follow the link of that text."""
    member.page.get_by_role("link", name=member.says(key), exact=True).first.click()


def test_details_are_corrected_and_the_pages_speak_the_chosen_language(
    member: Customer, look: Look, language: str
) -> None:
    member.opens("/m/{slug}")
    follows(member, "own.correct")
    look(member)
    member.page.locator("[name=first_name]").fill("www.tilbud.dk")
    member.page.locator("[name=email]").fill("ikke en adresse")
    member.presses("own.save")
    expect(member.page.locator("[name=email]")).to_have_value("ikke en adresse")
    expect(member.page.locator("#email-fault")).to_be_visible()
    look(member)
    member.page.locator("[name=first_name]").fill("Mathilde")
    member.page.locator("[name=email]").fill("mathilde@example.com")
    other = "da" if language == "en" else "en"
    member.page.locator("[name=language]").select_option(other)
    member.presses("own.save")
    member.language = other
    member.sees("own.saved")
    member.sees("email.sent", address="mathilde@example.com")
    look(member)
    member.presses("own.email_again")
    assert member.shop.wait_for_message("mathilde@example.com", "confirm_email", 2)
    follows(member, "own.back")
    expect(member.page.get_by_role("heading", name=member.says("card.greeting", name="Mathilde"))).to_be_visible()


def test_a_new_number_is_proved_on_both_ends(member: Customer, look: Look) -> None:
    new = member.shop.new_number()
    sent = len(member.shop.messages(member.number, "code"))
    member.opens("/m/{slug}")
    follows(member, "own.correct")
    member.page.get_by_role("button", name=member.says("number.change")).click()
    look(member)
    member.page.locator("[name=phone]").fill("33")
    member.presses("number.send")
    expect(member.page.locator("#phone-fault")).to_be_visible()
    member.page.locator("[name=phone]").fill(new)
    member.presses("number.send")
    member.sees("number.codes_heading")
    look(member)
    member.page.locator("[name=old_code]").fill(member.shop.wait_for_code(member.number, sent + 1))
    member.page.locator("[name=new_code]").fill("000000")
    member.presses("number.confirm")
    expect(member.page.locator("#new_code-fault")).to_be_visible()
    look(member)
    member.presses("number.again")
    member.page.locator("[name=old_code]").fill(member.shop.wait_for_code(member.number, sent + 2))
    member.page.locator("[name=new_code]").fill(member.shop.wait_for_code(new, 2))
    member.presses("number.confirm")
    expect(member.page.get_by_text(phone_text(new)).first).to_be_visible()
    assert member.shop.wait_for_message(member.number, "number_changed")
    assert member.shop.shop.till.look_up(new).status == 200
    assert member.shop.shop.till.look_up(member.number).status == 404


def test_everything_that_is_kept_is_read_and_taken_along(member: Customer, look: Look, tmp_path: Path) -> None:
    member.opens("/m/{slug}")
    follows(member, "own.see_all")
    for told in (NAME, phone_text(member.number), member.says("method.join_page")):
        expect(member.page.get_by_text(told).first).to_be_visible()
    expect(member.page.locator("#purchases .amount")).to_have_text(re.compile(r"14[.,]85"))
    member.page.locator("#purchases summary").first.click()
    look(member)
    with member.page.expect_download() as download:
        member.presses("data.download")
    file = tmp_path / "own.json"
    download.value.save_as(file)
    assert download.value.suggested_filename == f"{member.shop.slug}.json"
    written = json.loads(file.read_text())
    assert written["profile"]["phone"] == member.number
    assert written["bonus"]["balance"]["available"] == 1485


def test_being_deleted_is_asked_for_and_undone_on_the_card(member: Customer, look: Look) -> None:
    member.opens("/m/{slug}")
    follows(member, "own.delete")
    expect(member.page.get_by_text(re.compile(r"14[.,]85")).first).to_be_visible()
    look(member)
    member.presses("erase.send")
    expect(member.page.locator("#erasure")).to_contain_text(member.says("erase.by.member"))
    look(member)
    assert member.shop.wait_for_message(member.number, "erasure_requested_bonus")
    member.presses("erase.keep")
    expect(member.page.locator("#erasure")).to_have_count(0)
    assert member.shop.wait_for_message(member.number, "erasure_undone")


def test_being_deleted_is_undone_by_the_link_in_the_message(member: Customer, look: Look) -> None:
    member.opens("/m/{slug}/delete")
    member.presses("erase.send")
    (link,) = member.shop.wait_for_message(member.number, "erasure_requested_bonus")["links"]
    member.page.goto(link)
    member.sees("keep.heading")
    look(member)
    member.presses("keep.send")
    member.sees("link.kept.heading")
    member.opens("/m/{slug}")
    expect(member.page.locator("#erasure")).to_have_count(0)


def test_one_tap_takes_everything_back(new_customer: Customers, language: str) -> None:
    customer = new_customer(language)
    customer.joins("terms", "sms", "email_news", email="mette@example.com")
    customer.sees_the_card()
    customer.presses("permissions.stop_all")
    for kind in ("sms", "email"):
        stop = customer.page.get_by_role("button", name=customer.says(f"permissions.stop.{kind}"))
        expect(stop).to_have_count(0)
    look_at(customer.page)


def test_going_back_after_a_form_leads_to_a_page_and_not_to_a_form_to_send_again(member: Customer) -> None:
    member.opens("/m/{slug}/details")
    member.page.locator("[name=email]").fill("ikke en adresse")
    member.presses("own.save")
    expect(member.page.locator("#email-fault")).to_be_visible()
    follows(member, "own.back")
    member.page.go_back()
    expect(member.page.get_by_role("heading", name=re.compile(member.says("own.heading"))).first).to_be_visible()
