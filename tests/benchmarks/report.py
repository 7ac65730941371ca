"""Writes docs/performance.md: each figure beside its budget, and where and when it was measured."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from infra.packaging import ROOT
from tests.benchmarks.timing import Ratio

PAGE = ROOT / "docs" / "performance.md"
WRITTEN = (":!docs/performance.md", ":!docs/proof.md")


@dataclass(frozen=True)
class Figure:
    """One line of the table.

    Parameters
    ----------
    name
        What was measured.
    budget
        The most it may be.
    measured
        What it was, in the budget's unit.
    detail
        How the figure came about.
    cause
        Why it is what it is; printed when it is over its budget.
    digits
        Decimal places.
    """

    name: str
    budget: float
    measured: float
    detail: str
    cause: str
    digits: int = 2

    @property
    def within(self) -> bool:
        return self.measured <= self.budget

    def row(self) -> str:
        budget, measured = (f"{value:.{self.digits}f}" for value in (self.budget, self.measured))
        verdict = "within" if self.within else "**over**"
        return f"| {self.name} | {budget} | {measured} | {verdict} | {self.detail} |"


def ratio_detail(ratio: Ratio, unit: str = "ms") -> str:
    """The absolute medians behind a ratio, its spread, and how often it was measured."""
    low, high = ratio.quartiles
    return (
        f"{ratio.ours:.1f} {unit} against {ratio.bare:.1f} {unit}; "
        f"half of {ratio.rounds} between {low:.2f} and {high:.2f}"
    )


def write(figures: Sequence[Figure], remarks: Sequence[str]) -> Path:
    """Write the page; returns where it is."""
    over = [f"- {figure.name}: {figure.cause}" for figure in figures if not figure.within]
    lines = [
        "# Performance",
        "",
        "Written by `make bench`; the budgets are the product's own. Timed figures are ratios to a",
        "bare boto3 handler in the same run, since milliseconds of one machine say little about another. What can be",
        "held without a clock is held by tests/architecture/test_package.py and by the unit meter in `make test`.",
        "",
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, commit {revision()}, {machine()}",
        "",
        "| figure | budget | measured | | how |",
        "|---|---|---|---|---|",
        *(figure.row() for figure in figures),
        "",
        *(["Over budget, and why:", "", *over, ""] if over else []),
        *remarks,
        "",
    ]
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text("\n".join(lines))
    return PAGE


def revision() -> str:
    """The commit that was measured, and whether it had been changed since; the written pages are no change."""
    head = _git("rev-parse", "--short", "HEAD") or "none yet"
    return f"{head} with changes" if _git("status", "--porcelain", "--", ".", *WRITTEN) else head


def _git(*arguments: str) -> str:
    outcome = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return outcome.stdout.strip() if outcome.returncode == 0 else ""


def machine() -> str:
    """What it was measured on."""
    cores = os.cpu_count()
    return f"{cores} cores {platform.machine()}, {platform.system()}, Python {platform.python_version()}"
