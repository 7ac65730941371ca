"""What must be true of every page that a test looks at: accessible by day and night, no wider than the phone."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page

from infra.local.home import ROOT

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
SCHEMES = ("light", "dark")


def look_at(page: Page) -> None:
    """Hold a page to what must be true of every page."""
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), f"{page.url} is too wide"
    page.evaluate(AXE.read_text())
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        faults = accessibility_faults(page)
        assert faults == [], f"{page.url} by {scheme}: {faults}"
    page.emulate_media(color_scheme="light")


def accessibility_faults(page: Page) -> list[str]:
    """What axe finds, each with the rule and the place."""
    found: dict[str, Any] = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{violation['id']}: {violation['help']} at {node['target']} ({node.get('failureSummary', '')})"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]
