"""Black Friday's file becomes a plan in the club's own language, with the bonus that it gives on that evening."""

from __future__ import annotations

from copy import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from operator_task.plan_forms import BlackFridayForm, read_black_friday
from stamkunde.campaigns.model.law import Answers, Reduction, Stock
from stamkunde.campaigns.model.plan import Plan
from stamkunde.shared.programme import BonusProgramme, Unit
from tests.factories import THREE_PERCENT, make_club

FORM = BlackFridayForm(2026, "06:30", "21:00", "20 % på alle kager")
IN_NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)
IN_DECEMBER = datetime(2026, 12, 1, tzinfo=UTC)


def plan(*programmes: BonusProgramme, form: BlackFridayForm = FORM, **club: Any) -> Plan:
    return read_black_friday(form, make_club(programmes=programmes or (THREE_PERCENT,), **club))


def told(made: Plan) -> tuple[str, str]:
    """What the evening's message says of the bonus: more, and as usual."""
    [text] = made.messages[2].texts.values()
    return text.filled["Dobbelt"], text.filled["Normal"]


def test_the_rate_is_that_of_the_evening() -> None:
    november = replace(THREE_PERCENT, version=2, valid_from=IN_NOVEMBER, rate=250)
    december = replace(THREE_PERCENT, version=3, valid_from=IN_DECEMBER, rate=400)
    assert told(plan(THREE_PERCENT, november, december)) == ("5 %", "2,5 %")


def test_points_are_told_as_what_they_are_worth() -> None:
    points = replace(THREE_PERCENT, unit=Unit.POINTS, rate=20, point_value=25)
    assert told(plan(points)) == ("10 %", "5 %")


def test_another_factor_is_told_and_given() -> None:
    made = plan(form=replace(FORM, factor=30_000))
    assert told(made) == ("9 %", "3 %")
    assert [each.factor for each in made.multipliers] == [30_000]


@pytest.mark.parametrize(
    ("country", "language", "said"),
    [("DK", "da", "Kun i dag og kun for medlemmer"), ("NO", "nb", "Kun i dag, kun for medlemmer")],
)
def test_a_club_writes_in_its_own_language(country: str, language: str, said: str) -> None:
    made = plan(country=country, language=language)
    assert {each for message in made.messages for each in message.texts} == {language}
    assert said in made.messages[1].texts[language].sms


def test_answers_are_added_to_those_that_the_templates_words_give() -> None:
    given = {"black_friday_double": Answers(stock=Stock.ENOUGH)}
    made = plan(form=replace(FORM, answers=given))
    assert made.messages[2].answers == Answers(reduction=Reduction.NO_PRICE, stock=Stock.ENOUGH)
    assert made.messages[0].answers == plan().messages[0].answers
