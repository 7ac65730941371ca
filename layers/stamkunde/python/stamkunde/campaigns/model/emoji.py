"""Emoji for campaigns by season, and where they are in a text. Pure.

Halloween's three groups are those of feature 27. In an SMS one emoji makes the whole message UCS-2, so each is shown
with its price (`stamkunde.campaigns.model.costly`); in an e-mail's subject they are free.
"""

import re
from collections.abc import Iterator
from datetime import date, timedelta

from msgspec import Struct

from stamkunde.campaigns.model.occasions import OccasionKey, occasions_between

_PICTURE = (
    r"[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u27bf\u2900-\u297f\u2b00-\u2bff\u3030\u303d\u3297\u3299"
    r"\U0001f000-\U0001f1e5\U0001f200-\U0001faff]"
)
_DRESSED = rf"{_PICTURE}[\ufe0f\U0001f3fb-\U0001f3ff]*"
_EMOJI = re.compile(rf"[\U0001f1e6-\U0001f1ff]{{2}}|[0-9#*]\ufe0f?\u20e3|{_DRESSED}(?:\u200d{_DRESSED})*")

_SPACED_EMOJI = re.compile(rf" *(?P<emoji>{_EMOJI.pattern})")
_LEADING_SPACES = re.compile("^ +", re.MULTILINE)

SHOWN_BEFORE = timedelta(days=45)
"""How long before an occasion its emoji come first."""


class EmojiGroup(Struct, frozen=True):
    """Some emoji of a kind.

    Parameters
    ----------
    name
        What the group is called in the catalogue.
    occasion
        None for those that fit all year.
    """

    name: str
    emoji: tuple[str, ...]
    occasion: OccasionKey | None = None


GROUPS = (
    EmojiGroup(
        "halloween_scare",
        ("👻", "🧙\u200d♀\ufe0f", "🧛", "🧟", "🦇", "☠\ufe0f", "😱"),
        OccasionKey.HALLOWEEN,
    ),
    EmojiGroup("halloween_treats", ("🍫", "🍬", "🍭", "🍪", "🍩"), OccasionKey.HALLOWEEN),
    EmojiGroup(
        "halloween_mood",
        ("🎃", "🕷\ufe0f", "🏚\ufe0f", "🌕", "⚡", "🕯\ufe0f", "🗡\ufe0f", "⚰\ufe0f"),
        OccasionKey.HALLOWEEN,
    ),
    EmojiGroup("carnival", ("🎭", "🥁", "🐱", "👑", "🎉"), OccasionKey.CARNIVAL),
    EmojiGroup("easter", ("🐣", "🐰", "🥚", "🌷", "🐑"), OccasionKey.EASTER),
    EmojiGroup("mothers_day", ("💐", "🌹", "💝", "👩"), OccasionKey.MOTHERS_DAY),
    EmojiGroup("constitution_day", ("🇳🇴", "🥁", "🎈", "🍦"), OccasionKey.CONSTITUTION_DAY),
    EmojiGroup("fathers_day", ("👨", "👔", "🛠\ufe0f", "💙"), OccasionKey.FATHERS_DAY),
    EmojiGroup("midsummer", ("🔥", "🍓", "🌞", "🌼"), OccasionKey.MIDSUMMER),
    EmojiGroup("school", ("🎒", "📚", "✏\ufe0f", "🍎"), OccasionKey.SCHOOL),
    EmojiGroup("black_friday", ("🛍\ufe0f", "⏰", "💥", "🏷\ufe0f"), OccasionKey.BLACK_FRIDAY),
    EmojiGroup("lucia", ("🕯\ufe0f", "👑", "✨"), OccasionKey.LUCIA),
    EmojiGroup("christmas", ("🎄", "🎅", "🎁", "⭐", "❄\ufe0f"), OccasionKey.CHRISTMAS_EVE),
    EmojiGroup("new_year", ("🎆", "🎉", "🕛", "✨"), OccasionKey.NEW_YEARS_EVE),
    EmojiGroup("always", ("😊", "😉", "👋", "❤\ufe0f", "🎂", "🥐", "🍞", "☕", "🚲", "🔧")),
)


def picker(today: date, country: str) -> tuple[EmojiGroup, ...]:
    """The emoji to choose from: those of the coming occasions first, the soonest before the others, then the rest."""
    coming = [each.key for each in occasions_between(country, today, today + SHOWN_BEFORE)]
    seasonal = [group for key in dict.fromkeys(coming) for group in GROUPS if group.occasion is key]
    return (*seasonal, *(group for group in GROUPS if group.occasion is None))


def emoji_in(text: str) -> Iterator[str]:
    """The emoji of a text as they are seen: joined ones, flags and keycaps whole."""
    return (found.group() for found in _EMOJI.finditer(text))


def around_emoji(text: str) -> str:
    """Everything in a text that is no emoji."""
    return _EMOJI.sub("", text)


def without_emoji(source: str, only: str | None = None) -> str:
    """The text without its emoji, or without one of them, and without the spaces that they leave behind."""

    def left(found: re.Match[str]) -> str:
        return "" if only in {None, found["emoji"]} else found.group()

    return _LEADING_SPACES.sub("", _SPACED_EMOJI.sub(left, source)).strip()
