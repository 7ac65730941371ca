"""The ledger's jobs over all clubs: each by its own clock, none held up by another's trouble."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from stamkunde.shared.item import to_wire
from tests.function_fixtures import CONTEXT, new_till
from tests.functions.test_rows import stream_records
from tests.ledger_checks import rows_of
from tests.till_client import TillClient

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

DAY = 86_400


pytestmark = pytest.mark.usefixtures("clubs_of_this_test")


def run_due() -> dict[str, int]:
    from due_job.handler import lambda_handler

    return lambda_handler({}, CONTEXT)  # type: ignore[arg-type]


def run_proof() -> dict[str, int]:
    from proof_job.handler import lambda_handler

    return lambda_handler({}, CONTEXT)  # type: ignore[arg-type]


def account_row(tables: DynamoDBClient, till: TillClient) -> dict[str, Any]:
    return next(row for row in rows_of(tables, "ledger", [till.club["club_id"]]) if row["sk"] == "ACCOUNT")


def tamper(tables: DynamoDBClient, till: TillClient) -> str:
    row = account_row(tables, till)
    row["lots"] = {lot: amount + 1 for lot, amount in row["lots"].items()}
    tables.put_item(TableName="ledger", Item=to_wire(row))
    return str(row["pk"].rpartition("#")[2])


def counted(capsys: pytest.CaptureFixture[str], metric: str) -> list[list[float]]:
    blobs = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    return [blob[metric] for blob in blobs if metric in blob]


def logged(caplog: pytest.LogCaptureFixture) -> str:
    """Everything that the log lines carry."""
    return " ".join(str(record.__dict__) for record in caplog.records)


def tell(tables: DynamoDBClient, till: TillClient) -> None:
    from ledger_stream.handler import lambda_handler

    lambda_handler(stream_records(tables, [till.club["club_id"]]), CONTEXT)  # type: ignore[arg-type]


def movable(operate: Any, **given: Any) -> TillClient:
    till = new_till(operate, clock_offset_seconds=0, **({"expiry_months": 36} | given))
    till.buy(till.join(accepts=True).body["member_id"], 10_000)
    return till


def move(operate: Any, till: TillClient, days: int) -> None:
    operate("move_clock", club_id=till.club["club_id"], clock_offset_seconds=days * DAY)


def test_what_lapses_is_posted_by_each_clubs_own_clock(operate: Any, tables: DynamoDBClient) -> None:
    moved, waiting = (movable(operate, expiry_months=1) for _ in range(2))
    run_due()
    move(operate, moved, 70)
    assert run_due()["broken"] == 0
    assert account_row(tables, moved)["lots"] == {}
    assert sum(account_row(tables, waiting)["lots"].values()) == 300
    (lapsed,) = (row for row in rows_of(tables, "ledger", [moved.club["club_id"]]) if row.get("kind") == "expire")
    run_due()
    assert [row for row in rows_of(tables, "ledger", [moved.club["club_id"]]) if row.get("kind") == "expire"] == [
        lapsed
    ]


def test_a_club_that_breaks_holds_up_no_other(
    operate: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    from stamkunde.ledger.month_end import MonthEnd

    broken, good = movable(operate), movable(operate)
    run_proof()
    for till in (broken, good):
        move(operate, till, 40)
    run = MonthEnd.run

    def break_one(month_end: MonthEnd, is_over: Any) -> Any:
        if month_end.store.club_id == broken.club["club_id"]:
            raise ValueError("+4520123456")
        return run(month_end, is_over)

    capsys.readouterr()
    caplog.clear()
    with monkeypatch.context() as patch:
        patch.setattr(MonthEnd, "run", break_one)
        counts = run_proof()
    assert (counts["kept"], counts["broken"]) == (1, 1)
    assert counted(capsys, "LedgerBroken") == [[1.0]]
    assert broken.club["club_id"] in logged(caplog)
    assert "20123456" not in logged(caplog)
    assert run_proof()["kept"] == 1


def test_a_difference_is_told_by_a_metric_and_a_line_without_a_person(
    operate: Any,
    tables: DynamoDBClient,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    till = new_till(operate)
    member_id = till.join(phone="20123456").body["member_id"]
    till.buy(member_id, 10_000)
    run_proof()
    tell(tables, till)
    account_id = tamper(tables, till)
    operate_night(tables, till)
    capsys.readouterr()
    caplog.clear()
    assert run_proof()["differences"] == 1
    assert counted(capsys, "LedgerDifferences") == [[1.0]]
    assert account_id in logged(caplog)
    assert member_id not in logged(caplog)
    assert "20123456" not in logged(caplog)
    verified = operate("verify_ledger", club_id=till.club["club_id"])
    assert verified["difference_count"] == 1
    assert verified["differences"] == [{"account_id": account_id, "what": "lots", "entry_id": None}]
    assert verified["noted_at_night"][0]["differences"] == verified["differences"]


def operate_night(tables: DynamoDBClient, till: TillClient) -> None:
    """Have this club's last night lie back a day, since it lives in real time."""
    key = {"pk": f"CARE#{till.club['club_id']}", "sk": "PROOF"}
    tables.delete_item(TableName="views", Key=to_wire(key))


def test_what_a_club_owes_is_the_sum_of_what_was_moved(till: TillClient, operate: Any) -> None:
    member_id = till.join().body["member_id"]
    till.buy(member_id, 100_000)
    till.buy(member_id, 10_000, spend_bonus=2_000)
    shown = operate("verify_ledger", club_id=till.club["club_id"])
    assert shown["next_shard"] is None
    assert (shown["accounts"], shown["entries"], shown["difference_count"]) == (1, 2, 0)
    assert shown["moved"]["earned"] == 3_240
    assert shown["moved"]["spent"] == -2_000
    assert shown["moved"]["total"] == shown["liability"]["total"] == 1_240
    assert list(shown["liability"]["by_year"].values()) == [1_240]


def test_the_liability_of_a_month_that_ended_can_be_shown(operate: Any) -> None:
    till = movable(operate)
    now = datetime.now(UTC)
    move(operate, till, 40)
    run_proof()
    later = now.timestamp() + 40 * DAY
    first = datetime.fromtimestamp(later, UTC).replace(day=1)
    ended = datetime.fromtimestamp(first.timestamp() - DAY, UTC)
    shown = operate("show_liability", club_id=till.club["club_id"], month=f"{ended:%Y-%m}")
    assert shown["is_whole"]
    assert (shown["liability"]["total"], shown["liability"]["accounts"]) == (300, 1)
    never = operate("show_liability", club_id=till.club["club_id"], month="2020-01")
    assert (never["is_whole"], never["taken_from"], never["liability"]) == (False, None, None)
    running = operate("show_liability", club_id=till.club["club_id"], month=f"{first:%Y-%m}")
    assert (running["code"], running["pointer"]) == ("month_not_over", "/month")


def test_the_command_line_says_by_its_exit_code_whether_a_ledger_differs(
    till: TillClient, operate: Any, tables: DynamoDBClient, capsys: pytest.CaptureFixture[str]
) -> None:
    from infra.ledger_commands import liability, verify

    club_id = till.club["club_id"]
    till.buy(till.join().body["member_id"], 10_000)
    capsys.readouterr()
    assert verify(operate, club_id) == 0
    assert '"adds_up": true' in capsys.readouterr().out
    assert liability(operate, club_id, None) == 0
    assert '"total": 300' in capsys.readouterr().out
    tamper(tables, till)
    assert verify(operate, club_id) == 1
    assert '"what": "lots"' in capsys.readouterr().out
