"""Card numbers: twelve digits that say nothing of whose they are, the last of which finds a mistyped one. Pure."""

import re
import secrets
import unicodedata

from stamkunde.shared.errors import Refusal

CARD_DIGITS = 12
LONGEST_TYPED = 40

_CARD = re.compile(rf"[0-9]{{{CARD_DIGITS}}}")
_GROUP = 4


def new_card_number() -> str:
    """Eleven random digits and their check digit (Luhn)."""
    digits = f"{secrets.randbelow(10 ** (CARD_DIGITS - 1)):0{CARD_DIGITS - 1}d}"
    return digits + check_digit(digits)


def check_digit(digits: str) -> str:
    """What makes the Luhn sum of the digits with it a multiple of ten."""
    doubled = (int(digit) * (1 + number % 2) for number, digit in enumerate(reversed(digits), start=1))
    return str(-sum(value - 9 if value > 9 else value for value in doubled) % 10)  # noqa: PLR2004


def read_card_number(typed: str) -> str:
    """The card number that was scanned or typed.

    Raises
    ------
    Refusal
        ``card_invalid``: it can't be a card of any club.
    """
    digits = "".join(c for c in unicodedata.normalize("NFKC", typed) if not c.isspace() and c not in "-.")
    fits = len(typed) <= LONGEST_TYPED and _CARD.fullmatch(digits)
    if not fits or check_digit(digits[:-1]) != digits[-1]:
        raise Refusal("card_invalid", pointer="/card")
    return digits


def grouped(card_number: str) -> str:
    """The number as people read it: ``1234 5678 9012``."""
    return " ".join(card_number[start : start + _GROUP] for start in range(0, CARD_DIGITS, _GROUP))
