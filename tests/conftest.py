"""Fixtures for every suite."""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from tests.named_tests import watch

# Powertools reads these when it is imported, which any plugin or test module may do first.
os.environ |= {"POWERTOOLS_SERVICE_NAME": "test", "POWERTOOLS_METRICS_NAMESPACE": "Stamkunde"}

pytest_plugins = ("tests.local_stack", "tests.engine_fixtures", "tests.function_fixtures", "tests.browser_fixtures")

settings.register_profile("test", max_examples=100, deadline=None)
settings.register_profile("soak", max_examples=20_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "test"))

LOCAL_STACKS = {"deployed", "local_stack", "session_stack", "other_stack"}
ON_LOCAL_STACKS = {
    "tests/journeys/": "a stack that is restarted and killed",
    "tests/faults/test_deployed_stack.py": "a stack that is restarted and killed",
    "tests/browser/": "a stack that runs through",
    "tests/replay/": "a stack that runs through",
}
# Meanwhile the other process deploys what both start copies of.
LONG_WALK = "tests/stores/test_ledger_machine.py"
TOGETHER = {**ON_LOCAL_STACKS, LONG_WALK: "a stack that runs through"}


class TwoProcessesForLocalStacks(LoadScopeScheduling):  # type: ignore[misc]
    """Hands out test by test, but keeps tests that share a local stack in one process, the largest groups first.

    A stack of its own for each process would cost more than it saves. xdist's own groups are marked in a way that
    this pytest no longer reads.
    """

    def _split_scope(self, nodeid: str) -> str:
        shared = (stack for folder, stack in TOGETHER.items() if nodeid.startswith(folder))
        return next(shared, nodeid)

    def mark_test_complete(self, node: Any, item_index: int, duration: float = 0) -> None:
        """Forget a group that is done: after every test, xdist counts what is left in all it has handed out."""
        super().mark_test_complete(node, item_index, duration)
        groups = self.assigned_work[node]
        group = self._split_scope(self.registered_collections[node][item_index])
        if all(groups[group].values()):
            del groups[group]


def pytest_configure(config: pytest.Config) -> None:
    """See that a run of everything passes what docs/ledger.md and docs/compliance.md name."""
    watch(config)


@pytest.hookimpl
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> TwoProcessesForLocalStacks:
    """Put the scheduler above in the place of ``--dist``."""
    return TwoProcessesForLocalStacks(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Walk first, and see that no test of a local stack lies where the scheduler would not know it."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONG_WALK))
    known = tuple(ON_LOCAL_STACKS)
    on_stacks = [item for item in items if LOCAL_STACKS & set(getattr(item, "fixturenames", ()))]
    for item in on_stacks:
        # The first of them waits until everything is deployed.
        item.add_marker(pytest.mark.timeout(600))
    strays = [item.nodeid for item in on_stacks if not item.nodeid.startswith(known)]
    if strays:
        raise pytest.UsageError(f"tests of local stacks belong under {known}: {strays}")
