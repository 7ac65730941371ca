"""Thousands of random steps through everything the ledger can do."""

from __future__ import annotations

import os
import time

import pytest

from tests.stores.walks import walk

STEPS = 2_000
MINUTES = float(os.environ.get("STAMKUNDE_SOAK_MINUTES", "0"))
"""How long to go on walking; `make soak` says an hour."""


@pytest.mark.timeout(1_200 + MINUTES * 60)
def test_whatever_happens_in_whatever_order_the_ledger_adds_up(engine_endpoint: str) -> None:
    end = time.monotonic() + MINUTES * 60
    taken = walk(engine_endpoint, STEPS, known=True)
    while time.monotonic() < end:
        taken += walk(engine_endpoint, STEPS)
    assert taken >= STEPS
