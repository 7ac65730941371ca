"""The state machine that members who are due go through: small, repeatable, and with one right only."""

from __future__ import annotations

import json
from typing import Any

from infra.constructs.member_machine import LASTS, definition
from infra.function_catalogue import FUNCTIONS, Step
from stamkunde.retention.acts import Acted
from stamkunde.retention.service import CASE_LASTS
from tests.infra.templates import Stacks, as_list


def machine(stacks: Stacks) -> Any:
    (found,) = stacks.resources("AWS::StepFunctions::StateMachine")
    return found


def deployed(stacks: Stacks) -> dict[str, Any]:
    """The definition in the template, with the function's ARN as its name."""
    given = machine(stacks).properties["DefinitionString"]
    text = given if isinstance(given, str) else "".join(p if isinstance(p, str) else "task" for p in _parts(given))
    found: dict[str, Any] = json.loads(text)
    return found


def _parts(given: dict[str, Any]) -> list[Any]:
    _, parts = given["Fn::Join"]
    return list(parts)


def test_the_deployed_definition_is_the_one_that_is_read(stacks: Stacks) -> None:
    assert deployed(stacks) == definition("task")


def test_it_waits_for_nothing_and_compares_no_instants(stacks: Stacks) -> None:
    text = json.dumps(definition("task"))
    assert '"Wait"' not in text
    assert "Timestamp" not in text


def test_every_step_is_tried_again_whatever_broke() -> None:
    tasks = [state for state in definition("task")["States"].values() if state["Type"] == "Task"]
    assert len(tasks) == 2
    for task in tasks:
        (retry,) = task["Retry"]
        assert retry["ErrorEquals"] == ["States.ALL"]
        assert "Catch" not in task


def test_it_gives_up_before_its_case_is_started_again() -> None:
    (task,) = [function for function in FUNCTIONS if isinstance(function.trigger, Step)]
    assert LASTS.to_seconds() < CASE_LASTS.total_seconds()
    (retry,) = definition("task")["States"]["Act"]["Retry"]
    waits = sum(retry["IntervalSeconds"] * retry["BackoffRate"] ** attempt for attempt in range(retry["MaxAttempts"]))
    assert waits + (retry["MaxAttempts"] + 1) * task.timeout_seconds < LASTS.to_seconds()


def test_it_chooses_its_way_by_an_outcome_that_the_function_gives() -> None:
    (choice,) = definition("task")["States"]["IsCaseOpen"]["Choices"]
    assert choice["StringEquals"] == Acted.CLOSED


def test_it_may_call_one_function_and_nothing_else(stacks: Stacks) -> None:
    role = stacks.target_of(machine(stacks).properties["RoleArn"])
    statements = stacks.statements(role)
    (statement,) = statements
    assert statement["Effect"] == "Allow"
    assert as_list(statement["Action"]) == ["lambda:InvokeFunction"]
    assert [stacks.target_of(each) for each in as_list(statement["Resource"])] == [
        stacks.function("due_task").logical_id
    ]


def test_its_role_is_taken_by_step_functions_only(stacks: Stacks) -> None:
    role = stacks.target_of(machine(stacks).properties["RoleArn"])
    (found,) = [each for each in stacks.resources("AWS::IAM::Role") if each.logical_id == role]
    (statement,) = found.properties["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "states.amazonaws.com"}


def test_one_function_may_start_it_and_learns_its_name(stacks: Stacks) -> None:
    for function in FUNCTIONS:
        variables = stacks.function(function.name).properties["Environment"]["Variables"]
        assert ("MEMBER_MACHINE" in variables) == (function.starts is not None)
    assert [function.name for function in FUNCTIONS if function.starts] == ["due_job"]


def test_executions_that_fail_or_take_too_long_are_told(stacks: Stacks) -> None:
    watched = {
        alarm.properties["MetricName"]
        for alarm in stacks.resources("AWS::CloudWatch::Alarm")
        if alarm.properties.get("Namespace") == "AWS/States"
    }
    assert watched == {"ExecutionsFailed", "ExecutionsTimedOut"}
