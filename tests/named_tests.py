"""Tables that name tests, in docs/ledger.md and docs/compliance.md: a run of everything must have passed them."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.local.home import ROOT

TEST_NAME = re.compile(r"`(test_\w+)`")
NARROWING = ("keyword", "markexpr", "deselect", "ignore", "ignore_glob", "collectonly")
"""Options of pytest by which a run of all folders isn't one of all tests."""


@dataclass(frozen=True)
class NamingTable:
    """A table of a page, whose rows have a key first and tests last.

    Parameters
    ----------
    heading
        What it stands under.
    key
        What the first cell of a row is; lines of another kind are the table's head.
    """

    page: Path
    heading: str
    key: str = r"\d+"

    def cells(self) -> dict[str, list[str]]:
        """All cells of each row by its key, in the order of the rows."""
        section = self.page.read_text().partition(f"{self.heading}\n")[2].partition("\n## ")[0]
        rows = [line.strip().strip("|").split("|") for line in section.splitlines() if line.startswith("| ")]
        found = [[cell.strip() for cell in row] for row in rows]
        return {row[0]: row for row in found if re.fullmatch(self.key, row[0])}

    def tests(self) -> dict[str, list[str]]:
        """The tests that each row names, by its key."""
        return {key: TEST_NAME.findall(cells[-1]) for key, cells in self.cells().items()}

    def named(self) -> set[str]:
        """All tests that it names."""
        return {name for names in self.tests().values() for name in names}


PITFALLS = NamingTable(ROOT / "docs" / "ledger.md", "## Pitfalls, and what keeps us out of them")
RULES = NamingTable(ROOT / "docs" / "compliance.md", "## The rules, and what holds them", r"R\d+")
TABLES = (PITFALLS, RULES)


class NamedTestsRan:
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
            print(f"\nNamed in docs, but skipped or not run: {', '.join(missing)}")
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def watch(config: pytest.Config, tables: Collection[NamingTable] = TABLES) -> None:
    """Watch a run of all tests, in the one process that sees all of them; any other selection claims nothing."""
    asked = [(config.invocation_params.dir / each).resolve() for each in config.args]
    everything = asked == [(config.rootpath / each).resolve() for each in config.getini("testpaths")]
    narrowed = any(getattr(config.option, name, None) for name in NARROWING)
    if everything and not narrowed and not hasattr(config, "workerinput"):
        config.pluginmanager.register(NamedTestsRan({name for table in tables for name in table.named()}))
