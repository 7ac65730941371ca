"""Texts in the three languages, from one file a language."""

from functools import cache
from pathlib import Path

import msgspec

from stamkunde.shared.money import Money

LANGUAGES = ("da", "nb", "en")
_FOLDER = Path(__file__).parent / "languages"


@cache
def catalogue(language: str) -> dict[str, str]:
    """All texts of a language by key."""
    return msgspec.json.decode((_FOLDER / f"{language}.json").read_bytes(), type=dict[str, str])


def text(language: str, key: str, **values: str | int | Money) -> str:
    """The text of a key, with values merged in; money is written as the language writes it.

    Raises
    ------
    KeyError
        The key, or a value that it names, is missing: a fault of ours, held by a test over all keys.
    """
    written = {name: v.text(language) if isinstance(v, Money) else v for name, v in values.items()}
    return catalogue(language)[key].format_map(written)
