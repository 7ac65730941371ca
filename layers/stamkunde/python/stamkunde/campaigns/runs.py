"""How far a run is, which is what a campaign sends by one channel: rows of the messages table.

``CAMPAIGN#<club>#<campaign>`` / ``RUN#<channel>``: how many chunks it has, which of them is in flight in each lane,
and what the finished ones came to. ``RUNNING#<shard>`` / ``<club>#<campaign>#<channel>``: that the minute job is to
look.

**The window.** A run has a few lanes; the chunk `n` of a lane is followed by `n + lanes`, released when `n` is done.
So however large a run is, only so many of its chunks lie in the queue, and a small one of another club waits for no
more than those. A chunk is counted by the same write that moves its lane on: once, however often that is tried.
"""

import contextlib
import math
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from stamkunde.campaigns.chunk_store import CHUNK_SIZE, Chunk, ChunkKey, ChunkStore, RunKey, chunk_key
from stamkunde.campaigns.model.tally import Tally, read_counters
from stamkunde.shared.channel import Channel
from stamkunde.shared.clock import iso_instant, parse_instant
from stamkunde.shared.ids import shard_of
from stamkunde.shared.reading import get_row, query_rows
from stamkunde.shared.transaction import (
    NOT_THERE,
    THERE,
    ConditionFailed,
    Delete,
    Put,
    Update,
    delete_alone,
    update_alone,
)

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

ITEM_VERSION = 1
RUNNING_SHARDS = 8
LEAST_LANES = 2
MOST_LANES = 50
SECONDS_AHEAD = 10
"""So much of what the gateway takes is released to the queue: enough that it never stands idle."""


def lanes_at(rate: float, chunks: int) -> int:
    """How many chunks of a run are in flight at a time, at a rate in parts a second."""
    wanted = math.ceil(rate * SECONDS_AHEAD / CHUNK_SIZE)
    return max(1, min(max(LEAST_LANES, wanted), MOST_LANES, chunks))


class Run(Struct, frozen=True):
    """How far a run is.

    Parameters
    ----------
    chunks
        How many there are.
    members
        How many are in them.
    number
        In the tokens of its links; see `stamkunde.campaigns.stop_links`.
    lanes
        By lane, the number of the chunk in flight; one that is no chunk's any more means that the lane is done.
    tally
        What the chunks that are over came to.
    """

    key: RunKey
    chunks: int
    members: int
    number: int
    lanes: tuple[int, ...]
    begun_at: datetime
    tally: Tally

    @property
    def is_over(self) -> bool:
        """Whether every chunk has been worked through."""
        return all(number >= self.chunks for number in self.lanes)

    def in_flight(self) -> list[ChunkKey]:
        """The chunks that somebody works on, or is to."""
        return [chunk_key(self.key, number) for number in self.lanes if number < self.chunks]


