"""What lines earn: one base rate each, the multipliers of the hour, rounded down once."""

from __future__ import annotations

from copy import replace
from datetime import UTC, datetime, time, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stamkunde.ledger.explanations import explain_earned
from stamkunde.ledger.model.earning import LineRate, Occasion, earn, earned_amount, line_rate
from stamkunde.ledger.model.entries import Earned
from stamkunde.ledger.model.receipts import Basket, Line, LineKind, Payment, ReceiptTime
from stamkunde.ledger.model.settlement import Settlement, Terms, settle
from stamkunde.shared.programme import (
    FULL_RATE,
    SAME_FACTOR,
    BonusProgramme,
    EarningRule,
    Exclusions,
    Hours,
    Multiplier,
    Selection,
    Unit,
)
from tests.factories import COPENHAGEN, NOON, THREE_PERCENT, make_account

MEMBER = "m0000000000000001"
HERE = Occasion("banegaarden", NOON, COPENHAGEN)
BREAD = Selection(item_groups=("brød",))
CAKE = Selection(item_numbers=("kage",))
EVENING = datetime(2026, 11, 27, 17, 0, tzinfo=UTC)
SPRING_NIGHT = datetime(2027, 3, 28, tzinfo=UTC)
AUTUMN_NIGHT = datetime(2026, 10, 25, tzinfo=UTC)


def line(amount: int = 10_000, item_number: str = "vare", **given: Any) -> Line:
    return Line(item_number, 1, amount, **given)


def rule(rule_id: str, rate: int, **given: Any) -> EarningRule:
    return EarningRule(rule_id, rate, **given)


def multiplier(multiplier_id: str, factor: int, **given: Any) -> Multiplier:
    times = {"starts_at": NOON - timedelta(hours=1), "ends_at": NOON + timedelta(hours=1)}
    return Multiplier(multiplier_id, factor, **(times | given))


def programme(**given: Any) -> BonusProgramme:
    return replace(THREE_PERCENT, **given)


def bought(terms: BonusProgramme, *lines: Line, at: datetime = NOON, **given: Any) -> Settlement:
    basket = Basket(lines, given.pop("spend_bonus", 0), payments=given.pop("payments", ()))
    account = given.pop("account", make_account())
    return settle(basket, Terms(terms, "banegaarden", COPENHAGEN), account, MEMBER, ReceiptTime(at, at))


def test_the_first_rule_that_fits_a_line_is_its_only_base_rate() -> None:
    terms = programme(
        rules=(
            rule("kage", 700, items=CAKE),
            rule("brød", 500, items=BREAD),
            rule("alt-brød", 900, items=BREAD),
            rule("andre-steder", 800, outlets=("havnen",)),
        )
    )
    assert line_rate(line(item_group="brød"), terms, HERE) == LineRate(500, "brød")
    assert line_rate(line(item_number="kage", item_group="brød"), terms, HERE) == LineRate(700, "kage")
    assert line_rate(line(), terms, HERE) == LineRate(300)
    assert line_rate(line(), terms, replace(HERE, outlet_id="havnen")) == LineRate(800, "andre-steder")


def test_a_rule_of_no_rate_earns_nothing_whatever_multiplies() -> None:
    terms = programme(rules=(rule("avis", 0, items=BREAD),), multipliers=(multiplier("dobbelt", 20_000),))
    assert bought(terms, line(item_group="brød")).earned.amount == 0


def test_three_percent_becomes_six_this_evening_and_three_again_after_it() -> None:
    terms = programme(
        multipliers=(multiplier("aften", 20_000, starts_at=EVENING, ends_at=EVENING + timedelta(hours=4)),)
    )
    earned = {
        minutes: bought(terms, line(), at=EVENING + timedelta(minutes=minutes)).earned.amount
        for minutes in (-1, 0, 239, 240)
    }
    assert earned == {-1: 300, 0: 600, 239: 600, 240: 300}


def test_only_the_highest_multiplier_counts_besides_those_that_are_cumulative() -> None:
    two, three = multiplier("to", 20_000), multiplier("tre", 30_000)
    extra = multiplier("oveni", 15_000, cumulative=True)
    assert line_rate(line(), programme(multipliers=(two, three)), HERE) == LineRate(900, None, ("tre",))
    assert line_rate(line(), programme(multipliers=(extra, two, three)), HERE) == LineRate(
        1350, None, ("oveni", "tre")
    )
    assert line_rate(line(), programme(multipliers=(extra,)), HERE).rate == 450


