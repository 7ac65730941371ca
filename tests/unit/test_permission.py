"""Whom a club may write to, and why."""

from __future__ import annotations

import string
from copy import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stamkunde.members.consents import (
    ConsentMethod,
    ConsentRecord,
    Evidence,
    Permission,
    PermissionKind,
    PermissionText,
    new_record_id,
    soft_opt_ins,
)
from stamkunde.members.permission import (
    REFUSING,
    Day,
    Facts,
    Finding,
    Purpose,
    advertised_until,
    basis,
    has_lapsed,
    lapses_on,
    may_be_kept,
    may_write,
    notice_day,
    verdict_texts,
)
from stamkunde.messaging.model import MessageClass
from stamkunde.shared.channel import Channel
from stamkunde.shared.clock import months_later
from stamkunde.shared.language import LANGUAGES
from tests import permission_table
from tests.factories import COPENHAGEN, NOON
from tests.permission_table import (
    ADDRESSES,
    BORN,
    CLUBS,
    HEADING,
    NOW,
    PAGE,
    PEOPLE,
    PURCHASE_WORDS,
    SAID,
    USED,
    WORDS,
    YOUNG,
    Case,
    cases,
    records_of,
)

FRESH = {"a month ago", "11 months ago", "12 months ago tomorrow"}
YES = {"yes", "yes, form", "yes, screen", "yes, stop, yes", "sale, yes"}
ADULTS = {"18 today", "40"}
GREW_UP_THAT_DAY = ("15 a month ago", "a month ago")
"""Of all rows' words, the only one that somebody said on the very day on which they became 15."""

FULL_TABLE = 200
SALE_AT = NOW - timedelta(days=400)

any_case = st.builds(
    Case,
    st.sampled_from(PEOPLE),
    st.sampled_from(MessageClass),
    st.sampled_from(Channel),
    st.sampled_from(Purpose),
    st.sampled_from(WORDS),
    st.sampled_from([*SAID]),
    st.sampled_from([*USED]),
    st.sampled_from(ADDRESSES),
    st.sampled_from(PURCHASE_WORDS),
    st.sampled_from([*BORN]),
    st.sampled_from([*CLUBS]),
)


def allowed(case: Case) -> bool:
    """The law in other words: what must hold all at once, in no order."""
    there = case.person not in {"nobody", "member, gone"}
    reachable = case.channel is Channel.SMS or case.email == "confirmed"
    if case.message is not MessageClass.MARKETING:
        return there and reachable
    said_yes = case.word in YES and (case.said in FRESH or case.last_use in FRESH)
    by_sale = case.word == "sale" and case.said in FRESH and case.club == "DK, sales count"
    # Who is 17 was 14 three years ago.
    was_15 = case.age == "17" and case.said != "3 years ago"
    old_enough = case.age not in YOUNG or was_15 or (case.age, case.said) == GREW_UP_THAT_DAY
    chosen_rightly = case.chosen_by is Purpose.NEWS or purchases_may_be_used(case)
    return case.person in {"member", "newsletter"} and all(
        (reachable, said_yes or by_sale, old_enough, chosen_rightly)
    )


def purchases_may_be_used(case: Case) -> bool:
    known_adult = case.age in ADULTS
    unknown = case.age == "not told" and case.club != "DK, asks birth date"
    asked = case.purchases == "yes"
    weighed = case.club == "DK, weighs purchases" and "stop" not in case.purchases
    return case.person == "member" and (known_adult or unknown) and (asked or weighed)


@given(any_case)
def test_the_verdict_is_what_the_law_says_in_every_case(case: Case) -> None:
    assert case.verdict().may == allowed(case)


@given(any_case)
def test_advertising_ends_on_the_day_that_is_told_if_nobody_says_anything_anew(case: Case) -> None:
    facts, news = case.facts(), (MessageClass.MARKETING, case.channel, Purpose.NEWS)
    until = advertised_until(facts, case.channel, NOW)
    assert (until is not None) == may_write(facts, *news, NOW).may
    if until is not None:
        ends = NOW + (until - NOW.date())
        assert may_write(facts, *news, ends - timedelta(days=1)).may
        assert not may_write(facts, *news, ends).may


def test_the_committed_table_is_what_the_code_says() -> None:
    _, heading, table = PAGE.read_text().partition(HEADING)
    assert heading + table == permission_table.written(), "`python -m tests.permission_table` writes it anew"


def test_the_table_is_large_enough_and_meets_everything_that_can_be_found() -> None:
    rows = cases()
    assert len(set(rows)) >= FULL_TABLE
    assert {step.finding for case in rows for step in case.verdict().steps} == set(Finding)
    assert {case.verdict().reason for case in rows} >= REFUSING


