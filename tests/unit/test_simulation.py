"""What a ladder would bring: counted by the rules that then do it, for people who never come back."""

from __future__ import annotations

from copy import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stamkunde.clubs.keeping import FORECAST_LASTS, is_shorter, open_forecast, proposed, seal_forecast, seen_policy
from stamkunde.clubs.member_policy import Keeping
from stamkunde.clubs.model import Club, MemberPolicy, TermsVersion, Trade
from stamkunde.clubs.terms import NOTICE_OF_WORSE_TERMS
from stamkunde.retention.model import Away
from stamkunde.retention.model.simulation import (
    Course,
    Fate,
    Forecast,
    Household,
    Lot,
    Person,
    Told,
    simulate,
)
from stamkunde.shared.clock import months_later
from stamkunde.shared.errors import Refusal
from stamkunde.shared.ladder import Rung, RungText, usual_ladder
from stamkunde.shared.signing import SigningKey
from tests.factories import LONG_AGO, NOON, make_club
from tests.unit.test_ladder import COPENHAGEN, DAYS, REASON, Silence

TODAY = NOON.date()
ALWAYS = date(2099, 1, 1)
EVER = datetime(2100, 1, 1, tzinfo=UTC)
THREE_YEARS = Course(((TODAY, usual_ladder(36)),))
MARCH = date(2026, 3, 3)
CHOSEN = MemberPolicy(trade=Trade.TOURIST_CRAFTS, keeping_reason=REASON)
YEAR = MemberPolicy(trade=Trade.GROCERIES, inactive_months=12)
SAYING = TermsVersion(1, "da", "Betingelser", LONG_AGO, inactive_months=36)
CLUB = make_club(terms=(SAYING,), member_policy=CHOSEN)


def alone(since: date = MARCH, *lots: Lot, until: date | None = ALWAYS, deficit: int = 0) -> Household:
    return Household((Person(Away(since), until),), lots, deficit)


def lot(amount: int, expires_on: date, earned_by: date = date(2026, 3, 31)) -> Lot:
    return Lot(amount, expires_on, earned_by)


def forecast(*households: Household, course: Course = THREE_YEARS, until: datetime = EVER) -> Forecast:
    return simulate(households, course, COPENHAGEN, NOON, until)


def fates(found: Forecast) -> dict[tuple[str, int], Fate]:
    return {(told.month, told.after_months): told.fate for told in found.told}


def test_a_forecast_counts_each_notice_in_its_month_and_each_end_in_its_year() -> None:
    found = forecast(alone(), alone(), alone(date(2026, 4, 3)))
    assert found.people == 3
    assert found.told == {
        Told("2027-09", 18, Fate.SENT): 2,
        Told("2028-03", 24, Fate.SENT): 2,
        Told("2029-02", 35, Fate.SENT): 2,
        Told("2027-10", 18, Fate.SENT): 1,
        Told("2028-04", 24, Fate.SENT): 1,
        Told("2029-03", 35, Fate.SENT): 1,
    }
    assert found.erased == {2029: 3}


def test_who_may_get_no_advertising_is_skipped_and_gets_the_plain_last_notice() -> None:
    assert fates(forecast(alone(until=None))) == {
        ("2027-09", 18): Fate.NO_PERMISSION,
        ("2028-03", 24): Fate.NO_PERMISSION,
        ("2029-02", 35): Fate.SERVICE,
    }


def test_a_permission_that_lapses_on_the_way_is_gone_from_its_day_on() -> None:
    lapses = date(2028, 3, 3)
    assert fates(forecast(alone(until=lapses)))["2028-03", 24] is Fate.NO_PERMISSION
    assert fates(forecast(alone(until=lapses + timedelta(days=1))))["2028-03", 24] is Fate.SENT
    assert fates(forecast(alone(until=lapses)))["2027-09", 18] is Fate.SENT


def test_who_has_been_away_for_long_gets_the_latest_notice_only_and_thirty_days() -> None:
    found = forecast(alone(date(2021, 1, 1)))
    assert fates(found) == {
        ("2026-11", 18): Fate.OUTAGE,
        ("2026-11", 24): Fate.OUTAGE,
        ("2026-11", 35): Fate.SENT,
    }
    assert found.erased == {2026: 1}


def test_nothing_is_counted_that_comes_after_the_end_of_the_forecast() -> None:
    found = forecast(alone(), until=datetime(2028, 1, 1, tzinfo=UTC))
    assert fates(found) == {("2027-09", 18): Fate.SENT}
    assert found.erased == {}


def test_a_forecast_names_the_lots_that_are_still_a_claim() -> None:
    """R27."""
    older, younger = lot(500, date(2029, 6, 30), date(2026, 3, 3)), lot(700, date(2029, 6, 30), date(2026, 3, 4))
    found = forecast(alone(MARCH, older, younger))
    assert found.forfeited == {2029: 1_200}
    assert (found.young, found.young_lots) == ({2029: 700}, {2029: 1})


def test_what_lapses_on_the_way_is_not_forfeited() -> None:
    found = forecast(alone(MARCH, lot(500, date(2029, 3, 1)), lot(300, date(2029, 3, 3))))
    assert found.forfeited == {2029: 300}
    assert forecast(alone(MARCH, lot(500, date(2029, 3, 1)))).forfeited == {}


def test_what_lapses_as_the_day_begins_is_lost_with_its_owner() -> None:
    assert forecast(alone(MARCH, lot(500, date(2029, 3, 2)))).forfeited == {2029: 500}


def test_what_is_owed_is_not_forfeited_either() -> None:
    assert forecast(alone(MARCH, lot(500, ALWAYS), deficit=200)).forfeited == {2029: 300}
    assert forecast(alone(MARCH, lot(500, ALWAYS), deficit=600)).forfeited == {}


