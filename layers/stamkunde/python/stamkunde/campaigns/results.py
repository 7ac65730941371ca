"""What became of each message of a campaign, by member: ``SENT#<club>#<member>`` / ``<campaign>#<channel>``.

One row a message that a gateway was called for, or may have been; whoever was passed over has none. A row lives for a
year, for the member's own questions. Its state only moves right: gateways report out of order, and knowledge is never
lost. What turns out later of an unknown message changes the run's counts in the same transaction.
"""

from collections.abc import Iterator, Mapping, Sequence
from copy import replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from stamkunde.campaigns.chunk_store import ChunkKey
from stamkunde.campaigns.model.tally import Handled, Outcome, Tally, tally_of
from stamkunde.campaigns.runs import count_write
from stamkunde.messaging.model import DeliveryState
from stamkunde.shared.channel import Channel
from stamkunde.shared.clock import iso_instant, parse_instant
from stamkunde.shared.ids import shard_of
from stamkunde.shared.reading import get_row, get_rows, query_rows
from stamkunde.shared.transaction import (
    NOT_THERE,
    THERE,
    Busy,
    ConditionFailed,
    Delete,
    Put,
    Update,
    Write,
    commit,
    delete_alone,
    put_alone,
    update_alone,
)

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

ITEM_VERSION = 1
KEPT_FOR = timedelta(days=365)
UNKNOWN_SHARDS = 4
SILENT_FOR = timedelta(minutes=30)
"""So long after the call a gateway that reports anything has reported something."""

WORKER_LOST = "worker_lost"
NO_REPORT = "no_report"

_DOUBTFUL = frozenset({DeliveryState.UNKNOWN, DeliveryState.NOT_ACCEPTED})


class Reported(StrEnum):
    """What a report changed: `nobody` if there is no such message, yet or any more."""

    NEWS = "news"
    KNOWN = "known"
    NOBODY = "nobody"


class Result(Struct, frozen=True):
    """What became of one message.

    Parameters
    ----------
    at
        When the gateway was called.
    parts, price
        What is billed, in minor units.
    provider_id
        The gateway's own id.
    reason
        Why it failed, or nobody knows; a code.
    text_version
        Of the campaign's texts that were sent.
    clicked_at
        When the link in it was first followed, where that was noted.
    first
        What its place was counted as: what turns out later changes the counts by itself. None: as it is.
    """

    key: ChunkKey
    index: int
    member_id: str
    state: DeliveryState
    at: datetime
    parts: int = 0
    price: int = 0
    text_version: int = 1
    provider_id: str | None = None
    reason: str | None = None
    reported_at: datetime | None = None
    first: DeliveryState | None = None
    clicked_at: datetime | None = None

    @property
    def counted_as(self) -> Handled:
        """What its place adds to the counts of its chunk, whenever that is asked."""
        return counted(replace(self, state=self.first or self.state))

    @property
    def channel(self) -> Channel:
        """How it was sent."""
        return self.key.channel


def outcome_of(state: DeliveryState) -> Outcome:
    """What a message is counted as."""
    match state:
        case DeliveryState.SENT | DeliveryState.DELIVERED:
            return Outcome.SENT
        case DeliveryState.UNKNOWN:
            return Outcome.UNKNOWN
        case DeliveryState.NOT_ACCEPTED:
            return Outcome.NOT_ACCEPTED
        case _:
            return Outcome.FAILED


def counted(result: Result) -> Handled:
    """What a message adds to the counts: what no gateway has taken isn't billed."""
    outcome = outcome_of(result.state)
    is_billed = outcome in {Outcome.SENT, Outcome.UNKNOWN} or result.provider_id is not None
    return Handled(outcome, parts=result.parts if is_billed else 0, price=result.price if is_billed else 0)


