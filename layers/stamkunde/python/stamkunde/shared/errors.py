"""The vocabulary of what can go wrong: a stable code each, mapped to an HTTP status in one place."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from stamkunde.shared.language import Worded

STATUS_BY_CODE = {
    "malformed_body": 400,
    "bad_cursor": 400,
    "key_missing": 401,
    "key_unknown": 401,
    "key_revoked": 401,
    "origin_refused": 403,
    "signature_wrong": 403,
    "form_too_old": 403,
    "no_such_route": 404,
    "unknown_member": 404,
    "unknown_purchase": 404,
    "unknown_reservation": 404,
    "unknown_club": 404,
    "unknown_outlet": 404,
    "unknown_till": 404,
    "unknown_segment": 404,
    "method_not_allowed": 405,
    "already_exists": 409,
    "already_member": 409,
    "not_a_member_purchase": 409,
    "link_over": 410,
    "reservation_over": 410,
    "body_too_large": 413,
    "wrong_content_type": 415,
    "invalid_field": 422,
    "phone_has_letters": 422,
    "phone_invalid": 422,
    "phone_country_not_allowed": 422,
    "phone_not_mobile": 422,
    "card_invalid": 422,
    "code_wrong": 422,
    "code_expired": 422,
    "code_locked": 422,
    "name_not_allowed": 422,
    "email_missing": 422,
    "email_invalid": 422,
    "choice_missing": 422,
    "birth_date_invalid": 422,
    "too_young": 422,
    "too_young_to_say_yes": 422,
    "permission_not_asked": 422,
    "soft_opt_in_not_allowed": 422,
    "balancing_test_not_allowed": 422,
    "terms_changed": 422,
    "wording_changed": 422,
    "unknown_terms_version": 422,
    "acceptance_in_future": 422,
    "acceptance_before_terms": 422,
    "currency_differs": 422,
    "receipt_differs": 422,
    "refund_exceeds_sale": 422,
    "too_many_refunds": 422,
    "receipt_too_old": 422,
    "receipt_in_future": 422,
    "month_not_over": 422,
    "not_enough_bonus": 422,
    "terms_not_accepted": 422,
    "unknown_proposal": 404,
    "unknown_stamp_programme": 422,
    "proposal_over": 410,
    "carried_over_already": 409,
    "carry_over_not_offered": 422,
    "carry_over_too_much": 422,
    "not_enough_stamps": 422,
    "second_person_needed": 422,
    "own_household": 422,
    "gift_limit": 422,
    "shares_an_account": 422,
    "household_full": 422,
    "held_now": 422,
    "same_member": 422,
    "merge_too_large": 422,
    "idempotency_key_differs": 422,
    "too_many_reservations": 422,
    "too_many_segments": 422,
    "code_not_held": 422,
    "nothing_to_hold": 422,
    "no_reward": 422,
    "coupon_unknown": 422,
    "coupon_not_now": 422,
    "coupon_not_here": 422,
    "coupon_conditions": 422,
    "coupon_used": 422,
    "coupon_no_voucher": 422,
    "coupon_not_given": 422,
    "coupon_sold_out": 422,
    "coupon_item_missing": 422,
    "coupon_too_many": 422,
    "code_unknown": 422,
    "code_used": 422,
    "voucher_given": 422,
    "surprise_limit_reached": 422,
    "idempotency_key_missing": 400,
    "version_starts_too_soon": 422,
    "expiry_not_in_terms": 422,
    "terms_point_empty": 422,
    "terms_unchanged": 409,
    "figures_from_settings": 422,
    "notice_too_short": 422,
    "rate_not_in_terms": 422,
    "keeping_not_in_terms": 422,
    "forecast_needed": 422,
    "keeping_not_chosen": 422,
    "text_place_unknown": 422,
    "text_place_missing": 422,
    "text_advertises": 422,
    "form_code_unknown": 422,
    "no_signed_form": 404,
    "photo_unusable": 422,
    "clock_not_movable": 422,
    "members_own_wish": 409,
    "to_be_deleted": 409,
    "phone_unchanged": 422,
    "phone_taken": 422,
    "unknown_campaign": 404,
    "unknown_plan": 404,
    "campaign_changed": 409,
    "campaign_not_now": 409,
    "campaign_too_late": 422,
    "campaign_unfinished": 422,
    "preview_needed": 409,
    "nobody_to_write_to": 422,
    "over_ceiling": 422,
    "gateway_without_reports": 422,
    "owner_needed": 422,
    "too_many_proofs": 429,
    "too_many_messages": 429,
    "too_many_codes": 429,
    "internal_error": 500,
    "try_again": 503,
    "facts_not_made": 503,
}


@dataclass(eq=False)
class Refusal(Exception):
    """Something asked for that can't be done, and why; nothing has been written.

    Only after ``try_again`` it may have been: an answer of AWS was lost. Asking the same again finds out.

    Parameters
    ----------
    code
        One of `STATUS_BY_CODE`: what a till's software may branch on.
    values
        What the texts of this code merge; never contact data.
    pointer
        Where in the body the trouble lies, as a JSON Pointer (RFC 6901), if anywhere.
    retry_after
        Whole seconds until a new try makes sense, if it does.
    """

    code: str
    values: Mapping[str, str | int | Worded] = field(default_factory=dict)
    pointer: str | None = None
    retry_after: int | None = None

    def __post_init__(self) -> None:
        if self.code not in STATUS_BY_CODE:
            raise ValueError(f"{self.code} is not in the vocabulary of refusals")

    def __str__(self) -> str:
        return self.code

    @property
    def status(self) -> int:
        """The HTTP status of this code."""
        return STATUS_BY_CODE[self.code]
