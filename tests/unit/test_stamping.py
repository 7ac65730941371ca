"""Stamps: one a unit or one a visit, and full cards become rewards."""

from __future__ import annotations

from copy import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stamkunde.ledger.model.accounts import Account, Movement, RewardKey, StampCard, StampChange
from stamkunde.ledger.model.earning import Occasion
from stamkunde.ledger.model.receipts import Basket, Line, LineKind, ReceiptTime, Redemption, RedemptionKind
from stamkunde.ledger.model.redeeming import Offers
from stamkunde.ledger.model.settlement import Settlement, Terms, settle
from stamkunde.ledger.model.stamping import VISIT, Stamped, forget_visit, remembered, stamp_cards, take_back
from stamkunde.shared.programme import Exclusions, Selection, StampKind, StampProgramme
from tests.factories import COPENHAGEN, NOON, THREE_PERCENT, make_account

MEMBER = "m0000000000000001"
RYE = Selection(("rugbrød",))
TEN_FOR_ONE = StampProgramme("rugbrod", "Rugbrød", 10, "gratis rugbrød", items=RYE, reward=RYE)
VISITS = StampProgramme("besog", "Besøg", 5, "gratis kaffe", kind=StampKind.VISIT, minimum_amount=2_000)
NEXT_YEAR = date(2027, 11, 30)


def rye(units: int, amount: int | None = None) -> Line:
    return Line("rugbrød", units, units * 3_000 if amount is None else amount)


def with_card(stamps: int, needed: int = 10, rewards: int = 0, **given: Any) -> Account:
    name = given.pop("name", "rugbrod")
    held = {RewardKey(NEXT_YEAR, name, needed): rewards} if rewards else {}
    return make_account(cards={name: StampCard(stamps, needed, **given)}, rewards=held)


def stamped(
    account: Account, *lines: Line, stamps: StampProgramme = TEN_FOR_ONE, at: datetime = NOON, **given: Any
) -> Stamped | None:
    programme = replace(THREE_PERCENT, stamp_programmes=(stamps,), **given)
    nets = [line.amount for line in lines]
    cards = stamp_cards(lines, nets, {}, programme, programme, account, Occasion("banegaarden", at, COPENHAGEN))
    return cards.get(stamps.stamp_programme_id)


def bought(
    account: Account,
    *lines: Line,
    stamps: StampProgramme = TEN_FOR_ONE,
    at: datetime = NOON,
    rewards: int = 0,
    now: StampProgramme | None = None,
) -> Settlement:
    """A purchase that uses so many rewards, booked while the programme is perhaps another one already."""
    programme = replace(THREE_PERCENT, stamp_programmes=(stamps,))
    name = stamps.stamp_programme_id
    terms = Terms(programme, "banegaarden", COPENHAGEN, Offers(stamp_programmes={name: stamps}))
    terms = replace(terms, programme_now=replace(programme, stamp_programmes=(now,))) if now else terms
    basket = Basket(lines, 0, (Redemption(RedemptionKind.REWARD, name),) * rewards)
    return settle(basket, terms, account, MEMBER, ReceiptTime(at, at))


def state(account: Account, name: str = "rugbrod") -> tuple[int, int]:
    """Stamps on the card, and rewards."""
    card = account.cards.get(name, StampCard(0, 10))
    return card.stamps, sum(n for key, n in account.rewards.items() if key.stamp_programme_id == name)


def test_twenty_three_at_once_are_two_rewards_and_three_stamps() -> None:
    after = bought(make_account(), rye(23)).account
    assert state(after) == (3, 2)
    assert after.rewards == {RewardKey(NEXT_YEAR, "rugbrod", 10): 2}


def test_every_tenth_is_free_and_the_free_one_is_no_stamp() -> None:
    account = make_account()
    for _ in range(10):
        account = bought(account, rye(1)).account
    assert state(account) == (0, 1)
    settlement = bought(account, rye(1), rewards=1)
    assert (settlement.to_pay, state(settlement.account)) == (0, (0, 0))
    with_another = bought(account, rye(3), rewards=1)
    assert (with_another.to_pay, state(with_another.account)) == (6_000, (2, 0))


def test_the_reward_of_a_purchase_can_be_used_only_on_the_next() -> None:
    with pytest.raises(Exception, match="no_reward"):
        bought(with_card(9), rye(1), rewards=1)


