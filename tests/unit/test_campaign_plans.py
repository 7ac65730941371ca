"""Plans, Black Friday among them, and the occasions of a year."""

from __future__ import annotations

from copy import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import msgspec
import pytest

from stamkunde.campaigns.composer_texts import occasion_name
from stamkunde.campaigns.model.black_friday import BlackFriday, black_friday_plan
from stamkunde.campaigns.model.law import LawCode, questions
from stamkunde.campaigns.model.law_checks import check_law
from stamkunde.campaigns.model.occasions import (
    Occasion,
    OccasionKey,
    black_friday,
    occasions_between,
    occasions_of,
)
from stamkunde.campaigns.model.opening import OpenDay, OpenHours
from stamkunde.campaigns.model.plan import MOST_MESSAGES, Plan, PlannedMessage, check_plan
from stamkunde.campaigns.model.rendering import ClubValues, MemberValues, render_sms
from stamkunde.campaigns.model.templates import TEMPLATES, End, TemplateKey
from stamkunde.campaigns.model.texts import CampaignText
from stamkunde.campaigns.model.timing import Rhythm, Step, decide_going_on, decide_start
from stamkunde.campaigns.model.year import year_of
from stamkunde.campaigns.ready_made import drafts
from stamkunde.messaging.quiet_hours import SendingHours, SendingWindow
from stamkunde.shared.errors import Refusal
from stamkunde.shared.language import LANGUAGES

COPENHAGEN = "Europe/Copenhagen"
FROM_SIX = Rhythm(SendingHours(SendingWindow(time(6), time(21))), COPENHAGEN, "DK")
FROM_EIGHT = Rhythm(SendingHours(), COPENHAGEN, "DK")
FRIDAY = BlackFriday(
    2027,
    OpenHours(time(6, 30), time(21)),
    {"da": "20 % på alle kager", "nb": "20 % på alle kaker"},
    rate=300,
    coupon_ids=("bf27",),
)
DRAFTS = {language: drafts(language) for language in ("da", "nb")}


def plan() -> Plan:
    return black_friday_plan(FRIDAY, DRAFTS, COPENHAGEN)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_the_black_friday_plan_reaches_a_member_at_four_at_half_past_six_and_at_five() -> None:
    starts = [message.start(FROM_SIX) for message in plan().messages]
    assert [FROM_SIX.on_the_wall(start.goes_at) for start in starts] == [
        datetime(2027, 11, 25, 16),
        datetime(2027, 11, 26, 6, 30),
        datetime(2027, 11, 26, 17),
    ]
    assert not any(start.waits for start in starts)


def test_with_the_usual_sending_hours_the_opening_message_waits_for_eight_and_that_is_known_beforehand() -> None:
    opening = plan().messages[1]
    assert opening.start(FROM_EIGHT).waits
    assert opening.start(FROM_EIGHT).goes_at == utc("2027-11-26T07:00")
    assert not opening.comes_too_late(FROM_EIGHT)


def test_the_evenings_bonus_is_doubled_in_the_hours_that_the_message_names() -> None:
    made = plan()
    [evening] = made.multipliers
    assert (evening.starts_at, evening.ends_at, evening.factor) == (
        utc("2027-11-26T16:00"),
        utc("2027-11-26T20:00"),
        20_000,
    )
    text = made.messages[2].texts["da"]
    said = render_sms(text, ClubValues("Bager Holm"), MemberValues("Bo", stop="k.dk/x")).text
    assert "I aften kl. 17-21 giver Bager Holm 6 % bonus i stedet for 3 %." in said
    assert made.messages[2].start(FROM_SIX).goes_at == evening.starts_at
    assert made.messages[2].ends_at(FROM_SIX) == evening.ends_at


def test_everything_in_the_plan_is_filled_in_and_in_both_languages() -> None:
    for message in plan().messages:
        assert set(message.texts) == {"da", "nb"}
        assert all(text.unfilled == () for text in message.texts.values())
    assert plan().coupon_ids == ("bf27",)
    assert plan().opening == (OpenDay(date(2027, 11, 26), FRIDAY.hours),)


def test_the_plan_asks_what_its_texts_claim() -> None:
    teaser, opening, evening = plan().messages
    asked = [
        set(questions(check_law(message.texts["da"], country="DK", club_name="x", answers=message.answers)))
        for message in (teaser, opening, evening)
    ]
    assert asked == [
        {LawCode.MEMBERS_ONLY_UNPROVEN},
        {LawCode.CONDITIONS_UNSAID, LawCode.MEMBERS_ONLY_UNPROVEN, LawCode.REDUCTION_UNPROVEN, LawCode.STOCK_UNKNOWN},
        set(),
    ]


def test_after_an_outage_the_evenings_message_expires_with_the_evening() -> None:
    evening = plan().messages[2]
    starts, latest, ends = evening.start(FROM_SIX).goes_at, evening.latest_start(FROM_SIX), evening.ends_at(FROM_SIX)
    assert decide_start(starts + timedelta(minutes=119), starts, latest, FROM_SIX, ends).step is Step.GO
    assert decide_start(starts + timedelta(minutes=121), starts, latest, FROM_SIX, ends).step is Step.EXPIRE


