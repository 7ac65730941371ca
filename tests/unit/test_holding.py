"""What is set aside for a receipt: how much is left for others, until when, and what is remembered of it."""

from __future__ import annotations

from copy import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stamkunde.ledger.model.accounts import (
    HOLD_REMEMBERED,
    Account,
    AccountMember,
    Hold,
    LotKey,
    RewardKey,
    StampCard,
)
from stamkunde.ledger.model.entries import Benefit, BenefitSource
from stamkunde.ledger.model.holding import (
    HOLD_TIME,
    MOST_HOLDS,
    MOST_REMEMBERED,
    account_of_reservation,
    captured_hold,
    check_can_be_held,
    find_repeated,
    hold_for,
    let_go,
    remembered,
    reservation_id,
    set_aside,
)
from stamkunde.ledger.model.receipts import Basket, Line, ReceiptTime, Redemption, RedemptionKind
from stamkunde.ledger.model.redeeming import Offers
from stamkunde.ledger.model.settlement import Terms, settle
from stamkunde.shared.errors import Refusal
from stamkunde.shared.idempotency import WriteKey
from stamkunde.shared.programme import StampProgramme
from tests.factories import COPENHAGEN, NOON, THREE_PERCENT, make_account, make_basket

MEMBER = "m0000000000000001"
LOT = LotKey(date(2029, 11, 30), 1)
RYE = StampProgramme("rugbrod", "Rugbrød", 10, "Gratis rugbrød")
TERMS = Terms(THREE_PERCENT, "banegaarden", COPENHAGEN, Offers(stamp_programmes={"rugbrod": RYE}))
NOW = ReceiptTime(NOON, NOON)


def rich(bonus: int = 10_000, rewards: int = 1) -> Account:
    kept = {RewardKey(date(2027, 11, 30), "rugbrod"): rewards} if rewards else {}
    return make_account({LOT: bonus} if bonus else {}, rewards=kept, cards={"rugbrod": StampCard(0, 10)})


def held(account: Account, hold_id: str = "h1", *, bonus: int = 0, rewards: int = 0, minutes: int = 0) -> Account:
    at = NOON + timedelta(minutes=minutes)
    return set_aside(account, hold_id, Hold(MEMBER, at + HOLD_TIME, bonus, ("rugbrod",) * rewards, content="x"), at)


def refused_with(account: Account, hold_id: str | None, **given: bool) -> str:
    with pytest.raises(Refusal) as refused:
        captured_hold(account, hold_id, MEMBER, NOON + timedelta(minutes=5), offline=given.get("offline", False))
    return refused.value.code


def test_a_hold_lowers_what_is_available_and_leaves_the_balance() -> None:
    balance = held(rich(), bonus=4_000).balance(NOON, COPENHAGEN)
    assert (balance.total, balance.available, balance.reserved) == (10_000, 6_000, 4_000)


def test_a_hold_ends_by_itself_after_a_quarter_of_an_hour() -> None:
    account = held(rich(), bonus=4_000)
    last = NOON + HOLD_TIME - timedelta(milliseconds=1)
    assert account.balance(last, COPENHAGEN).available == 6_000
    assert account.balance(NOON + HOLD_TIME, COPENHAGEN).available == 10_000


def test_what_is_released_is_available_at_once_and_still_known() -> None:
    account = let_go(held(rich(), bonus=4_000), "h1", NOON)
    assert account.balance(NOON, COPENHAGEN).available == 10_000
    assert account.holds["h1"] == Hold(MEMBER, NOON + HOLD_TIME, ended=True, content="x")
    assert account.revision == 3


def test_a_reservation_tells_its_account_and_the_same_key_gives_the_same() -> None:
    first = reservation_id("a0123456789abcdef", "kasse-1", "key")
    assert first == reservation_id("a0123456789abcdef", "kasse-1", "key")
    assert account_of_reservation(first) == "a0123456789abcdef"
    assert len({first, reservation_id("a0123456789abcdef", "kasse-2", "key")}) == 2