def test_of_two_alike_only_one_counts() -> None:
    alike = (multiplier("den-ene", 20_000), multiplier("den-anden", 20_000))
    assert line_rate(line(), programme(multipliers=alike), HERE) == LineRate(600, None, ("den-ene",))


def test_a_multiplier_counts_for_its_goods_outlets_and_hours_only() -> None:
    terms = programme(
        multipliers=(multiplier("kage", 20_000, items=CAKE, outlets=("banegaarden",), hours=Hours(weekdays=(6,))),)
    )
    assert line_rate(line(item_number="kage"), terms, HERE).rate == 600
    assert line_rate(line(), terms, HERE).rate == 300
    assert line_rate(line(item_number="kage"), terms, replace(HERE, outlet_id="havnen")).rate == 300
    friday = replace(HERE, at=NOON - timedelta(days=1))
    wide = replace(terms.multipliers[0], starts_at=NOON - timedelta(days=9))
    assert line_rate(line(item_number="kage"), replace(terms, multipliers=(wide,)), friday).rate == 300


def test_a_multiplied_rate_is_cut_to_whole_basis_points_once() -> None:
    halves = tuple(multiplier(name, 15_000, cumulative=True) for name in ("a", "b"))
    assert line_rate(line(), programme(rate=333, multipliers=halves), HERE).rate == 749


@pytest.mark.parametrize(
    ("terms", "most"),
    [
        (programme(rate=4_000, multipliers=(multiplier("ti", 100_000),)), 10_000),
        (programme(rate=400, unit=Unit.POINTS, point_value=10, multipliers=(multiplier("ti", 100_000),)), 1_000),
    ],
)
def test_nobody_earns_more_than_was_paid(terms: BonusProgramme, most: int) -> None:
    assert line_rate(line(), terms, HERE).rate == most
    assert bought(terms, line()).earned.amount * terms.point_value == 10_000


def test_gift_cards_deposits_and_excluded_goods_earn_nothing_and_the_rest_does() -> None:
    hidden = Selection(item_groups=("medicin",))
    terms = programme(exclusions=Exclusions(items=CAKE, never_recorded=hidden))
    settlement = bought(
        terms,
        line(10_000),
        line(5_000, item_number="kage"),
        line(4_000, item_group="medicin"),
        line(50_000, kind=LineKind.GIFT_CARD),
        line(300, kind=LineKind.DEPOSIT),
    )
    assert (settlement.earned.base, settlement.earned.amount) == (10_000, 300)


def test_a_multiplier_does_not_bring_excluded_goods_back() -> None:
    terms = programme(
        rules=(rule("kage", 900, items=CAKE),),
        multipliers=(multiplier("dobbelt", 20_000),),
        exclusions=Exclusions(items=CAKE),
    )
    assert line_rate(line(item_number="kage"), terms, HERE) == LineRate(0, excluded=True)


def test_what_is_paid_in_a_kind_that_does_not_earn_earns_nothing() -> None:
    terms = programme(exclusions=Exclusions(payment_kinds=("faktura",)))
    in_part = bought(terms, line(10_000), payments=(Payment("faktura", 4_000), Payment("kort", 6_000)))
    assert (in_part.earned.base, in_part.earned.amount, in_part.not_earning) == (6_000, 180, 4_000)
    more_than_the_receipt = bought(terms, line(10_000), payments=(Payment("faktura", 12_000),))
    assert more_than_the_receipt.earned.amount == 0


