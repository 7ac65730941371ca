"""A member's own page, through the real handler on the real engine."""

from __future__ import annotations

import json
import re
from html import unescape

import pytest

from stamkunde.members.member_card import LINES_A_PAGE
from stamkunde.members.store import MemberStore
from stamkunde.shared.clock import SystemClock
from stamkunde.web.cookies import device_cookie, refused_cookie
from tests.functions.conftest import OpenClub
from tests.page_browser import SENT_BACK, PageBrowser

SMS_WORDING = (
    "Ja tak, Bager Holm må sende mig tilbud, nyheder og invitationer om brød, kager og kaffe på sms. "
    "Jeg kan altid sige stop igen, gratis, via linket i beskeden eller på min side."
)
OPENING = "Åbn dit kort"


@pytest.fixture
def number(shop: OpenClub) -> str:
    """The number of somebody who has joined at the till and accepted the terms there."""
    number = shop.number()
    assert shop.till.join(number, first_name="Mette").status == 201
    return number


def member_id(shop: OpenClub, number: str) -> str:
    found: str = shop.till.look_up(number).body["member_id"]
    return found


def asked(shop: OpenClub, number: str) -> PageBrowser:
    """A browser that has asked for a code."""
    browser = shop.browser()
    browser.get(shop.card)
    browser.send(shop.card, phone=number)
    assert browser.path == f"{shop.card}/code"
    return browser


def opened(shop: OpenClub, number: str) -> PageBrowser:
    """A browser on which the card is open."""
    browser = asked(shop, number)
    browser.send(f"{shop.card}/code", code=shop.code())
    assert browser.path == shop.card
    return browser


def permission_form(browser: PageBrowser, channel: str, act: str) -> None:
    form = next(each for each in browser.seen.forms if each.fields.get("permission") == channel)
    assert ("act", act) in form.buttons
    browser.post(form.action, form.fields | {"act": act})


def test_a_card_opens_by_a_code_and_shows_what_the_till_reads(shop: OpenClub, number: str) -> None:
    shop.till.buy(member_id(shop, number), 49_500)
    seen = opened(shop, number).seen
    assert seen.heading == "Hej Mette"
    assert [each.text for each in seen.elements if each.attributes.get("class") == "sum"] == ["14,85 kr."]
    shown = seen.all("figcaption")[0].text
    by_card = shop.till.send("POST", "/v1/members/lookup", {"card": shown}).body
    assert by_card["member_id"] == member_id(shop, number)
    pictures = seen.all("svg")
    assert [each.attributes["aria-label"] for each in pictures] == [f"Kortnummer {shown}"] * 2
    assert not [each for each in seen.elements if "style" in each.attributes]


def test_nobody_learns_from_the_page_who_is_a_member(shop: OpenClub, number: str) -> None:
    known, unknown = asked(shop, number), asked(shop, shop.number())
    shown = [re.sub(r"[\d ]{8,}|value=\"[^\"]*\"", "", each.seen.html) for each in (known, unknown)]
    assert shown[0] == shown[1]
    assert len(shop.messages("code")) == 1
    assert len(unknown.send(f"{shop.card}/code", code="123456").alerts) == 1
    assert unknown.statuses == SENT_BACK


def test_every_page_of_a_card_asks_for_the_number_first(shop: OpenClub, number: str) -> None:
    stranger = shop.browser()
    for path in (shop.card, f"{shop.card}/history", f"{shop.card}/code"):
        assert stranger.get(path).heading == OPENING
    for path in ("permissions", "devices", "terms"):
        assert stranger.post(f"{shop.card}/{path}", {}).heading == OPENING
    owner = opened(shop, number)
    name = device_cookie(shop.club.club_id)
    for token in (owner.cookies[name][:-1], owner.cookies[name].replace(".", "_"), f"m{'0' * 16}.{'a' * 43}", "x"):
        stranger.cookies[name] = token
        assert stranger.get(shop.card).heading == OPENING
        assert "Mette" not in stranger.seen.html


