"""The operators' tasks for erasures: what is under way, what was done, where else the shop has looked, once more."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Annotated, Any

from msgspec import Meta

from operator_task.desk import Desk, Name, TaskModel
from operator_task.ledger_tasks import Bench
from stamkunde.erasure.model import Receipt
from stamkunde.erasure.store import ReceiptStore
from stamkunde.retention.service import OVERLAP
from stamkunde.retention.store import Case, DueStore
from stamkunde.retention_bootstrap import cases, due_store
from stamkunde.shared.clock import iso_instant, local_date
from stamkunde.shared.errors import Refusal
from stamkunde.shared.other_places import OtherPlace

HELD_FOR = timedelta(days=1)
"""So long no attempt is made of an erasure that is held; afterwards it goes on, or is held again."""

type CaseId = Annotated[str, Meta(pattern="^k[0-9a-z]{16}$")]
type Month = Annotated[str, Meta(pattern="^[0-9]{4}-(0[1-9]|1[0-2])$")]


class ListErasures(TaskModel, tag="list_erasures"):
    """The erasures of a club that are due and not done: since when, and how often they were tried."""

    club_id: str


class ListErasureReceipts(TaskModel, tag="list_erasure_receipts"):
    """The erasures that were due in a month: why, asked and done when, and where else the shop has looked."""

    club_id: str
    month: Month | None = None


class TickErasure(TaskModel, tag="tick_erasure"):
    """That the shop has looked in one of the other places where it may have written somebody down."""

    club_id: str
    receipt: CaseId
    place: OtherPlace
    by: Name
    month: Month | None = None


class EraseAgain(TaskModel, tag="erase_again"):
    """Make the next attempt of an erasure that stopped, now instead of within the hour."""

    club_id: str
    case: CaseId
    by: Name


class HoldErasure(TaskModel, tag="hold_erasure"):
    """Make no further attempt of an erasure for a day, while somebody looks at what stopped it."""

    club_id: str
    case: CaseId
    by: Name


def list_erasures(desk: Desk, task: ListErasures) -> dict[str, Any]:
    """Carry out `ListErasures`."""
    bench = Bench(desk, task.club_id)
    store, now = due_store(desk.settings, desk.client, bench.club), bench.clock.now()
    begun = {each.receipt_id: each for month in _two_months(now) for each in _receipts(desk, bench).of_month(month)}
    return {"erasures": [_under_way(case, begun.get(case.case_id)) for case in _removals(store, now)]}


def list_erasure_receipts(desk: Desk, task: ListErasureReceipts) -> dict[str, Any]:
    """Carry out `ListErasureReceipts`."""
    bench = Bench(desk, task.club_id)
    month = _month(task.month) or local_date(bench.clock.now(), bench.club.time_zone)
    return {"receipts": [_receipt(each) for each in _receipts(desk, bench).of_month(month)]}


def tick_erasure(desk: Desk, task: TickErasure) -> dict[str, Any]:
    """Carry out `TickErasure`."""
    bench = Bench(desk, task.club_id)
    receipts, month = _receipts(desk, bench), _month(task.month)
    for each in [month] if month else _two_months(bench.clock.now()):
        if found := receipts.find(task.receipt, each):
            due_on, receipt = found
            ticked = receipt.tick(task.place)
            receipts.note_ticks(due_on, ticked)
            return _receipt(ticked)
    raise Refusal("invalid_field", {"expected": "erasure receipts"}, "/receipt")


def erase_again(desk: Desk, task: EraseAgain) -> dict[str, Any]:
    """Carry out `EraseAgain`."""
    bench = Bench(desk, task.club_id)
    store = due_store(desk.settings, desk.client, bench.club)
    again = store.start_again(_removal(store, task.case), bench.clock.now())
    if again is None:
        raise Refusal("try_again")
    cases(desk.settings).start(task.club_id, again.case_id, again.attempt, again.kind.value, removes=True)
    return _under_way(again, None) | {"execution": f"{again.case_id}-{again.attempt}"}


def hold_erasure(desk: Desk, task: HoldErasure) -> dict[str, Any]:
    """Carry out `HoldErasure`."""
    bench = Bench(desk, task.club_id)
    store, until = due_store(desk.settings, desk.client, bench.club), bench.clock.now() + HELD_FOR
    held = store.hold(_removal(store, task.case), until)
    if held is None:
        raise Refusal("try_again")
    # Each of their other hints would begin a case of its own, and do what is held.
    for hint in store.hints_of(held.member_id, _first_standing(store, bench.clock.now()).date(), until.date()):
        if hint.case_id is None and hint.instant < until:
            store.put_off(hint, until)
    return _under_way(held, None) | {"held_until": iso_instant(until)}


ERASURE_TASKS: Mapping[type[TaskModel], Callable[[Desk, Any], dict[str, Any]]] = {
    ListErasures: list_erasures,
    ListErasureReceipts: list_erasure_receipts,
    TickErasure: tick_erasure,
    EraseAgain: erase_again,
    HoldErasure: hold_erasure,
}
type ErasureTask = ListErasures | ListErasureReceipts | TickErasure | EraseAgain | HoldErasure


def _removals(store: DueStore, now: datetime) -> Iterator[Case]:
    """The cases whose hints stand, of somebody who is to be erased."""
    for hint in store.standing(_first_standing(store, now), now):
        case = store.load_case(hint.case_id) if hint.case_id else None
        if case is not None and case.kind.removes:
            yield case


def _first_standing(store: DueStore, now: datetime) -> datetime:
    """No hint that was due before then stands any more."""
    swept = store.swept()
    return min(swept.until, now) - OVERLAP if swept else now


def _removal(store: DueStore, case_id: str) -> Case:
    case = store.load_case(case_id)
    if case is None or not case.kind.removes:
        raise Refusal("invalid_field", {"expected": "erasure list"}, "/case")
    return case


def _under_way(case: Case, receipt: Receipt | None) -> dict[str, Any]:
    return {
        "case": case.case_id,
        "kind": case.kind.value,
        "due_at": iso_instant(case.hint.instant),
        "attempts": case.attempt,
        "tried_at": iso_instant(case.started_at),
        "begun_on": receipt.begun_on.isoformat() if receipt else None,
    }


def _receipt(receipt: Receipt) -> dict[str, Any]:
    return {
        "receipt": receipt.receipt_id,
        "cause": receipt.cause.value,
        "asked_on": _written(receipt.asked_on),
        "begun_on": receipt.begun_on.isoformat(),
        "done_on": _written(receipt.done_on),
        "out_of_copies_on": _written(receipt.out_of_copies_on),
        "looked_in": [each.value for each in receipt.ticks],
        "to_look_in": [each.value for each in receipt.checks if each not in receipt.ticks],
    }


def _receipts(desk: Desk, bench: Bench) -> ReceiptStore:
    return ReceiptStore(desk.client, desk.settings.members_table, bench.club.club_id)


def _two_months(now: datetime) -> tuple[date, date]:
    first = now.date().replace(day=1)
    return first, first - timedelta(days=1)


def _month(text: str | None) -> date | None:
    return date.fromisoformat(f"{text}-01") if text else None


def _written(day: date | None) -> str | None:
    return day.isoformat() if day else None
