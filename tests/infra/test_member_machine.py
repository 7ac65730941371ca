"""The state machines, of members who are due and of campaigns that begin: small, repeatable, with one right each."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, get_args, get_type_hints

import pytest

from infra.constructs import campaign_machine, erasure_machine, member_machine
from infra.constructs.case_machine import LASTS
from infra.erasure_plan import PLAN
from infra.function_catalogue import FUNCTIONS
from infra.function_description import Step
from infra.stacks.service import MACHINE_VARIABLES
from stamkunde.campaigns.expanding import Expanded
from stamkunde.campaigns.expanding import Step as CampaignStep
from stamkunde.erasure.model import Left
from stamkunde.erasure.steps import STEPS
from stamkunde.retention.acts import Acted
from stamkunde.retention.service import CASE_LASTS
from tests.infra.templates import Stacks, as_list

Definition = Callable[[str], dict[str, Any]]
MACHINES: dict[str, Definition] = {
    "member_due": member_machine.definition,
    "member_erased": erasure_machine.definition,
    "campaign_begun": campaign_machine.definition,
}
TASKS = {function.trigger.machine: function for function in FUNCTIONS if isinstance(function.trigger, Step)}

each_machine = pytest.mark.parametrize("name", MACHINES)
CASES = ("member_due", "member_erased")
"""Their cases are started again by the hourly job; a campaign that couldn't begin is paused instead."""


def machine(stacks: Stacks, name: str) -> Any:
    title = name.title().replace("_", "")
    (found,) = [
        each for each in stacks.resources("AWS::StepFunctions::StateMachine") if each.logical_id.startswith(title)
    ]
    return found


def deployed(stacks: Stacks, name: str) -> dict[str, Any]:
    """The definition in the template, with the function's ARN as its name."""
    given = machine(stacks, name).properties["DefinitionString"]
    text = given if isinstance(given, str) else "".join(p if isinstance(p, str) else "task" for p in _parts(given))
    found: dict[str, Any] = json.loads(text)
    return found


def _parts(given: dict[str, Any]) -> list[Any]:
    _, parts = given["Fn::Join"]
    return list(parts)


def tasks(name: str) -> list[dict[str, Any]]:
    return [state for state in MACHINES[name]("task")["States"].values() if state["Type"] == "Task"]


def test_there_is_a_machine_for_every_function_that_is_a_step(stacks: Stacks) -> None:
    assert TASKS.keys() == MACHINES.keys()
    assert len(stacks.resources("AWS::StepFunctions::StateMachine")) == len(MACHINES)


@each_machine
def test_the_deployed_definition_is_the_one_that_is_read(name: str, stacks: Stacks) -> None:
    assert deployed(stacks, name) == MACHINES[name]("task")


@each_machine
def test_it_waits_for_nothing_and_compares_no_instants(name: str) -> None:
    text = json.dumps(MACHINES[name]("task"))
    assert '"Wait"' not in text
    assert "Timestamp" not in text


@each_machine
def test_every_step_is_tried_again_whatever_broke(name: str) -> None:
    assert len(tasks(name)) > 1
    for task in tasks(name):
        (retry,) = task["Retry"]
        assert retry["ErrorEquals"] == ["States.ALL"]
        caught = [(each["ErrorEquals"], each["Next"]) for each in task.get("Catch", ())]
        assert caught == (
            [] if name in CASES or task["Parameters"]["do"] == "give_up" else [(["States.ALL"], "GiveUp")]
        )


@each_machine
def test_it_gives_up_before_its_case_is_started_again(name: str) -> None:
    """Whatever breaks, and however long it takes to: of several steps it is one that breaks again and again."""
    assert LASTS.to_seconds() < CASE_LASTS.total_seconds()
    (retry,) = tasks(name)[0]["Retry"]
    waits = sum(retry["IntervalSeconds"] * retry["BackoffRate"] ** attempt for attempt in range(retry["MaxAttempts"]))
    assert waits + (retry["MaxAttempts"] + 1) * TASKS[name].timeout_seconds < LASTS.to_seconds()


@each_machine
def test_an_execution_names_a_club_a_case_and_a_step(name: str) -> None:
    """What a step is given, and what is kept of its answer, lies in the history for 90 days."""
    for task in tasks(name):
        assert task["Parameters"].keys() == {"do", "club.$", "case.$" if name in CASES else "campaign.$"}
        assert task["ResultPath"] in {"$.acted", "$.rearmed", "$.left"}


@each_machine
def test_every_state_is_reached_and_leads_to_the_end(name: str) -> None:
    states, seen = MACHINES[name]("task")["States"], set()
    ahead = [MACHINES[name]("task")["StartAt"]]
    while ahead:
        at = ahead.pop()
        if at not in seen:
            seen.add(at)
            state = states[at]
            choices = [choice["Next"] for choice in state.get("Choices", ())]
            caught = [each["Next"] for each in state.get("Catch", ())]
            ahead += [*choices, *caught, *(state[key] for key in ("Next", "Default") if key in state)]
    assert seen == states.keys()
    assert [each for each in states.values() if each["Type"] == "Succeed"] == [states["Done"]]