@given(any_case)
def test_every_step_but_the_last_holds_and_the_last_one_decides(case: Case) -> None:
    verdict = case.verdict()
    assert all(step.holds for step in verdict.steps[:-1])
    assert verdict.reason is verdict.steps[-1].finding
    assert verdict.may is (verdict.reason not in REFUSING)


@given(any_case, st.sampled_from(LANGUAGES))
def test_why_is_one_line_in_each_language(case: Case, language: str) -> None:
    line = case.verdict().line(language)
    assert "\n" not in line
    assert not set("{}") & set(line)
    assert line.startswith(verdict_texts(language)["yes" if case.verdict().may else "no"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_finding_and_every_way_of_saying_yes_has_words(language: str) -> None:
    def places(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    texts = verdict_texts(language)
    assert texts.keys() == verdict_texts("da").keys()
    assert {key for key in texts if key.startswith("finding.")} == {f"finding.{each}" for each in Finding}
    assert {key for key in texts if key.startswith("method.")} == {f"method.{each}" for each in ConsentMethod}
    for key, text in texts.items():
        assert places(text) == places(verdict_texts("da")[key])


# -- the rules, one by one, in the law's own order


def test_a_permission_for_mail_is_none_for_text_messages() -> None:
    """R1."""
    facts = Facts(CLUBS["DK"], Case().member(), tuple(records_of("yes", PermissionKind.EMAIL, NOW)))
    reasons = [
        may_write(facts, MessageClass.MARKETING, channel, Purpose.NEWS, NOW).reason
        for channel in (Channel.EMAIL, Channel.SMS)
    ]
    assert reasons == [Finding.SAID_YES, Finding.NEVER_ASKED]


@given(any_case)
def test_advertising_needs_a_yes_for_its_channel_or_a_sale_that_counts(case: Case) -> None:
    """R1."""
    verdict = replace(case, message=MessageClass.MARKETING).verdict()
    if verdict.may:
        assert {step.finding for step in verdict.steps} & {Finding.SAID_YES, Finding.IN_A_SALE}


@given(any_case)
def test_a_stop_ends_advertising_on_that_channel_whatever_else_is_so(case: Case) -> None:
    """R6, R18."""
    for word in ("yes, stop", "sale, stop"):
        assert not replace(case, message=MessageClass.MARKETING, word=word).verdict().may


@given(any_case)
def test_a_stop_to_advertising_leaves_service_messages_alone(case: Case) -> None:
    """R16."""
    service = replace(case, message=MessageClass.SERVICE)
    assert service.verdict().may == replace(service, word="yes, stop").verdict().may


def test_a_sale_counts_only_where_the_club_says_so_and_only_for_a_year() -> None:
    """R7."""
    reasons = [
        Case(word="sale", said=said, club=club).verdict().reason
        for club, said in (
            ("DK", "a month ago"),
            ("DK, sales count", "a month ago"),
            ("DK, sales count", "12 months ago"),
        )
    ]
    assert reasons == [Finding.SALES_NOT_USED, Finding.IN_A_SALE, Finding.SALE_TOO_LONG_AGO]


def test_a_sale_after_a_stop_counts_for_nothing() -> None:
    """R7."""
    evidence = [Evidence(ConsentMethod.COUNTER_SCREEN, at, at, "da") for at in (NOON, NOON + timedelta(days=1))]
    stop = ConsentRecord(new_record_id(NOON), evidence[0], withdrawn=(PermissionKind.SMS,))
    sale = ConsentRecord(new_record_id(NOON), evidence[1], soft_opt_in=(PermissionKind.SMS,))
    assert soft_opt_ins([sale]) == {PermissionKind.SMS: evidence[1]}
    assert soft_opt_ins([stop, sale]) == {}


def test_norway_asks_before_purchases_choose_whatever_the_policy_says() -> None:
    """R12."""
    reasons = {
        club: Case(chosen_by=Purpose.PURCHASES, club=club).verdict().reason
        for club in ("NO, weighs purchases", "DK, weighs purchases", "DK, weighs without a reason")
    }
    assert reasons == {
        "NO, weighs purchases": Finding.PURCHASES_NEVER_ASKED,
        "DK, weighs purchases": Finding.PURCHASES_WEIGHED,
        "DK, weighs without a reason": Finding.PURCHASES_NEVER_ASKED,
    }


@pytest.mark.parametrize("purchases", ["stop", "yes, stop"])
def test_a_no_to_the_use_of_purchases_wins_over_the_clubs_balancing_test(purchases: str) -> None:
    """R12, R18."""
    case = Case(chosen_by=Purpose.PURCHASES, purchases=purchases, club="DK, weighs purchases")
    assert case.verdict().reason is Finding.PURCHASES_REFUSED
    assert replace(case, chosen_by=Purpose.NEWS).verdict().may


@given(any_case)
def test_nobody_under_15_is_advertised_to_and_nobody_under_18_by_purchases(case: Case) -> None:
    """R14."""
    advertised = replace(case, message=MessageClass.MARKETING)
    assert not replace(advertised, age="14").verdict().may
    for age in ("15 today", "17"):
        assert not replace(advertised, age=age, chosen_by=Purpose.PURCHASES).verdict().may


@given(any_case)
def test_a_childs_yes_never_counts_however_old_they_grow(case: Case) -> None:
    """R14."""
    grown = replace(case, message=MessageClass.MARKETING, age="15 today")
    assert not grown.verdict().may


def test_who_said_yes_as_a_child_is_told_to_say_it_again() -> None:
    """R14."""
    case = Case(age="15 a month ago less a day")
    assert case.verdict().reason is Finding.SAID_TOO_YOUNG
    assert replace(case, age="15 a month ago").verdict().reason is Finding.SAID_YES
    assert replace(case, word="yes, stop").verdict().reason is Finding.SAID_STOP
    told = case.verdict().line("en")
    assert told == "No. The person said yes on 21 October 2026, but was under 15. It has to be said again."


def test_a_childs_yes_does_not_undo_what_they_had_stopped() -> None:
    """R14."""
    case = Case(word="yes, stop, yes", age="15 a month ago less a day")
    assert case.verdict().reason is Finding.SAID_STOP


def test_a_yes_that_lapsed_is_the_reason_also_where_the_number_came_from_a_sale_before() -> None:
    """R7, R29."""
    for club in ("DK", "DK, sales count"):
        lapsed = Case(word="sale, yes", said="12 months ago", club=club)
        assert lapsed.verdict().reason is Finding.LAPSED


def test_a_line_names_the_last_day_on_which_a_yes_counts() -> None:
    """R29."""
    last = Case(said="12 months ago tomorrow").verdict()
    assert last.may
    assert last.line("da").endswith("gælder til og med d. 21. november 2026.")


def test_a_yes_lapses_twelve_months_after_it_was_last_used() -> None:
    """R29."""
    used = Case(said="3 years ago", last_use="12 months ago tomorrow")
    assert used.verdict().may
    assert replace(used, last_use="12 months ago").verdict().reason is Finding.LAPSED
    assert replace(used, last_use="never").verdict().reason is Finding.LAPSED


def test_a_use_never_ends_a_yes_sooner_and_one_of_before_it_changes_nothing() -> None:
    """R29."""
    for used in USED:
        assert Case(said="12 months ago tomorrow", last_use=used).verdict().may


def test_being_written_to_makes_no_sale_count_longer() -> None:
    """R7, R29."""
    facts = Facts(CLUBS["DK, sales count"], Case().member(), tuple(records_of("sale", PermissionKind.SMS, SALE_AT)))
    used = tuple(replace(each, used=((PermissionKind.SMS, NOW - timedelta(days=1)),)) for each in facts.records)
    asked = MessageClass.MARKETING, Channel.SMS, Purpose.NEWS, NOW
    assert may_write(replace(facts, records=used), *asked) == may_write(facts, *asked)
    assert may_write(facts, *asked).reason is Finding.SALE_TOO_LONG_AGO


def test_a_use_of_one_channel_keeps_no_yes_to_the_other() -> None:
    """R1, R29."""
    long_ago = NOW - timedelta(days=1_000)
    (sms,) = records_of("yes", PermissionKind.SMS, long_ago)
    (email,) = records_of("yes", PermissionKind.EMAIL, long_ago)
    one_form = replace(sms, given=(*sms.given, *email.given), used=((PermissionKind.SMS, NOW - timedelta(days=9)),))
    facts = Facts(CLUBS["DK"], Case().member(), (one_form,))
    reasons = [may_write(facts, MessageClass.MARKETING, each, Purpose.NEWS, NOW).reason for each in Channel]
    assert dict(zip(Channel, reasons, strict=True)) == {
        Channel.SMS: Finding.SAID_YES,
        Channel.EMAIL: Finding.LAPSED,
    }


def test_a_line_and_its_steps_tell_when_a_yes_was_last_used() -> None:
    """R29."""
    used = Case(said="11 months ago", last_use="a month ago").verdict()
    assert used.steps[-1].sentence("en") == (
        "Permission given on 21 December 2025 on the join page (wording 2), last used on 21 October 2026; "
        "it counts up to and including 20 October 2027."
    )
    assert "sidst brugt d. 21. oktober 2026" in used.line("da")
    assert "ikke brukt ennå" in Case().verdict().line("nb")
    lapsed = Case(said="3 years ago", last_use="12 months ago").verdict()
    assert "last used on 21 November 2025" in lapsed.line("en")


@given(any_case)
def test_advertising_rests_on_a_yes_or_a_sale_until_the_day_on_which_it_lapses(case: Case) -> None:
    """R29."""
    case = replace(case, message=MessageClass.MARKETING, chosen_by=Purpose.NEWS)
    facts = case.facts()
    found = basis(facts, case.channel, NOW)
    assert (found is not None) == case.verdict().may
    if found is None:
        return
    assert (found.yes is None) == (case.verdict().reason is Finding.IN_A_SALE)
    club_and_who = facts.club, facts.member
    if found.yes is not None:
        assert found.yes.record_id in {each.record_id for each in facts.records if each.given}
    last, over = (
        may_write(Facts(*club_and_who, facts.records), case.message, case.channel, case.chosen_by, at)
        for at in (found.until - timedelta(milliseconds=1), found.until)
    )
    assert (last.may, over.may) == (True, False)
    assert over.reason in {Finding.LAPSED, Finding.SALE_TOO_LONG_AGO}


def test_whoever_is_to_be_deleted_gets_no_advertising_but_can_be_served() -> None:
    """R19."""
    leaving = Case("member, leaving")
    assert leaving.verdict().reason is Finding.LEAVING
    assert replace(leaving, message=MessageClass.SERVICE).verdict().may
    assert not replace(leaving, person="member, gone", message=MessageClass.SERVICE).verdict().may


def test_a_yes_lapses_after_twelve_months_unless_it_is_said_anew() -> None:
    """R29."""
    assert Case(said="12 months ago tomorrow").verdict().may
    assert Case(said="12 months ago").verdict().reason is Finding.LAPSED


def permission(given_at: datetime, kind: PermissionKind = PermissionKind.SMS) -> Permission:
    evidence = Evidence(ConsentMethod.JOIN_PAGE, given_at, given_at, "da")
    return Permission(kind, PermissionText(kind, 1, "Ja tak"), evidence)


@pytest.mark.parametrize(
    ("given_on", "lapses"),
    [
        (date(2026, 11, 21), date(2027, 11, 21)),
        (date(2028, 2, 29), date(2029, 2, 28)),
        (date(2027, 2, 28), date(2028, 2, 28)),
    ],
)
def test_a_permission_lapses_on_the_same_day_a_year_later_or_the_months_last(given_on: date, lapses: date) -> None:
    at = datetime.combine(given_on, datetime.min.time(), UTC) + timedelta(hours=12)
    assert lapses_on(permission(at), COPENHAGEN) == lapses


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),
    st.lists(st.integers(0, 500), max_size=5),
)
def test_each_use_while_a_yes_counts_keeps_it_a_year_longer_and_none_revives_it(
    at: datetime, days: list[int]
) -> None:
    """R29."""
    held, now = permission(at), at
    for pause in days:
        now += timedelta(days=pause)
        if not has_lapsed(held, "UTC", now):
            held = replace(held, last_used_at=now)
    last = held.last_used_at or held.given_at
    assert lapses_on(held, "UTC") == months_later(last.date(), 12)
    assert has_lapsed(held, "UTC", now) == (now.date() >= months_later(last.date(), 12))


def test_a_permission_lapses_by_the_clubs_own_calendar() -> None:
    late = permission(datetime(2026, 11, 21, 23, 30, tzinfo=UTC))
    assert lapses_on(late, COPENHAGEN) == date(2027, 11, 22)
    assert lapses_on(late, "UTC") == date(2027, 11, 21)
    midnight = datetime(2027, 11, 21, 23, 0, tzinfo=UTC)
    assert has_lapsed(late, COPENHAGEN, midnight)
    assert not has_lapsed(late, COPENHAGEN, midnight - timedelta(milliseconds=1))


@given(st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)), st.integers(0, 400))
def test_keeping_is_offered_in_the_last_two_months_and_never_afterwards(given_at: datetime, days: int) -> None:
    held, now = permission(given_at), given_at + timedelta(days=days)
    today = now.astimezone(UTC).date()
    offered = may_be_kept(held, "UTC", now)
    assert offered == (notice_day(held, "UTC") <= today < lapses_on(held, "UTC"))
    assert not (offered and has_lapsed(held, "UTC", now))
    assert 58 <= (lapses_on(held, "UTC") - notice_day(held, "UTC")).days <= 62


def test_a_day_is_written_as_the_language_writes_it() -> None:
    day = Day(date(2027, 5, 3))
    assert [day.text(language) for language in LANGUAGES] == ["3. maj 2027", "3. mai 2027", "3 May 2027"]
