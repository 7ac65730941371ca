"""An engine that stops forgets its streams; what was sold is counted all the same (ARCHITECTURE 5)."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.local_stack import LocalStack
from tests.till_over_http import OpenShop

# Every club is recounted, and the other tests of this stack have left many, some with thousands of members.
HEALED_WITHIN_SECONDS = 240


@pytest.fixture
def door(local_stack: LocalStack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=local_stack.stack.api_url, timeout=30) as door:
        yield door


def test_a_restart_loses_no_sale_whether_its_event_was_read_or_not(
    local_stack: LocalStack, door: httpx.Client
) -> None:
    here = OpenShop.in_stack(local_stack.stack, door)
    member_id = here.till.join().body["member_id"]
    here.till.buy(member_id, 10_000)
    here.wait_for_turnover(10_000)

    functions = local_stack.client("lambda")
    for mapping in functions.list_event_source_mappings()["EventSourceMappings"]:
        # The start makes the readers of streams anew; a queue's would stay off for whoever comes after this test.
        if ":dynamodb:" in mapping["EventSourceArn"]:
            functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    here.till.buy(member_id, 5_000)
    assert here.turnover() == 10_000, "the event of the second sale has no reader before the engine stops"

    local_stack.restart()
    here.till.buy(member_id, 2_000)
    here.wait_for_turnover(17_000, HEALED_WITHIN_SECONDS)
    (day,) = here.day_totals()
    assert (day["purchases"], day["earned"], day["spent"]) == (3, 300 + 150 + 60, 0)
    assert here.purchases(member_id) == 3


def test_after_a_restart_the_next_sale_is_counted_by_its_own_event(
    local_stack: LocalStack, door: httpx.Client
) -> None:
    local_stack.restart()
    # A club that is younger than the start: nothing but the stream can tell of its sales.
    here = OpenShop.in_stack(local_stack.stack, door)
    here.till.buy(here.till.join().body["member_id"], 7_000)
    here.wait_for_turnover(7_000)