@pytest.mark.parametrize(
    ("bonus_from", "bonus_until"), [(time(5), None), (time(17), time(17)), (time(17), time(22)), (time(21), None)]
)
def test_there_is_more_bonus_only_while_the_shop_is_open(bonus_from: time, bonus_until: time | None) -> None:
    with pytest.raises(Refusal) as refused:
        black_friday_plan(replace(FRIDAY, bonus_from=bonus_from, bonus_until=bonus_until), DRAFTS, COPENHAGEN)
    assert refused.value.pointer == "/bonus_from"


def test_a_message_that_the_sending_hours_keep_past_its_end_reaches_nobody_and_that_is_known() -> None:
    message = PlannedMessage("early", datetime(2027, 5, 4, 6), {}, ends=datetime(2027, 5, 4, 8))
    assert message.comes_too_late(FROM_EIGHT)
    assert not message.comes_too_late(FROM_SIX)
    assert not replace(message, ends=None).comes_too_late(FROM_EIGHT)


def planned(*hours: int) -> Plan:
    messages = tuple(PlannedMessage(str(hour), datetime(2027, 5, 1) + timedelta(hours=hour), {}) for hour in hours)
    return Plan("x", messages)


def test_a_plans_messages_are_kept_in_order() -> None:
    assert [message.name for message in check_plan(planned(12, 10, 36)).messages] == ["10", "12", "36"]


@pytest.mark.parametrize("hours", [(), (1, 2, 3, 4), (1, 1), (1, 24 * 8)])
def test_a_plan_has_one_to_three_messages_within_a_week(hours: tuple[int, ...]) -> None:
    assert MOST_MESSAGES == 3
    with pytest.raises(Refusal, match="invalid_field"):
        check_plan(planned(*hours))


def test_a_plans_times_are_on_the_shops_wall_and_have_no_zone() -> None:
    wall = plan().messages[0]
    for wrong in (replace(wall, at=wall.at.replace(tzinfo=UTC)), replace(wall, ends=wall.at.replace(tzinfo=UTC))):
        with pytest.raises(Refusal) as refusal:
            check_plan(Plan("x", (wrong, plan().messages[1])))
        assert refusal.value.code == "invalid_field"


def test_the_teaser_says_tomorrow_and_is_never_sent_on_the_day_itself() -> None:
    teaser = plan().messages[0]
    ends_at = teaser.ends_at(FROM_SIX)
    assert ends_at == utc("2027-11-25T23:00")
    assert TEMPLATES[TemplateKey.BLACK_FRIDAY_TEASER].ends is End.DAY
    assert decide_going_on(utc("2027-11-26T07:00"), FROM_SIX, ends_at).step is Step.EXPIRE


def test_two_messages_of_a_plan_have_two_names() -> None:
    both = Plan("x", tuple(PlannedMessage("a", datetime(2027, 5, day), {}) for day in (1, 2)))
    with pytest.raises(Refusal, match="invalid_field"):
        check_plan(both)


def test_a_plan_is_kept_and_read_again_as_it_was() -> None:
    assert msgspec.json.decode(msgspec.json.encode(plan()), type=Plan) == plan()


IN_2027 = {
    OccasionKey.CARNIVAL: ("2027-02-07", "2027-02-07"),
    OccasionKey.MOTHERS_DAY: ("2027-05-09", "2027-02-14"),
    OccasionKey.EASTER: ("2027-03-28", "2027-03-28"),
    OccasionKey.WHEAT_BUNS: ("2027-04-22", None),
    OccasionKey.CONSTITUTION_DAY: (None, "2027-05-17"),
    OccasionKey.FATHERS_DAY: ("2027-06-05", "2027-11-14"),
    OccasionKey.MIDSUMMER: ("2027-06-23", "2027-06-23"),
    OccasionKey.HALLOWEEN: ("2027-10-31", "2027-10-31"),
    OccasionKey.MARTINMAS: ("2027-11-10", None),
    OccasionKey.BLACK_FRIDAY: ("2027-11-26", "2027-11-26"),
    OccasionKey.LUCIA: ("2027-12-13", "2027-12-13"),
    OccasionKey.CHRISTMAS_EVE: ("2027-12-24", "2027-12-24"),
    OccasionKey.NEW_YEARS_EVE: ("2027-12-31", "2027-12-31"),
}


@pytest.mark.parametrize("country", ["DK", "NO"])
def test_the_occasions_of_2027_are_those_of_the_calendar(country: str) -> None:
    found = {each.key: each.first.isoformat() for each in occasions_of(country, 2027) if not each.is_set_by_shop}
    expected = {key: days[("DK", "NO").index(country)] for key, days in IN_2027.items()}
    assert found == {key: day for key, day in expected.items() if day is not None}


