"""docs/campaigns.md says what the code does, and names tests that exist."""

from __future__ import annotations

import re

from infra.local.home import ROOT
from stamkunde.campaigns.composer_texts import CATALOGUE
from stamkunde.campaigns.model.fields import FILLED_NAMES, MERGE_NAMES, MergeField
from stamkunde.campaigns.model.law import LawCode
from stamkunde.campaigns.model.templates import TemplateKey
from stamkunde.campaigns.ready_made import template_words
from stamkunde.shared.language import LANGUAGES

PAGE = (ROOT / "docs" / "campaigns.md").read_text()


THE_LAW = PAGE.split("\n## The law\n")[1].split("\n## ")[0]


def row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def test_every_test_that_the_campaigns_page_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    written = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"def (test_\w+)", path.read_text())
    }
    assert named
    assert named <= written


def test_every_field_is_described_as_it_is_called() -> None:
    for field in MergeField:
        called = [f"{{{MERGE_NAMES[language][field]}}}" for language in LANGUAGES]
        assert row(field.replace("_", " "), *called) in PAGE
    for language, names in FILLED_NAMES.items():
        assert row(language, ", ".join(sorted(names))) in PAGE


def test_every_finding_of_the_law_is_described_as_refused_or_asked_where_it_may_be() -> None:
    rows = {
        code: (refused.strip(), asked.strip())
        for code, _, refused, asked in re.findall(
            r"^\| `(\w+)` \| ([^|]+)\|([^|]*)\|([^|]*)\|", THE_LAW, re.MULTILINE
        )
    }
    assert set(rows) == set(LawCode)
    said = CATALOGUE.texts("da")
    for code, (refused, asked) in rows.items():
        assert bool(refused) == (f"law.{code}.refused" in said), code
        assert bool(asked) == (f"law.{code}.question" in said), code


def test_every_template_is_described_by_its_name_in_both_languages() -> None:
    for key in TemplateKey:
        assert f"| {key} | {template_words('da')[key].name} | {template_words('nb')[key].name} |" in PAGE
