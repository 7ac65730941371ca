"""What operators see of erasures and do about them, and where else a shop looks that was asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stamkunde.retention.store import DueStore
from stamkunde.shared.clock import parse_instant
from tests.functions.test_due_job import DueClub, accepting, due

__all__ = ["due"]
PLACES = ["notebook", "mails", "applications", "paper_forms", "till_system"]
AN_ERASURE_LATER = 15


def asked_in_the_shop(due: DueClub, operate: Any) -> str:
    _, member_id = accepting(due)
    told = operate("ask_erasure", club_id=due.shop.club.club_id, member_id=member_id, by="Ida")
    assert (told["looked_in"], told["to_look_in"]) == ([], PLACES)
    return member_id


def stopped(due: DueClub, operate: Any) -> dict[str, Any]:
    """What is shown of an erasure that was begun and stopped."""
    asked_in_the_shop(due, operate)
    due.noon_after(AN_ERASURE_LATER, hours=1)
    due.run_job()
    (shown,) = operate("list_erasures", club_id=due.shop.club.club_id)["erasures"]
    return dict(shown)


def test_where_the_shop_has_looked_stands_with_the_receipt_and_says_of_nobody_whose_it_is(
    due: DueClub, operate: Any
) -> None:
    club_id = due.shop.club.club_id
    member_id = asked_in_the_shop(due, operate)
    looked = operate("look_elsewhere", club_id=club_id, member_id=member_id, place="mails", by="Ida")
    assert (looked["looked_in"], looked["to_look_in"]) == (["mails"], [each for each in PLACES if each != "mails"])
    due.hour(AN_ERASURE_LATER, hours=1)
    (receipt,) = operate("list_erasure_receipts", club_id=club_id, month=month_in(AN_ERASURE_LATER))["receipts"]
    assert (receipt["cause"], receipt["looked_in"]) == ("asked_by_staff", ["mails"])
    assert receipt["done_on"] < receipt["out_of_copies_on"]
    ticked = operate("tick_erasure", club_id=club_id, receipt=receipt["receipt"], place="notebook", by="Ida")
    assert ticked["looked_in"] == ["notebook", "mails"]
    assert ticked["to_look_in"] == ["applications", "paper_forms", "till_system"]
    assert member_id not in str([receipt, ticked])
    assert operate("list_erasures", club_id=club_id) == {"erasures": []}


def month_in(days: int) -> str:
    return f"{datetime.now(UTC) + timedelta(days=days):%Y-%m}"


def test_an_erasure_that_stopped_is_seen_and_made_again_by_another_name(due: DueClub, operate: Any) -> None:
    shown = stopped(due, operate)
    assert (shown["kind"], shown["attempts"], shown["begun_on"]) == ("remove_asked", 1, None)
    again = operate("erase_again", club_id=due.shop.club.club_id, case=shown["case"], by="Ida")
    assert again["execution"] == f"{shown['case']}-2"
    assert set(due.executions(due.erasing_machine)) == {f"{shown['case']}-1", f"{shown['case']}-2"}


def test_an_erasure_that_is_held_is_left_alone_by_the_job_until_it_is_made_again(due: DueClub, operate: Any) -> None:
    club_id, shown = due.shop.club.club_id, stopped(due, operate)
    held = operate("hold_erasure", club_id=club_id, case=shown["case"], by="Ida")
    assert held["held_until"] > shown["due_at"]
    due.noon_after(AN_ERASURE_LATER, hours=5)
    assert due.run_job()["started_again"] == 0
    operate("erase_again", club_id=club_id, case=shown["case"], by="Ida")
    due.run_erasures()
    assert operate("list_erasures", club_id=club_id) == {"erasures": []}


@pytest.mark.parametrize("hours", [-2, 2])
def test_another_hint_of_the_same_member_does_not_begin_what_is_held(due: DueClub, operate: Any, hours: int) -> None:
    club_id, shown = due.shop.club.club_id, stopped(due, operate)
    store = DueStore(due.shop.client, "members", club_id)
    case = store.load_case(shown["case"])
    assert case is not None
    store.arm(case.member_id, parse_instant(shown["tried_at"]) + timedelta(hours=hours))
    operate("hold_erasure", club_id=club_id, case=shown["case"], by="Ida")
    due.noon_after(AN_ERASURE_LATER, hours=5)
    due.run_job()
    assert set(due.executions(due.erasing_machine)) == {f"{shown['case']}-1"}
    due.noon_after(AN_ERASURE_LATER + 1, hours=5)
    due.run_job()
    assert f"{shown['case']}-2" in due.executions(due.erasing_machine)


@pytest.mark.parametrize("task", ["erase_again", "hold_erasure"])
def test_only_what_is_under_way_can_be_stopped_or_made_again(due: DueClub, operate: Any, task: str) -> None:
    told = operate(task, club_id=due.shop.club.club_id, case="k0123456789abcdef", by="Ida")
    assert (told["code"], told["pointer"]) == ("invalid_field", "/case")


def test_who_asked_on_their_own_page_is_no_business_of_the_shops_other_places(due: DueClub, operate: Any) -> None:
    _, member_id = accepting(due)
    told = operate("look_elsewhere", club_id=due.shop.club.club_id, member_id=member_id, place="mails", by="Ida")
    assert told["code"] == "invalid_field"
