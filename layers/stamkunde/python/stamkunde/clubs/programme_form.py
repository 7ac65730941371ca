"""The bonus programme as it is written: in its row, and in the file that operators edit and publish."""

import re
from collections.abc import Mapping
from copy import replace
from datetime import datetime, time
from enum import Enum
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import fields

from stamkunde.shared import reasons
from stamkunde.shared.clock import believable_wall_instant, iso_instant
from stamkunde.shared.errors import Refusal
from stamkunde.shared.programme import BonusProgramme

_TO_THE_MINUTE = re.compile(r"((?:\d{4}-\d\d-\d\d[T ])?\d\d:\d\d)(Z|[+-]\d\d:\d\d)?")
_TIMES = frozenset({"starts_at", "ends_at", "from_time", "until_time"})
_NOT_IN_A_FILE = ("version", "valid_from")


def programme_attributes(programme: BonusProgramme) -> dict[str, Any]:
    """A programme as its row has it: what is as it usually is takes no room."""
    written: dict[str, Any] = _written(programme)
    del written["version"]
    return written


def programme_from_attributes(version: int, row: Mapping[str, Any]) -> BonusProgramme:
    """The programme that a row holds."""
    known = {name: value for name, value in row.items() if name in BonusProgramme.__struct_fields__}
    return msgspec.convert(known | {"version": version}, BonusProgramme)


def programme_document(programme: BonusProgramme, time_zone: str) -> dict[str, Any]:
    """A programme as the file has it that operators edit and publish; instants are in the club's zone."""
    zone = ZoneInfo(time_zone)
    local = replace(
        programme,
        multipliers=tuple(
            replace(each, starts_at=each.starts_at.astimezone(zone), ends_at=each.ends_at.astimezone(zone))
            for each in programme.multipliers
        ),
    )
    document: dict[str, Any] = _written(local, for_people=True)
    return {name: value for name, value in document.items() if name not in _NOT_IN_A_FILE}


def read_programme(document: Mapping[str, Any], valid_from: datetime, time_zone: str) -> BonusProgramme:
    """The programme that a file means; times without an offset are the club's wall-clock times.

    Which version it becomes is decided when it is published.

    Raises
    ------
    Refusal
        ``invalid_field``: what is written is not of the right kind, a name is not known, or a time nobody can mean.
    """
    for name in _NOT_IN_A_FILE:
        if name in document:
            raise Refusal("invalid_field", {"expected": "no such field"}, f"/{name}")
    whole = _with_seconds(document) | {"version": 0, "valid_from": iso_instant(valid_from)}
    try:
        programme = msgspec.convert(whole, BonusProgramme)
    except msgspec.ValidationError as error:
        reason, pointer = reasons.read(str(error))
        raise Refusal("invalid_field", {"expected": reason}, pointer) from error
    _refuse_unknown(whole, msgspec.to_builtins(programme), "")
    return replace(
        programme,
        multipliers=tuple(
            replace(
                each,
                starts_at=believable_wall_instant(each.starts_at, time_zone, f"/multipliers/{place}/starts_at"),
                ends_at=believable_wall_instant(each.ends_at, time_zone, f"/multipliers/{place}/ends_at"),
            )
            for place, each in enumerate(programme.multipliers)
        ),
    )


def _written(value: Any, *, for_people: bool = False) -> Any:
    """A value as JSON and tables take it."""
    if isinstance(value, msgspec.Struct):
        return {
            each.name: _written(getattr(value, each.name), for_people=for_people)
            for each in fields(value)
            if each.default != getattr(value, each.name)
        }
    match value:
        case tuple():
            return [_written(each, for_people=for_people) for each in value]
        case Enum():
            return value.value
        case datetime():
            return value.isoformat(timespec="seconds") if for_people else iso_instant(value)
        case time():
            return value.isoformat(timespec="minutes" if for_people and value.second == 0 else "seconds")
    return value


def _with_seconds(value: Any, name: str = "") -> Any:
    """What people write, with the seconds that the reader asks for: ``18:00`` is ``18:00:00``."""
    match value:
        case Mapping():
            return {each: _with_seconds(inner, each) for each, inner in value.items()}
        case list() | tuple():
            return [_with_seconds(inner) for inner in value]
        case str() if name in _TIMES:
            found = _TO_THE_MINUTE.fullmatch(value)
            return f"{found[1]}:00{found[2] or ''}" if found else value
    return value


def _refuse_unknown(given: Any, understood: Any, pointer: str) -> None:
    """Refuse a name that means nothing: a typo must not look like a promise that was made."""
    if isinstance(given, Mapping) and isinstance(understood, Mapping):
        for name, value in given.items():
            if name not in understood:
                raise Refusal("invalid_field", {"expected": "no such field"}, f"{pointer}/{name}")
            _refuse_unknown(value, understood[name], f"{pointer}/{name}")
    elif isinstance(given, list | tuple) and isinstance(understood, list | tuple):
        for place, (one, other) in enumerate(zip(given, understood, strict=True)):
            _refuse_unknown(one, other, f"{pointer}/{place}")
