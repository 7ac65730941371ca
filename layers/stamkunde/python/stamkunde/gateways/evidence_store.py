"""Where photos of signed forms are kept, by Amazon S3: under one customer key, each member's under one beginning."""

from collections.abc import Mapping
from typing import Any, Protocol

from msgspec import Struct


class S3Client(Protocol):
    """What is used of botocore's S3 client."""

    def put_object(self, **given: Any) -> Mapping[str, Any]:
        """Keep one file; another of the same name takes its place."""
        ...

    def delete_object(self, **given: Any) -> Mapping[str, Any]:
        """Take one file away, or find that it is gone."""
        ...

    def list_objects_v2(self, **given: Any) -> Mapping[str, Any]:
        """The names of files that begin alike, at most a thousand at once."""
        ...


class EvidenceStore(Protocol):
    """What keeps files that prove what somebody agreed to."""

    def keep(self, name: str, content: bytes, media_type: str) -> None:
        """Keep a file; the same one again changes nothing."""
        ...

    def remove(self, name: str) -> None:
        """Take a file away; one that is gone stays so."""
        ...

    def remove_all(self, beginning: str, but: str | None = None) -> None:
        """Take away every file whose name begins so, with one exception if any; also those that nothing tells of."""
        ...


class S3EvidenceStore(Struct, frozen=True):
    """One bucket, which encrypts by itself and lets nobody read in public."""

    client: S3Client
    bucket: str

    def keep(self, name: str, content: bytes, media_type: str) -> None:
        """Keep a file; see `EvidenceStore`."""
        self.client.put_object(Bucket=self.bucket, Key=name, Body=content, ContentType=media_type)

    def remove(self, name: str) -> None:
        """Take a file away; see `EvidenceStore`. Its last version goes with the bucket's old versions."""
        self.client.delete_object(Bucket=self.bucket, Key=name)

    def remove_all(self, beginning: str, but: str | None = None) -> None:
        """Take away all files of a kind; see `EvidenceStore`. Those few are found in one answer, or in the next."""
        while names := [name for name in self._names(beginning) if name != but]:
            for name in names:
                self.remove(name)

    def _names(self, beginning: str) -> list[str]:
        found = self.client.list_objects_v2(Bucket=self.bucket, Prefix=beginning)
        return [each["Key"] for each in found.get("Contents", ())]
