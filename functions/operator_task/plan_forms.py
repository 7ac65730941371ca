"""Plans as they stand in an operator's file or on the command line, and how they are read."""

from collections.abc import Iterator, Mapping
from copy import replace
from datetime import date, datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct, field, structs

from operator_task.desk import Name
from operator_task.programme_tasks import DOUBLE
from operator_task.written_times import TimeOfDay, WallTime, read_moment, read_time
from stamkunde.campaigns.model.black_friday import BlackFriday, black_friday_plan
from stamkunde.campaigns.model.law import NO_ANSWERS, Answers
from stamkunde.campaigns.model.opening import OpenDay, OpenHours
from stamkunde.campaigns.model.plan import MOST_MESSAGES, Plan, PlannedMessage
from stamkunde.campaigns.model.texts import CampaignText
from stamkunde.campaigns.model.timing import LATENESS
from stamkunde.campaigns.ready_made import drafts
from stamkunde.clubs.model import Club, check_id
from stamkunde.messaging.quiet_hours import wall_clock
from stamkunde.shared.clock import believable_wall_instant
from stamkunde.shared.errors import Refusal
from stamkunde.shared.programme import Multiplier, programme_at

type Minutes = Annotated[int, Meta(ge=1, le=1_440)]
type Year = Annotated[int, Meta(ge=2026, le=2100)]
type CouponIds = Annotated[tuple[Name, ...], Meta(max_length=20)]


class Form(Struct, frozen=True, forbid_unknown_fields=True):
    """What all parts of a plan's file have in common: a misspelt field must not pass unseen."""


class MessageForm(Form, frozen=True):
    """One message; `ends` is from when on it is worth nothing."""

    name: Name
    at: WallTime
    texts: Annotated[tuple[CampaignText, ...], Meta(min_length=1, max_length=3)]
    answers: Answers = NO_ANSWERS
    lateness_minutes: Minutes | None = None
    ends: WallTime | None = None


class BonusForm(Form, frozen=True):
    """Hours of more bonus; the factor is in basis points."""

    starts_at: WallTime
    ends_at: WallTime
    factor: int = DOUBLE
    outlets: tuple[Name, ...] = ()
    multiplier_id: Name | None = None


class OpenDayForm(Form, frozen=True):
    """How the shop is open on a day; closed if no hours are given."""

    day: date
    opens: TimeOfDay | None = None
    closes: TimeOfDay | None = None


class PlanForm(Form, frozen=True):
    """A plan as it stands in a file."""

    name: Name
    messages: Annotated[tuple[MessageForm, ...], Meta(min_length=1, max_length=MOST_MESSAGES)]
    coupon_ids: CouponIds = ()
    bonus: Annotated[tuple[BonusForm, ...], Meta(max_length=5)] = ()
    opening: Annotated[tuple[OpenDayForm, ...], Meta(max_length=14)] = ()


class BlackFridayForm(Form, frozen=True):
    """What a shop does on Black Friday; the offer is written in the club's language.

    Parameters
    ----------
    answers
        By the name of a message: what the law wants to know, and its words don't already say.
    """

    year: Year
    opens: TimeOfDay
    closes: TimeOfDay
    offer: Name
    bonus_from: TimeOfDay = "17:00"
    bonus_until: TimeOfDay | None = None
    factor: int = DOUBLE
    coupon_ids: CouponIds = ()
    answers: dict[str, Answers] = field(default_factory=dict)


def read_plan(form: PlanForm, club: Club) -> Plan:
    """The plan that stands in a file.

    Raises
    ------
    Refusal
        ``invalid_field`` with a pointer into the file.
    """
    return Plan(
        form.name,
        tuple(_message(each, club, f"/plan/messages/{place}") for place, each in enumerate(form.messages)),
        form.coupon_ids,
        tuple(_multiplier(each, club, f"/plan/bonus/{place}") for place, each in enumerate(form.bonus)),
        tuple(_open_day(each, f"/plan/opening/{place}") for place, each in enumerate(form.opening)),
    )


