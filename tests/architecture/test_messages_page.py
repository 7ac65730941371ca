"""docs/messages.md says what the code does, and names tests that exist."""

from __future__ import annotations

import re

from infra.local.home import ROOT
from stamkunde.messaging.lint import LintCode
from stamkunde.messaging.model import KINDS
from stamkunde.messaging.quiet_hours import SendingHours

PAGE = (ROOT / "docs" / "messages.md").read_text()


def test_every_test_that_the_messages_page_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    written = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"def (test_\w+)", path.read_text())
    }
    assert named
    assert named <= written


def test_every_kind_of_message_is_described_as_it_is() -> None:
    for kind, rules in KINDS.items():
        cells = [
            kind,
            rules.message_class,
            rules.timing.replace("_", " "),
            ", ".join(sorted(rules.fields)),
            rules.channel,
        ]
        minutes = rules.lasts.total_seconds() / 60
        lasts = f"{minutes:g} minutes" if minutes < 60 else f"{minutes / 60:g} hours"
        assert f"| {' | '.join([*cells, lasts])} |" in PAGE


def test_every_finding_and_the_usual_hours_are_described() -> None:
    assert set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)) == set(LintCode)
    hours = SendingHours()
    for name, window in (
        ("Monday to Saturday", hours.workdays),
        ("Sundays and public holidays", hours.sundays_and_holidays),
    ):
        assert f"| {name} | {window.opens:%-H.%M} | {window.closes:%-H.%M} |" in PAGE
