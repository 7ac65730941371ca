"""What a till is told when a member brings a paper card along."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.function_fixtures import new_till
from tests.till_client import Answer, TillClient
from tests.written import writes_so_far

PROGRAMME = {
    "rate": 300,
    "expiry_months": 36,
    "most_bonus_carried_over": 5_000,
    "stamp_programmes": [
        {
            "stamp_programme_id": "rugbrod",
            "name": "Rugbrød",
            "needed": 10,
            "reward_name": "gratis rugbrød",
            "items": {"item_numbers": ["5701000000011"]},
            "reward": {"item_numbers": ["5701000000011"]},
            "most_carried_over": 12,
        }
    ],
}


@pytest.fixture
def baker(operate: Any) -> TillClient:
    """A till of a club whose programme, in force by now, takes paper cards and old bonus."""
    till = new_till(operate, clock_offset_seconds=0)
    starts_at = datetime.now(UTC) + timedelta(minutes=3)
    club_id = till.club["club_id"]
    published = operate("publish_programme", club_id=club_id, valid_from=starts_at.isoformat(), programme=PROGRAMME)
    assert published.get("code") is None
    operate("move_clock", club_id=club_id, clock_offset_seconds=240)
    return till


def bring(till: TillClient, member_id: str, key: str = "card-1", **body: Any) -> Answer:
    return till.send("POST", f"/v1/members/{member_id}/carry-over", body, idempotency_key=key)


def test_stamps_from_paper_fill_a_card_and_the_same_key_gets_the_same_answer(baker: TillClient) -> None:
    member_id = baker.join().body["member_id"]
    first = bring(baker, member_id, stamp_programme_id="rugbrod", stamps=12)
    assert first.status == 201
    assert first.body["member_id"] == member_id
    entry = first.body["entry"]
    assert (entry["kind"], entry["outlet_id"], entry["till_id"]) == ("carry_over", "banegaarden", "kasse-1")
    assert entry["stamps"] == [{"stamp_programme_id": "rugbrod", "stamps": 2, "rewards": 1}]
    assert entry["explanation"] == "2 stempler og 1 fuldt kort taget med fra før."
    again = bring(baker, member_id, stamps=12, stamp_programme_id="rugbrod")
    assert (again.status, again.body) == (200, first.body)


def test_old_bonus_can_be_spent_from_the_next_purchase_on(baker: TillClient) -> None:
    member_id = baker.join().body["member_id"]
    brought = bring(baker, member_id, bonus=5_000)
    assert (brought.status, brought.body["entry"]["amount"]) == (201, 5_000)
    assert brought.body["entry"]["explanation"] == "50,00 kr. taget med fra før."
    assert baker.buy(member_id, 6_000, spend_bonus=5_000).body["to_pay"] == 1_000


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"bonus": 5_001}, 422, "carry_over_too_much"),
        ({"stamps": 13, "stamp_programme_id": "rugbrod"}, 422, "carry_over_too_much"),
        ({"stamps": 1, "stamp_programme_id": "kaffe"}, 422, "unknown_stamp_programme"),
        ({"stamps": 1}, 422, "invalid_field"),
        ({"bonus": 1, "stamps": 1, "stamp_programme_id": "rugbrod"}, 422, "invalid_field"),
        ({"bonus": 0}, 422, "invalid_field"),
        ({}, 422, "invalid_field"),
    ],
)
def test_what_cannot_be_brought_along_writes_nothing(
    baker: TillClient, body: dict[str, Any], status: int, code: str
) -> None:
    member_id = baker.join().body["member_id"]
    before = writes_so_far()
    refused = bring(baker, member_id, **body)
    assert (refused.status, refused.code) == (status, code)
    assert writes_so_far() == before


def test_each_thing_is_brought_along_once(baker: TillClient) -> None:
    member_id = baker.join().body["member_id"]
    bring(baker, member_id, stamp_programme_id="rugbrod", stamps=4)
    other_key = bring(baker, member_id, "card-2", stamp_programme_id="rugbrod", stamps=4)
    assert (other_key.status, other_key.code) == (409, "carried_over_already")
    assert other_key.body["detail"] == "Medlemmet har allerede taget det med. Det kan kun gøres én gang."
    other_body = bring(baker, member_id, stamp_programme_id="rugbrod", stamps=5)
    assert (other_body.status, other_body.code) == (422, "idempotency_key_differs")


def test_a_key_and_a_member_are_needed(baker: TillClient) -> None:
    member_id = baker.join().body["member_id"]
    without_key = baker.send("POST", f"/v1/members/{member_id}/carry-over", {"bonus": 1})
    assert (without_key.status, without_key.code) == (400, "idempotency_key_missing")
    assert bring(baker, "m0000000000000000", bonus=1).code == "unknown_member"
    assert bring(baker, "nobody", bonus=1).code == "unknown_member"


def test_a_club_that_takes_nothing_from_before_says_so(till: TillClient) -> None:
    member_id = till.join().body["member_id"]
    refused = bring(till, member_id, bonus=1)
    assert (refused.status, refused.code) == (422, "carry_over_not_offered")