@pytest.mark.parametrize("phone", ["", "abc", "+4712", "33 12 34"])
def test_a_number_that_is_none_is_mended_beside_its_field(shop: OpenClub, phone: str) -> None:
    browser = shop.browser()
    browser.get(shop.card)
    seen = browser.send(shop.card, phone=phone)
    assert (browser.statuses, browser.path) == (SENT_BACK, shop.card)
    assert seen.named("phone").attributes["value"] == phone
    assert seen.named("phone").attributes["aria-describedby"] == "phone-fault"
    assert len(seen.alerts) == 1
    assert browser.get(shop.card).alerts == []


def test_going_back_after_a_mistyped_code_leads_to_a_page_and_not_to_a_form_to_send_again(
    shop: OpenClub, number: str
) -> None:
    browser = asked(shop, number)
    right = shop.code()
    seen = browser.send(f"{shop.card}/code", code=f"{(int(right) + 1) % 10**6:06d}")
    assert (browser.statuses, browser.path, len(seen.alerts)) == (SENT_BACK, f"{shop.card}/code", 1)
    assert browser.send(f"{shop.card}/code", code=right).heading == "Hej Mette"
    back = browser.get(f"{shop.card}/code")
    assert (back.status, back.alerts, back.named("code").attributes["value"]) == (200, [], "")


def test_what_was_typed_wrong_goes_with_whoever_signs_out(shop: OpenClub, number: str) -> None:
    browser = opened(shop, number)
    form = browser.seen.form(f"{shop.card}/devices")
    browser.cookies[refused_cookie(shop.club.club_id)] = "typed"
    browser.post(form.action, form.fields | {"device": "this"})
    assert refused_cookie(shop.club.club_id) not in browser.cookies


def test_history_says_why_each_amount_was_earned_in_the_chosen_language(shop: OpenClub, number: str) -> None:
    shop.till.buy(member_id(shop, number), 49_500)
    browser = opened(shop, number)
    seen = browser.get(f"{shop.card}/history")
    assert "Hvorfor 14,85 kr.?" in seen.text
    assert "3 % af 495,00 kr. er 14,85 kr., rundet ned." in seen.text
    assert "Why DKK 14.85?" in browser.get(f"{shop.card}/history?lang=en").text


def test_a_long_history_is_turned_page_by_page(shop: OpenClub, number: str) -> None:
    for _ in range(LINES_A_PAGE + 1):
        shop.till.buy(member_id(shop, number), 10_000)
    browser = opened(shop, number)
    first = browser.get(f"{shop.card}/history")
    older = next(each.attributes["href"] for each in first.all("a") if "after=" in each.attributes["href"])
    second = browser.get(unescape(older))
    assert (len(first.all("summary")), len(second.all("summary"))) == (LINES_A_PAGE, 1)
    assert browser.get(f"{shop.card}/history?after=x").status == 400


def test_permissions_are_given_and_taken_back_with_evidence(shop: OpenClub, number: str) -> None:
    browser = opened(shop, number)
    permission_form(browser, "sms", "give")
    assert "Ja, siden" in browser.seen.text
    permission_form(browser, "sms", "stop")
    store = MemberStore(shop.client, "members", shop.club.club_id, shop.club.address_key, SystemClock())
    given, taken = store.consent_records(member_id(shop, number))[-2:]
    assert [text.wording for text in given.given] == [SMS_WORDING]
    assert taken.withdrawn == ("sms",)
    assert {record.evidence.method for record in (given, taken)} == {"member_page"}
    assert given.evidence.client_ip == "203.0.113.7"
    assert "Vi har ikke din adresse." in browser.seen.text


def test_a_channel_that_was_not_asked_about_stays_as_it_is(shop: OpenClub) -> None:
    number = shop.number()
    browser = shop.joined(number, email="mette@example.com", email_news="yes", sms="yes")
    permission_form(browser, "sms", "stop")
    store = MemberStore(shop.client, "members", shop.club.club_id, shop.club.address_key, SystemClock())
    assert store.consent_records(member_id(shop, number))[-1].withdrawn == ("sms",)
    assert "når du har bekræftet adressen" in browser.seen.text


