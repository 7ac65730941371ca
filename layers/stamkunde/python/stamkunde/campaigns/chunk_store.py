"""A campaign's lists, a hundred members each, and who works on which: rows of the messages table.

``CHUNK#<club>#<campaign>#<chunk>``: ``LIST``, whom it is for, written once and never changed but by an erasure; and
``STATE``, how far it is and who has it. A run is what a campaign sends by one channel; its chunks are numbered from
0, and a chunk is named by its channel's letter and its number: ``s12``, ``e0``. Lists live for 35 days.
"""

from collections.abc import Collection, Mapping, Sequence
from copy import replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from stamkunde.campaigns.model.left_out import LeftOut
from stamkunde.campaigns.model.tally import Tally, read_counters
from stamkunde.shared.channel import Channel
from stamkunde.shared.clock import iso_instant, parse_instant
from stamkunde.shared.ids import new_id
from stamkunde.shared.reading import get_row
from stamkunde.shared.transaction import NOT_THERE, ConditionFailed, Put, Update, put_alone, update_alone

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

ITEM_VERSION = 1
CHUNK_SIZE = 100
LISTS_LAST = timedelta(days=35)
LEASE_LASTS = timedelta(seconds=120)
"""Whoever had a chunk and hasn't written for so long is gone: a worker waits 20 s for its slot and 10 s for a
gateway, and writes after every 20 messages."""

MOST_TRIES = 5
"""How often a chunk is taken without getting any further before it is given up, visibly."""

HASH_BEGINS = 8
"""Characters of an address's hash that tell it from the one that its owner had before."""

NOBODY = ""
"""In the place of an id that was erased."""

_LETTERS = {Channel.SMS: "s", Channel.EMAIL: "e"}
_CHANNELS = {letter: channel for channel, letter in _LETTERS.items()}


class RunKey(Struct, frozen=True):
    """One channel of a campaign's sending."""

    club_id: str
    campaign_id: str
    channel: Channel


class ChunkKey(Struct, frozen=True):
    """Where a chunk lies; all that a wake-up carries."""

    club_id: str
    campaign_id: str
    chunk_id: str

    @property
    def channel(self) -> Channel:
        """How its members are written to."""
        return _CHANNELS[self.chunk_id[0]]

    @property
    def number(self) -> int:
        """Which of its run's chunks it is, from 0."""
        return int(self.chunk_id[1:])

    @property
    def run(self) -> RunKey:
        """What it is a part of."""
        return RunKey(self.club_id, self.campaign_id, self.channel)

    @property
    def pk(self) -> str:
        """Where its rows lie."""
        return f"CHUNK#{self.club_id}#{self.campaign_id}#{self.chunk_id}"

    def wake_up(self) -> dict[str, str]:
        """What the queue carries."""
        return {"club": self.club_id, "campaign": self.campaign_id, "chunk": self.chunk_id}


def chunk_key(run: RunKey, number: int) -> ChunkKey:
    """The key of a run's chunk by its number."""
    return ChunkKey(run.club_id, run.campaign_id, f"{_LETTERS[run.channel]}{number}")


def read_wake_up(body: Mapping[str, str]) -> ChunkKey:
    """The key that a wake-up carries."""
    return ChunkKey(body["club"], body["campaign"], body["chunk"])


class ChunkStatus(StrEnum):
    """Where a chunk stands.

    `failed`: no worker could work through it. `stopped`: its campaign was over before it was.
    """

    READY = "ready"
    LEASED = "leased"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"

    @property
    def is_over(self) -> bool:
        """Whether nobody works on it any more."""
        return self in {ChunkStatus.DONE, ChunkStatus.FAILED, ChunkStatus.STOPPED}


