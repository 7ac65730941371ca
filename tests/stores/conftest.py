"""A post office for each test of messages: the real engine and queue, a network that fails on demand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from botocore.config import Config

from stamkunde.message_bootstrap import GATEWAY_CONFIG, email_gateway, sms_gateway
from stamkunde.messaging.sending import Gateways
from stamkunde.settings import Settings
from tests.aws_clients import engine_client
from tests.engine_at_hand import engine_at_hand
from tests.gateways.network import running_network
from tests.post_office import PostOffice, sqs_queue

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


@pytest.fixture
def dynamodb() -> Any:
    """The engine's tables without a call over HTTP for each row, which would be most of what these tests do."""
    return engine_at_hand()


@pytest.fixture
def office(dynamodb: DynamoDBClient, engine_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[PostOffice]:
    sqs = engine_client("sqs", engine_endpoint)
    wake_ups, woken = sqs_queue(sqs)
    with running_network() as network:
        monkeypatch.setenv("AWS_ENDPOINT_URL", network.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        settings, config = Settings(region="eu-north-1"), GATEWAY_CONFIG.merge(Config(read_timeout=0.4))
        gateways = Gateways(sms_gateway(settings, config), email_gateway(settings, config))
        yield PostOffice(dynamodb, network, gateways, wake_ups, woken)
