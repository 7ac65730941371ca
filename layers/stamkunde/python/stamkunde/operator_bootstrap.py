"""The composition root of the operators' desk: apart from `stamkunde.bootstrap`, for a till never does its work."""

import secrets
from functools import cache
from typing import TYPE_CHECKING

from botocore.config import Config

from stamkunde.bootstrap import CLIENT_CONFIG, aws_client
from stamkunde.clubs.service import Operators
from stamkunde.gateways.evidence_store import S3EvidenceStore
from stamkunde.settings import Settings
from stamkunde.shared.clock import Clock, SystemClock

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

# Megabytes go up, where all other calls are of some kilobytes.
EVIDENCE_CONFIG = CLIENT_CONFIG.merge(Config(read_timeout=30))


def operators(settings: Settings, client: "DynamoDBClient", clock: Clock | None = None) -> Operators:
    """The operators' use cases."""
    return Operators(
        client,
        settings.clubs_table,
        clock or SystemClock(),
        random_bytes=secrets.token_bytes,
        clocks_movable=settings.clubs_clocks_movable,
    )


@cache
def evidence_store(settings: Settings) -> S3EvidenceStore:
    """Where photos of signed forms are kept; its client is made when the first one is attached."""
    return S3EvidenceStore(aws_client("s3", settings, EVIDENCE_CONFIG), settings.evidence_bucket)