def test_a_campaign_begins_as_the_function_says_and_is_asked_again_where_there_is_more() -> None:
    states = campaign_machine.definition("task")["States"]
    assert {task["Parameters"]["do"] for task in tasks("campaign_begun")} == {each.value for each in CampaignStep}
    chosen = {
        (name, choice["StringEquals"], choice["Next"])
        for name, state in states.items()
        for choice in state.get("Choices", ())
    }
    assert chosen == {
        ("FreezeAgain", Expanded.MORE, "Freeze"),
        ("FreezeAgain", Expanded.NOT_NOW, "Done"),
        ("MakeListsAgain", Expanded.MORE, "MakeLists"),
        ("MakeListsAgain", Expanded.NOT_NOW, "Done"),
    }
    assert [states[each]["Default"] for each in ("FreezeAgain", "MakeListsAgain")] == ["MakeLists", "Begin"]


def test_who_is_due_goes_the_way_that_an_outcome_of_the_function_says() -> None:
    (choice,) = member_machine.definition("task")["States"]["IsCaseOpen"]["Choices"]
    assert choice["StringEquals"] == Acted.CLOSED


def test_the_machine_that_erases_goes_through_the_steps_of_the_plan_in_their_order() -> None:
    states = erasure_machine.definition("task")["States"]
    planned = [each["name"] for each in json.loads(PLAN.read_text())["steps"]]
    assert [task["Parameters"]["do"] for task in tasks("member_erased")] == [*planned, "rearm"]
    way, at = [], erasure_machine.definition("task")["StartAt"]
    while at != "Done":
        way.append(at)
        at = states[at].get("Next") or states[at]["Default"]
    assert [each for each in way if states[each]["Type"] == "Task"] == [*map(erasure_machine.title, planned)]


def test_it_asks_again_where_there_is_more_and_leaves_who_stays() -> None:
    states = erasure_machine.definition("task")["States"]
    chosen = {
        (name, choice["StringEquals"], choice["Next"])
        for name, state in states.items()
        for choice in state.get("Choices", ())
    }
    assert chosen == {
        ("CondemnIsDue", Left.NOT_DUE, "Rearm"),
        ("EntriesHasMore", Left.MORE, "Entries"),
    }


@pytest.mark.parametrize("step", STEPS)
def test_every_step_answers_what_the_plan_says_and_nothing_else(step: str) -> None:
    """Nobody looks at the answer of a step that can only be done."""
    (planned,) = [each for each in json.loads(PLAN.read_text())["steps"] if each["name"] == step]
    answer = get_type_hints(STEPS[step])["return"]  # type: ignore[index]
    assert set(planned["answers"]) == set(get_args(getattr(answer, "__value__", answer)))


@each_machine
def test_it_may_call_one_function_and_nothing_else(name: str, stacks: Stacks) -> None:
    role = stacks.target_of(machine(stacks, name).properties["RoleArn"])
    (statement,) = stacks.statements(role)
    assert statement["Effect"] == "Allow"
    assert as_list(statement["Action"]) == ["lambda:InvokeFunction"]
    assert [stacks.target_of(each) for each in as_list(statement["Resource"])] == [
        stacks.function(TASKS[name].name).logical_id
    ]


@each_machine
def test_its_role_is_taken_by_step_functions_only(name: str, stacks: Stacks) -> None:
    role = stacks.target_of(machine(stacks, name).properties["RoleArn"])
    (found,) = [each for each in stacks.resources("AWS::IAM::Role") if each.logical_id == role]
    (statement,) = found.properties["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "states.amazonaws.com"}


def test_who_starts_a_machine_may_start_that_one_and_learns_its_name(stacks: Stacks) -> None:
    for function in FUNCTIONS:
        found = stacks.function(function.name)
        variables = found.properties["Environment"]["Variables"]
        assert {name for name in variables if name.endswith("_MACHINE")} == {
            MACHINE_VARIABLES[started] for started in function.starts
        }
        role = stacks.target_of(found.properties["Role"])
        startable = {
            stacks.target_of(resource)
            for statement in stacks.statements(role)
            if "states:StartExecution" in as_list(statement["Action"])
            for resource in as_list(statement["Resource"])
        }
        assert startable == {machine(stacks, started).logical_id for started in function.starts}
    assert {function.name: function.starts for function in FUNCTIONS if function.starts} == {
        "due_job": ("member_due", "member_erased"),
        "campaign_job": ("campaign_begun",),
        "operator_task": ("member_erased",),
    }


def test_only_what_erases_may_delete_entries(stacks: Stacks) -> None:
    """A coupon's place in a list is taken by what operators do; entries are anonymised by one function."""
    deleting = {function.name for function in FUNCTIONS if "DeleteItem" in function.rights.get("ledger", ())}
    assert deleting == {"erasure_task", "operator_task"}


def test_executions_that_fail_or_take_too_long_are_told(stacks: Stacks) -> None:
    watched = {
        (stacks.target_of(dimension["Value"]), alarm.properties["MetricName"])
        for alarm in stacks.resources("AWS::CloudWatch::Alarm")
        if alarm.properties.get("Namespace") == "AWS/States"
        for dimension in alarm.properties["Dimensions"]
    }
    ids = [machine(stacks, name).logical_id for name in MACHINES]
    assert watched == {(each, metric) for each in ids for metric in ("ExecutionsFailed", "ExecutionsTimedOut")}


def test_an_erasure_that_waits_for_half_a_day_rings(stacks: Stacks) -> None:
    (alarm,) = [
        alarm.properties
        for alarm in stacks.resources("AWS::CloudWatch::Alarm")
        if alarm.properties.get("MetricName") == "ErasureWaitingHours"
    ]
    assert (alarm["Threshold"], alarm["Statistic"], alarm["Period"]) == (12, "Maximum", 3600)
    assert alarm["Dimensions"] == [{"Name": "service", "Value": "due_job"}]
