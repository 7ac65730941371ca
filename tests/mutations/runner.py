"""Switches one rule off in a copy of the project, and runs the test that claims to hold it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.local.home import ROOT

COPIED = ("layers", "functions", "infra", "tests", "events", "docs", "pyproject.toml", "cdk.json")
PACKAGE = Path("layers/stamkunde/python/stamkunde")
TESTS_FAILED = 1
SECONDS = 120
"""For one test: a rule that is off may keep something trying for ever."""


@dataclass(frozen=True)
class Mutation:
    """A rule and how to switch it off.

    Parameters
    ----------
    pitfall
        Its number in docs/ledger.md.
    rule
        What no longer holds, in words.
    file
        Below the layer's package.
    old, new
        The code that is the rule, which must stand there exactly once, and what replaces it.
    test
        The node id that must fail.
    """

    pitfall: int
    rule: str
    file: str
    old: str
    new: str
    test: str

    @property
    def test_name(self) -> str:
        """The test's name as the table in docs/ledger.md has it."""
        return self.test.partition("[")[0].rpartition("::")[2]


@dataclass(frozen=True)
class Ran:
    """What became of some tests."""

    exit_code: int
    output: str

    @property
    def passed(self) -> bool:
        """Whether there were some, and all held."""
        return self.exit_code == 0

    @property
    def failed(self) -> bool:
        """Whether a test itself failed: what it needs may have broken as well, which shows nothing."""
        last = (self.output.splitlines() or [""])[-1]
        return self.exit_code == TESTS_FAILED and " failed" in last and " error" not in last


@contextmanager
def copy_of_the_project() -> Iterator[Path]:
    """A copy to break, with what is installed left where it is."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name in COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, root / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, root / name)
        yield root


def switch_off(mutations: Sequence[Mutation]) -> Iterator[tuple[Mutation, bool]]:
    """One rule after the other, and whether its test noticed.

    Raises
    ------
    ValueError
        The tests don't hold as it is, a rule's code doesn't stand there once, or a test could not be run: nothing
        would be shown.
    """
    with copy_of_the_project() as root:
        ran = run_tests(sorted({mutation.test for mutation in mutations}), root)
        if not ran.passed:
            raise ValueError(f"with every rule on, these tests must pass:\n{ran.output}")
        for mutation in mutations:
            yield mutation, is_noticed(mutation, root)


def is_noticed(mutation: Mutation, root: Path) -> bool:
    """Whether the test fails while the rule is off.

    Raises
    ------
    ValueError
        The rule's code doesn't stand there once, or the test could not be run.
    """
    path = root / PACKAGE / mutation.file
    sound = path.read_text()
    if sound.count(mutation.old) != 1:
        raise ValueError(
            f"{mutation.rule}: {mutation.file} has this {sound.count(mutation.old)} times: {mutation.old}"
        )
    path.write_text(sound.replace(mutation.old, mutation.new))
    try:
        ran = run_tests([mutation.test], root)
    finally:
        path.write_text(sound)
    if not ran.passed and not ran.failed:
        raise ValueError(f"{mutation.rule}: {mutation.test} could not be run:\n{ran.output}")
    return ran.failed


def run_tests(tests: Sequence[str], root: Path) -> Ran:
    """Run some tests of a copy; pytest finds the copy's own code by its settings there.

    Without byte code: a file that was changed twice within a second could be mistaken for its older self.
    """
    command = [sys.executable, "-m", "pytest", "-x", "--timeout", str(SECONDS), *tests]
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    ran = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    return Ran(ran.returncode, ran.stdout + ran.stderr)
