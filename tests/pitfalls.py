"""The table of pitfalls in docs/ledger.md: each names its tests, and a run of everything must have passed them."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

import pytest

from infra.local.home import ROOT

PAGE = ROOT / "docs" / "ledger.md"
HEADING = "## Pitfalls, and what keeps us out of them"
TEST_NAME = re.compile(r"`(test_\w+)`")
NARROWING = ("keyword", "markexpr", "deselect", "ignore", "ignore_glob", "collectonly")
"""Options of pytest by which a run of all folders isn't one of all tests."""


def pitfalls(page: Path = PAGE) -> dict[int, list[str]]:
    """The tests of each pitfall by its number, in the order of the rows."""
    section = page.read_text().partition(f"{HEADING}\n")[2].partition("\n## ")[0]
    rows = [line.strip().strip("|").split("|") for line in section.splitlines() if line.startswith("| ")]
    return {int(row[0]): TEST_NAME.findall(row[-1]) for row in rows if row[0].strip().isdigit()}


class PitfallsWereTested:
    """Fails a run in which a named test did not pass, or was skipped, be it with one of its parameters only.

    Parameters
    ----------
    named
        Names of test functions; no two tests share one of these.
    """

    def __init__(self, named: Collection[str]) -> None:
        self.named = named
        self.passed: set[str] = set()
        self.skipped: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what ran: with xdist, all reports come together in the process that hands out the tests."""
        name = report.nodeid.partition("[")[0].rpartition("::")[2]
        if report.skipped:
            self.skipped.add(name)
        elif report.when == "call" and report.passed:
            self.passed.add(name)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Look whether every named test is among them, if nothing else is wrong already."""
        missing = sorted(set(self.named) - (self.passed - self.skipped))
        if missing and session.exitstatus == pytest.ExitCode.OK:
            print(f"\nNamed in docs/ledger.md, but skipped or not run: {', '.join(missing)}")
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def watch(config: pytest.Config, page: Path = PAGE) -> None:
    """Watch a run of all tests, in the one process that sees all of them; any other selection claims nothing."""
    asked = [(config.invocation_params.dir / each).resolve() for each in config.args]
    everything = asked == [(config.rootpath / each).resolve() for each in config.getini("testpaths")]
    narrowed = any(getattr(config.option, name, None) for name in NARROWING)
    if everything and not narrowed and not hasattr(config, "workerinput"):
        named = {name for names in pitfalls(page).values() for name in names}
        config.pluginmanager.register(PitfallsWereTested(named))
