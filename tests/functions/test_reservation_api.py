"""Reservations as a till meets them: hold, capture, release, and every way to come too late."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.till_client import TillClient
from tests.written import writes_so_far
from till_api.idempotency import LONGEST_KEY


@pytest.fixture
def member_id(till: TillClient) -> str:
    """Somebody with 30 kr. of bonus."""
    member = str(till.join().body["member_id"])
    till.buy(member, 100_000)
    return member


def capture(till: TillClient, member_id: str, reservation_id: str, amount: int = 4995, **given: Any) -> Any:
    receipt = till.receipt(member_id, amount, **given)
    return till.send("POST", f"/v1/reservations/{reservation_id}/capture", receipt)


def release(till: TillClient, reservation_id: str) -> Any:
    return till.send("POST", f"/v1/reservations/{reservation_id}/release")


def available(till: TillClient) -> tuple[int, int]:
    balance = till.look_up("20123456").body["balance"]
    return balance["available"], balance["reserved"]


def test_a_till_holds_bonus_while_the_receipt_is_made(till: TillClient, member_id: str) -> None:
    held = till.hold(member_id, 3_500, amount=2_000)
    assert held.status == 201
    assert re.fullmatch(r"h[0-9a-z]{32}", held.body["reservation_id"])
    assert (held.body["total"], held.body["to_pay"], held.body["paid_with_bonus"]) == (2_000, 0, 2_000)
    assert held.body["spent"]["asked"] == 3_500
    until = datetime.fromisoformat(held.body["until"])
    assert timedelta(minutes=14) < until - datetime.now(UTC) <= timedelta(minutes=15)
    assert available(till) == (1_000, 2_000)
    booked = capture(till, member_id, held.body["reservation_id"], 2_000)
    assert (booked.status, booked.body["spent"]["amount"], booked.body["to_pay"]) == (201, 2_000, 0)
    assert booked.body["balance_after"] == {"total": 1_000, "available": 1_000, "pending": 0, "reserved": 0}


def test_the_same_key_gets_the_same_body_with_200(till: TillClient, member_id: str) -> None:
    first, again = (till.hold(member_id, 500, key="basket") for _ in range(2))
    assert (first.status, again.status) == (201, 200)
    assert first.body == again.body
    assert available(till) == (2_500, 500)
    other = till.hold(member_id, 501, key="basket")
    assert (other.status, other.code) == (422, "idempotency_key_differs")


@pytest.mark.parametrize("key", ["", " ", "x" * (LONGEST_KEY + 1), "two words", "smør", "tab\tbed"])
def test_a_hold_needs_a_key_that_can_be_read(till: TillClient, member_id: str, key: str) -> None:
    before = writes_so_far()
    answer = till.send("POST", "/v1/reservations", till.basket(member_id, spend_bonus=1), idempotency_key=key)
    assert (answer.status, answer.code) == (400, "idempotency_key_missing")
    without = till.send("POST", "/v1/reservations", till.basket(member_id, spend_bonus=1))
    assert without.code == "idempotency_key_missing"
    assert writes_so_far() == before


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({}, "nothing_to_hold"),
        ({"spend_bonus": 3_001}, "not_enough_bonus"),
        ({"redemptions": [{"kind": "code", "name": "K7P2"}]}, "code_not_held"),
        ({"redemptions": [{"kind": "reward", "name": "rugbrod"}]}, "no_reward"),
        ({"redemptions": [{"kind": "coupon", "name": "fastelavn"}]}, "coupon_unknown"),
        ({"spend_bonus": 1, "currency": "NOK"}, "currency_differs"),
        ({"spend_bonus": 1, "member_id": None}, "invalid_field"),
        ({"spend_bonus": 1, "member_id": "m0000000000000000"}, "unknown_member"),
        ({"spend_bonus": 1, "offline": True}, "invalid_field"),
        ({"spend_bonus": 1, "receipt_number": "1"}, "invalid_field"),
    ],
)
def test_a_hold_that_cannot_be_is_refused_and_nothing_is_written(
    till: TillClient, member_id: str, given: dict[str, Any], code: str
) -> None:
    before = writes_so_far()
    body = till.basket(member_id, 50_000) | given
    answer = till.send("POST", "/v1/reservations", body, idempotency_key="key")
    assert answer.code == code
    assert writes_so_far() == before


def test_what_is_released_can_be_spent_and_no_more_be_captured(till: TillClient, member_id: str) -> None:
    reservation_id = till.hold(member_id, 3_000, amount=5_000, key="first").body["reservation_id"]
    assert till.buy(member_id, 5_000, spend_bonus=1).code == "not_enough_bonus"
    for _ in range(2):
        answer = release(till, reservation_id)
        assert (answer.status, answer.body) == (200, {"reservation_id": reservation_id})
    assert available(till) == (3_000, 0)
    late = capture(till, member_id, reservation_id)
    assert (late.status, late.code, late.body["pointer"]) == (410, "reservation_over", "/reservation_id")
    assert till.hold(member_id, 3_000, amount=5_000, key="first").code == "reservation_over"


def test_a_captured_reservation_is_over_for_others_and_its_receipt_is_repeated(
    till: TillClient, member_id: str
) -> None:
    reservation_id = till.hold(member_id, 1_000).body["reservation_id"]
    path, receipt = f"/v1/reservations/{reservation_id}/capture", till.receipt(member_id)
    first, again = till.send("POST", path, receipt), till.send("POST", path, receipt)
    assert (first.status, again.status, again.body == first.body) == (201, 200, True)
    by_itself = till.send("POST", "/v1/purchases", receipt | {"reservation_id": reservation_id})
    assert (by_itself.status, by_itself.body) == (200, first.body)
    assert capture(till, member_id, reservation_id).code == "reservation_over"
    assert release(till, reservation_id).code == "reservation_over"
    assert till.send("POST", "/v1/purchases", receipt).code == "receipt_differs"


def test_a_queue_captures_as_far_as_possible(till: TillClient, member_id: str) -> None:
    reservation_id = till.hold(member_id, 1_000).body["reservation_id"]
    release(till, reservation_id)
    receipts = [till.receipt(member_id, reservation_id=each) for each in (reservation_id, "h" + "0" * 32)]
    results = till.send("POST", "/v1/purchases/batch", {"purchases": receipts}).body["results"]
    for result in results:
        assert (result["status"], result["purchase"]["spent"]["amount"]) == (201, 0)
        assert result["purchase"]["refused"] == [
            {
                "what": "reservation",
                "name": "",
                "code": "reservation_over",
                "amount": 0,
                "words": "Reservationen gælder ikke længere.",
            }
        ]
    held = till.hold(member_id, 1_000).body["reservation_id"]
    queued = capture(till, member_id, held, offline=True)
    assert (queued.body["spent"]["amount"], queued.body["refused"]) == (1_000, [])


@pytest.mark.parametrize("name", ["h0", "p" * 33, "h" + "0" * 32, "h" + "0" * 9_000])
def test_a_reservation_nobody_made_is_404(till: TillClient, member_id: str, name: str) -> None:
    for answer in (release(till, name), capture(till, member_id, name)):
        assert (answer.status, answer.code) == (404, "unknown_reservation")


@pytest.mark.parametrize("extra", [{"spend_bonus": 5}, {"redemptions": []}])
def test_a_capture_uses_what_was_held_and_names_nothing_else(
    till: TillClient, member_id: str, extra: dict[str, Any]
) -> None:
    reservation_id = till.hold(member_id, 1_000).body["reservation_id"]
    assert capture(till, member_id, reservation_id, **extra).code == "invalid_field"
    assert available(till) == (2_000, 1_000)
