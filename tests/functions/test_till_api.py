"""The till API as a till meets it: answers with their reasons, and refusals that write nothing."""

from __future__ import annotations

import base64
import json
import re
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stamkunde.http import Resolver, Response
from stamkunde.members.card import new_card_number
from tests.function_fixtures import CONTEXT, ORIGIN_SECRET, new_till
from tests.functions.test_till_keys import a_body
from tests.ledger_checks import rows_of
from tests.till_client import TillClient, gateway_event
from tests.written import writes_so_far
from till_api.routes import ROUTES

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


def balance(available: int) -> dict[str, int]:
    return {"total": available, "available": available, "pending": 0, "reserved": 0}


def test_who_joins_at_a_till_is_written_to_in_the_clubs_name(till: TillClient, tables: DynamoDBClient) -> None:
    till.join("20 12 34 56", accepts=False)
    till.join("26 12 34 56", first_name="Mette")
    mine = rows_of(tables, "messages", [till.club["club_id"]])
    opened, accepted = sorted(mine, key=lambda row: row["recipient"])
    assert (opened["recipient"], opened["kind"], opened["sender"]) == ("+4520123456", "till_join", "BagerHolm")
    assert re.search(r": k\.test/[0-9a-z]{16} Ikke dig\?", opened["text"])
    assert (accepted["recipient"], accepted["kind"]) == ("+4526123456", "welcome")
    assert accepted["text"].startswith("Hej Mette. Du er nu medlem hos Bager Holm.")


def test_a_till_enrols_looks_up_quotes_and_books(till: TillClient) -> None:
    joined = till.join("20 12 34 56", first_name="Mette")
    assert (joined.status, joined.body["state"], joined.body["first_name"]) == (201, "member", "Mette")
    member_id = joined.body["member_id"]
    quoted = till.quote(member_id, 4995)
    booked = till.buy(member_id, 4995)
    assert booked.status == 201
    for told in quoted.body:
        assert quoted.body[told] == booked.body[told], told
    assert booked.body["earned"]["amount"] == 149
    assert booked.body["earned"]["why"] == {
        "rule": "percent_bonus",
        "programme_version": 1,
        "base": 4995,
        "rate": 300,
        "shares": [],
        "rounding": "down_per_receipt",
        "explanation": "3 % af 49,95 kr. er 1,49 kr., rundet ned.",
    }
    assert booked.body["receipt_text"] == ["Bonus for købet: 1,49 kr.", "Til næste gang: 1,49 kr."]
    found = till.look_up("+4520123456")
    assert (found.status, found.body["balance"]) == (200, balance(149))


def test_joining_again_is_200_and_the_same_member(till: TillClient) -> None:
    first, again = till.join("20123456"), till.join("+45 20 12 34 56", accepts=False)
    assert (first.status, again.status) == (201, 200)
    assert first.body == again.body


def test_the_same_receipt_again_gets_the_same_body(till: TillClient) -> None:
    member_id = till.join().body["member_id"]
    receipt = till.receipt(member_id, 12_345)
    first = till.send("POST", "/v1/purchases", receipt)
    till.buy(member_id, 500)
    again = till.send("POST", "/v1/purchases", json.dumps(receipt, indent=4))
    assert (first.status, again.status) == (201, 200)
    assert first.body == again.body
    shown = till.send("GET", f"/v1/purchases/{first.body['purchase_id']}")
    assert (shown.status, shown.body) == (200, first.body | {"refunds": []})


def test_an_open_member_is_told_that_bonus_waits(till: TillClient) -> None:
    member_id = till.join(accepts=False).body["member_id"]
    booked = till.buy(member_id, 10_000)
    assert (booked.body["earned"]["status"], booked.body["balance_after"]["pending"]) == ("pending", 300)
    assert booked.body["receipt_text"][0] == "Bonus venter: 3,00 kr."
    assert till.look_up("20123456").body["say"] == "3,00 kr. i bonus venter på, at betingelserne godkendes."
    assert till.join().body["balance"] == balance(300)


