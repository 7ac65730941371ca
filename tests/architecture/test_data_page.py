"""docs/data.md describes every row that is really written, and says what erasing does to each."""

from __future__ import annotations

import re
from typing import Any

import pytest

from infra.erasure_plan import read_table, step_of
from infra.function_catalogue import TABLES
from infra.local.home import ROOT

PAGE = (ROOT / "docs" / "data.md").read_text()
CONTEXTS = {path.parent.name for path in (ROOT / "layers/stamkunde/python/stamkunde").glob("*/store.py")}
PLACE = re.compile(r"‹([^›]+)›")


ENTITIES = read_table(PAGE, "Entities")


def pattern(key: str) -> re.Pattern[str]:
    """A key's template as an expression: places hold anything, the last one also separators."""
    parts = PLACE.split(key)
    return re.compile("^" + "".join(re.escape(p) if i % 2 == 0 else ".+?" for i, p in enumerate(parts)) + "$")


def describing(table: str, row: dict[str, Any]) -> list[dict[str, str]]:
    """The entities that a row may be, most exact first."""
    fitting = [
        entity
        for entity in ENTITIES
        if entity["table"] == table
        and pattern(entity["pk"]).match(row["pk"])
        and pattern(entity["sk"]).match(row["sk"])
        and str(row["v"]) == entity["v"]
    ]
    return sorted(fitting, key=lambda entity: -len(PLACE.sub("", entity["sk"])))


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity["entity"])
def test_every_entity_has_a_home_and_an_end(entity: dict[str, str]) -> None:
    assert entity["context"] in CONTEXTS
    assert entity["table"] in TABLES
    assert re.fullmatch(r"\d+", entity["v"])
    assert (entity["personal data"] != "no") == (step_of(entity) is not None)


def test_every_context_and_table_is_described() -> None:
    assert {entity["context"] for entity in ENTITIES} == CONTEXTS
    assert {entity["table"] for entity in ENTITIES} == set(TABLES)


def test_every_key_that_could_be_a_clubs_names_the_club() -> None:
    shared = {
        "CAMPAIGN_DUE#‹shard›",
        "CLUBS#‹shard›",
        "SLUG#‹slug›",
        "DIRTY#‹shard›",
        "OUTBOX#‹shard›",
        "LINK#‹hash of token›",
    }
    shared |= {"RUNNING#‹shard›", "UNKNOWN#‹shard›", "STOP_NUMBER#‹number›", "RATE#gateway#‹channel›"}
    shared |= {"MARKED#‹shard›"}
    for entity in ENTITIES:
        assert "‹club›" in entity["pk"] or entity["pk"] in shared


def test_a_row_that_is_not_described_would_be_found() -> None:
    assert not describing("ledger", {"pk": "X#c1#a1", "sk": "ACCOUNT", "v": 1})
    assert not describing("ledger", {"pk": "A#c1#a1", "sk": "ACCOUNT", "v": 2})
    (entity,) = describing("ledger", {"pk": "A#c1#a1", "sk": "ACCOUNT", "v": 1})
    assert entity["entity"] == "Account"


def test_every_test_that_the_ledgers_page_names_exists() -> None:
    page = (ROOT / "docs" / "ledger.md").read_text()
    named = set(re.findall(r"`(test_\w+)`", page))
    written = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"def (test_\w+)", path.read_text())
    }
    assert named
    assert named <= written
