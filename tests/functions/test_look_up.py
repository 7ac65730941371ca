"""What a till is told of a member and of a receipt: cards, coupons, expiries, and the one line to say."""

from __future__ import annotations

import json
from copy import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from stamkunde.bootstrap import TillSession
from stamkunde.http import Request
from stamkunde.ledger.model.coupons import BenefitKind, Coupon, CouponAudience, CouponHistory
from stamkunde.shared.programme import BonusProgramme, Selection, StampProgramme, Unit
from tests.factories import LONG_AGO, NOON, THREE_PERCENT, make_club, make_till
from tests.shop import Shop
from tests.till_client import gateway_event

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

RYE = Selection(("5701000000001",))
CARD = StampProgramme("rugbrod", "Rugbrød", 10, "gratis rugbrød", items=RYE, reward=RYE)
BAKERY = replace(THREE_PERCENT, stamp_programmes=(CARD,))
PHONE = "+4520123456"


class Till:
    """A till of a shop whose programme and clock a test decides."""

    def __init__(self, client: DynamoDBClient, programme: BonusProgramme = BAKERY, **club: Any) -> None:
        self.shop = Shop(client, club=make_club(programmes=(programme,), **club))
        self.member = self.shop.join(PHONE).at_till.member.member_id
        self._number = 0

    def ask(self, endpoint: str, body: Any, **headers: str) -> Any:
        from till_api.endpoints import ENDPOINTS

        given = {"content-type": "application/json"} | {name.replace("_", "-"): v for name, v in headers.items()}
        request = Request.from_event(gateway_event("POST", "/v1", given, json.dumps(body)))
        return msgspec.to_builtins(ENDPOINTS[endpoint](self.session, request).model)

    @property
    def session(self) -> TillSession:
        shop = self.shop
        return TillSession(shop.club, make_till(), shop.clock, shop.ledger, shop.membership, lambda _: None)

    def look_up(self) -> Any:
        return self.ask("look_up_member", {"phone": PHONE})

    def buy(self, *lines: tuple[str, int, int], **given: Any) -> Any:
        self._number += 1
        return self.ask("book_purchase", self.receipt(*lines, **given))

    def receipt(self, *lines: tuple[str, int, int], **given: Any) -> dict[str, Any]:
        sold = [{"item_number": number, "quantity": units, "amount": amount} for number, units, amount in lines]
        return {
            "receipt_number": str(self._number),
            "bought_at": self.shop.now().isoformat(),
            "currency": "DKK",
            "member_id": self.member,
            "lines": sold,
        } | given

    def publish(self, coupon: Coupon) -> None:
        store = self.shop.coupons.store
        store.commit(store.publish_writes(None, CouponHistory((coupon,))))


def loaves(units: int) -> tuple[str, int, int]:
    return ("5701000000001", units, 3_200 * units)


def test_a_look_up_tells_cards_and_the_one_line_to_say(dynamodb: DynamoDBClient) -> None:
    till = Till(dynamodb)
    told = till.look_up()
    assert (told["stamps"][0]["stamps"], told["expiring"], told["say"]) == (0, [], None)
    till.buy(loaves(9))
    told = till.look_up()
    assert told["stamps"] == [
        {
            "stamp_programme_id": "rugbrod",
            "name": "Rugbrød",
            "stamps": 9,
            "needed": 10,
            "reward": "gratis rugbrød",
            "rewards": [],
        }
    ]
    assert told["say"] == "Mangler 1 til gratis rugbrød."
    till.buy(loaves(1))
    told = till.look_up()
    assert told["stamps"][0]["rewards"] == [{"last_day": "2027-11-30", "count": 1}]
    assert told["say"] == "Har gratis rugbrød til gode."


def test_what_is_held_is_not_offered_again(dynamodb: DynamoDBClient) -> None:
    till = Till(dynamodb)
    till.buy(loaves(10))
    basket = till.receipt(loaves(1), redemptions=[{"kind": "reward", "name": "rugbrod"}])
    held = {name: value for name, value in basket.items() if name not in {"receipt_number", "bought_at"}}
    till.ask("reserve", held, idempotency_key="key")
    told = till.look_up()
    assert (told["stamps"][0]["rewards"], told["say"]) == ([], None)


def test_bonus_is_said_when_it_is_worth_it_or_about_to_go(dynamodb: DynamoDBClient) -> None:
    till = Till(dynamodb, replace(THREE_PERCENT, expiry_months=2))
    till.buy(("1", 1, 66_600))
    assert till.look_up()["say"] is None
    till.buy(("1", 1, 100))
    assert till.look_up()["say"] == "Har 20,01 kr. i bonus."
    till.shop.wait(timedelta(days=20))
    till.buy(("1", 1, 10_000))
    assert till.look_up()["expiring"] == [
        {"last_day": "2027-01-31", "amount": 2_001},
        {"last_day": "2027-02-28", "amount": 300},
    ]
    till.shop.wait(timedelta(days=25))
    told = till.look_up()
    assert (told["balance"]["available"], told["say"]) == (2_301, "20,01 kr. i bonus udløber i denne måned.")


