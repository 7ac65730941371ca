"""Fixtures for every suite."""

from __future__ import annotations

import os

from hypothesis import settings

pytest_plugins = ("tests.local_stack", "tests.engine_fixtures", "tests.function_fixtures")

settings.register_profile("test", max_examples=100, deadline=None)
settings.register_profile("soak", max_examples=20_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "test"))
