"""Public holidays of Denmark and Norway.

Reckoned here from Easter, because the ``holidays`` package loads more modules than a whole Lambda may; the tests
hold both to be the same.
"""

from datetime import date, timedelta
from functools import cache

from dateutil.easter import easter  # type: ignore[import-untyped]

_AFTER_EASTER = {
    "maundy_thursday": -3,
    "good_friday": -2,
    "easter_day": 0,
    "easter_monday": 1,
    "ascension_day": 39,
    "whit_sunday": 49,
    "whit_monday": 50,
}
"""The same in both countries from 2024, when Denmark gave up its day of prayer."""

_CHRISTMAS_AND_NEW_YEAR = ((1, 1), (12, 25), (12, 26))
_FIXED = {
    "DK": _CHRISTMAS_AND_NEW_YEAR,
    "NO": (*_CHRISTMAS_AND_NEW_YEAR, (5, 1), (5, 17)),
}


@cache
def public_holidays(country: str, year: int) -> frozenset[date]:
    """The public holidays of a year from 2024 on; Sundays as such are not among them."""
    easter_day: date = easter(year)
    movable = {easter_day + timedelta(days=days) for days in _AFTER_EASTER.values()}
    return frozenset(movable | {date(year, month, day) for month, day in _FIXED[country]})


def is_public_holiday(country: str, day: date) -> bool:
    """Whether shops' customers are at home that day by law."""
    return day in public_holidays(country, day.year)
