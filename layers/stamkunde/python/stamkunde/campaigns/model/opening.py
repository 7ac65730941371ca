"""A shop's opening hours as texts tell them, and the special ones of a day such as Christmas Eve. Pure."""

from collections.abc import Iterable
from datetime import date, time

from msgspec import Struct

from stamkunde.campaigns.model.timing import full_time
from stamkunde.shared.errors import Refusal

_CLOSED = {"da": "lukket", "nb": "stengt", "en": "closed"}
_HOURS = {"da": "kl. {opens}-{closes}", "nb": "kl. {opens}-{closes}", "en": "{opens}-{closes}"}


class OpenHours(Struct, frozen=True):
    """From when until when a shop is open.

    Raises
    ------
    Refusal
        ``invalid_field``: it must open before it closes.
    """

    opens: time
    closes: time

    def __post_init__(self) -> None:
        if self.opens >= self.closes:
            raise Refusal("invalid_field", {"expected": f"> {self.opens:%H:%M}"}, "/closes")


class OpenDay(Struct, frozen=True):
    """How a shop is open on one day; None for a day on which it stays closed."""

    day: date
    hours: OpenHours | None


def hours_on(day: date, special: Iterable[OpenDay], usual: OpenHours | None) -> OpenHours | None:
    """How a shop is open on a day: as it says of that very day, or else as usual."""
    return next((each.hours for each in special if each.day == day), usual)


def written_hours(hours: OpenHours | None, language: str) -> str:
    """What {Åbent} merges: ``kl. 6.30-17.00``, or that it is closed."""
    if hours is None:
        return _CLOSED[language]
    return _HOURS[language].format(opens=full_time(hours.opens, language), closes=full_time(hours.closes, language))
