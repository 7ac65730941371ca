"""How many parts a text message is sent in, and so what it costs (3GPP TS 23.038, 23.040).

A message is in the 7-bit alphabet if every character is; otherwise the whole message is UCS-2, counted in UTF-16
code units. Neither an escape pair nor a surrogate pair is ever cut in two, so dividing by the size of a part is
wrong: a pair that doesn't fit moves to the next part whole. National shift tables are not used.
"""

import unicodedata
from collections.abc import Iterable, Iterator
from enum import StrEnum

from msgspec import Struct

BASIC_ALPHABET = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = frozenset("\f^{}\\[~]|€")
"""Written as an escape and a second septet."""
_ALPHABET = BASIC_ALPHABET | EXTENSION

CONFIRM_ABOVE_PARTS = 2
MOST_PARTS = 6

_LARGEST_UCS_2_UNIT = 0xFFFF
_ZERO_WIDTH_JOINER = "\u200d"


class Encoding(StrEnum):
    """How a message is encoded on its way."""

    GSM_7 = "gsm7"
    UCS_2 = "ucs2"


_UNITS_OF_A_SINGLE_PART = {Encoding.GSM_7: 160, Encoding.UCS_2: 70}
_UNITS_OF_EACH_PART = {Encoding.GSM_7: 153, Encoding.UCS_2: 67}


class PartCount(Struct, frozen=True):
    """What a text message takes.

    Parameters
    ----------
    units
        Septets, or UTF-16 code units.
    parts
        What is billed; 0 for an empty text.
    most_parts
        What it may become with a gateway that keeps a composed emoji in one part; seldom more than `parts`.
    """

    encoding: Encoding
    units: int
    parts: int
    most_parts: int

    @property
    def needs_confirming(self) -> bool:
        """Whether somebody should look at the price before it is sent."""
        return self.parts > CONFIRM_ABOVE_PARTS


def count_parts(text: str) -> PartCount:
    """The encoding, size and parts of a message exactly as it is sent: merged and made plain."""
    encoding = Encoding.GSM_7 if _ALPHABET.issuperset(text) else Encoding.UCS_2
    widths = _septets(text) if encoding is Encoding.GSM_7 else _code_units(text)
    units = sum(widths)
    if units <= _UNITS_OF_A_SINGLE_PART[encoding]:
        parts = 1 if text else 0
        return PartCount(encoding, units, parts, parts)
    room = _UNITS_OF_EACH_PART[encoding]
    parts = _fill(widths, room)
    if encoding is Encoding.GSM_7:
        return PartCount(encoding, units, parts, parts)
    whole = [sum(_code_units(cluster)) for cluster in _clusters(text)]
    return PartCount(encoding, units, parts, max(parts, _fill(whole, room)))


class BodyFault(StrEnum):
    """Why a text message isn't sent at all."""

    BLANK = "message_blank"
    TOO_LONG = "message_too_long"


def body_fault(text: str) -> BodyFault | None:
    """What forbids sending the text: gateways refuse blank bodies, and we more than `MOST_PARTS` parts."""
    if not text.strip():
        return BodyFault.BLANK
    return BodyFault.TOO_LONG if count_parts(text).parts > MOST_PARTS else None


class Cost(StrEnum):
    """What a character does to the price."""

    WHOLE_MESSAGE_UCS_2 = "ucs2"
    TWO_SEPTETS = "two_septets"


class CostlyCharacter(Struct, frozen=True):
    """A character that makes a message longer than it looks.

    Parameters
    ----------
    name
        Its Unicode name, or its number if it has none.
    """

    character: str
    name: str
    cost: Cost
    times: int


def costly_characters(text: str) -> tuple[CostlyCharacter, ...]:
    """What to point at when a message costs more, in order of appearance.

    If anything makes the message UCS-2, only that: without it the others would cost less than they do now.
    """
    outside = [character for character in text if character not in _ALPHABET]
    named, cost = (
        (outside, Cost.WHOLE_MESSAGE_UCS_2)
        if outside
        else (
            [character for character in text if character in EXTENSION],
            Cost.TWO_SEPTETS,
        )
    )
    return tuple(
        CostlyCharacter(
            character, unicodedata.name(character, f"U+{ord(character):04X}"), cost, named.count(character)
        )
        for character in dict.fromkeys(named)
    )


def _septets(text: str) -> list[int]:
    return [2 if character in EXTENSION else 1 for character in text]


def _code_units(text: str) -> list[int]:
    return [2 if ord(character) > _LARGEST_UCS_2_UNIT else 1 for character in text]


def _fill(widths: Iterable[int], room: int) -> int:
    """How many parts are filled, each as far as the next width fits."""
    used = 0
    parts = 1
    for width in widths:
        if used + width > room:
            parts += 1
            used = 0
        used += width
    return parts


def _clusters(text: str) -> Iterator[str]:
    """The text in pieces that look like one character: joined emoji, flags, marks on letters.

    What of Unicode's annex 29 matters here; Hangul and Indic syllables count as several.
    """
    cluster = ""
    for character in text:
        if cluster and not _continues(cluster, character):
            yield cluster
            cluster = ""
        cluster += character
    if cluster:
        yield cluster


def _continues(cluster: str, character: str) -> bool:
    if len(cluster) == 1 and _is_flag_letter(cluster) and _is_flag_letter(character):
        return True
    joined = cluster.endswith(_ZERO_WIDTH_JOINER) and unicodedata.category(character) == "So"
    return joined or character == _ZERO_WIDTH_JOINER or _is_mark(character)


def _is_flag_letter(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _is_mark(character: str) -> bool:
    """Accents, variation selectors, the keycap, skin tones."""
    return unicodedata.category(character).startswith("M") or "\U0001f3fb" <= character <= "\U0001f3ff"
