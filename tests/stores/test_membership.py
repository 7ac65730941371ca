"""Joining and accepting at the till: one member a number, evidence kept, pending bonus released."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from stamkunde.members.model import Acceptance, AcceptanceMethod, MemberState
from stamkunde.shared.errors import Refusal
from tests.factories import LONG_AGO, NOON, make_club
from tests.ledger_checks import assert_ledger_adds_up, every_row, rows
from tests.shop import Shop

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


@pytest.mark.parametrize(
    "typed", ["20 12 34 56", "+45 20123456", "0045 20 12 34 56", "4520123456", "２０１２３４５６"]
)
def test_one_member_per_phone_whatever_the_format_typed(dynamodb: DynamoDBClient, typed: str) -> None:
    shop = Shop(dynamodb)
    first = shop.join("+4520123456")
    again = shop.join(typed)
    assert (first.new, again.new) == (True, False)
    assert again.at_till.member == first.at_till.member
    assert shop.membership.look_up(typed).member == first.at_till.member


def test_the_same_phone_is_somebody_else_in_another_club(dynamodb: DynamoDBClient) -> None:
    here, there = Shop(dynamodb), Shop(dynamodb, club=make_club(address_key=b"j" * 32))
    here.join("+4520123456")
    with pytest.raises(Refusal) as refused:
        there.membership.look_up("+4520123456")
    assert refused.value.code == "unknown_member"


def test_twenty_tills_enrol_one_number_once(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    with ThreadPoolExecutor(20) as pool:
        joined = list(pool.map(lambda _: shop.join("+4520123456"), range(20)))
    assert sum(each.new for each in joined) == 1
    assert len({each.at_till.member.member_id for each in joined}) == 1
    assert len([row for row in rows(dynamodb, "ledger") if row["sk"] == "ACCOUNT"]) == 1


def test_without_acceptance_a_member_is_open_and_bonus_is_pending(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    member = shop.join(accepts=False).at_till.member
    assert member.state is MemberState.OPEN
    shop.buy(member.member_id, 10_000)
    assert (shop.balance(member.member_id).pending, shop.balance(member.member_id).available) == (300, 0)


def test_accepting_in_the_shop_releases_pending_bonus_and_keeps_the_evidence(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    joined = shop.join("+4520123456", accepts=False).at_till.member
    shop.buy(joined.member_id, 10_000)
    shop.wait(timedelta(days=1))
    accepted = shop.join("+4520123456").at_till
    assert accepted.member.state is MemberState.MEMBER
    assert (accepted.balance.available, accepted.balance.pending) == (300, 0)
    (evidence,) = [row for row in rows(dynamodb, "members") if row["sk"].startswith("CONSENT#")]
    assert (evidence["method"], evidence["terms_version"], evidence["outlet"], evidence["till"]) == (
        "signed_form",
        1,
        "banegaarden",
        "kasse-1",
    )
    assert evidence["text_hash"] == shop.club.terms[0].text_hash
    assert_ledger_adds_up(shop, joined.member_id)
    shop.buy(joined.member_id, 1_000, spend_bonus=300)


def test_accepting_twice_leaves_one_record(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    shop.join("+4520123456")
    before = every_row(dynamodb)
    shop.join("+4520123456")
    assert every_row(dynamodb) == before


def test_accepting_while_twenty_purchases_are_booked_loses_no_bonus(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    member = shop.join("+4520123456", accepts=False).at_till.member.member_id
    receipts = [shop.receipt(member, 1_000) for _ in range(20)]

    def act(number: int) -> None:
        if number == 7:
            shop.join("+4520123456")
        else:
            shop.ledger.book(receipts[number], shop.point)

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(act, range(20)))
    assert shop.balance(member).available == 19 * 30
    assert shop.balance(member).pending == 0
    assert_ledger_adds_up(shop, member)


@pytest.mark.parametrize(
    ("acceptance", "code"),
    [
        (Acceptance(2, AcceptanceMethod.COUNTER_SCREEN, NOON), "unknown_terms_version"),
        (Acceptance(1, AcceptanceMethod.COUNTER_SCREEN, NOON + timedelta(minutes=6)), "acceptance_in_future"),
        (Acceptance(1, AcceptanceMethod.SIGNED_FORM, LONG_AGO - timedelta(days=1)), "acceptance_before_terms"),
    ],
)
def test_an_acceptance_that_cannot_be_is_refused(dynamodb: DynamoDBClient, acceptance: Acceptance, code: str) -> None:
    shop = Shop(dynamodb)
    before = every_row(dynamodb)
    with pytest.raises(Refusal) as refused:
        shop.membership.join("+4520123456", "Mette", acceptance, "banegaarden", "kasse-1")
    assert refused.value.code == code
    assert every_row(dynamodb) == before


def test_a_tills_clock_a_little_ahead_is_taken_as_now(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    ahead = Acceptance(1, AcceptanceMethod.COUNTER_SCREEN, NOON + timedelta(minutes=4))
    shop.membership.join("+4520123456", None, ahead, "banegaarden", "kasse-1")
    (evidence,) = [row for row in rows(dynamodb, "members") if row["sk"].startswith("CONSENT#")]
    assert evidence["accepted_at"] == "2026-11-21T12:00:00.000Z"


def test_no_key_of_any_row_tells_a_phone_number(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    shop.buy(shop.join("+4520123456", name="Mette").at_till.member.member_id)
    keys = [row["pk"] + row["sk"] for table in every_row(dynamodb).values() for row in table]
    assert keys
    assert not any("20123456" in key or "Mette" in key for key in keys)


def test_the_ledger_holds_neither_names_nor_numbers(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    shop.buy(shop.join("+4520123456", name="Mette").at_till.member.member_id)
    written = str(rows(dynamodb, "ledger"))
    assert "Mette" not in written
    assert "20123456" not in written


def test_the_pointer_of_a_number_differs_from_club_to_club(dynamodb: DynamoDBClient) -> None:
    one = Shop(dynamodb)
    other = Shop(dynamodb, club=replace(make_club(), club_id=one.club.club_id, address_key=b"z" * 32))
    one.join("+4520123456")
    with pytest.raises(Refusal):
        other.membership.look_up("+4520123456")
