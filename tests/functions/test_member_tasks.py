"""What an operator does to one member's account, task by task, as the command line sends it."""

from __future__ import annotations

from typing import Any

from tests.function_fixtures import new_till
from tests.till_client import TillClient


def member(till: TillClient, phone: str, *, bonus: int = 0) -> str:
    member_id: str = till.join(phone).body["member_id"]
    if bonus:
        till.buy(member_id, bonus * 10_000 // 300)
    return member_id


def test_a_member_is_found_by_the_number(till: TillClient, operate: Any) -> None:
    member_id = member(till, "20123456")
    found = operate("find_member", club_id=till.club["club_id"], phone="20 12 34 56", by="Mette")
    assert (found["member_id"], found["state"]) == (member_id, "member")


def test_a_large_correction_is_proposed_listed_and_approved_by_another(till: TillClient, operate: Any) -> None:
    club = {"club_id": till.club["club_id"]}
    wish = {"reason": "missing_receipt", "note": "Bon 17", "by": "Mette", "key": "k1", "bonus": 25_000}
    about = club | {"member_id": member(till, "20123456")}
    proposed = operate("correct_member", **about, **wish)
    assert (proposed["state"], proposed["proposed_by"]) == ("open", "Mette")
    assert operate("list_proposals", **club)["proposals"] == [proposed]
    decision = club | {"proposal_id": proposed["proposal_id"]}
    assert operate("approve_proposal", **decision, by="mette")["code"] == "second_person_needed"
    booked = operate("approve_proposal", **decision, by="Jens")
    assert (booked["amount"], booked["available"]) == (25_000, 25_000)
    assert booked["explanation"] == "250,00 kr. lagt til i butikken (en bon manglede)."
    assert operate("decline_proposal", **decision, by="Bo")["code"] == "proposal_over"
    assert operate("list_proposals", **club)["proposals"] == []


def test_the_same_key_with_another_amount_is_refused(till: TillClient, operate: Any) -> None:
    about = {"club_id": till.club["club_id"], "member_id": member(till, "20123456"), "by": "Mette", "key": "k1"}
    wish = about | {"reason": "goodwill", "note": "Regn"}
    assert operate("correct_member", **wish, bonus=100)["repeated"] is False
    assert operate("correct_member", **wish, bonus=100)["repeated"] is True
    assert operate("correct_member", **wish, bonus=101)["code"] == "idempotency_key_differs"


def test_a_gift_a_household_and_a_merge(operate: Any) -> None:
    till = new_till(operate)
    anna, bo = member(till, "20123456", bonus=900), member(till, "26123456")
    about = {"club_id": till.club["club_id"], "member_id": anna, "by": "Mette"}
    given = operate("give_bonus", **about, receiver_id=bo, bonus=300, key="k1")
    assert (given["amount"], given["explanation"]) == (-300, "3,00 kr. givet til et andet medlem.")
    shared = operate("join_household", **about, host_id=bo)
    assert shared["member_ids"] == sorted((anna, bo))
    assert till.look_up("20123456").body["balance"] == till.look_up("26123456").body["balance"]
    assert operate("leave_household", **about)["member_ids"] == [anna]
    assert operate("merge_members", **about, winner_id=bo)["member_id"] == bo
    assert till.look_up("20123456").body["member_id"] == bo
    told = [entry["explanation"] for entry in till.send("GET", f"/v1/members/{anna}/ledger").body["entries"]]
    assert told == [
        "Ingenting lagt til fra et andet medlemskab.",
        "Et medlem har forladt den fælles konto.",
        "6,00 kr. kom med, da et medlem begyndte at dele kontoen.",
        "3,00 kr. fået af et andet medlem.",
    ]
