"""A surprise: staff give a member the right to use a coupon, so many a day."""

from http import HTTPStatus
from typing import Annotated, Literal

from msgspec import Meta, Struct

from stamkunde.bootstrap import TillSession
from stamkunde.http import Request, Response
from stamkunde.ledger.model.vouchers import VoucherReason
from stamkunde.ledger.vouchers import Surprise, Vouchers
from stamkunde.shared.clock import iso_instant
from till_api import requests
from till_api.idempotency import write_key
from till_api.paths import id_in_path


class SurpriseVoucher(requests.RequestModel):
    """What a member is given, why, and by whom: the owner reads it."""

    coupon_id: Annotated[str, Meta(min_length=1, max_length=30, examples=["kaffe"])]
    reason: Literal["thanks", "birthday", "waiting", "complaint", "other"]
    staff: Annotated[str, Meta(min_length=1, max_length=40, description="As the shop calls them", examples=["Ida"])]


class VoucherShown(Struct, frozen=True):
    """A voucher that a member was given; the same key again gets the same answer."""

    entry_id: str
    member_id: str | None
    coupon_id: str
    given_at: str
    reason: str


def give_voucher(session: TillSession, request: Request) -> Response:
    """Give a member a voucher as a surprise; the same key again gets the same answer, with 200 for 201."""
    member_id = id_in_path(request, "member_id", requests.MEMBER_ID, "unknown_member")
    body = request.body(SurpriseVoucher)
    wish = Surprise(
        member_id, body.coupon_id, VoucherReason(body.reason), body.staff.strip(), write_key(request, body)
    )
    given = Vouchers(session.ledger).surprise(wish, session.point)
    entry = given.entry
    shown = VoucherShown(entry.entry_id, entry.member_id, body.coupon_id, iso_instant(entry.booked_at), body.reason)
    return Response(HTTPStatus.OK if given.repeated else HTTPStatus.CREATED, shown)