class Results:
    """What became of one club's campaign messages. Built for one club: no method takes another's id."""

    def __init__(self, client: "DynamoDBClient", table: str, club_id: str) -> None:
        self._client = client
        self._table = table
        self._club_id = club_id

    def load(self, member_id: str, campaign_id: str, channel: Channel) -> Result | None:
        """What became of somebody's message, as last confirmed; None if none was sent."""
        row = get_row(self._client, self._table, self._pk(member_id), f"{campaign_id}#{channel}", consistent=True)
        return _result(row) if row else None

    def of_member(self, member_id: str) -> Iterator[Result]:
        """Every campaign message that somebody was sent in the last year."""
        return map(_result, query_rows(self._client, self._table, self._pk(member_id), consistent=True))

    def record(self, result: Result) -> bool:
        """Note what became of a message whose place is counted by whoever works through its list; whether it is news.

        Less is never written over more. What isn't known leaves a hint for the minute job as well, before the row:
        a hint that leads nowhere is taken away by it.

        Raises
        ------
        Busy
            Somebody writes the same rows just now.
        """
        if result.state is DeliveryState.UNKNOWN:
            put_alone(self._client, Put("doubt", self._table, self._doubt(result)))
        try:
            put_alone(self._client, Put("result", self._table, self._row(result), NOT_THERE))
        except ConditionFailed:
            return self._improve(result)
        return True

    def _improve(self, result: Result) -> bool:
        """Of a message that somebody else thought in doubt, which whoever called for it has recorded only now."""
        found = self.load(result.member_id, result.key.campaign_id, result.channel)
        if found is None:
            raise Busy
        if found == result:
            # It is ours: the answer to the write was lost.
            return True
        if found.state not in _DOUBTFUL or result.state.after(found.state) is found.state:
            return False
        row = self._row(replace(result, first=found.first or found.state, clicked_at=found.clicked_at))
        put = Put("result", self._table, row, "outcome = :before", {"before": found.state.value})
        moved = tally_of([counted(result)]) - tally_of([counted(found)])
        try:
            commit(self._client, [put, count_write(self._table, found.key.run, moved)])
        except ConditionFailed as failed:
            raise Busy from failed
        # It is counted: by whoever thought it in doubt, and by what has moved here.
        return False

    def clicked(self, campaign_id: str, member_ids: Sequence[str]) -> set[str]:
        """Which of some members have followed the link in their e-mail; at most a hundred are asked for."""
        keys = [{"pk": self._pk(each), "sk": f"{campaign_id}#{Channel.EMAIL.value}"} for each in set(member_ids)]
        rows = get_rows(self._client, self._table, keys) if keys else []
        return {row["pk"].rpartition("#")[2] for row in rows if "clicked_at" in row}

    def note_click(self, member_id: str, campaign_id: str, channel: Channel, at: datetime) -> bool:
        """That somebody has followed the link in a message, the first time; whether there is such a message.

        Raises
        ------
        Busy
            Somebody writes the same row just now.
        """
        key = {"pk": self._pk(member_id), "sk": f"{campaign_id}#{channel.value}"}
        change = "SET clicked_at = if_not_exists(clicked_at, :at)"
        try:
            update_alone(self._client, Update("click", self._table, key, change, THERE, {"at": iso_instant(at)}))
        except ConditionFailed:
            return False
        return True

    def report(
        self,
        member_id: str,
        campaign_id: str,
        channel: Channel,
        state: DeliveryState,
        now: datetime,
        reason: str | None = None,
    ) -> Reported:
        """Note what a gateway says later; one that is told again changes nothing.

        The worker writes right after the call, so a report that comes before it finds nothing: whoever has one tries
        again for a while.

        Raises
        ------
        Busy
            Somebody writes the same rows just now.
        LookupError
            There is no run that it could be counted in.
        """
        found = self.load(member_id, campaign_id, channel)
        if found is None:
            return Reported.NOBODY
        if state.after(found.state) is found.state:
            return Reported.KNOWN
        change, values = (
            "SET outcome = :outcome, reported_at = :reported, reason = :reason, counted_as = :counted",
            {
                "outcome": state.value,
                "reported": iso_instant(now),
                "reason": reason,
                "before": found.state.value,
                "counted": (found.first or found.state).value,
            },
        )
        update = Update("result", self._table, self._key(found), change, f"{THERE} AND outcome = :before", values)
        try:
            if found.state in _DOUBTFUL:
                moved = count_write(self._table, found.key.run, _moved(found, state))
                commit(self._client, [update, moved, *self._certain(found, state)])
            else:
                update_alone(self._client, update)
        except ConditionFailed as failed:
            if failed.found.keys() == {"counts"}:
                # Tried again it would be so for ever.
                raise LookupError("a message whose run has never begun") from failed
            return self.report(member_id, campaign_id, channel, state, now, reason)
        return Reported.NEWS

    def forget(self, result: Result) -> None:
        """Take away what became of a message; again is no harm.

        Raises
        ------
        Busy
            Somebody writes the same row just now.
        """
        keys = [self._key(result)]
        if result.state in _DOUBTFUL:
            # That the minute job is to look for it: their id is in its key.
            keys.insert(0, _doubt_key(result))
        for key in keys:
            delete_alone(self._client, Delete("result", self._table, key, _GONE_OR_OURS, {"v": ITEM_VERSION}))

    def _certain(self, found: Result, state: DeliveryState) -> list[Write]:
        """The minute job needn't look for it any more."""
        if state in _DOUBTFUL:
            return []
        return [Delete("doubt", self._table, _doubt_key(found), _GONE_OR_OURS, {"v": ITEM_VERSION})]

    def _pk(self, member_id: str) -> str:
        return f"SENT#{self._club_id}#{member_id}"

    def _key(self, result: Result) -> dict[str, str]:
        return {"pk": self._pk(result.member_id), "sk": f"{result.key.campaign_id}#{result.channel.value}"}

    def _doubt(self, result: Result) -> dict[str, Any]:
        return {**_doubt_key(result), "v": ITEM_VERSION, "expires": int((result.at + SILENT_FOR * 4).timestamp())}

    def _row(self, result: Result) -> dict[str, Any]:
        optional = {
            "provider_id": result.provider_id,
            "reason": result.reason,
            "reported_at": result.reported_at and iso_instant(result.reported_at),
            "clicked_at": result.clicked_at and iso_instant(result.clicked_at),
            "counted_as": result.first and result.first.value,
        }
        return {
            **self._key(result),
            "v": ITEM_VERSION,
            "outcome": result.state.value,
            "called_at": iso_instant(result.at),
            "chunk": result.key.chunk_id,
            "place": result.index,
            "parts": result.parts,
            "price": result.price,
            "text_version": result.text_version,
            "expires": int((result.at + KEPT_FOR).timestamp()),
            **{name: value for name, value in optional.items() if value is not None},
        }


