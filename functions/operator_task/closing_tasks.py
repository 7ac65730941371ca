"""The operators' tasks for a club that closes; deleting its rows is none, for no function may (`club empty`)."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from operator_task.desk import Desk, Name, TaskModel
from operator_task.ledger_tasks import Bench
from stamkunde.clubs.closing import Closed, ClosingClub, find_closed
from stamkunde.clubs.model import Closing, Club
from stamkunde.shared.clock import iso_instant


class CloseClub(TaskModel, tag="close_club"):
    """Announce a club's last day, or another one: at least 30 days ahead, in which members use what they have."""

    club_id: str
    last_day: date
    by: Name


class StayOpen(TaskModel, tag="stay_open"):
    """Take back that a club closes, as long as nothing of it is deleted."""

    club_id: str
    by: Name


class ShowClosing(TaskModel, tag="show_closing"):
    """When a club closes, or the receipt of one that has."""

    club_id: str


def close_club(desk: Desk, task: CloseClub) -> dict[str, Any]:
    """Carry out `CloseClub`."""
    bench = Bench(desk, task.club_id)
    return _closing(task.club_id, _of(desk, bench.club).announce(task.last_day, bench.clock.now()))


def stay_open(desk: Desk, task: StayOpen) -> dict[str, Any]:
    """Carry out `StayOpen`."""
    _of(desk, Bench(desk, task.club_id).club).take_back()
    return _closing(task.club_id, None)


def show_closing(desk: Desk, task: ShowClosing) -> dict[str, Any]:
    """Carry out `ShowClosing`."""
    closed = find_closed(desk.client, desk.settings.clubs_table, task.club_id)
    if closed is not None:
        return {"club_id": task.club_id} | receipt(closed)
    return _closing(task.club_id, Bench(desk, task.club_id).club.closing)


CLOSING_TASKS: Mapping[type[TaskModel], Callable[[Desk, Any], dict[str, Any]]] = {
    CloseClub: close_club,
    StayOpen: stay_open,
    ShowClosing: show_closing,
}
type ClosingTask = CloseClub | StayOpen | ShowClosing


def receipt(closed: Closed) -> dict[str, Any]:
    """What is shown of a club that has closed."""
    return {
        "announced_at": iso_instant(closed.announced_at),
        "last_day": closed.last_day.isoformat(),
        "deleted_on": closed.deleted_on.isoformat(),
        "out_of_copies_on": closed.out_of_copies_on.isoformat(),
        "counts": dict(closed.counts),
    }


def _of(desk: Desk, club: Club) -> ClosingClub:
    return ClosingClub(desk.client, desk.settings.clubs_table, club)


def _closing(club_id: str, closing: Closing | None) -> dict[str, Any]:
    return {
        "club_id": club_id,
        "announced_at": closing and iso_instant(closing.announced_at),
        "last_day": closing and closing.last_day.isoformat(),
        "deleting_since": closing and closing.began_at and iso_instant(closing.began_at),
    }