def test_no_more_bonus_is_held_than_the_basket_takes_and_each_reward_by_its_name() -> None:
    basket = replace(make_basket(3_000, 2_000, spend_bonus=9_000), redemptions=(_reward(),))
    settlement = settle(basket, TERMS, rich(), MEMBER, NOW)
    hold = hold_for(MEMBER, settlement.spent, settlement.benefits, "x", NOON)
    assert (hold.bonus, hold.rewards, hold.until) == (3_000, ("rugbrod",), NOON + HOLD_TIME)


def test_a_coupons_use_is_held_by_its_name_and_a_code_is_not() -> None:
    benefits = [Benefit(BenefitSource.COUPON, "fastelavn", ((0, 100),)), Benefit(BenefitSource.CODE, "plakat", ())]
    assert hold_for(MEMBER, 0, benefits, "x", NOON).coupons == ("fastelavn",)


@pytest.mark.parametrize(
    ("basket", "code"),
    [
        (make_basket(1_000), "nothing_to_hold"),
        (Basket((Line("1", 1, 100),), 0, (Redemption(RedemptionKind.CODE, "ABC"),)), "code_not_held"),
        (Basket((Line("1", 1, 100),), 5, (Redemption(RedemptionKind.CODE, "ABC"),)), "code_not_held"),
    ],
)
def test_a_hold_of_nothing_or_of_a_code_is_refused(basket: Basket, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        check_can_be_held(basket)
    assert refused.value.code == code


def test_what_is_held_for_one_receipt_is_not_there_for_another() -> None:
    account = held(rich(), bonus=9_500, rewards=1)
    for basket, code in (
        (make_basket(5_000, spend_bonus=501), "not_enough_bonus"),
        (replace(make_basket(5_000), redemptions=(_reward(),)), "no_reward"),
    ):
        with pytest.raises(Refusal) as refused:
            settle(basket, TERMS, account, MEMBER, NOW)
        assert refused.value.code == code


def test_the_receipt_that_captures_gets_what_was_held_and_ends_it() -> None:
    account = held(rich(), bonus=4_000, rewards=1)
    settlement = settle(make_basket(6_000, 3_000), TERMS, account, MEMBER, NOW, hold_id="h1")
    assert (settlement.spent, settlement.discount, settlement.to_pay) == (4_000, 3_000, 2_000)
    hold = settlement.account.holds["h1"]
    assert (hold.ended, hold.captured, hold.bonus, hold.rewards) == (True, True, 0, ())
    assert settlement.balance.reserved == 0


def test_a_receipt_bought_while_something_was_held_is_judged_by_what_is_held_when_it_is_booked() -> None:
    account = held(rich(), bonus=10_000)
    late = ReceiptTime(NOON + timedelta(minutes=5), NOON + timedelta(minutes=20))
    assert settle(make_basket(10_000, spend_bonus=10_000), TERMS, account, MEMBER, late).spent == 10_000


LAST_DAY = date(2026, 11, 30)
BEFORE_MIDNIGHT = datetime(2026, 11, 30, 22, 55, tzinfo=UTC)
AFTER_MIDNIGHT = ReceiptTime(BEFORE_MIDNIGHT + timedelta(minutes=7), BEFORE_MIDNIGHT + timedelta(minutes=7))


def held_over_midnight(bonus: int, rewards: int = 0, *, alive: int = 0, deficit: int = 0) -> Account:
    """300 of bonus and two rewards on their last day, some of which was set aside five minutes before its end."""
    kept = {RewardKey(LAST_DAY, "rugbrod"): 2, RewardKey(date(2027, 11, 30), "rugbrod"): 1}
    lots = {LotKey(LAST_DAY, 1): 300, LOT: alive} if alive else {LotKey(LAST_DAY, 1): 300}
    account = make_account(lots, rewards=kept, cards={"rugbrod": StampCard(0, 10)}, deficit=deficit)
    hold = Hold(MEMBER, BEFORE_MIDNIGHT + HOLD_TIME, bonus, ("rugbrod",) * rewards)
    return set_aside(account, "h1", hold, BEFORE_MIDNIGHT)


def test_bonus_held_on_its_last_day_pays_after_midnight() -> None:
    account = held_over_midnight(200)
    settlement = settle(make_basket(1_000), TERMS, account, MEMBER, AFTER_MIDNIGHT, hold_id="h1")
    assert settlement.spent == 200
    assert settlement.account.lots[LotKey(LAST_DAY, 1)] == 100


@pytest.mark.parametrize(("owed", "most"), [(0, 700), (50, 650), (600, 200)])
def test_after_midnight_no_more_of_the_last_day_is_spent_than_was_held(owed: int, most: int) -> None:
    account = held_over_midnight(200, alive=500, deficit=owed)
    basket = make_basket(1_000, spend_bonus=most)
    settlement = settle(basket, TERMS, account, MEMBER, AFTER_MIDNIGHT, hold_id="h1")
    assert [(change.lot.expires_on, change.amount) for change in settlement.changes if change.amount < 0] == [
        (each, amount) for each, amount in ((LAST_DAY, -200), (LOT.expires_on, 200 - most)) if amount
    ]
    with pytest.raises(Refusal, match="not_enough_bonus"):
        settle(make_basket(1_000, spend_bonus=most + 1), TERMS, account, MEMBER, AFTER_MIDNIGHT, hold_id="h1")


def test_what_was_not_held_cannot_be_spent_after_midnight() -> None:
    with pytest.raises(Refusal, match="not_enough_bonus"):
        settle(make_basket(1_000, spend_bonus=1), TERMS, held_over_midnight(200), MEMBER, AFTER_MIDNIGHT)


def test_a_reward_held_on_its_last_day_is_used_after_midnight_and_another_is_not() -> None:
    account = held_over_midnight(0, rewards=1)
    basket = replace(make_basket(1_000, 900, 800), redemptions=(_reward(),))
    settlement = settle(basket, TERMS, account, MEMBER, AFTER_MIDNIGHT, hold_id="h1")
    assert [each.reward_expires_on for each in settlement.benefits] == [LAST_DAY, date(2027, 11, 30)]
    assert settlement.account.rewards == {RewardKey(LAST_DAY, "rugbrod"): 1}
    with pytest.raises(Refusal, match="no_reward"):
        settle(
            replace(basket, redemptions=(_reward(), _reward())), TERMS, account, MEMBER, AFTER_MIDNIGHT, hold_id="h1"
        )


def test_only_a_live_hold_of_this_member_is_captured() -> None:
    live, other = held(rich(), bonus=1), held(rich(), bonus=1)
    now = NOON + timedelta(minutes=5)
    assert captured_hold(live, "h1", MEMBER, now, offline=False) == "h1"
    assert captured_hold(live, None, MEMBER, now, offline=False) is None
    assert refused_with(live, "h2") == "unknown_reservation"
    assert refused_with(let_go(live, "h1", NOON), "h1") == "reservation_over"
    assert refused_with(held(rich(), bonus=1, minutes=-11), "h1") == "reservation_over"
    with pytest.raises(Refusal) as refused:
        captured_hold(other, "h1", "m0000000000000002", now, offline=False)
    assert refused.value.code == "unknown_reservation"


def test_a_queued_receipt_captures_what_has_timed_out_but_not_what_was_released() -> None:
    timed_out = held(rich(), bonus=1, minutes=-60)
    assert captured_hold(timed_out, "h1", MEMBER, NOON, offline=True) == "h1"
    assert captured_hold(let_go(held(rich(), bonus=1), "h1", NOON), "h1", MEMBER, NOON, offline=True) is None
    assert captured_hold(rich(), "h1", MEMBER, NOON, offline=True) is None


def test_ten_holds_at_a_time_and_no_more() -> None:
    account = rich()
    for number in range(MOST_HOLDS):
        account = held(account, f"h{number}", bonus=1)
    with pytest.raises(Refusal) as refused:
        held(account, "h-more", bonus=1)
    assert refused.value.code == "too_many_reservations"
    freed = let_go(account, "h3", NOON)
    assert len(held(freed, "h-more", bonus=1).live_holds(NOON)) == MOST_HOLDS


def test_what_is_over_is_known_for_a_day_and_the_oldest_go_first() -> None:
    old = Hold(MEMBER, NOON - HOLD_REMEMBERED, ended=True)
    young = Hold(MEMBER, NOON - HOLD_REMEMBERED + timedelta(milliseconds=1), ended=True)
    live = Hold(MEMBER, NOON + timedelta(minutes=1), 5)
    assert set(remembered({"old": old, "young": young, "live": live}, NOON)) == {"young", "live"}
    many = {f"h{n:02d}": Hold(MEMBER, NOON - timedelta(minutes=n), ended=True) for n in range(30)}
    assert set(remembered(many | {"live": live}, NOON)) == {f"h{n:02d}" for n in range(MOST_REMEMBERED)} | {"live"}


def test_a_purchase_forgets_what_has_been_over_for_a_day_and_keeps_what_is_held() -> None:
    account = held(held(rich(), "h-old", bonus=1, minutes=-2_000), "h-live", bonus=7)
    assert set(settle(make_basket(100), TERMS, account, MEMBER, NOW).account.holds) == {"h-live"}


def test_the_same_key_with_something_else_is_told_so() -> None:
    account = held(rich(), bonus=4_000)
    assert find_repeated(account, "h1", WriteKey("key", "x"), NOON) == account.holds["h1"]
    assert find_repeated(account, "h2", WriteKey("key", "x"), NOON) is None
    for key, at, code in (
        (WriteKey("key", "y"), NOON, "idempotency_key_differs"),
        (WriteKey("key", "x"), NOON + HOLD_TIME, "reservation_over"),
    ):
        with pytest.raises(Refusal) as refused:
            find_repeated(account, "h1", key, at)
        assert refused.value.code == code


def _reward() -> Redemption:
    return Redemption(RedemptionKind.REWARD, "rugbrod")


steps = st.lists(
    st.tuples(
        st.sampled_from(["hold", "release", "capture", "buy", "wait"]), st.integers(0, 6_000), st.integers(0, 5)
    ),
    max_size=25,
)


@given(st.integers(0, 10_000), steps)
def test_nobody_can_spend_what_is_held_and_no_more_is_held_than_there_is(
    bonus: int, moves: list[tuple[str, int, int]]
) -> None:
    account, now = rich(bonus, rewards=3), NOON
    account = replace(account, members={MEMBER: AccountMember(1, None)})
    for number, (move, amount, which) in enumerate(moves):
        try:
            account = _moved(account, move, amount, f"h{which}", f"h{number % 6}", ReceiptTime(now, now))
        except Refusal:
            continue
        finally:
            now += timedelta(minutes=amount % 20) if move == "wait" else timedelta()
        balance = account.balance(now, COPENHAGEN)
        spendable = sum(account.spendable_lots(date(2026, 11, 21)).values())
        assert balance.available >= 0
        assert balance.available + balance.reserved == spendable
        assert account.rewards_left("rugbrod", date(2026, 11, 21), now) >= 0


def _moved(account: Account, move: str, amount: int, known: str, new: str, time: ReceiptTime) -> Account:
    reward = (_reward(),) if amount % 2 else ()
    basket = replace(make_basket(5_000, 100, spend_bonus=amount), redemptions=reward)
    match move:
        case "hold" if new not in account.holds:
            settled = settle(basket, TERMS, account, MEMBER, time)
            hold = hold_for(MEMBER, settled.spent, settled.benefits, "x", time.booked_at)
            return set_aside(account, new, hold, time.booked_at)
        case "release" if known in account.holds:
            return let_go(account, known, time.booked_at)
        case "capture" | "buy":
            chosen = known if move == "capture" else None
            hold_id = captured_hold(account, chosen, MEMBER, time.booked_at, offline=False)
            used = replace(basket, spend_bonus=0, redemptions=()) if hold_id else basket
            return settle(used, TERMS, account, MEMBER, time, hold_id=hold_id).account
    return account
