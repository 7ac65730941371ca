"""Who had what done to whose data: written down with every task in which an operator gives a name."""

from collections.abc import Mapping
from typing import Any

from operator_task.audit_tasks import audit_store
from operator_task.desk import Desk, TaskModel
from operator_task.ledger_tasks import ApproveProposal, Bench, DeclineProposal, FindMember
from operator_task.tasks import TASKS
from stamkunde.audit.model import new_act
from stamkunde.shared.patience import Patience

NAMING_MEMBERS = ("member_id", "receiver_id", "host_id", "winner_id")
"""The fields by which a task names members."""

FINDING_OUT = (FindMember, ApproveProposal, DeclineProposal)
"""Tasks that find out themselves whose data they are about."""


def carry_out(desk: Desk, task: TaskModel) -> dict[str, Any]:
    """What a task is answered, noted by whom it was asked for if that is said.

    It is noted before anything is done, so that nothing happens without a trace; what was refused is noted too. Only
    a task that finds out itself whom it is about is noted afterwards, before the answer leaves.
    """
    finds_out = isinstance(task, FINDING_OUT)
    if not finds_out:
        _note(desk, task, {name: getattr(task, name, None) for name in NAMING_MEMBERS})
    answer = TASKS[type(task)](desk, task)
    if finds_out:
        _note(desk, task, answer)
    return answer


def _note(desk: Desk, task: TaskModel, naming: Mapping[str, Any]) -> None:
    by: str | None = getattr(task, "by", None)
    if by is None:
        return
    bench = Bench(desk, task.club_id)  # type: ignore[attr-defined]
    named = [naming[name] for name in NAMING_MEMBERS if naming.get(name)]
    act = new_act(bench.clock.now(), by, str(task.__struct_config__.tag), named)
    Patience().until_done(lambda: audit_store(desk, bench).note(act))
