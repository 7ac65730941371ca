"""The real engine for stores and services: one server, an empty account of its own for every test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from botocore.config import Config

from infra.local.engine import Engine
from infra.local.home import Home
from stamkunde.bootstrap import CLIENT_CONFIG
from tests.aws_clients import engine_client
from tests.local_stack import free_port
from tests.tables import TABLES, create_tables

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


@contextmanager
def bare_engine(folder: Path) -> Iterator[str]:
    """The endpoint of a MiniStack that keeps nothing, with a folder for its files."""
    home = Home(folder)
    home.prepare()
    engine = Engine(home, free_port(), {"PERSIST_STATE": "0", "S3_PERSIST": "0"})
    engine.start()
    try:
        yield engine.endpoint
    finally:
        engine.stop()


@pytest.fixture(scope="session")
def engine_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A MiniStack of this test session."""
    with bare_engine(Path(tmp_path_factory.mktemp("engine"))) as endpoint:
        yield endpoint


@pytest.fixture
def dynamodb(engine_endpoint: str) -> DynamoDBClient:
    """A client of an empty account with the project's tables."""
    return new_account(engine_endpoint)


def new_account(endpoint: str) -> DynamoDBClient:
    """A client of an empty account with the project's tables: another access key is another account."""
    # As the functions have it, but for tries and times that hide nothing and mind a busy machine.
    patient = Config(max_pool_connections=32, retries={"total_max_attempts": 1}, connect_timeout=60, read_timeout=60)
    client: DynamoDBClient = engine_client("dynamodb", endpoint, CLIENT_CONFIG.merge(patient))
    create_tables(client)
    assert set(client.list_tables()["TableNames"]) == set(TABLES)
    return client
