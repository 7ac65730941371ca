"""What a club may promise: the rules for new versions of its bonus programme, without any I/O."""

import re
from collections.abc import Collection, Iterable
from copy import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from stamkunde.clubs.model import NOTICE_OF_NEW_VERSIONS, check_id
from stamkunde.shared.clock import believable_instant
from stamkunde.shared.errors import Refusal
from stamkunde.shared.programme import (
    FULL_RATE,
    LARGEST_FACTOR,
    LONGEST_EXPIRY_MONTHS,
    SAME_FACTOR,
    SHORTEST_UNSAID_EXPIRY_MONTHS,
    BonusProgramme,
    EarningRule,
    Exclusions,
    Hours,
    Multiplier,
    Selection,
    StampKind,
    StampProgramme,
    Unit,
)

MOST_PARTS = 50
MOST_NAMED_GOODS = 500
LONGEST_NAME = 60
LONGEST_ITEM_NUMBER = 40
MOST_STAMPS_NEEDED = 100
LONGEST_GAP_MINUTES = 7 * 24 * 60
LARGEST_POINT_VALUE = 10_000
LARGEST_AMOUNT = 100_000_000
DAYS_OF_A_WEEK = 7


def next_programme(newest: BonusProgramme, wish: BonusProgramme, start: datetime, now: datetime) -> BonusProgramme:
    """The version of the bonus programme after the newest; multipliers that are over by then are left out.

    Raises
    ------
    Refusal
        ``version_starts_too_soon``: within the two minutes that warm Lambdas may still know the old versions, or
        before the newest one, which would overtake it without a word.
    """
    if start < first_start(newest, now):
        raise Refusal("version_starts_too_soon", {"seconds": int(NOTICE_OF_NEW_VERSIONS.total_seconds())})
    coming = tuple(each for each in wish.multipliers if each.ends_at > start)
    return replace(wish, version=newest.version + 1, valid_from=start, multipliers=coming)


def first_start(newest: BonusProgramme, now: datetime) -> datetime:
    """The soonest instant that the next version may start at."""
    return max(now + NOTICE_OF_NEW_VERSIONS, newest.valid_from)


def with_extra_bonus(
    programme: BonusProgramme,
    starts_at: datetime,
    ends_at: datetime,
    factor: int,
    outlets: tuple[str, ...],
    time_zone: str,
) -> BonusProgramme:
    """The programme with a factor on all bonus between two instants: "6 % this evening" (feature 18)."""
    first_name = f"extra-{starts_at.astimezone(ZoneInfo(time_zone)):%Y%m%d-%H%M}"
    taken = {each.multiplier_id for each in programme.multipliers}
    names = (first_name if number == 1 else f"{first_name}-{number}" for number in range(1, MOST_PARTS + 2))
    name = next(name for name in names if name not in taken)
    more = Multiplier(name, factor, starts_at, ends_at, outlets=outlets)
    return replace(programme, multipliers=(*programme.multipliers, more))


def promised_by(text: str, expiry_months: int) -> int:
    """For how many months a club's own terms let bonus live: as many as the club says, if the text names the number.

    A text that doesn't name it promises what the law gives (R26).
    """
    named = re.search(rf"\b{expiry_months}\b", text) is not None
    return expiry_months if named else SHORTEST_UNSAID_EXPIRY_MONTHS


