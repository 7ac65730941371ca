"""Publishing bonus programmes, and booking by them: on the real engine."""

from __future__ import annotations

import json
import secrets
from concurrent.futures import ThreadPoolExecutor
from copy import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from stamkunde.clubs.model import Club, TermsVersion
from stamkunde.clubs.programme_form import programme_document, read_programme
from stamkunde.clubs.service import NewClub, Operators
from stamkunde.clubs.store import ClubStore
from stamkunde.ledger.model.accounts import LotKey
from stamkunde.ledger.model.receipts import Basket, Line, Receipt, Redemption, RedemptionKind
from stamkunde.ledger.model.settlement import Terms
from stamkunde.ledger.service import Booked
from stamkunde.shared.clock import FixedClock
from stamkunde.shared.errors import Refusal
from stamkunde.shared.programme import (
    BonusProgramme,
    EarningRule,
    Multiplier,
    Selection,
    StampKind,
    StampProgramme,
    Unit,
)
from tests.factories import COPENHAGEN, LONG_AGO, NOON, THREE_PERCENT, make_club
from tests.ledger_checks import assert_ledger_adds_up, every_row
from tests.shop import Shop

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

WISH = NewClub(slug="bager-holm", name="Bager Holm", country="DK", contact="hej@bagerholm.example")
RYE = Selection(("rugbrød",))
STAMPS = StampProgramme("rugbrod", "Rugbrød", 10, "gratis rugbrød", items=RYE, reward=RYE)
EVENING = datetime(2026, 11, 27, 17, 0, tzinfo=UTC)
FRIDAY = Multiplier("fredag", 20_000, EVENING, EVENING + timedelta(hours=4))
FULL = replace(
    THREE_PERCENT,
    rules=(EarningRule("kage", 500, Selection(("kage",))),),
    multipliers=(FRIDAY,),
    stamp_programmes=(STAMPS,),
)


def operators(client: DynamoDBClient, now: datetime = NOON) -> Operators:
    return Operators(client, "clubs", FixedClock(now), random_bytes=secrets.token_bytes, clocks_movable=False)


def refusal_code(client: DynamoDBClient, action: Any) -> str:
    before = every_row(client)
    with pytest.raises(Refusal) as refused:
        action()
    assert every_row(client) == before
    return refused.value.code


def stored(client: DynamoDBClient, club: Club) -> Club:
    found = ClubStore(client, "clubs", club.club_id).load()
    assert found is not None
    return found


def bread(units: int, *, number: str, at: datetime = NOON, member_id: str = "", rewards: int = 0) -> Receipt:
    redemptions = (Redemption(RedemptionKind.REWARD, "rugbrod"),) * rewards
    lines = (Line("rugbrød", units, units * 3_000),)
    return Receipt(number, at, member_id, Basket(lines, 0, redemptions))


def test_a_whole_programme_is_kept_and_the_next_version_keeps_what_it_does_not_change(
    dynamodb: DynamoDBClient,
) -> None:
    desk = operators(dynamodb)
    club = desk.create_club(WISH)
    start = NOON + timedelta(hours=1)
    published = desk.publish_whole_programme(club.club_id, FULL, start)
    assert published == replace(FULL, version=2, valid_from=start)
    assert stored(dynamodb, club).programmes[-1] == published
    later = desk.publish_programme(club.club_id, 400, None, start)
    assert later == replace(published, version=3, rate=400)
    assert stored(dynamodb, club).programmes[-1] == later


def test_what_is_shown_is_edited_and_published(dynamodb: DynamoDBClient) -> None:
    desk = operators(dynamodb)
    club = desk.create_club(WISH)
    newest = desk.publish_whole_programme(club.club_id, FULL, NOON + timedelta(hours=1))
    file = json.loads(json.dumps(programme_document(newest, club.time_zone)))
    file["stamp_programmes"][0]["needed"] = 8
    start = NOON + timedelta(hours=2)
    after = desk.publish_whole_programme(club.club_id, read_programme(file, start, club.time_zone), start)
    assert after == replace(newest, version=3, valid_from=start, stamp_programmes=(replace(STAMPS, needed=8),))


