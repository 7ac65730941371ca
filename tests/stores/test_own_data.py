"""Everything that is kept of a member, gathered for that member: all of it, and nothing of anybody else's."""

from __future__ import annotations

import json
from copy import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from stamkunde.members.own_data import LARGEST_PART, LINES_OF_AN_ENTRY, OwnData, newest
from stamkunde.members.own_data_file import member_file
from stamkunde.shared.errors import Refusal
from tests.ledger_checks import every_row
from tests.shop import Shop

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

MINUTE = timedelta(minutes=1)
MOST_OF_AN_ANSWER = 5_000_000
"""Of the 6 MB that a Lambda may answer: the rest is headers, and what else is kept of a member."""


@pytest.fixture
def shop(dynamodb: DynamoDBClient) -> Shop:
    return Shop(dynamodb)


def read(shop: Shop, member_id: str) -> OwnData:
    return shop.own_data.read(member_id)


def told(shop: Shop, member_id: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(member_file(read(shop, member_id)))
    return found


def receipts(document: dict[str, Any]) -> list[str]:
    return [each["purchase"]["receipt_number"] for each in document["movements"] if each["purchase"]]


def test_gathering_writes_nothing(shop: Shop) -> None:
    member_id = shop.new_member()
    shop.buy(member_id)
    before = every_row(shop.client)
    told(shop, member_id)
    assert every_row(shop.client) == before


def test_movements_add_up_to_the_balance(shop: Shop) -> None:
    member_id = shop.new_member(accepts=False)
    shop.buy(member_id, 10_000)
    shop.wait(MINUTE)
    shop.buy(member_id, 20_000)
    document = told(shop, member_id)
    assert sum(each["amount"] for each in document["movements"]) == document["bonus"]["balance"]["total"] == 900
    assert sum(lot["amount"] for lot in document["bonus"]["lots"]) == 900


def test_what_others_in_a_household_bought_stays_theirs(shop: Shop) -> None:
    mette, bo = shop.new_member(), shop.new_member()
    shop.households.join(bo, mette, "Ida")
    hers = shop.receipt(mette, 10_000, number="bon-hendes")
    his = shop.receipt(bo, 20_000, number="bon-hans")
    for receipt in (hers, his):
        shop.wait(MINUTE)
        shop.ledger.book(receipt, shop.point)
    document = told(shop, mette)
    assert receipts(document) == [hers.receipt_number]
    assert his.receipt_number not in json.dumps(document)
    assert document["bonus"]["shared_with_others"]
    moved = sum(each["amount"] for part in ("movements", "movements_of_household") for each in document[part])
    assert moved == document["bonus"]["balance"]["total"] == 900
    assert [set(each) for each in document["movements_of_household"]] == [{"day", "kind", "amount"}] * 2
    assert "Ida" not in json.dumps(document)


def test_what_happened_in_a_household_before_somebody_came_into_it_is_none_of_theirs(shop: Shop) -> None:
    mette, bo, eva = (shop.new_member() for _ in range(3))
    for guest, buys in ((bo, 10_000), (eva, 20_000)):
        shop.buy(mette, buys)
        shop.wait(MINUTE)
        shop.households.join(guest, mette, "Ida")
        shop.wait(MINUTE)
    shop.buy(bo, 40_000)
    moved = {each: [one["amount"] for one in told(shop, each)["movements_of_household"]] for each in (mette, bo, eva)}
    assert moved == {mette: [0, 0, 1200], bo: [600, 0], eva: [1200]}
    shop.households.leave(bo, "Ida")
    assert told(shop, bo)["movements_of_household"] == []
    assert len(told(shop, bo)["movements"]) == 5


def test_many_movements_come_in_parts_with_nothing_left_out(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stamkunde.members.own_data.LARGEST_PART", 3 * (LINES_OF_AN_ENTRY + 1))
    member_id = shop.new_member()
    for number in range(8):
        shop.wait(MINUTE)
        shop.ledger.book(shop.receipt(member_id, 10_000, number=f"bon-{number}"), shop.point)
    parts: list[list[str]] = []
    before = None
    while not parts or before:
        data = shop.own_data.read(member_id, before)
        document = json.loads(member_file(data))
        parts.append(receipts(document))
        before = document["older_movements"]
    assert [len(part) for part in parts] == [3, 3, 2]
    assert [number for part in reversed(parts) for number in part] == [f"bon-{number}" for number in range(8)]
    with pytest.raises(Refusal, match="bad_cursor"):
        shop.own_data.read(member_id, "æ")


@pytest.mark.parametrize("lines", [1, 300])
def test_the_largest_part_is_well_below_what_an_answer_may_hold(shop: Shop, lines: int) -> None:
    member_id = shop.new_member()
    shop.buy(member_id, *[10_000] * lines)
    data = read(shop, member_id)
    (entry,) = data.entries
    part, older = newest([replace(entry, entry_id=f"{number:06}") for number in range(5_000)])
    assert older is not None
    assert sum(len(each.purchase.lines) + LINES_OF_AN_ENTRY for each in part if each.purchase) > 0.9 * LARGEST_PART
    assert len(json.dumps(member_file(replace(data, entries=tuple(part))).decode())) < MOST_OF_AN_ANSWER


def test_what_was_bought_before_a_move_or_a_merge_is_in_it_too(shop: Shop) -> None:
    mette, bo, old_mette = shop.new_member(), shop.new_member(), shop.new_member()
    whose = {"bon-gammel": old_mette, "bon-ny": mette, "bon-bo": bo}
    before = [shop.receipt(member_id, 10_000, number=number) for number, member_id in whose.items()]
    for receipt in before:
        shop.wait(MINUTE)
        shop.ledger.book(receipt, shop.point)
    shop.wait(MINUTE)
    shop.merging.merge(old_mette, mette, "Ida")
    shop.wait(MINUTE)
    shop.households.join(mette, bo, "Ida")
    document = told(shop, mette)
    assert receipts(document) == ["bon-gammel", "bon-ny"]
    assert "bon-bo" not in json.dumps(document)
    assert [former["member_id"] for former in document["profile"]["formerly"]] == [old_mette]
    assert len(document["consents"]) == 2


def test_nobody_reads_of_somebody_who_is_not_there(shop: Shop) -> None:
    with pytest.raises(Refusal, match="unknown_member"):
        read(shop, "m0000000000000000")