def check_programme(
    programme: BonusProgramme,
    before: BonusProgramme,
    promised_months: int,
    outlets: Collection[str],
    earlier: Iterable[BonusProgramme] = (),
) -> None:
    """See that a programme promises what can be kept.

    Parameters
    ----------
    before
        The version before it; itself, for the first one.
    promised_months
        How long bonus lives at least by the current terms.
    outlets
        The ids of the club's outlets.
    earlier
        All versions before that one.

    Raises
    ------
    Refusal
        ``invalid_field`` with a JSON Pointer into the programme; ``expiry_not_in_terms``; ``unknown_outlet``.
    """
    if programme.expiry_months < promised_months:
        raise Refusal("expiry_not_in_terms", {"months": promised_months}, "/expiry_months")
    _between(programme.expiry_months, 1, LONGEST_EXPIRY_MONTHS, "/expiry_months")
    _check_unit(programme, before)
    _between(programme.most_bonus_carried_over, 0, LARGEST_AMOUNT, "/most_bonus_carried_over")
    _check_rate(programme.rate, programme, "/rate")
    _check_names([each.rule_id for each in programme.rules], "/rules", "rule_id")
    for place, rule in enumerate(programme.rules):
        _check_rule(rule, programme, outlets, f"/rules/{place}")
    _check_names([each.multiplier_id for each in programme.multipliers], "/multipliers", "multiplier_id")
    for place, multiplier in enumerate(programme.multipliers):
        _check_multiplier(multiplier, outlets, f"/multipliers/{place}")
    _check_exclusions(programme.exclusions)
    ids = [each.stamp_programme_id for each in programme.stamp_programmes]
    _check_names(ids, "/stamp_programmes", "stamp_programme_id")
    for place, stamps in enumerate(programme.stamp_programmes):
        _check_stamps(stamps, f"/stamp_programmes/{place}")
        for version in (before, *earlier):
            _check_same_card(stamps, version, f"/stamp_programmes/{place}")


def _check_unit(programme: BonusProgramme, before: BonusProgramme) -> None:
    if programme.unit is not before.unit:
        raise Refusal("invalid_field", {"expected": f"{before.unit.value}, as it has always been"}, "/unit")
    if programme.unit is Unit.MONEY:
        _between(programme.point_value, 1, 1, "/point_value")
    # What members have earned is theirs: a point never becomes worth less (R26).
    _between(programme.point_value, before.point_value, LARGEST_POINT_VALUE, "/point_value")


