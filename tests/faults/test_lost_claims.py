"""DynamoDB's answer lost in the middle of sending: a claim stays one's own, and nothing is written twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from botocore.config import Config

from stamkunde.bootstrap import CLIENT_CONFIG, dynamodb_client
from stamkunde.gateways.wake_ups import WakeUps
from stamkunde.messaging.model import DeliveryState
from stamkunde.messaging.outbox import delivery_of
from stamkunde.messaging.service import OperatorMessages
from stamkunde.messaging.store import ClubMessages, Outbox, outbox_key
from stamkunde.settings import Settings
from stamkunde.shared.clock import FixedClock
from stamkunde.shared.patience import Patience
from tests.factories import NOON, make_club
from tests.faults.conftest import READ_TIMEOUT
from tests.faults.proxy import FaultProxy, lost_answer
from tests.ledger_checks import rows

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


class LosingQueue:
    """A queue that loses every wake-up."""

    def send_message_batch(self, **given: object) -> dict[str, list[object]]:
        return {"Failed": [{}]}


@pytest.fixture
def behind_the_proxy(
    tables: DynamoDBClient, fault_proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> DynamoDBClient:
    fault_proxy.relent()
    with monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", fault_proxy.url)
        settings = Settings(region="eu-north-1")
        return dynamodb_client(settings, CLIENT_CONFIG.merge(Config(read_timeout=READ_TIMEOUT)))


def test_when_answers_are_lost_a_message_is_written_claimed_and_recorded_once(
    tables: DynamoDBClient, behind_the_proxy: DynamoDBClient, fault_proxy: FaultProxy
) -> None:
    club = make_club()
    store = ClubMessages(behind_the_proxy, "messages", club.club_id)
    operator = OperatorMessages(club, store, WakeUps(LosingQueue(), "queue"), FixedClock(NOON), Patience())
    outbox = Outbox(behind_the_proxy, "messages")

    fault_proxy.inject(lost_answer(operation="TransactWriteItems", times=1))
    message = operator.send("20123456")
    assert fault_proxy.fired() == 1
    mine = [row for row in rows(tables, "messages") if club.club_id in row["pk"] + row["sk"]]
    assert sorted(row["pk"].split("#")[0] for row in mine) == ["OUTBOX", "TESTS"]

    fault_proxy.inject(lost_answer(operation="UpdateItem", times=1))
    claimed = outbox.claim(message, NOON)
    assert fault_proxy.fired() == 1
    assert claimed is not None
    assert outbox.load(outbox_key(message)) == claimed
    assert outbox.claim(message, NOON) is None

    fault_proxy.inject(lost_answer(operation="TransactWriteItems", times=1))
    assert outbox.record(claimed, delivery_of(claimed, DeliveryState.SENT, NOON, provider_id="p"))
    assert fault_proxy.fired() == 1
    fault_proxy.relent()
    delivery = store.find_delivery(message.message_id)
    assert delivery is not None
    assert delivery.state is DeliveryState.SENT
    assert outbox.load(outbox_key(message)) is None