def test_a_stamp_is_a_unit_of_the_goods_and_nothing_else_is() -> None:
    lines = (rye(2), Line("kage", 5, 100), rye(0), Line("rugbrød", 1, 20_000, kind=LineKind.GIFT_CARD), rye(1))
    found = stamped(make_account(), *lines)
    assert found is not None
    assert found.by_line == ((0, 2), (4, 1))
    assert stamped(make_account(), Line("kage", 5, 100)) is None


def test_goods_that_cost_nothing_give_no_stamps() -> None:
    assert stamped(make_account(), rye(23, 0)) is None
    found = stamped(make_account(), rye(2, 0), rye(1, 1))
    assert found is not None
    assert found.by_line == ((1, 1),)


def test_goods_of_a_group_are_stamped_and_excluded_ones_are_not() -> None:
    bread = replace(TEN_FOR_ONE, items=Selection(item_groups=("brød",)))
    line = Line("grovbrød", 4, 100, "brød")
    found = stamped(make_account(), line, stamps=bread)
    assert found is not None
    assert found.change.stamps == 4
    assert stamped(make_account(), line, stamps=bread, exclusions=Exclusions(Selection(("grovbrød",)))) is None


# Edits --------------------------------------------------------------------------------------------------------------


def test_a_running_card_keeps_what_it_promised_when_the_programme_asks_for_more() -> None:
    twelve = replace(TEN_FOR_ONE, needed=12)
    full = bought(with_card(9), rye(1), stamps=twelve).account
    assert (state(full), full.cards["rugbrod"].needed) == ((0, 1), 12)
    not_yet = bought(with_card(8), rye(1), stamps=twelve).account
    assert (state(not_yet), not_yet.cards["rugbrod"].needed) == ((9, 0), 10)
    assert state(bought(full, rye(11), stamps=twelve).account) == (11, 1)


def test_a_running_card_is_full_sooner_when_the_programme_asks_for_less() -> None:
    eight = replace(TEN_FOR_ONE, needed=8)
    assert state(bought(with_card(7), rye(1), stamps=eight).account) == (0, 1)
    assert state(bought(with_card(7), rye(10), stamps=eight).account) == (1, 2)


def test_a_card_that_is_full_by_an_edit_is_a_reward_at_the_next_purchase_whatever_it_is() -> None:
    settlement = bought(with_card(9), Line("kage", 1, 100), stamps=replace(TEN_FOR_ONE, needed=8))
    assert state(settlement.account) == (1, 1)
    assert settlement.stamped["rugbrod"].by_line == ()


def test_a_card_with_nothing_on_it_is_not_running() -> None:
    twelve = replace(TEN_FOR_ONE, needed=12)
    assert bought(with_card(0, needed=10), rye(1), stamps=twelve).account.cards["rugbrod"].needed == 12
    assert state(bought(with_card(-3, needed=3), rye(14), stamps=twelve).account) == (11, 0)


def test_a_late_receipt_of_a_shorter_card_does_not_fill_one_that_was_begun_as_a_longer() -> None:
    three = replace(TEN_FOR_ONE, needed=3)
    late_cake = bought(with_card(9), Line("kage", 1, 1_000), stamps=three, now=TEN_FOR_ONE)
    assert (state(late_cake.account), late_cake.stamped) == ((9, 0), {})
    assert state(bought(with_card(8), rye(1), stamps=three, now=TEN_FOR_ONE).account) == (9, 0)
    assert state(bought(make_account(), rye(3), stamps=three, now=TEN_FOR_ONE).account) == (0, 1)
    assert state(bought(with_card(2, needed=10), rye(1), stamps=TEN_FOR_ONE, now=three).account) == (0, 1)
    ended = replace(TEN_FOR_ONE, stamp_programme_id="kaffe")
    assert state(bought(with_card(8), rye(1), stamps=three, now=ended).account) == (9, 0)


def test_a_reward_says_what_the_card_asked_for_that_it_came_of() -> None:
    rewards = bought(with_card(9), rye(8), stamps=replace(TEN_FOR_ONE, needed=12), now=TEN_FOR_ONE).account.rewards
    assert rewards == {RewardKey(NEXT_YEAR, "rugbrod", 10): 1}
    both = bought(with_card(9), rye(4), stamps=replace(TEN_FOR_ONE, needed=3), now=TEN_FOR_ONE).account
    assert both.rewards == {RewardKey(NEXT_YEAR, "rugbrod", 10): 1, RewardKey(NEXT_YEAR, "rugbrod", 3): 1}


