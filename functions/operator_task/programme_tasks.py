"""The operators' tasks for bonus programmes: publish a new version, show the newest, extra bonus for an evening."""

from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta

from operator_task.desk import Desk, Months, Name, Rate, TaskModel
from stamkunde.clubs.programme_form import programme_document, read_programme
from stamkunde.shared.clock import believable_wall_instant, iso_instant
from stamkunde.shared.errors import Refusal
from stamkunde.shared.programme import BonusProgramme

DOUBLE = 20_000

type WallTime = Annotated[datetime, Meta(description="With an offset, or the club's wall-clock time")]


class PublishProgramme(TaskModel, tag="publish_programme"):
    """A new version of the bonus programme, at least two minutes ahead: a whole one, or another rate or other months.

    What isn't said stays as it is; a whole programme says it all.
    """

    club_id: str
    valid_from: WallTime
    rate: Rate | None = None
    expiry_months: Months | None = None
    programme: dict[str, Any] | None = None


class ShowProgramme(TaskModel, tag="show_programme"):
    """The newest version of a club's bonus programme, as `PublishProgramme` takes it."""

    club_id: str


class DoubleBonus(TaskModel, tag="double_bonus"):
    """Double bonus, or another factor in basis points, between two times."""

    club_id: str
    starts_at: WallTime
    ends_at: WallTime
    factor: int = DOUBLE
    outlets: tuple[Name, ...] = ()


def publish_programme(desk: Desk, task: PublishProgramme) -> dict[str, Any]:
    """Carry out `PublishProgramme`."""
    club = desk.operators.show(task.club_id).club
    valid_from = believable_wall_instant(task.valid_from, club.time_zone, "/valid_from")
    if task.programme is None:
        if task.rate is None and task.expiry_months is None:
            raise Refusal("invalid_field", {"expected": "programme, rate or expiry_months"})
        changed = desk.operators.publish_programme(task.club_id, task.rate, task.expiry_months, valid_from)
        return published(changed)
    if task.rate is not None or task.expiry_months is not None:
        raise Refusal("invalid_field", {"expected": "rate and expiry_months in the programme"}, "/programme")
    wish = read_programme(task.programme, valid_from, club.time_zone)
    return published(desk.operators.publish_whole_programme(task.club_id, wish, valid_from))


def show_programme(desk: Desk, task: ShowProgramme) -> dict[str, Any]:
    """Carry out `ShowProgramme`."""
    club = desk.operators.show(task.club_id).club
    return programme_document(club.programmes[-1], club.time_zone)


def double_bonus(desk: Desk, task: DoubleBonus) -> dict[str, Any]:
    """Carry out `DoubleBonus`."""
    time_zone = desk.operators.show(task.club_id).club.time_zone
    version = desk.operators.publish_extra_bonus(
        task.club_id,
        believable_wall_instant(task.starts_at, time_zone, "/starts_at"),
        believable_wall_instant(task.ends_at, time_zone, "/ends_at"),
        task.factor,
        task.outlets,
    )
    return published(version)


def published(version: BonusProgramme) -> dict[str, Any]:
    """A version in short: what it says in full, `show_programme` shows."""
    return {
        "version": version.version,
        "rate": version.rate,
        "expiry_months": version.expiry_months,
        "valid_from": iso_instant(version.valid_from),
    }
