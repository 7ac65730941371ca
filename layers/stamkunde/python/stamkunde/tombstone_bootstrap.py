"""The composition root of the tombstones: only who erases, and who brings back a copy, has to do with them."""

from functools import cache

from botocore.config import Config

from stamkunde.bootstrap import CLIENT_CONFIG, aws_client
from stamkunde.gateways.tombstones import S3Tombstones
from stamkunde.settings import Settings

TOMBSTONE_CONFIG = CLIENT_CONFIG.merge(Config(read_timeout=5))


@cache
def tombstones(settings: Settings) -> S3Tombstones:
    """Where it is kept who was erased; its client is made once."""
    return S3Tombstones(aws_client("s3", settings, TOMBSTONE_CONFIG), settings.tombstone_bucket)
