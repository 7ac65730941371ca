"""What a club may promise, and how its programme is written in rows and files."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stamkunde.clubs.programme_form import (
    programme_attributes,
    programme_document,
    programme_from_attributes,
    read_programme,
)
from stamkunde.clubs.programmes import check_programme, first_start, next_programme, promised_by, with_extra_bonus
from stamkunde.shared.clock import wall_instant
from stamkunde.shared.errors import Refusal
from stamkunde.shared.item import from_wire, to_wire
from stamkunde.shared.programme import (
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
from tests.factories import COPENHAGEN, NOON, THREE_PERCENT

EVENING = datetime(2026, 11, 27, 17, 0, tzinfo=UTC)
RYE = Selection(("5701000000011",))
RULE = EarningRule(
    "chokolade", 500, Selection(item_groups=("chokolade",)), ("havnen",), Hours((2, 4), time(14), time(16))
)
DOUBLE = Multiplier("black-friday", 20_000, EVENING, EVENING + timedelta(hours=4), cumulative=True)
STAMPS = StampProgramme("rugbrod", "Rugbrød", 10, "gratis rugbrød", items=RYE, reward=RYE, most_carried_over=9)
VISITS = StampProgramme("besog", "Besøg", 5, "gratis kaffe", kind=StampKind.VISIT, minimum_amount=2_000)
FULL = replace(
    THREE_PERCENT,
    rules=(RULE,),
    multipliers=(DOUBLE,),
    exclusions=Exclusions(RYE, Selection(item_groups=("medicin",)), ("faktura",)),
    stamp_programmes=(STAMPS, VISITS),
    most_bonus_carried_over=50_000,
)
POINTS = replace(THREE_PERCENT, unit=Unit.POINTS, rate=100, point_value=10)


def refusal(act: Callable[[], object]) -> tuple[str, str | None]:
    with pytest.raises(Refusal) as refused:
        act()
    return refused.value.code, refused.value.pointer


def check(programme: BonusProgramme, before: BonusProgramme = FULL, promised: int = 36) -> None:
    check_programme(programme, before, promised, ("banegaarden", "havnen"))


# Rules --------------------------------------------------------------------------------------------------------------


def test_what_can_be_kept_may_be_promised() -> None:
    check(FULL)
    check(THREE_PERCENT)
    check(POINTS, POINTS)
    check(replace(POINTS, point_value=20, rate=500), POINTS)


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        (replace(FULL, rules=(replace(RULE, rate=10_001),)), "/rules/0/rate"),
        (replace(FULL, rules=(replace(RULE, rate=-1),)), "/rules/0/rate"),
        (replace(FULL, rules=(RULE, RULE)), "/rules/1/rule_id"),
        (replace(FULL, rules=(replace(RULE, rule_id="Chokolade"),)), "/rules/0/rule_id"),
        (replace(FULL, rules=tuple(replace(RULE, rule_id=f"r{n}") for n in range(51))), "/rules"),
        (replace(FULL, rules=(replace(RULE, items=Selection(("",))),)), "/rules/0/items/item_numbers/0"),
        (replace(FULL, rules=(replace(RULE, items=Selection((), ("a" * 41,))),)), "/rules/0/items/item_groups/0"),
        (replace(FULL, rules=(replace(RULE, hours=Hours((1, 8))),)), "/rules/0/hours/weekdays/1"),
        (replace(FULL, rules=(replace(RULE, hours=Hours((), time(9), time(9))),)), "/rules/0/hours/until_time"),
        (
            replace(FULL, rules=(replace(RULE, hours=Hours((), time(9, tzinfo=UTC))),)),
            "/rules/0/hours/from_time",
        ),
        (replace(FULL, multipliers=(replace(DOUBLE, factor=10_000),)), "/multipliers/0/factor"),
        (replace(FULL, multipliers=(replace(DOUBLE, factor=100_001),)), "/multipliers/0/factor"),
        (replace(FULL, multipliers=(replace(DOUBLE, ends_at=DOUBLE.starts_at),)), "/multipliers/0/ends_at"),
        (
            replace(FULL, multipliers=(replace(DOUBLE, starts_at=datetime(1999, 1, 1, tzinfo=UTC)),)),
            "/multipliers/0/starts_at",
        ),
        (replace(FULL, multipliers=(DOUBLE, DOUBLE)), "/multipliers/1/multiplier_id"),
        (replace(FULL, exclusions=Exclusions(Selection())), "/exclusions/items"),
        (replace(FULL, exclusions=Exclusions(None, Selection())), "/exclusions/never_recorded"),
        (replace(FULL, exclusions=Exclusions(payment_kinds=("kort", ""))), "/exclusions/payment_kinds/1"),
        (replace(FULL, stamp_programmes=(replace(STAMPS, needed=0),)), "/stamp_programmes/0/needed"),
        (replace(FULL, stamp_programmes=(replace(STAMPS, needed=101),)), "/stamp_programmes/0/needed"),
        (replace(FULL, stamp_programmes=(replace(STAMPS, name=" Rugbrød"),)), "/stamp_programmes/0/name"),
        (replace(FULL, stamp_programmes=(replace(STAMPS, reward_name=""),)), "/stamp_programmes/0/reward_name"),
        (replace(FULL, stamp_programmes=(replace(STAMPS, reward_name="a\nb"),)), "/stamp_programmes/0/reward_name"),
        (replace(FULL, stamp_programmes=(replace(STAMPS, expiry_months=0),)), "/stamp_programmes/0/expiry_months"),
        (
            replace(FULL, stamp_programmes=(replace(VISITS, minimum_gap_minutes=10_081),)),
            "/stamp_programmes/0/minimum_gap_minutes",
        ),
        (replace(FULL, stamp_programmes=(replace(VISITS, minimum_amount=-1),)), "/stamp_programmes/0/minimum_amount"),
        (replace(FULL, stamp_programmes=(replace(VISITS, items=RYE),)), "/stamp_programmes/0/items"),
        (
            replace(FULL, stamp_programmes=(replace(STAMPS, most_carried_over=101),)),
            "/stamp_programmes/0/most_carried_over",
        ),
        (replace(FULL, stamp_programmes=(STAMPS, STAMPS)), "/stamp_programmes/1/stamp_programme_id"),
        (replace(FULL, most_bonus_carried_over=-1), "/most_bonus_carried_over"),
        (replace(FULL, point_value=2), "/point_value"),
        (replace(FULL, unit=Unit.POINTS), "/unit"),
    ],
    ids=lambda case: case if isinstance(case, str) else "",
)
def test_what_cannot_be_kept_is_refused_where_it_stands(wrong: BonusProgramme, pointer: str) -> None:
    assert refusal(lambda: check(wrong)) == ("invalid_field", pointer)


def test_a_stamp_programme_stays_what_its_cards_and_rewards_promise() -> None:
    before = replace(FULL, stamp_programmes=(STAMPS,))
    wider = replace(STAMPS, reward=Selection((*STAMPS.reward.item_numbers, "bolle"), STAMPS.reward.item_groups))
    check(replace(FULL, stamp_programmes=(wider,)), before)
    check(replace(FULL, stamp_programmes=(replace(STAMPS, reward=Selection()),)), before)
    check(replace(FULL, stamp_programmes=(replace(wider, stamp_programme_id="nyt"),)), before)
    narrower = replace(FULL, stamp_programmes=(STAMPS,))
    widened = replace(FULL, stamp_programmes=(wider,))
    assert refusal(lambda: check(narrower, widened)) == ("invalid_field", "/stamp_programmes/0/reward")
    everything = replace(FULL, stamp_programmes=(replace(STAMPS, reward=Selection()),))
    assert refusal(lambda: check(narrower, everything)) == ("invalid_field", "/stamp_programmes/0/reward")
    visits = replace(VISITS, stamp_programme_id=STAMPS.stamp_programme_id, reward=STAMPS.reward)
    other_kind = replace(FULL, stamp_programmes=(visits,))
    assert refusal(lambda: check(other_kind, before)) == ("invalid_field", "/stamp_programmes/0/kind")


def test_a_stamp_programme_that_comes_back_is_what_it_was() -> None:
    cakes = replace(FULL, stamp_programmes=(replace(STAMPS, reward=Selection(("kage",))),))
    without = replace(FULL, stamp_programmes=())
    check_programme(cakes, without, 36, ("banegaarden", "havnen"))
    again = refusal(lambda: check_programme(cakes, without, 36, ("banegaarden", "havnen"), (FULL,)))
    assert again == ("invalid_field", "/stamp_programmes/0/reward")


def test_an_outlet_that_is_not_there_is_refused() -> None:
    rule = replace(FULL, rules=(replace(RULE, outlets=("havnen", "nowhere")),))
    assert refusal(lambda: check(rule)) == ("unknown_outlet", "/rules/0/outlets/1")
    double = replace(FULL, multipliers=(replace(DOUBLE, outlets=("nowhere",)),))
    assert refusal(lambda: check(double)) == ("unknown_outlet", "/multipliers/0/outlets/0")


def test_a_point_never_becomes_worth_less_and_never_more_than_was_paid() -> None:
    assert refusal(lambda: check(replace(POINTS, point_value=9), POINTS)) == ("invalid_field", "/point_value")
    assert refusal(lambda: check(replace(POINTS, rate=1_001), POINTS)) == ("invalid_field", "/rate")
    dear = replace(POINTS, rules=(EarningRule("alt", 1_001),))
    assert refusal(lambda: check(dear, POINTS)) == ("invalid_field", "/rules/0/rate")


def test_bonus_never_expires_sooner_than_the_terms_promise() -> None:
    year = replace(FULL, expiry_months=12)
    assert refusal(lambda: check(year)) == ("expiry_not_in_terms", "/expiry_months")
    assert refusal(lambda: check(year, promised=13)) == ("expiry_not_in_terms", "/expiry_months")
    check(year, promised=12)


def test_own_terms_promise_the_laws_three_years_unless_they_name_the_months() -> None:
    assert promised_by("Bonus udløber efter 12 måneder.", 12) == 12
    assert promised_by("Bonus udløber efter 120 dage.", 12) == 36
    assert promised_by("Bonus udløber en dag.", 12) == 36


def test_a_version_starts_two_minutes_ahead_and_not_before_the_newest() -> None:
    soon = NOON + timedelta(minutes=2)
    assert first_start(FULL, NOON) == soon
    assert next_programme(FULL, FULL, soon, NOON).version == 2
    assert refusal(lambda: next_programme(FULL, FULL, soon - timedelta(milliseconds=1), NOON))[0] == (
        "version_starts_too_soon"
    )
    planned = replace(FULL, valid_from=NOON + timedelta(days=1))
    assert refusal(lambda: next_programme(planned, FULL, soon, NOON))[0] == "version_starts_too_soon"


def test_a_new_version_leaves_out_the_evenings_that_are_over_by_then() -> None:
    coming = replace(DOUBLE, multiplier_id="jul", ends_at=EVENING + timedelta(days=30))
    wish = replace(FULL, multipliers=(DOUBLE, coming))
    assert next_programme(FULL, wish, DOUBLE.ends_at, NOON).multipliers == (coming,)
    assert next_programme(FULL, wish, DOUBLE.ends_at - timedelta(seconds=1), NOON).multipliers == (DOUBLE, coming)


def test_an_evening_of_extra_bonus_is_added_to_what_there_is_under_a_name_of_its_own() -> None:
    end = EVENING + timedelta(hours=4)
    once = with_extra_bonus(FULL, EVENING, end, 20_000, ("havnen",), COPENHAGEN)
    twice = with_extra_bonus(once, EVENING, end, 30_000, (), COPENHAGEN)
    check(twice)
    assert [each.multiplier_id for each in twice.multipliers] == [
        "black-friday",
        "extra-20261127-1800",
        "extra-20261127-1800-2",
    ]
    assert replace(twice, multipliers=FULL.multipliers) == FULL
    assert (twice.multipliers[1].factor, twice.multipliers[1].outlets) == (20_000, ("havnen",))


# Wall-clock times ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wall", "instant"),
    [
        ("2026-11-27T18:00", "2026-11-27T17:00Z"),
        ("2026-07-27T18:00", "2026-07-27T16:00Z"),
        ("2026-11-27T18:00+00:00", "2026-11-27T18:00Z"),
        ("2027-03-28T01:59", "2027-03-28T00:59Z"),
        ("2027-03-28T02:00", "2027-03-28T01:00Z"),
        ("2027-03-28T02:30", "2027-03-28T01:00Z"),
        ("2027-03-28T02:59:59", "2027-03-28T01:00Z"),
        ("2027-03-28T03:00", "2027-03-28T01:00Z"),
        ("2026-10-25T01:59", "2026-10-24T23:59Z"),
        ("2026-10-25T02:30", "2026-10-25T00:30Z"),
        ("2026-10-25T03:00", "2026-10-25T02:00Z"),
    ],
)
@pytest.mark.parametrize("zone", [COPENHAGEN, "Europe/Oslo"])
def test_a_time_that_is_skipped_is_the_next_and_one_that_comes_twice_the_first(
    wall: str, instant: str, zone: str
) -> None:
    assert wall_instant(datetime.fromisoformat(wall), zone) == datetime.fromisoformat(instant)


# Rows and files -----------------------------------------------------------------------------------------------------

names = st.lists(st.text("abcæøå019-", min_size=1, max_size=8), max_size=2).map(tuple)
selections = st.builds(Selection, names, names)
wall_times = st.none() | st.times().map(lambda at: at.replace(microsecond=0))
hours = st.builds(Hours, st.lists(st.integers(1, 7), max_size=3).map(tuple), wall_times, wall_times)
instants = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)).map(
    lambda at: at.replace(microsecond=0, tzinfo=UTC)
)
programmes = st.builds(
    BonusProgramme,
    version=st.integers(1, 99_999),
    valid_from=instants,
    rate=st.integers(0, 10_000),
    expiry_months=st.integers(1, 120),
    unit=st.sampled_from(Unit),
    point_value=st.integers(1, 10_000),
    rules=st.lists(st.builds(EarningRule, st.text(), st.integers(), selections, names, hours), max_size=2).map(tuple),
    multipliers=st.lists(
        st.builds(Multiplier, st.text(), st.integers(), instants, instants, selections, names, hours, st.booleans()),
        max_size=2,
    ).map(tuple),
    exclusions=st.builds(Exclusions, st.none() | selections, st.none() | selections, names),
    stamp_programmes=st.lists(
        st.builds(
            StampProgramme,
            st.text(),
            st.text(),
            st.integers(),
            st.text(),
            st.sampled_from(StampKind),
            selections,
            selections,
        ),
        max_size=2,
    ).map(tuple),
    most_bonus_carried_over=st.integers(0, 100),
)


@given(programmes)
def test_a_programme_is_read_from_its_row_as_it_was_written(programme: BonusProgramme) -> None:
    row = from_wire(to_wire({"pk": "CLUB#c", "sk": "CLUB#PROGRAMME#00001", "v": 1} | programme_attributes(programme)))
    assert programme_from_attributes(programme.version, row) == programme


@given(programmes)
def test_what_is_shown_can_be_published_as_it_is(programme: BonusProgramme) -> None:
    document = json.loads(json.dumps(programme_document(programme, COPENHAGEN)))
    read = read_programme(document, programme.valid_from, COPENHAGEN)
    assert replace(read, version=programme.version) == programme


@pytest.mark.parametrize("field", ["starts_at", "ends_at"])
@pytest.mark.parametrize("written", ["0001-01-01T00:00:00", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59"])
def test_a_time_nobody_can_mean_is_refused(field: str, written: str) -> None:
    evening = {"multiplier_id": "fredag", "factor": 20_000}
    evening |= {"starts_at": "2026-11-27T18:00", "ends_at": "2026-11-27T21:00"}
    with pytest.raises(Refusal) as refused:
        read({"multipliers": [evening, evening | {field: written}]})
    assert (refused.value.code, refused.value.pointer) == ("invalid_field", f"/multipliers/1/{field}")


def test_a_row_from_before_there_were_rules_is_still_read() -> None:
    old = {"pk": "CLUB#c", "sk": "CLUB#PROGRAMME#00001", "v": 1}
    old |= {"valid_from": "2020-01-01T00:00:00.000Z", "rate": 300, "expiry_months": 36}
    assert programme_from_attributes(1, old) == THREE_PERCENT
    assert programme_attributes(THREE_PERCENT) == {
        name: old[name] for name in ("valid_from", "rate", "expiry_months")
    }


def read(document: dict[str, Any]) -> BonusProgramme:
    return read_programme({"rate": 300, "expiry_months": 36} | document, NOON, COPENHAGEN)


def test_times_in_a_file_are_the_clocks_in_the_shop() -> None:
    double = {
        "multiplier_id": "aften",
        "factor": 20_000,
        "starts_at": "2026-11-27T18:00",
        "ends_at": "2026-11-27 22:00",
    }
    rule = {
        "rule_id": "eftermiddag",
        "rate": 500,
        "hours": {"weekdays": [2], "from_time": "14:00", "until_time": "16:00"},
    }
    programme = read({"multipliers": [double], "rules": [rule]})
    assert programme.multipliers[0].starts_at == EVENING
    assert programme.multipliers[0].ends_at == EVENING + timedelta(hours=4)
    assert programme.rules[0].hours == Hours((2,), time(14), time(16))
    shown = programme_document(programme, COPENHAGEN)
    assert shown["multipliers"][0]["starts_at"] == "2026-11-27T18:00:00+01:00"
    assert shown["rules"] == [rule]


def test_a_name_that_looks_like_a_time_stays_as_it_is() -> None:
    assert read({"exclusions": {"payment_kinds": ["18:00"]}}).exclusions.payment_kinds == ("18:00",)


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ({"ratte": 300}, "/ratte"),
        ({"version": 3}, "/version"),
        ({"valid_from": "2026-11-27T18:00:00Z"}, "/valid_from"),
        ({"rate": "3 %"}, "/rate"),
        ({"rate": 3.5}, "/rate"),
        ({"unit": "stars"}, "/unit"),
        ({"rules": {}}, "/rules"),
        ({"rules": [{"rule_id": "a", "rate": 1, "outlet": "havnen"}]}, "/rules/0/outlet"),
        ({"rules": [{"rule_id": "a"}]}, "/rules/0/rate"),
        ({"stamp_programmes": [{"stamp_programme_id": "a", "items": {"numbers": []}}]}, "/stamp_programmes/0/name"),
        ({"exclusions": {"items": {"numbers": ["1"]}}}, "/exclusions/items/numbers"),
    ],
)
def test_a_typo_in_a_file_is_refused_where_it_stands(document: dict[str, Any], pointer: str) -> None:
    assert refusal(lambda: read(document)) == ("invalid_field", pointer)


@pytest.mark.parametrize(("rate", "months"), [(10_001, 36), (-1, 36), (300, 0), (300, 121)])
def test_a_file_with_an_impossible_rate_or_life_is_refused(rate: int, months: int) -> None:
    assert refusal(lambda: read({"rate": rate, "expiry_months": months}))[0] == "invalid_field"
