"""docs/segments.md describes every criterion as it is, and names tests that exist."""

from __future__ import annotations

import json
import re

from infra.local.home import ROOT
from stamkunde.campaigns.model.criteria import DEEPEST, MOST_CRITERIA, OF_PURCHASES, Criterion, read_criterion
from stamkunde.campaigns.model.facts import LOOKS_BACK_DAYS, MOST_ITEM_NUMBERS

PAGE = (ROOT / "docs" / "segments.md").read_text()
CRITERIA = {kind.__struct_config__.tag: kind for kind in Criterion.__value__.__args__}
PUT_TOGETHER = {"all", "any", "not"}


def test_every_test_that_the_segments_page_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    written = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"def (test_\w+)", path.read_text())
    }
    assert named
    assert named <= written


def test_every_criterion_is_described_with_its_fields_and_whether_it_looks_at_purchases() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (yes|no|–) \| .+ \| (.+) \|$", PAGE, re.MULTILINE)
    described = {tag: (purchases, re.findall(r"`(\w+)`", fields)) for tag, purchases, fields in rows}
    assert described.keys() == CRITERIA.keys()
    for tag, kind in CRITERIA.items():
        looks = "–" if tag in PUT_TOGETHER else "yes" if kind in OF_PURCHASES else "no"
        assert described[tag] == (looks, list(kind.__struct_fields__)), tag


def test_the_example_is_a_criterion_and_the_limits_are_as_they_are() -> None:
    (example,) = re.findall(r"^```\n(\{.+?\n)```$", PAGE, re.MULTILINE | re.DOTALL)
    assert json.loads(example)
    assert read_criterion(example)
    assert f"A rule holds {MOST_CRITERIA} criteria at most, six deep." in PAGE
    assert (DEEPEST, LOOKS_BACK_DAYS) == (6, 2 * 365 + 1)
    assert f"The {MOST_ITEM_NUMBERS} item numbers" in PAGE