def test_confirmations_students_and_school_have_days_that_the_shop_sets() -> None:
    def set_by_shop(country: str) -> dict[OccasionKey, Occasion]:
        return {each.key: each for each in occasions_of(country, 2027) if each.is_set_by_shop}

    assert set(set_by_shop("DK")) == {OccasionKey.CONFIRMATION, OccasionKey.STUDENTS, OccasionKey.SCHOOL}
    assert set_by_shop("DK")[OccasionKey.CONFIRMATION].first == date(2027, 4, 1)
    assert set_by_shop("NO")[OccasionKey.CONFIRMATION].first == date(2027, 5, 1)


@pytest.mark.parametrize("year", range(2024, 2060))
def test_each_year_has_its_occasions_on_the_right_weekdays(year: int) -> None:
    for country in ("DK", "NO"):
        by_key = {each.key: each for each in occasions_of(country, year)}
        for key in (OccasionKey.CARNIVAL, OccasionKey.EASTER, OccasionKey.MOTHERS_DAY):
            assert by_key[key].first.isoweekday() == 7
        assert by_key[OccasionKey.BLACK_FRIDAY].first.isoweekday() == 5
        assert 23 <= by_key[OccasionKey.BLACK_FRIDAY].first.day <= 29
        days = [each.first for each in occasions_of(country, year)]
        assert days == sorted(days)
        assert all(each.first <= each.last for each in by_key.values())
    danish = {each.key: each for each in occasions_of("DK", year)}
    assert danish[OccasionKey.WHEAT_BUNS].first.isoweekday() == 4


def test_occasions_are_found_across_a_new_year() -> None:
    keys = [each.key for each in occasions_between("DK", date(2026, 12, 20), date(2027, 2, 7))]
    assert keys == [OccasionKey.CHRISTMAS_EVE, OccasionKey.NEW_YEARS_EVE, OccasionKey.CARNIVAL]
    assert occasions_between("DK", date(2027, 1, 1), date(2027, 2, 6)) == ()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_occasion_has_a_name(language: str) -> None:
    assert all(occasion_name(key, language) for key in OccasionKey)


def test_a_year_suggests_what_to_send_on_which_day() -> None:
    year = {(each.occasion, each.template): each for each in year_of("DK", 2027)}
    carnival = year[OccasionKey.CARNIVAL, TemplateKey.CARNIVAL]
    assert [day.strftime("%A %d %B") for day in carnival.days] == ["Monday 01 February", "Wednesday 03 February"]
    assert carnival.at == time(16)
    buns = year[OccasionKey.WHEAT_BUNS, TemplateKey.SPRING_DAY]
    assert [day.strftime("%A") for day in buns.days] == ["Friday", "Monday"]
    assert year[OccasionKey.BLACK_FRIDAY, TemplateKey.BLACK_FRIDAY_TEASER].days == (date(2027, 11, 25),)
    assert year[OccasionKey.HALLOWEEN, TemplateKey.HALLOWEEN_PLAIN].days == (date(2027, 10, 29),)
    assert year[OccasionKey.EASTER, None].days == (date(2027, 3, 28),)
    spring = year[None, TemplateKey.SPRING_SERVICE]
    assert (spring.days, spring.is_about) == ((date(2027, 3, 15),), True)


def test_norways_year_has_its_own_days() -> None:
    year = {(each.occasion, each.template): each for each in year_of("NO", 2027)}
    assert year[OccasionKey.CONSTITUTION_DAY, TemplateKey.SPRING_DAY].days == (date(2027, 5, 5), date(2027, 5, 11))
    assert year[None, TemplateKey.SPRING_SERVICE].days == (date(2027, 4, 15),)
    assert (OccasionKey.MARTINMAS, None) not in year


@pytest.mark.parametrize("country", ["DK", "NO"])
def test_a_years_suggestions_come_in_order_and_every_template_of_a_day_is_among_them(country: str) -> None:
    suggested = year_of(country, 2027)
    assert all(a.days[0] <= b.days[0] for a, b in pairwise(suggested))
    assert all(each.occasion or each.template for each in suggested)
    by_day = {each.template for each in suggested if each.template}
    of_occasions = {key for each in occasions_of(country, 2027) for key in each.templates}
    of_seasons = {key for key, rules in TEMPLATES.items() if rules.when[country].days}
    assert by_day == of_occasions | of_seasons


def test_black_friday_is_the_day_after_the_fourth_thursday() -> None:
    assert [black_friday(year) for year in (2024, 2025, 2026, 2027)] == [
        date(2024, 11, 29), date(2025, 11, 28), date(2026, 11, 27), date(2027, 11, 26),
    ]  # fmt: skip


def test_a_draft_of_a_template_is_not_changed_by_a_plan_that_is_made_of_it() -> None:
    plan()
    text: CampaignText = DRAFTS["da"][TemplateKey.BLACK_FRIDAY_OPENING]
    assert text.filled == {}
