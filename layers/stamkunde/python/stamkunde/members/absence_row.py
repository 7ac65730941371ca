"""What a member's row says of how long they stay away; tills read none of it before they must."""

from datetime import date
from typing import Any

from stamkunde.shared.clock import iso_instant, parse_instant
from stamkunde.shared.ladder import Absence, Rung, RungNotice, RungSkipped, RungText, SkipReason
from stamkunde.shared.terms import Arrival


def absence_attribute(absence: Absence) -> dict[str, Any]:
    """What somebody was told, as their row holds it."""
    return {"since": absence.since.isoformat(), "notices": [_notice_attribute(each) for each in absence.notices]}


def absence_of(attribute: dict[str, Any]) -> Absence:
    """What `absence_attribute` wrote."""
    return Absence(date.fromisoformat(attribute["since"]), tuple(_notice(each) for each in attribute["notices"]))


def _notice_attribute(told: RungNotice | RungSkipped) -> dict[str, Any]:
    rung = {"after": told.rung.after_months, "text": told.rung.text.value}
    if isinstance(told, RungSkipped):
        return rung | {"on": told.day.isoformat(), "skipped": told.reason.value}
    known = {"names": told.names and told.names.isoformat(), "arrival": told.arrival and told.arrival.value}
    written = {"at": iso_instant(told.written_at), "message": told.message_id}
    return rung | written | {name: value for name, value in known.items() if value}


def _notice(attribute: dict[str, Any]) -> RungNotice | RungSkipped:
    rung = Rung(attribute["after"], RungText(attribute["text"]))
    if "skipped" in attribute:
        return RungSkipped(rung, date.fromisoformat(attribute["on"]), SkipReason(attribute["skipped"]))
    names, arrival = attribute.get("names"), attribute.get("arrival")
    return RungNotice(
        rung,
        parse_instant(attribute["at"]),
        attribute["message"],
        date.fromisoformat(names) if names else None,
        Arrival(arrival) if arrival else None,
    )
