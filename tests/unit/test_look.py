"""A club's colour carries text whatever it is, by day and by night."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stamkunde.web.assets import assets
from stamkunde.web.look import (
    BLACK,
    DARK_PAPERS,
    LIGHT_PAPERS,
    TEXT_CONTRAST,
    WHITE,
    Shades,
    address_of,
    contrast,
    corrected,
    stylesheet,
)
from tests.factories import make_club

colours = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")
papers = st.sampled_from([LIGHT_PAPERS, DARK_PAPERS])


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        ("#000000", "#ffffff", 21.0),
        ("#777777", "#ffffff", 4.48),
        ("#767676", "#ffffff", 4.54),
        ("#123456", "#123456", 1),
    ],
)
def test_contrast_is_what_wcag_says(one: str, other: str, ratio: float) -> None:
    assert contrast(one, other) == contrast(other, one) == pytest.approx(ratio, abs=0.01)


@given(colours, papers)
def test_any_colour_carries_text_and_stands_as_text_on_every_paper(accent: str, on: tuple[str, ...]) -> None:
    shades = Shades.of(accent, on)
    assert contrast(shades.ink, shades.fill) >= TEXT_CONTRAST
    assert all(contrast(shades.text, paper) >= TEXT_CONTRAST for paper in on)


@given(colours, papers)
def test_a_colour_that_reads_well_is_left_alone(accent: str, on: tuple[str, ...]) -> None:
    good = corrected(accent, on, TEXT_CONTRAST)
    assert corrected(good, on, TEXT_CONTRAST) == good
    if all(contrast(accent, paper) >= TEXT_CONTRAST for paper in on):
        assert good == accent


def by_day_and_night() -> tuple[str, str]:
    """The stylesheet of screens, in its two parts; print has a paper of its own."""
    on_screens = assets()["stamkunde.css"].content.partition("@media print")[0]
    by_day, by_night = on_screens.split("@media (prefers-color-scheme: dark)")
    return by_day, by_night


def test_the_papers_are_those_of_the_stylesheet() -> None:
    for papers_of, part in zip((LIGHT_PAPERS, DARK_PAPERS), by_day_and_night(), strict=True):
        named = re.findall(r"--(?:paper|sheet|wrong-sheet): (#[0-9a-f]{6});", part)
        assert sorted(named) == sorted(papers_of)


@pytest.mark.parametrize("mode", ["day", "night"])
def test_the_kits_own_inks_read_well_on_its_papers(mode: str) -> None:
    by_day, by_night = by_day_and_night()
    part, on = (by_day, LIGHT_PAPERS) if mode == "day" else (by_night, DARK_PAPERS)
    inks = dict(re.findall(r"--(ink|soft|wrong): (#[0-9a-f]{6});", part))
    assert inks.keys() == {"ink", "soft", "wrong"}
    for ink in inks.values():
        assert all(contrast(ink, paper) >= TEXT_CONTRAST for paper in on)


def test_a_stylesheet_holds_nothing_but_colours_and_its_address_changes_with_them() -> None:
    css = stylesheet("#ffd500")
    assert set(re.findall(r"--club-[a-z]+", css)) == {"--club-fill", "--club-ink", "--club-text"}
    assert css.count(BLACK) == 2
    assert WHITE not in css
    club = make_club()
    assert club.join_page is not None
    assert address_of(club) != address_of(make_club(join_page=None))
