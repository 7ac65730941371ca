"""A machine without a browser of its own gets the one that npm has brought along."""

from __future__ import annotations

import os
from pathlib import Path

from playwright.sync_api import Browser

from tests.browser.chromium import PACKAGE, TOOLS, find_chromium


def test_the_packaged_browser_is_used_where_there_is_no_other_and_can_write(chromium: Browser) -> None:
    packaged = find_chromium(search_path=os.devnull)
    assert TOOLS in packaged.program.parents
    environment: dict[str, str | float | bool] = {**os.environ, **packaged.environment}
    browser = chromium.browser_type.launch(executable_path=packaged.program, env=environment)
    page = browser.new_page()
    page.set_content("<h1>Ærø</h1>")
    # Without fonts nothing has a width, and nothing would be seen.
    assert page.evaluate("document.querySelector('h1').getClientRects().length") == 1
    assert page.inner_text("h1") == "Ærø"
    browser.close()


def test_the_machines_own_browser_comes_first(tmp_path: Path) -> None:
    own = tmp_path / "chromium"
    own.write_text("#!/bin/sh\n")
    own.chmod(0o755)
    assert find_chromium(search_path=str(tmp_path)).program == own
    assert PACKAGE.is_dir()
