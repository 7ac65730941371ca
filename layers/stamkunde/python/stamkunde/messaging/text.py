"""The words of a message: a template, the values merged into it, and what is made plain before it is counted.

A template has places and no logic: ``{Fornavn}`` or ``{Fornavn|kunde}``, and ``{{`` for a brace. Values are put in
once and never read as a template themselves, so a customer who calls herself ``{Link}`` gets no link.
"""

import html
import re
import unicodedata
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from msgspec import Struct

_PLACE = re.compile(r"\{(?P<name>[A-Za-zÆØÅæøå_]{1,32})(?:\|(?P<fallback>[^{}]*))?\}")
_BRACE = re.compile(r"\{\{|\{")

PLAIN_CHARACTERS = {
    **dict.fromkeys("’‘´`", "'"),
    **dict.fromkeys("“”„«»", '"'),
    **dict.fromkeys("–—", "-"),
    "…": "...",
    "\N{NO-BREAK SPACE}": " ",
    "\N{ZERO WIDTH SPACE}": "",
    "\N{SOFT HYPHEN}": "",
    "•": "*",
    "½": "1/2",
    "\t": " ",
}
"""Characters that double a message's price and that nobody misses. Letters aren't among them: Zoë is Zoë."""


class TemplateFaultCode(StrEnum):
    """Why a template can't be saved."""

    MALFORMED_PLACE = "malformed_place"
    UNKNOWN_PLACE = "unknown_place"


@dataclass(eq=False)
class TemplateFault(Exception):
    """A template that must not be saved.

    Parameters
    ----------
    place
        What is wrong, as it stands in the template.
    """

    code: TemplateFaultCode
    place: str

    def __str__(self) -> str:
        return f"{self.code}: {self.place}"


class Place(Struct, frozen=True):
    """Where a value is merged in, and the words that stand there when the value is empty."""

    name: str
    fallback: str = ""


class Template(Struct, frozen=True):
    """A parsed template: its own words and the places between them."""

    pieces: tuple[str | Place, ...]

    @property
    def names(self) -> frozenset[str]:
        """The names of all places."""
        return frozenset(piece.name for piece in self.pieces if isinstance(piece, Place))


def parse_template(source: str) -> Template:
    """The template that a shop, or we, have written.

    Raises
    ------
    TemplateFault
        ``malformed_place``: a brace that neither opens a place nor is doubled.
    """
    text = normalize(source)
    pieces: list[str | Place] = []
    words = ""
    position = 0
    while brace := _BRACE.search(text, position):
        words += text[position : brace.start()]
        if brace.group() == "{{":
            words += "{"
            position = brace.end()
            continue
        place = _PLACE.match(text, brace.start())
        if place is None:
            raise TemplateFault(TemplateFaultCode.MALFORMED_PLACE, text[brace.start() :].split("}")[0])
        pieces += [words, Place(place["name"], place["fallback"] or "")]
        words = ""
        position = place.end()
    pieces.append(words + text[position:])
    return Template(tuple(piece for piece in pieces if piece))


def check_names(template: Template, known: Collection[str]) -> Template:
    """The template, if every place in it will have a value: found out when saving, never by a blank when sending.

    Raises
    ------
    TemplateFault
        ``unknown_place``.
    """
    for name in sorted(template.names - frozenset(known)):
        raise TemplateFault(TemplateFaultCode.UNKNOWN_PLACE, name)
    return template


def merge(template: Template, values: Mapping[str, str], *, write: Callable[[str], str] = str) -> str:
    """The template with its values in.

    An empty value without fallback takes the space before it along (``Hej {Fornavn}!`` is ``Hej!``), and a value
    that ends in a dot takes the template's next one (``145 kr.`` and not ``145 kr..``).

    Parameters
    ----------
    write
        How a value is written where the message goes, such as `html.escape`; the template's own words stay.

    Raises
    ------
    KeyError
        A place has no value: the template was not checked when it was saved.
    """
    text = ""
    after_dot = -1
    for piece in template.pieces:
        if isinstance(piece, str):
            text += piece.removeprefix(".") if len(text) == after_dot else piece
            continue
        value = values[piece.name].strip()
        if not value and not piece.fallback:
            text = text.removesuffix(" ")
            continue
        text += write(value) if value else piece.fallback
        if text.endswith("."):
            after_dot = len(text)
    return text


def merge_html(template: Template, values: Mapping[str, str]) -> str:
    """The template, itself HTML, with every value escaped: for e-mails."""
    return merge(template, values, write=html.escape)


def normalize(text: str) -> str:
    """The text composed (Unicode NFC) and with single line breaks.

    An ``a`` with a ring of its own, or the Kelvin and Ångström signs, would make the whole message UCS-2.
    """
    return unicodedata.normalize("NFC", text).replace("\r\n", "\n")


class Replacement(Struct, frozen=True):
    """One character that was made plain.

    Parameters
    ----------
    index
        Where it stood in the normalized text.
    """

    index: int
    written: str
    sent: str


class PlainText(Struct, frozen=True):
    """A text as it is sent, and what was replaced to get it there, in order."""

    text: str
    replaced: tuple[Replacement, ...]


def make_plain(text: str) -> PlainText:
    """The text with typographic characters made plain; what was replaced is shown to whoever wrote it."""
    replaced = tuple(
        Replacement(index, character, PLAIN_CHARACTERS[character])
        for index, character in enumerate(text)
        if character in PLAIN_CHARACTERS
    )
    return PlainText("".join(PLAIN_CHARACTERS.get(character, character) for character in text), replaced)


def compose_sms(template: Template, values: Mapping[str, str], *, smart_characters: bool = True) -> PlainText:
    """The text message as it is sent and counted.

    Parameters
    ----------
    smart_characters
        Whether typographic characters are made plain; a shop may want them and pay for them.
    """
    text = normalize(merge(template, values))
    return make_plain(text) if smart_characters else PlainText(text, ())


def compose_subject(template: Template, values: Mapping[str, str]) -> str:
    """The subject line of an e-mail: one line, whatever is merged, so no value can add a header (RFC 5322)."""
    one_line = " ".join(normalize(merge(template, values)).split())
    return "".join(character for character in one_line if unicodedata.category(character) != "Cc")
