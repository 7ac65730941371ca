"""The composition root of the operators' desk: apart from `stamkunde.bootstrap`, for a till never does its work."""

import secrets
from typing import TYPE_CHECKING

from stamkunde.clubs.service import Operators
from stamkunde.settings import Settings
from stamkunde.shared.clock import Clock, SystemClock

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


def operators(settings: Settings, client: "DynamoDBClient", clock: Clock | None = None) -> Operators:
    """The operators' use cases."""
    return Operators(
        client,
        settings.clubs_table,
        clock or SystemClock(),
        random_bytes=secrets.token_bytes,
        clocks_movable=settings.clubs_clocks_movable,
    )
