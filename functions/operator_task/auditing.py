"""Who had what done to whose data: written down with every task in which an operator gives a name."""

from collections.abc import Iterator
from copy import replace
from typing import Any

from operator_task.audit_tasks import ShowAudit, audit_store
from operator_task.desk import Desk, TaskModel
from operator_task.ledger_tasks import Bench
from operator_task.tasks import TASKS
from stamkunde.audit.model import Act, new_act
from stamkunde.gateways.tombstones import digest_of
from stamkunde.shared.patience import Patience

NAMING_MEMBERS = ("member_id", "receiver_id", "host_id", "winner_id", "member_ids", "former_ids")
"""The fields by which a task, and what it is answered, names members."""


def carry_out(desk: Desk, task: TaskModel) -> dict[str, Any]:
    """What a task is answered, noted by whom it was asked for if that is said.

    It is noted before anything is done, so that nothing happens without a trace; what was refused is noted too. Whom
    only the answer names is added to that note before the answer leaves: whoever was found, or stood in a list. Not
    so with the record itself: each look at it would name everybody anew. Who isn't there is named by what leads to
    nobody: an act about somebody who is erased would bring back what erasing took out of the record.
    """
    by: str | None = getattr(task, "by", None)
    if by is None:
        return TASKS[type(task)](desk, task)
    bench = Bench(desk, task.club_id)  # type: ignore[attr-defined]
    asked_for = {name: getattr(task, name, None) for name in NAMING_MEMBERS}
    about = [each if _is_there(bench, each) else digest_of(each) for each in _named(asked_for)]
    act = new_act(bench.clock.now(), by, str(task.__struct_config__.tag), about)
    _note(desk, bench, act)
    answer = TASKS[type(task)](desk, task)
    if isinstance(task, ShowAudit):
        return answer
    found = (each for each in _named(answer) if digest_of(each) not in about)
    told = replace(act, member_ids=tuple(dict.fromkeys([*act.member_ids, *found])))
    if told != act:
        _note(desk, bench, told)
    return answer


def _is_there(bench: Bench, member_id: str) -> bool:
    return bench.members.find(member_id, consistent=True) is not None


def _note(desk: Desk, bench: Bench, act: Act) -> None:
    Patience().until_done(lambda: audit_store(desk, bench).note(act))


def _named(told: Any) -> Iterator[str]:
    """The members whom something names, however deep."""
    if isinstance(told, dict):
        for name, value in told.items():
            if name in NAMING_MEMBERS:
                yield from [value] if isinstance(value, str) else value or ()
            else:
                yield from _named(value)
    elif isinstance(told, list):
        for each in told:
            yield from _named(each)
