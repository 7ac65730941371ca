"""A shop's year: what it could send when, occasion by occasion, to plan by. Pure."""

from collections.abc import Iterator
from datetime import date, time, timedelta

from msgspec import Struct

from stamkunde.campaigns.model.occasions import OccasionKey, occasions_of
from stamkunde.campaigns.model.templates import TEMPLATES, TemplateKey


class Suggestion(Struct, frozen=True):
    """Something that a shop could send.

    Parameters
    ----------
    days
        On which it goes.
    at
        On the wall; None for what follows the shop's opening or bonus hours, or is the shop's to choose.
    occasion, template
        One of the two at least: an occasion may have no template, a season's template no occasion.
    is_about
        Whether the shop chooses the day, near those that are named.
    """

    days: tuple[date, ...]
    at: time | None = None
    occasion: OccasionKey | None = None
    template: TemplateKey | None = None
    is_about: bool = False


def year_of(country: str, year: int) -> tuple[Suggestion, ...]:
    """A year's suggestions, in the order of the first day on which something goes."""
    found = [*_of_occasions(country, year), *_of_seasons(country, year)]
    return tuple(sorted(found, key=lambda each: (each.days[0], each.template or "", each.occasion or "")))


def _of_occasions(country: str, year: int) -> Iterator[Suggestion]:
    for occasion in occasions_of(country, year):
        if not occasion.templates:
            days = tuple(dict.fromkeys((occasion.first, occasion.last)))
            yield Suggestion(days, occasion=occasion.key, is_about=occasion.is_set_by_shop)
        for key in occasion.templates:
            when = TEMPLATES[key].when[country]
            days = tuple(occasion.first - timedelta(days=before) for before in when.days_before)
            yield Suggestion(days, when.at, occasion.key, key)


def _of_seasons(country: str, year: int) -> Iterator[Suggestion]:
    for key, rules in TEMPLATES.items():
        if days := rules.when[country].days:
            yield Suggestion(tuple(date(year, month, day) for month, day in days), template=key, is_about=True)