# Visits -------------------------------------------------------------------------------------------------------------


def visit(account: Account, hours: float = 0.0, amount: int = 2_000) -> Account:
    return bought(account, Line("kage", 1, amount), stamps=VISITS, at=NOON + timedelta(hours=hours)).account


def visits_of(*hours: float) -> int:
    """Stamps that visits at these hours are given, booked in this order."""
    account = make_account()
    for hour in hours:
        account = visit(account, hour)
    return state(account, "besog")[0]


def test_a_visit_is_one_stamp_whatever_is_bought() -> None:
    found = stamped(make_account(), rye(4), rye(9), stamps=VISITS)
    assert found is not None
    assert (found.by_line, found.change.stamps) == (((VISIT, 1),), 1)


def test_two_visits_within_the_hour_are_one() -> None:
    assert visits_of(0, 0.9) == 1
    assert visits_of(0, 1) == 2
    assert visits_of(0, 0.6, 1.2) == 2


def test_receipts_that_come_late_are_stamped_by_when_they_were_bought() -> None:
    assert visits_of(0, -48) == 2
    assert visits_of(0, -0.5) == 1
    assert visits_of(0, -48, -47.5) == 2
    assert visits_of(0, -48, -24, -24.9, -23.5, -47) == 4


@given(st.lists(st.integers(0, 7 * 24 * 60), max_size=12), st.randoms())
def test_no_two_stamped_visits_are_nearer_than_the_gap_in_whatever_order_they_come(
    minutes: list[int], order: Any
) -> None:
    order.shuffle(minutes)
    account = make_account()
    given_at = []
    for minute in minutes:
        after = visit(account, minute / 60)
        if after.cards["besog"].visits != account.cards.get("besog", StampCard(0, 5)).visits:
            given_at.append(minute)
        account = after
    given_at.sort()
    assert all(later - earlier >= 60 for earlier, later in pairwise(given_at))
    stamps, rewards = state(account, "besog")
    assert stamps + 5 * rewards == len(given_at)
    assert len(given_at) > 0 or not minutes


def test_a_visit_must_pay_for_something_that_earns() -> None:
    assert state(visit(make_account(), amount=1_999), "besog") == (0, 0)
    gift_card = Line("gavekort", 1, 50_000, kind=LineKind.GIFT_CARD)
    assert stamped(make_account(), gift_card, stamps=VISITS) is None
    free_for_all = replace(VISITS, minimum_amount=0)
    assert stamped(make_account(), Line("prøve", 1, 0), stamps=free_for_all) is None
    assert stamped(make_account(), Line("tyggegummi", 1, 100), stamps=free_for_all) is not None


def test_a_week_of_visits_is_remembered_and_no_more() -> None:
    days = tuple(NOON + timedelta(days=day) for day in range(30))
    assert remembered(days) == days[-8:]
    assert len(remembered(tuple(NOON + timedelta(hours=hour) for hour in range(100)))) == 20
    assert remembered(()) == ()


def test_a_refunded_visit_makes_room_for_another() -> None:
    card = visit(make_account()).cards["besog"]
    assert visits_of(0, 0.5) == 1
    again = make_account(cards={"besog": forget_visit(card, NOON)})
    assert state(visit(again, 0.5), "besog")[0] == card.stamps + 1


# Taking back --------------------------------------------------------------------------------------------------------


def taken_back(account: Account, units: int) -> Account:
    card, change = take_back(account, "rugbrod", units)
    ready = account.replace_card("rugbrod", replace(card, stamps=account.cards["rugbrod"].stamps))
    return ready.apply(Movement(stamps=(change,)))


def test_the_newest_stamps_go_first_then_rewards_not_yet_used() -> None:
    account = with_card(3, rewards=2)
    assert state(taken_back(account, 2)) == (1, 2)
    assert state(taken_back(account, 4)) == (9, 1)
    assert state(taken_back(account, 23)) == (0, 0)


