"""Random walks over the ledger: 2,000 steps in `make test`, 50,000 in `make prove`, an hour in `make soak`."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.engine_fixtures import new_account
from tests.stores.ledger_machine import LedgerMachine
from tests.tables import TABLES

STEPS_A_WALK = 50
WALKS_AT_ONCE = 50
"""About 2,000 steps, since some walks end early. The first few of each time are dull ones, so they aren't fewer; what
Hypothesis has tried and the rows in the engine are kept that long, so they aren't more."""


def walk(endpoint: str, steps: int, *, known: bool = False) -> int:
    """Walk at random until so many steps are taken, or some more; how many they were.

    A known walk is the same every time: what it finds is the last change's fault.
    """
    taken = 0
    while taken < steps:
        taken += _some_walks(endpoint, known=known)
    return taken


def _some_walks(endpoint: str, *, known: bool) -> int:
    client = new_account(endpoint)
    walked: list[LedgerMachine] = []

    def set_out() -> LedgerMachine:
        walked.append(LedgerMachine(client))
        return walked[-1]

    chosen = settings(
        max_examples=WALKS_AT_ONCE,
        stateful_step_count=STEPS_A_WALK,
        deadline=None,
        derandomize=known,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )
    run_state_machine_as_test(set_out, settings=chosen)  # type: ignore[arg-type]
    for table in TABLES:
        client.delete_table(TableName=table)
    return sum(machine.steps for machine in walked)
