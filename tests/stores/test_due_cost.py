"""What it costs to look at members who are due: the same in a small club and in a large one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from stamkunde.members.model import Member, TermsChase
from stamkunde.retention.service import Outcome
from stamkunde.retention.store import DUE_SHARDS
from stamkunde.shared.ids import new_id
from stamkunde.shared.item import to_wire
from stamkunde.shared.transaction import Put
from tests.due_scene import FIRST_REMINDER, JOINED, SECOND_REMINDER, DueShop, open_due_shop
from tests.unit_meter import UnitMeter

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

DUE = 20
AT_ONCE = 25
READ_A_VISIT = 1.1
WRITTEN_A_VISIT = 2
BESIDES = 1
"""How far the job has come is written once a run."""

READ_BESIDES = 2 * DUE_SHARDS + 1
"""A run looks into each shard of today and, within an hour of midnight, of yesterday: a unit for each."""


@pytest.fixture
def due(dynamodb: DynamoDBClient) -> DueShop:
    return open_due_shop(dynamodb)


def fill(due: DueShop, members: int) -> list[str]:
    """Open members of the club who are due a week from now, written as joining writes them but many at a time."""
    ids = [new_id("m") for _ in range(members)]
    rows: list[dict[str, Any]] = []
    for number, member_id in enumerate(ids):
        member = Member(
            member_id=member_id,
            account_id=f"a{member_id[1:]}",
            phone=f"+45{30_000_000 + number}",
            first_name=None,
            terms_version=0,
            joined_at=JOINED,
            language="da",
            chase=TermsChase(JOINED),
        )
        writes = due.shop.members.change_writes(member, member)
        rows += [write.item for write in writes if isinstance(write, Put) and write.purpose == "member"]
        rows.append(due.shop.due.due_write(member_id, SECOND_REMINDER).item)
    for first in range(0, len(rows), AT_ONCE):
        requests: Any = [{"PutRequest": {"Item": to_wire(row)}} for row in rows[first : first + AT_ONCE]]
        due.shop.client.batch_write_item(RequestItems={"members": requests})
    return ids


@pytest.mark.parametrize("members", [1_000, 10_000])
def test_a_visit_that_only_rearms_costs_the_same_however_many_members_there_are(due: DueShop, members: int) -> None:
    ids = fill(due, members)
    for member_id in ids[:DUE]:
        # Stale hints: these are looked at, and due later.
        due.shop.due.arm(member_id, JOINED)
    due.at(JOINED)
    meter = UnitMeter()
    meter.attach(due.shop.client)
    visited = due.run_job()
    assert visited.outcomes == {Outcome.REARMED: DUE}
    assert meter.written == DUE * WRITTEN_A_VISIT + BESIDES
    assert meter.read <= DUE * READ_A_VISIT + READ_BESIDES


@pytest.mark.parametrize("members", [1_000, 10_000])
def test_a_run_in_which_nobody_is_due_reads_no_member(due: DueShop, members: int) -> None:
    fill(due, members)
    due.at(FIRST_REMINDER)
    due.jump(FIRST_REMINDER)
    meter = UnitMeter()
    meter.attach(due.shop.client)
    visited = due.run_job()
    assert not visited.outcomes
    assert meter.written == BESIDES
    assert meter.read <= READ_BESIDES
    assert meter.calls["Query"] <= 2 * DUE_SHARDS
