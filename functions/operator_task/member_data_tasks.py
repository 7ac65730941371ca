"""The operators' tasks for members who ask the shop: to be deleted, or what is kept of them."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from operator_task.desk import Desk, Name, TaskModel
from operator_task.ledger_tasks import Bench, MemberId
from stamkunde.bootstrap import admission, member_messages
from stamkunde.campaigns.own_messages import OwnMessages
from stamkunde.campaigns.results import Results
from stamkunde.campaigns.store import CampaignStore
from stamkunde.members.admission import Admission
from stamkunde.members.erasing import Erasing
from stamkunde.members.model import AskedBy, ErasureRequest
from stamkunde.members.own_data import OwnDataReader
from stamkunde.members.own_data_file import member_file
from stamkunde.retention.store import DueStore
from stamkunde.shared.clock import iso_instant
from stamkunde.shared.other_places import OtherPlace
from stamkunde.shared.pagination import LONGEST_CURSOR
from stamkunde.shared.patience import Patience


class AskErasure(TaskModel, tag="ask_erasure"):
    """Have a member deleted in 14 days, as they asked in the shop; they are told at once, and may undo it."""

    club_id: str
    member_id: MemberId
    by: Name


class LookElsewhere(TaskModel, tag="look_elsewhere"):
    """Note that the shop has looked in another place where it may have written down who is to be deleted."""

    club_id: str
    member_id: MemberId
    place: OtherPlace
    by: Name


class UndoErasure(TaskModel, tag="undo_erasure"):
    """Take back what the shop asked for; what members asked for themselves, only they take back."""

    club_id: str
    member_id: MemberId
    by: Name


class ShowOwnData(TaskModel, tag="show_own_data"):
    """Everything that is kept of a member, as they could download it: for one who asks in writing.

    `before` is what the part with newer movements calls `older_movements`.
    """

    club_id: str
    member_id: MemberId
    by: Name
    before: Annotated[str, Meta(max_length=LONGEST_CURSOR)] | None = None


def ask_erasure(desk: Desk, task: AskErasure) -> dict[str, Any]:
    """Carry out `AskErasure`."""
    return _wish(task.member_id, _erasing(desk, task.club_id).ask(task.member_id, AskedBy.STAFF))


def look_elsewhere(desk: Desk, task: LookElsewhere) -> dict[str, Any]:
    """Carry out `LookElsewhere`."""
    return _wish(task.member_id, _erasing(desk, task.club_id).look_in(task.member_id, task.place))


def undo_erasure(desk: Desk, task: UndoErasure) -> dict[str, Any]:
    """Carry out `UndoErasure`."""
    _erasing(desk, task.club_id).undo(task.member_id, AskedBy.STAFF)
    return {"member_id": task.member_id, "erase_at": None}


def show_own_data(desk: Desk, task: ShowOwnData) -> dict[str, Any]:
    """Carry out `ShowOwnData`."""
    bench = Bench(desk, task.club_id)
    having = _admission(desk, bench)
    table = desk.settings.messages_table
    sent = OwnMessages(Results(desk.client, table, task.club_id), CampaignStore(desk.client, table, task.club_id))
    reader = OwnDataReader(bench.club, having.members, having.ledger, having.access, bench.clock, sent.of)
    told: dict[str, Any] = msgspec.json.decode(member_file(reader.read(task.member_id, task.before)))
    return told


MEMBER_DATA_TASKS: Mapping[type[TaskModel], Callable[[Desk, Any], dict[str, Any]]] = {
    AskErasure: ask_erasure,
    LookElsewhere: look_elsewhere,
    UndoErasure: undo_erasure,
    ShowOwnData: show_own_data,
}
type MemberDataTask = AskErasure | LookElsewhere | UndoErasure | ShowOwnData


def _erasing(desk: Desk, club_id: str) -> Erasing:
    bench = Bench(desk, club_id)
    due = DueStore(desk.client, desk.settings.members_table, club_id)
    return Erasing(bench.club, _admission(desk, bench), due, bench.clock, Patience())


def _admission(desk: Desk, bench: Bench) -> Admission:
    messages = partial(member_messages, desk.settings, desk.client, bench.club)
    return admission(desk.settings, desk.client, bench.club, messages, bench.clock)


def _wish(member_id: str, wish: ErasureRequest) -> dict[str, Any]:
    """Where the shop was asked, it has to look in places that we know nothing of."""
    return {
        "member_id": member_id,
        "asked_by": wish.asked_by.value,
        "asked_at": iso_instant(wish.asked_at),
        "erase_at": iso_instant(wish.erase_at),
        "looked_in": [*wish.looked_in],
        "to_look_in": [each.value for each in OtherPlace if wish.asked_shop and each.value not in wish.looked_in],
    }
