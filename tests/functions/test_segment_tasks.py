"""Segments as an operator has them: saved, counted, listed, taken away; and what the functions do that keep them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from infra.segment_commands import rebuild
from stamkunde.campaigns.facts_store import FACT_SHARDS, MarkKind, MarkStore, Touched
from tests.function_fixtures import CONTEXT, new_till
from tests.functions.conftest import OpenClub
from tests.functions.test_rows import stream_records
from tests.ledger_checks import rows_of
from tests.till_client import TillClient

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

BREAD = "5701001000020"
BOUGHT_BREAD = {"is": "bought_item", "items": [BREAD], "days": 30}
EVERYBODY = {"is": "all"}


def tell_members(tables: DynamoDBClient, club_id: str) -> None:
    """What the members table's stream tells once everything of a club was written."""
    from member_stream.handler import lambda_handler

    told = ("MEMBER", "CONSENT#")
    keys = [
        {"pk": {"S": row["pk"]}, "sk": {"S": row["sk"]}}
        for row in rows_of(tables, "members", [club_id])
        if row["sk"].startswith(told)
    ]
    records = [{"eventName": "INSERT", "dynamodb": {"Keys": each}} for each in keys]
    lambda_handler({"Records": records}, CONTEXT)  # type: ignore[arg-type]


def tell_ledger(tables: DynamoDBClient, club_id: str) -> None:
    from ledger_stream.handler import lambda_handler

    lambda_handler(stream_records(tables, [club_id]), CONTEXT)  # type: ignore[arg-type]


def renew() -> dict[str, int]:
    from member_facts_job.handler import lambda_handler

    return lambda_handler({}, CONTEXT)  # type: ignore[arg-type]


def rebuild_nightly(club_id: str) -> dict[str, int]:
    from facts_rebuild_job.handler import lambda_handler

    return lambda_handler({"club_id": club_id}, CONTEXT)  # type: ignore[arg-type]


def count(operate: Any, club_id: str, criteria: dict[str, Any] | None = None) -> dict[str, Any]:
    shown: dict[str, Any] = operate("count_segment", club_id=club_id, criteria=criteria or EVERYBODY)
    assert "code" not in shown, shown
    counted: dict[str, Any] = shown["counted"]
    return counted


@pytest.fixture
def club_id(till: TillClient, operate: Any) -> str:
    """A club with two members, one of whom hasn't accepted the terms, whose facts are made."""
    club_id: str = till.club["club_id"]
    till.join(accepts=True, phone="20123456")
    till.join(accepts=False, phone="26123456")
    assert operate("rebuild_facts", club_id=club_id) == {"members": 2, "following": None}
    return club_id


def test_a_segment_is_saved_counted_shown_listed_and_taken_away(club_id: str, operate: Any) -> None:
    about = {"club_id": club_id, "segment_id": "alle"}
    saved = operate("save_segment", **about, name="Alle  medlemmer", criteria=EVERYBODY, by="Mette")
    counted = {"members": 2, "chosen": 2, "left_out": {}, "can_be_sent": {"sms": 0, "email": 0}}
    assert (saved["name"], saved["uses_purchases"], saved["counted"]) == ("Alle medlemmer", False, counted)
    assert operate("show_segment", **about) == saved
    again = operate("save_segment", **about, name="Alle", criteria={"is": "kind", "standing": "member"}, by="Ole")
    assert (again["name"], again["by"], again["counted"]["chosen"]) == ("Alle", "Ole", 1)
    (listed,) = operate("list_segments", club_id=club_id)["segments"]
    assert listed == {name: value for name, value in again.items() if name != "counted"}
    assert operate("remove_segment", **about, by="Ole")["removed"]
    assert operate("list_segments", club_id=club_id)["segments"] == []
    assert operate("show_segment", **about)["code"] == "unknown_segment"
    assert operate("remove_segment", **about, by="Ole")["code"] == "unknown_segment"


def test_who_saves_and_removes_a_segment_is_on_record(club_id: str, operate: Any) -> None:
    about = {"club_id": club_id, "segment_id": "alle", "by": "Mette"}
    operate("save_segment", **about, name="Alle", criteria=EVERYBODY)
    operate("remove_segment", **about)
    acts = [each["what"] for each in operate("show_audit", club_id=club_id, by="Ole")["acts"]]
    assert {"save_segment", "remove_segment"} <= set(acts)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"criteria": {"is": "weather"}}, "invalid_field"),
        ({"criteria": {"is": "visits", "days": 0}}, "invalid_field"),
        ({"segment_id": "Alle"}, "invalid_field"),
        ({"name": " "}, "invalid_field"),
    ],
)
def test_what_is_no_segment_is_refused(club_id: str, operate: Any, given: dict[str, Any], code: str) -> None:
    wish = {"segment_id": "alle", "name": "Alle", "criteria": EVERYBODY, "by": "Mette"}
    assert operate("save_segment", club_id=club_id, **wish | given)["code"] == code
    assert operate("list_segments", club_id=club_id)["segments"] == []


