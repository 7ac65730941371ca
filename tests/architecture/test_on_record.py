"""Whoever is told of a member is on record: a task is found by what it answers, and by what it is asked."""

from __future__ import annotations

import ast
import inspect
from types import FunctionType
from typing import Any

import pytest

from operator_task.auditing import NAMING_MEMBERS
from operator_task.coupon_tasks import list_coupons, list_notes
from operator_task.desk import TaskModel
from operator_task.ledger_tasks import list_proposals
from operator_task.permission_tasks import list_lapsing
from operator_task.tasks import TASKS

TELLING = {*NAMING_MEMBERS, "first_name", "phone", "email"}
"""The fields by which an answer tells of a member."""


def told_by(function: Any) -> set[str]:
    """The fields that tell of a member, in a function or in what it calls of the same package, however deep."""
    found: set[str] = set()
    seen, waiting = {function}, [function]
    while waiting:
        each = waiting.pop()
        for node in ast.walk(ast.parse(inspect.getsource(each))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found |= {node.value} & TELLING
            called = each.__globals__.get(node.id) if isinstance(node, ast.Name) else None
            if isinstance(called, FunctionType) and called.__module__.startswith("operator_task."):
                waiting += {called} - seen
                seen.add(called)
    return found


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.__name__)
def test_nobody_does_anything_to_a_member_without_a_name(task: type[TaskModel]) -> None:
    fields = set(task.__struct_fields__)
    if told_by(TASKS[task]) or fields & set(NAMING_MEMBERS):
        assert {"by", "club_id"} <= fields, f"{task.__name__} has no `by`: nobody would be on record"


def test_an_answer_that_tells_of_members_is_seen_however_deep_they_stand() -> None:
    assert told_by(list_proposals) == told_by(list_notes) == {"member_id"}
    assert told_by(list_lapsing) == {"member_id", "first_name", "phone"}
    assert told_by(list_coupons) == set()
