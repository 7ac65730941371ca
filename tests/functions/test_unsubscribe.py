"""The pages behind a campaign's links: looking changes nothing, one press stops, nothing of the person is shown."""

from __future__ import annotations

from copy import replace
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

import pytest

from stamkunde.campaigns.chunk_store import CHUNK_SIZE, ChunkStore, RunKey, chunk_key
from stamkunde.campaigns.model.campaign import Campaign
from stamkunde.campaigns.model.law import Answers
from stamkunde.campaigns.model.texts import CampaignText
from stamkunde.campaigns.results import Result, Results
from stamkunde.campaigns.stop_links import StopLinks, StopNumbers, place_in_run
from stamkunde.campaigns.store import CampaignStore
from stamkunde.messaging.model import DeliveryState
from stamkunde.shared.channel import Channel
from stamkunde.shared.clock import SystemClock
from stamkunde.shared.ids import new_id
from tests.function_fixtures import CONTEXT, ORIGIN_SECRET
from tests.functions.conftest import OpenClub
from tests.functions.test_join_page import stored
from tests.ledger_checks import rows
from tests.page_browser import PageBrowser
from tests.till_client import gateway_event

ONE_CLICK = "List-Unsubscribe=One-Click"
FORM = "application/x-www-form-urlencoded"
PERMISSION = {Channel.SMS: "sms", Channel.EMAIL: "email"}


@dataclass
class Sent:
    """A message of a campaign to somebody, and the token in it."""

    shop: OpenClub
    run: RunKey
    number: str
    member_id: str
    token: str

    @property
    def records(self) -> list[Any]:
        return stored(self.shop, self.number)[1]

    @property
    def withdrawn(self) -> list[str]:
        return [kind.value for record in self.records for kind in record.withdrawn]

    def secrets(self) -> list[str]:
        member, _ = stored(self.shop, self.number)
        return [self.number, self.number[-8:], "Mette", self.member_id, member.card_number, member.email or "-"]


def send(shop: OpenClub, channel: Channel = Channel.SMS, *, sms_waits: bool = False, listed: bool = True) -> Sent:
    """A campaign as it lies there once it was sent to one member, the 103rd of its list."""
    number, now = shop.number(), SystemClock().now()
    shop.joined(number, sms="yes", email="mette@example.com", email_news="yes")
    browser = shop.browser()
    link = shop.link("confirm_email")
    browser.get(link)
    browser.send(link, act="confirm")
    member, _ = stored(shop, number)
    campaign = a_campaign(now, sms_waits=sms_waits)
    CampaignStore(shop.client, "messages", shop.club.club_id).create(campaign)
    run = RunKey(shop.club.club_id, campaign.campaign_id, channel)
    place = place_in_run(1, 2)
    if listed:
        chunks = ChunkStore(shop.client, "messages", shop.club.club_id)
        chunks.write(chunk_key(run, place // CHUNK_SIZE), ["mzzzzzzzzzzzzzzzz"] * 2 + [member.member_id], now)
    links = StopLinks(shop.club, "k.test", SystemClock())
    taken = StopNumbers(shop.client, "messages").take(run, now)
    return Sent(shop, run, number, member.member_id, links.token(taken, place))


def a_campaign(now: datetime, *, sms_waits: bool = False) -> Campaign:
    text = CampaignText(
        "da",
        sms="Hej {Fornavn}! Alle boller 20 kr. i dag hos {Klub}. Vi ses. Bestil/stop sms: {Link}",
        subject="Boller hos {Klub}",
        body="Hej {Fornavn}\n\nAlle boller 20 kr. i dag.\n\nSe mere: {Link}\nAfmeld: {Stop}",
    )
    return Campaign(
        campaign_id=new_id("k"),
        name="Boller",
        by="Mette",
        texts={"da": text},
        answers=Answers(conditions="Kun i dag.\nSå længe lager haves."),
        channels=(Channel.EMAIL, Channel.SMS) if sms_waits else (Channel.SMS,),
        drafted_at=now,
        sms_after=timedelta(hours=4) if sms_waits else None,
    )


def post(path: str, body: str = ONE_CLICK, content_type: str = FORM, **headers: str) -> dict[str, Any]:
    """A request as a mail program sends it: no cookie, no origin, nothing of a browser."""
    from join_page.handler import lambda_handler

    given = {"x-stamkunde-origin": ORIGIN_SECRET, "content-type": content_type, "user-agent": "Mail/1.0"} | headers
    return lambda_handler(gateway_event("POST", path, given, body), CONTEXT)  # type: ignore[arg-type]


def everything(shop: OpenClub) -> list[dict[str, Any]]:
    """All rows that a look could have changed."""
    return [*rows(shop.client, "members"), *rows(shop.client, "messages")]


@pytest.mark.parametrize("channel", Channel)
def test_looking_changes_nothing_whoever_looks_and_shows_nothing_of_the_person(
    shop: OpenClub, channel: Channel
) -> None:
    sent = send(shop, channel)
    before = everything(shop)
    for path in (f"/l/{sent.token}", f"/u/{sent.token}"):
        for _ in range(2):
            seen = shop.browser().get(path)
            assert seen.status == HTTPStatus.OK
            assert not [secret for secret in sent.secrets() if secret in seen.html]
            assert seen.headers["cache-control"] == "no-store"
            assert seen.headers["referrer-policy"] == "no-referrer"
    assert everything(shop) == before


@pytest.mark.parametrize("channel", Channel)
def test_the_page_shows_the_offer_and_its_conditions_and_one_press_stops(shop: OpenClub, channel: Channel) -> None:
    sent, browser = send(shop, channel), shop.browser()
    path = f"/l/{sent.token}"
    seen = browser.get(path)
    assert "Alle boller 20 kr. i dag" in seen.text
    assert "20\N{NO-BREAK SPACE}kr." in seen.html, "a line may break between a figure and its unit"
    assert "Kun i dag. Så længe lager haves." in seen.text
    assert "Bestil/stop" not in seen.text
    assert "Afmeld:" not in seen.text
    stopped = browser.send(path, act="stop")
    assert f"får ikke flere {'sms' if channel is Channel.SMS else 'e-mails'}" in stopped.text
    assert browser.statuses == [303, 200]
    evidence = sent.records[-1].evidence
    assert (sent.withdrawn, evidence.method, evidence.client_ip) == (
        [PERMISSION[channel]],
        "stop_link",
        "203.0.113.7",
    )
    assert shop.messages("stopped") == [], "a page says by itself that it is done"
    browser.get(path)
    assert not browser.seen.forms


def test_the_links_page_acts_only_by_its_own_form(shop: OpenClub) -> None:
    sent, browser = send(shop), shop.browser()
    path = f"/l/{sent.token}"
    assert post(path, "act=stop")["statusCode"] == 403
    browser.get(path)
    assert browser.post(path, {"act": "stop", "csrf": "0" * 64}).status == 403
    assert browser.send(path, act="delete").status == 400
    assert sent.withdrawn == []


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (ONE_CLICK, FORM),
        ("", FORM),
        ("", ""),
        (
            '--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--',
            "multipart/form-data; boundary=b",
        ),
        ("{", "application/json"),
    ],
)
def test_one_click_stops_at_once_whatever_a_mail_program_posts(shop: OpenClub, body: str, content_type: str) -> None:
    sent = send(shop, Channel.EMAIL)
    answers = [post(f"/u/{sent.token}", body, content_type) for _ in range(3)]
    assert [answer["statusCode"] for answer in answers] == [200] * 3
    assert not [answer for answer in answers if "location" in answer["headers"]]
    assert sent.withdrawn == ["email"], "said three times, written once"
    assert sent.records[-1].evidence.method == "unsubscribe"
    assert sent.records[-1].evidence.user_agent == "Mail/1.0"


