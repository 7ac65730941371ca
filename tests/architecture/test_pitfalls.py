"""Each of the 22 pitfalls in docs/ledger.md names tests; a run of everything fails if one of them didn't pass."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from infra.local.home import ROOT
from tests.mutations.mutations import MUTATIONS
from tests.mutations.runner import PACKAGE, Mutation, switch_off
from tests.named_tests import PITFALLS, TABLES, NamingTable

NUMBERS = range(1, 23)
NOT_RUN = {"skip", "skipif", "xfail", "importorskip"}
"""What may keep a test from running, or from counting."""

CONFTEST = r"""
from pathlib import Path

from tests.named_tests import NamingTable, watch


def pytest_configure(config):
    page = Path(__file__).with_name("page.md")
    watch(config, [NamingTable(page, "## Pitfalls"), NamingTable(page, "## Rules", r"R\d+")])
"""
TABLE = """
## Pitfalls

| # | pitfall | tests |
|---|---|---|
| 1 | Floats | `test_one` |

## Rules

| rule | held by | tests, or why there are none |
|---|---|---|
| R1 | No. | `test_two` |
| R2 | A lawyer. | Nobody can test that. |

## Something else

| 2 | `test_three` |
"""
SOUND = """
import pytest


def test_one():
    pass


@pytest.mark.parametrize("number", ["1", "a::b"])
def test_two(number):
    assert number
"""
MISSING = SOUND.replace("def test_one", "def test_other")
SKIPPED_ONCE = SOUND.replace('["1", ', '[pytest.param("1", marks=pytest.mark.skip), ')
BROKEN = SOUND.replace("    pass", "    raise ValueError")


@cache
def written_tests() -> tuple[tuple[str, str, ast.FunctionDef], ...]:
    """File, name and code of every test."""
    return tuple(
        (str(path.relative_to(ROOT)), node.name, node)
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    )


def test_each_pitfall_has_its_row_and_its_tests() -> None:
    table = PITFALLS.tests()
    assert [int(number) for number in table] == list(NUMBERS)
    assert all(table.values())


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.page.stem)
def test_every_named_test_is_written_once_and_always_runs(table: NamingTable) -> None:
    named = table.named()
    written = [(name, code) for _, name, code in written_tests() if name in named]
    assert Counter(name for name, _ in written) == dict.fromkeys(named, 1)
    for name, code in written:
        used = {each.attr for each in ast.walk(code) if isinstance(each, ast.Attribute)}
        assert not used & NOT_RUN, name


@pytest.mark.parametrize(
    ("tests", "options", "told"),
    [
        (SOUND, ["tests", "-n", "2"], None),
        (MISSING, [], "test_one"),
        (SKIPPED_ONCE, ["./tests/", "-n", "2"], "test_two"),
        (MISSING, ["tests/test_some.py"], None),
        (MISSING, ["tests", "-k", "two"], None),
    ],
)
def test_a_run_of_everything_must_have_passed_them(
    tmp_path: Path, tests: str, options: list[str], told: str | None
) -> None:
    ran = run(tmp_path, tests, options)
    assert ran.returncode == (1 if told else 0), ran.stdout
    assert (f"skipped or not run: {told}\n" in ran.stdout) is bool(told)


def test_a_run_that_failed_already_is_told_nothing_more(tmp_path: Path) -> None:
    ran = run(tmp_path, BROKEN, ["tests"])
    assert ran.returncode == 1
    assert "skipped or not run" not in ran.stdout


def run(folder: Path, tests: str, options: list[str]) -> subprocess.CompletedProcess[str]:
    """Pytest in a small project with a table and two tests of its own."""
    (folder / "tests").mkdir()
    (folder / "pyproject.toml").write_text('[tool.pytest.ini_options]\ntestpaths = ["tests"]\n')
    (folder / "tests" / "conftest.py").write_text(CONFTEST)
    (folder / "tests" / "page.md").write_text(TABLE)
    (folder / "tests" / "test_some.py").write_text(tests)
    command = [sys.executable, "-m", "pytest", "-p", "xdist", "-p", "no:cacheprovider", *options]
    environment = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.rule)
def test_a_rule_that_is_switched_off_stands_there_once(mutation: Mutation) -> None:
    code = (ROOT / PACKAGE / mutation.file).read_text()
    assert code.count(mutation.old) == 1
    assert mutation.old != mutation.new


def test_every_rule_is_switched_off_for_a_test_that_the_table_names() -> None:
    table = PITFALLS.tests()
    written = {(file, name) for file, name, _ in written_tests()}
    for mutation in MUTATIONS:
        file = mutation.test.partition("::")[0]
        assert (file, mutation.test_name) in written, mutation.rule
        assert mutation.test_name in table[str(mutation.pitfall)], mutation.rule
    assert {mutation.pitfall for mutation in MUTATIONS} == set(NUMBERS)


def test_a_rule_that_is_off_is_noticed_and_a_change_that_breaks_none_is_not() -> None:
    off, harmless = (
        Mutation(
            1,
            "Twice the rate.",
            "ledger/model/earning.py",
            "return weighed * paid // (total * FULL_RATE)",
            f"return weighed * paid {operation} // (total * FULL_RATE)",
            "tests/unit/test_settlement.py::test_three_percent_of_49_95_is_149_ore",
        )
        for operation in ("* 2", "* 1")
    )
    assert list(switch_off([off, harmless])) == [(off, True), (harmless, False)]