def test_bonus_of_nothing_at_all_waits_too_for_an_open_member(till: TillClient) -> None:
    member_id = till.join(accepts=False).body["member_id"]
    quoted, booked = till.quote(member_id, 33), till.buy(member_id, 33)
    assert quoted.body["earned"]["status"] == booked.body["earned"]["status"] == "pending"
    assert booked.body["receipt_text"][0] == "Bonus venter: 0,00 kr."


def test_spending_says_what_was_used_and_why(till: TillClient) -> None:
    member_id = till.join().body["member_id"]
    till.buy(member_id, 100_000)
    booked = till.buy(member_id, 1_000, spend_bonus=3_000)
    assert booked.body["spent"] == {
        "asked": 3_000,
        "amount": 1_000,
        "explanation": "10,00 kr. betalt med bonus: ikke mere end bonens beløb.",
    }
    assert (booked.body["to_pay"], booked.body["earned"]["amount"]) == (0, 0)


def test_a_norwegian_club_is_answered_in_norwegian(operate: Any) -> None:
    till = new_till(operate, country="NO", name="Sykkelhuset")
    member_id = till.join("91234567").body["member_id"]
    assert till.buy(member_id, 4995).body["receipt_text"][1] == "Til neste gang: 1,49 kr"
    assert till.buy(member_id, 10, spend_bonus=9_000).code is None
    refused = till.buy(member_id, 100_000, spend_bonus=9_000)
    assert (refused.code, refused.body["title"]) == ("not_enough_bonus", "Ikke nok bonus")
    assert refused.body["detail"].startswith("Medlemmet har ikke så mye bonus")


def test_a_receipt_a_little_ahead_is_booked_as_now_and_flagged(till: TillClient) -> None:
    member_id = till.join().body["member_id"]
    ahead = (datetime.now(UTC) + timedelta(minutes=4)).isoformat()
    assert till.buy(member_id, bought_at=ahead).body["flags"] == ["clock_ahead"]
    late = (datetime.now(UTC) - timedelta(days=6)).isoformat()
    assert till.buy(member_id, bought_at=late).body["flags"] == ["late"]


def test_a_batch_answers_receipt_by_receipt(till: TillClient) -> None:
    member_id = till.join().body["member_id"]
    good, repeated = till.receipt(member_id, 1_000), till.receipt(member_id, 2_000)
    till.send("POST", "/v1/purchases", repeated)
    bad = till.receipt(member_id, 1_000, bought_at="2026-01-01T12:00:00Z")
    answer = till.send("POST", "/v1/purchases/batch", {"purchases": [good, bad, repeated]})
    results = answer.body["results"]
    assert (answer.status, [result["status"] for result in results]) == (200, [201, 422, 200])
    assert [result["receipt_number"] for result in results] == [r["receipt_number"] for r in (good, bad, repeated)]
    assert results[1]["problem"]["code"] == "receipt_too_old"
    assert till.look_up("20123456").body["balance"]["total"] == 90


def test_a_queued_receipt_that_spends_too_much_is_booked_and_told_line_by_line(till: TillClient) -> None:
    member_id = till.join().body["member_id"]
    till.buy(member_id, 100_000)
    refused = till.buy(member_id, 10_000, spend_bonus=3_500)
    assert (refused.status, refused.code) == (422, "not_enough_bonus")
    queued = till.receipt(member_id, 10_000, spend_bonus=3_500, redemptions=[{"kind": "reward", "name": "rugbrod"}])
    (result,) = till.send("POST", "/v1/purchases/batch", {"purchases": [queued]}).body["results"]
    purchase = result["purchase"]
    assert (result["status"], purchase["spent"]["amount"], purchase["flags"]) == (201, 3_000, ["redemption_refused"])
    assert purchase["refused"] == [
        {
            "what": "reward",
            "name": "rugbrod",
            "code": "no_reward",
            "amount": 0,
            "words": "Ingen gratis vare til gode.",
        },
        {"what": "bonus", "name": "", "code": "not_enough_bonus", "amount": 500, "words": "Ikke nok bonus."},
    ]
    direct = till.send("POST", "/v1/purchases", queued | {"offline": True})
    assert (direct.status, direct.body) == (200, purchase)


