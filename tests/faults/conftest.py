"""A till whose Lambda reaches DynamoDB through the fault proxy, with the production client's own retries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from botocore.config import Config

from stamkunde.clubs.store import ClubStore
from stamkunde.shared.clock import SystemClock
from tests.faults.proxy import FaultProxy
from tests.function_fixtures import new_till
from tests.ledger_checks import assert_ledger_adds_up
from tests.shop import Shop
from tests.till_client import TillClient

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

READ_TIMEOUT = 0.3


@dataclass
class Scene:
    """A till behind the proxy, and the tables seen past it."""

    till: TillClient
    shop: Shop
    proxy: FaultProxy

    def purchases(self, member_id: str) -> int:
        """How many purchases the ledger holds, once it is seen to add up."""
        assert_ledger_adds_up(self.shop, member_id)
        return len(self.shop.entries(member_id))


@pytest.fixture(scope="session")
def fault_proxy(engine_endpoint: str) -> Iterator[FaultProxy]:
    proxy = FaultProxy(engine_endpoint)
    yield proxy
    proxy.stop()


@pytest.fixture
def scene(
    tables: DynamoDBClient, operate: Any, fault_proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Scene]:
    """The production client's configuration; only a hanging call is given up sooner, to save time."""
    from stamkunde.bootstrap import CLIENT_CONFIG, Tills, dynamodb_client
    from till_api import handler

    # A club with a clock of its own is read on every request, as a cold Lambda reads any.
    till = new_till(operate, clock_offset_seconds=0)
    club = ClubStore(tables, handler.SETTINGS.clubs_table, till.club["club_id"]).load()
    assert club is not None
    with monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", fault_proxy.url)
        client = dynamodb_client(handler.SETTINGS, CLIENT_CONFIG.merge(Config(read_timeout=READ_TIMEOUT)))
    monkeypatch.setattr(handler, "TILLS", Tills(handler.SETTINGS, client))
    yield Scene(till, Shop(tables, club, SystemClock()), fault_proxy)
    fault_proxy.relent()
