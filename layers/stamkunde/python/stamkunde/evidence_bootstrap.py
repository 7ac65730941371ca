"""The composition root of the bucket of evidence: whoever has no photo at hand doesn't pay for its client."""

from functools import cache

from botocore.config import Config

from stamkunde.bootstrap import CLIENT_CONFIG, aws_client
from stamkunde.gateways.evidence_store import S3EvidenceStore
from stamkunde.settings import Settings

# Megabytes go up, where all other calls are of some kilobytes.
EVIDENCE_CONFIG = CLIENT_CONFIG.merge(Config(read_timeout=30))


@cache
def evidence_store(settings: Settings) -> S3EvidenceStore:
    """Where photos of signed forms are kept; its client is made when the first one is dealt with."""
    return S3EvidenceStore(aws_client("s3", settings, EVIDENCE_CONFIG), settings.evidence_bucket)
