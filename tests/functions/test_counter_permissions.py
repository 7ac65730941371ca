"""What customers say at the counter about being written to, and numbers that were given in a sale."""

from __future__ import annotations

from copy import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stamkunde.members.codes import PROOFS_LIMIT
from stamkunde.members.consents import ConsentMethod, ConsentRecord, PermissionKind, soft_opt_ins
from stamkunde.members.model import CONSENT_AGE
from stamkunde.members.store import MemberStore
from stamkunde.shared.clock import SystemClock, months_later
from stamkunde.shared.language import LANGUAGES
from stamkunde.shared.transaction import commit
from tests.functions.conftest import OpenClub
from tests.functions.test_member_page import permission_form
from tests.page_browser import PageBrowser
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


def on_their_page(shop: OpenClub) -> PageBrowser:
    browser = shop.browser()
    browser.get(shop.card)
    browser.send(shop.card, phone="20123456")
    browser.send(f"{shop.card}/code", code=shop.code())
    return browser


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


def test_a_stop_is_written_down_also_where_nothing_counts_so_that_an_older_yes_never_does(
    shop: OpenClub, member_id: str
) -> None:
    """R6."""
    stopped = say(shop, member_id, withdrawn=("sms", "purchases"), ago=DAY)
    assert (stopped.status, states(stopped)["sms"]) == (201, "no")
    from_the_queue = say(shop, member_id, "sms", "purchases", ago=2 * DAY)
    assert (from_the_queue.status, states(from_the_queue)["sms"]) == (200, "no")
    weighed = {"purchase_use": "balancing_test", "balancing_test": "Vi har få og faste kunder i butikken."}
    shop.operate("publish_member_policy", club_id=shop.club.club_id, **weighed)
    assert states(say(shop, member_id, "sms", ago=3 * DAY))["purchases"] == "no"


def test_a_later_stop_counts_against_a_yes_from_between_two_of_them(shop: OpenClub, member_id: str) -> None:
    """R6."""
    say(shop, member_id, withdrawn=("sms",), ago=3 * DAY)
    assert say(shop, member_id, withdrawn=("sms",), ago=DAY).status == 201
    assert states(say(shop, member_id, "sms", ago=2 * DAY))["sms"] == "no"


@pytest.mark.parametrize("given", [True, False])
def test_a_till_whose_clock_is_ahead_may_send_a_call_again_and_gives_nothing_back(
    shop: OpenClub, member_id: str, given: bool
) -> None:
    """R6: the instant that it says is still to come, and so seems later than what was said meanwhile."""
    ahead = datetime.now(UTC) + timedelta(minutes=4)

    def call(said_at: datetime, *, yes: bool) -> Answer:
        given, withdrawn = (("sms",), ()) if yes else ((), ("sms",))
        return say(shop, member_id, *given, withdrawn=withdrawn, said_at=said_at.isoformat())

    assert call(ahead, yes=given).status == 201
    (record,) = (each for each in records(shop, member_id) if each.given or each.withdrawn)
    assert record.evidence.given_at <= record.evidence.recorded_at < record.evidence.by_own_clock
    meanwhile = call(ahead + timedelta(seconds=1), yes=not given)
    assert (meanwhile.status, states(meanwhile)["sms"]) == (201, "no" if given else "yes")
    again = call(ahead, yes=given)
    assert (again.status, again.body) == (200, meanwhile.body)


def test_a_stop_counts_though_the_tills_clock_was_ahead_at_the_yes_and_was_set_right_since(
    shop: OpenClub, member_id: str
) -> None:
    """R6: it is said later, but seems to have been said two minutes before the yes."""
    ahead = timedelta(minutes=4)
    assert states(say(shop, member_id, "sms", ago=-ahead))["sms"] == "yes"
    stop = say(shop, member_id, withdrawn=("sms",), ago=timedelta(minutes=2) - ahead)
    assert (stop.status, states(stop)["sms"]) == (201, "no")


def test_a_stop_on_the_members_page_stands_against_a_till_whose_clock_is_ahead(
    shop: OpenClub, member_id: str
) -> None:
    """R6."""
    ahead = datetime.now(UTC) + timedelta(minutes=4)
    assert states(say(shop, member_id, "sms", said_at=ahead.isoformat()))["sms"] == "yes"
    permission_form(on_their_page(shop), "sms", "stop")
    # The same call, and one that never came through before: by the till's clock both were said after the stop.
    for said_at in (ahead, ahead + timedelta(seconds=30)):
        again = say(shop, member_id, "sms", said_at=said_at.isoformat())
        assert (again.status, states(again)["sms"]) == (200, "no")


def test_an_address_is_not_asked_without_end_because_a_till_says_yes_for_it(shop: OpenClub, member_id: str) -> None:
    store = members(shop)
    member = store.load(member_id, consistent=True)
    assert member is not None
    mailed = replace(member, email="mette@holm.example", revision=member.revision + 1)
    commit(shop.client, [*store.change_writes(member, mailed)])
    for minutes in range(PROOFS_LIMIT.most + 2, 0, -1):
        assert states(say(shop, member_id, "email", ago=timedelta(minutes=minutes)))["email"] == "waits"
    assert len(shop.messages("confirm_email")) == PROOFS_LIMIT.most
    other_id = shop.till.join("20123457").body["member_id"]
    other = store.load(other_id, consistent=True)
    assert other is not None
    commit(
        shop.client, [*store.change_writes(other, replace(other, email=mailed.email, revision=other.revision + 1))]
    )
    assert states(say(shop, other_id, "email"))["email"] == "waits"
    assert len(shop.messages("confirm_email")) == PROOFS_LIMIT.most


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
    refused = say(shop, member_id, "sms")
    assert (refused.code, records(shop, member_id)[-1].given) == ("too_young_to_say_yes", ())
    assert "15" in refused.body["detail"]


def test_a_yes_that_a_child_said_is_none_when_it_arrives_after_their_birthday(shop: OpenClub, member_id: str) -> None:
    """R14."""
    store = members(shop)
    member = store.load(member_id, consistent=True)
    assert member is not None
    born = months_later(datetime.now(UTC).date() - 2 * DAY, -12 * CONSENT_AGE)
    commit(
        shop.client, [*store.change_writes(member, replace(member, birth_date=born, revision=member.revision + 1))]
    )
    assert say(shop, member_id, "sms", ago=4 * DAY).code == "too_young_to_say_yes"
    assert states(say(shop, member_id, "sms", ago=DAY))["sms"] == "yes"


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
    browser = on_their_page(shop)
    assert "da du købte noget" in browser.get(shop.card).text
    permission_form(browser, "sms", "stop")
    assert records(shop, member_id)[-1].withdrawn == (PermissionKind.SMS,)
    assert "da du købte noget" not in browser.get(shop.card).text
