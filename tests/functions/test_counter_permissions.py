"""What customers say at the counter about being written to, and numbers that were given in a sale."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stamkunde.members.consents import ConsentMethod, ConsentRecord, PermissionKind, soft_opt_ins
from stamkunde.members.store import MemberStore
from stamkunde.shared.clock import SystemClock
from stamkunde.shared.language import LANGUAGES
from stamkunde.shared.transaction import commit
from tests.functions.conftest import OpenClub
from tests.functions.test_member_page import permission_form
from tests.till_client import Answer

DAY = timedelta(days=1)


def members(shop: OpenClub) -> MemberStore:
    return MemberStore(shop.client, "members", shop.club.club_id, shop.club.address_key, SystemClock())


def records(shop: OpenClub, member_id: str) -> list[ConsentRecord]:
    return members(shop).consent_records(member_id)


def sentences(shop: OpenClub) -> dict[tuple[str, str], str]:
    shown = shop.till.send("GET", "/v1/permissions").body["permissions"]
    return {(each["kind"], each["language"]): each["wording"] for each in shown}


def say(
    shop: OpenClub, member_id: str, *given: str, withdrawn: tuple[str, ...] = (), ago: timedelta = DAY, **more: Any
) -> Answer:
    language = more.get("language", "da")
    body = {
        "method": "signed_form",
        "language": language,
        "said_at": (datetime.now(UTC) - ago).isoformat(),
        "given": [{"kind": kind, "wording": sentences(shop)[kind, language]} for kind in given],
        "withdrawn": withdrawn,
    }
    return shop.till.send("POST", f"/v1/members/{member_id}/permissions", body | more)


def states(answer: Answer) -> dict[str, str]:
    return {each["kind"]: each["state"] for each in answer.body["permissions"]}


@pytest.fixture
def member_id(shop: OpenClub) -> str:
    joined: str = shop.till.join("20123456").body["member_id"]
    return joined


def test_a_till_is_told_each_sentence_in_each_language(shop: OpenClub) -> None:
    told = sentences(shop)
    assert {language for _, language in told} == set(LANGUAGES)
    assert {kind for kind, _ in told} == set(PermissionKind)
    assert "brød, kager og kaffe" in told["sms", "da"]


def test_a_club_that_has_not_said_what_it_sells_has_nothing_to_ask(closed_shop: OpenClub) -> None:
    assert sentences(closed_shop) == {}
    member_id = closed_shop.till.join("20123456").body["member_id"]
    answer = say(closed_shop, member_id, given=[{"kind": "sms", "wording": "Ja tak"}])
    assert answer.code == "permission_not_asked"


def test_a_yes_on_paper_is_kept_word_for_word_with_where_and_when(shop: OpenClub, member_id: str) -> None:
    answer = say(shop, member_id, "sms", "purchases", language="nb")
    assert (answer.status, states(answer)) == (201, {"sms": "yes", "email": "no", "purchases": "yes"})
    record = records(shop, member_id)[-1]
    evidence = record.evidence
    assert (evidence.method, evidence.language) == (ConsentMethod.SIGNED_FORM, "nb")
    assert (evidence.outlet_id, evidence.till_id) == ("banegaarden", "kasse-1")
    assert evidence.recorded_at - evidence.given_at >= DAY
    assert [text.wording for text in record.given] == [sentences(shop)[kind, "nb"] for kind in ("sms", "purchases")]


@pytest.mark.parametrize("wording", ["Ja tak", "Ja tak, Bager Holm må sende mig alt.", ""])
def test_nobody_agrees_to_other_words_than_the_clubs(shop: OpenClub, member_id: str, wording: str) -> None:
    answer = say(shop, member_id, given=[{"kind": "sms", "wording": wording}])
    assert answer.code in {"permission_not_asked", "invalid_field"}
    assert [record for record in records(shop, member_id) if record.given] == []


def test_the_same_word_again_is_written_down_once(shop: OpenClub, member_id: str) -> None:
    at = (datetime.now(UTC) - DAY).isoformat()
    first, again = (say(shop, member_id, "sms", said_at=at) for _ in range(2))
    assert (first.status, again.status) == (201, 200)
    assert first.body == again.body
    assert len([record for record in records(shop, member_id) if record.given]) == 1


def test_a_yes_that_comes_late_does_not_undo_a_stop_said_since(shop: OpenClub, member_id: str) -> None:
    say(shop, member_id, "sms", ago=3 * DAY)
    assert states(say(shop, member_id, withdrawn=("sms",), ago=DAY))["sms"] == "no"
    late = say(shop, member_id, "sms", ago=2 * DAY)
    assert (late.status, states(late)["sms"]) == (200, "no")
    assert states(say(shop, member_id, "sms", ago=DAY / 2))["sms"] == "yes"


def test_a_stop_that_comes_late_does_not_undo_a_yes_said_since(shop: OpenClub, member_id: str) -> None:
    say(shop, member_id, "sms", ago=DAY)
    late = say(shop, member_id, withdrawn=("sms",), ago=2 * DAY)
    assert (late.status, states(late)["sms"]) == (200, "yes")


def test_a_yes_is_renewed_at_the_till(shop: OpenClub, member_id: str) -> None:
    say(shop, member_id, "sms", ago=360 * DAY)
    renewed = say(shop, member_id, "sms")
    (sms,) = (each for each in renewed.body["permissions"] if each["kind"] == "sms")
    assert datetime.fromisoformat(sms["lapses_on"]).date() > datetime.now(UTC).date() + 360 * DAY


def test_a_yes_of_long_ago_has_lapsed_before_it_is_typed_in(shop: OpenClub, member_id: str) -> None:
    assert states(say(shop, member_id, "sms", ago=400 * DAY))["sms"] == "lapsed"


def test_mail_needs_an_address_that_is_known(shop: OpenClub, member_id: str) -> None:
    assert say(shop, member_id, "email").code == "email_missing"


def test_a_word_from_the_future_is_refused(shop: OpenClub, member_id: str) -> None:
    assert say(shop, member_id, "sms", ago=-DAY).code == "acceptance_in_future"


@pytest.mark.parametrize(
    "body", [{}, {"given": [{"kind": "sms", "wording": "Ja"}], "withdrawn": ["sms"]}, {"withdrawn": ["sms", "sms"]}]
)
def test_something_must_be_said_and_each_thing_once(shop: OpenClub, member_id: str, body: dict[str, Any]) -> None:
    assert say(shop, member_id, **body).code == "invalid_field"


def test_whoever_only_takes_the_news_is_nobody_to_a_till(shop: OpenClub) -> None:
    shop.joined("20123457", terms="", sms="yes")
    reader = shop.operate("find_member", club_id=shop.club.club_id, phone="20123457", by="Mette")["member_id"]
    assert say(shop, reader, withdrawn=("sms",)).code == "unknown_member"


def test_a_child_gives_no_permission_at_the_counter_either(shop: OpenClub, member_id: str) -> None:
    """R14."""
    store = members(shop)
    member = store.load(member_id, consistent=True)
    assert member is not None
    child = replace(member, birth_date=datetime.now(UTC).date() - 14 * 365 * DAY, revision=member.revision + 1)
    commit(shop.client, [*store.change_writes(member, child)])
    assert say(shop, member_id, "sms").code == "too_young"


# -- a number that was given in a sale (R7)

SALE = {"channel": "sms", "refusal_offered": True}


def allow_sales(shop: OpenClub) -> None:
    answer = shop.operate("publish_member_policy", club_id=shop.club.club_id, soft_opt_in=True)
    assert answer["soft_opt_in"] is True


def test_a_sale_counts_for_nothing_unless_the_club_says_so(shop: OpenClub) -> None:
    answer = shop.till.join("20123456", soft_opt_in=SALE)
    assert (answer.status, answer.code, answer.body["pointer"]) == (422, "soft_opt_in_not_allowed", "/soft_opt_in")


@pytest.mark.parametrize("accepts", [True, False])
def test_a_number_given_in_a_sale_is_kept_as_that_and_never_as_a_yes(shop: OpenClub, accepts: bool) -> None:
    allow_sales(shop)
    member_id = shop.till.join("20123456", accepts=accepts, soft_opt_in=SALE).body["member_id"]
    (record,) = records(shop, member_id)
    assert (record.given, record.soft_opt_in) == ((), (PermissionKind.SMS,))
    assert record.evidence.method is (ConsentMethod.SIGNED_FORM if accepts else ConsentMethod.SALE)
    told = shop.operate("may_write", club_id=shop.club.club_id, member_id=member_id, by="Mette", channel="sms")
    reasons = {(each["message_class"], each["purpose"]): each["reason"] for each in told["answers"]}
    assert reasons["marketing", "news"] == ("in_a_sale" if accepts else "terms_not_accepted")


def test_a_sale_without_a_chance_to_refuse_is_none(shop: OpenClub) -> None:
    allow_sales(shop)
    answer = shop.till.join("20123456", soft_opt_in={"channel": "sms", "refusal_offered": False})
    assert (answer.code, answer.body["pointer"]) == ("invalid_field", "/soft_opt_in/refusal_offered")


def test_who_came_by_a_sale_says_stop_at_the_counter_for_good(shop: OpenClub) -> None:
    allow_sales(shop)
    member_id = shop.till.join("20123456", soft_opt_in=SALE).body["member_id"]
    stopped = say(shop, member_id, withdrawn=("sms",), ago=timedelta())
    assert (stopped.status, states(stopped)["sms"]) == (201, "no")
    assert soft_opt_ins(records(shop, member_id)) == {}


def test_who_came_by_a_sale_says_stop_on_their_own_page(shop: OpenClub) -> None:
    allow_sales(shop)
    member_id = shop.till.join("20123456", soft_opt_in=SALE).body["member_id"]
    browser = shop.browser()
    browser.get(shop.card)
    browser.send(shop.card, phone="20123456")
    browser.send(f"{shop.card}/code", code=shop.code())
    assert "da du købte noget" in browser.get(shop.card).text
    permission_form(browser, "sms", "stop")
    assert records(shop, member_id)[-1].withdrawn == (PermissionKind.SMS,)
    assert "da du købte noget" not in browser.get(shop.card).text
