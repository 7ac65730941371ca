"""Refunds that are quicker than their sale: they wait, are booked with it, and are never lost between."""

from __future__ import annotations

import random
from collections.abc import Callable
from copy import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from stamkunde.ledger.notes import NoteKind
from stamkunde.ledger.refunds import PARKED_FOR, Refunded, Tended, Waiting
from stamkunde.ledger.store import LedgerStore
from stamkunde.shared.errors import Refusal
from stamkunde.shared.patience import Patience
from stamkunde.shared.transaction import Busy, Write
from tests.factories import NOON
from tests.ledger_checks import assert_ledger_adds_up
from tests.refund_scene import ELSEWHERE, in_threads, parked, refused, waiting_in
from tests.shop import Shop

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


def test_a_refund_before_its_sale_waits_and_is_booked_with_it(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    member = shop.new_member()
    receipt = shop.receipt(member, 10_000, 5_000)
    refund = parked(shop, receipt, "R1", (0, 1))
    first = shop.ledger.refunds.book_or_park(refund, ELSEWHERE)
    again = shop.ledger.refunds.book_or_park(refund, ELSEWHERE)
    assert isinstance(first, Waiting)
    assert isinstance(again, Waiting)
    assert (first.until, first.repeated, again.until, again.repeated) == (NOON + PARKED_FOR, False, first.until, True)
    assert refused(shop, lambda: shop.ledger.find_purchase(refund.purchase_id))[0] == "unknown_purchase"
    assert refused(shop, lambda: shop.ledger.refunds.book(refund, ELSEWHERE))[0] == "unknown_purchase"
    shop.wait(timedelta(days=2))
    sold = shop.ledger.book(receipt, shop.point)
    assert (sold.repeated, sold.entry.amount, shop.balance(member).total) == (False, 450, 150)
    (undone,) = shop.ledger.refunds_of(refund.purchase_id)
    assert (undone.outlet_id, undone.day) == ("stationen", NOON.date())
    after = shop.ledger.refunds.book_or_park(refund, ELSEWHERE)
    assert isinstance(after, Refunded)
    assert (after.repeated, after.entry) == (True, undone)
    assert shop.ledger.book(receipt, shop.point).repeated
    assert waiting_in(shop, refund) == []
    assert_ledger_adds_up(shop, member)


def test_a_waiting_refund_from_before_its_sale_is_given_up_and_told(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    member = shop.new_member()
    receipt = replace(shop.receipt(member, 10_000), bought_at=NOON + timedelta(hours=1))
    refund = parked(shop, receipt)
    shop.ledger.refunds.book_or_park(refund, ELSEWHERE)
    shop.wait(timedelta(hours=2))
    shop.ledger.book(receipt, shop.point)
    assert (shop.ledger.refunds_of(refund.purchase_id), waiting_in(shop, refund)) == ([], [])
    noted = shop.store.notes_of_day(NOON.date())
    assert [(note.kind, note.code) for note in noted] == [(NoteKind.UNMATCHED_REFUND, "invalid_field")]
    assert shop.balance(member).total == 300


def test_a_waiting_refund_with_other_content_is_refused(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    receipt = shop.receipt(shop.new_member(), 10_000)
    shop.ledger.refunds.book_or_park(parked(shop, receipt), shop.point)
    other = parked(shop, receipt, "R1", (0, 1))
    assert refused(shop, lambda: shop.ledger.refunds.book_or_park(other, shop.point))[0] == "receipt_differs"


def test_twenty_refunds_and_their_sale_at_once_all_count(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    member = shop.new_member()
    receipt = shop.receipt(member, *[1_000] * 8)
    refunds = [parked(shop, receipt, f"R{place}", (place, 1)) for place in range(8)]
    jobs: list[Callable[[], Any]] = [
        partial(shop.ledger.refunds.book_or_park, each, shop.point) for each in (*refunds, *refunds)
    ]
    jobs += [lambda: shop.ledger.book(receipt, shop.point)] * 4
    random.Random(4).shuffle(jobs)
    answers = in_threads(shop, jobs)
    assert not [answer for answer in answers if isinstance(answer, Refusal)]
    shop.ledger.refunds.tend_parked(shop.now())
    guard = shop.store.find_guard(refunds[0].purchase_id)
    assert guard is not None
    assert (len(guard.refunds), dict(guard.parked), shop.balance(member).total) == (8, {}, 0)
    assert_ledger_adds_up(shop, member)


class Stopping(LedgerStore):
    """A store whose process dies before a write that a test names."""

    dies_at: Callable[[list[Write]], bool]

    def commit(self, writes: Any) -> None:
        if self.dies_at(list(writes)):
            raise ConnectionError
        super().commit(writes)


def dying(shop: Shop) -> Any:
    """The ledger of a process that dies between a sale and its parked refund."""
    store = Stopping(shop.client, "ledger", shop.club.club_id)
    store.dies_at = lambda writes: any(
        write.purpose == "entry" and "refund" in getattr(write, "item", {}) for write in writes
    )
    return replace(shop.ledger, store=store)


@pytest.mark.parametrize("healing", ["the receipt again", "the refund again", "the job"])
def test_a_crash_between_sale_and_parked_refund_is_healed(dynamodb: DynamoDBClient, healing: str) -> None:
    shop = Shop(dynamodb)
    member = shop.new_member()
    receipt = shop.receipt(member, 10_000)
    refund = parked(shop, receipt)
    shop.ledger.refunds.book_or_park(refund, shop.point)
    with pytest.raises(ConnectionError):
        dying(shop).book(receipt, shop.point)
    assert (shop.balance(member).total, waiting_in(shop, refund)) == (300, ["R1"])
    if healing == "the receipt again":
        assert shop.ledger.book(receipt, shop.point).repeated
    elif healing == "the refund again":
        assert not getattr(shop.ledger.refunds.book_or_park(refund, shop.point), "repeated", True)
    else:
        assert shop.ledger.refunds.tend_parked(shop.now()) == Tended(booked=1, ended=0)
    assert (shop.balance(member).total, waiting_in(shop, refund)) == (0, [])
    assert shop.ledger.refunds.tend_parked(shop.now()) == Tended(booked=0, ended=0)
    assert_ledger_adds_up(shop, member)


def test_a_refund_whose_sale_never_comes_is_ended_after_seven_days_and_noted(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    member = shop.new_member()
    receipt = shop.receipt(member, 10_000)
    refund = parked(shop, receipt, "R77")
    shop.ledger.refunds.book_or_park(refund, shop.point)
    shop.wait(PARKED_FOR - timedelta(seconds=1))
    assert shop.ledger.refunds.tend_parked(shop.now()) == Tended(booked=0, ended=0)
    shop.wait(timedelta(seconds=1))
    assert shop.ledger.refunds.tend_parked(shop.now()) == Tended(booked=0, ended=1)
    assert shop.ledger.refunds.tend_parked(shop.now()) == Tended(booked=0, ended=0)
    (note,) = shop.store.notes_of_day(shop.today())
    assert (note.kind, note.subject, note.code) == (NoteKind.UNMATCHED_REFUND, "R77", "unknown_purchase")
    assert waiting_in(shop, refund) == []
    opened = replace(shop.point, late_receipts_until=shop.now() + timedelta(hours=1))
    assert shop.ledger.book(receipt, opened).entry.amount == 300
    assert shop.balance(member).total == 300


def test_a_parked_refund_that_does_not_fit_its_sale_is_noted_and_the_sale_stands(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    member = shop.new_member()
    receipt = shop.receipt(member, 10_000)
    shop.ledger.refunds.book_or_park(parked(shop, receipt, "R1", (3, 1)), shop.point)
    shop.ledger.refunds.book_or_park(parked(shop, receipt, "R2", (0, 1)), shop.point)
    assert not shop.ledger.book(receipt, shop.point).repeated
    (note,) = shop.store.notes_of_day(shop.today())
    assert (note.subject, note.code, note.entry_id is None) == ("R1", "refund_exceeds_sale", False)
    assert shop.balance(member).total == 0


def test_a_parked_refund_that_finds_no_turn_waits_for_the_job(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    member = shop.new_member()
    receipt = shop.receipt(member, 10_000)
    refund = parked(shop, receipt)
    shop.ledger.refunds.book_or_park(refund, shop.point)

    class Contended(LedgerStore):
        def commit(self, writes: Any) -> None:
            if any(write.purpose == "entry" and "refund" in getattr(write, "item", {}) for write in writes):
                raise Busy
            super().commit(writes)

    store = Contended(dynamodb, "ledger", shop.club.club_id)
    impatient = replace(shop.ledger, store=store, patience=Patience(limit=0.05))
    assert not impatient.book(receipt, shop.point).repeated
    assert (shop.balance(member).total, waiting_in(shop, refund)) == (300, ["R1"])
    assert shop.ledger.refunds.tend_parked(shop.now() + timedelta(hours=1)).booked == 1
    assert shop.balance(member).total == 0
