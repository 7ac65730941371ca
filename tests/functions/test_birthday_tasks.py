"""Whose birthday it is: noted by the hourly job, listed for whoever says who they are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from stamkunde.retention.store import DueStore
from stamkunde.shared.clock import local_date
from stamkunde.shared.item import to_wire
from tests.function_fixtures import CONTEXT, new_till
from tests.ledger_checks import rows_of

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

TEN_DAYS = timedelta(days=10)


@pytest.mark.usefixtures("clubs_of_this_test")
def test_whose_birthday_it_is_is_listed_by_name_and_number_and_put_on_record(
    operate: Any, tables: DynamoDBClient
) -> None:
    from due_job.handler import lambda_handler

    till = new_till(operate, clock_offset_seconds=0)
    club_id = till.club["club_id"]
    member_id = till.join(phone="20123456").body["member_id"]
    then = datetime.now(UTC) + TEN_DAYS
    birthday = local_date(then, "Europe/Copenhagen")
    (row,) = (each for each in rows_of(tables, "members", [member_id]) if each["sk"] == "MEMBER")
    told = row | {"birth_date": birthday.replace(year=1980).isoformat()}
    tables.put_item(TableName="members", Item=to_wire(told))
    DueStore(tables, "members", club_id).arm(member_id, then)
    lambda_handler({"club_id": club_id}, CONTEXT)  # type: ignore[arg-type]
    assert operate("list_birthdays", club_id=club_id, by="Mette")["birthdays"] == []
    operate("move_clock", club_id=club_id, clock_offset_seconds=int(TEN_DAYS.total_seconds()) + 1)
    lambda_handler({"club_id": club_id}, CONTEXT)  # type: ignore[arg-type]
    (listed,) = operate("list_birthdays", club_id=club_id, by="Mette")["birthdays"]
    assert (listed["member_id"], listed["phone"]) == (member_id, "+4520123456")
    assert listed["day"] == birthday.isoformat()
    (act,) = [
        each for each in operate("show_audit", club_id=club_id, by="Ole")["acts"] if each["what"] == "list_birthdays"
    ][-1:]
    assert (act["what"], act["member_ids"]) == ("list_birthdays", [member_id])
