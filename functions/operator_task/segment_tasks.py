"""The operators' tasks about segments: save them, count whom they choose, make anew what they know of members."""

import time
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from operator_task.desk import Desk, Name, TaskModel
from operator_task.ledger_tasks import Bench
from stamkunde.campaigns.audience import Counted
from stamkunde.campaigns.facts_store import FACT_SHARDS
from stamkunde.campaigns.model.criteria import Criterion, read_criterion, uses_purchases
from stamkunde.campaigns.segment_store import Segment
from stamkunde.campaigns.segments import Segments
from stamkunde.facts_bootstrap import keeper_of, segments
from stamkunde.shared.channel import Channel
from stamkunde.shared.clock import iso_instant
from stamkunde.shared.errors import Refusal

WORK_SECONDS = 120.0
"""Of the function's five minutes; whoever asked asks for what is left."""

AN_HOUR = 3_600
"""Seconds, after which the hourly job has made them."""

type SegmentId = Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9-]{0,39}$")]
type Criteria = dict[str, Any]


class SaveSegment(TaskModel, tag="save_segment"):
    """Save a rule that chooses members, in the place of the one of that id; whom it chooses today, in numbers."""

    club_id: str
    segment_id: SegmentId
    name: Name
    criteria: Criteria
    by: Name


class ListSegments(TaskModel, tag="list_segments"):
    """All segments of a club, without counting."""

    club_id: str


class ShowSegment(TaskModel, tag="show_segment"):
    """A segment, and whom it chooses today, in numbers."""

    club_id: str
    segment_id: SegmentId


class CountSegment(TaskModel, tag="count_segment"):
    """Whom criteria would choose today, in numbers; nothing is saved."""

    club_id: str
    criteria: Criteria


class RemoveSegment(TaskModel, tag="remove_segment"):
    """Take a segment away; campaigns have a copy of their own."""

    club_id: str
    segment_id: SegmentId
    by: Name


class RebuildFacts(TaskModel, tag="rebuild_facts"):
    """Make anew what segments know of members; `following` is what the part before was answered.

    Without a club in all of them, as far as the time suffices: the night does the rest.
    """

    club_id: str | None = None
    following: Annotated[int, Meta(ge=0, lt=FACT_SHARDS)] = 0


type SegmentTask = SaveSegment | ListSegments | ShowSegment | CountSegment | RemoveSegment | RebuildFacts


def save_segment(desk: Desk, task: SaveSegment) -> dict[str, Any]:
    """Carry out `SaveSegment`."""
    club = _of(desk, task.club_id)
    return _shown(club, club.save(task.segment_id, task.name, _criterion(task.criteria), task.by))


def list_segments(desk: Desk, task: ListSegments) -> dict[str, Any]:
    """Carry out `ListSegments`."""
    return {"segments": [_segment(each) for each in _of(desk, task.club_id).store.every()]}


def show_segment(desk: Desk, task: ShowSegment) -> dict[str, Any]:
    """Carry out `ShowSegment`."""
    club = _of(desk, task.club_id)
    return _shown(club, club.load(task.segment_id))


def count_segment(desk: Desk, task: CountSegment) -> dict[str, Any]:
    """Carry out `CountSegment`.

    Raises
    ------
    Refusal
        ``facts_not_made``: no member's have been yet, and that nobody is chosen would mean nothing.
    """
    criterion = _criterion(task.criteria)
    counted = _counted(_of(desk, task.club_id), criterion)
    if counted is None:
        raise Refusal("facts_not_made", retry_after=AN_HOUR)
    return {"uses_purchases": uses_purchases(criterion), "counted": counted}


def remove_segment(desk: Desk, task: RemoveSegment) -> dict[str, Any]:
    """Carry out `RemoveSegment`."""
    _of(desk, task.club_id).remove(task.segment_id)
    return {"segment_id": task.segment_id, "removed": True}


def rebuild_facts(desk: Desk, task: RebuildFacts) -> dict[str, Any]:
    """Carry out `RebuildFacts`."""
    end = time.monotonic() + WORK_SECONDS
    club_ids = [task.club_id] if task.club_id else [club.club_id for club in desk.operators.clubs()]
    members, following = 0, 0
    for club_id in club_ids:
        bench = Bench(desk, club_id)
        keeper = keeper_of(desk.settings, desk.client, bench.club, bench.clock)
        done = keeper.rebuild(task.following, lambda: time.monotonic() > end)
        members, following = members + done.renewed.members, done.following
        if done.finished:
            keeper.note_whole()
    is_left = task.club_id is not None and following < FACT_SHARDS
    return {"members": members, "following": following if is_left else None}


SEGMENT_TASKS: Mapping[type[TaskModel], Callable[[Desk, Any], dict[str, Any]]] = {
    SaveSegment: save_segment,
    ListSegments: list_segments,
    ShowSegment: show_segment,
    CountSegment: count_segment,
    RemoveSegment: remove_segment,
    RebuildFacts: rebuild_facts,
}


def _of(desk: Desk, club_id: str) -> Segments:
    bench = Bench(desk, club_id)
    return segments(desk.settings, desk.client, bench.club, bench.clock)


def _criterion(criteria: Criteria) -> Criterion:
    return read_criterion(msgspec.json.encode(criteria))


def _segment(segment: Segment) -> dict[str, Any]:
    return {
        "segment_id": segment.segment_id,
        "name": segment.name,
        "criteria": msgspec.to_builtins(segment.criterion),
        "uses_purchases": uses_purchases(segment.criterion),
        "by": segment.by,
        "saved_at": iso_instant(segment.saved_at),
    }


def _shown(club: Segments, segment: Segment) -> dict[str, Any]:
    return _segment(segment) | {"counted": _counted(club, segment.criterion)}


def _counted(club: Segments, criterion: Criterion) -> dict[str, Any] | None:
    """Whom it chooses, by numbers alone; None while no member's facts have been made."""
    audience = club.audience(criterion)
    return _numbers(audience.count()) if audience.is_known else None


def _numbers(counted: Counted) -> dict[str, Any]:
    return {
        "members": counted.seen,
        "chosen": counted.chosen,
        "left_out": {reason.value: number for reason, number in counted.left_out.items()},
        "can_be_sent": {channel.value: counted.reachable.get(channel, 0) for channel in Channel},
    }
