"""Copies of our tables that somebody made by hand go in time, and nobody else's do."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from infra.stacks.data import RECOVERY_DAYS
from stamkunde.shared.clock import FixedClock, SystemClock
from tests.function_fixtures import CONTEXT

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


def run_in(days: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many copies the job deletes so many days from now."""
    from backup_job import handler

    monkeypatch.setattr(handler, "CLOCK", FixedClock(SystemClock().now() + timedelta(days=days)))
    return handler.lambda_handler({}, CONTEXT)["deleted"]  # type: ignore[arg-type]


def names(client: Any) -> list[str]:
    return sorted(each["BackupName"] for each in client.list_backups()["BackupSummaries"])


def test_no_copy_on_demand_grows_older_than_31_days(tables: DynamoDBClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from backup_job import handler

    client: Any = tables
    before = names(client)
    for table in ("members", "members", "ledger"):
        client.create_backup(TableName=table, BackupName="before-a-change")
    assert run_in(29, monkeypatch) == 0
    assert names(client) == sorted([*before, *["before-a-change"] * 3])
    assert run_in(31, monkeypatch) == 3 + len(before)
    assert names(client) == []
    assert run_in(31, monkeypatch) == 0
    assert timedelta(days=RECOVERY_DAYS) > handler.OLDEST


def test_copies_of_other_tables_are_left_alone(tables: DynamoDBClient, monkeypatch: pytest.MonkeyPatch) -> None:
    client: Any = tables
    client.create_table(
        TableName="somebody-elses",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    client.create_backup(TableName="somebody-elses", BackupName="theirs")
    try:
        run_in(31, monkeypatch)
        assert names(client) == ["theirs"]
    finally:
        for backup in client.list_backups(TableName="somebody-elses")["BackupSummaries"]:
            client.delete_backup(BackupArn=backup["BackupArn"])
        client.delete_table(TableName="somebody-elses")


def test_tables_that_were_brought_back_are_told_of_until_they_are_deleted(
    tables: DynamoDBClient, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    client: Any = tables
    backup = client.create_backup(TableName="members", BackupName="before-a-change")["BackupDetails"]
    try:
        run_in(0, monkeypatch)
        assert '"CopiesStanding":[0.0]' in capsys.readouterr().out
        client.restore_table_from_backup(TargetTableName="restored-members", BackupArn=backup["BackupArn"])
        run_in(0, monkeypatch)
        assert '"CopiesStanding":[1.0]' in capsys.readouterr().out
    finally:
        client.delete_table(TableName="restored-members")
        client.delete_backup(BackupArn=backup["BackupArn"])


def test_no_page_of_copies_is_missed() -> None:
    from stamkunde.gateways.backups import Backups

    now = SystemClock().now()
    kept = {f"arn-{number}": now - timedelta(days=number) for number in range(250)}

    class Listing:
        def list_backups(self, **given: Any) -> dict[str, Any]:
            first = int(given.get("ExclusiveStartBackupArn", "arn--1").removeprefix("arn-")) + 1
            page = [arn for arn in kept if first <= int(arn.removeprefix("arn-")) < first + 100]
            told = [
                {"BackupArn": arn, "BackupStatus": "AVAILABLE", "BackupCreationDateTime": kept[arn]} for arn in page
            ]
            more = {"LastEvaluatedBackupArn": page[-1]} if page[-1] != "arn-249" else {}
            return {"BackupSummaries": told, **more}

        def delete_backup(self, **given: Any) -> dict[str, Any]:
            del kept[given["BackupArn"]]
            return {}

    listing: Any = Listing()
    assert Backups(listing, {"members": "members"}).delete_older_than(now - timedelta(days=30)) == 219
    assert set(kept) == {f"arn-{number}" for number in range(31)}
