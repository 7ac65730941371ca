"""What lapses, when, and how an account stands after it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stamkunde.ledger.model.accounts import Account, CouponUse, LotKey, RewardKey, StampCard
from stamkunde.ledger.model.expiring import ended_vouchers, expired, expires_from
from stamkunde.ledger.model.liability import NOTHING_OWED, Liability, liability_of
from tests.factories import COPENHAGEN, NOON, make_account

LAST_DAY = date(2026, 11, 30)
NEXT_DAY = date(2026, 12, 1)

days = st.dates(date(2026, 10, 1), date(2027, 2, 28))
lots = st.dictionaries(st.builds(LotKey, days, st.integers(0, 2)), st.integers(1, 10_000), max_size=8)
rewards = st.dictionaries(st.builds(RewardKey, days, st.sampled_from(["rugbrod", "kaffe"])), st.integers(1, 3))
accounts = st.builds(make_account, lots, rewards=rewards, deficit=st.integers(0, 500))


def test_the_last_day_itself_still_counts() -> None:
    account = make_account({LotKey(LAST_DAY, 1): 500}, rewards={RewardKey(LAST_DAY, "rugbrod"): 1})
    assert expired(account, LAST_DAY) is None
    lapsed = expired(account, NEXT_DAY)
    assert lapsed is not None
    assert lapsed.movement.amount == -500
    assert lapsed.last_day == LAST_DAY


def test_pending_bonus_lapses_as_any_other() -> None:
    lapsed = expired(make_account({LotKey(LAST_DAY, 0): 300}, 0), NEXT_DAY)
    assert lapsed is not None
    assert lapsed.movement.amount == -300


def test_a_running_card_stays() -> None:
    cards = {"rugbrod": StampCard(7, 10)}
    account = make_account({LotKey(LAST_DAY, 1): 5}, cards=cards, rewards={RewardKey(LAST_DAY, "kaffe"): 2})
    lapsed = expired(account, NEXT_DAY)
    assert lapsed is not None
    after = account.apply(lapsed.movement)
    assert (after.cards, after.lots, after.rewards) == (cards, {}, {})


@pytest.mark.parametrize(("owed", "lost", "still_owed"), [(120, 180, 0), (300, 0, 0), (450, 0, 150)])
def test_what_is_owed_is_paid_before_the_rest_lapses(owed: int, lost: int, still_owed: int) -> None:
    account = make_account({LotKey(LAST_DAY, 1): 300}, deficit=owed)
    lapsed = expired(account, NEXT_DAY)
    assert lapsed is not None
    assert lapsed.movement.amount == -lost
    after = account.apply(lapsed.movement)
    assert (after.lots, after.deficit) == ({}, still_owed)


def test_pending_bonus_that_lapses_pays_nothing() -> None:
    account = make_account({LotKey(LAST_DAY, 0): 300}, 0, deficit=200)
    lapsed = expired(account, NEXT_DAY)
    assert lapsed is not None
    assert (lapsed.movement.amount, lapsed.movement.deficit) == (-300, 0)


@given(accounts, days)
def test_what_lapses_is_all_that_is_over_and_nothing_else(account: Account, today: date) -> None:
    lapsed = expired(account, today)
    after = account.apply(lapsed.movement) if lapsed else account
    assert dict(after.lots) == {lot: n for lot, n in account.lots.items() if lot.expires_on >= today}
    assert dict(after.rewards) == {key: n for key, n in account.rewards.items() if key.expires_on >= today}
    assert after.spendable_lots(today) == account.spendable_lots(today)
    assert expired(after, today) is None
    if lapsed:
        assert lapsed.last_day < today
        spendable = sum(n for lot, n in account.lots.items() if lot.expires_on < today and not lot.pending)
        assert after.deficit == max(0, account.deficit - spendable)


@given(st.lists(accounts, max_size=5), days, st.integers(0, 400))
def test_the_liability_is_the_sum_of_all_balances(held: list[Account], day: date, later: int) -> None:
    today = day + timedelta(days=later)
    owed = sum((liability_of(account, today, NOON) for account in held), NOTHING_OWED)
    assert owed.total == sum(account.balance(NOON, COPENHAGEN).total for account in held)
    assert owed.accounts == len(held)
    assert all(year >= today.year for year in (*owed.by_year, *owed.pending_by_year))


def test_the_liability_tells_years_and_what_waits_apart() -> None:
    account = make_account({LotKey(LAST_DAY, 1): 100, LotKey(date(2027, 1, 31), 1): 20, LotKey(LAST_DAY, 0): 3})
    assert liability_of(account, LAST_DAY, NOON) == Liability(1, {2026: 100, 2027: 20}, {2026: 3})
    assert liability_of(account, NEXT_DAY, NOON) == Liability(1, {2027: 20}, {}, lapsed=103)


COUPON = ("kaffe", "m1")


def with_use(use: CouponUse) -> Account:
    return make_account({}, uses={COUPON: use})


def test_unused_vouchers_are_taken_off_once_no_late_receipt_can_use_them() -> None:
    account = with_use(CouponUse(1, 3, LAST_DAY))
    assert expires_from(account) == LAST_DAY + timedelta(days=8)
    assert ended_vouchers(account, LAST_DAY + timedelta(days=7)) == {}
    assert ended_vouchers(account, LAST_DAY + timedelta(days=8)) == {COUPON: 2}


@pytest.mark.parametrize("use", [CouponUse(2, 2, LAST_DAY), CouponUse(0, 2, None), CouponUse(3, 0, LAST_DAY)])
def test_vouchers_that_are_used_or_last_as_long_as_their_coupon_stay(use: CouponUse) -> None:
    assert ended_vouchers(with_use(use), date(2030, 1, 1)) == {}
    assert expires_from(with_use(use)) is None


@given(accounts, days)
def test_there_is_something_to_post_from_the_first_day_that_is_told_and_never_before(
    account: Account, today: date
) -> None:
    first = expires_from(account)
    assert (expired(account, today) is not None) == (first is not None and first <= today)
