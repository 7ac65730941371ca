"""What is said to whoever writes a campaign, in their language: findings, and when it really goes."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from stamkunde.campaigns.model.composing import DraftFinding
from stamkunde.campaigns.model.emoji import EmojiGroup
from stamkunde.campaigns.model.law import LawFinding, lowest_price_days, settled_by
from stamkunde.campaigns.model.occasions import OccasionKey
from stamkunde.campaigns.model.timing import Course, Rhythm, Start, full_time
from stamkunde.messaging.parts import CONFIRM_ABOVE_PARTS, MOST_PARTS
from stamkunde.messaging.written import written_day
from stamkunde.shared.language import Catalogue

CATALOGUE = Catalogue(Path(__file__).parent / "languages")
_LIMITS: Mapping[str, int] = {"most": MOST_PARTS, "few": CONFIRM_ABOVE_PARTS}


def law_said(finding: LawFinding, language: str, *, country: str, fresh_goods: bool = False) -> str:
    """What the law wants, with its rule."""
    kind = "question" if finding.is_question else "refused"
    days = lowest_price_days(country, fresh_goods=fresh_goods)
    key = f"law.{finding.code}.{kind}"
    return CATALOGUE.text(language, key, excerpt=finding.excerpt, rule=finding.rule, days=days)


def law_asked(finding: LawFinding, language: str, *, country: str, fresh_goods: bool = False) -> str:
    """`law_said` for whoever writes a campaign in a file: with the answers there that settle it."""
    said = law_said(finding, language, country=country, fresh_goods=fresh_goods)
    return f"{said} [answers: {settled_by(finding.code)}]" if finding.is_question else said


def draft_said(finding: DraftFinding, language: str) -> str:
    """What a draft lacks."""
    return CATALOGUE.text(language, f"draft.{finding.code}", excerpt=finding.excerpt, **_LIMITS)


def start_said(start: Start, rhythm: Rhythm, language: str) -> tuple[str, ...]:
    """When it really goes, said before anything is moved; nothing for a time that is what it seems."""
    asked, goes = rhythm.on_the_wall(start.asked), rhythm.on_the_wall(start.goes_at)
    said = []
    if start.clock is not None:
        said.append(CATALOGUE.text(language, f"start.{start.clock}", time=full_time(asked.time(), language)))
    if start.waits:
        key = "start.waits_today" if goes.date() == asked.date() else "start.waits"
        said.append(CATALOGUE.text(language, key, **_day_and_time(rhythm, start.goes_at, language)))
    return tuple(said)


def course_said(course: Course, rhythm: Rhythm, language: str) -> tuple[str, ...]:
    """When the last message is sent, what waits for another day, and how many come too late to be sent."""
    said = []
    if course.waits_until is not None:
        closes = full_time(rhythm.on_the_wall(course.stretches[0].ends).time(), language)
        goes_on = _day_and_time(rhythm, course.waits_until, language)
        said.append(CATALOGUE.text(language, "course.waits", closes=closes, **goes_on))
    if course.left:
        said.append(CATALOGUE.text(language, "course.left", parts=course.left))
    elif course.done_at is not None:
        key = "course.done" if course.waits_until is None else "course.done_later"
        said.append(CATALOGUE.text(language, key, **_day_and_time(rhythm, course.done_at, language)))
    return tuple(said)


def _day_and_time(rhythm: Rhythm, instant: datetime, language: str) -> dict[str, str]:
    wall = rhythm.on_the_wall(instant)
    return {"day": written_day(wall.date(), language), "time": full_time(wall.time(), language)}


def emoji_group_name(group: EmojiGroup, language: str) -> str:
    """What a group of emoji is called."""
    return CATALOGUE.text(language, f"emoji.{group.name}")


def occasion_name(key: OccasionKey, language: str) -> str:
    """What an occasion is called."""
    return CATALOGUE.text(language, f"occasion.{key}")