def test_somebody_without_membership_needs_a_code_from_a_poster(till: TillClient) -> None:
    before = writes_so_far()
    receipt = {k: v for k, v in till.receipt("").items() if k != "member_id"}
    code = {"redemptions": [{"kind": "code", "name": "K7P2-9QXM"}]}
    for body, refused, pointer in (
        (receipt, "invalid_field", "/member_id"),
        (receipt | {"member_id": None}, "invalid_field", "/member_id"),
        (receipt | {"redemptions": [{"kind": "coupon", "name": "fastelavn"}]}, "invalid_field", "/member_id"),
        (receipt | code, "code_unknown", None),
    ):
        answer = till.send("POST", "/v1/purchases", body)
        assert (answer.code, answer.body.get("pointer")) == (refused, pointer)
    (result,) = till.send("POST", "/v1/purchases/batch", {"purchases": [receipt]}).body["results"]
    assert result["problem"]["code"] == "invalid_field"
    assert writes_so_far() == before


def test_what_is_not_goods_and_what_is_paid_otherwise_is_read(till: TillClient) -> None:
    member_id = till.join().body["member_id"]
    line = till.receipt(member_id)["lines"][0]
    lines = [line | {"amount": 10_000, "item_group": "brod"}, line | {"amount": 5_000, "kind": "gift_card"}]
    booked = till.buy(member_id, lines=lines, payments=[{"kind": "card", "amount": 15_000}])
    assert (booked.status, booked.body["total"], booked.body["earned"]["amount"]) == (201, 15_000, 300)


def test_the_ledger_is_paged_newest_first_with_opaque_cursors(till: TillClient) -> None:
    member_id = till.join(accepts=False).body["member_id"]
    booked = [till.buy(member_id, 1_000 * n).body["purchase_id"] for n in range(1, 6)]
    till.join()
    first = till.send("GET", f"/v1/members/{member_id}/ledger?limit=4").body
    rest = till.send("GET", f"/v1/members/{member_id}/ledger?limit=4&cursor={first['next']}").body
    entries = first["entries"] + rest["entries"]
    assert [entry["kind"] for entry in entries] == ["release"] + ["purchase"] * 5
    assert [entry["purchase_id"] for entry in entries[1:]] == booked[::-1]
    assert rest["next"] is None
    assert sum(entry["amount"] for entry in entries) == entries[0]["balance_after"]["total"]
    assert entries[0]["explanation"] == "Betingelserne er godkendt: 4,50 kr. kan nu bruges."


