"""Rows of the members table that say when somebody is to be looked at, and what is being done to them.

``DUE#<club>#<UTC day>#<shard>`` / ``<due instant>#<member>``: a hint, that a member is due then. It stays until what
it stands for is done. ``CASE#<club>#<case>`` / ``CASE``: something that is being done, for whom and because of which
hint. ``DUE#<club>`` / ``SWEPT``: how far the hints have been seen to.
"""

from collections.abc import Iterator
from copy import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from msgspec import Struct

from stamkunde.retention.model import StepKind
from stamkunde.shared.clock import compact_instant, days_of_utc, iso_instant, parse_compact, parse_instant
from stamkunde.shared.ids import new_id, shard_of
from stamkunde.shared.item import to_wire
from stamkunde.shared.reading import get_row, query_where
from stamkunde.shared.transaction import (
    NOT_THERE,
    THERE,
    Busy,
    ConditionFailed,
    Delete,
    Put,
    Update,
    commit,
    put_alone,
)

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

ITEM_VERSION = 1
DUE_SHARDS = 16
FORGOTTEN_AFTER = timedelta(days=30)
"""A case that nothing leads to any more, because a crash met a renewed hint, is cleared away by then."""

_AFTER_EVERY_MEMBER = "~"
_FREE = "arming = :arming AND attribute_not_exists(case_id)"
_OURS = "arming = :arming AND case_id = :case"


class Hint(Struct, frozen=True):
    """That a member is to be looked at.

    Parameters
    ----------
    due_at
        The instant of its key, as it is written there.
    arming
        Tells it from another that takes its place.
    case_id
        What is being done because of it.
    """

    pk: str
    due_at: str
    member_id: str
    arming: str
    case_id: str | None = None

    @property
    def sk(self) -> str:
        """Where it lies among those of its day and shard."""
        return f"{self.due_at}#{self.member_id}"

    @property
    def day(self) -> date:
        """The day of UTC that it lies in."""
        return date.fromisoformat(self.pk.split("#")[2])

    @property
    def instant(self) -> datetime:
        """When they are due."""
        return hint_instant(self.sk)


def hint_instant(sk: str) -> datetime:
    """When the member of a hint is due, by where it lies among those of its day and shard."""
    return parse_compact(sk.partition("#")[0])


class Case(Struct, frozen=True):
    """Something that is being done to or for a member, under an id that tells nobody of them.

    Parameters
    ----------
    kind
        What was due when it began; what is done is decided anew by the facts.
    attempt
        How often it was started.
    started_at
        When it was started last.
    """

    case_id: str
    hint: Hint
    kind: StepKind
    attempt: int
    started_at: datetime

    @property
    def member_id(self) -> str:
        """Whom it is about."""
        return self.hint.member_id


class Swept(Struct, frozen=True):
    """How far a club's members have been seen to.

    Parameters
    ----------
    until
        Whatever was due earlier is done.
    terms_version
        The newest terms of which everybody in the club was made due to be told.
    ladder
        The ladder that everybody in the club was last made due for; none before there was any.
    shards_left
        Parts of the list of accounts that are still to be gone through for that.
    """

    until: datetime
    terms_version: int
    shards_left: tuple[int, ...]
    ladder: str = ""


