"""What the functions really write is what docs/data.md says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stamkunde.members.codes import CodePurpose, one_time_code
from stamkunde.members.consents import Caller
from stamkunde.members.joining import JoinForm
from stamkunde.shared.channel import Channel
from tests.architecture.test_data_page import ENTITIES, describing
from tests.factories import everything_shown
from tests.function_fixtures import CONTEXT
from tests.functions.test_messages import wake_up
from tests.ledger_checks import every_row
from tests.till_client import TillClient

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


def stream_records(tables: DynamoDBClient, kind: str = "INSERT") -> dict[str, Any]:
    """The ledger's entries as its stream would tell them."""
    images = [
        item
        for page in tables.get_paginator("scan").paginate(TableName="ledger")
        for item in page["Items"]
        if item["sk"]["S"].startswith("ENTRY#")
    ]
    image = "OldImage" if kind == "REMOVE" else "NewImage"
    return {"Records": [{"eventName": kind, "dynamodb": {image: each}} for each in images]}


def join_on_the_page(till: TillClient, operate: Any, phone: str) -> None:
    """What the join page writes when somebody accepts everything there is."""
    from join_page.handler import PAGES

    page = {"company": "Bager Holm ApS", "registration_number": "12345678", "contact": "hej@bagerholm.example"}
    operate("publish_join_page", club_id=till.club["club_id"], goods="brød", accent="#8a4b1f", **page)
    club = PAGES.club_named(till.club["slug"])
    joining, caller = PAGES.joining(club), Caller("192.0.2.7", "Mozilla/5.0 (Android 14)")
    wish = joining.check(JoinForm(phone, "Mette", "mette@holm.dk", True, frozenset(Channel), everything_shown(club)))
    asked = joining.ask_code(wish, caller)
    code = one_time_code(club.signing_keys, asked, CodePurpose.JOIN, wish.phone)
    assert joining.join(wish, asked, code, caller).device_token is not None


def test_every_row_of_every_table_is_described(till: TillClient, tables: DynamoDBClient, operate: Any) -> None:
    from day_totals_job.handler import lambda_handler as recompute
    from ledger_stream.handler import lambda_handler as note
    from message_worker.handler import lambda_handler as send

    till.buy(till.join(accepts=True, phone="20123456").body["member_id"])
    till.buy(till.join(accepts=False, phone="26123456").body["member_id"])
    till.join(accepts=True, phone="26123456")
    join_on_the_page(till, operate, "31123456")
    note(stream_records(tables), CONTEXT)  # type: ignore[arg-type]
    message = operate("send_test_message", club_id=till.club["club_id"], phone="20123456")
    assert message["state"] == "pending"
    marked = every_row(tables)
    for row in marked["messages"]:
        if row["pk"].startswith("OUTBOX#"):
            send(wake_up({"pk": row["pk"], "sk": row["sk"]}), CONTEXT)  # type: ignore[arg-type]
    recompute({}, CONTEXT)  # type: ignore[arg-type]
    seen = set()
    for state in (marked, every_row(tables)):
        for table, rows in state.items():
            for row in rows:
                found = describing(table, row)
                assert found, (table, row["pk"], row["sk"])
                seen.add(found[0]["entity"])
    assert seen == {entity["entity"] for entity in ENTITIES}
