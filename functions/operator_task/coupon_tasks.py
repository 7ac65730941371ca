"""The operators' tasks for coupons: publish, list, make codes for posters, give a voucher, read the owner's notes."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from operator_task.desk import Desk, Name, TaskModel
from operator_task.ledger_tasks import Bench, Key, MemberId, write_key
from stamkunde.ledger.coupon_service import MOST_CODES, CouponDesk, CouponInUse
from stamkunde.ledger.known_coupons import ClubCoupons
from stamkunde.ledger.model.coupons import NOTICE_OF_NEW_VERSIONS, BenefitKind, Coupon, CouponAudience
from stamkunde.ledger.service import Ledger
from stamkunde.ledger.vouchers import Vouchers
from stamkunde.retention.arming import Arming
from stamkunde.retention.store import DueStore
from stamkunde.shared.clock import believable_wall_instant, iso_instant
from stamkunde.shared.patience import Patience
from stamkunde.shared.programme import ALWAYS, EVERYTHING, Hours, Selection

A_MOMENT = timedelta(seconds=5)

type WallTime = Annotated[datetime, Meta(description="With an offset, or the club's wall-clock time")]
type Codes = Annotated[int, Meta(ge=1, le=MOST_CODES)]


class Form(Struct, forbid_unknown_fields=True, frozen=True):
    """What all parts of a coupon's file have in common: a misspelt field must not widen an offer."""


class Goods(Form, frozen=True):
    """Some goods, by item number or by the till's item group."""

    item_numbers: tuple[str, ...] = ()
    item_groups: tuple[str, ...] = ()

    def to_selection(self) -> Selection:
        """As the ledger takes them."""
        return Selection(self.item_numbers, self.item_groups)


class OpenHours(Form, frozen=True):
    """Part of a week on the club's clock; an end that isn't after the begin lies on the next day."""

    weekdays: tuple[int, ...] = ()
    from_time: time | None = None
    until_time: time | None = None


class CouponFile(Form, frozen=True):
    """A coupon as its file has it; what isn't said is as it usually is. Without a begin it counts in two minutes."""

    coupon_id: str
    name: str
    benefit: Literal["free_item", "amount_off", "percent_off"]
    valid_until: WallTime
    valid_from: WallTime | None = None
    value: int = 0
    items: Goods | None = None
    required_items: Goods | None = None
    minimum_amount: int = 0
    hours: OpenHours | None = None
    outlets: tuple[str, ...] = ()
    audience: Literal["every_member", "voucher", "code"] = "every_member"
    uses_per_member: int | None = 1
    total: int | None = None
    surprise_limit: int = 0
    own_range: bool = True
    cost: int | None = None

    def to_coupon(self, time_zone: str, now: datetime) -> Coupon:
        """As the ledger takes it; its version is given when it is published."""
        hours = self.hours
        starts = self.valid_from or now + NOTICE_OF_NEW_VERSIONS
        return Coupon(
            coupon_id=self.coupon_id,
            version=0,
            name=self.name.strip(),
            benefit=BenefitKind(self.benefit),
            value=self.value,
            valid_from=believable_wall_instant(starts, time_zone, "/valid_from"),
            valid_until=believable_wall_instant(self.valid_until, time_zone, "/valid_until"),
            items=self.items.to_selection() if self.items else EVERYTHING,
            required_items=self.required_items.to_selection() if self.required_items else None,
            minimum_amount=self.minimum_amount,
            hours=Hours(hours.weekdays, hours.from_time, hours.until_time) if hours else ALWAYS,
            outlets=self.outlets,
            audience=CouponAudience(self.audience),
            uses_per_member=self.uses_per_member,
            total=self.total,
            surprise_limit=self.surprise_limit,
            own_range=self.own_range,
            cost=self.cost,
        )


class PublishCoupon(TaskModel, tag="publish_coupon"):
    """A new coupon, or a new version of one, at least two minutes ahead."""

    club_id: str
    coupon: CouponFile


class ListCoupons(TaskModel, tag="list_coupons"):
    """A club's coupons by when they end, with what is taken of totals; those that are over too, if asked for."""

    club_id: str
    over: bool = False


