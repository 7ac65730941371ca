"""Black Friday as a plan (feature 25): a teaser, the opening message, and more bonus that evening. Pure."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta

from msgspec import Struct

from stamkunde.campaigns.model.occasions import black_friday
from stamkunde.campaigns.model.opening import OpenDay, OpenHours
from stamkunde.campaigns.model.plan import Plan, PlannedMessage, check_plan
from stamkunde.campaigns.model.templates import TEMPLATES, TemplateKey
from stamkunde.campaigns.model.texts import CampaignText
from stamkunde.campaigns.model.timing import written_time
from stamkunde.messaging.quiet_hours import wall_clock
from stamkunde.shared.errors import Refusal
from stamkunde.shared.money import percent_text
from stamkunde.shared.programme import SAME_FACTOR, Multiplier

TEASER_AT = time(16)
DOUBLE = 2 * SAME_FACTOR

Drafts = Mapping[str, Mapping[TemplateKey, CampaignText]]
"""The templates' words by language."""


class BlackFriday(Struct, frozen=True):
    """What a shop does on Black Friday.

    Parameters
    ----------
    hours
        How it is open that Friday; the opening message goes when it opens.
    offers
        What is special, by language.
    rate
        What bonus is usually, in basis points.
    bonus_from, bonus_until
        When there is more of it that evening, on the wall; until closing time where nothing is said.
    factor
        In basis points: 20,000 doubles.
    """

    year: int
    hours: OpenHours
    offers: Mapping[str, str]
    rate: int
    bonus_from: time = time(17)
    bonus_until: time | None = None
    factor: int = DOUBLE
    coupon_ids: tuple[str, ...] = ()

    @property
    def day(self) -> date:
        """The Friday."""
        return black_friday(self.year)

    @property
    def bonus_ends(self) -> time:
        """When the evening's bonus is over, on the wall."""
        return self.bonus_until or self.hours.closes


def black_friday_plan(wish: BlackFriday, drafts: Drafts, time_zone: str) -> Plan:
    """The plan for a shop's Black Friday, its texts filled in.

    Raises
    ------
    Refusal
        ``invalid_field``: the evening's bonus doesn't begin before it ends, or not while the shop is open.
    """
    if not wish.hours.opens <= wish.bonus_from < wish.bonus_ends <= wish.hours.closes:
        expected = f"{wish.hours.opens:%H:%M} - {wish.hours.closes:%H:%M}"
        raise Refusal("invalid_field", {"expected": expected}, "/bonus_from")
    day = wish.day
    bonus_ends = datetime.combine(day, wish.bonus_ends)
    messages = (
        _message(
            TemplateKey.BLACK_FRIDAY_TEASER,
            datetime.combine(day - timedelta(days=1), TEASER_AT),
            wish,
            drafts,
            # "Tomorrow" is true until midnight.
            datetime.combine(day, time.min),
        ),
        _message(
            TemplateKey.BLACK_FRIDAY_OPENING,
            datetime.combine(day, wish.hours.opens),
            wish,
            drafts,
            datetime.combine(day, wish.hours.closes),
        ),
        _message(TemplateKey.BLACK_FRIDAY_DOUBLE, datetime.combine(day, wish.bonus_from), wish, drafts, bonus_ends),
    )
    evening = Multiplier(
        f"black-friday-{wish.year}",
        wish.factor,
        wall_clock(day, wish.bonus_from, time_zone),
        wall_clock(day, wish.bonus_ends, time_zone),
    )
    return check_plan(
        Plan(f"Black Friday {wish.year}", messages, wish.coupon_ids, (evening,), (OpenDay(day, wish.hours),))
    )


def _message(
    key: TemplateKey, at: datetime, wish: BlackFriday, drafts: Drafts, ends: datetime | None = None
) -> PlannedMessage:
    texts = {language: drafts[language][key].filled_with(_values(wish, language)) for language in wish.offers}
    return PlannedMessage(key, at, texts, TEMPLATES[key].answers, TEMPLATES[key].lateness, ends)


def _values(wish: BlackFriday, language: str) -> dict[str, str]:
    return {
        "Tilbud": wish.offers[language],
        "Lukketid": written_time(wish.hours.closes, language),
        "Fra": written_time(wish.bonus_from, language),
        "Til": written_time(wish.bonus_ends, language),
        "Dobbelt": percent_text(wish.rate * wish.factor // SAME_FACTOR, language),
        "Normal": percent_text(wish.rate, language),
    }
