"""Files that browsers keep for ever: each address carries a digest of the content."""

import re
from functools import cache
from hashlib import sha256
from pathlib import Path

from msgspec import Struct

KEEP_FOR_EVER = "public, max-age=31536000, immutable"
_FOLDER = Path(__file__).parent / "static"
_STYLESHEET = "stamkunde.css"
PARTS = ("tokens", "page", "forms", "prose", "card", "reference", "terms_changes", "sign_up_form")
"""The stylesheet's own parts, each a file, in the order in which they count."""

_KIT = "pico.classless.min.css"
_FILE_NAME = re.compile(r"([a-z-]+)\.[0-9a-f]{16}(\.[a-z]+)")
_TYPES = {".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}


class Asset(Struct, frozen=True):
    """One file as browsers get it."""

    name: str
    content: str

    @property
    def media_type(self) -> str:
        """What it is."""
        return _TYPES[Path(self.name).suffix]

    @property
    def file_name(self) -> str:
        """The name with a digest of the content."""
        path = Path(self.name)
        return f"{path.stem}.{sha256(self.content.encode()).hexdigest()[:16]}{path.suffix}"


@cache
def assets() -> dict[str, Asset]:
    """Every asset by the name it has in the folder."""
    files = (path for path in sorted(_FOLDER.iterdir()) if path.is_file() and path.name != _KIT)
    found = [*(Asset(path.name, path.read_text()) for path in files), _stylesheet()]
    return {asset.name: asset for asset in found}


def asset_address(name: str) -> str:
    """Where an asset lies, in its present version."""
    return f"/assets/{assets()[name].file_name}"


def find_asset(file_name: str) -> Asset | None:
    """The asset of an address, in its present version: a page from before a release may name an earlier one."""
    match = _FILE_NAME.fullmatch(file_name)
    return assets().get("".join(match.groups())) if match else None


def _stylesheet() -> Asset:
    """One file for browsers: our rules after the kit's, which lie in a layer, so ours win however specific it is."""
    kit = (_FOLDER / _KIT).read_text().removeprefix('@charset "UTF-8";')
    own = "\n".join((_FOLDER / "stamkunde" / f"{part}.css").read_text() for part in PARTS)
    return Asset(_STYLESHEET, f"@layer kit{{{kit}}}\n{own}")