def test_devices_are_listed_closed_one_by_one_all_others_and_here(shop: OpenClub, number: str) -> None:
    first, second, third = (opened(shop, number) for _ in range(3))
    seen = first.get(shop.card)
    assert seen.text.count("Chrome, Android") >= 3
    assert seen.text.count("Denne enhed") == 1
    other = next(value for form in seen.forms for name, value in form.buttons if len(value) == 64)
    form = seen.form(f"{shop.card}/devices")
    first.post(form.action, form.fields | {"device": other})
    open_ones = [each.get(shop.card).heading == "Hej Mette" for each in (first, second, third)]
    assert (open_ones[0], sum(open_ones)) == (True, 2)
    form = first.get(shop.card).form(f"{shop.card}/devices")
    first.post(form.action, form.fields | {"device": "others"})
    assert [each.get(shop.card).heading for each in (first, second, third)] == ["Hej Mette", OPENING, OPENING]
    form = first.get(shop.card).form(f"{shop.card}/devices")
    first.post(form.action, form.fields | {"device": "this"})
    assert (first.path, first.seen.heading) == (shop.card, OPENING)
    assert device_cookie(shop.club.club_id) not in first.cookies


def test_a_closed_card_is_not_opened_again_by_its_old_code(shop: OpenClub, number: str) -> None:
    browser = asked(shop, number)
    code, cookies = shop.code(), dict(browser.cookies)
    form = browser.seen.form(f"{shop.card}/code")
    browser.send(f"{shop.card}/code", code=code)
    again = PageBrowser(browser.origin_secret, browser.context, dict(cookies))
    assert again.post(form.action, form.fields | {"code": code}).heading == "Hej Mette"
    devices = browser.seen.form(f"{shop.card}/devices")
    browser.post(devices.action, devices.fields | {"device": "this"})
    late = PageBrowser(browser.origin_secret, browser.context, dict(cookies))
    assert len(late.post(form.action, form.fields | {"code": code}).alerts) == 1
    assert late.get(shop.card).heading == OPENING


def test_an_open_member_accepts_on_the_card_and_the_bonus_is_released(shop: OpenClub) -> None:
    number = shop.number()
    shop.till.join(number, accepts=False)
    shop.till.buy(member_id(shop, number), 10_000)
    browser = opened(shop, number)
    assert "3,00 kr. venter, til du har godkendt betingelserne." in browser.seen.text
    browser.send(f"{shop.card}/terms")
    assert "venter" not in browser.seen.text
    assert shop.till.look_up(number).body["balance"]["available"] == 300


@pytest.mark.parametrize("path", ["permissions", "devices", "terms"])
def test_a_form_that_is_none_of_ours_changes_nothing_on_the_card(shop: OpenClub, path: str) -> None:
    number = shop.number()
    shop.till.join(number, accepts=False)
    browser = opened(shop, number)
    fields = {"permission": "sms", "act": "give", "device": "this", "terms_version": "1"}
    for token in ({}, {"csrf": "0" * 64}, {"csrf": browser.seen.form(f"{shop.card}/devices").fields["csrf"] + "0"}):
        seen = browser.post(f"{shop.card}/{path}", fields | token)
        assert (seen.status, len(seen.alerts)) == (403, 1)
    assert "Nej" in browser.get(shop.card).text
    assert shop.till.look_up(number).body["state"] == "open"


