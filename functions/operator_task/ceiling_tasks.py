"""The operators' tasks about what a club's campaigns may cost, and when they may arrive: the owner's decisions."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from msgspec import Meta

from operator_task.desk import Desk, Name, TaskModel
from operator_task.ledger_tasks import Bench
from operator_task.written_times import TimeOfDay, read_time
from stamkunde.campaign_bootstrap import ceilings, hours_store
from stamkunde.campaigns.model.ceiling import MOST, Ceiling
from stamkunde.messaging.quiet_hours import SendingHours, SendingWindow
from stamkunde.shared.clock import iso_instant

type Amount = Annotated[int, Meta(ge=0, le=MOST)]


class ShowCeiling(TaskModel, tag="show_ceiling"):
    """What a club's campaigns may cost in a month, and have cost in this one."""

    club_id: str


class SetCeiling(TaskModel, tag="set_ceiling"):
    """Write down what a club's owner lets campaigns cost in a month; no limit for as much as they cost.

    Until owners do it themselves an operator writes it down, with the owner's name.
    """

    club_id: str
    approved_by: Name
    by: Name
    limit: Amount | None = None


class ShowSendingHours(TaskModel, tag="show_sending_hours"):
    """When a club's campaigns may arrive."""

    club_id: str


class SetSendingHours(TaskModel, tag="set_sending_hours"):
    """Choose when a club's campaigns may arrive, within 6 and 22."""

    club_id: str
    workdays: tuple[TimeOfDay, TimeOfDay]
    sundays_and_holidays: tuple[TimeOfDay, TimeOfDay]
    by: Name


type CeilingTask = ShowCeiling | SetCeiling | ShowSendingHours | SetSendingHours


def show_ceiling(desk: Desk, task: ShowCeiling) -> dict[str, Any]:
    """Carry out `ShowCeiling`."""
    return _shown(desk, task.club_id)


def set_ceiling(desk: Desk, task: SetCeiling) -> dict[str, Any]:
    """Carry out `SetCeiling`."""
    bench = Bench(desk, task.club_id)
    ceiling = Ceiling(task.limit, task.approved_by, task.by)
    ceilings(desk.settings, desk.client, bench.club).set(ceiling, bench.clock.now())
    return _shown(desk, task.club_id)


def show_sending_hours(desk: Desk, task: ShowSendingHours) -> dict[str, Any]:
    """Carry out `ShowSendingHours`."""
    hours = hours_store(desk.settings, desk.client, Bench(desk, task.club_id).club).load()
    return {"workdays": _window(hours.workdays), "sundays_and_holidays": _window(hours.sundays_and_holidays)}


def set_sending_hours(desk: Desk, task: SetSendingHours) -> dict[str, Any]:
    """Carry out `SetSendingHours`."""
    hours = SendingHours(
        _chosen(task.workdays, "/workdays"), _chosen(task.sundays_and_holidays, "/sundays_and_holidays")
    )
    hours_store(desk.settings, desk.client, Bench(desk, task.club_id).club).set(hours)
    return show_sending_hours(desk, ShowSendingHours(task.club_id))


CEILING_TASKS: Mapping[type[TaskModel], Callable[[Desk, Any], dict[str, Any]]] = {
    ShowCeiling: show_ceiling,
    SetCeiling: set_ceiling,
    ShowSendingHours: show_sending_hours,
    SetSendingHours: set_sending_hours,
}


def _shown(desk: Desk, club_id: str) -> dict[str, Any]:
    bench = Bench(desk, club_id)
    kept = ceilings(desk.settings, desk.client, bench.club)
    ceiling, spent = kept.load(), kept.spent(bench.clock.now())
    return {
        "limit": ceiling.limit,
        "spent": spent,
        "left": ceiling.left(spent),
        "currency": bench.club.currency,
        "approved_by": ceiling.approved_by,
        "set_by": ceiling.by,
        "set_at": ceiling.set_at and iso_instant(ceiling.set_at),
    }


def _chosen(window: tuple[str, str], pointer: str) -> SendingWindow:
    opens, closes = (read_time(text, f"{pointer}/{place}") for place, text in enumerate(window))
    return SendingWindow(opens, closes)


def _window(window: SendingWindow) -> list[str]:
    return [f"{window.opens:%H:%M}", f"{window.closes:%H:%M}"]