LINE = {"item_number": "1", "quantity": 1, "amount": 100}


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        ({"lines": [LINE | {"amount": -1}]}, "invalid_field", "/lines/0/amount"),
        ({"lines": [LINE | {"amount": 10.5}]}, "invalid_field", "/lines/0/amount"),
        ({"lines": [LINE | {"amount": 2099.0}]}, "invalid_field", "/lines/0/amount"),
        ({"lines": [LINE | {"amount": "100"}]}, "invalid_field", "/lines/0/amount"),
        ({"lines": [LINE | {"amount": True}]}, "invalid_field", "/lines/0/amount"),
        ({"lines": [LINE | {"amount": 10**30}]}, "invalid_field", "/lines/0/amount"),
        ({"lines": [LINE, LINE | {"quantity": -1}]}, "invalid_field", "/lines/1/quantity"),
        ({"lines": []}, "invalid_field", "/lines"),
        ({"lines": [LINE] * 301}, "invalid_field", "/lines"),
        ({"lines": None}, "invalid_field", "/lines"),
        ({"spend_bonus": -1}, "invalid_field", "/spend_bonus"),
        ({"spend_bonus": 1}, "not_enough_bonus", "/spend_bonus"),
        ({"currency": "NOK"}, "currency_differs", "/currency"),
        ({"currency": "EUR"}, "invalid_field", "/currency"),
        ({"lines": [LINE | {"kind": "voucher"}]}, "invalid_field", "/lines/0/kind"),
        ({"lines": [LINE | {"item_group": ""}]}, "invalid_field", "/lines/0/item_group"),
        ({"payments": [{"kind": "card", "amount": -1}]}, "invalid_field", "/payments/0/amount"),
        ({"redemptions": [{"kind": "bonus", "name": "x"}]}, "invalid_field", "/redemptions/0/kind"),
        ({"redemptions": [{"kind": "reward", "name": "x"}] * 11}, "invalid_field", "/redemptions"),
        ({"redemptions": [{"kind": "reward", "name": "rugbrod"}]}, "no_reward", None),
        ({"redemptions": [{"kind": "coupon", "name": "fastelavn"}]}, "coupon_unknown", None),
        ({"reservation_id": "h0"}, "invalid_field", "/reservation_id"),
        ({"reservation_id": "h" + "0" * 32}, "unknown_reservation", "/reservation_id"),
        ({"reservation_id": "h" + "0" * 32, "spend_bonus": 1}, "invalid_field", "/spend_bonus"),
        (
            {"reservation_id": "h" + "0" * 32, "redemptions": [{"kind": "reward", "name": "x"}]},
            "invalid_field",
            "/redemptions",
        ),
        ({"member_id": "m0000000000000000"}, "unknown_member", "/member_id"),
        ({"member_id": "x"}, "invalid_field", "/member_id"),
        ({"bought_at": "2026-11-21T12:00:00"}, "invalid_field", "/bought_at"),
        ({"bought_at": "yesterday"}, "invalid_field", "/bought_at"),
        ({"bought_at": "0001-01-01T00:00:00+14:00"}, "invalid_field", "/bought_at"),
        ({"bought_at": "9999-12-31T23:59:59-14:00"}, "invalid_field", "/bought_at"),
        ({"bought_at": "2001-01-01T00:00:00Z"}, "receipt_too_old", "/bought_at"),
        ({"bought_at": "2190-01-01T00:00:00Z"}, "receipt_in_future", "/bought_at"),
        ({"receipt_number": ""}, "invalid_field", "/receipt_number"),
        ({"receipt_number": "1" * 41}, "invalid_field", "/receipt_number"),
        ({"discount": 5}, "invalid_field", "/discount"),
        ({"lines": [LINE | {"vare": "1"}]}, "invalid_field", "/lines/0/vare"),
        ({"lines": [{"item_number": "1"}]}, "invalid_field", "/lines/0/quantity"),
    ],
)
def test_a_purchase_that_cannot_be_is_refused_and_nothing_is_written(
    till: TillClient, changes: dict[str, Any], code: str, pointer: str | None
) -> None:
    member_id = till.join().body["member_id"]
    before = writes_so_far()
    answer = till.send("POST", "/v1/purchases", till.receipt(member_id) | changes)
    assert (answer.code, answer.body.get("pointer")) == (code, pointer)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.body["status"] == answer.status
    assert writes_so_far() == before


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        ("{", {}, 400, "malformed_body"),
        ("", {}, 400, "malformed_body"),
        ("[]", {}, 422, "invalid_field"),
        ("null", {}, 422, "invalid_field"),
        ("[" * 100_000, {}, 422, "invalid_field"),
        ('{"phone":' * 20_000, {}, 422, "invalid_field"),
        ('{"a":' * 40_000 + "1" + "}" * 40_000, {}, 422, "invalid_field"),
        ("x" * 1_048_576, {}, 413, "body_too_large"),
        ('{"phone": "\\ud800"}', {}, 400, "malformed_body"),
        ('{"phone": "20123456"}', {"content_type": "text/plain"}, 415, "wrong_content_type"),
        ('{"phone": "20123456"}', {"content_type": "application/x-www-form-urlencoded"}, 415, "wrong_content_type"),
    ],
)
def test_a_body_that_cannot_be_read_is_a_problem_not_a_crash(
    till: TillClient, body: str, headers: dict[str, str], status: int, code: str
) -> None:
    answer = till.send("POST", "/v1/members/lookup", body, **headers)
    assert (answer.status, answer.code) == (status, code)