def test_a_used_reward_leaves_a_deficit_that_the_next_stamps_pay_off() -> None:
    owing = taken_back(with_card(0), 10)
    assert state(owing) == (-10, 0)
    assert state(bought(owing, rye(9)).account) == (-1, 0)
    assert state(bought(owing, rye(21)).account) == (1, 1)


def test_the_reward_that_lives_longest_is_taken_back_first() -> None:
    sooner, later = RewardKey(date(2027, 1, 31), "rugbrod"), RewardKey(date(2027, 9, 30), "rugbrod")
    other = RewardKey(date(2027, 12, 31), "kaffe")
    account = make_account(cards={"rugbrod": StampCard(0, 10)}, rewards={sooner: 1, later: 1, other: 5})
    assert take_back(account, "rugbrod", 1)[1] == StampChange("rugbrod", 9, ((later, -1),))


def test_a_reward_is_opened_into_the_card_it_came_of_whatever_the_running_one_asks_for() -> None:
    of_three = make_account(cards={"rugbrod": StampCard(1, 10)}, rewards={RewardKey(NEXT_YEAR, "rugbrod", 3): 1})
    assert state(taken_back(of_three, 3)) == (1, 0)
    assert taken_back(of_three, 3).cards["rugbrod"].needed == 3
    of_ten = make_account(cards={"rugbrod": StampCard(1, 3)}, rewards={RewardKey(NEXT_YEAR, "rugbrod", 10): 1})
    assert state(taken_back(of_ten, 10)) == (1, 0)


def test_a_reward_that_does_not_say_what_it_came_of_is_opened_as_the_running_card() -> None:
    account = make_account(cards={"rugbrod": StampCard(0, 8)}, rewards={RewardKey(NEXT_YEAR, "rugbrod"): 1})
    assert state(taken_back(account, 1)) == (7, 0)


def worth(account: Account) -> int:
    """Stamps on the card, and those that its rewards came of."""
    return account.cards["rugbrod"].stamps + sum(key.stamps * count for key, count in account.rewards.items())


@given(
    st.lists(st.tuples(st.integers(-12, 23), st.sampled_from([3, 8, 10, 12])), max_size=10),
    st.sampled_from([3, 8, 10, 12]),
)
def test_stamps_neither_come_from_nothing_nor_get_lost_whatever_is_edited_and_taken_back(
    steps: list[tuple[int, int]], now: int
) -> None:
    account, given_in_all = with_card(0), 0
    for units, needed in steps:
        if units < 0:
            account = taken_back(account, -units)
        else:
            version = replace(TEN_FOR_ONE, needed=needed)
            account = bought(account, rye(units), stamps=version, now=replace(version, needed=now)).account
        given_in_all += units
        assert worth(account) == given_in_all


@given(st.integers(-20, 9), st.integers(1, 60), st.integers(0, 5), st.data())
def test_taking_back_what_was_bought_leaves_what_there_was(
    before: int, units: int, rewards: int, data: st.DataObject
) -> None:
    # A card that owes stamps has no unused rewards: they would have paid them.
    account = with_card(before, rewards=rewards if before >= 0 else 0)
    after = bought(account, rye(units)).account
    assert after.cards["rugbrod"].stamps < 10
    back = data.draw(st.integers(0, units))
    in_two = taken_back(taken_back(after, back), units - back)
    assert state(in_two) == state(taken_back(after, units)) == state(account)


@given(st.lists(st.integers(0, 30), max_size=8), st.lists(st.sampled_from([8, 10, 12]), min_size=8, max_size=8))
def test_no_edit_ever_makes_a_member_worse_off_than_the_hardest_programme(
    units: list[int], needed: list[int]
) -> None:
    account = make_account()
    for number, asked in zip(units, needed, strict=False):
        account = bought(account, rye(number), stamps=replace(TEN_FOR_ONE, needed=asked)).account
    stamps, rewards = state(account)
    assert 0 <= stamps < 12
    assert rewards >= sum(units) // 12
    assert rewards <= sum(units) // 8


def test_rewards_can_be_used_to_the_end_of_the_month_in_the_clubs_zone() -> None:
    new_years_eve = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
    after = bought(make_account(), rye(10), stamps=replace(TEN_FOR_ONE, expiry_months=1), at=new_years_eve).account
    assert after.rewards == {RewardKey(date(2027, 2, 28), "rugbrod", 10): 1}
