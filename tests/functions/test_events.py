"""The sample events under events/ are real payloads: each handler takes its own."""

from __future__ import annotations

import importlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from infra.local.home import ROOT
from stamkunde.ledger.model.receipts import OLDEST_RECEIPT
from tests.function_fixtures import CONTEXT, ORIGIN_SECRET
from tests.functions.conftest import OpenClub
from tests.till_client import TillClient

SAMPLED = datetime(2026, 11, 21, 12, 0, 5, tzinfo=UTC)


def cases(function: str) -> dict[str, Any]:
    return {path.stem: json.loads(path.read_text()) for path in sorted((ROOT / "events" / function).glob("*.json"))}


@pytest.mark.usefixtures("tables")
def test_there_is_an_event_for_every_task_of_an_operator() -> None:
    from operator_task.tasks import TASKS

    assert {event["task"] for event in cases("operator_task").values()} == {
        model.__struct_config__.tag for model in TASKS
    }


REFUSED_TASKS = {
    # The test club lives in real time, and nobody is in it yet.
    "move_clock": "clock_not_movable",
    "find_member": "unknown_member",
    "correct_member": "unknown_member",
    "approve_proposal": "unknown_proposal",
    "decline_proposal": "unknown_proposal",
    "give_bonus": "unknown_member",
    "join_household": "unknown_member",
    "leave_household": "unknown_member",
    "merge_members": "unknown_member",
    "make_coupon_codes": "coupon_unknown",
    "hand_out_voucher": "unknown_member",
    "ask_erasure": "unknown_member",
    "undo_erasure": "unknown_member",
    "look_elsewhere": "unknown_member",
    "tick_erasure": "invalid_field",
    "erase_again": "invalid_field",
    "hold_erasure": "invalid_field",
    "show_own_data": "unknown_member",
    "may_write": "unknown_member",
    "set_keeping": "forecast_needed",  # Its seal is made up.
    "publish_terms": "terms_point_empty",  # The club of this test has not said who it is.
    "attach_signed_form": "form_code_unknown",
    # No member's facts have been made yet, and no segment is saved.
    "count_segment": "facts_not_made",
    "show_segment": "unknown_segment",
    "remove_segment": "unknown_segment",
    **dict.fromkeys(
        ("edit_campaign", "copy_campaign", "preview_campaign", "try_campaign", "schedule_campaign", "show_campaign"),
        "unknown_campaign",
    ),
    **dict.fromkeys(
        ("take_back_campaign", "pause_campaign", "resume_campaign", "cancel_campaign", "explain_campaign"),
        "unknown_campaign",
    ),
    **dict.fromkeys(("preview_plan", "approve_plan", "cancel_plan", "show_plan"), "unknown_plan"),
}


@pytest.mark.parametrize("case", cases("operator_task"))
def test_an_operators_event_is_carried_out(case: str, till: TillClient, operate: Any) -> None:
    event = dict(cases("operator_task")[case])
    if "club_id" in event:
        event["club_id"] = till.club["club_id"]
    if case == "show_club":
        event["slug"] = till.club["slug"]
    fresh = {"create_club": {"slug": f"new-{till.club['slug']}"}, "create_till": {"till_id": "kasse-2"}}
    event |= fresh.get(case, {})
    if case == "create_outlet":
        event["outlet_id"] = "trojborg"
    answer = operate(**event)
    assert answer.get("code") == REFUSED_TASKS.get(case)


@pytest.mark.parametrize("function", ["till_api", "join_page", "member_page", "asset_page"])
def test_there_is_an_event_for_every_route(function: str) -> None:
    routes = importlib.import_module(f"{function}.routes").ROUTES
    assert set(cases(function)) == {route.name for route in routes}
    for case, event in cases(function).items():
        route = next(route for route in routes if route.name == case)
        assert event["requestContext"]["http"]["method"] == route.method
        assert route.pattern().fullmatch(event["rawPath"])


