"""The examples in the OpenAPI document: the sample requests in their order, and what a real handler answered.

``STAMKUNDE_EXAMPLES=yes pytest tests/functions/test_openapi_examples.py`` writes the answers down anew.
"""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from infra.openapi import ANSWERS, EVENTS
from tests.function_fixtures import new_till
from tests.functions.conftest import PAGE
from tests.till_client import Answer, TillClient
from till_api.routes import ROUTES

OPENED = datetime(2026, 11, 21, 11, 50, tzinfo=UTC)
JOINED, SHOPPED = OPENED + timedelta(minutes=9), OPENED + timedelta(minutes=11)
OFFERED = "2026-11-21T12:53:00"
BREAD = {"item_numbers": ["5701001000013"]}
STAMPS = {
    "stamp_programme_id": "rugbrod",
    "name": "Rugbrød",
    "needed": 10,
    "reward_name": "gratis rugbrød",
    "items": BREAD,
    "reward": BREAD,
    "most_carried_over": 9,
}
COFFEE = {
    "coupon_id": "kaffe",
    "name": "Kaffe og kage",
    "benefit": "amount_off",
    "value": 2_000,
    "audience": "voucher",
    "surprise_limit": 3,
    "valid_from": OFFERED,
    "valid_until": "2027-01-01T00:00:00",
}
SHOWN = "2026-11-21T12:00:05.000Z"
# What an answer names, as the sample requests name it.
NAMES = {
    "member_id": "m0123456789abcdef",
    "account_id": "a0123456789abcdef",
    "purchase_id": "p0123456789abcdefghjkmnpq",
    "reservation_id": "h0123456789abcdef0123456789abcdef",
}
EARLIER = {"item_number": "5701001000099", "quantity": 1, "amount": 40_000}
ORDER = (
    "join_member",
    "show_permission_texts",
    "say_permissions",
    "carry_over",
    "give_voucher",
    "look_up_member",
    "quote_purchase",
    "book_purchase",
    "book_purchases",
    "reserve",
    "capture",
    "release",
    "refund_purchase",
    "refund_receipt",
    "show_purchase",
    "show_ledger",
)


@pytest.fixture
def till(operate: Any, tables: Any) -> TillClient:
    """A till of a club with stamps and a coupon, on the day of the samples, a little before them."""
    till = new_till(operate, clock_offset_seconds=_offset(OPENED))
    club_id = till.club["club_id"]
    programme = {"rate": 300, "expiry_months": 36, "stamp_programmes": [STAMPS]}
    for published in (
        operate("publish_programme", club_id=club_id, valid_from=OFFERED, programme=programme),
        operate("publish_coupon", club_id=club_id, coupon=COFFEE),
        operate("publish_join_page", club_id=club_id, **PAGE),
        operate("move_clock", club_id=club_id, clock_offset_seconds=_offset(JOINED)),
    ):
        assert "code" not in published, str(published)
    return till


def test_every_route_has_its_place_in_the_story() -> None:
    assert set(ORDER) == {route.name for route in ROUTES} == {path.stem for path in ANSWERS.glob("*.json")}


def test_the_examples_are_what_a_till_is_really_answered(till: TillClient, operate: Any) -> None:
    told = Story(till)
    recorded = {}
    for name in ORDER:
        if name == "release":
            told.reserves_again()
        recorded[name] = told.answer_to(name)
        if name == "join_member":
            operate("move_clock", club_id=till.club["club_id"], clock_offset_seconds=_offset(SHOPPED))
            told.buys_before()
    assert {answer["status"] for answer in recorded.values()} <= {200, 201}, recorded
    if os.environ.get("STAMKUNDE_EXAMPLES"):
        for name, answer in recorded.items():
            (ANSWERS / f"{name}.json").write_text(json.dumps(answer, ensure_ascii=False, indent=2) + "\n")
    assert recorded == {name: json.loads((ANSWERS / f"{name}.json").read_text()) for name in ORDER}


class Story:
    """The sample requests with the ids of a real member, and their answers with the samples' ids again."""

    def __init__(self, till: TillClient) -> None:
        self._till = till
        self._real: dict[str, str] = {}

    def answer_to(self, name: str) -> dict[str, Any]:
        """What the sample request of a route is answered."""
        event = json.loads((EVENTS / f"{name}.json").read_text())
        http = event["requestContext"]["http"]
        key = {key: value for key, value in event["headers"].items() if key == "idempotency-key"}
        path = self._with_real_ids(event["rawPath"])
        answer = self._till.send(http["method"], path, self._with_real_ids(event.get("body", "")), **key)
        self._learn(answer)
        return {"status": answer.status, "body": self._with_sample_ids(answer.body)}

    def buys_before(self) -> None:
        """An earlier purchase, so that there is something to spend."""
        bought = JOINED.isoformat()
        receipt = self._till.receipt(self._real[NAMES["member_id"]], lines=[EARLIER], bought_at=bought)
        assert self._till.send("POST", "/v1/purchases", receipt).status == 201

    def reserves_again(self) -> None:
        """Another reservation, since the one of the sample was captured."""
        body = json.loads((EVENTS / "reserve.json").read_text())["body"]
        answer = self._till.send(
            "POST", "/v1/reservations", self._with_real_ids(body), idempotency_key="another-reservation"
        )
        self._real[NAMES["reservation_id"]] = answer.body["reservation_id"]

    def _learn(self, answer: Answer) -> None:
        for field, sample in NAMES.items():
            if field in answer.body:
                self._real.setdefault(sample, answer.body[field])

    def _with_real_ids(self, written: str) -> str:
        for sample, real in self._real.items():
            written = written.replace(sample, real)
        return written

    def _with_sample_ids(self, body: Any) -> Any:
        written = json.dumps(body)
        for sample, real in self._real.items():
            written = written.replace(real, sample)
        written = re.sub(r"p[0-9a-z]{24}(?=\")", NAMES["purchase_id"], written)
        written = re.sub(r'"\d{8}T\d{9}Z#[0-9a-z]+"', '"20261121T120005000Z#0123abcd"', written)
        return json.loads(re.sub(r'"2026-11-21T(?!12:00:00\.000Z)[\d:.]+Z"', f'"{SHOWN}"', written))


def _offset(instant: datetime) -> int:
    return round((instant - datetime.now(UTC)).total_seconds())
