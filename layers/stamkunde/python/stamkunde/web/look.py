"""How a club looks: its one colour, corrected until it can carry text (WCAG 2.2 AA) by day and by night."""

from collections.abc import Sequence
from hashlib import sha256

from msgspec import Struct

from stamkunde.clubs.model import Club

DEFAULT_ACCENT = "#8a4b1f"
LIGHT_PAPERS = ("#fdfaf6", "#ffffff", "#fbeeec")
DARK_PAPERS = ("#1b1714", "#26201c", "#3a211d")
"""What text may stand on, as the kit's tokens say it: the page, a sheet, a sheet that tells of a fault."""
TEXT_CONTRAST = 4.5
BLACK, WHITE = "#000000", "#ffffff"
_STEPS = 100

_LINEAR_BELOW = 0.04045
_WEIGHTS = (0.2126, 0.7152, 0.0722)


def luminance(colour: str) -> float:
    """Relative luminance as WCAG defines it: 0 for black, 1 for white."""
    parts = (_linear(channel / 255) for channel in _channels(colour))
    return sum(weight * part for weight, part in zip(_WEIGHTS, parts, strict=True))


def contrast(one: str, other: str) -> float:
    """Contrast of two colours as WCAG defines it: 1 to 21."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def corrected(colour: str, papers: Sequence[str], wanted: float) -> str:
    """The colour, moved as little as need be away from the papers until it stands out enough on each."""
    away = max(BLACK, WHITE, key=lambda ink: contrast(ink, papers[0]))
    mixes = (_mix(colour, away, step / _STEPS) for step in range(_STEPS + 1))
    return next(mix for mix in mixes if all(contrast(mix, paper) >= wanted for paper in papers))


def ink_on(colour: str) -> str:
    """Black or white, whichever reads better; one of them always reads well enough."""
    return max(WHITE, BLACK, key=lambda ink: contrast(ink, colour))


class Shades(Struct, frozen=True):
    """A club's colour by day, or by night.

    Parameters
    ----------
    fill
        For areas such as a button: the club's own colour, since black or white reads well on any.
    ink
        For text on such an area.
    text
        For text on the papers, and for the edges that make an area stand out.
    """

    fill: str
    ink: str
    text: str

    @classmethod
    def of(cls, accent: str, papers: Sequence[str]) -> "Shades":
        """The shades of a colour on some papers."""
        return cls(accent, ink_on(accent), corrected(accent, papers, TEXT_CONTRAST))

    def rule(self) -> str:
        """As custom properties."""
        return f":root{{--club-fill:{self.fill};--club-ink:{self.ink};--club-text:{self.text}}}"


def stylesheet(accent: str) -> str:
    """A club's colours as custom properties, which the kit's rules use."""
    light = Shades.of(accent, LIGHT_PAPERS).rule()
    dark = Shades.of(accent, DARK_PAPERS).rule()
    return f"{light}@media (prefers-color-scheme:dark){{{dark}}}\n"


def accent_of(club: Club) -> str:
    """A club's colour; a quiet brown until it has chosen one."""
    return club.join_page.accent if club.join_page else DEFAULT_ACCENT


def version_of(css: str) -> str:
    """Changes with the stylesheet, so that browsers may keep each version for ever."""
    return sha256(css.encode()).hexdigest()[:12]


def address_of(club: Club) -> str:
    """Where a club's stylesheet lies, in its present version."""
    return f"/{club.slug}/look.css?v={version_of(stylesheet(accent_of(club)))}"


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _linear(channel: float) -> float:
    return float(channel / 12.92 if channel <= _LINEAR_BELOW else ((channel + 0.055) / 1.055) ** 2.4)


def _mix(colour: str, other: str, share: float) -> str:
    pairs = zip(_channels(colour), _channels(other), strict=True)
    return "#" + "".join(f"{round(mine + (theirs - mine) * share):02x}" for mine, theirs in pairs)