PAGE_ANSWERS = {
    # The events carry no browser's own token or code, so what they ask is shown again, sent back or not found.
    "join_page": {
        "lead_to_join": 308,
        "show_join": 200,
        "ask_code": 403,
        "show_code": 303,
        "join": 303,
        "ask_code_again": 303,
        "show_done": 200,
        "show_terms": 200,
        "show_terms_changes": 200,
        "show_sign_up_form": 200,
        "show_look": 200,
        "show_link": 410,
        "act_on_link": 410,
        "show_unsubscribe": 410,
        "unsubscribe": 410,
    },
    "member_page": {
        "show_card": 200,
        "ask_code": 403,
        "show_code": 303,
        "open_card": 303,
        "ask_code_again": 303,
        "show_history": 303,
        "change_permission": 303,
        "remove_devices": 303,
        "accept_terms": 303,
        "stop_everything": 303,
        "show_details": 303,
        "save_details": 303,
        "ask_email_again": 303,
        "show_number": 303,
        "ask_number_codes": 303,
        "show_number_codes": 303,
        "change_number": 303,
        "ask_number_codes_again": 303,
        "show_data": 303,
        "download_data": 303,
        "show_erasing": 303,
        "ask_erasure": 303,
        "undo_erasure": 303,
    },
    "asset_page": {"show_asset": 200, "show_openapi": 200, "show_docs": 200},
}


@pytest.mark.parametrize("function", PAGE_ANSWERS)
def test_a_browsers_event_is_understood(function: str, shop: OpenClub) -> None:
    handler = importlib.import_module(f"{function}.handler").lambda_handler
    answers = {}
    for case, event in cases(function).items():
        event["rawPath"] = event["rawPath"].replace("bager-holm", shop.club.slug)
        event["headers"]["x-stamkunde-origin"] = ORIGIN_SECRET
        answers[case] = handler(event, CONTEXT)["statusCode"]
    assert answers == PAGE_ANSWERS[function]


@pytest.mark.parametrize("case", cases("till_api"))
def test_a_tills_event_is_understood(case: str, till: TillClient) -> None:
    from till_api.handler import lambda_handler

    event = cases("till_api")[case]
    event["headers"] |= {"authorization": f"Bearer {till.key}", "x-stamkunde-origin": ORIGIN_SECRET}
    answer = json.loads(lambda_handler(event, CONTEXT)["body"])  # type: ignore[arg-type]
    # The events name nobody who exists, and carry the time they were written down: understood, then refused for that.
    assert (
        answer.get("code")
        == {
            "look_up_member": "unknown_member",
            "join_member": "acceptance_before_terms",
            "say_permissions": "unknown_member",
            "show_permission_texts": None,
            "carry_over": "unknown_member",
            "give_voucher": "unknown_member",
            "quote_purchase": "unknown_member",
            "book_purchase": "unknown_member",
            "book_purchases": None,
            "reserve": "unknown_member",
            "release": "unknown_reservation",
            "capture": "unknown_member",
            "refund_purchase": "unknown_purchase",
            # A refund without a sale waits for it, as long as receipts are taken.
            "refund_receipt": "receipt_too_old" if datetime.now(UTC) > SAMPLED + OLDEST_RECEIPT else None,
            "show_purchase": "unknown_purchase",
            "show_ledger": "unknown_member",
        }[case]
    )


@pytest.mark.parametrize(
    "function",
    [
        "ledger_stream",
        "member_stream",
        "member_facts_job",
        "facts_rebuild_job",
        "day_totals_job",
        "message_worker",
        "outbox_job",
        "ledger_job",
        "proof_job",
        "backup_job",
    ],
)
@pytest.mark.usefixtures("clubs_of_this_test")
def test_a_workers_events_are_taken(function: str) -> None:
    handler = importlib.import_module(f"{function}.handler").lambda_handler
    assert cases(function)
    for event in cases(function).values():
        handler(event, CONTEXT)
