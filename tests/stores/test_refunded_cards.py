"""What a refund does to full cards, to who has left a household, and to bonus whose last day is over."""

from __future__ import annotations

from copy import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from stamkunde.ledger.expiry import Expiry
from stamkunde.ledger.model.proving import differences
from stamkunde.ledger.model.receipts import Basket, Line, Redemption, RedemptionKind
from stamkunde.ledger.service import Booked
from stamkunde.shared.programme import Selection, StampProgramme
from tests.factories import NOON, THREE_PERCENT, make_club
from tests.ledger_checks import assert_ledger_adds_up
from tests.refund_scene import facts, refund_of
from tests.shop import Shop

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

LOAF = Selection(("bread",))
BREAD = StampProgramme("rugbrod", "Rugbrød", 10, "Et rugbrød", items=LOAF, reward=LOAF)


def sell_bread(shop: Shop, member_id: str, loaves: int, *used: Redemption) -> Booked:
    basket = Basket((Line("bread", loaves, 3_000 * loaves),), 0, used)
    return shop.ledger.book(replace(shop.receipt(member_id), basket=basket), shop.point)


@pytest.mark.parametrize(("first", "then"), [(3, 10), (10, 3)])
def test_a_full_card_is_opened_at_what_it_asked_for_also_once_the_programme_asks_for_other(
    dynamodb: DynamoDBClient, first: int, then: int
) -> None:
    edited_at = NOON + timedelta(hours=1)
    before = replace(THREE_PERCENT, stamp_programmes=(replace(BREAD, needed=first),))
    edited = replace(before, version=2, valid_from=edited_at, stamp_programmes=(replace(BREAD, needed=then),))
    shop = Shop(dynamodb, make_club(programmes=(before, edited)))
    member = shop.new_member()
    full = sell_bread(shop, member, first)
    shop.wait(timedelta(hours=2))
    sell_bread(shop, member, 1)
    shop.ledger.refunds.book(refund_of(full, refunded_at=shop.now()), shop.point)
    account = shop.account(member)
    assert (account.cards["rugbrod"].stamps, account.rewards) == (1, {})
    assert_ledger_adds_up(shop, member)


def test_a_used_reward_comes_back_as_the_one_it_was(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb, make_club(programmes=(replace(THREE_PERCENT, stamp_programmes=(BREAD,)),)))
    member = shop.new_member()
    sell_bread(shop, member, 10)
    before = shop.account(member).rewards
    used = sell_bread(shop, member, 1, Redemption(RedemptionKind.REWARD, "rugbrod"))
    assert shop.account(member).rewards == {}
    shop.ledger.refunds.book(refund_of(used), shop.point)
    assert shop.account(member).rewards == before
    assert_ledger_adds_up(shop, member)


def test_who_leaves_a_household_and_refunds_owes_the_stamps(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb, make_club(programmes=(replace(THREE_PERCENT, stamp_programmes=(BREAD,)),)))
    host, guest = shop.new_member(), shop.new_member()
    shop.households.join(guest, host, "Jens")
    bought = sell_bread(shop, guest, 10)
    shop.households.leave(guest, "Jens")
    undone = shop.ledger.refunds.book(refund_of(bought), shop.point)
    assert facts(undone).stamps_back == (("rugbrod", 10),)
    assert [(change.stamps, change.rewards) for change in undone.entry.stamps] == [(-10, ())]
    assert shop.account(guest).cards["rugbrod"].stamps == -10
    assert sum(shop.account(host).rewards.values()) == 1
    for member in (guest, host):
        account = shop.account(member)
        assert differences(account, list(shop.store.every_entry(account.account_id))) == []


def test_what_was_spent_before_its_last_day_is_owed_after_it_and_what_lapsed_is_not(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb, make_club(programmes=(replace(THREE_PERCENT, expiry_months=1),)))
    member = shop.new_member()
    big = shop.buy(member, 500_000, 500_000)
    shop.buy(member, 10_000, spend_bonus=10_000)
    shop.wait(timedelta(days=45))
    Expiry(shop.store, shop.clock, shop.club.time_zone, shop.patience).post(shop.account(member).account_id)
    now = shop.now()
    parts = [
        facts(shop.ledger.refunds.book(refund_of(big, f"R{place}", (place, 1), refunded_at=now), shop.point))
        for place in (0, 1)
    ]
    assert [(part.taken_back, part.owed, part.lapsed) for part in parts] == [(0, 0, 15_000), (10_000, 10_000, 5_000)]
    assert shop.account(member).deficit == 10_000
    assert_ledger_adds_up(shop, member)
