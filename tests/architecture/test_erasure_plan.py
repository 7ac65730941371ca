"""The plan by which members are erased is what the page of data says, and there is a step for whatever is stored."""

from __future__ import annotations

import json

import pytest

from infra.erasure_plan import BY_ITSELF, PAGE, PLAN, plan_of, read_table, step_of, written
from stamkunde.erasure.model import StepName
from stamkunde.erasure.steps import STEPS

TEXT = PAGE.read_text()
A_STORE = "| Nickname | members | members | `NICK#‹club›#‹name›` | `NICK` | 1 | what somebody is called | {} |\n"
ABOVE = "| Phone pointer |"


def with_store(step: str) -> str:
    """The page with a store more."""
    assert TEXT.count(ABOVE) == 1
    return TEXT.replace(ABOVE, A_STORE.format(step) + ABOVE)


def test_the_plan_is_what_the_page_of_data_says() -> None:
    assert PLAN.read_text() == written(plan_of(TEXT)), "python -m infra.erasure_plan"


def test_the_steps_are_the_plans_in_its_order() -> None:
    names = [each["name"] for each in json.loads(PLAN.read_text())["steps"]]
    assert names == [*StepName] == [*STEPS]


@pytest.mark.parametrize("step", ["–", "somehow", "shred: delete", "delete"])
def test_a_store_without_an_erasure_step_fails(step: str) -> None:
    with pytest.raises(ValueError, match="Nickname"):
        plan_of(with_store(step))


def test_a_store_with_one_is_cleared_by_it() -> None:
    plan = json.loads(written(plan_of(with_store("cut_access: delete"))))
    assert [each["name"] for each in plan["steps"] if "Nickname" in each["clears"]] == ["cut_access"]


def test_what_tells_of_nobody_has_no_step() -> None:
    entity = {"entity": "Outlet", "personal data": "no", "erasure step": "person: delete"}
    with pytest.raises(ValueError, match="Outlet"):
        step_of(entity)


def test_every_step_says_why_it_may_be_done_again() -> None:
    for step in read_table(TEXT, "Erasing"):
        assert step["what it does"]
        assert step["may be done again because"]


def test_whatever_goes_by_itself_says_when() -> None:
    alone = [entity for entity in read_table(TEXT, "Entities") if step_of(entity) in BY_ITSELF]
    assert alone
    assert all(len(entity["erasure step"].partition(": ")[2]) > 5 for entity in alone)
