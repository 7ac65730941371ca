"""The join page and the pages of links, through the real handler on the real engine."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from stamkunde.members.consents import ConsentRecord
from stamkunde.members.model import LONGEST_NAME
from stamkunde.members.store import MemberStore
from stamkunde.messaging.parts import count_parts
from stamkunde.shared.clock import SystemClock
from stamkunde.shared.errors import Refusal
from stamkunde.shared.money import Money
from stamkunde.web.cookies import Pending, device_cookie, pending_cookie, refused_cookie
from stamkunde.web.texts import refusal_text
from tests.functions.conftest import OpenClub
from tests.page_browser import PHONE_BROWSER, SENT_BACK, PageBrowser, Seen

SMS_WORDING = (
    "Ja tak, Bager Holm må sende mig tilbud, nyheder og invitationer om brød, kager og kaffe på sms. "
    "Jeg kan altid sige stop igen, gratis, via linket i beskeden eller på min side."
)
MEMBER = {"first_name": "Mette", "terms": "yes"}


def stored(shop: OpenClub, number: str) -> tuple[Any, list[ConsentRecord]]:
    store = MemberStore(shop.client, "members", shop.club.club_id, shop.club.address_key, SystemClock())
    member = store.find_by_phone(f"+45{number}", consistent=True)
    return member, store.consent_records(member.member_id) if member else []


def at_the_form(shop: OpenClub) -> PageBrowser:
    browser = shop.browser()
    browser.get(shop.join)
    return browser


def at_the_code(shop: OpenClub, number: str, **typed: str) -> PageBrowser:
    browser = at_the_form(shop)
    browser.send(shop.join, phone=number, **(typed or MEMBER))
    assert browser.path == f"{shop.join}/code"
    return browser


def test_a_customer_joins_and_sees_the_card(shop: OpenClub) -> None:
    number = shop.number()
    browser = at_the_form(shop)
    assert browser.seen.heading == "Bliv medlem, og få 3 % i bonus"
    assert "Bager Holm ApS, CVR 12345678" in browser.seen.text
    form = browser.seen.form(shop.join)
    assert form.boxes == {"terms", "sms", "email_news", "purchases"}
    assert not form.boxes & form.fields.keys(), "a box is ticked"
    browser.send(shop.join, phone=number, sms="yes", **MEMBER)
    assert f"+45 {number[:2]} {number[2:4]}" in browser.seen.text
    browser.send(f"{shop.join}/code", code=shop.code())
    assert (browser.path, browser.seen.heading) == (shop.card, "Hej Mette")
    assert shop.till.look_up(number).body["state"] == "member"
    assert [row["kind"] for row in shop.messages()] == ["code", "welcome"]


def test_what_was_agreed_to_is_kept_word_for_word_with_when_how_and_from_where(shop: OpenClub) -> None:
    number = shop.number()
    shop.joined(number, sms="yes")
    member, records = stored(shop, number)
    (record,) = records
    assert record.terms is not None
    assert (record.terms.version, record.terms.text_hash) == (1, shop.club.current_terms().text_hash)
    assert record.terms.wording == "Jeg har læst betingelserne for kundeklubben hos Bager Holm og godkender dem."
    assert [given.wording for given in record.given] == [SMS_WORDING]
    evidence = record.evidence
    assert (evidence.method, evidence.language, evidence.client_ip) == ("join_page", "da", "203.0.113.7")
    assert evidence.user_agent == PHONE_BROWSER
    assert member.language == "da"


def test_a_newsletter_is_all_that_somebody_may_want(shop: OpenClub) -> None:
    number = shop.number()
    browser = shop.joined(number, terms="", sms="yes")
    assert (browser.path, browser.seen.heading) == (f"{shop.join}/done", "Tak, det er noteret")
    assert device_cookie(shop.club.club_id) in browser.cookies
    browser.get(f"/m/{shop.club.slug}")
    assert "Kort og bonus får du som medlem" in browser.seen.text
    assert "Stop sms" in browser.seen.text
    assert shop.till.look_up(number).code == "unknown_member"
    assert shop.messages("welcome") == []


@pytest.mark.parametrize(
    ("language", "heading", "terms"),
    [
        (
            "nb",
            "Bli medlem og få 3 % i bonus",
            "Jeg har lest vilkårene for kundeklubben hos Bager Holm og godtar dem.",
        ),
        ("en", "Join and get 3% back as bonus", "I have read the terms"),
    ],
)
def test_the_chosen_language_stays_until_the_card_and_in_the_messages(
    shop: OpenClub, language: str, heading: str, terms: str
) -> None:
    browser = shop.browser()
    browser.get(f"{shop.join}?lang={language}")
    assert browser.seen.heading == heading
    assert terms in browser.seen.text
    browser.send(shop.join, phone=shop.number(), **MEMBER)
    browser.send(f"{shop.join}/code", code="000000")
    assert browser.seen.all("html")[0].attributes["lang"] == language
    browser.send(f"{shop.join}/code", code=shop.code())
    assert browser.path == f"{shop.card}?lang={language}"
    assert {"nb": "Du er nå medlem", "en": "You are now a member"}[language] in shop.messages("welcome")[0]["text"]


WRONG_VALUES: dict[str, dict[str, str | int | Money]] = {"name_not_allowed": {"most": LONGEST_NAME}}
WRONG = [
    ({"phone": ""}, "phone", "phone_invalid"),
    ({"phone": "ring til mig"}, "phone", "phone_has_letters"),
    ({"phone": "+44 7911 123456"}, "phone", "phone_country_not_allowed"),
    ({"phone": "+47 22 12 34 56"}, "phone", "phone_not_mobile"),
    ({"first_name": "www.bedrag.dk"}, "first_name", "name_not_allowed"),
    ({"first_name": "<b>Mette</b>"}, "first_name", "name_not_allowed"),
    ({"first_name": "M" * 41}, "first_name", "name_not_allowed"),
    ({"first_name": "Mette 😉"}, "first_name", "name_not_allowed"),
    ({"email": "mette@"}, "email", "email_invalid"),
    ({"email": "", "email_news": "yes"}, "email", "email_missing"),
]


@pytest.mark.parametrize(("typed", "field", "code"), WRONG)
def test_what_is_wrong_stands_beside_its_field_and_what_was_typed_stays(
    shop: OpenClub, typed: dict[str, str], field: str, code: str
) -> None:
    browser = at_the_form(shop)
    given = {"phone": "20123456", "email": "mette@example.com", "sms": "yes"} | MEMBER | typed
    seen = browser.send(shop.join, **given)
    assert (browser.statuses, browser.path) == (SENT_BACK, shop.join)
    wrong = seen.named(field)
    assert wrong.attributes["aria-invalid"] == "true"
    assert [each.attributes.get("name") for each in seen.elements if "autofocus" in each.attributes] == [field]
    described = [seen.by_id(each).text for each in wrong.attributes["aria-describedby"].split()]
    assert seen.alerts == [" ".join(described[0].split())]
    assert seen.alerts == [refusal_text(Refusal(code, WRONG_VALUES.get(code, {})), "da")]
    form = seen.form(shop.join)
    assert {name: form.fields.get(name, "") for name in given} == given
    assert pending_cookie(Pending.JOIN, shop.club.club_id) not in browser.cookies
    assert refused_cookie(shop.club.club_id) not in browser.cookies
    assert shop.messages() == []


def test_what_was_typed_wrong_is_told_once_on_its_own_page_and_in_no_address(shop: OpenClub) -> None:
    browser = at_the_form(shop)
    form = browser.seen.form(shop.join).fields | {"phone": "+47 22 12 34 56"} | MEMBER
    answer = browser.call("POST", shop.join, urlencode(form))
    assert (answer["statusCode"], answer["headers"]["location"]) == (303, shop.join)
    assert "retry-after" not in answer["headers"]
    (cookie,) = answer["cookies"]
    assert cookie.endswith("; Path=/; Secure; HttpOnly; SameSite=Lax")
    name, _, value = cookie.partition(";")[0].partition("=")
    browser.cookies[name] = value
    for elsewhere in (shop.card, f"/{shop.club.slug}/terms"):
        assert browser.get(elsewhere).alerts == []
    assert browser.cookies[name] == value, "another page forgot it"
    assert browser.get(shop.join).alerts == [refusal_text(Refusal("phone_not_mobile"), "da")]
    assert name not in browser.cookies
    again = browser.get(shop.join)
    assert (again.alerts, again.named("phone").attributes["value"]) == ([], "")


def test_what_was_typed_wrong_cannot_be_made_up(shop: OpenClub) -> None:
    browser = at_the_form(shop)
    form = browser.seen.form(shop.join).fields | {"phone": "12"} | MEMBER
    (cookie,) = browser.call("POST", shop.join, urlencode(form))["cookies"]
    name, _, value = cookie.partition(";")[0].partition("=")
    for made_up in ("", "1.e30.x", value[:-1], "0" + value, value.swapcase()):
        browser.cookies[name] = made_up
        seen = browser.get(shop.join)
        assert (seen.status, seen.alerts, seen.named("phone").attributes["value"]) == (200, [], "")


def test_more_than_a_cookie_carries_is_answered_where_it_was_sent(shop: OpenClub) -> None:
    seen = (browser := at_the_form(shop)).send(shop.join, phone="12", first_name="x" * 5_000)
    assert (browser.statuses, seen.named("phone").attributes["value"]) == ([422], "12")
    assert [cookie for cookie in seen.cookies if "refused" in cookie] == []


def test_everything_that_is_wrong_is_said_at_once(shop: OpenClub) -> None:
    seen = at_the_form(shop).send(shop.join, phone="12", first_name="http://x.dk", email="x")
    (summary,) = seen.alerts
    links = [each.attributes["href"] for each in seen.all("a") if each.attributes["href"].startswith("#")]
    assert links == ["#phone", "#first_name", "#email", "#choice"]
    assert all(seen.by_id(link[1:]) for link in links)
    assert "Mobilnummer" in summary
    assert "Godkend betingelserne for at blive medlem" in seen.by_id("choice-fault").text


def test_markup_in_a_name_is_shown_as_it_was_typed_and_never_run(shop: OpenClub) -> None:
    seen = at_the_form(shop).send(shop.join, phone="20123456", first_name='"><script>alert(1)</script>', terms="yes")
    assert seen.all("script") == []
    assert seen.named("first_name").attributes["value"] == '"><script>alert(1)</script>'


def test_a_form_that_is_none_of_ours_does_nothing_and_keeps_what_was_typed(shop: OpenClub) -> None:
    typed = {"phone": "20 12 34 56"} | MEMBER
    stranger, other_site = shop.browser(), at_the_form(shop)
    other_site.headers = {"sec-fetch-site": "cross-site"}
    elsewhere = at_the_form(shop).seen.form(shop.join).fields
    borrowed = elsewhere["csrf"]
    typed |= {name: elsewhere[name] for name in ("terms_version", "shown")}
    for seen in (
        stranger.post(shop.join, typed),
        at_the_form(shop).post(shop.join, typed | {"csrf": "0" * 64}),
        at_the_form(shop).post(shop.join, typed | {"csrf": borrowed}),
        other_site.send(shop.join, **typed),
    ):
        assert (seen.status, len(seen.alerts)) == (403, 1)
        assert seen.named("phone").attributes["value"] == "20 12 34 56"
        assert seen.form(shop.join).fields["terms"] == "yes"
    assert shop.messages() == []
    # The page shown instead is one of ours: sending it again works.
    assert stranger.send(shop.join).heading == "Skriv koden fra sms'en"


def test_two_new_signing_keys_make_an_open_page_start_over_and_one_does_not(
    shop: OpenClub, monkeypatch: pytest.MonkeyPatch
) -> None:
    from join_page import handler

    monkeypatch.setattr(handler.PAGES.clubs, "_known", {})
    monkeypatch.setattr("stamkunde.clubs.known.KNOWN_FOR_SECONDS", 0)
    monkeypatch.setattr("stamkunde.clubs.model.NOTICE_OF_NEW_VERSIONS", timedelta())
    browser = at_the_form(shop)
    shop.operate("new_signing_key", club_id=shop.club.club_id)
    browser.send(shop.join, phone=shop.number(), **MEMBER)
    assert browser.path == f"{shop.join}/code"
    shop.operate("new_signing_key", club_id=shop.club.club_id)
    shop.operate("new_signing_key", club_id=shop.club.club_id)
    seen = browser.send(f"{shop.join}/code", code="123456")
    assert seen.heading.startswith("Bliv medlem")
    assert seen.alerts == [refusal_text(Refusal("code_expired"), "da")]


def test_wrong_codes_count_down_to_the_lock_and_a_new_code_opens_it(shop: OpenClub) -> None:
    number = shop.number()
    browser = at_the_code(shop, number)
    right = shop.code()
    wrong = f"{(int(right) + 1) % 10**6:06d}"
    for left in (4, 3, 2, 1):
        seen = browser.send(f"{shop.join}/code", code=wrong)
        assert (browser.statuses, re.findall(r"\d", seen.alerts[0])) == (SENT_BACK, [str(left)])
        assert seen.named("code").attributes["value"] == wrong
        assert large_buttons(seen) == ["Fortsæt"]
    browser.send(f"{shop.join}/code", code=wrong)
    seen = browser.send(f"{shop.join}/code", code=right)
    assert seen.alerts == ["Koden er lukket efter 5 forsøg. Få en ny."]
    assert large_buttons(seen) == ["Send en ny kode"]
    assert [each.text for each in seen.elements if "autofocus" in each.attributes] == ["Send en ny kode"]
    assert stored(shop, number) == (None, [])
    browser.send(f"{shop.join}/code/again")
    assert browser.path == f"{shop.join}/code"
    assert browser.send(f"{shop.join}/code", code=shop.code()).heading == "Hej Mette"


def large_buttons(seen: Seen) -> list[str]:
    return [each.text for each in seen.all("button") if "quiet" not in each.attributes.get("class", "")]


def test_going_back_after_a_mistyped_code_leads_to_a_page_and_not_to_a_form_to_send_again(shop: OpenClub) -> None:
    browser = at_the_code(shop, shop.number())
    right = shop.code()
    seen = browser.send(f"{shop.join}/code", code=f"{(int(right) + 1) % 10**6:06d}")
    assert (browser.statuses, browser.path) == (SENT_BACK, f"{shop.join}/code")
    fault = seen.named("code").attributes["aria-describedby"]
    assert seen.alerts == [" ".join(seen.by_id(fault).text.split())]
    assert browser.send(f"{shop.join}/code", code=right).heading == "Hej Mette"
    back = browser.get(f"{shop.join}/code")
    assert (back.status, back.alerts, back.named("code").attributes["value"]) == (200, [], "")


def test_a_code_that_is_asked_for_without_a_number_is_told_on_the_form(shop: OpenClub) -> None:
    browser = at_the_code(shop, shop.number())
    del browser.cookies[pending_cookie(Pending.JOIN, shop.club.club_id)]
    seen = browser.send(f"{shop.join}/code", code="123456")
    assert (browser.statuses, browser.path) == (SENT_BACK, shop.join)
    assert seen.alerts == [refusal_text(Refusal("code_expired"), "da")]


def test_a_code_is_worth_nothing_in_a_browser_that_did_not_ask_for_it(shop: OpenClub) -> None:
    number = shop.number()
    at_the_code(shop, number)
    code = shop.code()
    for browser in (at_the_form(shop), at_the_code(shop, shop.number())):
        browser.get(f"{shop.join}/code")
        browser.post(f"{shop.join}/code", {"code": code})
        assert stored(shop, number) == (None, [])
    assert shop.browser().get(f"{shop.join}/code").heading.startswith("Bliv medlem")


def test_a_pending_form_that_was_tampered_with_is_none(shop: OpenClub) -> None:
    browser = at_the_code(shop, shop.number())
    name = pending_cookie(Pending.JOIN, shop.club.club_id)
    for value in ("", "1.e30.x", browser.cookies[name][:-1], "0" + browser.cookies[name]):
        browser.cookies[name] = value
        browser.get(f"{shop.join}/code")
        assert browser.path == shop.join


def test_the_sixth_code_in_an_hour_is_refused_with_when_to_come_back(shop: OpenClub) -> None:
    browser = at_the_code(shop, shop.number())
    for _ in range(4):
        browser.send(f"{shop.join}/code/again")
    seen = browser.send(f"{shop.join}/code/again")
    assert (seen.status, len(shop.messages("code"))) == (429, 5)
    assert 0 < int(seen.headers["retry-after"]) <= 3600
    assert "for mange koder" in seen.alerts[0]
    assert len(re.findall(r"\d+ (?:minutter|timer)", seen.alerts[0])) == 1


def test_a_code_sent_twice_leads_to_the_same_and_writes_once(shop: OpenClub) -> None:
    number = shop.number()
    browser = at_the_code(shop, number)
    code = shop.code()
    again = PageBrowser(browser.origin_secret, browser.context, dict(browser.cookies), seen=browser.seen)
    browser.send(f"{shop.join}/code", code=code)
    again.send(f"{shop.join}/code", code=code)
    assert browser.seen.heading == again.seen.heading == "Hej Mette"
    name = device_cookie(shop.club.club_id)
    assert browser.cookies[name] == again.cookies[name]
    assert len(stored(shop, number)[1]) == len(shop.messages("welcome")) == 1
    back = browser.get(f"{shop.join}/code")
    assert back.heading == "Skriv koden fra sms'en"
    assert browser.send(f"{shop.join}/code", code=code).heading == "Hej Mette"


def test_a_form_sent_twice_at_once_asks_for_one_code(shop: OpenClub) -> None:
    browser = at_the_form(shop)
    fields = browser.seen.form(shop.join).fields | {"phone": shop.number()} | MEMBER
    twins = [PageBrowser(browser.origin_secret, browser.context, dict(browser.cookies)) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda twin: twin.post(shop.join, fields), twins))
    assert len(shop.messages("code")) == 1
    for twin in twins:
        assert twin.send(f"{shop.join}/code", code=shop.code()).heading == "Hej Mette"


def test_whoever_mends_the_number_types_only_that_again(shop: OpenClub) -> None:
    browser = at_the_code(shop, shop.number(), email="mette@example.com", **MEMBER)
    back = next(each for each in browser.seen.all("a") if "edit=1" in each.attributes["href"])
    seen = browser.get(back.attributes["href"])
    form = seen.form(shop.join)
    assert (form.fields["first_name"], form.fields["email"], form.fields["phone"]) == (
        "Mette",
        "mette@example.com",
        "",
    )
    assert not form.boxes & form.fields.keys()


def test_a_known_number_is_answered_like_any_other_and_shown_the_terms_again(shop: OpenClub) -> None:
    number = shop.number()
    shop.joined(number)
    known, unknown = at_the_code(shop, number), at_the_code(shop, shop.number())
    shown = [re.sub(r"[\d ]{8,}|value=\"[^\"]*\"", "", each.seen.html) for each in (known, unknown)]
    assert shown[0] == shown[1]
    known.send(f"{shop.join}/code", code=shop.code())  # the newest code is the stranger's
    assert (known.statuses, len(known.seen.alerts)) == (SENT_BACK, 1)


def test_another_code_in_the_same_browser_leaves_one_device(shop: OpenClub) -> None:
    number = shop.number()
    browser = shop.joined(number)
    for _ in range(2):
        browser.get(shop.join)
        browser.send(shop.join, phone=number, sms="yes")
        browser.send(f"{shop.join}/code", code=shop.code())
    assert browser.get(shop.card).text.count("Chrome, Android") == 1


def test_terms_and_everything_about_ones_details_can_be_read(shop: OpenClub) -> None:
    seen = shop.browser().get(f"/{shop.club.slug}/terms")
    for paragraph in shop.club.current_terms().text.split("\n\n"):
        assert " ".join(paragraph.split()) in seen.text
    assert "Bager Holm ApS, CVR 12345678. Skriv til hej@bagerholm.example." in seen.text
    assert shop.browser().get(f"/{shop.club.slug}/terms?lang=en").heading == "Terms and your details"


@pytest.mark.parametrize("path", ["/nobody/join", "/", "/favicon.ico", "/nobody/terms", "/a/b/c"])
def test_an_address_that_leads_nowhere_says_so_in_the_browsers_language(shop: OpenClub, path: str) -> None:
    browser = shop.browser()
    browser.headers = {"accept-language": "nb-NO,nb;q=0.9"}
    seen = browser.get(path)
    assert (seen.status, seen.all("html")[0].attributes["lang"]) == (404, "nb")
    assert "Les opp" in seen.text or "les opp koden" in seen.text
    bare = shop.browser().call("GET", path, accept="application/json")
    assert bare["headers"]["content-type"] == "application/problem+json"
    assert not re.search(r"kasse|till|API", json.loads(bare["body"])["detail"])


def test_the_pages_of_a_club_stay_closed_until_it_has_said_who_it_is(closed_shop: OpenClub) -> None:
    for path in (closed_shop.join, f"{closed_shop.join}/done"):
        assert closed_shop.browser().get(path).status == 404


def test_pages_carry_a_strict_policy_and_tell_nobody_where_they_were(shop: OpenClub) -> None:
    browser = at_the_code(shop, shop.number())
    for seen in (browser.seen, shop.browser().get("/nowhere"), shop.browser().get(shop.join)):
        assert "default-src 'none'" in seen.headers["content-security-policy"]
        assert "script" not in seen.headers["content-security-policy"]
        assert seen.headers["referrer-policy"] == "no-referrer"
        assert seen.all("script") == seen.all("style") == []
        assert [each for each in seen.elements if "style" in each.attributes] == []
    assert browser.seen.headers["cache-control"] == "no-store"
    assert all(cookie.endswith("; Path=/; Secure; HttpOnly; SameSite=Lax") for cookie in browser.seen.cookies)


def test_the_clubs_colours_are_kept_for_ever_under_their_version(shop: OpenClub) -> None:
    seen = shop.browser().get(shop.join)
    address = next(each.attributes["href"] for each in seen.all("link") if "look.css" in each.attributes["href"])
    style = shop.browser().call("GET", address)
    assert style["headers"]["cache-control"].startswith("public, max-age=31536000")
    assert "--club-fill:#8a4b1f" in style["body"]
    assert "cookies" not in style
    assert shop.browser().call("GET", address.partition("?")[0])["headers"]["cache-control"] == "no-cache"


@pytest.mark.parametrize(("language", "word"), [("da", "valgfri"), ("nb", "valgfri"), ("en", "optional")])
def test_a_field_that_may_stay_empty_says_so(shop: OpenClub, language: str, word: str) -> None:
    seen = shop.browser().get(f"{shop.join}?lang={language}")
    optional = {each.attributes["for"] for each in seen.all("label") if word in each.text}
    typed = [
        each.attributes for each in seen.all("input") if each.attributes.get("type") not in {"hidden", "checkbox"}
    ]
    assert optional == {each["id"] for each in typed if "required" not in each} == {"first_name", "email"}


def test_what_breaks_is_told_in_the_clubs_or_the_chosen_language(shop: OpenClub) -> None:
    browser = shop.browser()
    browser.headers = {"accept-language": "en"}
    for path, language in ((shop.join, "da"), (f"{shop.join}?lang=nb", "nb")):
        answer = browser.call("POST", path, "{}", content_type="application/json")
        assert (answer["statusCode"], f'<html lang="{language}">' in answer["body"]) == (415, True)


def test_a_form_that_no_browser_sends_breaks_nothing(shop: OpenClub) -> None:
    browser = at_the_form(shop)
    attempts: list[Callable[[], dict[str, Any]]] = [
        lambda: browser.call("POST", shop.join, "{}", content_type="application/json"),
        lambda: browser.call("POST", shop.join, "phone=%ff%fe"),
        lambda: browser.call("POST", shop.join, "&".join(f"f{number}=1" for number in range(60))),
        lambda: browser.call("POST", shop.join, "phone=" + "1" * 300_000),
        lambda: browser.call("POST", shop.join, "lang=xx&terms_version=-1&phone=\x00"),
        lambda: browser.call("PUT", shop.join),
    ]
    assert [attempt()["statusCode"] for attempt in attempts] == [415, 400, 400, 413, 403, 405]


def test_the_code_message_ends_in_the_line_that_phones_bind_to_the_page(shop: OpenClub) -> None:
    at_the_code(shop, shop.number())
    text = shop.messages("code")[0]["text"]
    assert re.search(r"\n@klub\.example\.com #\S+$", text)
    assert shop.code() not in text
    assert count_parts(text)
