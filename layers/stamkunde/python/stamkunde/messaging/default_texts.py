"""The texts that a club starts with, in each language."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import msgspec

from stamkunde.messaging.model import FIELD_NAMES, Field, MessageKind
from stamkunde.messaging.text import Template, parse_template

_FOLDER = Path(__file__).parent / "languages"


@cache
def default_texts(language: str) -> dict[MessageKind, str]:
    """Every default text of a language."""
    return msgspec.json.decode((_FOLDER / f"{language}.json").read_bytes(), type=dict[MessageKind, str])


@cache
def default_template(kind: MessageKind, language: str) -> Template:
    """The default text of a kind, ready to merge into."""
    return parse_template(default_texts(language)[kind])


def named_values(language: str, values: Mapping[Field, str]) -> dict[str, str]:
    """Values by the names that a language's templates use."""
    return {FIELD_NAMES[language][field]: value for field, value in values.items()}
