"""Cells that a spreadsheet would carry out instead of showing them."""

import unicodedata

_FORMULA_BEGINS = ("=", "+", "-", "@", "\t", "\r", "\n")


def is_formula(cell: str) -> bool:
    """Whether a spreadsheet may take a text for a formula; some read the wide signs of other keyboards alike."""
    return unicodedata.normalize("NFKC", cell).lstrip(" ").startswith(_FORMULA_BEGINS)


def disarmed(cell: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{cell}" if is_formula(cell) else cell
