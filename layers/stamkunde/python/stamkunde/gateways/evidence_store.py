"""Where photos of signed forms are kept, by Amazon S3: under one customer key, and listed nowhere but in evidence."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


class S3Client(Protocol):
    """What is used of botocore's S3 client."""

    def put_object(self, **given: Any) -> Mapping[str, Any]:
        """Keep one file; another of the same name takes its place."""
        ...


class EvidenceStore(Protocol):
    """What keeps files that prove what somebody agreed to."""

    def keep(self, name: str, content: bytes, media_type: str) -> None:
        """Keep a file; the same one again changes nothing."""
        ...


@dataclass(frozen=True, slots=True)
class S3EvidenceStore:
    """One bucket, which encrypts by itself and lets nobody read in public."""

    client: S3Client
    bucket: str

    def keep(self, name: str, content: bytes, media_type: str) -> None:
        """Keep a file; see `EvidenceStore`."""
        self.client.put_object(Bucket=self.bucket, Key=name, Body=content, ContentType=media_type)