def test_of_a_club_whose_facts_were_never_made_nobody_is_counted(till: TillClient, operate: Any) -> None:
    """Nobody would be chosen, and that would be wrong."""
    till.join()
    refused = operate("count_segment", club_id=till.club["club_id"], criteria=EVERYBODY)
    assert (refused["code"], refused["status"]) == ("facts_not_made", 503)
    wish = {"segment_id": "alle", "name": "Alle", "criteria": EVERYBODY, "by": "Mette"}
    saved = operate("save_segment", club_id=till.club["club_id"], **wish)
    assert (saved["segment_id"], saved["counted"]) == ("alle", None)


def test_who_is_left_out_because_nobody_may_look_at_what_they_buy_is_counted(
    shop: OpenClub, tables: DynamoDBClient, operate: Any
) -> None:
    """R12."""
    club_id = shop.till.club["club_id"]
    shop.till.join(accepts=True)
    operate("rebuild_facts", club_id=club_id)
    counted = count(operate, club_id, BOUGHT_BREAD)
    assert (counted["chosen"], counted["left_out"]) == (0, {"purchases_not_allowed": 1})


@pytest.mark.usefixtures("clubs_of_this_test")
def test_a_yes_and_a_purchase_are_known_a_minute_later(shop: OpenClub, tables: DynamoDBClient, operate: Any) -> None:
    till, club_id = shop.till, shop.till.club["club_id"]
    assert rebuild_nightly(club_id)["members"] == 0
    number = shop.number()
    shop.joined(number, sms="yes", purchases="yes")
    member_id = till.look_up(number).body["member_id"]
    tell_members(tables, club_id)
    renew()
    assert count(operate, club_id)["can_be_sent"] == {"sms": 1, "email": 0}
    assert count(operate, club_id, BOUGHT_BREAD)["chosen"] == 0
    lines = [{"item_number": BREAD, "quantity": 1, "amount": 3_000}]
    assert till.buy(member_id, lines=lines).status == 201
    tell_ledger(tables, club_id)
    renew()
    assert count(operate, club_id, BOUGHT_BREAD) == {
        "members": 1,
        "chosen": 1,
        "left_out": {},
        "can_be_sent": {"sms": 1, "email": 0},
    }
    assert not [row for row in rows_of(tables, "views", [club_id]) if row["pk"].startswith("MARKED#")]


@pytest.mark.usefixtures("clubs_of_this_test")
def test_lost_events_are_made_good_at_night(till: TillClient, operate: Any) -> None:
    club_id = till.club["club_id"]
    till.join()
    first = rebuild_nightly(club_id)
    assert (first["members"], first["clubs"], first["unfinished"], first["broken"]) == (1, 1, 0, 0)
    assert count(operate, club_id)["members"] == 1
    assert rebuild_nightly(club_id)["members"] == 0


def test_a_stream_that_tells_twice_marks_once(till: TillClient, tables: DynamoDBClient) -> None:
    club_id = till.club["club_id"]
    member_id = till.join(accepts=True).body["member_id"]
    for _ in range(2):
        tell_members(tables, club_id)
    marks = [each.touched for each in MarkStore(tables, "views").marks() if each.touched.club_id == club_id]
    assert marks == [Touched(club_id, MarkKind.MEMBER, member_id)]
    renew()


def test_a_rebuild_goes_on_part_by_part(
    club_id: str, operate: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command asks again for what is left, and adds it up."""
    from operator_task import segment_tasks

    asked: list[int] = []

    def ask(task: str, **given: Any) -> dict[str, Any]:
        asked.append(given["following"])
        # No time at all: nothing is done, and the same part is left.
        monkeypatch.setattr(segment_tasks, "WORK_SECONDS", -1.0 if len(asked) == 1 else 120.0)
        answer: dict[str, Any] = operate(task, **given)
        return answer

    assert rebuild(ask, club_id) == 0
    assert asked == [0, 0]
    assert json.loads(capsys.readouterr().out) == {"members": 2}
    assert operate("rebuild_facts", club_id=club_id, following=FACT_SHARDS)["code"] == "invalid_field"


@pytest.mark.usefixtures("clubs_of_this_test")
def test_without_a_club_all_of_them_are_made_anew(club_id: str, operate: Any) -> None:
    other = new_till(operate)
    other.join()
    assert operate("rebuild_facts") == {"members": 3, "following": None}