def test_an_address_that_waits_is_shown_and_its_link_comes_again_to_whoever_asks(shop: OpenClub) -> None:
    number = shop.number()
    browser = shop.joined(number, email="mette@example.com", email_news="yes")
    assert "mette@example.com Ja, når du har bekræftet adressen." in browser.seen.text
    assert "Vi har sendt et link til mette@example.com." in browser.seen.text
    again = next(each.attributes["href"] for each in browser.seen.all("a") if each.text == "Til dine oplysninger")
    browser.get(again)
    browser.send(f"{shop.card}/details/email")
    assert len(shop.messages("confirm_email")) == 2
    browser.get(shop.link("confirm_email"))
    browser.send(shop.link("confirm_email"), act="confirm")
    seen = browser.get(shop.card)
    assert ("mette@example.com" in seen.text, "Kom det ikke?" in seen.text) == (True, False)
    browser.get(shop.join)
    browser.send(shop.join, phone=number, email="ny@example.com", terms="yes")
    seen = browser.send(f"{shop.join}/code", code=shop.code())
    assert re.search(r"mette@example\.com Ja, siden .* Vi har sendt et link til ny@example\.com\.", seen.text)


def test_whoever_gave_no_address_is_told_how_to(shop: OpenClub, number: str) -> None:
    seen = opened(shop, number).seen
    assert "Vi har ikke din adresse. Skriv den, så sender vi et link" in seen.text
    (where,) = [each.attributes["href"] for each in seen.all("a") if each.text == "Skriv adressen"]
    assert where == f"{shop.card}/details"


@pytest.mark.parametrize("slug", ["a" * 5_000, "a_b", "æ", "a.b", "-a", "\ud800"])
def test_a_name_that_no_club_can_have_is_answered_as_an_unknown_one(shop: OpenClub, slug: str) -> None:
    for path in (f"/m/{slug}", f"/{slug}/join", f"/{slug}", f"/{slug}/look.css"):
        answer = shop.browser().call("GET", path, accept="application/json")
        assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (404, "unknown_club")


def test_a_head_is_a_get_without_its_body(shop: OpenClub, number: str) -> None:
    browser = opened(shop, number)
    for path in (shop.card, shop.join, f"/{shop.club.slug}/look.css", "/l/0000000000000000", f"/{shop.club.slug}"):
        answer, full = browser.call("HEAD", path), browser.call("GET", path)
        assert answer["body"] == ""
        assert (answer["statusCode"], answer["headers"]) == (full["statusCode"], full["headers"])
    refused = browser.call("HEAD", f"{shop.card}/permissions")
    assert (refused["statusCode"], refused["headers"]["allow"], refused["body"]) == (405, "POST", "")
    assert browser.call("PUT", shop.card)["headers"]["allow"] == "GET, HEAD, POST"


def test_two_tabs_that_wait_for_a_code_each_keep_what_was_typed_in_them(shop: OpenClub, number: str) -> None:
    browser = asked(shop, number)
    code = shop.code()
    browser.get(shop.join)
    browser.send(shop.join, phone=shop.number(), terms="yes")
    assert browser.get(f"{shop.card}/code").heading == "Skriv koden fra sms'en"
    assert browser.send(f"{shop.card}/code", code=code).heading == "Hej Mette"
    assert browser.get(f"{shop.join}/code").heading == "Skriv koden fra sms'en"
    form = browser.get(shop.card).form(f"{shop.card}/devices")
    browser.post(form.action, form.fields | {"device": "this"})
    assert not [name for name in browser.cookies if "pending" in name]


def test_whoever_takes_the_news_only_reads_of_no_card(shop: OpenClub) -> None:
    browser = shop.joined(shop.number(), terms="", sms="yes", email="mette@example.com")
    browser.get(f"{shop.card}/history")
    assert (browser.path, browser.seen.status, browser.seen.heading) == (shop.card, 200, "Hej Mette")
    assert browser.seen.all("title")[0].text.startswith("Dine valg")
    browser.get(shop.link("confirm_email"))
    confirmed = browser.send(shop.link("confirm_email"), act="confirm")
    assert "dit kort" not in confirmed.text.lower()
    assert "dit kort" not in browser.get(shop.card).text.lower()