def test_the_unsubscribe_page_has_a_button_that_does_the_same(shop: OpenClub) -> None:
    sent, browser = send(shop, Channel.EMAIL), shop.browser()
    path = f"/u/{sent.token}"
    assert browser.get(path).heading == "Stop e-mails med tilbud og nyt"
    assert browser.send(path, act="stop").heading == "Du får ikke flere e-mails med tilbud"
    assert sent.withdrawn == ["email"]
    assert shop.browser().get(path).heading == "Du får ikke flere e-mails med tilbud"


def test_an_old_message_whose_list_is_gone_asks_for_the_number_and_still_stops(shop: OpenClub) -> None:
    sent = send(shop, listed=False)
    path = f"/l/{sent.token}"
    before = stored(shop, sent.number)
    browser = shop.browser()
    seen = browser.get(path)
    assert "så gammel" in seen.text
    wrong = browser.send(path, act="stop_number", phone="12")
    assert wrong.by_id("phone-fault")
    assert stored(shop, sent.number) == before
    done = browser.send(path, act="stop_number", phone=sent.number)
    assert done.heading == "Tak, det er noteret"
    assert sent.withdrawn == ["sms"]
    (told,) = shop.messages("stopped")
    assert told["recipient"] == f"+45{sent.number}"
    stranger = shop.browser()
    stranger.get(path)
    again = stranger.send(path, act="stop_number", phone="29 99 99 99")
    assert again.text == done.text, "the page tells who is a member"
    assert len(shop.messages("stopped")) == 1


def test_a_mail_program_is_not_told_that_it_is_done_when_nobody_knows_whom_to_stop(shop: OpenClub) -> None:
    sent = send(shop, Channel.EMAIL, listed=False)
    answer = post(f"/u/{sent.token}")
    assert answer["statusCode"] == HTTPStatus.GONE
    assert "så gammel" in answer["body"]
    assert sent.withdrawn == []
    browser = shop.browser()
    browser.get(f"/u/{sent.token}")
    assert browser.send(f"/u/{sent.token}", act="stop_number", phone=sent.number).heading == "Tak, det er noteret"
    assert sent.withdrawn == ["email"]
    assert post(f"/u/{sent.token}", f"act=stop_number&phone={sent.number}")["statusCode"] == 403


