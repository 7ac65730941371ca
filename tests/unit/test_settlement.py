"""What a basket earns and spends: the pure rule behind quotes and purchases."""

from __future__ import annotations

from copy import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stamkunde.ledger.model.accounts import Account, AccountMember, LotKey, release
from stamkunde.ledger.model.receipts import Basket, ReceiptTime
from stamkunde.ledger.model.settlement import Settlement, Terms
from stamkunde.ledger.model.settlement import settle as settle_exactly
from stamkunde.shared.errors import Refusal
from stamkunde.shared.programme import BonusProgramme, programme_at
from tests.factories import COPENHAGEN, LONG_AGO, NOON, THREE_PERCENT, make_account, make_basket

MEMBER = "m0000000000000001"
amounts = st.lists(st.integers(0, 1_000_000), min_size=1, max_size=12)
rates = st.integers(0, 10_000)


def settle(
    basket: Basket, programme: BonusProgramme, account: Account, member_id: str, at: datetime, time_zone: str
) -> Settlement:
    """A purchase booked at the moment it is made."""
    return settle_exactly(basket, Terms(programme, "banegaarden", time_zone), account, member_id, ReceiptTime(at, at))


def lots_of(*amounts_left: int, terms_version: int = 1) -> dict[LotKey, int]:
    return {LotKey(date(2027 + year, 6, 30), terms_version): n for year, n in enumerate(amounts_left)}


def test_three_percent_of_49_95_is_149_ore() -> None:
    settlement = settle(make_basket(4995), THREE_PERCENT, make_account(), MEMBER, NOON, COPENHAGEN)
    assert settlement.earned.amount == 149
    assert settlement.balance.total == 149


def test_bonus_is_rounded_once_per_receipt_not_per_line() -> None:
    three_lines = settle(make_basket(33, 33, 33), THREE_PERCENT, make_account(), MEMBER, NOON, COPENHAGEN)
    assert three_lines.earned.amount == 2


def test_nothing_is_earned_on_what_bonus_paid_for() -> None:
    account = make_account(lots_of(1_000))
    settlement = settle(make_basket(3_000, spend_bonus=1_000), THREE_PERCENT, account, MEMBER, NOON, COPENHAGEN)
    assert (settlement.earned.base, settlement.earned.amount) == (2_000, 60)


def test_spending_is_capped_at_the_receipt() -> None:
    account = make_account(lots_of(5_000))
    settlement = settle(make_basket(3_000, spend_bonus=4_000), THREE_PERCENT, account, MEMBER, NOON, COPENHAGEN)
    assert (settlement.spent, settlement.balance.available) == (3_000, 2_000)


def test_more_bonus_than_there_is_is_refused() -> None:
    account = make_account(lots_of(99))
    with pytest.raises(Refusal) as refused:
        settle(make_basket(3_000, spend_bonus=100), THREE_PERCENT, account, MEMBER, NOON, COPENHAGEN)
    assert refused.value.code == "not_enough_bonus"


def test_an_open_member_earns_but_cannot_spend() -> None:
    account = make_account(lots_of(1_000, terms_version=0), terms_version=0)
    earned = settle(make_basket(10_000), THREE_PERCENT, account, MEMBER, NOON, COPENHAGEN)
    assert (earned.balance.pending, earned.balance.available) == (1_300, 0)
    with pytest.raises(Refusal) as refused:
        settle(make_basket(10_000, spend_bonus=1), THREE_PERCENT, account, MEMBER, NOON, COPENHAGEN)
    assert refused.value.code == "terms_not_accepted"


def test_bonus_of_this_receipt_can_be_spent_only_on_the_next() -> None:
    with pytest.raises(Refusal):
        settle(make_basket(10_000, spend_bonus=1), THREE_PERCENT, make_account(), MEMBER, NOON, COPENHAGEN)