def test_several_rates_are_rounded_once_together() -> None:
    terms = programme(rules=(rule("brød", 500, items=BREAD),))
    settlement = bought(terms, line(33), line(31, item_group="brød"))
    assert (33 * 300 // 10_000, 31 * 500 // 10_000) == (0, 1)
    assert settlement.earned.amount == (33 * 300 + 31 * 500) // 10_000 == 2


def test_what_bonus_paid_for_is_taken_of_every_rate_alike() -> None:
    terms = programme(rules=(rule("brød", 500, items=BREAD),))
    account = make_account({next(iter(bought(terms, line()).account.lots)): 5_000})
    settlement = bought(terms, line(10_000), line(10_000, item_group="brød"), account=account, spend_bonus=5_000)
    assert (settlement.earned.base, settlement.earned.amount) == (15_000, (10_000 * 300 + 10_000 * 500) * 3 // 40_000)


def test_points_are_counted_in_whole_points_and_pay_by_their_value() -> None:
    terms = programme(unit=Unit.POINTS, rate=100, point_value=25)
    first = bought(terms, line(4_995))
    assert first.earned.amount == 49
    second = bought(terms, line(1_000), account=first.account, spend_bonus=49)
    assert (second.spent, second.paid_with_bonus, second.to_pay) == (40, 1_000, 0)


# Hours -------------------------------------------------------------------------------------------------------------


def holds(hours: Hours, at: datetime) -> bool:
    return hours.hold(at, COPENHAGEN)


def local(day: int, hour: int, minute: int = 0) -> datetime:
    """A time of a November day in Copenhagen; the 23rd of 2026 is a Monday."""
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC) - timedelta(hours=1)


def test_hours_begin_with_their_first_minute_and_end_before_their_last() -> None:
    tuesdays = Hours((2,), time(14), time(16))
    assert [holds(tuesdays, local(24, *at)) for at in ((13, 59), (14, 0), (15, 59), (16, 0))] == [
        False,
        True,
        True,
        False,
    ]
    assert not holds(tuesdays, local(25, 14, 30))


def test_hours_past_midnight_belong_to_the_day_they_began_on() -> None:
    fridays = Hours((5,), time(22), time(2))
    assert holds(fridays, local(27, 23))
    assert holds(fridays, local(28, 1, 59))
    assert not holds(fridays, local(28, 2))
    assert not holds(fridays, local(27, 1))
    assert not holds(fridays, local(28, 23))


def test_hours_without_an_end_or_a_begin_go_to_the_days_own() -> None:
    assert holds(Hours((1,), time(20)), local(23, 23, 59))
    assert not holds(Hours((1,), time(20)), local(24, 0))
    assert holds(Hours((1,), None, time(9)), local(23, 0))
    assert holds(Hours((1,)), local(23, 12))
    assert holds(Hours((), time(0), time(0)), local(23, 12))


def test_hours_are_the_clocks_in_the_shop_on_the_nights_it_is_changed() -> None:
    half_past_two = Hours((7,), time(2), time(3))
    twice = [AUTUMN_NIGHT + timedelta(minutes=minutes) for minutes in (30, 90)]
    assert [holds(half_past_two, at) for at in twice] == [True, True]
    skipped = [SPRING_NIGHT + timedelta(minutes=minutes) for minutes in range(180)]
    assert not any(holds(half_past_two, at) for at in skipped)
    night = Hours((6,), time(22), time(4))
    assert holds(night, SPRING_NIGHT + timedelta(hours=1, minutes=59))
    assert not holds(night, SPRING_NIGHT + timedelta(hours=2))


@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)), st.times(), st.times())
def test_every_instant_is_in_the_hours_or_in_those_that_are_left(wall: datetime, begin: time, end: time) -> None:
    at = wall.replace(tzinfo=UTC)
    if begin != end:
        assert holds(Hours((), begin, end), at) != holds(Hours((), end, begin), at)


# Whatever is bought -------------------------------------------------------------------------------------------------

sold = st.lists(st.tuples(st.integers(0, 200_000), st.sampled_from(["brød", "kage", "vin"])), min_size=1, max_size=8)


