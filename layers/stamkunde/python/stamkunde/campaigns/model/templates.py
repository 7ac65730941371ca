"""The campaigns that a shop can begin with: when each goes, what it is worth how long, and what it already answers.

The words stand in ``campaigns/templates``, one file a language; see `stamkunde.campaigns.ready_made`. Pure.
"""

import re
from collections.abc import Mapping
from datetime import time, timedelta
from enum import StrEnum

import msgspec
from msgspec import Struct

from stamkunde.campaigns.model.law import NO_ANSWERS, Answers, Order, Reduction, Stock
from stamkunde.campaigns.model.stop_label import STOP_LINES
from stamkunde.campaigns.model.texts import CampaignText
from stamkunde.campaigns.model.timing import LATENESS, LATENESS_OF_LEFTOVERS

_BOTH_IN_ONE = re.compile(r"\s*(?P<label>[^\s.!?][^.!?\n]*)/stopp? (?:sms|texts): ?(?P<link>\{\w+\})$", re.IGNORECASE)


class TemplateKey(StrEnum):
    """Each template."""

    CARNIVAL = "carnival"
    LEFTOVERS = "leftovers"
    TENTH_FREE = "tenth_free"
    BLACK_FRIDAY_TEASER = "black_friday_teaser"
    BLACK_FRIDAY_OPENING = "black_friday_opening"
    BLACK_FRIDAY_DOUBLE = "black_friday_double"
    HALLOWEEN = "halloween"
    HALLOWEEN_PLAIN = "halloween_plain"
    SPRING_SERVICE = "spring_service"
    AUTUMN_SERVICE = "autumn_service"
    EVENT = "event"
    BIRTHDAY = "birthday"
    MISSED = "missed"
    MISSED_NO_BONUS = "missed_no_bonus"
    OPENING_HOURS = "opening_hours"
    MEMBERS_EVENING = "members_evening"
    SPRING_DAY = "spring_day"
    TYRE_TIP = "tyre_tip"


class When(Struct, frozen=True):
    """When a template goes, as far as it is the same every time; the shop may choose otherwise.

    Parameters
    ----------
    days_before
        The occasion, event or birthday that it is about; none for what isn't about a day.
    at
        The time on the wall; None for what follows the shop's opening, closing or bonus hours.
    days
        Month and day in any year of what belongs to a season; about then.
    """

    days_before: tuple[int, ...] = ()
    at: time | None = None
    days: tuple[tuple[int, int], ...] = ()


class End(StrEnum):
    """When a message is worth nothing any more."""

    CLOSING = "closing"
    """When the shop closes that day."""
    DAY = "day"
    """When the day is over."""


class TemplateRules(Struct, frozen=True):
    """What holds for a template in every language.

    Parameters
    ----------
    when
        By country.
    uses_purchases
        Whether whom it is for follows from what they bought: in Norway only who allowed that (R12).
    answers
        What the law wants to know and the template's own words already say.
    lateness
        How late it may start.
    without_bonus
        The template whose words those get who have no bonus.
    """

    when: Mapping[str, When]
    uses_purchases: bool = False
    answers: Answers = NO_ANSWERS
    lateness: timedelta = LATENESS
    ends: End | None = None
    without_bonus: TemplateKey | None = None


def _everywhere(when: When) -> dict[str, When]:
    return {"DK": when, "NO": when}


_AFTERNOON = time(16)
_HALLOWEEN = TemplateRules(_everywhere(When((2,), _AFTERNOON)))

TEMPLATES = {
    # Monday and Wednesday: only then is "Søndag" the next one.
    TemplateKey.CARNIVAL: TemplateRules(_everywhere(When((6, 4), _AFTERNOON))),
    TemplateKey.LEFTOVERS: TemplateRules(
        _everywhere(When((0,))),
        answers=Answers(leftovers=True, fresh_goods=True, stock=Stock.FEW),
        lateness=LATENESS_OF_LEFTOVERS,
        ends=End.CLOSING,
    ),
    TemplateKey.TENTH_FREE: TemplateRules(_everywhere(When()), uses_purchases=True),
    # It says "tomorrow".
    TemplateKey.BLACK_FRIDAY_TEASER: TemplateRules(_everywhere(When((1,), _AFTERNOON)), ends=End.DAY),
    TemplateKey.BLACK_FRIDAY_OPENING: TemplateRules(_everywhere(When((0,))), ends=End.CLOSING),
    TemplateKey.BLACK_FRIDAY_DOUBLE: TemplateRules(
        _everywhere(When((0,))), answers=Answers(reduction=Reduction.NO_PRICE), ends=End.CLOSING
    ),
    TemplateKey.HALLOWEEN: _HALLOWEEN,
    TemplateKey.HALLOWEEN_PLAIN: _HALLOWEEN,
    TemplateKey.SPRING_SERVICE: TemplateRules(
        {"DK": When(days=((3, 15),)), "NO": When(days=((4, 15),))}, answers=Answers(order=Order.TIME)
    ),
    TemplateKey.AUTUMN_SERVICE: TemplateRules(_everywhere(When(days=((9, 1),))), answers=Answers(order=Order.TIME)),
    TemplateKey.EVENT: TemplateRules(_everywhere(When((14,), time(17)))),
    TemplateKey.BIRTHDAY: TemplateRules(_everywhere(When((0,), time(9))), ends=End.DAY),
    TemplateKey.MISSED: TemplateRules(
        _everywhere(When()), uses_purchases=True, without_bonus=TemplateKey.MISSED_NO_BONUS
    ),
    TemplateKey.MISSED_NO_BONUS: TemplateRules(_everywhere(When()), uses_purchases=True),
    TemplateKey.OPENING_HOURS: TemplateRules(_everywhere(When((2,)))),
    TemplateKey.MEMBERS_EVENING: TemplateRules(_everywhere(When((10,))), uses_purchases=True),
    # Buns on a Thursday: the Friday and the Monday before. In Norway the bakery orders earlier.
    TemplateKey.SPRING_DAY: TemplateRules({"DK": When((6, 3)), "NO": When((12, 6))}),
    TemplateKey.TYRE_TIP: TemplateRules(_everywhere(When(days=((4, 1),)))),
}


class TemplateWords(Struct, frozen=True, forbid_unknown_fields=True):
    """A template in one language.

    Parameters
    ----------
    when, whom
        What the shop is told of it.
    sms, subject
        With places.
    examples
        What the shop fills in, for instance; long rather than short, so that parts aren't counted too few.
    """

    name: str
    when: str
    whom: str
    sms: str
    subject: str
    examples: Mapping[str, str] = msgspec.field(default_factory=dict)


def text_of(words: TemplateWords, language: str, without_bonus: TemplateWords | None = None) -> CampaignText:
    """A draft with a template's words, for both channels; the shop fills in the rest."""
    return CampaignText(
        language,
        sms=words.sms,
        sms_without_bonus=without_bonus.sms if without_bonus else "",
        subject=words.subject,
        body=email_body(words.sms, language),
        body_without_bonus=email_body(without_bonus.sms, language) if without_bonus else "",
    )


def email_body(sms: str, language: str) -> str:
    """The same words as an e-mail: the link on a line of its own, and a stop link that stops e-mail."""
    stop_line = STOP_LINES[language]
    words = sms.removesuffix(stop_line).rstrip()
    both = _BOTH_IN_ONE.search(words)
    if both:
        words = f"{words[: both.start()]}\n\n{both['label']}: {both['link']}"
    return f"{words}\n\n{stop_line}"