class Chunk(Struct, frozen=True):
    """How far a chunk is.

    Parameters
    ----------
    size
        How many its list holds.
    expires
        The second from which its rows may go.
    fence
        Counts who had it: whoever has lost it can't write any more.
    at
        All places before this one are handled.
    tries
        How often it was taken since it got further.
    leased_until
        In real time.
    not_before
        Nobody takes it before, by the club's clock.
    left_out
        By place, why somebody wasn't written to.
    under_way
        By place, the beginning of the address's hash of those whom somebody may just be writing to, or was when they
        died. Where another address stands by now, nobody knows whether the one before was written to.
    lease_id
        Tells whoever took it that it was them, when the answer to that was lost.
    """

    key: ChunkKey
    size: int
    expires: int
    status: ChunkStatus = ChunkStatus.READY
    fence: int = 0
    at: int = 0
    tries: int = 0
    leased_until: datetime | None = None
    not_before: datetime | None = None
    tally: Tally = field(default_factory=Tally)
    left_out: Mapping[int, LeftOut] = field(default_factory=dict)
    under_way: Mapping[int, str] = field(default_factory=dict)
    lease_id: str = ""

    def is_free(self, now: datetime) -> bool:
        """Whether somebody may take it."""
        lost = self.leased_until is not None and now >= self.leased_until
        return self.status is ChunkStatus.READY or (self.status is ChunkStatus.LEASED and lost)

    def may_be_woken(self, now: datetime, club_now: datetime) -> bool:
        """Whether a wake-up would find something to do, in real time and by the club's clock."""
        return self.is_free(now) and (self.not_before is None or club_now >= self.not_before)

    def leased(self, now: datetime) -> "Chunk":
        """Once a worker has taken it."""
        return replace(
            self,
            status=ChunkStatus.LEASED,
            fence=self.fence + 1,
            tries=self.tries + 1,
            leased_until=now + LEASE_LASTS,
            not_before=None,
            lease_id=new_id("", 12),
        )

    def writing_to(self, hashes: Mapping[int, str], now: datetime) -> "Chunk":
        """Before some places are written to, by their addresses' hashes; what stands there of before stays."""
        begun = {index: address_hash[:HASH_BEGINS] for index, address_hash in hashes.items()}
        return replace(self, leased_until=now + LEASE_LASTS, under_way={**begun, **self.under_way})

    def was_not_written_to(self, places: Collection[int]) -> "Chunk":
        """Once it is sure that the gateway has taken nothing for some places."""
        under_way = {index: each for index, each in self.under_way.items() if index not in places}
        return replace(self, under_way=under_way)

    def may_be_elsewhere(self, index: int, address_hash: str | None) -> bool:
        """Whether somebody may have written to a place's former address, which it hasn't any more."""
        before = self.under_way.get(index)
        return before is not None and (address_hash is None or not address_hash.startswith(before))

    def further(self, at: int, tally: Tally, left_out: Mapping[int, LeftOut], now: datetime) -> "Chunk":
        """Once the places before `at` are handled: done with the last of them."""
        return replace(
            self,
            status=ChunkStatus.DONE if at >= self.size else ChunkStatus.LEASED,
            at=at,
            tries=0,
            leased_until=now + LEASE_LASTS,
            tally=self.tally + tally,
            left_out={**self.left_out, **left_out},
            under_way={index: each for index, each in self.under_way.items() if index >= at},
        )

    def given_back(self, not_before: datetime | None = None, *, got_further: bool = False) -> "Chunk":
        """Once its worker lets others take it.

        Parameters
        ----------
        got_further
            Nothing is wrong with it: this try doesn't count.
        """
        tries = max(0, self.tries - 1) if got_further else self.tries
        return replace(self, status=ChunkStatus.READY, tries=tries, leased_until=None, not_before=not_before)

    def given_up(self, settled: Tally) -> "Chunk":
        """Once nobody is to try any more: what is left of it is counted as unsent, so that it is seen.

        Parameters
        ----------
        settled
            What whoever had it last has sent beyond `at`.
        """
        unsent = Tally(unsent=self.size - self.at - settled.handled)
        return self._over(ChunkStatus.FAILED, settled + unsent)

    def stopped(self, settled: Tally) -> "Chunk":
        """Once its campaign is over: what it has sent is all that it ever will; see `given_up`."""
        return self._over(ChunkStatus.STOPPED, settled)

    def _over(self, status: ChunkStatus, came_to: Tally) -> "Chunk":
        return replace(self, status=status, fence=self.fence + 1, tally=self.tally + came_to, under_way={})


class LeaseLost(Exception):
    """Somebody else has the chunk by now: stop at once, whatever is left."""


