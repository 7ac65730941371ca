"""Refunds as a till meets them: what came back, what is paid back, and refusals that write nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.function_fixtures import new_till
from tests.till_client import Answer, TillClient
from tests.written import writes_so_far


def refund(till: TillClient, bought: Answer, number: str = "R-1", **given: Any) -> Answer:
    body = {"refund_number": number, "refunded_at": now()} | given
    return till.send("POST", f"/v1/purchases/{bought.body['purchase_id']}/refunds", body)


def refund_receipt(till: TillClient, receipt: dict[str, Any], number: str = "R-1", **given: Any) -> Answer:
    purchase = {"receipt_number": receipt["receipt_number"], "bought_at": receipt["bought_at"]}
    purchase |= given.pop("purchase", {})
    body = {"purchase": purchase, "refund_number": number, "refunded_at": now()} | given
    return till.send("POST", "/v1/refunds", body)


def now() -> str:
    return datetime.now(UTC).isoformat()


@pytest.fixture
def member_id(till: TillClient) -> str:
    found: str = till.join().body["member_id"]
    return found


def test_goods_come_back_and_the_till_is_told_what_to_pay_and_print(till: TillClient, member_id: str) -> None:
    till.buy(member_id, 100_000)
    line = {"item_number": "5701001000013", "quantity": 3, "amount": 9_000}
    bought = till.buy(member_id, lines=[line], spend_bonus=3_000)
    answer = refund(till, bought, lines=[{"line": 1, "quantity": 1}])
    assert answer.status == 201
    shown = answer.body
    assert (shown["state"], shown["purchase_id"], shown["refund_number"]) == (
        "booked",
        bought.body["purchase_id"],
        "R-1",
    )
    assert shown["lines"] == [{"line": 1, "quantity": 1}]
    assert (shown["amount"], shown["money_back"]) == (3_000, 2_000)
    assert (shown["bonus_given_back"], shown["bonus_taken_back"], shown["owed"]) == (1_000, 60, 0)
    assert shown["balance_after"]["available"] == 180 + 1_000 - 60
    assert shown["explanation"] == (
        "Varer for 30,00 kr. kom tilbage. 10,00 kr. bonus givet tilbage. 0,60 kr. bonus taget tilbage."
    )
    assert shown["receipt_text"] == [
        "Bonus tilbage: 10,00 kr.",
        "Bonus taget tilbage: 0,60 kr.",
        "Til næste gang: 11,20 kr.",
    ]


def test_the_printer_tells_of_stamps_taken_and_of_what_can_be_used_again(operate: Any) -> None:
    till = new_till(operate, clock_offset_seconds=0)
    bread = {"item_numbers": ["5701001000013"]}
    stamps = {"stamp_programme_id": "rugbrod", "name": "Rugbrød", "needed": 10, "reward_name": "gratis rugbrød"}
    programme = {"rate": 300, "expiry_months": 36, "stamp_programmes": [stamps | {"items": bread, "reward": bread}]}
    soon = (datetime.now(UTC) + timedelta(minutes=10)).isoformat()
    valid_until = (datetime.now(UTC) + timedelta(days=30)).isoformat()
    coupon = {"coupon_id": "kaffe", "name": "Kaffe og kage", "benefit": "amount_off", "value": 500}
    club_id = till.club["club_id"]
    for done in (
        operate("publish_programme", club_id=club_id, valid_from=soon, programme=programme),
        operate("publish_coupon", club_id=club_id, coupon=coupon | {"valid_until": valid_until}),
        operate("move_clock", club_id=club_id, clock_offset_seconds=3_600),
    ):
        assert "code" not in done, done
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    line = {"item_number": "5701001000013", "quantity": 2, "amount": 6_000}
    wish = [{"kind": "coupon", "name": "kaffe"}]
    member_id = till.join().body["member_id"]
    bought = till.buy(member_id, lines=[line], redemptions=wish, bought_at=later)
    shown = refund(till, bought, refunded_at=later).body
    assert shown["receipt_text"] == [
        "Bonus taget tilbage: 1,65 kr.",
        "Til næste gang: 0,00 kr.",
        "Rugbrød: 2 stempler taget tilbage.",
        "Kan bruges igen: Kaffe og kage.",
    ]


def test_the_same_refund_again_gets_the_same_body_with_200(till: TillClient, member_id: str) -> None:
    bought = till.buy(member_id, 10_000)
    refunded_at = now()
    first = refund(till, bought, refunded_at=refunded_at)
    till.buy(member_id, 500)
    again = refund(till, bought, refunded_at=refunded_at)
    assert (first.status, again.status) == (201, 200)
    assert first.body == again.body
    assert refund(till, bought, refunded_at=refunded_at, lines=[{"line": 1, "quantity": 1}]).code == "receipt_differs"


def test_a_purchase_shows_what_came_back_of_it(till: TillClient, member_id: str) -> None:
    line = {"item_number": "5701001000013", "quantity": 2, "amount": 9_000}
    bought = till.buy(member_id, lines=[line])
    one = refund(till, bought, "R-1", lines=[{"line": 1, "quantity": 1}])
    rest = refund(till, bought, "R-2")
    shown = till.send("GET", f"/v1/purchases/{bought.body['purchase_id']}")
    assert shown.body == bought.body | {"refunds": [one.body, rest.body]}
    assert refund(till, bought, "R-3").code == "refund_exceeds_sale"
    entries = till.send("GET", f"/v1/members/{member_id}/ledger").body["entries"]
    assert [(entry["kind"], entry["purchase_id"]) for entry in entries] == [
        ("refund", bought.body["purchase_id"]),
        ("refund", bought.body["purchase_id"]),
        ("purchase", bought.body["purchase_id"]),
    ]
    assert entries[0]["explanation"] == one.body["explanation"]


def test_a_till_that_knows_only_the_receipt_refunds_it_at_once_if_it_is_there(
    till: TillClient, member_id: str
) -> None:
    receipt = till.receipt(member_id, 10_000)
    bought = till.send("POST", "/v1/purchases", receipt)
    answer = refund_receipt(till, receipt)
    assert (answer.status, answer.body["purchase_id"]) == (201, bought.body["purchase_id"])
    assert answer.body["receipt_text"] == ["Bonus taget tilbage: 3,00 kr.", "Til næste gang: 0,00 kr."]


def test_another_till_refunds_a_receipt_by_the_till_that_sold_it(
    till: TillClient, member_id: str, operate: Any
) -> None:
    receipt = till.receipt(member_id, 10_000)
    till.send("POST", "/v1/purchases", receipt)
    shown = operate(
        "create_till",
        club_id=till.club["club_id"],
        outlet_id="banegaarden",
        till_id="kasse-2",
        name="Kasse 2",
        receipt_numbers="daily",
    )
    other = TillClient(till.club, shown["key"], till.call)
    assert refund_receipt(other, receipt, purchase={"till_id": "kasse-1"}).status == 201
    unknown = refund_receipt(other, receipt, "R-2", purchase={"till_id": "kasse-7"})
    assert (unknown.code, unknown.body["pointer"]) == ("unknown_till", "/purchase/till_id")


def test_a_refund_before_its_sale_is_parked_and_booked_with_it(till: TillClient, member_id: str) -> None:
    receipt = till.receipt(member_id, 10_000)
    refunded_at = now()
    first = refund_receipt(till, receipt, refunded_at=refunded_at)
    again = refund_receipt(till, receipt, refunded_at=refunded_at)
    assert (first.status, first.body["state"], first.body["refund_number"]) == (202, "parked", "R-1")
    assert (again.status, again.body) == (202, first.body)
    until = datetime.fromisoformat(first.body["until"])
    assert timedelta(days=6, hours=23) < until - datetime.now(UTC) <= timedelta(days=7)
    bought = till.send("POST", "/v1/purchases", receipt)
    assert bought.status == 201
    booked = refund_receipt(till, receipt, refunded_at=refunded_at)
    assert (booked.status, booked.body["state"]) == (200, "booked")
    assert till.look_up("20123456").body["balance"]["total"] == 0


def test_what_was_spent_already_is_told_as_owed(till: TillClient, member_id: str) -> None:
    bought = till.buy(member_id, 10_000)
    till.buy(member_id, 300, spend_bonus=300)
    answer = refund(till, bought)
    assert (answer.body["owed"], answer.body["balance_after"]["available"]) == (300, 0)
    assert answer.body["receipt_text"][1] == "Trækkes fra næste bonus: 3,00 kr."


def test_a_refund_is_told_in_norwegian_in_norway(operate: Any) -> None:
    till = new_till(operate, country="NO", name="Sykkelhuset")
    bought = till.buy(till.join("91234567").body["member_id"], 10_000)
    assert refund(till, bought).body["receipt_text"][0] == "Bonus tatt tilbake: 3,00 kr"


def test_another_clubs_purchase_cannot_come_back_here(till: TillClient, member_id: str, operate: Any) -> None:
    bought = till.buy(member_id, 10_000)
    other = new_till(operate)
    assert refund(other, bought).code == "unknown_purchase"


ONE = {"line": 1, "quantity": 1}


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        ({"lines": [ONE | {"quantity": 2}]}, "refund_exceeds_sale", "/lines/0/quantity"),
        ({"lines": [ONE, ONE]}, "refund_exceeds_sale", "/lines/1/quantity"),
        ({"lines": [{"line": 2, "quantity": 1}]}, "refund_exceeds_sale", "/lines/0/line"),
        ({"lines": [ONE | {"quantity": 0}]}, "invalid_field", "/lines/0/quantity"),
        ({"lines": [ONE | {"quantity": -1}]}, "invalid_field", "/lines/0/quantity"),
        ({"lines": [ONE | {"line": 0}]}, "invalid_field", "/lines/0/line"),
        ({"lines": [ONE | {"line": 301}]}, "invalid_field", "/lines/0/line"),
        ({"lines": []}, "invalid_field", "/lines"),
        ({"lines": [ONE] * 301}, "invalid_field", "/lines"),
        ({"refund_number": ""}, "invalid_field", "/refund_number"),
        ({"refunded_at": "2026-11-21T12:00:00"}, "invalid_field", "/refunded_at"),
        ({"refunded_at": "0001-01-01T00:00:00+14:00"}, "invalid_field", "/refunded_at"),
        ({"refunded_at": "2001-01-01T00:00:00Z"}, "receipt_too_old", "/refunded_at"),
        ({"refunded_at": (datetime.now(UTC) - timedelta(days=1)).isoformat()}, "invalid_field", "/refunded_at"),
        ({"refunded_at": "2190-01-01T00:00:00Z"}, "receipt_in_future", "/refunded_at"),
        ({"currency": "DKK"}, "invalid_field", "/currency"),
    ],
)
def test_a_refund_that_cannot_be_is_refused_and_nothing_is_written(
    till: TillClient, member_id: str, changes: dict[str, Any], code: str, pointer: str
) -> None:
    bought = till.buy(member_id)
    before = writes_so_far()
    answer = refund(till, bought, **changes)
    assert (answer.code, answer.body.get("pointer")) == (code, pointer)
    assert writes_so_far() == before


def test_an_id_that_is_none_of_ours_is_an_unknown_purchase(till: TillClient) -> None:
    for path in ("p0123456789abcdefghjkmnpq", "x", "p%230"):
        answer = till.send("POST", f"/v1/purchases/{path}/refunds", {"refund_number": "1", "refunded_at": now()})
        assert (answer.status, answer.code) == (404, "unknown_purchase")