def test_a_body_in_base64_is_read(till: TillClient) -> None:
    from till_api.handler import lambda_handler

    member = till.join().body
    event = gateway_event(
        "POST",
        "/v1/members/lookup",
        {
            "authorization": f"Bearer {till.key}",
            "content-type": "application/json; charset=utf-8",
            "x-stamkunde-origin": ORIGIN_SECRET,
        },
        base64.b64encode(b'{"phone": "20123456"}').decode(),
    ) | {"isBase64Encoded": True}
    answer = lambda_handler(event, CONTEXT)  # type: ignore[arg-type]
    assert json.loads(answer["body"]) == member
    broken = lambda_handler(event | {"body": "§"}, CONTEXT)  # type: ignore[arg-type]
    assert json.loads(broken["body"])["code"] == "malformed_body"


@pytest.mark.parametrize(
    ("phone", "code"),
    [("20123456 Anna", "phone_has_letters"), ("12", "phone_invalid"), ("+12025550123", "phone_country_not_allowed")],
)
def test_a_phone_that_is_none_of_ours_is_refused(till: TillClient, phone: str, code: str) -> None:
    assert till.join(phone).code == code
    assert till.look_up(phone).code == code


def card_number(tables: DynamoDBClient, member_id: str) -> str:
    """The number that a member's page would show."""
    (row,) = [row for row in rows_of(tables, "members", [member_id]) if row["sk"] == "MEMBER"]
    return str(row["card"])


def test_a_card_is_looked_up_however_it_is_typed(till: TillClient, tables: DynamoDBClient) -> None:
    member = till.join(first_name="Mette").body
    card = card_number(tables, member["member_id"])
    for typed in (card, f"{card[:4]} {card[4:8]} {card[8:]}", f" {card}\n"):
        assert till.look_up_card(typed).body == member


def test_a_card_of_nobody_or_of_another_club_is_404(till: TillClient, tables: DynamoDBClient, operate: Any) -> None:
    card = card_number(tables, till.join().body["member_id"])
    answer = till.look_up_card(new_card_number())
    assert (answer.status, answer.code, answer.body["pointer"]) == (404, "unknown_member", "/card")
    assert new_till(operate).look_up_card(card).code == "unknown_member"


@pytest.mark.parametrize("typed", ["1234", "482915073620", "x" * 12, " ", "0" * 12 + "\u0000"])
def test_what_is_no_card_is_told_so(till: TillClient, typed: str) -> None:
    answer = till.look_up_card(typed)
    assert (answer.status, answer.code, answer.body["pointer"]) == (422, "card_invalid", "/card")


@pytest.mark.parametrize(
    "body",
    [{}, {"phone": "20123456", "card": "482915073621"}, {"phone": None, "card": None}, {"card": ""}, {"card": 1}],
)
def test_a_look_up_is_by_phone_or_by_card_and_never_by_both(till: TillClient, body: dict[str, Any]) -> None:
    answer = till.send("POST", "/v1/members/lookup", body)
    assert (answer.status, answer.code) == (422, "invalid_field")


def test_an_unknown_member_is_404(till: TillClient) -> None:
    assert (till.look_up("20999999").status, till.look_up("20999999").code) == (404, "unknown_member")


def test_only_the_front_door_is_answered(till: TillClient) -> None:
    for secret in ("", "wrong", "ø", "\ud800"):
        answer = till.send("POST", "/v1/members/lookup", {"phone": "20123456"}, x_stamkunde_origin=secret)
        assert (answer.status, answer.code) == (403, "origin_refused")