class ChunkStore:
    """One club's chunks. Built for one club: no method takes another's id."""

    def __init__(self, client: "DynamoDBClient", table: str, club_id: str) -> None:
        self._client = client
        self._table = table
        self.club_id = club_id

    def write(self, key: ChunkKey, member_ids: Sequence[str], now: datetime) -> None:
        """Freeze a list of at most 100 members; again, with the same or another list, changes nothing.

        The list comes first: whoever finds a chunk finds whom it is for.

        Raises
        ------
        Busy
            Somebody writes the same rows just now.
        """
        for intent in self.writes(key, member_ids, now):
            try:
                put_alone(self._client, intent)
            except ConditionFailed:
                continue

    def writes(self, key: ChunkKey, member_ids: Sequence[str], now: datetime) -> list[Put]:
        """The list and its state, each refused if it is there already."""
        if not 0 < len(member_ids) <= CHUNK_SIZE:
            raise ValueError(f"a chunk holds 1 to {CHUNK_SIZE} members, not {len(member_ids)}")
        expires = int((now + LISTS_LAST).timestamp())
        row = {"pk": self._pk(key), "sk": "LIST", "v": ITEM_VERSION, "members": [*member_ids], "expires": expires}
        listed = Put("list", self._table, row, NOT_THERE)
        return [listed, Put("chunk", self._table, self._row(Chunk(key, len(member_ids), expires)), NOT_THERE)]

    def members(self, key: ChunkKey) -> list[str]:
        """Whom a chunk is for, by place; `NOBODY` where somebody was erased. Empty once the list is cleared away."""
        row = get_row(self._client, self._table, self._pk(key), "LIST", consistent=True)
        return list(row["members"]) if row else []

    def member_at(self, key: ChunkKey, index: int) -> str | None:
        """Who has a place in a chunk; None if nobody has (any more)."""
        members = self.members(key)
        return (members[index] or None) if 0 <= index < len(members) else None

    def load(self, key: ChunkKey) -> Chunk | None:
        """How far a chunk is, as last confirmed."""
        row = get_row(self._client, self._table, self._pk(key), "STATE", consistent=True)
        return _chunk(key, row) if row else None

    def lease(self, chunk: Chunk, now: datetime) -> Chunk | None:
        """Take a chunk that is free; None if somebody was quicker.

        Raises
        ------
        Busy
            Somebody writes the same row just now.
        """
        taken = chunk.leased(now)
        try:
            self._put(taken, chunk.fence)
        except ConditionFailed:
            found = self.load(chunk.key)
            return found if found is not None and found.lease_id == taken.lease_id else None
        return taken

    def save(self, chunk: Chunk, *, fence: int | None = None) -> Chunk:
        """Write how far a chunk is by whoever has it.

        Parameters
        ----------
        fence
            The one that was read, if this write changes it.

        Raises
        ------
        LeaseLost
            Somebody else has it by now.
        Busy
            Somebody writes the same row just now.
        """
        try:
            self._put(chunk, chunk.fence if fence is None else fence)
        except ConditionFailed as failed:
            raise LeaseLost from failed
        return chunk

    def forget_place(self, key: ChunkKey, index: int, member_id: str) -> None:
        """Take somebody who is erased out of a list; again is no harm.

        Raises
        ------
        Busy
            Somebody writes the same row just now.
        """
        where = {"pk": self._pk(key), "sk": "LIST"}
        place = f"members[{index}]"
        values = {"nobody": NOBODY, "person": member_id}
        try:
            update_alone(
                self._client,
                Update("list", self._table, where, f"SET {place} = :nobody", f"{place} = :person", values),
            )
        except ConditionFailed:
            return

    def _put(self, chunk: Chunk, fence: int) -> None:
        put_alone(self._client, Put("chunk", self._table, self._row(chunk), "fence = :fence", {"fence": fence}))

    def _pk(self, key: ChunkKey) -> str:
        if key.club_id != self.club_id:
            raise ValueError("the chunk is another club's")
        return key.pk

    def _row(self, chunk: Chunk) -> dict[str, Any]:
        optional = {
            "leased_until": chunk.leased_until and iso_instant(chunk.leased_until),
            "not_before": chunk.not_before and iso_instant(chunk.not_before),
            "left_out": _by_reason(chunk.left_out),
            "tally": chunk.tally.counters(),
            "lease": chunk.lease_id,
            "under_way": {str(index): each for index, each in chunk.under_way.items()},
        }
        return {
            "pk": self._pk(chunk.key),
            "sk": "STATE",
            "v": ITEM_VERSION,
            "state": chunk.status.value,
            "places": chunk.size,
            "fence": chunk.fence,
            "handled": chunk.at,
            "tries": chunk.tries,
            "expires": chunk.expires,
            **{name: value for name, value in optional.items() if value},
        }


def _by_reason(left_out: Mapping[int, LeftOut]) -> dict[str, list[int]]:
    """Short in the row: a reason stands there once."""
    reasons = dict.fromkeys(left_out.values())
    return {reason.value: [place for place, why in left_out.items() if why is reason] for reason in reasons}


def _chunk(key: ChunkKey, row: Mapping[str, Any]) -> Chunk:
    leased_until, not_before = row.get("leased_until"), row.get("not_before")
    return Chunk(
        key,
        size=row["places"],
        expires=row["expires"],
        status=ChunkStatus(row["state"]),
        fence=row["fence"],
        at=row["handled"],
        tries=row["tries"],
        leased_until=parse_instant(leased_until) if leased_until else None,
        not_before=parse_instant(not_before) if not_before else None,
        tally=read_counters(row.get("tally", {})),
        left_out={place: LeftOut(reason) for reason, places in row.get("left_out", {}).items() for place in places},
        lease_id=row.get("lease", ""),
        under_way={int(index): each for index, each in row.get("under_way", {}).items()},
    )
