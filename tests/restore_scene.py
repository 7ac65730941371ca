"""A place as the local stack is one, on an engine's empty account: all tables, both buckets, and no functions."""

from __future__ import annotations

import random
from functools import cache
from typing import Any

from botocore.config import Config

from infra.function_catalogue import TABLES
from infra.restore.place import Place
from stamkunde.settings import Settings
from tests.aws_clients import engine_client
from tests.tables import create_tables

PATIENT = Config(connect_timeout=60, read_timeout=60)


def new_place(endpoint: str) -> Place:
    """A place of its own for a test."""
    account = f"{random.randrange(10**11, 10**12)}"

    @cache
    def clients(service: str) -> Any:
        return engine_client(service, endpoint, PATIENT, account)

    create_tables(clients("dynamodb"))
    for bucket in ("evidence", "tombstones"):
        clients("s3").create_bucket(
            Bucket=f"{bucket}-{account}", CreateBucketConfiguration={"LocationConstraint": "eu-north-1"}
        )
    names: dict[str, Any] = {f"{table}_table": table for table in TABLES}
    settings = Settings(
        region="eu-north-1",
        evidence_bucket=f"evidence-{account}",
        tombstone_bucket=f"tombstones-{account}",
        pages_domain="klub.example.com",
        short_domain="k.test",
        mail_domain="stamkunde.test",
        clubs_clocks_movable=True,
        **names,
    )
    return Place(clients, settings)
