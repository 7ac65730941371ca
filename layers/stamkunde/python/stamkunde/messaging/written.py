"""How values are written that are merged into a message: short, for letters are paid for."""

from datetime import date

from stamkunde.shared.money import MINOR_UNITS, Money, Points

_MONTHS = {
    "da": "januar februar marts april maj juni juli august september oktober november december",
    "nb": "januar februar mars april mai juni juli august september oktober november desember",
    "en": "January February March April May June July August September October November December",
}


def written_day(day: date, language: str) -> str:
    """A day that isn't a year away, as the language writes it: ``30. november``, ``30 November``."""
    dot = "" if language == "en" else "."
    return f"{day.day}{dot} {_MONTHS[language].split()[day.month - 1]}"


def written_far_day(day: date, language: str) -> str:
    """A day that may be years away: ``30. november 2026``."""
    return f"{written_day(day, language)} {day.year}"


def written_bonus(bonus: Money | Points, language: str) -> str:
    """Bonus as the language writes it; whole kroner without their øre: ``145 kr.``, ``14,85 kr.``."""
    words = bonus.text(language)
    if isinstance(bonus, Money) and bonus.amount % MINOR_UNITS == 0:
        return words.replace(".00" if language == "en" else ",00", "", 1)
    return words
