"""The days of a year on which shops have something to say; an occasion is no public holiday. Pure."""

from collections.abc import Iterator
from datetime import date, timedelta
from enum import StrEnum

from dateutil.easter import easter  # type: ignore[import-untyped]
from msgspec import Struct

from stamkunde.campaigns.model.templates import TemplateKey

_SUNDAY = 6
_THURSDAY = 3


class OccasionKey(StrEnum):
    """What each is called in the catalogue."""

    CARNIVAL = "carnival"
    MOTHERS_DAY = "mothers_day"
    EASTER = "easter"
    WHEAT_BUNS = "wheat_buns"
    CONFIRMATION = "confirmation"
    CONSTITUTION_DAY = "constitution_day"
    FATHERS_DAY = "fathers_day"
    STUDENTS = "students"
    MIDSUMMER = "midsummer"
    SCHOOL = "school"
    HALLOWEEN = "halloween"
    MARTINMAS = "martinmas"
    BLACK_FRIDAY = "black_friday"
    LUCIA = "lucia"
    CHRISTMAS_EVE = "christmas_eve"
    NEW_YEARS_EVE = "new_years_eve"


class Occasion(Struct, frozen=True):
    """An occasion of one year.

    Parameters
    ----------
    first, last
        The days that it lies in: the same one, but for those whose day the shop sets.
    is_set_by_shop
        Whether the days only say about when it is.
    templates
        What may be sent for it.
    """

    key: OccasionKey
    first: date
    last: date
    is_set_by_shop: bool = False
    templates: tuple[TemplateKey, ...] = ()


_TEMPLATES = {
    OccasionKey.CARNIVAL: (TemplateKey.CARNIVAL,),
    OccasionKey.WHEAT_BUNS: (TemplateKey.SPRING_DAY,),
    OccasionKey.CONSTITUTION_DAY: (TemplateKey.SPRING_DAY,),
    OccasionKey.HALLOWEEN: (TemplateKey.HALLOWEEN, TemplateKey.HALLOWEEN_PLAIN),
    OccasionKey.BLACK_FRIDAY: (
        TemplateKey.BLACK_FRIDAY_TEASER,
        TemplateKey.BLACK_FRIDAY_OPENING,
        TemplateKey.BLACK_FRIDAY_DOUBLE,
    ),
    OccasionKey.CHRISTMAS_EVE: (TemplateKey.OPENING_HOURS,),
}


def occasions_of(country: str, year: int) -> tuple[Occasion, ...]:
    """A country's occasions of a year, in the order of their days."""
    found = [
        *(_on(key, day) for key, day in _days(country, year)),
        *(_about(key, first, last) for key, first, last in _seasons(country, year)),
    ]
    return tuple(sorted(found, key=lambda each: (each.first, each.key)))


def occasions_between(country: str, first: date, last: date) -> tuple[Occasion, ...]:
    """A country's occasions that lie in some days, both included; those that have begun count too."""
    years = range(first.year, last.year + 1)
    return tuple(
        each for year in years for each in occasions_of(country, year) if each.last >= first and each.first <= last
    )


def black_friday(year: int) -> date:
    """The day after the fourth Thursday in November."""
    return nth_weekday(year, 11, _THURSDAY, 4) + timedelta(days=1)


def nth_weekday(year: int, month: int, weekday: int, number: int) -> date:
    """The first, second, … of a weekday in a month; Monday is 0."""
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (number - 1))


def _days(country: str, year: int) -> Iterator[tuple[OccasionKey, date]]:
    easter_day: date = easter(year)
    yield OccasionKey.CARNIVAL, easter_day - timedelta(days=49)
    yield OccasionKey.EASTER, easter_day
    yield OccasionKey.MIDSUMMER, date(year, 6, 23)
    yield OccasionKey.HALLOWEEN, date(year, 10, 31)
    yield OccasionKey.BLACK_FRIDAY, black_friday(year)
    yield OccasionKey.LUCIA, date(year, 12, 13)
    yield OccasionKey.CHRISTMAS_EVE, date(year, 12, 24)
    yield OccasionKey.NEW_YEARS_EVE, date(year, 12, 31)
    yield from _OWN_DAYS[country](year, easter_day)


def _danish_days(year: int, easter_day: date) -> Iterator[tuple[OccasionKey, date]]:
    yield OccasionKey.MOTHERS_DAY, nth_weekday(year, 5, _SUNDAY, 2)
    # The evening before a holiday that is none since 2024, and still among a baker's best days.
    yield OccasionKey.WHEAT_BUNS, easter_day + timedelta(days=25)
    yield OccasionKey.FATHERS_DAY, date(year, 6, 5)
    yield OccasionKey.MARTINMAS, date(year, 11, 10)


def _norwegian_days(year: int, _: date) -> Iterator[tuple[OccasionKey, date]]:
    yield OccasionKey.MOTHERS_DAY, nth_weekday(year, 2, _SUNDAY, 2)
    yield OccasionKey.CONSTITUTION_DAY, date(year, 5, 17)
    yield OccasionKey.FATHERS_DAY, nth_weekday(year, 11, _SUNDAY, 2)


_OWN_DAYS = {"DK": _danish_days, "NO": _norwegian_days}
_CONFIRMATIONS_BEGIN = {"DK": 4, "NO": 5}


def _seasons(country: str, year: int) -> Iterator[tuple[OccasionKey, date, date]]:
    """About when it is: the shop sets its own day."""
    yield OccasionKey.CONFIRMATION, date(year, _CONFIRMATIONS_BEGIN[country], 1), date(year, 5, 31)
    yield OccasionKey.STUDENTS, date(year, 6, 20), date(year, 6, 30)
    yield OccasionKey.SCHOOL, date(year, 8, 8), date(year, 8, 22)


def _on(key: OccasionKey, day: date) -> Occasion:
    return Occasion(key, day, day, templates=_TEMPLATES.get(key, ()))


def _about(key: OccasionKey, first: date, last: date) -> Occasion:
    return Occasion(key, first, last, is_set_by_shop=True, templates=_TEMPLATES.get(key, ()))
