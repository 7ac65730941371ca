"""The ladder to whoever stays away: rungs by the club's calendar, one last notice with thirty days, then the end."""

from __future__ import annotations

from collections.abc import Sequence
from copy import replace
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stamkunde.clubs.member_policy import TRADE_MONTHS, Keeping, check_member_policy, with_keeping
from stamkunde.clubs.model import CAREFUL_POLICY, COUNTRIES, MemberPolicy, TermsVersion, Trade
from stamkunde.messaging.quiet_hours import SendingHours
from stamkunde.retention.model import (
    LAST_CHANCE,
    MOST_REMINDERS,
    Away,
    ClubTime,
    LadderStep,
    active_on,
    day_named,
    end_of,
    ladder_step,
    passed_over,
    rung_day,
)
from stamkunde.shared.clock import local_date, months_later
from stamkunde.shared.errors import Refusal
from stamkunde.shared.ladder import (
    Absence,
    Ladder,
    Rung,
    RungNotice,
    RungSkipped,
    RungText,
    SkipReason,
    check_ladder,
    usual_ladder,
)
from stamkunde.shared.terms import Arrival
from tests.factories import LONG_AGO, make_club
from tests.unit.test_terms_chase import club_in

THREE_YEARS = usual_ladder(36)
MISSED_YOU, BONUS, LAST = THREE_YEARS.rungs
COPENHAGEN, OSLO = club_in("DK"), club_in("NO")
REASON = "Mange kommer kun på ferie, og ikke hvert år."
EIGHT = time(8)
TRIES = [date(2029, 3, 3) + number * LAST_CHANCE for number in range(3)]
DAYS = st.dates(date(2020, 1, 1), date(2060, 12, 31))
CLUBS = st.sampled_from([COPENHAGEN, OSLO])
LADDERS = st.integers(6, 60).map(usual_ladder)


@dataclass
class Silence:
    """Somebody who stays away, and what they are told; every notice is sent unless `arrivals` says otherwise."""

    club: ClubTime
    since: date
    ladder: Ladder = THREE_YEARS
    arrivals: Sequence[Arrival] = ()
    away: Away = field(init=False)
    told: list[tuple[int, datetime, date | None]] = field(default_factory=list)
    erased_on: date | None = None

    def __post_init__(self) -> None:
        self.away = Away(self.since)

    def visit(self, now: datetime) -> LadderStep:
        """What is done about them at an instant: at most one thing."""
        step = ladder_step(self._seen(now), self.ladder, self.club, now)
        if step.at > now:
            return step
        if step.rung is None:
            self.erased_on = self.club.day_of(now)
            return step
        today = self.club.day_of(now)
        names = day_named(self.ladder, self.since, today) if step.rung.text is RungText.LAST else None
        missed = [
            RungSkipped(rung, today, SkipReason.OUTAGE) for rung in passed_over(self.away, self.ladder, step.rung)
        ]
        self.away = self.away.noting(*missed, RungNotice(step.rung, now, "x", names))
        self.told.append((step.rung.after_months, now, names))
        return step

    def lives_on(self, start: datetime | None = None) -> None:
        """From step to step until the end."""
        now = start or self.club.start_of(self.since)
        while self.erased_on is None:
            now = max(now, self.visit(now).at)

    def _seen(self, now: datetime) -> Away:
        """Once somebody has looked what became of a notice, when that matters."""
        unseen = self.away.unseen
        if unseen is None or ladder_step(self.away, self.ladder, self.club, now).at > now:
            return self.away
        number = sum(names is not None for _, _, names in self.told) - 1
        arrival = self.arrivals[number] if number < len(self.arrivals) else Arrival.SENT
        self.away = replace(
            self.away,
            absence=Absence(self.since, (*self.away.notices[:-1], replace(unseen, arrival=arrival))),
        )
        return self.away


def days(silence: Silence) -> list[date]:
    return [silence.club.day_of(at) for _, at, _ in silence.told]


def at_opening(day: date, zone: str, opens: time = EIGHT) -> datetime:
    return datetime.combine(day, opens, ZoneInfo(zone)).astimezone(UTC)


