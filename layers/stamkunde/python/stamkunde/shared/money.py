"""Amounts of money: whole minor units (øre), never a float."""

from msgspec import Struct

MINOR_UNITS = 100
_SIGNS = {"da": "{amount} kr.", "nb": "{amount} kr", "en": "{currency} {amount}"}
_SEPARATORS = {"da": (".", ","), "nb": (" ", ","), "en": (",", ".")}


class Money(Struct, frozen=True):
    """An amount in minor units with its ISO 4217 currency."""

    amount: int
    currency: str

    def text(self, language: str) -> str:
        """As the language writes it, with two decimals: ``1.234,50 kr.``, ``1 234,50 kr``, ``DKK 1,234.50``.

        Norwegian groups with a plain space: a no-break space would make a whole SMS UCS-2.
        """
        thousands, decimal = _SEPARATORS[language]
        whole, minor = divmod(abs(self.amount), MINOR_UNITS)
        digits = f"{whole:,}".replace(",", thousands) + f"{decimal}{minor:02d}"
        sign = "-" if self.amount < 0 else ""
        return sign + _SIGNS[language].format(amount=digits, currency=self.currency)


_POINTS = {"da": "point", "nb": "poeng", "en": "points"}


class Points(Struct, frozen=True):
    """Bonus in a club that counts points."""

    amount: int

    def text(self, language: str) -> str:
        """As the language writes it: ``1.250 point``, ``1 250 poeng``, ``1,250 points``."""
        thousands, _ = _SEPARATORS[language]
        digits = f"{self.amount:,}".replace(",", thousands)
        return f"{digits} {_POINTS[language]}"


def percent_text(basis_points: int, language: str) -> str:
    """A rate in basis points as a percentage: 300 is ``3 %``, 250 is ``2,5 %`` (``2.5%`` in English)."""
    whole, rest = divmod(basis_points, 100)
    _, decimal = _SEPARATORS[language]
    digits = f"{whole}{decimal}{rest:02d}".rstrip("0") if rest else str(whole)
    return f"{digits}%" if language == "en" else f"{digits} %"
