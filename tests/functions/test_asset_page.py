"""What pages need to look as they do: kept for ever, and each version under its own address."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path

import pytest

from infra.local.home import ROOT
from stamkunde import web
from stamkunde.web.assets import PARTS, asset_address, assets
from tests.function_fixtures import CONTEXT, ORIGIN_SECRET
from tests.page_browser import PageBrowser
from till_api.routes import ROUTES

KIT = "pico.classless.min.css"
LONGEST_FILE = 500


@pytest.fixture
def browser(environment: None) -> PageBrowser:
    return PageBrowser(ORIGIN_SECRET, CONTEXT)


@pytest.mark.parametrize(("name", "media_type"), [("stamkunde.css", "text/css"), ("icon.svg", "image/svg+xml")])
def test_an_asset_is_kept_for_ever_under_the_address_of_its_version(
    browser: PageBrowser, name: str, media_type: str
) -> None:
    answer = browser.call("GET", asset_address(name))
    assert (answer["statusCode"], answer["body"]) == (200, assets()[name].content)
    assert answer["headers"]["content-type"].startswith(media_type)
    assert answer["headers"]["cache-control"] == "public, max-age=31536000, immutable"
    assert answer["headers"]["x-content-type-options"] == "nosniff"
    assert "cookies" not in answer


@pytest.mark.parametrize(
    "name", ["stamkunde.css", "stamkunde.000000000000000.css", KIT, f"x.{'0' * 16}.css", "..%2f..%2fhandler.py", "x"]
)
def test_nothing_else_is_there(browser: PageBrowser, name: str) -> None:
    assert browser.call("GET", f"/assets/{name}")["statusCode"] == 404


def test_a_page_from_before_a_release_keeps_its_looks_and_nobody_keeps_the_mixture(browser: PageBrowser) -> None:
    answer = browser.call("GET", "/assets/stamkunde.0000000000000000.css")
    assert (answer["statusCode"], answer["body"]) == (200, assets()["stamkunde.css"].content)
    assert answer["headers"]["cache-control"] == "no-cache"


def test_an_asset_is_asked_about_without_its_content(browser: PageBrowser) -> None:
    address = asset_address("stamkunde.css")
    answer, full = browser.call("HEAD", address), browser.call("GET", address)
    assert (answer["statusCode"], answer["body"], answer["headers"]) == (200, "", full["headers"])


def test_the_api_document_is_served_as_it_is_committed_and_kept_for_a_while(browser: PageBrowser) -> None:
    answer = browser.call("GET", "/openapi.json")
    assert (answer["statusCode"], answer["body"]) == (200, (ROOT / "docs/openapi.json").read_text())
    assert answer["headers"]["content-type"] == "application/json"
    assert answer["headers"]["cache-control"] == "public, max-age=300"


def test_the_page_of_the_api_shows_every_route_field_and_refusal_in_three_languages(browser: PageBrowser) -> None:
    answer = browser.call("GET", "/docs")
    assert (answer["statusCode"], answer["headers"]["cache-control"]) == (200, "public, max-age=300")
    assert answer["headers"]["content-type"] == "text/html; charset=utf-8"
    html = answer["body"]
    shown = unescape(re.sub(r"<[^>]+>", "", html))
    document = json.loads((ROOT / "docs/openapi.json").read_text())
    for route in ROUTES:
        assert f'<section id="{route.name}">' in html
        assert f"{route.method} {route.path}" in shown
    for name, schema in document["components"]["schemas"].items():
        assert f'<h3 id="{name}">' in html
        assert all(f"<dt><code>{field}</code></dt>" in html for field in schema["properties"])
    assert "not empty" in shown
    assert "at least 1 characters" not in shown
    for code, example in document["components"]["examples"].items():
        assert f'<h3 id="{code}">' in html
        for language, words in example["x-words"].items():
            assert f'<li lang="{language}">' in html
            assert words["title"] + words["detail"] in shown


def test_every_link_of_the_apis_page_leads_somewhere_and_no_two_places_share_a_name(browser: PageBrowser) -> None:
    html = browser.call("GET", "/docs")["body"]
    places = re.findall(r' id="([^"]+)"', html)
    assert len(places) == len(set(places))
    assert set(re.findall(r'href="#([^"]+)"', html)) <= set(places)


def test_the_kit_is_the_pinned_packages_own() -> None:
    packed = (Path(web.__file__).parent / "static" / KIT).read_text()
    assert packed == (ROOT / "node_modules" / "@picocss" / "pico" / "css" / KIT).read_text()


def test_every_part_of_the_stylesheet_is_in_it_and_none_is_too_long_to_read() -> None:
    folder = Path(web.__file__).parent / "static" / "stamkunde"
    assert {path.name for path in folder.iterdir()} == {f"{part}.css" for part in PARTS}
    for part in PARTS:
        words = (folder / f"{part}.css").read_text()
        assert words in assets()["stamkunde.css"].content
        assert len(words.splitlines()) <= LONGEST_FILE, part


def test_our_rules_win_over_the_kits_and_ask_nobody_else_for_anything() -> None:
    css = assets()["stamkunde.css"].content
    assert css.startswith("@layer kit{")
    assert "@import" not in css
    assert "http" not in css.replace("http://www.w3.org/2000/svg", "").replace("https://picocss.com", "")