def test_three_years_of_silence_bring_three_notices_and_an_end() -> None:
    silence = Silence(COPENHAGEN, date(2026, 3, 3))
    silence.lives_on()
    assert silence.told == [
        (18, at_opening(date(2027, 9, 3), "Europe/Copenhagen"), None),
        (24, at_opening(date(2028, 3, 3), "Europe/Copenhagen"), None),
        (35, at_opening(date(2029, 2, 1), "Europe/Copenhagen"), date(2029, 3, 3)),
    ]
    assert silence.erased_on == date(2029, 3, 3)


@given(CLUBS, DAYS, LADDERS)
def test_the_last_notice_leaves_thirty_days_whenever_somebody_was_last_there(
    club: ClubTime, since: date, ladder: Ladder
) -> None:
    silence = Silence(club, since, ladder)
    silence.lives_on()
    _, written_at, names = silence.told[-1]
    assert names is not None
    assert club.day_of(written_at) == rung_day(ladder, since, ladder.last) <= names - LAST_CHANCE
    assert silence.erased_on == names == end_of(ladder, since)


@pytest.mark.parametrize(
    ("since", "met", "end"),
    [
        (date(2028, 2, 29), [date(2029, 8, 29), date(2030, 2, 28), date(2031, 1, 29)], date(2031, 2, 28)),
        (date(2026, 8, 31), [date(2028, 2, 29), date(2028, 8, 31), date(2029, 7, 31)], date(2029, 8, 31)),
    ],
)
def test_who_joined_on_29_february_or_the_31st_is_met_on_the_last_day_there_is(
    since: date, met: list[date], end: date
) -> None:
    for club in (COPENHAGEN, OSLO):
        silence = Silence(club, since)
        silence.lives_on()
        assert (days(silence), silence.erased_on) == (met, end)


@pytest.mark.parametrize("changes", [date(2027, 3, 28), date(2027, 10, 31)])
@pytest.mark.parametrize("country", ["DK", "NO"])
def test_notices_keep_the_sending_hour_over_both_clock_changes(country: str, changes: date) -> None:
    club = club_in(country)
    for days_off in (-1, 0, 1, 2):
        day = changes + timedelta(days=days_off)
        step = ladder_step(Away(months_later(day, -12)), usual_ladder(24), club, LONG_AGO)
        wall = step.at.astimezone(ZoneInfo(club.time_zone))
        assert (wall.date(), wall.time()) == (day, SendingHours().window_on(day, country).opens)


def test_a_purchase_in_between_begins_the_ladder_anew() -> None:
    silence = Silence(COPENHAGEN, date(2026, 3, 3))
    now = LONG_AGO
    while len(silence.told) < 3:
        now = max(now, silence.visit(now).at)
    again = date(2029, 2, 20)
    bought = replace(silence.away, active_on=again)
    assert bought.notices == ()
    step = ladder_step(bought, THREE_YEARS, COPENHAGEN, COPENHAGEN.start_of(again))
    assert step == LadderStep(MISSED_YOU, at_opening(date(2030, 8, 20), "Europe/Copenhagen"))


def test_after_an_outage_one_notice_goes_and_the_latest() -> None:
    silence = Silence(COPENHAGEN, date(2026, 3, 3))
    back = datetime(2028, 12, 24, 9, tzinfo=UTC)
    silence.visit(back)
    assert silence.told == [(24, back, None)]
    skipped = RungSkipped(MISSED_YOU, date(2028, 12, 24), SkipReason.OUTAGE)
    assert silence.away.notices[0] == skipped
    assert silence.visit(back).at == at_opening(date(2029, 2, 1), "Europe/Copenhagen")


def test_after_an_outage_beyond_the_end_the_last_notice_goes_with_thirty_days_of_its_own() -> None:
    silence = Silence(COPENHAGEN, date(2026, 3, 3))
    back = datetime(2030, 1, 7, 9, tzinfo=UTC)
    silence.visit(back)
    assert silence.told == [(35, back, date(2030, 2, 6))]
    silence.lives_on(back)
    assert silence.erased_on == date(2030, 2, 6)


@pytest.mark.parametrize("arrival", [Arrival.NOT_SENT, Arrival.PERHAPS])
def test_a_last_notice_that_was_not_surely_sent_goes_again_with_a_month_of_its_own(arrival: Arrival) -> None:
    silence = Silence(COPENHAGEN, date(2026, 3, 3), arrivals=[arrival])
    silence.lives_on()
    assert days(silence)[-2:] == [date(2029, 2, 1), date(2029, 3, 3)]
    assert silence.erased_on == date(2029, 3, 3) + LAST_CHANCE


