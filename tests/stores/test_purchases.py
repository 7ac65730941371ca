"""Booking receipts on the real engine: once, to the øre, whoever writes at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from copy import replace
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stamkunde.ledger.model.accounts import Movement
from stamkunde.ledger.model.receipts import Basket, Line, Receipt, TillPoint
from stamkunde.ledger.service import Booked
from stamkunde.shared.errors import Refusal
from stamkunde.shared.patience import Patience
from stamkunde.shared.programme import BonusProgramme, Exclusions, Selection
from stamkunde.shared.transaction import Busy, ConditionFailed, Put
from tests.factories import LONG_AGO, NOON, THREE_PERCENT, make_club
from tests.ledger_checks import assert_ledger_adds_up, every_row, rows
from tests.shop import Shop

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

THREADS = 20
EXAMPLES = 2_000 if settings.get_current_profile_name() == "soak" else 25


def refusal_code(shop: Shop, receipt: Receipt, point: TillPoint | None = None) -> str:
    """The code a receipt is refused with, once it is seen that nothing was written."""
    before = every_row(shop.client)
    with pytest.raises(Refusal) as refused:
        shop.ledger.book(receipt, point or shop.point)
    assert every_row(shop.client) == before
    return refused.value.code


def test_a_purchase_earns_and_is_spendable_from_the_next_one(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    member = shop.new_member()
    first = shop.buy(member, 4995)
    assert first.entry.balance.available == 149
    second = shop.buy(member, 10_000, spend_bonus=149)
    assert second.entry.purchase is not None
    assert (second.entry.purchase.spent, second.entry.purchase.earned.base) == (149, 9_851)
    assert shop.balance(member).total == 9_851 * 300 // 10_000
    assert_ledger_adds_up(shop, member)


def test_the_same_receipt_again_gets_the_first_answer(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    member = shop.new_member()
    shop.buy(member, 50_000)
    receipt = shop.receipt(member, 10_000, spend_bonus=1_500)
    first = shop.ledger.book(receipt, shop.point)
    shop.buy(member, 7_777)
    shop.wait(timedelta(days=400))
    again = shop.ledger.book(receipt, shop.point)
    assert (again.repeated, again.entry) == (True, first.entry)
    assert_ledger_adds_up(shop, member)


def test_the_same_receipt_with_other_content_is_refused(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    member = shop.new_member()
    receipt = shop.receipt(member, 10_000)
    shop.ledger.book(receipt, shop.point)
    assert refusal_code(shop, replace(receipt, basket=shop.receipt(member, 9_999).basket)) == "receipt_differs"
    assert refusal_code(shop, replace(receipt, member_id=shop.new_member())) == "receipt_differs"


def test_a_receipt_number_may_come_again_at_another_till_and_in_another_period(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb, point=TillPoint("kasse-1", "banegaarden", "daily", None))
    member = shop.new_member()
    shop.ledger.book(shop.receipt(member, number="1"), shop.point)
    shop.ledger.book(shop.receipt(member, number="1"), replace(shop.point, till_id="kasse-2"))
    shop.wait(timedelta(days=1))
    booked = shop.ledger.book(shop.receipt(member, number="1"), shop.point)
    assert (booked.repeated, len(shop.entries(member))) == (False, 3)


def test_a_till_that_never_restarts_cannot_reuse_a_number_next_year(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    member = shop.new_member()
    shop.ledger.book(shop.receipt(member, number="1"), shop.point)
    shop.wait(timedelta(days=365))
    assert refusal_code(shop, shop.receipt(member, number="1")) == "receipt_differs"


def test_refusals_write_nothing(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    member, unaccepted = shop.new_member(), shop.new_member(accepts=False)
    assert refusal_code(shop, shop.receipt(member, spend_bonus=1)) == "not_enough_bonus"
    assert refusal_code(shop, shop.receipt(unaccepted, spend_bonus=1)) == "terms_not_accepted"
    assert refusal_code(shop, shop.receipt("m0000000000000000")) == "unknown_member"
    early = replace(shop.receipt(member), bought_at=NOON + timedelta(hours=1))
    assert refusal_code(shop, early) == "receipt_in_future"
    late = replace(shop.receipt(member), bought_at=NOON - timedelta(days=8))
    assert refusal_code(shop, late) == "receipt_too_old"


def test_a_till_opened_for_older_receipts_books_them(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    member = shop.new_member()
    late = replace(shop.receipt(member), bought_at=NOON - timedelta(days=8))
    opened = replace(shop.point, late_receipts_until=NOON + timedelta(hours=1))
    entry = shop.ledger.book(late, opened).entry
    assert entry.purchase is not None
    assert (entry.purchase.flags, entry.day) == (("late",), (NOON - timedelta(days=8)).date())


def test_a_late_receipt_is_judged_by_the_rules_valid_when_it_was_bought(dynamodb: DynamoDBClient) -> None:
    evening = BonusProgramme(2, NOON - timedelta(days=2), 600, 36)
    after = BonusProgramme(3, NOON - timedelta(days=1), 300, 36)
    shop = Shop(dynamodb, club=make_club(programmes=(THREE_PERCENT, evening, after)))
    member = shop.new_member()
    late = replace(shop.receipt(member, 10_000), bought_at=NOON - timedelta(hours=30))
    facts = shop.ledger.book(late, shop.point).entry.purchase
    assert facts is not None
    assert (facts.earned.programme_version, facts.earned.amount) == (2, 600)
    assert shop.buy(member, 10_000).entry.amount == 300


def test_another_clubs_member_is_unknown_here(dynamodb: DynamoDBClient) -> None:
    here, elsewhere = Shop(dynamodb), Shop(dynamodb, club=make_club(slug="sykkelhuset"))
    member = elsewhere.join().at_till.member
    stranger = here.receipt(member.member_id)
    assert refusal_code(here, stranger) == "unknown_member"
    assert refusal_code(here, replace(stranger, account_id=member.account_id)) == "unknown_member"
    with pytest.raises(Refusal):
        here.ledger.entries(member.member_id, most=10, after=None)


def test_an_open_members_purchase_keeps_no_item_numbers(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    member = shop.new_member(accepts=False)
    shop.buy(member, 4995, 2500)
    (entry,) = [row for row in rows(dynamodb, "ledger") if row["sk"].startswith("ENTRY#")]
    # Amounts stay, or a line could not be refunded; nothing tells what was bought.
    assert entry["lines"] == [["", 1, 4995], ["", 1, 2500]]
    assert shop.balance(member).pending == 7495 * 300 // 10_000


def test_goods_that_are_never_recorded_leave_no_item_number_behind(dynamodb: DynamoDBClient) -> None:
    hidden = Exclusions(never_recorded=Selection(item_groups=("medicin",)))
    shop = Shop(dynamodb, club=make_club(programmes=(replace(THREE_PERCENT, exclusions=hidden),)))
    member = shop.new_member()
    lines = [Line("salve", 1, 4_000, item_group="medicin"), Line("brod", 1, 10_000)]
    shop.ledger.book(replace(shop.receipt(member), basket=Basket(tuple(lines), 0)), shop.point)
    (entry,) = [row for row in rows(dynamodb, "ledger") if row["sk"].startswith("ENTRY#")]
    assert [line[0] for line in entry["lines"]] == ["", "brod"]
    assert "salve" not in str(every_row(dynamodb))
    assert shop.balance(member).total == 300


def test_a_wrong_guess_where_the_account_is_costs_a_read_and_nothing_else(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    member, other = shop.join().at_till.member, shop.join().at_till.member
    guessed = replace(shop.receipt(member.member_id), account_id=other.account_id)
    assert shop.ledger.book(guessed, shop.point).entry.account_id == member.account_id


def in_threads(jobs: list[Receipt], shop: Shop) -> list[Booked | Refusal]:
    def book(receipt: Receipt) -> Booked | Refusal:
        try:
            return shop.ledger.book(receipt, shop.point)
        except Refusal as refusal:
            return refusal

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(book, jobs))


def test_twenty_tills_on_one_account_lose_nothing(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    member = shop.new_member()
    answers = in_threads([shop.receipt(member, 1_000 + n) for n in range(60)], shop)
    assert all(isinstance(answer, Booked) for answer in answers)
    assert shop.balance(member).total == sum((1_000 + n) * 300 // 10_000 for n in range(60))
    assert_ledger_adds_up(shop, member)


def test_twenty_tills_spend_the_same_bonus_no_more_than_it_is(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb, club=make_club(programmes=(THREE_PERCENT, BonusProgramme(2, LONG_AGO, 300, 36))))
    member = shop.new_member()
    shop.buy(member, 100_000)
    answers = in_threads([shop.receipt(member, 0, 300, spend_bonus=300) for _ in range(THREADS)], shop)
    booked = [answer for answer in answers if isinstance(answer, Booked)]
    assert len(booked) == 10
    assert {answer.code for answer in answers if isinstance(answer, Refusal)} == {"not_enough_bonus"}
    assert shop.balance(member).total == 0
    assert_ledger_adds_up(shop, member)


def test_one_receipt_sent_by_twenty_threads_counts_once(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    member = shop.new_member()
    receipt = shop.receipt(member, 10_000)
    answers = in_threads([receipt] * THREADS, shop)
    booked = [answer for answer in answers if isinstance(answer, Booked)]
    assert len(booked) == THREADS
    assert sum(not answer.repeated for answer in booked) == 1
    assert len({answer.entry.entry_id for answer in booked}) == 1
    assert shop.balance(member).total == 300


def test_a_till_that_finds_no_turn_is_told_to_try_again(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    member = shop.new_member()
    stale = shop.account(member)
    shop.buy(member)

    class Stale(type(shop.store)):  # type: ignore[misc]
        def load_account(self, account_id: str, *, consistent: bool) -> object:
            return stale

    impatient = replace(
        shop.ledger,
        store=Stale(dynamodb, "ledger", shop.club.club_id),
        patience=Patience(limit=0.05),
    )
    before = every_row(dynamodb)
    with pytest.raises(Refusal) as refused:
        impatient.book(shop.receipt(member), shop.point)
    assert (refused.value.code, refused.value.retry_after) == ("try_again", 1)
    assert every_row(dynamodb) == before


receipt_plans = st.lists(
    st.tuples(
        st.integers(0, 3),  # which member
        st.lists(st.integers(0, 200_000), min_size=1, max_size=3),
        st.sampled_from(["nothing", "all", "half", "too much"]),
        st.sampled_from(["once", "again", "changed"]),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(receipt_plans)
def test_whatever_tills_send_the_ledger_adds_up(
    dynamodb: DynamoDBClient, plan: list[tuple[int, list[int], str, str]]
) -> None:
    shop = Shop(dynamodb)
    members = [shop.new_member(accepts=number != 3) for number in range(4)]
    expected = dict.fromkeys(members, 0)
    for which, amounts, spending, sending in plan:
        member = members[which]
        available = shop.balance(member).available
        wish = {"nothing": 0, "all": available, "half": available // 2, "too much": available + 1}[spending]
        total = sum(amounts)
        receipt = shop.receipt(member, *amounts, spend_bonus=wish)
        refused = min(wish, total) > available or (which == 3 and min(wish, total) > 0)
        if refused:
            with pytest.raises(Refusal):
                shop.ledger.book(receipt, shop.point)
            continue
        shop.ledger.book(receipt, shop.point)
        spent = min(wish, total)
        expected[member] += (total - spent) * 300 // 10_000 - spent
        if sending == "again":
            assert shop.ledger.book(receipt, shop.point).repeated
        if sending == "changed":
            other = replace(receipt, basket=shop.receipt(member, *amounts, 1).basket)
            with pytest.raises(Refusal):
                shop.ledger.book(other, shop.point)
    for member in members:
        assert shop.balance(member).total == expected[member]
        assert_ledger_adds_up(shop, member)


def test_no_entry_is_ever_written_over(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    member = shop.new_member()
    before = shop.account(member)
    booked = shop.buy(member)
    after = shop.account(member)
    forged = replace(booked.entry, movement=Movement())
    writes = shop.store.entry_writes(after, replace(after, revision=after.revision + 1), forged)
    with pytest.raises(ConditionFailed) as failed:
        shop.store.commit(writes)
    assert set(failed.value.found) == {"entry"}
    assert before.revision + 1 == after.revision == shop.account(member).revision
    assert_ledger_adds_up(shop, member)


def test_a_page_of_fat_entries_ends_early_and_loses_none(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    member = shop.new_member()
    fat = Basket(tuple(Line(f"{n:040d}", 1, 1) for n in range(300)), 0)
    receipts = [replace(shop.receipt(member), basket=fat) for _ in range(80)]
    for receipt in receipts:
        shop.ledger.book(receipt, shop.point)
    page = shop.ledger.entries(member, most=100, after=None)
    assert 0 < len(page.entries) < 80
    assert page.following is not None
    assert len(shop.entries(member)) == 80


def test_a_queue_is_answered_in_time_and_nobody_overtakes_their_own_receipt(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    stuck, free = shop.new_member(), shop.new_member()
    seconds = [0.0]

    class Contended(type(shop.store)):  # type: ignore[misc]
        def commit(self, writes: list[Put]) -> None:
            if any(stuck in str(write.item) for write in writes):
                raise Busy
            super().commit(writes)

    def sleep(wait: float) -> None:
        seconds[0] += wait

    ledger = replace(
        shop.ledger,
        store=Contended(dynamodb, "ledger", shop.club.club_id),
        patience=Patience(sleep=sleep, monotonic=lambda: seconds[0]),
    )
    queue: list[Receipt | Refusal] = [
        shop.receipt(stuck),
        shop.receipt(stuck, spend_bonus=100),
        shop.receipt(free),
        Refusal("invalid_field"),
    ]
    answers = ledger.book_in_turn(queue, shop.point)
    codes = [answer.code if isinstance(answer, Refusal) else "booked" for answer in answers]
    assert codes == ["try_again", "try_again", "booked", "invalid_field"]


def test_a_queue_that_takes_too_long_is_told_to_come_again(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    ticks = count(0, 3)
    slow = replace(shop.ledger, patience=Patience(monotonic=lambda: float(next(ticks))))
    queue = [shop.receipt(shop.new_member()) for _ in range(6)]
    answers = slow.book_in_turn(queue, shop.point)
    booked = [isinstance(answer, Booked) for answer in answers]
    assert booked == sorted(booked, reverse=True)
    assert booked[0]
    assert {answer.code for answer in answers if isinstance(answer, Refusal)} == {"try_again"}