def test_soonest_expiry_is_spent_first() -> None:
    account = make_account(lots_of(100, 200, 300))
    settlement = settle(make_basket(1_000, spend_bonus=250), THREE_PERCENT, account, MEMBER, NOON, COPENHAGEN)
    spent = [(change.lot.expires_on.year, change.amount) for change in settlement.changes if change.amount < 0]
    assert spent == [(2027, -100), (2028, -150)]


@pytest.mark.parametrize(("hour_utc", "spendable"), [(22, True), (23, False)])
def test_the_last_day_counts_to_its_end_in_the_clubs_zone(hour_utc: int, spendable: bool) -> None:
    account = make_account({LotKey(date(2026, 11, 30), 1): 100})
    at = datetime(2026, 11, 30, hour_utc, 59, tzinfo=UTC)
    basket = make_basket(1_000, spend_bonus=100)
    if spendable:
        assert settle(basket, THREE_PERCENT, account, MEMBER, at, COPENHAGEN).spent == 100
    else:
        with pytest.raises(Refusal):
            settle(basket, THREE_PERCENT, account, MEMBER, at, COPENHAGEN)


def test_expired_bonus_is_in_the_total_until_its_expiry_is_posted_but_cannot_be_spent() -> None:
    balance = make_account({LotKey(date(2026, 10, 31), 1): 70, LotKey(date(2027, 1, 31), 1): 30}).balance(
        datetime(2026, 11, 1, 12, tzinfo=UTC), COPENHAGEN
    )
    assert (balance.total, balance.available) == (100, 30)


def test_default_expiry_keeps_three_years_of_bonus_in_37_lots() -> None:
    account = make_account()
    at = datetime(2026, 1, 1, 12, tzinfo=UTC)
    for day in range(36 * 31):
        account = settle(
            make_basket(1_000), THREE_PERCENT, account, MEMBER, at + timedelta(days=day), COPENHAGEN
        ).account
        live = [lot for lot in account.lots if lot.expires_on >= (at + timedelta(days=day)).date()]
        assert len(live) <= 37


def test_a_late_receipt_gets_the_rate_of_the_day_it_was_bought() -> None:
    friday = datetime(2026, 11, 27, 17, tzinfo=UTC)
    double = BonusProgramme(version=2, valid_from=friday, rate=600, expiry_months=36)
    normal_again = BonusProgramme(version=3, valid_from=friday + timedelta(hours=5), rate=300, expiry_months=36)
    versions = (THREE_PERCENT, double, normal_again)
    assert programme_at(versions, friday - timedelta(seconds=1)).rate == 300
    assert programme_at(versions, friday).rate == 600
    assert programme_at(versions, friday + timedelta(hours=5)).rate == 300


def test_accepting_releases_pending_bonus_under_the_accepted_terms() -> None:
    account = make_account(lots_of(100, 200, terms_version=0), terms_version=0)
    after, movement = release(account, MEMBER, terms_version=4)
    assert {lot.terms_version for lot in after.lots} == {4}
    assert movement.amount == 0
    assert after.balance(NOON, COPENHAGEN).available == 300


def test_what_is_released_first_pays_what_is_owed() -> None:
    account = make_account(lots_of(100, 200, terms_version=0), terms_version=0, deficit=130)
    after, movement = release(account, MEMBER, terms_version=4)
    assert (after.lots, after.deficit) == ({LotKey(date(2028, 6, 30), 4): 170}, 0)
    assert movement.amount == 0
    assert after.balance(NOON, COPENHAGEN).available == 170


@given(amounts, rates, st.integers(0, 2_000_000), st.lists(st.integers(1, 100_000), max_size=6))
def test_balance_is_the_sum_of_what_the_lots_hold_and_of_every_change(
    prices: list[int], rate: int, wish: int, held: list[int]
) -> None:
    before = make_account(lots_of(*held))
    programme = replace(THREE_PERCENT, rate=rate)
    wish = min(wish, sum(held))
    settlement = settle(make_basket(*prices, spend_bonus=wish), programme, before, MEMBER, NOON, COPENHAGEN)
    after = settlement.account
    assert sum(after.lots.values()) == sum(before.lots.values()) + sum(c.amount for c in settlement.changes)
    assert all(amount > 0 for amount in after.lots.values())
    assert settlement.spent == min(wish, sum(prices))
    assert settlement.earned.amount == (sum(prices) - settlement.spent) * rate // 10_000
    assert -sum(c.amount for c in settlement.changes if c.amount < 0) == settlement.spent