class MakeCodes(TaskModel, tag="make_coupon_codes"):
    """Single-use codes for a coupon; they are in the answer, and nowhere else."""

    club_id: str
    coupon_id: Name
    count: Codes


class HandOutVoucher(TaskModel, tag="hand_out_voucher"):
    """Give a member the right to use a coupon, until a last day if one is named."""

    club_id: str
    coupon_id: Name
    member_id: MemberId
    by: Name
    key: Key
    last_day: date | None = None


class ListNotes(TaskModel, tag="list_ledger_notes"):
    """What the owner is shown of one of the club's days: what people did by hand, and what wasn't honoured."""

    club_id: str
    day: date
    by: Name


type CouponTask = PublishCoupon | ListCoupons | MakeCodes | HandOutVoucher | ListNotes


def publish_coupon(desk: Desk, task: PublishCoupon) -> dict[str, Any]:
    """Carry out `PublishCoupon`."""
    bench = Bench(desk, task.club_id)
    # Some seconds more, or a begin that follows from now would be too soon by the time it is judged.
    wish = task.coupon.to_coupon(bench.club.time_zone, bench.clock.now() + A_MOMENT)
    return _coupon(_coupons(bench).publish(wish))


def list_coupons(desk: Desk, task: ListCoupons) -> dict[str, Any]:
    """Carry out `ListCoupons`."""
    return {"coupons": [_in_use(each) for each in _coupons(Bench(desk, task.club_id)).coupons(over=task.over)]}


def make_codes(desk: Desk, task: MakeCodes) -> dict[str, Any]:
    """Carry out `MakeCodes`."""
    codes = _coupons(Bench(desk, task.club_id)).make_codes(task.coupon_id, task.count)
    return {"coupon_id": task.coupon_id, "codes": codes}


def hand_out_voucher(desk: Desk, task: HandOutVoucher) -> dict[str, Any]:
    """Carry out `HandOutVoucher`."""
    bench = Bench(desk, task.club_id)
    ledger = Ledger(
        bench.ledger,
        bench.club.programmes,
        bench.club.time_zone,
        bench.clock,
        Patience(),
        bench.members.find_account,
        ClubCoupons(bench.ledger.coupons, bench.clock),
    )
    arming = Arming(bench.club, DueStore(desk.client, desk.settings.members_table, task.club_id))
    given = Vouchers(ledger, arming.day_write).hand_out(
        task.member_id, task.coupon_id, task.last_day, write_key(task, task.key)
    )
    entry = given.entry
    return {
        "entry_id": entry.entry_id,
        "member_id": entry.member_id,
        "coupon_id": task.coupon_id,
        "repeated": given.repeated,
    }


def list_notes(desk: Desk, task: ListNotes) -> dict[str, Any]:
    """Carry out `ListNotes`."""
    notes = Bench(desk, task.club_id).ledger.notes_of_day(task.day)
    return {
        "day": task.day.isoformat(),
        "notes": [
            {
                "kind": note.kind.value,
                "at": iso_instant(note.noted_at),
                "entry_id": note.entry_id,
                "account_id": note.account_id,
                "member_id": note.member_id,
                "code": note.code,
                "subject": note.subject,
            }
            for note in notes
        ],
    }


COUPON_TASKS: Mapping[type[TaskModel], Callable[[Desk, Any], dict[str, Any]]] = {
    PublishCoupon: publish_coupon,
    ListCoupons: list_coupons,
    MakeCodes: make_codes,
    HandOutVoucher: hand_out_voucher,
    ListNotes: list_notes,
}


def _coupons(bench: Bench) -> CouponDesk:
    outlets = [outlet.outlet_id for outlet in bench.desk.operators.show(bench.club_id).outlets]
    return CouponDesk(bench.ledger.coupons, outlets, bench.clock, Patience())


def _in_use(coupon: CouponInUse) -> dict[str, Any]:
    shown = _coupon(coupon.history.newest)
    return shown | {"taken": coupon.limit.taken} if coupon.limit else shown


def _coupon(coupon: Coupon) -> dict[str, Any]:
    whole: dict[str, Any] = msgspec.to_builtins(coupon)
    return whole | {"valid_from": iso_instant(coupon.valid_from), "valid_until": iso_instant(coupon.valid_until)}
