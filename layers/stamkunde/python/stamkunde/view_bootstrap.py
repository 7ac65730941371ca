"""The composition root of what keeps the projections."""

from typing import TYPE_CHECKING

from stamkunde.settings import Settings
from stamkunde.views.store import ProjectionStore

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


def projections(settings: Settings, client: "DynamoDBClient") -> ProjectionStore:
    """What keeps the projections: for the stream consumer and the jobs, which serve all clubs."""
    return ProjectionStore(client, settings.views_table)
