"""Texts in the three languages, from one file a language."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec

from stamkunde.shared.money import Money

LANGUAGES = ("da", "nb", "en")


@cache
def _read(file: Path) -> dict[str, str]:
    return msgspec.json.decode(file.read_bytes(), type=dict[str, str])


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Texts by key, in a folder with one file a language."""

    folder: Path

    def texts(self, language: str) -> dict[str, str]:
        """All texts of a language by key."""
        return _read(self.folder / f"{language}.json")

    def text(self, language: str, key: str, **values: str | int | Money) -> str:
        """The text of a key, with values merged in; money is written as the language writes it.

        Raises
        ------
        KeyError
            The key, or a value that it names, is missing: a fault of ours, held by a test over all keys.
        """
        written = {name: v.text(language) if isinstance(v, Money) else v for name, v in values.items()}
        return self.texts(language)[key].format_map(written)


_SHARED = Catalogue(Path(__file__).parent / "languages")
catalogue = _SHARED.texts
text = _SHARED.text