@given(sold, st.integers(0, 5_000), st.integers(0, 5_000), st.integers(10_001, 40_000))
def test_it_is_the_exact_sum_over_all_lines_cut_once(
    prices: list[tuple[int, str]], own: int, special: int, factor: int
) -> None:
    terms = programme(
        rate=own,
        rules=(rule("brød", special, items=BREAD),),
        multipliers=(multiplier("kage", factor, items=Selection(item_groups=("kage",))),),
    )
    settlement = bought(terms, *(line(amount, item_group=group) for amount, group in prices))
    rates = {"brød": special, "kage": min(FULL_RATE, own * factor // SAME_FACTOR), "vin": own}
    exact = sum(Fraction(amount * rates[group], FULL_RATE) for amount, group in prices)
    assert settlement.earned.amount == int(exact)
    assert settlement.earned.base == sum(amount for amount, _ in prices)


@given(sold, st.integers(0, 5_000), st.data())
def test_what_is_told_is_what_was_reckoned(prices: list[tuple[int, str]], special: int, data: st.DataObject) -> None:
    terms = programme(rules=(rule("brød", special, items=BREAD),), exclusions=Exclusions(Selection((), ("vin",))))
    lines = [line(amount, item_group=group) for amount, group in prices]
    nets = [each.amount for each in lines]
    paid = data.draw(st.integers(0, sum(nets)))
    earned = earn(nets, [line_rate(each, terms, HERE) for each in lines], terms, paid, 1)
    if earned.shares:
        eligible = sum(share.base for share in earned.shares)
        weighed = sum(share.base * share.rate for share in earned.shares)
        assert earned.amount == weighed * paid // (sum(nets) * FULL_RATE)
        assert earned.base == eligible * paid // sum(nets)
    else:
        assert earned.amount == earned.base * earned.rate // FULL_RATE


@given(sold, st.data())
def test_fewer_lines_never_earn_more(prices: list[tuple[int, str]], data: st.DataObject) -> None:
    nets = [amount for amount, _ in prices]
    rates = [data.draw(st.integers(0, FULL_RATE)) for _ in nets]
    kept = [data.draw(st.integers(0, net)) for net in nets]
    paid = data.draw(st.integers(0, sum(nets)))
    assert 0 <= earned_amount(kept, rates, paid, sum(nets)) <= earned_amount(nets, rates, paid, sum(nets)) <= paid


# Told in words ------------------------------------------------------------------------------------------------------


def told(earned: Earned, language: str = "da", unit: Unit = Unit.MONEY) -> str:
    return explain_earned(earned, "NOK" if language == "nb" else "DKK", language, unit)


def test_a_double_evening_is_told_as_such_in_every_language() -> None:
    terms = programme(multipliers=(multiplier("aften", 20_000, items=CAKE),))
    earned = bought(terms, line(5_000), line(2_000, item_number="kage")).earned
    assert told(earned) == "3 % af 50,00 kr. og 6 % (dobbelt bonus) af 20,00 kr. er 2,70 kr., rundet ned."
    assert told(earned, "nb") == "3 % av 50,00 kr og 6 % (dobbel bonus) av 20,00 kr er 2,70 kr, rundet ned."
    assert told(earned, "en") == "3% of DKK 50.00 and 6% (double bonus) of DKK 20.00 is DKK 2.70, rounded down."


def test_rules_are_named_and_other_factors_are_told_in_plain_words() -> None:
    terms = programme(rules=(rule("kage", 500, items=CAKE),), multipliers=(multiplier("lidt", 15_000),))
    earned = bought(terms, line(5_000), line(2_000, item_number="kage"), line(1_000)).earned
    assert told(earned) == (
        "4,5 % (ekstra bonus) af 60,00 kr. og 7,5 % (kage, ekstra bonus) af 20,00 kr. er 4,20 kr., rundet ned."
    )


def test_it_is_told_when_only_a_part_counts() -> None:
    terms = programme(rules=(rule("brød", 500, items=BREAD),), exclusions=Exclusions(payment_kinds=("faktura",)))
    lines = (line(6_000), line(4_000, item_group="brød"))
    earned = bought(terms, *lines, payments=(Payment("faktura", 5_000),)).earned
    assert (
        told(earned)
        == "3 % af 60,00 kr. og 5 % (brød) af 40,00 kr., hvoraf 50,00 kr. giver bonus, er 1,90 kr., rundet ned."
    )


def test_a_club_that_counts_points_never_tells_kroner_for_bonus() -> None:
    terms = programme(unit=Unit.POINTS, rate=100, multipliers=(multiplier("tre", 30_000, items=CAKE),))
    assert told(bought(terms, line(1_250)).earned, unit=Unit.POINTS) == (
        "100 point pr. 100 kr. af 12,50 kr. er 12 point, rundet ned."
    )
    both = bought(terms, line(1_000), line(500, item_number="kage")).earned
    assert told(both, unit=Unit.POINTS) == (
        "100 point pr. 100 kr. af 10,00 kr. og 300 point pr. 100 kr. (tredobbelt bonus) af 5,00 kr. er 25 point, "
        "rundet ned."
    )
