"""Where rows and files lie for whoever copies, restores or clears away: the local stack, or AWS.

No deployed role may read whole tables, make a copy or bring one back. Who does has rights of their own on AWS, and
says in which region; nothing else of this command line ever leaves the machine.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from copy import replace
from dataclasses import dataclass
from functools import partial
from typing import Any

from infra.function_catalogue import TABLES
from infra.local.home import REGION, Home, Stack
from infra.local.loopback import ACCOUNT, client
from infra.restore.search import Clients
from stamkunde.clubs.model import Club
from stamkunde.gateways.evidence_store import S3EvidenceStore
from stamkunde.gateways.tombstones import S3Tombstones
from stamkunde.settings import Settings
from stamkunde.shared.clock import Clock, ClubClock, SystemClock
from stamkunde.shared.item import from_wire, to_wire

DATA_STACK = "StamkundeData"


@dataclass(frozen=True)
class Place:
    """All tables and buckets of one deployment, and the clients to reach them with."""

    clients: Clients
    settings: Settings

    @property
    def tables(self) -> Any:
        """DynamoDB."""
        return self.clients("dynamodb")

    @property
    def table_names(self) -> dict[str, str]:
        """What each of our tables is called there."""
        return {table: getattr(self.settings, f"{table}_table") for table in TABLES}

    def rows(self, table: str, condition: str, **values: str) -> Iterator[dict[str, Any]]:
        """All rows of a table that a condition is true of, found by reading the whole of it."""
        pages = self.tables.get_paginator("scan").paginate(
            TableName=self.table_names[table],
            ConsistentRead=True,
            FilterExpression=condition,
            ExpressionAttributeValues=to_wire({f":{name}": value for name, value in values.items()}),
        )
        return (from_wire(item) for page in pages for item in page["Items"])

    @property
    def tombstones(self) -> S3Tombstones:
        """Who was erased there."""
        return S3Tombstones(self.clients("s3"), self.settings.tombstone_bucket)

    @property
    def evidence(self) -> S3EvidenceStore:
        """The photos of signed forms there."""
        return S3EvidenceStore(self.clients("s3"), self.settings.evidence_bucket)

    def with_tables(self, names: Mapping[str, str]) -> Place:
        """The same with other tables in the place of ours, such as copies."""
        changed: dict[str, Any] = {f"{each}_table": names[each] for each in TABLES}
        return replace(self, settings=replace(self.settings, **changed))


def clock_of(club: Club) -> Clock:
    """What a club lives by: only clubs of the local engine have a clock of their own."""
    return ClubClock(SystemClock(), club.clock_offset) if club.clock_offset else SystemClock()


def place_of(region: str | None) -> Place:
    """AWS in a region, with the credentials of whoever asks; the running local stack if there is none."""
    return on_aws(region) if region else local()


def local() -> Place:
    """The running local stack."""
    stack = Stack.load(Home.from_environment(os.environ).path)
    names = {f"{table}_table": stack.tables[table] for table in TABLES}
    return Place(partial(client, endpoint=stack.aws_endpoint), _settings(REGION, ACCOUNT, names))


def on_aws(region: str) -> Place:
    """What is deployed to AWS in a region."""
    # Imported late: local commands need no session of AWS.
    import boto3

    session: Any = boto3.Session(region_name=region)
    (stack,) = session.client("cloudformation").describe_stacks(StackName=DATA_STACK)["Stacks"]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    names = {f"{table}_table": outputs[f"{table.title()}Table"] for table in TABLES}
    account = session.client("sts").get_caller_identity()["Account"]
    return Place(session.client, _settings(region, account, names))


def _settings(region: str, account: str, names: Mapping[str, Any]) -> Settings:
    return Settings(
        region=region,
        evidence_bucket=f"stamkunde-evidence-{account}",
        tombstone_bucket=f"stamkunde-tombstones-{account}",
        clubs_clocks_movable=account == ACCOUNT,
        **names,
    )