class Doubt(Struct, frozen=True):
    """A hint that nobody knows yet what became of a message."""

    club_id: str
    member_id: str
    campaign_id: str
    channel: Channel
    pk: str
    sk: str


class Doubts:
    """The messages of all clubs of which nobody knows what became of them: for the minute job alone."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def older_than(self, instant: datetime) -> Iterator[Doubt]:
        """Those whose gateway was called before an instant."""
        for shard in range(UNKNOWN_SHARDS):
            for row in query_rows(self._client, self._table, f"UNKNOWN#{shard}"):
                called_at, club_id, campaign_id, channel, member_id = row["sk"].split("#")
                if called_at >= iso_instant(instant):
                    break
                yield Doubt(club_id, member_id, campaign_id, Channel(channel), row["pk"], row["sk"])

    def forget(self, doubt: Doubt) -> None:
        """Look for it no more; again is no harm."""
        key = {"pk": doubt.pk, "sk": doubt.sk}
        delete_alone(self._client, Delete("doubt", self._table, key, _GONE_OR_OURS, {"v": ITEM_VERSION}))


_GONE_OR_OURS = f"{NOT_THERE} OR v = :v"


def _doubt_key(result: Result) -> dict[str, str]:
    shard = shard_of(result.member_id, UNKNOWN_SHARDS)
    where = f"{result.key.club_id}#{result.key.campaign_id}#{result.channel.value}#{result.member_id}"
    return {"pk": f"UNKNOWN#{shard}", "sk": f"{iso_instant(result.at)}#{where}"}


def _moved(found: Result, state: DeliveryState) -> Tally:
    """What changes in the counts by what a doubtful message turned out to be."""
    # Of what isn't delivered in the end the gateway has still taken it, and bills it.
    taken = found.provider_id if state in _DOUBTFUL else found.provider_id or ""
    return tally_of([counted(replace(found, state=state, provider_id=taken))]) - tally_of([counted(found)])


def _result(row: Mapping[str, Any]) -> Result:
    _, club_id, member_id = row["pk"].split("#")
    campaign_id, _ = row["sk"].split("#")
    reported_at, first, clicked_at = row.get("reported_at"), row.get("counted_as"), row.get("clicked_at")
    return Result(
        ChunkKey(club_id, campaign_id, row["chunk"]),
        row["place"],
        member_id,
        DeliveryState(row["outcome"]),
        parse_instant(row["called_at"]),
        row["parts"],
        row["price"],
        row["text_version"],
        row.get("provider_id"),
        row.get("reason"),
        parse_instant(reported_at) if reported_at else None,
        DeliveryState(first) if first else None,
        parse_instant(clicked_at) if clicked_at else None,
    )
