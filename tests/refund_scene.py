"""What tests of refunds do: sell, take back, see that nothing was written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from stamkunde.ledger.guards import Guard
from stamkunde.ledger.model.entries import RefundFacts
from stamkunde.ledger.model.receipts import Receipt, TillPoint, purchase_id
from stamkunde.ledger.model.reversal import Refund
from stamkunde.ledger.refunds import Refunded
from stamkunde.ledger.service import Booked
from stamkunde.shared.errors import Refusal
from tests.ledger_checks import every_row
from tests.shop import Shop

THREADS = 20
ELSEWHERE = TillPoint("kasse-9", "stationen", "never", None)


def refund_of(booked: Booked, number: str = "R1", *lines: tuple[int, int], **given: Any) -> Refund:
    assert booked.entry.purchase is not None
    standard: dict[str, Any] = {
        "purchase_id": booked.entry.purchase.purchase_id,
        "refund_number": number,
        "refunded_at": booked.entry.booked_at,
        "lines": lines or None,
    }
    return Refund(**(standard | given))


def facts(refunded: Refunded) -> RefundFacts:
    assert refunded.entry.refund is not None
    return refunded.entry.refund


def guard_of(shop: Shop, booked: Booked) -> Guard:
    assert booked.entry.purchase is not None
    guard = shop.store.find_guard(booked.entry.purchase.purchase_id)
    assert guard is not None
    return guard


def refused(shop: Shop, act: Callable[[], object]) -> tuple[str, str | None]:
    """The code and the pointer something is refused with, once it is seen that nothing was written."""
    before = every_row(shop.client)
    with pytest.raises(Refusal) as refusal:
        act()
    assert every_row(shop.client) == before
    return refusal.value.code, refusal.value.pointer


def in_threads(shop: Shop, jobs: Sequence[Callable[[], Any]]) -> list[Any]:
    def carry_out(job: Callable[[], Any]) -> Any:
        try:
            return job()
        except Refusal as refusal:
            return refusal

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(carry_out, jobs))


def parked(shop: Shop, receipt: Receipt, number: str = "R1", *lines: tuple[int, int]) -> Refund:
    identity = purchase_id(shop.club.club_id, shop.point.till_id, "", receipt.receipt_number)
    return Refund(identity, number, shop.now(), lines or None)


def waiting_in(shop: Shop, refund: Refund) -> list[str]:
    guard = shop.store.find_guard(refund.purchase_id)
    return [each.refund.refund_number for each in guard.parked.values()] if guard else []