class DueStore:
    """One club's hints and cases. Built for one club: no method takes another's id."""

    def __init__(self, client: "DynamoDBClient", table: str, club_id: str) -> None:
        self._client = client
        self._table = table
        self._club_id = club_id

    def due_write(self, member_id: str, at: datetime) -> Put:
        """A hint to look at a member at an instant that isn't past, for the transaction that makes them due then.

        Hints are only ever added. A doubled or stale one costs a visit: what is done is decided by the facts.
        """
        day = at.astimezone(UTC).date()
        row = {
            "pk": self._due_pk(day, shard_of(member_id, DUE_SHARDS)),
            "sk": f"{compact_instant(at)}#{member_id}",
            "v": ITEM_VERSION,
            "arming": new_id("d"),
        }
        return Put("due", self._table, row)

    def arm(self, member_id: str, at: datetime) -> None:
        """Write a hint by itself."""
        put_alone(self._client, self.due_write(member_id, at))

    def due_on(self, day: date, shard: int, until: datetime) -> Iterator[Hint]:
        """The hints of a day's shard that were due by an instant, the oldest first."""
        values = {":pk": self._due_pk(day, shard), ":until": compact_instant(until) + _AFTER_EVERY_MEMBER}
        rows = query_where(self._client, self._table, "pk = :pk AND sk < :until", values, consistent=True)
        return map(_hint, rows)

    def hints_of(self, member_id: str, first: date, last: date) -> Iterator[Hint]:
        """A member's hints that lie in some days of UTC."""
        shard, day = shard_of(member_id, DUE_SHARDS), first
        while day <= last:
            rows = query_where(
                self._client, self._table, "pk = :pk", {":pk": self._due_pk(day, shard)}, consistent=True
            )
            yield from (hint for hint in map(_hint, rows) if hint.member_id == member_id)
            day += timedelta(days=1)

    def standing(self, since: datetime, until: datetime) -> Iterator[Hint]:
        """The hints that were due by an instant, and no earlier than another."""
        for day in days_of_utc(since, until):
            for shard in range(DUE_SHARDS):
                yield from self.due_on(day, shard, until)

    def put_off(self, hint: Hint, at: datetime) -> None:
        """Look at a member at another time instead: the new hint first, so that a crash leaves two and never none."""
        self.arm(hint.member_id, at)
        self.drop(hint)

    def drop(self, hint: Hint) -> None:
        """Take away a hint that stands for nothing, unless it was renewed or something is being done for it."""
        try:
            self._client.delete_item(
                TableName=self._table,
                Key=to_wire({"pk": hint.pk, "sk": hint.sk}),
                ConditionExpression=_FREE,
                ExpressionAttributeValues=to_wire({":arming": hint.arming}),
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise

    def forget(self, hint: Hint) -> None:
        """Take away a hint, and the case for it if there is one: nothing is to be done any more about that one."""
        keys = [{"pk": hint.pk, "sk": hint.sk}]
        if hint.case_id is not None:
            keys.insert(0, {"pk": self._case_pk(hint.case_id), "sk": "CASE"})
        for key in keys:
            self._client.delete_item(TableName=self._table, Key=to_wire(key))

    def claim(self, hint: Hint, kind: StepKind, now: datetime) -> Case | None:
        """Begin a case for a hint; None if another run was faster."""
        case = Case(new_id("k"), hint, kind, attempt=1, started_at=now)
        key = {"pk": hint.pk, "sk": hint.sk}
        values = {"arming": hint.arming, "case": case.case_id}
        condition = _FREE
        if hint.case_id is not None:
            condition, values["was"] = "arming = :arming AND case_id = :was", hint.case_id
        try:
            commit(
                self._client,
                [
                    Put("case", self._table, self._case_row(case), NOT_THERE),
                    Update("hint", self._table, key, "SET case_id = :case", condition, values),
                ],
            )
        except (ConditionFailed, Busy):
            return None
        return replace(case, hint=replace(hint, case_id=case.case_id))

    def start_again(self, case: Case, now: datetime) -> Case | None:
        """The case's next attempt; None if another run was faster, or it is done."""
        again = replace(case, attempt=case.attempt + 1, started_at=now)
        put = Put("case", self._table, self._case_row(again), "attempt = :before", {"before": case.attempt})
        try:
            put_alone(self._client, put)
        except (ConditionFailed, Busy):
            return None
        return again

    def hold(self, case: Case, until: datetime) -> Case | None:
        """Make no further attempt of a case until an instant; None if one was begun just now."""
        held = replace(case, started_at=until)
        values = {"attempt": case.attempt, "started": iso_instant(case.started_at)}
        put = Put("case", self._table, self._case_row(held), "attempt = :attempt AND started_at = :started", values)
        try:
            put_alone(self._client, put)
        except (ConditionFailed, Busy):
            return None
        return held

    def load_case(self, case_id: str) -> Case | None:
        """A case; None once it is done."""
        row = get_row(self._client, self._table, self._case_pk(case_id), "CASE", consistent=True)
        return _case(row) if row else None

    def close(self, case: Case) -> None:
        """End a case: the hint goes with it, unless it was renewed meanwhile or is gone.

        Raises
        ------
        Busy
            Others hold one of the two at this moment.
        """
        hint = {"pk": case.hint.pk, "sk": case.hint.sk}
        key = {"pk": self._case_pk(case.case_id), "sk": "CASE"}
        ours = {"arming": case.hint.arming, "case": case.case_id}
        try:
            commit(
                self._client,
                [
                    Delete("hint", self._table, hint, _OURS, ours),
                    Delete("case", self._table, key, THERE),
                ],
            )
        except ConditionFailed:
            self._client.delete_item(TableName=self._table, Key=to_wire(key))

    def swept(self) -> Swept | None:
        """How far the club's members have been seen to; None before the first time."""
        row = get_row(self._client, self._table, f"DUE#{self._club_id}", "SWEPT", consistent=True)
        if row is None:
            return None
        left = tuple(row["shards_left"])
        return Swept(parse_instant(row["until"]), row["terms_version"], left, row.get("ladder", ""))

    def note_swept(self, swept: Swept) -> None:
        """Write how far it has come; of two runs at once either may win, for what is seen to twice is done once."""
        row = {
            "pk": f"DUE#{self._club_id}",
            "sk": "SWEPT",
            "v": ITEM_VERSION,
            "until": iso_instant(swept.until),
            "terms_version": swept.terms_version,
            "shards_left": list(swept.shards_left),
            "ladder": swept.ladder,
        }
        self._client.put_item(TableName=self._table, Item=to_wire(row))

    def _case_row(self, case: Case) -> dict[str, Any]:
        return {
            "pk": self._case_pk(case.case_id),
            "sk": "CASE",
            "v": ITEM_VERSION,
            "hint": [case.hint.pk, case.hint.sk, case.hint.arming],
            "kind": case.kind.value,
            "attempt": case.attempt,
            "started_at": iso_instant(case.started_at),
            "expires": int((case.started_at + FORGOTTEN_AFTER).timestamp()),
        }

    def _due_pk(self, day: date, shard: int) -> str:
        return f"DUE#{self._club_id}#{day.isoformat()}#{shard:02}"

    def _case_pk(self, case_id: str) -> str:
        return f"CASE#{self._club_id}#{case_id}"


def _hint(row: dict[str, Any]) -> Hint:
    due_at, _, member_id = row["sk"].partition("#")
    return Hint(row["pk"], due_at, member_id, row["arming"], row.get("case_id"))


def _case(row: dict[str, Any]) -> Case:
    pk, sk, arming = row["hint"]
    case_id = row["pk"].rpartition("#")[2]
    hint = _hint({"pk": pk, "sk": sk, "arming": arming, "case_id": case_id})
    return Case(case_id, hint, StepKind(row["kind"]), row["attempt"], parse_instant(row["started_at"]))
