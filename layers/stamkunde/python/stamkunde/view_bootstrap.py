"""The composition root of what keeps the projections."""

from typing import TYPE_CHECKING

from stamkunde.campaigns.facts_store import FactsStore, MarkStore
from stamkunde.settings import Settings
from stamkunde.views.store import ProjectionStore

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


def projections(settings: Settings, client: "DynamoDBClient") -> ProjectionStore:
    """What keeps the projections: for the stream consumer and the jobs, which serve all clubs."""
    return ProjectionStore(client, settings.views_table)


def mark_store(settings: Settings, client: "DynamoDBClient") -> MarkStore:
    """Whose facts are to be made anew: for the stream consumers and the job, which serve all clubs."""
    return MarkStore(client, settings.views_table)


def facts_store(settings: Settings, client: "DynamoDBClient", club_id: str) -> FactsStore:
    """A club's facts."""
    return FactsStore(client, settings.views_table, club_id)
