"""Coupons, codes and surprise vouchers as a till and an operator meet them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.function_fixtures import new_till
from tests.till_client import Answer, TillClient
from tests.written import writes_so_far

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

HOUR = 3_600
COFFEE = "5701001000044"
FREE_COFFEE: dict[str, Any] = {
    "coupon_id": "kaffe",
    "name": "Gratis kaffe",
    "benefit": "free_item",
    "items": {"item_numbers": [COFFEE]},
    "valid_until": (datetime.now(UTC) + timedelta(days=30)).isoformat(),
}


@pytest.fixture
def shop(tables: DynamoDBClient, operate: Any) -> TillClient:
    """A club whose clock can be moved, so that what is published counts."""
    return new_till(operate, clock_offset_seconds=0)


def publish(shop: TillClient, operate: Any, **given: Any) -> dict[str, Any]:
    """Publish a coupon, and wait until it counts."""
    shown: dict[str, Any] = operate("publish_coupon", club_id=shop.club["club_id"], coupon=FREE_COFFEE | given)
    assert "code" not in shown, shown
    operate("move_clock", club_id=shop.club["club_id"], clock_offset_seconds=HOUR)
    return shown


def give(shop: TillClient, member_id: str, key: str = "key-1", **given: Any) -> Answer:
    body = {"coupon_id": "kaffe", "reason": "waiting", "staff": "Ida"} | given
    return shop.send("POST", f"/v1/members/{member_id}/vouchers", body, idempotency_key=key)


def buy(shop: TillClient, member_id: str | None, *redemptions: dict[str, str]) -> Answer:
    receipt = shop.receipt("", redemptions=list(redemptions)) | {"member_id": member_id}
    receipt["lines"] = [{"item_number": COFFEE, "quantity": 2, "amount": 5000}]
    receipt["bought_at"] = (datetime.now(UTC) + timedelta(seconds=HOUR)).isoformat()
    return shop.send("POST", "/v1/purchases", receipt)


COUPON = {"kind": "coupon", "name": "kaffe"}


def test_staff_give_a_coffee_and_the_owner_reads_of_it(shop: TillClient, operate: Any) -> None:
    publish(shop, operate, audience="voucher", surprise_limit=1)
    member, other = (shop.join(phone).body["member_id"] for phone in ("20123456", "20123457"))
    given = give(shop, member)
    assert (given.status, given.body["coupon_id"], given.body["reason"]) == (201, "kaffe", "waiting")
    assert give(shop, member).status == 200
    assert give(shop, member, reason="other").code == "idempotency_key_differs"
    refused = give(shop, other, "key-2")
    assert (refused.code, refused.body["detail"]) == (
        "surprise_limit_reached",
        "Gratis kaffe: Der kan deles 1 ud om dagen, og de er givet.",
    )
    assert buy(shop, member, COUPON).body["discount"] == 2500
    day = given.body["given_at"][:10]
    days = {day, (datetime.fromisoformat(day) + timedelta(days=1)).date().isoformat()}
    notes = [
        note
        for each in sorted(days)
        for note in operate("list_ledger_notes", club_id=shop.club["club_id"], day=each)["notes"]
    ]
    assert [(note["kind"], note["code"], note["subject"], note["member_id"]) for note in notes] == [
        ("surprise_voucher", "waiting", "kaffe", member)
    ]


def test_a_voucher_without_a_key_is_refused_and_writes_nothing(shop: TillClient, operate: Any) -> None:
    publish(shop, operate, audience="voucher", surprise_limit=1)
    member = shop.join().body["member_id"]
    before = writes_so_far()
    assert give(shop, member, "").code == "idempotency_key_missing"
    assert give(shop, member, reason="bribe").code == "invalid_field"
    assert give(shop, "m0000000000000000").code == "unknown_member"
    assert give(shop, member, coupon_id="nothing").code == "coupon_unknown"
    assert writes_so_far() == before


def test_a_poster_is_for_everybody_once(shop: TillClient, operate: Any) -> None:
    publish(shop, operate, audience="code")
    made = operate("make_coupon_codes", club_id=shop.club["club_id"], coupon_id="kaffe", count=101)["codes"]
    assert len(set(made)) == 101
    typed = {"kind": "code", "name": made[100]}
    used = buy(shop, None, typed).body
    assert (used["discount"], used["earned"]["amount"], used["earned"]["status"]) == (2500, 0, "none")
    again = buy(shop, None, typed)
    assert (again.status, again.code, again.body["title"]) == (422, "code_used", "Koden er brugt")


def test_the_owner_sees_what_is_taken_of_a_total(shop: TillClient, operate: Any) -> None:
    publish(shop, operate, total=40)
    member = shop.join().body["member_id"]
    assert buy(shop, member, COUPON).status == 201
    (listed,) = operate("list_coupons", club_id=shop.club["club_id"])["coupons"]
    assert (listed["coupon_id"], listed["total"], listed["taken"], listed["version"]) == ("kaffe", 40, 1, 1)
    used = buy(shop, member, COUPON)
    assert (used.code, used.body["title"]) == ("coupon_used", "Kuponen er brugt")


def test_an_operator_hands_out_a_voucher(shop: TillClient, operate: Any) -> None:
    publish(shop, operate, audience="voucher")
    member = shop.join().body["member_id"]
    task = {"club_id": shop.club["club_id"], "coupon_id": "kaffe", "member_id": member, "by": "Mette"}
    first = operate("hand_out_voucher", **task, key="jul", last_day="2099-12-24")
    assert (first["member_id"], first["repeated"]) == (member, False)
    assert operate("hand_out_voucher", **task, key="jul", last_day="2099-12-24") == first | {"repeated": True}
    assert operate("hand_out_voucher", **task, key="jul")["code"] == "idempotency_key_differs"
    assert operate("hand_out_voucher", **task, key="pinse")["code"] == "voucher_given"
    refused = give(shop, member)
    assert (refused.code, refused.body["detail"]) == (
        "coupon_not_given",
        "Gratis kaffe: Den kupon kan ikke gives i butikken. Vælg en anden.",
    )
    assert buy(shop, member, COUPON).status == 201


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"coupon_id": "Kaffe!"}, "/coupon_id"),
        ({"name": " "}, "/name"),
        ({"items": None}, "/items"),
        ({"value": 1}, "/value"),
        ({"benefit": "percent_off", "value": 10_001}, "/value"),
        ({"benefit": "amount_off"}, "/value"),
        ({"uses_per_member": 0}, "/uses_per_member"),
        ({"total": 0}, "/total"),
        ({"valid_until": "2020-01-01T00:00:00"}, "/valid_until"),
        ({"hours": {"weekdays": [8]}}, "/hours/weekdays"),
        ({"surprise_limit": 2}, "/surprise_limit"),
        ({"valid_from": "2020-01-01T00:00:00", "valid_until": "2020-02-01T00:00:00"}, "/valid_from"),
        ({"outlets": ["trojborg"]}, "/outlets/0"),
        ({"valid_from": "0001-01-01T00:00:00"}, "/valid_from"),
        ({"valid_until": "9999-12-31T23:59:59"}, "/valid_until"),
    ],
)
def test_a_coupon_that_makes_no_sense_is_refused_and_writes_nothing(
    shop: TillClient, operate: Any, wrong: dict[str, Any], pointer: str
) -> None:
    before = writes_so_far()
    refused = operate("publish_coupon", club_id=shop.club["club_id"], coupon=FREE_COFFEE | wrong)
    assert refused["pointer"] == pointer, refused
    assert writes_so_far() == before


def test_a_misspelt_field_of_a_coupon_is_refused(shop: TillClient, operate: Any) -> None:
    misspelt: list[dict[str, Any]] = [{"items": {}}, {"items": {"item_number": [COFFEE]}}, {"totals": 40}]
    for wrong in misspelt:
        refused = operate("publish_coupon", club_id=shop.club["club_id"], coupon=FREE_COFFEE | wrong)
        assert refused["code"] == "invalid_field"
