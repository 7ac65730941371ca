"""Texts in the three languages, from one file a language."""

from functools import cache
from pathlib import Path
from typing import Protocol

import msgspec
from msgspec import Struct

LANGUAGES = ("da", "nb", "en")


class Worded(Protocol):
    """A value that each language writes in its own way, such as an amount."""

    def text(self, language: str) -> str:
        """As the language writes it."""


@cache
def _read(file: Path) -> dict[str, str]:
    return msgspec.json.decode(file.read_bytes(), type=dict[str, str])


class Catalogue(Struct, frozen=True):
    """Texts by key, in a folder with one file a language."""

    folder: Path

    def texts(self, language: str) -> dict[str, str]:
        """All texts of a language by key."""
        return _read(self.folder / f"{language}.json")

    def text(self, language: str, key: str, **values: str | int | Worded) -> str:
        """The text of a key, with values merged in, each as the language writes it.

        Raises
        ------
        KeyError
            The key, or a value that it names, is missing: a fault of ours, held by a test over all keys.
        """
        written = {name: v if isinstance(v, str | int) else v.text(language) for name, v in values.items()}
        return self.texts(language)[key].format_map(written)


_SHARED = Catalogue(Path(__file__).parent / "languages")
catalogue = _SHARED.texts
text = _SHARED.text
