"""The pages behind the links in service messages: each does the one act it names, by its own button."""

from __future__ import annotations

from http import HTTPStatus

import pytest

from stamkunde.members.service_link import LinkAct, new_link
from stamkunde.members.store import MemberStore
from stamkunde.shared.clock import SystemClock
from stamkunde.shared.transaction import put_alone
from stamkunde.web.cookies import device_cookie
from tests.functions.conftest import OpenClub
from tests.functions.test_join_page import MEMBER, stored
from tests.page_browser import PHONE_BROWSER


def test_a_till_joined_customer_accepts_by_the_link_and_the_bonus_is_released(shop: OpenClub) -> None:
    number = shop.number()
    member_id = shop.till.join(number, accepts=False, first_name="Mette").body["member_id"]
    shop.till.buy(member_id, 10_000)
    link = shop.link("till_join")
    browser = shop.browser()
    for _ in range(3):
        seen = browser.get(link)
    assert shop.till.look_up(number).body["state"] == "open", "looking changed something"
    assert "Jeg har læst betingelserne for kundeklubben hos Bager Holm og godkender dem." in seen.text
    assert not [secret for secret in (number, "Mette", "3,00", member_id) if secret in seen.html]
    assert browser.send(link, act="accept").heading == "Du er medlem"
    assert shop.till.look_up(number).body["balance"] == {"total": 300, "available": 300, "reserved": 0, "pending": 0}
    evidence = stored(shop, number)[1][-1].evidence
    assert (evidence.method, evidence.client_ip) == ("accept_link", "203.0.113.7")
    again = shop.browser().get(link)
    assert again.heading == "Du er medlem"
    assert not [secret for secret in (number, "Mette", "3,00", member_id) if secret in again.html]
    assert device_cookie(shop.club.club_id) not in browser.cookies, "a link opened a card"


def test_not_you_deletes_the_number_in_one_tap(shop: OpenClub) -> None:
    number = shop.number()
    member_id = shop.till.join(number, accepts=False).body["member_id"]
    shop.till.buy(member_id, 10_000)
    link = shop.link("till_join")
    browser = shop.browser()
    browser.get(link)
    assert browser.send(link, act="delete").heading == "Nummeret er slettet"
    assert shop.till.look_up(number).code == "unknown_member"
    assert stored(shop, number) == (None, [])
    assert shop.browser().get(link).heading == "Nummeret er slettet"


def test_a_member_is_not_deleted_by_an_old_link(shop: OpenClub) -> None:
    number = shop.number()
    shop.till.join(number, accepts=False)
    link = shop.link("till_join")
    first, second = shop.browser(), shop.browser()
    first.get(link)
    second.get(link)
    first.send(link, act="accept")
    assert second.send(link, act="delete").status == 409
    assert shop.till.look_up(number).body["state"] == "member"


@pytest.mark.parametrize("fields", [{"act": "accept"}, {"act": "accept", "csrf": "0" * 64}])
def test_a_link_acts_only_by_its_own_button(shop: OpenClub, fields: dict[str, str]) -> None:
    number = shop.number()
    shop.till.join(number, accepts=False)
    link = shop.link("till_join")
    browser = shop.browser()
    browser.get(link)
    seen = browser.post(link, fields | {"terms_version": "1"})
    assert (seen.status, len(seen.alerts)) == (403, 1)
    assert browser.send(link, act="confirm").status == 400
    assert shop.till.look_up(number).body["state"] == "open"


def test_an_email_counts_once_its_link_is_pressed(shop: OpenClub) -> None:
    number = shop.number()
    shop.joined(number, email="mette@example.com", email_news="yes")
    assert stored(shop, number)[0].email_confirmed_at is None
    link = shop.link("confirm_email")
    browser = shop.browser()
    seen = browser.get(link)
    assert not [secret for secret in (number, "Mette", "mette@example.com") if secret in seen.html]
    assert browser.send(link, act="confirm").heading == "Din e-mail er bekræftet"
    member, records = stored(shop, number)
    assert member.email_confirmed_at is not None
    evidence = records[-1].evidence
    assert (evidence.method, evidence.client_ip, evidence.language) == ("confirm_link", "203.0.113.7", "da")
    assert evidence.user_agent == PHONE_BROWSER


@pytest.mark.parametrize(
    ("act", "button", "done"),
    [
        (LinkAct.STAY, "stay", "Du er stadig medlem"),
        (LinkAct.STOP_ADVERTISING, "stop", "Du får ikke flere sms'er med tilbud"),
    ],
)
def test_the_links_to_who_stays_away_act_by_a_button_and_show_nothing_of_them(
    shop: OpenClub, act: LinkAct, button: str, done: str
) -> None:
    number = shop.number()
    member_id = shop.till.join(number, first_name="Mette").body["member_id"]
    path = link_to(shop, member_id, act)
    browser = shop.browser()
    for _ in range(2):
        seen = browser.get(path)
    before = stored(shop, number)
    assert (before[0].details_confirmed_at, [each.withdrawn for each in before[1]]) == (None, [()])
    assert not [secret for secret in (number, "Mette", member_id) if secret in seen.html]
    assert browser.send(path, act=button).heading == done
    assert shop.browser().get(path).heading == done
    member, records = stored(shop, number)
    assert (member.details_confirmed_at is not None) is (act is LinkAct.STAY)
    assert (records[-1].evidence.method == "stop_link") is (act is LinkAct.STOP_ADVERTISING)
    assert browser.get(path).status == HTTPStatus.OK


def link_to(shop: OpenClub, member_id: str, act: LinkAct) -> str:
    """The path of a link that was just sent to a member."""
    store = MemberStore(shop.client, "members", shop.club.club_id, shop.club.address_key, SystemClock())
    link = new_link(act, SystemClock().now())
    put_alone(shop.client, store.link_write(link, member_id))
    return f"/l/{link.token}"


@pytest.mark.parametrize("language", ["en", "nb"])
def test_a_link_speaks_the_language_of_the_message_that_it_came_in(shop: OpenClub, language: str) -> None:
    number = shop.number()
    browser = shop.browser()
    browser.get(f"{shop.join}?lang={language}")
    browser.send(shop.join, phone=number, email="mette@example.com", email_news="yes", **MEMBER)
    browser.send(f"{shop.join}/code", code=shop.code())
    link = shop.link("confirm_email")
    owner = shop.browser()
    assert owner.get(link).all("html")[0].attributes["lang"] == language
    assert owner.get(f"{link}?lang=da").heading == "Bekræft din e-mail"
    owner.get(link)
    seen = owner.send(link, act="confirm")
    assert (owner.path, seen.all("html")[0].attributes["lang"]) == (f"{link}?lang={language}", language)
    assert shop.browser().get(link).all("html")[0].attributes["lang"] == language
    assert stored(shop, number)[1][-1].evidence.language == language


def test_a_link_whose_member_is_gone_speaks_the_clubs_language(shop: OpenClub) -> None:
    number = shop.number()
    shop.till.join(number, accepts=False)
    link = shop.link("till_join")
    browser = shop.browser()
    browser.get(f"{link}?lang=en")
    assert browser.send(link, act="delete").all("html")[0].attributes["lang"] == "en"
    assert shop.browser().get(link).heading == "Nummeret er slettet"


@pytest.mark.parametrize("token", ["0" * 16, "x", "ÆØÅ", "0" * 17, "%2e%2e"])
def test_a_link_that_was_never_sent_does_nothing(shop: OpenClub, token: str) -> None:
    seen = shop.browser().get(f"/l/{token}")
    assert (seen.status, seen.heading) == (410, "Linket virker ikke længere")