def test_points_are_said_as_points_and_weighed_by_what_they_pay_for(dynamodb: DynamoDBClient) -> None:
    till = Till(dynamodb, replace(THREE_PERCENT, rate=3, unit=Unit.POINTS, point_value=100))
    told = till.buy(("1", 1, 70_000))
    assert (told["unit"], told["earned"]["amount"], told["earned"]["why"]["rule"]) == ("points", 21, "points_bonus")
    assert told["receipt_text"] == ["Bonus for købet: 21 point", "Til næste gang: 21 point"]
    assert till.look_up()["say"] == "Har 21 point i bonus."
    spent = till.buy(("1", 1, 10_000), spend_bonus=20)
    assert (spent["spent"]["amount"], spent["paid_with_bonus"], spent["to_pay"]) == (20, 2_000, 8_000)


COFFEE = Coupon("kaffe", 1, "Gratis kaffe", BenefitKind.FREE_ITEM, 0, LONG_AGO, NOON + timedelta(days=1))


def test_coupons_that_can_be_used_here_and_now_are_told(dynamodb: DynamoDBClient) -> None:
    till = Till(dynamodb)
    for coupon in (
        COFFEE,
        replace(COFFEE, coupon_id="over", valid_until=NOON),
        replace(COFFEE, coupon_id="begins", valid_from=NOON + timedelta(hours=1)),
        replace(COFFEE, coupon_id="elsewhere", outlets=("trojborg",)),
        replace(COFFEE, coupon_id="handed-out", audience=CouponAudience.VOUCHER),
        replace(COFFEE, coupon_id="poster", audience=CouponAudience.CODE),
    ):
        till.publish(coupon)
    assert till.look_up()["coupons"] == [
        {"coupon_id": "kaffe", "name": "Gratis kaffe", "until": "2026-11-22T12:00:00.000Z"}
    ]
    till.buy(("1", 1, 2_500), redemptions=[{"kind": "coupon", "name": "kaffe"}])
    assert till.look_up()["coupons"] == []


def test_an_open_member_is_offered_nothing_to_use(dynamodb: DynamoDBClient) -> None:
    till = Till(dynamodb)
    till.publish(COFFEE)
    till.shop.join("+4526123456", accepts=False)
    told = till.ask("look_up_member", {"phone": "+4526123456"})
    assert (told["state"], told["coupons"], told["expiring"], told["say"]) == ("open", [], [], None)


def test_a_receipt_tells_stamps_and_what_was_used_and_the_same_again(dynamodb: DynamoDBClient) -> None:
    till = Till(dynamodb)
    till.publish(COFFEE)
    told = till.buy(loaves(23))
    assert told["stamps"] == [
        {
            "stamp_programme_id": "rugbrod",
            "name": "Rugbrød",
            "given": 23,
            "stamps": 3,
            "needed": 10,
            "rewards": 2,
            "words": "Rugbrød: 2 kort er fyldt, 2 gange gratis rugbrød til næste gang.",
        }
    ]
    used = [{"kind": "reward", "name": "rugbrod"}, {"kind": "coupon", "name": "kaffe"}]
    till._number += 1
    receipt = till.receipt(loaves(2), ("1", 1, 2_500), redemptions=used, spend_bonus=100)
    first = till.ask("book_purchase", receipt)
    assert (first["total"], first["discount"], first["paid_with_bonus"], first["to_pay"]) == (
        8_900,
        5_700,
        100,
        3_100,
    )
    assert sorted((each["source"], each["name"], each["amount"], each["words"]) for each in first["benefits"]) == [
        ("coupon", "kaffe", 2_500, "Gratis kaffe: 25,00 kr. sparet."),
        ("reward", "rugbrod", 3_200, "Gratis rugbrød: 32,00 kr. sparet."),
    ]
    assert (first["stamps"][0]["given"], first["stamps"][0]["words"]) == (1, "Rugbrød: 4 af 10 stempler.")
    assert first["receipt_text"][-1] == "Rugbrød: 4 af 10 stempler."
    till.buy(loaves(4))
    assert till.ask("book_purchase", receipt) == first


def test_a_quote_tells_what_the_receipt_will(dynamodb: DynamoDBClient) -> None:
    till = Till(dynamodb)
    till.buy(loaves(12))
    receipt = till.receipt(loaves(3), spend_bonus=50, redemptions=[{"kind": "reward", "name": "rugbrod"}])
    quoted = till.ask(
        "quote_purchase", {k: v for k, v in receipt.items() if k not in {"receipt_number", "bought_at"}}
    )
    till._number += 1
    booked = till.ask("book_purchase", receipt | {"receipt_number": "again"})
    assert {name: booked[name] for name in quoted} == quoted


@pytest.mark.parametrize("language", ["da", "nb", "en"])
def test_the_line_to_say_is_in_the_clubs_language(dynamodb: DynamoDBClient, language: str) -> None:
    till = Till(dynamodb, language=language)
    till.buy(loaves(9))
    expected = {"da": "Mangler 1 til", "nb": "Mangler 1 til", "en": "1 more for"}
    assert till.look_up()["say"].startswith(expected[language])
