"""Copies of all tables, brought back beside them: made for a drill, and gone with it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from infra.restore.search import names_of_tables

BEGINNING = "stamkunde-drill-"
"""What the names of a drill's backups and tables begin with, and nothing else's."""

LOOK_EVERY = 20.0
MOST_LOOKS = 2_160
"""Twelve hours: a large table takes long to come back."""


@dataclass(frozen=True)
class Copies:
    """Backups on demand of some tables, and tables made of them.

    Parameters
    ----------
    name
        Of this drill; a table's copy is called by it and by the table.
    """

    client: Any
    name: str

    def take(self, tables: Mapping[str, str]) -> dict[str, str]:
        """Back up tables as they are now: the backup of each, once all are there."""
        backups = {
            table: self.client.create_backup(TableName=name, BackupName=self._called(table))["BackupDetails"]
            for table, name in tables.items()
        }
        for backup in backups.values():
            self._wait_for(backup["BackupArn"])
        return {table: backup["BackupArn"] for table, backup in backups.items()}

    def bring_back(self, backups: Mapping[str, str]) -> dict[str, str]:
        """Make tables of backups: what each is called, once all can be read."""
        names = {table: self._called(table) for table in backups}
        for table, arn in backups.items():
            self.client.restore_table_from_backup(TargetTableName=names[table], BackupArn=arn)
        for name in names.values():
            self._wait("table_exists", name)
        return names

    def _called(self, table: str) -> str:
        return f"{BEGINNING}{self.name}-{table}"

    def _wait_for(self, backup: str) -> None:
        for _ in range(MOST_LOOKS):
            described = self.client.describe_backup(BackupArn=backup)["BackupDescription"]
            if described["BackupDetails"]["BackupStatus"] != "CREATING":
                return
            time.sleep(LOOK_EVERY)

    def _wait(self, state: str, table: str) -> None:
        patience = {"Delay": int(LOOK_EVERY), "MaxAttempts": MOST_LOOKS}
        self.client.get_waiter(state).wait(TableName=table, WaiterConfig=patience)


def leftovers(client: Any) -> tuple[list[str], list[str]]:
    """What drills have left behind: their tables, and the addresses of their backups."""
    tables = [name for name in names_of_tables(client) if name.startswith(BEGINNING)]
    return tables, [each["BackupArn"] for each in _backups(client) if each["BackupName"].startswith(BEGINNING)]


def clear_away(client: Any) -> None:
    """Delete what a drill made, this one or one before it; a table that still comes back is waited for."""
    tables, backups = leftovers(client)
    patience = {"Delay": int(LOOK_EVERY), "MaxAttempts": MOST_LOOKS}
    for name in tables:
        client.get_waiter("table_exists").wait(TableName=name, WaiterConfig=patience)
        client.delete_table(TableName=name)
    for arn in backups:
        client.delete_backup(BackupArn=arn)
    for name in tables:
        client.get_waiter("table_not_exists").wait(TableName=name, WaiterConfig=patience)


def _backups(client: Any) -> Iterator[dict[str, Any]]:
    for page in client.get_paginator("list_backups").paginate(BackupType="USER"):
        yield from page["BackupSummaries"]
