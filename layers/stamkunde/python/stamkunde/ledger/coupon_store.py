"""Rows of coupons: what they say, how many are left of all, single-use codes.

``COUPONS#<club>``: a row a coupon with all its versions, sorted by the instant it is over, so that one Query reads
those that aren't. ``COUPON#<club>#<coupon>``: ``COUPON``, where that row lies; ``LIMIT``, how many of a total are
taken; ``SURPRISE#<day>``, how many vouchers staff gave away on a day. ``CODE#<club>#<hash>``: a single-use code.

**A total is kept by conditions, never by looking first.** Every use of a coupon that has a `total` puts one of these
into the transaction of what it belongs to; `Limit.taken` counts what is used *and* what is held:

- a purchase: `take_write`;
- a reservation: `hold_write`; then either `capture_write` in the purchase's transaction (no `take_write` then), or
  `release_write` (`redemption_writes` puts together what a purchase needs, with a hold or without);
- a refund that gives the use back: `give_back_write`, if the purchase's `Benefit.limited` says that one was taken.

The purpose that fails is ``limit:<coupon>`` (`limit_purpose`), with the row as it stands in `ConditionFailed.found`.
For `take_write` and `hold_write` it means that none is left, unless holds have ended: `sweep_write` of
`limit_from_row(found)` takes those out (a write of its own), after which the caller tries again; None says that there
is nothing to take out, and the coupon is sold out. For `capture_write` and `release_write` it means that the hold was
taken out, perhaps by a clock that is ahead: a purchase takes it anew then, and a release has nothing to give back.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from stamkunde.ledger.model.coupons import Coupon, CouponHistory, FoundCode
from stamkunde.ledger.model.entries import Benefit, BenefitSource
from stamkunde.shared.clock import compact_instant, iso_instant
from stamkunde.shared.item import from_wire, to_wire
from stamkunde.shared.reading import get_row
from stamkunde.shared.transaction import NOT_THERE, THERE, UNCHANGED, Delete, Put, Update, Write, commit

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

ITEM_VERSION = 1
_HOLD_ID = re.compile(r"[a-z][0-9a-z]+")

NOTHING_KEPT: Mapping[str, int] = MappingProxyType({})


class Limit(Struct, frozen=True):
    """How much of a coupon's total is taken.

    Parameters
    ----------
    taken
        Used and held together.
    holds
        By hold: the second it ends at, and how many it holds.
    """

    coupon_id: str
    taken: int
    holds: Mapping[str, tuple[int, int]]

    def left(self, total: int, now: datetime) -> int:
        """How many nobody has taken, those that ended holds held among them."""
        return max(0, total - self.taken + sum(self.ended(now).values()))

    def ended(self, now: datetime) -> dict[str, int]:
        """Holds that have ended and still stand in it, with how many each holds."""
        return {hold_id: held for hold_id, (until, held) in self.holds.items() if until <= now.timestamp()}


class CouponStore:
    """One club's coupons. Built for one club: no method takes another's id."""

    def __init__(self, client: "DynamoDBClient", table: str, club_id: str) -> None:
        self._client = client
        self._table = table
        self.club_id = club_id

    def not_over_at(self, at: datetime) -> Iterator[CouponHistory]:
        """Coupons that aren't over at an instant, also those that haven't begun: one Query."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pk AND sk > :sk",
            ExpressionAttributeValues=to_wire({":pk": self._list_pk, ":sk": compact_instant(at)}),
            ConsistentRead=True,
        )
        return (_history(from_wire(item)) for page in pages for item in page["Items"])

    def over_before(self, at: datetime) -> Iterator[CouponHistory]:
        """Coupons that were over before an instant: one Query."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pk AND sk < :sk",
            ExpressionAttributeValues=to_wire({":pk": self._list_pk, ":sk": compact_instant(at)}),
            ConsistentRead=True,
        )
        return (_history(from_wire(item)) for page in pages for item in page["Items"])

    def find(self, coupon_id: str) -> CouponHistory | None:
        """A coupon, over or not, as last confirmed."""
        place = get_row(self._client, self._table, self._pk(coupon_id), "COUPON", consistent=True)
        if place is None:
            return None
        row = get_row(self._client, self._table, self._list_pk, place["listed"], consistent=True)
        return _history(row) if row else None

    def publish_writes(self, before: CouponHistory | None, after: CouponHistory) -> list[Write]:
        """A new coupon, or a new version of one; refused if another came between."""
        coupon_id = after.newest.coupon_id
        place = {"pk": self._pk(coupon_id), "sk": "COUPON", "v": ITEM_VERSION, "listed": _listed(after)}
        place["revision"] = len(after.versions)
        row = {"pk": self._list_pk, "sk": _listed(after), "v": ITEM_VERSION}
        row["versions"] = [msgspec.to_builtins(version) for version in after.versions]
        listed = Put("list", self._table, row)
        if before is None:
            limit = {"pk": self._pk(coupon_id), "sk": "LIMIT", "v": ITEM_VERSION, "taken": 0, "holds": {}}
            return [
                Put("coupon", self._table, place, NOT_THERE),
                listed,
                Put("limit", self._table, limit, NOT_THERE),
            ]
        moved = Put("coupon", self._table, place, UNCHANGED, {"before": len(before.versions)})
        if _listed(before) == _listed(after):
            return [moved, listed]
        key = {"pk": self._list_pk, "sk": _listed(before)}
        return [moved, listed, Delete("old place", self._table, key, THERE)]

    def limit(self, coupon_id: str) -> Limit | None:
        """How much of a coupon's total is taken, perhaps a moment behind: to tell, never to decide."""
        row = get_row(self._client, self._table, self._pk(coupon_id), "LIMIT", consistent=False)
        return limit_from_row(row) if row else None

    def take_write(self, coupon: Coupon, uses: int = 1) -> Update:
        """Some of a coupon's total, refused if so many aren't left; only for coupons with a total."""
        room = {"uses": uses, "room": _total(coupon) - uses}
        return self._limit_update(coupon.coupon_id, "SET taken = taken + :uses", "taken <= :room", room)

    def hold_write(self, coupon: Coupon, hold_id: str, until: datetime, uses: int = 1) -> Update:
        """Some of a coupon's total set aside, refused if so many aren't left, or if this hold is there."""
        hold = _hold(hold_id)
        return self._limit_update(
            coupon.coupon_id,
            f"SET taken = taken + :uses, {hold} = :held",
            f"taken <= :room AND attribute_not_exists({hold})",
            {"uses": uses, "room": _total(coupon) - uses, "held": [math.ceil(until.timestamp()), uses]},
        )

    def capture_write(self, coupon: Coupon, hold_id: str, more: int = 0) -> Update:
        """What was held is used, and `more` of the total beyond it: fewer than were held is less than 0.

        Refused if the hold isn't there any more, or if so many aren't left.
        """
        hold = _hold(hold_id)
        change, condition = f"SET taken = taken + :more REMOVE {hold}", f"attribute_exists({hold})"
        values = {"more": more}
        if more > 0:
            condition, values = f"{condition} AND taken <= :room", values | {"room": _total(coupon) - more}
        return self._limit_update(coupon.coupon_id, change, condition, values)

    def release_write(self, coupon_id: str, hold_id: str, uses: int = 1) -> Update:
        """What was held is free again; refused if the hold isn't there any more."""
        hold = _hold(hold_id)
        change = f"SET taken = taken - :uses REMOVE {hold}"
        return self._limit_update(coupon_id, change, f"attribute_exists({hold})", {"uses": uses})

    def give_back_write(self, coupon_id: str, uses: int = 1) -> Update:
        """Uses that were refunded are free again."""
        return self._limit_update(coupon_id, "SET taken = taken - :uses", "taken >= :uses", {"uses": uses})

    def sweep_write(self, limit: Limit, now: datetime) -> Update | None:
        """What holds that have ended held is free again; None where there are none."""
        ended = limit.ended(now)
        if not ended:
            return None
        holds = [_hold(hold_id) for hold_id in ended]
        return self._limit_update(
            limit.coupon_id,
            f"SET taken = taken - :held REMOVE {', '.join(holds)}",
            " AND ".join(f"attribute_exists({hold})" for hold in holds),
            {"held": sum(ended.values())},
        )

    def surprise_write(self, coupon: Coupon, day: date) -> Update:
        """One of the vouchers that staff may give away on a day of the club's, refused if all are given."""
        return Update(
            "surprise",
            self._table,
            {"pk": self._pk(coupon.coupon_id), "sk": f"SURPRISE#{day.isoformat()}"},
            "SET v = :v ADD given :one",
            "attribute_not_exists(given) OR given < :most",
            {"v": ITEM_VERSION, "one": 1, "most": coupon.surprise_limit},
        )

    def redemption_writes(
        self,
        benefits: Iterable[Benefit],
        coupons: Mapping[str, Coupon],
        hold_id: str | None = None,
        kept: Mapping[str, int] = NOTHING_KEPT,
    ) -> list[Update]:
        """What a receipt's coupons and codes take of totals, and which codes are used from now on.

        Parameters
        ----------
        coupons
            By id, the versions that the receipt was settled by.
        kept
            By coupon, how many its total keeps back for the hold that is captured with the receipt.
        """
        given = [each for each in benefits if each.source is not BenefitSource.REWARD]
        used = Counter(each.name for each in given if each.limited)
        writes = []
        for coupon_id in {**used, **kept}:
            coupon = coupons[coupon_id]
            if coupon.total is None:
                continue
            if hold_id and coupon_id in kept:
                writes.append(self.capture_write(coupon, hold_id, used[coupon_id] - kept[coupon_id]))
            else:
                writes.append(self.take_write(coupon, used[coupon_id]))
        return writes + [self.code_use_write(each.code_hash) for each in given if each.code_hash]

    def find_code(self, code_hash: str) -> FoundCode | None:
        """A single-use code by its hash, as last confirmed."""
        row = get_row(self._client, self._table, self._code_pk(code_hash), "CODE", consistent=True)
        return FoundCode(row["coupon"], code_hash, row["used"]) if row else None

    def new_code_writes(self, coupon_id: str, code_hashes: Iterable[str], made_at: datetime) -> list[Put]:
        """New single-use codes, by their hashes only."""
        row = {"sk": "CODE", "v": ITEM_VERSION, "coupon": coupon_id, "used": False, "made_at": iso_instant(made_at)}
        return [
            Put(f"code:{each}", self._table, {"pk": self._code_pk(each), **row}, NOT_THERE) for each in code_hashes
        ]

    def code_use_write(self, code_hash: str) -> Update:
        """A code is used, refused if it has been."""
        return self._code_update(code_hash, used=True)

    def code_back_write(self, code_hash: str) -> Update:
        """A code whose purchase was refunded can be used again."""
        return self._code_update(code_hash, used=False)

    def commit(self, writes: Sequence[Write]) -> None:
        """Write everything or nothing; see `stamkunde.shared.transaction.commit`."""
        commit(self._client, writes)

    def _limit_update(self, coupon_id: str, change: str, condition: str, values: dict[str, Any]) -> Update:
        key = {"pk": self._pk(coupon_id), "sk": "LIMIT"}
        return Update(limit_purpose(coupon_id), self._table, key, change, condition, values)

    def _code_update(self, code_hash: str, *, used: bool) -> Update:
        key = {"pk": self._code_pk(code_hash), "sk": "CODE"}
        values = {"after": used, "before": not used}
        return Update(f"code:{code_hash}", self._table, key, "SET used = :after", "used = :before", values)

    @property
    def _list_pk(self) -> str:
        return f"COUPONS#{self.club_id}"

    def _pk(self, coupon_id: str) -> str:
        return f"COUPON#{self.club_id}#{coupon_id}"

    def _code_pk(self, code_hash: str) -> str:
        return f"CODE#{self.club_id}#{code_hash}"


def limit_purpose(coupon_id: str) -> str:
    """What a write of a coupon's total is for, in `ConditionFailed.found`."""
    return f"limit:{coupon_id}"


def limit_from_row(row: Mapping[str, Any]) -> Limit:
    """A coupon's total that a failed condition found, or a read gave."""
    holds = {hold_id: (until, held) for hold_id, (until, held) in row["holds"].items()}
    return Limit(row["pk"].rpartition("#")[2], row["taken"], holds)


def _total(coupon: Coupon) -> int:
    if coupon.total is None:
        raise ValueError("the coupon has no total")
    return coupon.total


def _hold(hold_id: str) -> str:
    """Where a hold stands in its row: part of an expression, so only our own kind of id may be."""
    if not _HOLD_ID.fullmatch(hold_id):
        raise ValueError("not a hold's id")
    return f"holds.{hold_id}"


def _listed(history: CouponHistory) -> str:
    return f"{compact_instant(history.over_at)}#{history.newest.coupon_id}"


def _history(row: Mapping[str, Any]) -> CouponHistory:
    return CouponHistory(tuple(msgspec.convert(version, Coupon) for version in row["versions"]))
