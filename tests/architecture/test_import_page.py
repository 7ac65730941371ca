"""docs/import.md has every column, fate and code of the file, and no other."""

from __future__ import annotations

import re
from copy import replace

from infra.local.home import ROOT
from stamkunde.clubs.model import CAREFUL_POLICY
from stamkunde.members.import_service import Fate
from stamkunde.members.importing import LONGEST_CELL, METHODS, MOST_ROWS, Lack, Reader
from tests.architecture.test_documents import rows, section
from tests.factories import NOON, make_club

PAGE = (ROOT / "docs" / "import.md").read_text()
EVERYTHING_ASKED = replace(CAREFUL_POLICY, asks_birth_date=True, asks_outlet=True)


def names(text: str) -> set[str]:
    return set(re.findall(r"`([a-z_]+)`", text))


def first_cells(heading: str) -> set[str]:
    table = section(PAGE, heading)
    return {name for line in table.splitlines() if line.startswith("|") for name in names(line.split("|")[1])}


def test_the_page_has_every_column() -> None:
    reader = Reader(make_club(member_policy=EVERYTHING_ASKED), [], "Anna", NOON)
    parts = {column.partition("_")[2] for column in reader.columns if column.startswith("sms_")}
    assert first_cells("## The file") == {
        column for column in reader.columns if not re.match("(sms|email|purchases|terms)_", column)
    } | {"email_confirmed_at", "email_confirmed_from", "terms_version"}
    assert {f"`…_{part}`" for part in parts} <= set(re.findall(r"`…_\w+`", PAGE))


def test_the_page_has_every_fate_and_code() -> None:
    fates, codes = (rows(part) for part in section(PAGE, "## What becomes of a row").split("The answer names"))
    assert [row[0] for row in fates] == [fate.value for fate in Fate]
    assert [row[0] for row in codes] == [lack.value for lack in Lack]


def test_the_page_tells_the_limits_and_the_methods() -> None:
    assert f"{MOST_ROWS} rows go in one task" in PAGE
    assert f"more than {LONGEST_CELL:,} characters" in PAGE
    assert set(METHODS) <= names(PAGE)
