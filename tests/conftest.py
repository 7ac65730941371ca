"""Fixtures for every suite."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

pytest_plugins = ("tests.local_stack", "tests.engine_fixtures", "tests.function_fixtures")

settings.register_profile("test", max_examples=100, deadline=None)
settings.register_profile("soak", max_examples=20_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "test"))

LOCAL_STACKS = {"local_stack", "session_stack", "other_stack"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep all tests of local stacks in one process: a stack of its own for each would cost more than it saves."""
    for item in items:
        if LOCAL_STACKS & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.xdist_group("local_stack"))