def test_a_till_api_without_the_front_doors_secret_does_not_start() -> None:
    with pytest.raises(ValueError, match="front door"):
        Resolver(ROUTES, lambda _route, _request: Response(200, {}), "")


def test_a_path_is_matched_to_its_end(till: TillClient) -> None:
    from till_api.handler import lambda_handler

    event = gateway_event("POST", "/v1/members/lookup", {"x-stamkunde-origin": ORIGIN_SECRET}, "")
    answer = lambda_handler(event | {"rawPath": "/v1/members/lookup\n"}, CONTEXT)  # type: ignore[arg-type]
    assert json.loads(answer["body"])["code"] == "no_such_route"
    assert till.send("GET", f"/v1/members/{'m' * 9_000}/ledger").code == "unknown_member"


def test_what_is_not_there_is_a_problem_document_too(till: TillClient) -> None:
    assert (till.send("GET", "/").status, till.send("GET", "/v1/nothing").code) == (404, "no_such_route")
    wrong = till.send("DELETE", "/v1/members")
    assert (wrong.status, wrong.code, wrong.headers["allow"]) == (405, "method_not_allowed", "POST")
    for purchase_id in ("p0", "%00", "p" * 500, "p" * 9_000):
        assert till.send("GET", f"/v1/purchases/{purchase_id}").code == "unknown_purchase"


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=x",
        "limit=-1",
        "limit=1e3",
        "limit=٣",
        "limit=0000000011000",
        "limit=" + "0" * 5_000 + "1",
    ],
)
def test_a_page_size_out_of_bounds_is_refused(till: TillClient, query: str) -> None:
    member_id = till.join().body["member_id"]
    assert till.send("GET", f"/v1/members/{member_id}/ledger?{query}").code == "invalid_field"
    assert till.send("GET", f"/v1/members/{member_id}/ledger?cursor=QQ").code == "bad_cursor"


def test_no_answer_is_kept_by_anybody_on_the_way(till: TillClient) -> None:
    assert till.join().headers["cache-control"] == "no-store"


def test_one_log_line_a_request_and_nothing_of_the_person_in_it(
    till: TillClient, capsys: pytest.CaptureFixture[str]
) -> None:
    from stamkunde.observability import logger

    capsys.readouterr()
    before = logger.registered_handler.setStream(sys.stdout)  # type: ignore[attr-defined]
    till.join("20123456", first_name="Mette")
    member_id = till.look_up("20123456").body["member_id"]
    till.buy(member_id)
    till.send("GET", f"/v1/members/{member_id}/ledger")
    logger.registered_handler.setStream(before)  # type: ignore[attr-defined]
    written = capsys.readouterr()
    lines = [json.loads(line) for line in (written.out + written.err).splitlines() if line.startswith("{")]
    requests = [line for line in lines if line.get("message") == "request"]
    assert [line["route"] for line in requests] == ["join_member", "look_up_member", "book_purchase", "show_ledger"]
    assert requests[2]["purchase"].startswith("p")
    assert requests[2]["club"] == till.club["club_id"]
    for secret in ("20123456", "Mette", member_id, till.key):
        assert secret not in written.out + written.err


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([route for route in ROUTES if route.method == "POST"]), st.data())
def test_no_json_at_all_breaks_a_route(till: TillClient, route: Any, data: st.DataObject) -> None:
    body = a_body(route.name, "m0000000000000000", till) or {}
    place = data.draw(st.sampled_from([*body, "unknown"]))
    body[place] = data.draw(json_values)
    path = route.path.format(member_id="m" + "0" * 16, purchase_id="p" + "0" * 24, reservation_id="h" + "0" * 32)
    answer = till.send(route.method, path, json.dumps(body), idempotency_key="key-1")
    assert answer.status in {200, 201, 202, 400, 404, 422}, answer.body