class RunStore:
    """One club's runs. Built for one club: no method takes another's id."""

    def __init__(self, client: "DynamoDBClient", table: str, club_id: str) -> None:
        self._client = client
        self._table = table
        self.club_id = club_id

    def begin_writes(self, run: Run) -> list[Put]:
        """That a run begins, to be written with the campaign's own change; refused if it has begun."""
        row = {
            **_run_key(self._own(run.key)),
            "v": ITEM_VERSION,
            "chunks": run.chunks,
            "members": run.members,
            "number": run.number,
            "lanes": {f"lane{lane}": number for lane, number in enumerate(run.lanes)},
            "begun_at": iso_instant(run.begun_at),
            **run.tally.counters(),
        }
        running = {**_running_key(run.key), "v": ITEM_VERSION}
        return [
            Put(f"run_{run.key.channel}", self._table, row, NOT_THERE),
            Put(f"running_{run.key.channel}", self._table, running),
        ]

    def load(self, key: RunKey) -> Run | None:
        """How far a run is, as last confirmed; None if it hasn't begun."""
        where = _run_key(self._own(key))
        row = get_row(self._client, self._table, where["pk"], where["sk"], consistent=True)
        return _run(key, row) if row else None

    def tally_so_far(self, key: RunKey) -> Tally:
        """What a run has come to, with what is done of the chunks in flight; nothing if it hasn't begun.

        The run is read first: a chunk that is counted meanwhile is still in flight in what was read.
        """
        run = self.load(key)
        if run is None:
            return Tally()
        found = map(ChunkStore(self._client, self._table, self.club_id).load, run.in_flight())
        return sum((chunk.tally for chunk in found if chunk is not None), start=run.tally)

    def finish(self, run: Run, chunk: Chunk) -> Run:
        """Count a chunk that is over and move its lane on; again changes nothing.

        Raises
        ------
        Busy
            Somebody writes the same row just now.
        """
        return self._move(run, chunk, chunk.key.number + len(run.lanes))

    def stop(self, run: Run, chunk: Chunk) -> Run:
        """Count what a chunk has sent whose campaign is over, and end its lane; again changes nothing.

        Raises
        ------
        Busy
            Somebody writes the same row just now.
        """
        return self._move(run, chunk, run.chunks)

    def _move(self, run: Run, chunk: Chunk, to: int) -> Run:
        number = chunk.key.number
        lane = f"lane{number % len(run.lanes)}"
        counters = chunk.tally.counters()
        adds = ", ".join(f"{name} :{name}" for name in counters)
        change = f"SET lanes.{lane} = :next" + (f" ADD {adds}" if adds else "")
        values = {"next": to, "this": number, **counters}
        where = _run_key(self._own(run.key))
        still = f"{THERE} AND lanes.{lane} = :this"
        with contextlib.suppress(ConditionFailed):
            update_alone(self._client, Update("lane", self._table, where, change, still, values))
        after = self.load(run.key)
        if after is None:
            raise LookupError("a run that was there is gone")
        return after

    def _own(self, key: RunKey) -> RunKey:
        if key.club_id != self.club_id:
            raise ValueError("the run is another club's")
        return key


class Running:
    """The runs of all clubs that the minute job is to look after."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def all(self) -> Iterator[RunKey]:
        """Every run that isn't over."""
        for shard in range(RUNNING_SHARDS):
            for row in query_rows(self._client, self._table, f"RUNNING#{shard}", consistent=True):
                club_id, campaign_id, channel = row["sk"].split("#")
                yield RunKey(club_id, campaign_id, Channel(channel))

    def has_any_of(self, club_id: str) -> bool:
        """Whether a run of a club isn't over."""
        shards = (f"RUNNING#{shard}" for shard in range(RUNNING_SHARDS))
        return any(
            True for pk in shards for _ in query_rows(self._client, self._table, pk, f"{club_id}#", consistent=True)
        )

    def forget(self, key: RunKey) -> None:
        """Look after it no more; again is no harm."""
        condition = f"{NOT_THERE} OR v = :v"
        delete_alone(self._client, Delete("running", self._table, _running_key(key), condition, {"v": ITEM_VERSION}))


def count_write(table: str, key: RunKey, moved: Tally) -> Update:
    """What changes in a run's counts by what turns out later of a message.

    Raises
    ------
    ValueError
        Nothing changes.
    """
    counters = moved.counters()
    if not counters:
        raise ValueError("nothing changes")
    change = "ADD " + ", ".join(f"{name} :{name}" for name in counters)
    return Update("counts", table, _run_key(key), change, THERE, dict(counters))


def _run_key(key: RunKey) -> dict[str, str]:
    return {"pk": f"CAMPAIGN#{key.club_id}#{key.campaign_id}", "sk": f"RUN#{key.channel.value}"}


def _running_key(key: RunKey) -> dict[str, str]:
    shard = shard_of(key.campaign_id, RUNNING_SHARDS)
    return {"pk": f"RUNNING#{shard}", "sk": f"{key.club_id}#{key.campaign_id}#{key.channel.value}"}


def _run(key: RunKey, row: Mapping[str, Any]) -> Run:
    lanes = row["lanes"]
    return Run(
        key,
        row["chunks"],
        row["members"],
        row["number"],
        tuple(lanes[f"lane{lane}"] for lane in range(len(lanes))),
        parse_instant(row["begun_at"]),
        read_counters(row),
    )