@given(st.lists(st.tuples(st.integers(0, 50_000), st.booleans()), min_size=1, max_size=40))
def test_any_sequence_of_purchases_replays_to_the_same_lots(history: list[tuple[int, bool]]) -> None:
    account = make_account()
    replayed: dict[LotKey, int] = {}
    for number, (price, spends) in enumerate(history):
        at = LONG_AGO + timedelta(days=20 * number)
        available = account.balance(at, COPENHAGEN).available
        basket = make_basket(price, spend_bonus=min(available, price) if spends else 0)
        settlement = settle(basket, THREE_PERCENT, account, MEMBER, at, COPENHAGEN)
        for change in settlement.changes:
            replayed[change.lot] = replayed.get(change.lot, 0) + change.amount
        account = settlement.account
    assert account.lots == {lot: n for lot, n in replayed.items() if n}


@given(st.permutations(range(5)))
def test_the_order_in_which_lots_are_kept_changes_nothing(order: list[int]) -> None:
    lots = list(lots_of(10, 20, 30, 40, 50).items())
    basket = make_basket(1_000, spend_bonus=75)
    straight = settle(basket, THREE_PERCENT, make_account(dict(lots)), MEMBER, NOON, COPENHAGEN)
    shuffled = settle(
        basket, THREE_PERCENT, make_account({lots[i][0]: lots[i][1] for i in order}), MEMBER, NOON, COPENHAGEN
    )
    assert straight.changes == shuffled.changes


def test_an_account_of_two_members_keeps_each_ones_last_purchase() -> None:
    account = Account(
        "a0000000000000001", 1, {}, {MEMBER: AccountMember(1, None), "m0000000000000002": AccountMember(1, LONG_AGO)}
    )
    after = settle(make_basket(1), THREE_PERCENT, account, MEMBER, NOON, COPENHAGEN).account
    assert after.members[MEMBER].last_purchase_at == NOON
    assert after.members["m0000000000000002"].last_purchase_at == LONG_AGO


def test_a_late_receipt_does_not_move_the_last_purchase_back() -> None:
    account = make_account(members={MEMBER: AccountMember(1, NOON)})
    after = settle(make_basket(1), THREE_PERCENT, account, MEMBER, NOON - timedelta(days=3), COPENHAGEN).account
    assert after.members[MEMBER].last_purchase_at == NOON


def test_a_late_receipt_tells_the_balance_of_the_day_it_is_booked() -> None:
    account = make_account({LotKey(date(2026, 11, 30), 1): 3_000})
    bought, booked = datetime(2026, 11, 30, 12, tzinfo=UTC), datetime(2026, 12, 2, 12, tzinfo=UTC)
    terms = Terms(THREE_PERCENT, "banegaarden", COPENHAGEN)
    late = settle_exactly(make_basket(1_000, spend_bonus=500), terms, account, MEMBER, ReceiptTime(bought, booked))
    assert (late.spent, late.earned.amount) == (500, 15)
    assert (late.balance.available, late.balance.total) == (15, 2_515)


def test_pending_bonus_that_has_expired_is_not_promised() -> None:
    account = make_account({LotKey(date(2026, 10, 31), 0): 70, LotKey(date(2027, 1, 31), 0): 30}, terms_version=0)
    assert account.balance(datetime(2026, 11, 1, 12, tzinfo=UTC), COPENHAGEN).pending == 30


def test_of_two_versions_from_the_same_instant_the_newer_counts() -> None:
    mistaken, corrected = replace(THREE_PERCENT, version=2, rate=6_000), replace(THREE_PERCENT, version=3, rate=600)
    assert programme_at((THREE_PERCENT, mistaken, corrected), NOON).rate == 600