def test_double_bonus_for_an_evening_starts_as_soon_as_may_be_and_leaves_the_rest(dynamodb: DynamoDBClient) -> None:
    desk = operators(dynamodb)
    club = desk.create_club(WISH)
    desk.create_outlet(club.club_id, "havnen", "Havnen")
    version = desk.publish_extra_bonus(club.club_id, EVENING, EVENING + timedelta(hours=4), 20_000, ("havnen",))
    assert version.valid_from == NOON + timedelta(minutes=2)
    assert replace(version, multipliers=()) == replace(
        club.programmes[0], version=2, valid_from=NOON + timedelta(minutes=2)
    )
    (evening,) = version.multipliers
    assert (evening.starts_at, evening.factor, evening.outlets) == (EVENING, 20_000, ("havnen",))
    begun = (NOON + timedelta(minutes=1), NOON + timedelta(hours=4), 20_000, ())
    assert refusal_code(dynamodb, lambda: desk.publish_extra_bonus(club.club_id, *begun)) == "version_starts_too_soon"
    nowhere = (EVENING, EVENING + timedelta(hours=1), 20_000, ("nowhere",))
    assert refusal_code(dynamodb, lambda: desk.publish_extra_bonus(club.club_id, *nowhere)) == "unknown_outlet"


def test_of_two_that_publish_at_once_one_is_told_that_the_other_was_there_first(dynamodb: DynamoDBClient) -> None:
    desk = operators(dynamodb)
    club = desk.create_club(WISH)
    start = NOON + timedelta(hours=1)

    def publish(rate: int) -> int | str:
        try:
            return desk.publish_programme(club.club_id, rate, None, start).version
        except Refusal as refusal:
            return refusal.code

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(publish, range(100, 108)))
    given = [answer for answer in answers if answer != "already_exists"]
    assert sorted(map(int, given)) == list(range(2, 2 + len(given)))
    assert len(stored(dynamodb, club).programmes) == 1 + len(given)


def test_what_a_club_cannot_promise_is_refused_and_nothing_is_written(dynamodb: DynamoDBClient) -> None:
    desk = operators(dynamodb)
    club_id = desk.create_club(WISH).club_id
    start = NOON + timedelta(hours=1)
    for wish, code in (
        (replace(FULL, unit=Unit.POINTS), "invalid_field"),
        (replace(FULL, rules=(EarningRule("kage", 500, outlets=("nowhere",)),)), "unknown_outlet"),
        (replace(FULL, expiry_months=24), "expiry_not_in_terms"),
    ):
        assert refusal_code(dynamodb, lambda: desk.publish_whole_programme(club_id, wish, start)) == code  # noqa: B023


def test_a_club_with_its_own_terms_must_say_in_them_when_bonus_expires_early(dynamodb: DynamoDBClient) -> None:
    desk = operators(dynamodb)
    own = replace(WISH, terms_text="Bonus gælder længe.", expiry_months=12)
    assert refusal_code(dynamodb, lambda: desk.create_club(own)) == "expiry_not_in_terms"
    said = desk.create_club(replace(own, terms_text="Bonus udløber 12 måneder efter købet."))
    assert stored(dynamodb, said).promised_months() == {1: 12}
    ours = desk.create_club(replace(WISH, slug="en-anden", expiry_months=12))
    assert stored(dynamodb, ours).promised_months() == {1: 12}
    assert "12 måneder" in ours.terms[0].text


def test_a_club_that_counts_points_says_so_in_its_terms_and_for_ever(dynamodb: DynamoDBClient) -> None:
    desk = operators(dynamodb)
    club = desk.create_club(replace(WISH, unit=Unit.POINTS, rate=100, point_value=10))
    assert "100 point pr. 100 kr. (1 point er 0,10 kr. værd)" in club.terms[0].text
    later = desk.publish_programme(club.club_id, 200, None, NOON + timedelta(hours=1))
    assert (later.unit, later.point_value) == (Unit.POINTS, 10)


# Booking ------------------------------------------------------------------------------------------------------------


def shop_with(client: DynamoDBClient, *programmes: BonusProgramme, **given: Any) -> Shop:
    return Shop(client, make_club(programmes=programmes, **given))


def stamps(booked: Booked) -> list[tuple[int, int]]:
    return [(change.stamps, sum(count for _, count in change.rewards)) for change in booked.entry.stamps]