def test_whom_four_last_notices_do_not_reach_is_deleted_on_the_day_that_the_fourth_names() -> None:
    silence = Silence(COPENHAGEN, date(2026, 3, 3), arrivals=[Arrival.NOT_SENT] * 9)
    silence.lives_on()
    last = [names for _, _, names in silence.told if names]
    assert len(last) == MOST_REMINDERS
    assert silence.erased_on == last[-1]


@given(CLUBS, DAYS, st.lists(st.sampled_from(Arrival), max_size=6), st.integers(0, 2000))
def test_nobody_is_deleted_before_the_day_that_the_last_notice_named(
    club: ClubTime, since: date, arrivals: list[Arrival], late: int
) -> None:
    silence = Silence(club, since, arrivals=arrivals)
    silence.lives_on(club.start_of(since) + timedelta(days=late))
    _, written_at, names = silence.told[-1]
    assert names is not None
    assert silence.erased_on is not None
    assert silence.erased_on >= names >= club.day_of(written_at) + LAST_CHANCE
    assert names >= end_of(THREE_YEARS, since)
    assert days(silence) == sorted(set(days(silence)))
    assert all(club.next_opening(at) == at for _, at, _ in silence.told)


@given(CLUBS, DAYS, LADDERS, st.integers(0, 2000))
def test_what_is_not_due_yet_is_due_at_the_instant_it_names(
    club: ClubTime, since: date, ladder: Ladder, after: int
) -> None:
    now = club.start_of(since) + timedelta(days=after)
    """That, or a later rung in its place: of several that are due by then only the latest goes."""
    step = ladder_step(Away(since), ladder, club, now)
    then = ladder_step(Away(since), ladder, club, step.at)
    assert (then.at, bool(then.rung)) == (step.at, bool(step.rung))


def told_last(names: date) -> Away:
    """Somebody whose last notice named a day, and was sent."""
    notice = RungNotice(LAST, datetime(2029, 2, 1, 7, tzinfo=UTC), "x", names, Arrival.SENT)
    return Away(date(2026, 3, 3)).noting(notice)


def test_a_shorter_ladder_erases_nobody_before_its_terms_hold_and_thirty_days_have_passed() -> None:
    published, holds = date(2028, 3, 8), date(2028, 4, 7)
    terms = TermsVersion(1, "da", "Betingelser", LONG_AGO, inactive_months=36)
    shorter = replace(terms, version=2, inactive_months=24, valid_from=holds)
    club = make_club(terms=(terms, shorter), member_policy=MemberPolicy(trade=Trade.CLOTHES, inactive_months=24))
    assert club.ladder(published) == THREE_YEARS
    assert club.ladder(holds) == usual_ladder(24)
    silence = Silence(COPENHAGEN, date(2026, 3, 3))
    for day in (published, holds):
        silence.ladder = club.ladder(day)
        opening = at_opening(day, "Europe/Copenhagen")
        silence.visit(opening)
    assert silence.told[-1] == (23, at_opening(holds, "Europe/Copenhagen"), holds + LAST_CHANCE)
    silence.lives_on(at_opening(holds, "Europe/Copenhagen"))
    assert silence.erased_on == holds + LAST_CHANCE


def test_who_was_told_a_day_keeps_it_when_the_ladder_becomes_shorter() -> None:
    away = told_last(date(2029, 3, 3))
    step = ladder_step(away, usual_ladder(24), COPENHAGEN, datetime(2029, 2, 10, 12, tzinfo=UTC))
    assert step == LadderStep(None, COPENHAGEN.start_of(date(2029, 3, 3)))


def test_a_longer_ladder_takes_the_named_day_back_and_goes_on_where_it_was() -> None:
    away = told_last(date(2029, 3, 3))
    longer = usual_ladder(60)
    step = ladder_step(away, longer, COPENHAGEN, datetime(2029, 2, 10, 12, tzinfo=UTC))
    assert step == LadderStep(longer.rungs[1], at_opening(date(2029, 7, 3), "Europe/Copenhagen"))


