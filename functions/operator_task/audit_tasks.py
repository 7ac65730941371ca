"""The operators' tasks for whoever must account for members' data: what staff did, whose data there is."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Annotated, Any

from msgspec import Meta

from operator_task.desk import Desk, Name, TaskModel
from operator_task.ledger_tasks import Bench, MemberId
from stamkunde.audit.model import concerning, days_between
from stamkunde.audit.store import AuditStore
from stamkunde.members.breach_list import FIELDS, PARTS, BreachList, Kept
from stamkunde.members.own_data import ids_of
from stamkunde.shared.clock import iso_instant, local_date

USUAL_DAYS = timedelta(days=29)
MOST_MEMBERS = 1_000
"""Members after which an answer ends: whoever asks goes on with the next part."""


class ShowAudit(TaskModel, tag="show_audit"):
    """What staff did with members' data on some of the club's days: the last 30, if none are named."""

    club_id: str
    by: Name
    from_day: date | None = None
    until_day: date | None = None
    member_id: MemberId | None = None


class ListForBreach(TaskModel, tag="list_for_breach"):
    """Whose data the club keeps, and of which kinds, from a part of the list on; with addresses only if asked for."""

    club_id: str
    by: Name
    addresses: bool = False
    from_part: Annotated[int, Meta(ge=0, lt=PARTS)] = 0


def show_audit(desk: Desk, task: ShowAudit) -> dict[str, Any]:
    """Carry out `ShowAudit`."""
    bench = Bench(desk, task.club_id)
    now = bench.clock.now()
    last = task.until_day or local_date(now, bench.club.time_zone)
    audit = audit_store(desk, bench)
    acts = (act for day in days_between(task.from_day or last - USUAL_DAYS, last) for act in audit.of_day(day, now))
    return {
        "acts": [
            {"at": iso_instant(act.at), "by": act.by, "what": act.what, "member_ids": list(act.member_ids)}
            for act in concerning(acts, _ever(bench, task.member_id))
        ]
    }


def list_for_breach(desk: Desk, task: ListForBreach) -> dict[str, Any]:
    """Carry out `ListForBreach`."""
    bench = Bench(desk, task.club_id)
    listing = BreachList(bench.members, bench.ledger)
    listed: list[Kept] = []
    part = task.from_part
    while part < PARTS and len(listed) < MOST_MEMBERS:
        listed += listing.part(part)
        part += 1
    return {
        "fields": list(FIELDS),
        "members": [_kept(each, with_address=task.addresses) for each in listed],
        "next_part": part if part < PARTS else None,
    }


AUDIT_TASKS: Mapping[type[TaskModel], Callable[[Desk, Any], dict[str, Any]]] = {
    ShowAudit: show_audit,
    ListForBreach: list_for_breach,
}
type AuditTask = ShowAudit | ListForBreach


def audit_store(desk: Desk, bench: Bench) -> AuditStore:
    """What staff did in a club."""
    return AuditStore(desk.client, desk.settings.members_table, bench.club.club_id, bench.club.time_zone)


def _ever(bench: Bench, member_id: str | None) -> frozenset[str]:
    """All ids that a member ever had: what was done before they were merged concerns them too."""
    member = bench.members.find(member_id) if member_id else None
    return frozenset(ids_of(member) if member else ()) | ({member_id} if member_id else set())


def _kept(kept: Kept, *, with_address: bool) -> dict[str, Any]:
    member = kept.member
    address = {"phone": member.phone, "email": member.email} if with_address else {}
    former = [each.member_id for each in member.formerly]
    return {
        "member_id": member.member_id,
        "former_ids": former,
        "state": member.state.value,
        **address,
        "fields": list(kept.fields),
    }
