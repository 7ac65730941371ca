"""What the ledger's functions do once in a while, so that it isn't AWS that first refuses it (tests/rights.py)."""

from __future__ import annotations

from copy import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from stamkunde.ledger.care_store import touch_accounts
from stamkunde.ledger.refunds import Refunds
from tests.function_fixtures import CONTEXT, new_till
from tests.ledger_checks import rows_of
from tests.till_client import TillClient

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

BAG = "5701001000037"
IN_A_MONTH = datetime.now(UTC) + timedelta(days=30)


def publish(till: TillClient, operate: Any, valid_until: datetime = IN_A_MONTH, **given: Any) -> dict[str, Any]:
    coupon = {
        "coupon_id": "pose",
        "name": "Fastelavnspose",
        "benefit": "free_item",
        "items": {"item_numbers": [BAG]},
        "valid_until": valid_until.isoformat(),
        "total": 40,
    }
    shown: dict[str, Any] = operate("publish_coupon", club_id=till.club["club_id"], coupon=coupon | given)
    assert "code" not in shown, shown
    return shown


@pytest.fixture
def shop(operate: Any) -> TillClient:
    """A club with 40 bags, which count by now: its clock has come from an hour ago."""
    till = new_till(operate, clock_offset_seconds=-3_600)
    publish(till, operate)
    operate("move_clock", club_id=till.club["club_id"], clock_offset_seconds=0)
    return till


@pytest.fixture
def only_this_club(shop: TillClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """The jobs go to this club: a session's clubs are hundreds."""
    from ledger_job import handler as ledger_job
    from proof_job import handler as proof_job

    for job in (ledger_job, proof_job):
        one = replace(job.ROUNDS, club_ids=lambda: [shop.club["club_id"]])
        monkeypatch.setattr(job, "ROUNDS", one)


def taken(shop: TillClient, operate: Any) -> int:
    (coupon,) = operate("list_coupons", club_id=shop.club["club_id"])["coupons"]
    count: int = coupon["taken"]
    return count


def test_a_coupon_that_ends_at_another_time_moves_in_the_list(shop: TillClient, operate: Any) -> None:
    publish(shop, operate, IN_A_MONTH + timedelta(days=1))
    (coupon,) = operate("list_coupons", club_id=shop.club["club_id"])["coupons"]
    assert (coupon["version"], coupon["valid_until"][:10]) == (2, (IN_A_MONTH + timedelta(days=1)).date().isoformat())


@pytest.mark.usefixtures("only_this_club")
@pytest.mark.parametrize("has_moved", [False, True])
def test_the_job_books_a_refund_that_the_till_left_waiting_and_gives_a_bag_back(
    shop: TillClient, operate: Any, monkeypatch: pytest.MonkeyPatch, has_moved: bool
) -> None:
    from ledger_job.handler import lambda_handler

    line = {"item_number": BAG, "quantity": 1, "amount": 4_000}
    bag = {"kind": "coupon", "name": "pose"}
    member_id, host_id = (shop.join(phone).body["member_id"] for phone in ("20123456", "20123457"))
    receipt = shop.receipt(member_id, lines=[line], redemptions=[bag])
    purchase = {"receipt_number": receipt["receipt_number"], "bought_at": receipt["bought_at"]}
    refund = {"purchase": purchase, "refund_number": "R-1", "refunded_at": datetime.now(UTC).isoformat()}
    assert shop.send("POST", "/v1/refunds", refund).status == 202
    with monkeypatch.context() as ended:
        # As if the till's Lambda had ended right after the sale was written.
        ended.setattr(Refunds, "book_parked", lambda *_: 0)
        assert shop.send("POST", "/v1/purchases", receipt).status == 201
    assert taken(shop, operate) == 1
    if has_moved:
        operate("join_household", club_id=shop.club["club_id"], member_id=member_id, host_id=host_id, by="Mette")
    assert lambda_handler({}, CONTEXT)["refunds_booked"] == 1  # type: ignore[arg-type]
    assert taken(shop, operate) == 0


@pytest.mark.usefixtures("only_this_club")
def test_the_proof_asks_whether_an_account_that_is_gone_should_be_there(
    shop: TillClient, operate: Any, tables: DynamoDBClient
) -> None:
    from proof_job.handler import lambda_handler

    account_id = shop.join().body["account_id"]
    gone = next(row for row in rows_of(tables, "ledger", [account_id]) if row["sk"] == "ACCOUNT")
    tables.delete_item(TableName="ledger", Key={"pk": {"S": gone["pk"]}, "sk": {"S": gone["sk"]}})
    verified = operate("verify_ledger", club_id=shop.club["club_id"])
    assert verified["differences"] == [{"account_id": account_id, "what": "missing", "entry_id": None}]
    touch_accounts(tables, "views", [(shop.club["club_id"], account_id)])
    assert lambda_handler({}, CONTEXT)["differences"] >= 1  # type: ignore[arg-type]
