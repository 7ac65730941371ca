"""A regular's week: a paper card, the last bag, something held while she pays, goods that come back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from tests.local_stack import LocalStack
from tests.races import BAG, BAG_COUPON, PROGRAMME, RYE
from tests.till_client import Answer
from tests.till_over_http import OpenShop

KRINGLE = "5701001000099"
(RYE_CARD,) = PROGRAMME["stamp_programmes"]
FROM_BEFORE = PROGRAMME | {
    "stamp_programmes": [RYE_CARD | {"most_carried_over": 12}],
    "most_bonus_carried_over": 5_000,
}
LAST_BAG = BAG_COUPON | {"total": 1}
REWARD = {"kind": "reward", "name": "rugbrod"}
BAG_FREE = {"kind": "coupon", "name": "pose"}


@pytest.fixture
def here(local_stack: LocalStack) -> Iterator[OpenShop]:
    with httpx.Client(base_url=local_stack.stack.api_url, timeout=30) as door:
        yield OpenShop.with_offers(local_stack.stack, door, FROM_BEFORE, LAST_BAG)


def line(item_number: str, quantity: int, amount: int) -> dict[str, Any]:
    return {"item_number": item_number, "quantity": quantity, "amount": amount}


def bring(here: OpenShop, member_id: str, **what: Any) -> Answer:
    return here.till.send("POST", f"/v1/members/{member_id}/carry-over", what, idempotency_key=json.dumps(what)[:9])


def refund(here: OpenShop, bought: Answer, number: str, **given: Any) -> Answer:
    body = {"refund_number": number, "refunded_at": datetime.now(UTC).isoformat()} | given
    return here.till.send("POST", f"/v1/purchases/{bought.body['purchase_id']}/refunds", body)


def test_a_regular_brings_her_card_collects_holds_pays_and_returns(here: OpenShop) -> None:
    till = here.till
    member_id = till.join("20 12 34 56", first_name="Mette").body["member_id"]
    brought = bring(here, member_id, stamps=9, stamp_programme_id="rugbrod")
    assert (brought.status, bring(here, member_id, bonus=2_000).status) == (201, 201)
    assert till.look_up("20123456").body["say"] == "Mangler 1 til gratis rugbrød."

    bought = till.buy(member_id, lines=[line(RYE, 1, 3_000), line(BAG, 1, 4_000)], redemptions=[BAG_FREE])
    assert (bought.status, bought.body["discount"], bought.body["to_pay"]) == (201, 4_000, 3_000)
    assert (bought.body["earned"]["amount"], bought.body["stamps"][0]["rewards"]) == (90, 1)
    other = till.join("20 12 34 57").body["member_id"]
    sold_out = till.buy(other, lines=[line(BAG, 1, 4_000)], redemptions=[BAG_FREE])
    assert (sold_out.status, sold_out.code) == (422, "coupon_sold_out")
    collected = till.look_up("20123456").body
    assert collected["balance"] == {"total": 2_090, "available": 2_090, "pending": 0, "reserved": 0}
    assert collected["stamps"][0]["rewards"][0]["count"] == 1

    basket = [line(RYE, 1, 3_000), line(KRINGLE, 2, 4_000)]
    wish = till.basket(member_id, lines=basket, redemptions=[REWARD], spend_bonus=2_000)
    held = till.send("POST", "/v1/reservations", wish, idempotency_key="basket-1")
    assert (held.status, held.body["discount"], held.body["to_pay"]) == (201, 3_000, 2_000)
    second = here.another_till("kasse-2")
    assert second.buy(member_id, lines=basket, redemptions=[REWARD]).code == "no_reward"
    assert second.look_up("20123456").body["balance"]["available"] == 90
    receipt = till.receipt(member_id, lines=basket)
    paid = till.send("POST", f"/v1/reservations/{held.body['reservation_id']}/capture", receipt)
    assert (paid.status, paid.body["to_pay"], paid.body["earned"]["amount"]) == (201, 2_000, 60)

    one_kringle = refund(here, paid, "R-1", lines=[{"line": 2, "quantity": 1}])
    assert (one_kringle.status, one_kringle.body["money_back"]) == (201, 1_000)
    assert (one_kringle.body["bonus_given_back"], one_kringle.body["bonus_taken_back"]) == (1_000, 30)
    rest = refund(here, paid, "R-2")
    assert (rest.body["money_back"], [each["source"] for each in rest.body["benefits"]]) == (1_000, ["reward"])
    assert till.look_up("20123456").body == collected
    assert here.purchases(member_id) == 6
    assert_the_jobs_find_everything_in_order(here)


def test_goods_come_back_before_the_sale_has_arrived(here: OpenShop) -> None:
    till = here.till
    member_id = till.join().body["member_id"]
    receipt = till.receipt(member_id, lines=[line(RYE, 2, 6_000)])
    about = {"purchase": {"receipt_number": receipt["receipt_number"], "bought_at": receipt["bought_at"]}}
    wish = about | {"refund_number": "R-1", "refunded_at": datetime.now(UTC).isoformat()}
    assert (parked := till.send("POST", "/v1/refunds", wish)).status == 202, parked.body
    booked = till.send("POST", "/v1/purchases", receipt)
    told = till.send("POST", "/v1/refunds", wish)
    assert (booked.status, told.status, told.body["money_back"]) == (201, 200, 6_000)
    assert till.look_up("20123456").body["balance"]["total"] == 0
    assert here.purchases(member_id) == 2


def assert_the_jobs_find_everything_in_order(here: OpenShop) -> None:
    """What operators and the nightly jobs see of it, in their own Lambdas."""
    club = {"club_id": here.till.club["club_id"]}
    verified = here.operator.do("verify_ledger", **club)
    assert (verified["difference_count"], verified["unsettled"], verified["next_shard"]) == (0, 0, None)
    assert (verified["accounts"], verified["entries"]) == (2, 6)
    (coupon,) = here.operator.do("list_coupons", **club)["coupons"]
    assert coupon["taken"] == 1