def _check_rate(rate: int, programme: BonusProgramme, pointer: str) -> None:
    """Nobody gets back more than was paid."""
    _between(rate, 0, FULL_RATE // programme.point_value, pointer)


def _check_rule(rule: EarningRule, programme: BonusProgramme, outlets: Collection[str], pointer: str) -> None:
    _check_rate(rule.rate, programme, f"{pointer}/rate")
    _check_selection(rule.items, f"{pointer}/items")
    _check_outlets(rule.outlets, outlets, f"{pointer}/outlets")
    _check_hours(rule.hours, f"{pointer}/hours")


def _check_multiplier(multiplier: Multiplier, outlets: Collection[str], pointer: str) -> None:
    _between(multiplier.factor, SAME_FACTOR + 1, LARGEST_FACTOR, f"{pointer}/factor")
    believable_instant(multiplier.starts_at, f"{pointer}/starts_at")
    believable_instant(multiplier.ends_at, f"{pointer}/ends_at")
    if multiplier.ends_at <= multiplier.starts_at:
        raise Refusal("invalid_field", {"expected": "an end after the start"}, f"{pointer}/ends_at")
    _check_selection(multiplier.items, f"{pointer}/items")
    _check_outlets(multiplier.outlets, outlets, f"{pointer}/outlets")
    _check_hours(multiplier.hours, f"{pointer}/hours")


def _check_exclusions(exclusions: Exclusions) -> None:
    for name, items in (("items", exclusions.items), ("never_recorded", exclusions.never_recorded)):
        if items is not None:
            pointer = f"/exclusions/{name}"
            _check_selection(items, pointer)
            if items.is_everything:
                raise Refusal("invalid_field", {"expected": "item_numbers or item_groups"}, pointer)
    _check_texts(exclusions.payment_kinds, "/exclusions/payment_kinds")


def _check_stamps(stamps: StampProgramme, pointer: str) -> None:
    for name, value in (("name", stamps.name), ("reward_name", stamps.reward_name)):
        _check_text(value, LONGEST_NAME, f"{pointer}/{name}")
    _between(stamps.needed, 1, MOST_STAMPS_NEEDED, f"{pointer}/needed")
    _between(stamps.expiry_months, 1, LONGEST_EXPIRY_MONTHS, f"{pointer}/expiry_months")
    _between(stamps.minimum_gap_minutes, 0, LONGEST_GAP_MINUTES, f"{pointer}/minimum_gap_minutes")
    _between(stamps.minimum_amount, 0, LARGEST_AMOUNT, f"{pointer}/minimum_amount")
    _between(stamps.most_carried_over, 0, MOST_STAMPS_NEEDED, f"{pointer}/most_carried_over")
    _check_selection(stamps.items, f"{pointer}/items")
    _check_selection(stamps.reward, f"{pointer}/reward")
    if stamps.kind is StampKind.VISIT and not stamps.items.is_everything:
        raise Refusal(
            "invalid_field", {"expected": "no items: a visit is stamped for what it is"}, f"{pointer}/items"
        )


def _check_same_card(stamps: StampProgramme, version: BonusProgramme, pointer: str) -> None:
    """See that cards and rewards that are out there still stand for what they promised; else it is a new one."""
    for earlier in version.stamp_programmes:
        if earlier.stamp_programme_id != stamps.stamp_programme_id:
            continue
        if stamps.kind is not earlier.kind:
            expected = f"{earlier.kind.value}, or another stamp_programme_id"
            raise Refusal("invalid_field", {"expected": expected}, f"{pointer}/kind")
        if not stamps.reward.includes(earlier.reward):
            expected = "all goods that it could be before, or another stamp_programme_id"
            raise Refusal("invalid_field", {"expected": expected}, f"{pointer}/reward")


def _check_names(names: list[str], pointer: str, attribute: str) -> None:
    _between(len(names), 0, MOST_PARTS, pointer)
    for place, name in enumerate(names):
        check_id(name, f"{pointer}/{place}/{attribute}")
        if name in names[:place]:
            raise Refusal("invalid_field", {"expected": "a name of its own"}, f"{pointer}/{place}/{attribute}")


def _check_selection(items: Selection, pointer: str) -> None:
    _check_texts(items.item_numbers, f"{pointer}/item_numbers")
    _check_texts(items.item_groups, f"{pointer}/item_groups")


def _check_texts(texts: tuple[str, ...], pointer: str) -> None:
    _between(len(texts), 0, MOST_NAMED_GOODS, pointer)
    for place, text in enumerate(texts):
        _check_text(text, LONGEST_ITEM_NUMBER, f"{pointer}/{place}")


def _check_text(text: str, longest: int, pointer: str) -> None:
    if not 0 < len(text) <= longest or text != text.strip() or not text.isprintable():
        raise Refusal("invalid_field", {"expected": f"1-{longest} characters"}, pointer)


def _check_outlets(wanted: Iterable[str], outlets: Collection[str], pointer: str) -> None:
    for place, outlet_id in enumerate(wanted):
        if outlet_id not in outlets:
            raise Refusal("unknown_outlet", pointer=f"{pointer}/{place}")


def _check_hours(hours: Hours, pointer: str) -> None:
    for place, weekday in enumerate(hours.weekdays):
        _between(weekday, 1, DAYS_OF_A_WEEK, f"{pointer}/weekdays/{place}")
    for name, at in (("from_time", hours.from_time), ("until_time", hours.until_time)):
        if at is not None and at.tzinfo is not None:
            raise Refusal("invalid_field", {"expected": "a time such as 18:00"}, f"{pointer}/{name}")
    if hours.from_time is not None and hours.from_time == hours.until_time:
        raise Refusal("invalid_field", {"expected": "another time than from_time"}, f"{pointer}/until_time")


def _between(value: int, low: int, high: int, pointer: str) -> None:
    if not low <= value <= high:
        raise Refusal("invalid_field", {"expected": f"{low}-{high}"}, pointer)