def test_a_last_notice_that_was_taken_back_ends_nothing_when_the_ladder_becomes_shorter_again() -> None:
    """They were told of March 2029; the club then kept its members longer, and shorter again in autumn."""
    away, autumn = told_last(date(2029, 3, 3)), datetime(2029, 10, 1, 12, tzinfo=UTC)
    step = ladder_step(away, THREE_YEARS, COPENHAGEN, autumn)
    assert step == LadderStep(LAST, autumn)
    names = day_named(THREE_YEARS, away.active_on, autumn.date())
    assert names == date(2029, 10, 31)
    again = away.noting(RungNotice(LAST, autumn, "y", names))
    assert ladder_step(again, THREE_YEARS, COPENHAGEN, autumn) == LadderStep(None, COPENHAGEN.start_of(names))


@pytest.mark.parametrize(("days_late", "ends"), [(0, True), (13, True), (14, False)])
def test_a_named_day_counts_for_a_fortnight(days_late: int, ends: bool) -> None:
    now = COPENHAGEN.start_of(date(2029, 3, 3) + timedelta(days=days_late))
    step = ladder_step(told_last(date(2029, 3, 3)), THREE_YEARS, COPENHAGEN, now)
    assert step == (
        LadderStep(None, COPENHAGEN.start_of(date(2029, 3, 3)))
        if ends
        else LadderStep(LAST, COPENHAGEN.sending_on(date(2029, 3, 3), now))
    )


def test_notices_that_were_taken_back_are_none_of_the_four_that_must_fail() -> None:
    lost = [RungNotice(LAST, COPENHAGEN.start_of(day), "x", day + LAST_CHANCE, Arrival.NOT_SENT) for day in TRIES]
    away = Away(date(2026, 3, 3)).noting(*lost)
    later = COPENHAGEN.start_of(date(2030, 6, 3))
    for tried in range(1, MOST_REMINDERS + 1):
        step = ladder_step(away, THREE_YEARS, COPENHAGEN, later)
        assert step.rung is LAST
        names = day_named(THREE_YEARS, away.active_on, COPENHAGEN.day_of(step.at))
        away = away.noting(RungNotice(LAST, step.at, "y", names, Arrival.NOT_SENT))
        later = COPENHAGEN.start_of(names)
        assert (ladder_step(away, THREE_YEARS, COPENHAGEN, later).rung is None) is (tried == MOST_REMINDERS)


def test_a_club_whose_terms_never_said_how_long_keeps_three_years_until_those_that_do_hold() -> None:
    silent = TermsVersion(1, "da", "Betingelser", LONG_AGO)
    saying = replace(silent, version=2, inactive_months=12, valid_from=date(2027, 1, 1))
    club = make_club(terms=(silent, saying), member_policy=MemberPolicy(inactive_months=12))
    assert club.ladder(date(2026, 12, 31)).months == 36
    assert club.ladder(date(2027, 1, 1)).months == 12


def test_what_a_club_chose_deletes_nobody_before_three_years_while_its_terms_say_no_time() -> None:
    silent = TermsVersion(1, "da", "Betingelser", LONG_AGO)
    year = with_keeping(CAREFUL_POLICY, Keeping(Trade.GROCERIES))
    assert make_club(terms=(silent,), member_policy=year).ladder(date(2099, 1, 1)) == THREE_YEARS
    longer = with_keeping(CAREFUL_POLICY, Keeping(Trade.OWN, 48))
    assert make_club(terms=(silent,), member_policy=longer).ladder(date(2099, 1, 1)) == usual_ladder(48)


def test_somebody_was_last_there_on_the_latest_of_what_they_did_by_the_clubs_calendar() -> None:
    joined, bought = datetime(2026, 3, 3, 12, tzinfo=UTC), datetime(2027, 5, 1, 22, 30, tzinfo=UTC)
    assert active_on("Europe/Copenhagen", joined, None, bought) == date(2027, 5, 2)
    assert active_on("Europe/Copenhagen", joined, None) == local_date(joined, "Europe/Copenhagen")


def test_each_trade_has_its_years_and_its_rungs() -> None:
    found = {
        trade: [
            each.after_months
            for each in usual_ladder(with_keeping(CAREFUL_POLICY, Keeping(trade)).inactive_months).rungs
        ]
        for trade in TRADE_MONTHS
    }
    assert found == {
        Trade.GROCERIES: [6, 9, 11],
        Trade.CLOTHES: [12, 18, 23],
        Trade.TOURIST_CRAFTS: [18, 24, 35],
    }
    assert TRADE_MONTHS == {Trade.GROCERIES: 12, Trade.CLOTHES: 24, Trade.TOURIST_CRAFTS: 36}


