"""The operators' task about birthdays: whom the shop may congratulate."""

from collections.abc import Callable, Mapping
from typing import Any

from operator_task.desk import Desk, Name, TaskModel
from operator_task.ledger_tasks import Bench
from stamkunde.members.birthdays import Birthday, BirthdayNotes, Birthdays


class ListBirthdays(TaskModel, tag="list_birthdays"):
    """Whose birthday it is today, or was within a week, by name and number."""

    club_id: str
    by: Name


def list_birthdays(desk: Desk, task: ListBirthdays) -> dict[str, Any]:
    """Carry out `ListBirthdays`."""
    bench = Bench(desk, task.club_id)
    notes = BirthdayNotes(desk.client, desk.settings.members_table, task.club_id)
    return {"birthdays": [_told(each) for each in Birthdays(bench.club, notes, bench.members, bench.clock).list()]}


BIRTHDAY_TASKS: Mapping[type[TaskModel], Callable[[Desk, Any], dict[str, Any]]] = {ListBirthdays: list_birthdays}
type BirthdayTask = ListBirthdays


def _told(birthday: Birthday) -> dict[str, Any]:
    return {
        "member_id": birthday.member.member_id,
        "first_name": birthday.member.first_name,
        "phone": birthday.member.phone,
        "day": birthday.day.isoformat(),
    }
