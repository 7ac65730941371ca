"""What each route takes, answers and refuses: the OpenAPI document is made of it, and no Lambda loads it.

A route needs one entry in `CONTRACT`. What it does is told by its endpoint's docstring, and what its fields mean by
the models; so an entry names the models and the codes that this route refuses with beyond `EVERYWHERE` and
`WITH_A_BODY`. Every answer that a test's till gets is held against this, so a code that is missing here fails.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any

from msgspec import Meta, Struct, field

from stamkunde.http import LARGEST_BODY
from stamkunde.members.model import CONSENT_AGE, LONGEST_NAME
from stamkunde.shared.language import Worded
from stamkunde.shared.reasons import Reason
from till_api import answers, carry_over, members, refunds, requests, reservations, vouchers
from till_api.endpoints import ENTRIES_A_PAGE, MOST_ENTRIES_A_PAGE
from till_api.idempotency import LONGEST_KEY

EVERYWHERE = (
    *("key_missing", "key_unknown", "key_revoked", "origin_refused", "no_such_route", "method_not_allowed"),
    *("internal_error", "try_again"),
)
WITH_A_BODY = ("malformed_body", "body_too_large", "wrong_content_type", "invalid_field")
WITH_A_WRITE_KEY = ("idempotency_key_missing", "idempotency_key_differs")

PHONE = ("phone_has_letters", "phone_invalid", "phone_country_not_allowed")
BASKET = ("unknown_member", "currency_differs", "not_enough_bonus", "terms_not_accepted")
REDEEMED = (
    *("no_reward", "code_unknown", "code_used", "coupon_unknown", "coupon_no_voucher", "coupon_used"),
    *("coupon_not_now", "coupon_not_here", "coupon_too_many", "coupon_sold_out", "coupon_item_missing"),
    "coupon_conditions",
)
RECEIPT = ("receipt_differs", "receipt_too_old", "receipt_in_future", "not_a_member_purchase")
RESERVED = ("unknown_reservation", "reservation_over")
REFUNDED = (*RECEIPT, "refund_exceeds_sale", "too_many_refunds")

type PurchaseId = Annotated[
    str, Meta(pattern=f"^{requests.PURCHASE_ID}$", examples=["p0123456789abcdefghjkmnpq"], description="As booked")
]
type PageSize = Annotated[
    int, Meta(ge=1, le=MOST_ENTRIES_A_PAGE, description=f"Entries a page; {ENTRIES_A_PAGE} if left out")
]
type Cursor = Annotated[str, Meta(description="`next` of the page before")]


class Operation(Struct, frozen=True):
    """What a route takes and answers.

    Parameters
    ----------
    answers
        The model of each status that isn't a refusal.
    refusals
        The codes that this route refuses with, beyond those of every route like it.
    body
        The model of the body, if it takes one.
    query
        The type of each query parameter; all may be left out.
    write_key
        Whether it takes an ``Idempotency-Key``.
    """

    answers: Mapping[HTTPStatus, type[Struct]]
    refusals: tuple[str, ...]
    body: type[Struct] | None = None
    query: Mapping[str, Any] = field(default_factory=dict)
    write_key: bool = False

    def codes(self) -> tuple[str, ...]:
        """Every code that this route refuses with."""
        with_body = WITH_A_BODY if self.body else ()
        with_key = WITH_A_WRITE_KEY if self.write_key else ()
        return (*EVERYWHERE, *with_body, *with_key, *self.refusals)


PATH_PARAMETERS: Mapping[str, Any] = {
    "member_id": requests.MemberId,
    "purchase_id": PurchaseId,
    "reservation_id": requests.ReservationId,
}

CONTRACT: Mapping[str, Operation] = {
    "look_up_member": Operation(
        {HTTPStatus.OK: members.MemberShown}, ("unknown_member", "card_invalid", *PHONE), requests.LookUp
    ),
    "join_member": Operation(
        {HTTPStatus.CREATED: members.MemberShown, HTTPStatus.OK: members.MemberShown},
        (
            *PHONE,
            *("phone_not_mobile", "name_not_allowed"),
            *("unknown_terms_version", "acceptance_in_future", "acceptance_before_terms"),
            "soft_opt_in_not_allowed",
        ),
        requests.Join,
    ),
    "show_permission_texts": Operation({HTTPStatus.OK: members.SentencesShown}, ()),
    "say_permissions": Operation(
        {HTTPStatus.CREATED: members.PermissionsShown, HTTPStatus.OK: members.PermissionsShown},
        (
            *("unknown_member", "acceptance_in_future"),
            *("permission_not_asked", "email_missing", "too_young_to_say_yes"),
        ),
        requests.PermissionsSaid,
    ),
    "carry_over": Operation(
        {HTTPStatus.CREATED: carry_over.CarriedOverShown, HTTPStatus.OK: carry_over.CarriedOverShown},
        (
            *("unknown_member", "unknown_stamp_programme"),
            *("carry_over_not_offered", "carry_over_too_much", "carried_over_already"),
        ),
        carry_over.CarryOver,
        write_key=True,
    ),
    "give_voucher": Operation(
        {HTTPStatus.CREATED: vouchers.VoucherShown, HTTPStatus.OK: vouchers.VoucherShown},
        (
            *("unknown_member", "coupon_unknown", "coupon_not_given"),
            *("coupon_not_now", "voucher_given", "surprise_limit_reached"),
        ),
        vouchers.SurpriseVoucher,
        write_key=True,
    ),
    "quote_purchase": Operation({HTTPStatus.OK: answers.QuoteShown}, (*BASKET, *REDEEMED), requests.Quote),
    "book_purchase": Operation(
        {HTTPStatus.CREATED: answers.PurchaseShown, HTTPStatus.OK: answers.PurchaseShown},
        (*BASKET, *REDEEMED, *RECEIPT, *RESERVED),
        requests.Purchase,
    ),
    "book_purchases": Operation({HTTPStatus.OK: answers.BatchShown}, (), requests.Batch),
    "reserve": Operation(
        {HTTPStatus.CREATED: reservations.ReservationShown, HTTPStatus.OK: reservations.ReservationShown},
        (*BASKET, *REDEEMED, "reservation_over", "nothing_to_hold", "code_not_held", "too_many_reservations"),
        reservations.Reservation,
        write_key=True,
    ),
    "release": Operation({HTTPStatus.OK: reservations.ReleasedShown}, RESERVED),
    "capture": Operation(
        {HTTPStatus.CREATED: answers.PurchaseShown, HTTPStatus.OK: answers.PurchaseShown},
        (*BASKET, *REDEEMED, *RECEIPT, *RESERVED),
        reservations.Capture,
    ),
    "refund_purchase": Operation(
        {HTTPStatus.CREATED: refunds.RefundShown, HTTPStatus.OK: refunds.RefundShown},
        ("unknown_purchase", *REFUNDED),
        refunds.RefundOf,
    ),
    "refund_receipt": Operation(
        {
            HTTPStatus.CREATED: refunds.RefundShown,
            HTTPStatus.OK: refunds.RefundShown,
            HTTPStatus.ACCEPTED: refunds.WaitingShown,
        },
        ("unknown_till", *REFUNDED),
        refunds.RefundByReceipt,
    ),
    "show_purchase": Operation({HTTPStatus.OK: refunds.PurchaseAndRefunds}, ("unknown_purchase",)),
    "show_ledger": Operation(
        {HTTPStatus.OK: answers.LedgerShown},
        ("unknown_member", "bad_cursor", "invalid_field"),
        query={"limit": PageSize, "cursor": Cursor},
    ),
}

EXAMPLE_VALUES: Mapping[str, str | int | Worded] = {
    "allowed": "POST",
    "kilobytes": LARGEST_BODY // 1024,
    "expected": Reason("missing_field", {"field": "currency"}),
    "line": 1,
    "currency": "DKK",
    "days": 7,
    "minutes": 5,
    "most": 5,
    "coupon": "Kaffe og kage",
}
"""What the codes' texts merge, in the examples."""
OWN_EXAMPLE_VALUES: Mapping[str, Mapping[str, str | int]] = {
    "name_not_allowed": {"most": LONGEST_NAME},
    "idempotency_key_missing": {"most": LONGEST_KEY},
    "too_young_to_say_yes": {"age": CONSENT_AGE},
}
"""The same where a code has a value of its own."""
