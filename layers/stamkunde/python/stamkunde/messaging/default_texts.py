"""The texts that a club starts with, in each language."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import msgspec

from stamkunde.messaging.model import FIELD_NAMES, Field, MessageKind
from stamkunde.messaging.text import Template, parse_template

_FOLDER = Path(__file__).parent / "languages"


class DefaultText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a kind of message says, and the sentence that tells why somebody got it.

    Parameters
    ----------
    short
        The same in one part, for a club that would rather pay for one.
    """

    text: str
    why: str
    subject: str | None = None
    short: str | None = None


@cache
def default_texts(language: str) -> dict[MessageKind, DefaultText]:
    """Every default text of a language."""
    return msgspec.json.decode((_FOLDER / f"{language}.json").read_bytes(), type=dict[MessageKind, DefaultText])


@cache
def default_template(kind: MessageKind, language: str) -> Template:
    """The default text of a kind, ready to merge into."""
    return parse_template(default_texts(language)[kind].text)


@cache
def default_subject(kind: MessageKind, language: str) -> Template | None:
    """The default subject of a kind that goes by e-mail."""
    subject = default_texts(language)[kind].subject
    return parse_template(subject) if subject else None


def why_sent(kind: MessageKind, language: str) -> str:
    """Why somebody got a message of this kind, in a sentence."""
    return default_texts(language)[kind].why


def named_values(language: str, values: Mapping[Field, str]) -> dict[str, str]:
    """Values by the names that a language's templates use."""
    return {FIELD_NAMES[language][field]: value for field, value in values.items()}