def test_a_household_loses_its_bonus_with_the_last_of_it() -> None:
    stays_longer = Person(Away(date(2027, 1, 1)), ALWAYS)
    both = replace(alone(MARCH, lot(500, ALWAYS)), people=(*alone().people, stays_longer))
    assert forecast(both).forfeited == {2030: 500}
    assert forecast(both, until=datetime(2029, 12, 1, tzinfo=UTC)).forfeited == {}


def test_forecasts_of_parts_add_up_to_that_of_the_whole() -> None:
    one, other = alone(MARCH, lot(500, ALWAYS)), alone(date(2021, 1, 1), lot(300, ALWAYS), until=None)
    assert forecast(one) + forecast(other) == forecast(one, other)
    assert Forecast() + forecast(one) == forecast(one)


@given(DAYS, st.integers(6, 60), st.integers(0, 60))
def test_a_forecast_is_what_then_happens(since: date, months: int, later: int) -> None:
    """Visit by visit, at the instants that each of them names."""
    now = COPENHAGEN.start_of(months_later(since, later))
    ladder = usual_ladder(months)
    found = simulate([alone(since)], Course(((since, ladder),)), COPENHAGEN, now, EVER)
    silence = Silence(COPENHAGEN, since, ladder)
    silence.lives_on(now)
    assert {(told.month, told.after_months) for told in found.told if told.fate is Fate.SENT} == {
        (f"{COPENHAGEN.day_of(at):%Y-%m}", after) for after, at, _ in silence.told
    }
    assert silence.erased_on is not None
    assert found.erased == {silence.erased_on.year: 1}


def test_a_shorter_ladder_begins_with_its_terms_in_a_forecast_too() -> None:
    club = proposed(CLUB, Keeping(Trade.GROCERIES), TODAY)
    holds = TODAY + NOTICE_OF_WORSE_TERMS
    assert [club.ladder(day).months for day in (TODAY, holds - timedelta(days=1), holds)] == [36, 36, 12]
    course = Course(((TODAY, club.ladder(TODAY)), (holds, club.ladder(holds))))
    found = forecast(alone(date(2025, 1, 1)), course=course)
    assert fates(found)["2026-12", 11] is Fate.SENT
    assert found.erased == {2027: 1}
    assert holds + timedelta(days=30) == date(2027, 1, 20)


def refusal_of(club: Club, sealed: str, now: datetime = NOON) -> str:
    with pytest.raises(Refusal) as refusal:
        open_forecast(club, sealed, now)
    return refusal.value.code


def test_no_policy_is_saved_that_nobody_has_seen_the_forecast_of() -> None:
    own = (Rung(20, RungText.MISSED_YOU), Rung(34, RungText.LAST))
    wish = Keeping(Trade.TOURIST_CRAFTS, rungs=own)
    sealed = seal_forecast(CLUB, wish, NOON)
    assert open_forecast(CLUB, sealed, NOON + FORECAST_LASTS) == wish
    assert seen_policy(CLUB, sealed, None, NOON).ladders[0].rungs == own
    others = replace(CLUB, club_id=make_club().club_id)
    forged = seal_forecast(replace(CLUB, signing_keys=(SigningKey(1, b"x" * 32),)), wish, NOON)
    changed = replace(CLUB, member_policy=replace(CHOSEN, soft_opt_in=True))
    republished = replace(CLUB, terms=(SAYING, replace(SAYING, version=2)))
    assert {
        refusal_of(CLUB, "made up"),
        refusal_of(CLUB, forged),
        refusal_of(CLUB, sealed, NOON + FORECAST_LASTS + timedelta(seconds=1)),
        *(refusal_of(each, sealed) for each in (others, changed, republished)),
    } == {"forecast_needed"}


@pytest.mark.parametrize(
    ("given_club", "months", "shorter"),
    [
        ({}, 24, True),
        ({}, 36, False),
        ({}, 48, False),
        # A new club's three years are nobody's choice, but whoever joined meanwhile was kept by them.
        ({"member_policy": MemberPolicy()}, 24, True),
        ({"member_policy": MemberPolicy(), "terms": (replace(SAYING, inactive_months=None),)}, 24, True),
        ({"member_policy": MemberPolicy(), "terms": (replace(SAYING, inactive_months=None),)}, 36, False),
        ({"terms": (replace(SAYING, inactive_months=None),)}, 24, True),
        ({"member_policy": YEAR, "terms": (replace(SAYING, inactive_months=None),)}, 12, True),
        ({"member_policy": YEAR, "terms": (replace(SAYING, inactive_months=12),)}, 12, False),
        # Longer than the terms say was a favour, and what terms say that are on their way is said.
        ({"member_policy": replace(CHOSEN, inactive_months=48)}, 36, False),
        ({"terms": (SAYING, replace(SAYING, version=2, inactive_months=24, valid_from=ALWAYS))}, 24, False),
    ],
)
def test_keeping_members_shorter_is_what_takes_from_a_choice_or_a_promise(
    given_club: dict[str, Any], months: int, shorter: bool
) -> None:
    club = replace(CLUB, **given_club)
    assert is_shorter(club, replace(club.member_policy, inactive_months=months)) is shorter


def test_why_members_are_kept_for_three_years_is_asked_when_it_is_saved() -> None:
    new = make_club(terms=(SAYING,))
    sealed = seal_forecast(new, Keeping(Trade.TOURIST_CRAFTS), NOON)
    with pytest.raises(Refusal) as refusal:
        seen_policy(new, sealed, None, NOON)
    assert refusal.value.pointer == "/keeping_reason"
    assert seen_policy(new, sealed, REASON, NOON).keeping_reason == REASON
