"""Copies of tables that somebody made by hand, and tables made of them: both stay until somebody deletes them."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


class Backups(Struct, frozen=True):
    """The backups on demand of some tables.

    Parameters
    ----------
    tables
        What each is called, by the word that copies of it end with.
    """

    client: "DynamoDBClient"
    tables: Mapping[str, str]

    def delete_older_than(self, instant: datetime) -> int:
        """Delete those that were made before an instant; how many."""
        # All are found before the first is deleted: the pages are counted on from the last one of each.
        old = [arn for table in self.tables.values() for arn in self._older(table, instant)]
        for arn in old:
            self.client.delete_backup(BackupArn=arn)
        return len(old)

    def brought_back(self) -> list[str]:
        """The tables that stand beside ours since a drill or a restore; a name ends with what it is a copy of."""
        endings = tuple(f"-{each}" for each in self.tables)
        ours = set(self.tables.values())
        return [name for name in self._names() if name.endswith(endings) and name not in ours]

    def _names(self) -> Iterator[str]:
        request: dict[str, Any] = {}
        while True:
            page: dict[str, Any] = {**self.client.list_tables(**request)}
            yield from page["TableNames"]
            if "LastEvaluatedTableName" not in page:
                return
            request["ExclusiveStartTableName"] = page["LastEvaluatedTableName"]

    def _older(self, table: str, instant: datetime) -> Iterator[str]:
        request: dict[str, Any] = {"TableName": table, "BackupType": "USER"}
        while True:
            page: dict[str, Any] = {**self.client.list_backups(**request)}
            for backup in page["BackupSummaries"]:
                # One that is being made is young, and one that is being deleted can't be deleted again.
                if backup["BackupStatus"] == "AVAILABLE" and backup["BackupCreationDateTime"] < instant:
                    yield backup["BackupArn"]
            if "LastEvaluatedBackupArn" not in page:
                return
            request["ExclusiveStartBackupArn"] = page["LastEvaluatedBackupArn"]