def read_black_friday(form: BlackFridayForm, club: Club) -> Plan:
    """Black Friday's plan for a club, by the rate that it gives on that evening.

    Raises
    ------
    Refusal
        ``invalid_field``: answers of a message that there isn't; those of `black_friday_plan`.
    """
    language, place = club.language, "/black_friday"
    wish = BlackFriday(
        form.year,
        OpenHours(read_time(form.opens, f"{place}/opens"), read_time(form.closes, f"{place}/closes")),
        {language: form.offer},
        rate=0,
        bonus_from=read_time(form.bonus_from, f"{place}/bonus_from"),
        bonus_until=None if form.bonus_until is None else read_time(form.bonus_until, f"{place}/bonus_until"),
        factor=form.factor,
        coupon_ids=form.coupon_ids,
    )
    programme = programme_at(club.programmes, wall_clock(wish.day, wish.bonus_from, club.time_zone))
    rated = replace(wish, rate=programme.rate * programme.point_value)
    plan = black_friday_plan(rated, {language: drafts(language)}, club.time_zone)
    names = [message.name for message in plan.messages]
    for unknown in sorted(set(form.answers) - set(names)):
        raise Refusal("invalid_field", {"expected": ", ".join(names)}, f"{place}/answers/{unknown}")
    return replace(plan, messages=tuple(_answered(plan.messages, form.answers)))


def _answered(messages: tuple[PlannedMessage, ...], given: Mapping[str, Answers]) -> Iterator[PlannedMessage]:
    """What is answered is added to what the template's own words answer."""
    for message in messages:
        said = _said(given.get(message.name, NO_ANSWERS))
        yield replace(message, answers=replace(message.answers, **said))


def _said(answers: Answers) -> dict[str, Any]:
    unsaid = structs.asdict(NO_ANSWERS)
    return {name: value for name, value in structs.asdict(answers).items() if value != unsaid[name]}


def _message(form: MessageForm, club: Club, pointer: str) -> PlannedMessage:
    lateness = timedelta(minutes=form.lateness_minutes) if form.lateness_minutes else LATENESS
    return PlannedMessage(
        form.name,
        _on_the_wall(form.at, club, f"{pointer}/at"),
        {text.language: text for text in form.texts},
        form.answers,
        lateness,
        None if form.ends is None else _on_the_wall(form.ends, club, f"{pointer}/ends"),
    )


def _on_the_wall(text: str, club: Club, pointer: str) -> datetime:
    """A time as the shop's clock shows it; one that was written so is left alone, for its night may skip it."""
    written = read_moment(text, pointer)
    instant = believable_wall_instant(written, club.time_zone, pointer)
    return instant.astimezone(ZoneInfo(club.time_zone)).replace(tzinfo=None) if written.tzinfo else written


def _multiplier(form: BonusForm, club: Club, pointer: str) -> Multiplier:
    starts_at, ends_at = (
        believable_wall_instant(read_moment(text, f"{pointer}/{name}"), club.time_zone, f"{pointer}/{name}")
        for name, text in (("starts_at", form.starts_at), ("ends_at", form.ends_at))
    )
    name = form.multiplier_id or f"plan-{starts_at.astimezone(ZoneInfo(club.time_zone)):%Y%m%d-%H%M}"
    return Multiplier(
        check_id(name, f"{pointer}/multiplier_id"), form.factor, starts_at, ends_at, outlets=form.outlets
    )


def _open_day(form: OpenDayForm, pointer: str) -> OpenDay:
    if form.opens is None and form.closes is None:
        return OpenDay(form.day, None)
    if form.opens is None or form.closes is None:
        raise Refusal("invalid_field", {"expected": "opens, closes"}, pointer)
    return OpenDay(
        form.day, OpenHours(read_time(form.opens, f"{pointer}/opens"), read_time(form.closes, f"{pointer}/closes"))
    )