def test_a_card_speaks_its_members_language_until_another_is_chosen(shop: OpenClub) -> None:
    browser = shop.browser()
    browser.get(f"{shop.join}?lang=en")
    browser.send(shop.join, phone=shop.number(), first_name="Mette", terms="yes")
    browser.send(f"{shop.join}/code", code=shop.code())
    assert browser.get(shop.card).heading == "Hi Mette"
    permission_form(browser, "sms", "give")
    assert browser.seen.heading == "Hi Mette"
    assert browser.get(f"{shop.card}?lang=da").heading == "Hej Mette"
    permission_form(browser, "sms", "stop")
    assert browser.seen.heading == "Hej Mette"
    history = next(each.attributes["href"] for each in browser.seen.all("a") if "history" in each.attributes["href"])
    assert browser.get(history).heading == "Din bonus, køb for køb"
    browser.get(next(each.attributes["href"] for each in browser.seen.all("a") if each.text == "Til kortet"))
    assert browser.seen.heading == "Hej Mette"


def test_the_card_says_since_when_it_is_open_and_until_when(shop: OpenClub, number: str) -> None:
    first = opened(shop, number)
    opened(shop, number)
    seen = first.get(shop.card)
    assert seen.text.count("Åben siden") == 1
    assert "180 dage" in seen.by_id("devices").text


def test_a_club_without_a_join_page_shows_its_colours_and_terms_and_nothing_else(closed_shop: OpenClub) -> None:
    number = closed_shop.number()
    assert closed_shop.till.join(number, first_name="Mette").status == 201
    browser = opened(closed_shop, number)
    addresses = [each.attributes["href"] for each in browser.seen.all("link") + browser.seen.all("a")]
    ours = [address for address in addresses if closed_shop.club.slug in address and not address.startswith("/m/")]
    assert len(ours) == 2
    for address in ours:
        assert browser.call("GET", address)["statusCode"] == 200
    paths = ("", "/join", "/join/", "/join/code", "/join/done")
    assert {browser.get(f"/{closed_shop.club.slug}{path}").status for path in paths} == {404}


def test_a_card_is_for_one_club_only(shop: OpenClub, number: str, closed_shop: OpenClub) -> None:
    browser = opened(shop, number)
    token = browser.cookies[device_cookie(shop.club.club_id)]
    browser.cookies[device_cookie(closed_shop.club.club_id)] = token
    assert browser.get(closed_shop.card).heading == OPENING


def test_personal_pages_are_kept_by_nobody(shop: OpenClub, number: str) -> None:
    browser = opened(shop, number)
    for path in (shop.card, f"{shop.card}/history", f"{shop.card}/code"):
        assert browser.get(path).headers["cache-control"] == "no-store"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_an_address_from_a_sign_leads_to_the_page_however_it_is_typed(shop: OpenClub, method: str) -> None:
    slug, loud = shop.club.slug, shop.club.slug.upper()
    led = {
        f"/{slug}": shop.join,
        f"/{slug}?lang=en": f"{shop.join}?lang=en",
        f"/{slug}/": f"/{slug}",
        f"{shop.join}/": shop.join,
        f"/{loud}": f"/{slug}",
        f"/{loud}/join/?lang=nb": f"{shop.join}?lang=nb",
        f"/m/{loud}": shop.card,
        f"{shop.card}/": shop.card,
    }
    for path, to in led.items():
        answer = shop.browser().call(method, path)
        assert (answer["statusCode"], answer["headers"].get("location")) == (308, to)
    assert shop.browser().call("POST", f"/{slug}")["statusCode"] == 405
    assert shop.browser().call("POST", f"{shop.join}/")["statusCode"] == 404
    assert [shop.browser().get(path).status for path in ("/nobody", "/nobody/", "/m", "/v1/")] == [404] * 4


def test_a_club_that_nobody_knows_has_no_cards(shop: OpenClub) -> None:
    seen = shop.browser().get("/m/nobody")
    assert (seen.status, seen.heading) == (404, "Klubben findes ikke")
