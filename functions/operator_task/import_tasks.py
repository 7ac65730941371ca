"""The operators' task that brings members along from another system, part by part of their file."""

from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any

from msgspec import Meta

from operator_task.desk import Desk, Name, TaskModel
from operator_task.ledger_tasks import Bench
from stamkunde.bootstrap import admission, member_messages
from stamkunde.members.brought_files import BroughtFiles
from stamkunde.members.import_service import BroughtRow, Fate, Importing
from stamkunde.members.importing import FIRST_ROW
from stamkunde.members.stops import Stops
from stamkunde.shared.patience import Patience

LARGEST_PART = 5_000_000
"""Characters: an invocation takes 6 MB."""


class ImportMembers(TaskModel, tag="import_members"):
    """Bring members along from a CSV file of at most 500 rows; a dry run, unless it says `write`.

    They get the permissions that it proves and no others. Whoever isn't proved to have accepted the terms is open.
    """

    club_id: str
    csv: Annotated[str, Meta(min_length=1, max_length=LARGEST_PART)]
    by: Name
    write: bool = False
    first_row: Annotated[int, Meta(ge=FIRST_ROW)] = FIRST_ROW


def import_members(desk: Desk, task: ImportMembers) -> dict[str, Any]:
    """Carry out `ImportMembers`."""
    bench = Bench(desk, task.club_id)
    club, clock = bench.club, bench.clock
    messages = partial(member_messages, desk.settings, desk.client, club)
    members_of_club = desk.client, desk.settings.members_table, club.club_id, club.address_key
    importing = Importing(
        club,
        [outlet.outlet_id for outlet in desk.operators.show(task.club_id).outlets],
        admission(desk.settings, desk.client, club, messages, clock),
        Stops(*members_of_club),
        BroughtFiles(*members_of_club),
        clock,
        Patience(),
    )
    rows = importing.bring(task.csv, task.by, writes=task.write, first_row=task.first_row)
    counts = Counter(row.fate for row in rows)
    return {
        "written": task.write,
        "counts": {fate.value: counts[fate] for fate in Fate},
        "rows": [_row(row) for row in rows],
    }


IMPORT_TASKS: Mapping[type[TaskModel], Callable[[Desk, Any], dict[str, Any]]] = {ImportMembers: import_members}
type ImportTask = ImportMembers


def _row(row: BroughtRow) -> dict[str, Any]:
    return {
        "row": row.number,
        "fate": row.fate.value,
        "phone": row.phone,
        "troubles": [{"column": trouble.column, "code": trouble.code} for trouble in row.troubles],
    }