def test_a_late_receipt_from_friday_evening_gets_fridays_double_bonus(dynamodb: DynamoDBClient) -> None:
    over = replace(THREE_PERCENT, version=2, valid_from=EVENING + timedelta(hours=6))
    shop = shop_with(dynamodb, FULL, over)
    member = shop.new_member()
    shop.clock = FixedClock(EVENING + timedelta(days=3))
    receipt = Receipt("fredag-1", EVENING + timedelta(hours=1), member, Basket((Line("vin", 1, 10_000),), 0))
    booked = shop.ledger.book(receipt, shop.point)
    assert booked.entry.purchase is not None
    assert (booked.entry.amount, booked.entry.purchase.earned.shares[0].multipliers) == (600, ("fredag",))
    assert shop.buy(member, 10_000).entry.amount == 300
    assert_ledger_adds_up(shop, member)


def test_stamps_are_booked_once_and_their_rewards_are_used_later(dynamodb: DynamoDBClient) -> None:
    shop = shop_with(dynamodb, FULL)
    member = shop.new_member()
    first = bread(23, number="1", member_id=member)
    assert stamps(shop.ledger.book(first, shop.point)) == [(3, 2)]
    again = shop.ledger.book(first, shop.point)
    assert (again.repeated, stamps(again)) == (True, [(3, 2)])
    used = shop.ledger.book(bread(2, number="2", member_id=member, rewards=2), shop.point)
    assert used.entry.purchase is not None
    assert (used.entry.purchase.to_pay, stamps(used)) == (0, [(0, -2)])
    account = shop.account(member)
    assert (account.cards["rugbrod"].stamps, account.rewards) == (3, {})
    with pytest.raises(Refusal) as refused:
        shop.ledger.book(bread(1, number="3", member_id=member, rewards=1), shop.point)
    assert refused.value.code == "no_reward"
    assert_ledger_adds_up(shop, member)


def test_stamps_from_twenty_tills_at_once_are_all_there(dynamodb: DynamoDBClient) -> None:
    shop = shop_with(dynamodb, FULL)
    member = shop.new_member()
    receipts = [bread(3, number=str(number), member_id=member) for number in range(20)]
    with ThreadPoolExecutor(20) as tills:
        list(tills.map(lambda receipt: shop.ledger.book(receipt, shop.point), receipts))
    account = shop.account(member)
    assert (account.cards["rugbrod"].stamps, sum(account.rewards.values())) == (0, 6)
    assert_ledger_adds_up(shop, member)


def test_visits_are_remembered_from_one_receipt_to_the_next(dynamodb: DynamoDBClient) -> None:
    visits = StampProgramme("besog", "Besøg", 5, "gratis kaffe", kind=StampKind.VISIT)
    shop = shop_with(dynamodb, replace(FULL, stamp_programmes=(visits,)))
    member = shop.new_member()
    for number, hours in enumerate((0, -30, -29.5, -0.5)):
        at = NOON + timedelta(hours=hours)
        shop.ledger.book(bread(1, number=str(number), at=at, member_id=member), shop.point)
    card = shop.account(member).cards["besog"]
    assert (card.stamps, card.visits) == (2, (NOON - timedelta(hours=30), NOON))


def test_bonus_lives_as_long_as_the_terms_promised_that_a_member_accepted(dynamodb: DynamoDBClient) -> None:
    terms = (
        TermsVersion(1, "da", "36 måneder", LONG_AGO, 36),
        TermsVersion(2, "da", "12 måneder", LONG_AGO, 12),
    )
    shop = shop_with(dynamodb, replace(THREE_PERCENT, expiry_months=12), terms=terms)
    old, open_member = shop.new_member(), shop.new_member(accepts=False)
    assert shop.buy(old).entry.changes[0].lot == LotKey(date(2029, 11, 30), 1)
    assert shop.buy(open_member).entry.changes[0].lot == LotKey(date(2029, 11, 30), 0)
    rules = Terms(shop.club.programmes[0], "banegaarden", COPENHAGEN, promised_months=shop.club.promised_months())
    assert rules.new_lot(NOON.date(), 2) == LotKey(date(2027, 11, 30), 2)
    generous = replace(rules, programme=replace(rules.programme, expiry_months=48))
    assert generous.new_lot(NOON.date(), 1) == LotKey(date(2030, 11, 30), 1)