def refused(**wish: Any) -> tuple[str, str | None]:
    with pytest.raises(Refusal) as refusal:
        with_keeping(CAREFUL_POLICY, Keeping(**wish))
    return refusal.value.code, refusal.value.pointer


def test_a_trade_has_no_other_months_than_its_own() -> None:
    assert refused(trade=Trade.CLOTHES, months=36) == ("invalid_field", "/months")
    assert with_keeping(CAREFUL_POLICY, Keeping(Trade.OWN, 30)).inactive_months == 30
    clothes = with_keeping(CAREFUL_POLICY, Keeping(Trade.CLOTHES))
    assert with_keeping(clothes, Keeping(months=30)).trade is Trade.OWN
    assert with_keeping(clothes, Keeping()) == clothes


@pytest.mark.parametrize("months", [5, 61])
def test_nobody_keeps_members_for_less_than_half_a_year_or_more_than_five(months: int) -> None:
    assert refused(trade=Trade.OWN, months=months) == ("invalid_field", "/months")
    nearest = min(max(months, 6), 60)
    assert with_keeping(CAREFUL_POLICY, Keeping(Trade.OWN, nearest)).inactive_months == nearest


def test_three_years_ask_for_a_reason_also_as_a_preset() -> None:
    """R15."""
    wanted = with_keeping(CAREFUL_POLICY, Keeping(Trade.TOURIST_CRAFTS))
    with pytest.raises(Refusal) as refusal:
        check_member_policy(wanted, CAREFUL_POLICY, "DK")
    assert (refusal.value.code, refusal.value.pointer) == ("invalid_field", "/keeping_reason")
    told = replace(wanted, keeping_reason=REASON)
    assert check_member_policy(told, CAREFUL_POLICY, "DK").keeping_reason == REASON
    shorter = with_keeping(told, Keeping(Trade.CLOTHES))
    assert check_member_policy(shorter, told, "DK").keeping_reason is None


def test_own_rungs_are_kept_and_those_that_are_the_usual_ones_take_no_room() -> None:
    own = (Rung(20, RungText.MISSED_YOU), Rung(34, RungText.LAST))
    policy = with_keeping(CAREFUL_POLICY, Keeping(Trade.TOURIST_CRAFTS, rungs=own))
    assert policy.ladders == (Ladder(36, own),)
    assert make_club(member_policy=policy).ladder(date(2026, 11, 21)) == Ladder(36, own)
    assert with_keeping(policy, Keeping(rungs=THREE_YEARS.rungs)).ladders == ()
    # While terms hold that promise three years, their ladder is kept beside the shorter one.
    shorter = with_keeping(policy, Keeping(Trade.CLOTHES), holding={36})
    assert shorter.ladders == (Ladder(36, own),)
    assert with_keeping(policy, Keeping(Trade.CLOTHES)).ladders == ()


@pytest.mark.parametrize(
    ("rungs", "pointer"),
    [
        ((), "/rungs"),
        ((Rung(18, RungText.MISSED_YOU),), "/rungs/0/text"),
        ((Rung(18, RungText.LAST), Rung(24, RungText.LAST)), "/rungs/0/text"),
        ((Rung(24, RungText.BONUS), Rung(24, RungText.LAST)), "/rungs/1/after_months"),
        ((Rung(0, RungText.LAST),), "/rungs/0/after_months"),
        ((Rung(36, RungText.LAST),), "/rungs/0/after_months"),
        ((*(Rung(each, RungText.BONUS) for each in range(1, 7)), Rung(35, RungText.LAST)), "/rungs"),
    ],
)
def test_a_ladder_that_is_none_is_refused(rungs: tuple[Rung, ...], pointer: str) -> None:
    with pytest.raises(Refusal) as refusal:
        check_ladder(Ladder(36, rungs))
    assert (refusal.value.code, refusal.value.pointer) == ("invalid_field", pointer)


@given(LADDERS)
def test_every_usual_ladder_is_one(ladder: Ladder) -> None:
    assert check_ladder(ladder) == ladder


def test_every_country_has_its_zone_here() -> None:
    assert {club.time_zone for club in (COPENHAGEN, OSLO)} == {each.time_zone for each in COUNTRIES.values()}