def test_numbers_are_typed_thirty_times_an_hour_from_one_address_and_no_more(shop: OpenClub) -> None:
    sent, browser = send(shop, listed=False), shop.browser()
    path = f"/l/{sent.token}"
    for _ in range(30):
        browser.get(path)
        assert browser.send(path, act="stop_number", phone="29 99 99 99").status == 200
    browser.get(path)
    refused = browser.send(path, act="stop_number", phone=sent.number)
    assert refused.status == HTTPStatus.SERVICE_UNAVAILABLE
    assert int(refused.headers["retry-after"]) <= 3600
    assert sent.withdrawn == []


@pytest.mark.parametrize("token", ["0123456789ab", "zzzzzzzzzzzz", "x", "0123456789abcdef", "%20", "åååååååååååå"])
@pytest.mark.parametrize(("method", "path"), [("GET", "/l/"), ("POST", "/l/"), ("GET", "/u/"), ("POST", "/u/")])
def test_a_made_up_token_leads_nowhere(shop: OpenClub, method: str, path: str, token: str) -> None:
    from join_page.handler import lambda_handler

    headers = {"x-stamkunde-origin": ORIGIN_SECRET, "content-type": FORM, "accept": "text/html"}
    answer = lambda_handler(gateway_event(method, path + token, headers, ""), CONTEXT)  # type: ignore[arg-type]
    assert answer["statusCode"] == HTTPStatus.GONE


@pytest.mark.parametrize("path", ["/l/", "/u/"])
def test_a_token_with_one_letter_changed_stops_nobody(shop: OpenClub, path: str) -> None:
    sent = send(shop, Channel.EMAIL)
    for place, letter in enumerate(sent.token):
        forged = sent.token[:place] + ("a" if letter != "a" else "b") + sent.token[place + 1 :]
        assert post(path + forged)["statusCode"] in {HTTPStatus.GONE, HTTPStatus.FORBIDDEN}
    assert sent.withdrawn == []


def test_a_token_signed_by_another_club_stops_nobody(shop: OpenClub, closed_shop: OpenClub) -> None:
    sent = send(shop, Channel.EMAIL)
    taken = StopNumbers(shop.client, "messages").take(sent.run, SystemClock().now())
    forged = StopLinks(closed_shop.club, "k.test", SystemClock()).token(taken, place_in_run(1, 2))
    assert post(f"/u/{forged}")["statusCode"] == HTTPStatus.GONE
    assert sent.withdrawn == []


@pytest.mark.parametrize("path", ["/l/", "/u/"])
def test_nobody_gets_there_but_through_the_front_door(shop: OpenClub, path: str) -> None:
    sent = send(shop, Channel.EMAIL)
    assert post(path + sent.token, **{"x-stamkunde-origin": "guessed"})["statusCode"] == HTTPStatus.FORBIDDEN
    assert sent.withdrawn == []


def test_whoever_says_that_they_have_seen_the_mail_is_noted_and_only_by_the_button(shop: OpenClub) -> None:
    sent = send(shop, Channel.EMAIL, sms_waits=True)
    results = Results(shop.client, "messages", shop.club.club_id)
    result = Result(chunk_key(sent.run, 1), 2, sent.member_id, DeliveryState.SENT, SystemClock().now())
    assert results.record(result)
    browser, path = shop.browser(), f"/l/{sent.token}"
    browser.get(path)
    assert results.clicked(sent.run.campaign_id, [sent.member_id]) == set()
    assert "ingen sms om det samme" in browser.send(path, act="seen").text
    assert results.clicked(sent.run.campaign_id, [sent.member_id, "mother"]) == {sent.member_id}
    assert [form for form in browser.get(path).forms if ("act", "seen") in form.buttons] == []
    browser.get(path)
    assert sent.withdrawn == []


def test_no_text_message_is_spared_where_none_follows(shop: OpenClub) -> None:
    sent, browser = send(shop, Channel.SMS, sms_waits=True), shop.browser()
    seen = browser.get(f"/l/{sent.token}")
    assert not [form for form in seen.forms if ("act", "seen") in form.buttons]


def test_who_is_gone_is_asked_for_a_number_that_leads_to_nobody(shop: OpenClub) -> None:
    sent = send(shop)
    browser = PageBrowser(ORIGIN_SECRET, CONTEXT)
    chunks = ChunkStore(shop.client, "messages", shop.club.club_id)
    other = replace(sent.run, campaign_id=new_id("k"))
    chunks.write(chunk_key(other, 0), ["mzzzzzzzzzzzzzzzz"], SystemClock().now())
    taken = StopNumbers(shop.client, "messages").take(other, SystemClock().now())
    token = StopLinks(shop.club, "k.test", SystemClock()).token(taken, 0)
    seen = browser.get(f"/l/{token}")
    assert (seen.status, "så gammel" in seen.text) == (200, True)
