"""Which members were erased since when, for whoever brings back a copy: it must not bring them back with it.

They lie outside of all tables, so no restore takes them along, and go once no copy can hold their member any more.
"""

import hashlib
from collections.abc import Mapping
from datetime import date
from typing import Any, Protocol

from msgspec import Struct


class S3Client(Protocol):
    """What is used of botocore's S3 client."""

    def put_object(self, **given: Any) -> Mapping[str, Any]:
        """Keep one file; another of the same name takes its place."""
        ...

    def list_objects_v2(self, **given: Any) -> Mapping[str, Any]:
        """The names of files that begin alike, at most a thousand at once."""
        ...


class Tombstones(Protocol):
    """What remembers who was erased, by nothing that anybody could be found by."""

    def keep(self, club_id: str, member_id: str, day: date) -> None:
        """Remember that somebody is gone; the same again changes nothing. A closed club is kept by its own id."""
        ...

    def of_club(self, club_id: str) -> dict[str, date]:
        """Everybody of a club who is gone: the `digest_of` each, and the club's day on which they went."""
        ...


def digest_of(random_id: str) -> str:
    """What stands for somebody who is gone: 80 random bits can't be tried through, as eight digits could."""
    return hashlib.sha256(random_id.encode()).hexdigest()


class S3Tombstones(Struct, frozen=True):
    """Empty files in a bucket of their own: ``‹club›/‹day›/‹digest of the member's id›``."""

    client: S3Client
    bucket: str

    def keep(self, club_id: str, member_id: str, day: date) -> None:
        """Remember somebody; see `Tombstones`."""
        name = f"{club_id}/{day.isoformat()}/{digest_of(member_id)}"
        self.client.put_object(Bucket=self.bucket, Key=name, Body=b"")

    def of_club(self, club_id: str) -> dict[str, date]:
        """All of a club; see `Tombstones`. Whoever was erased again after a restore went on the later day."""
        found: dict[str, date] = {}
        request = {"Bucket": self.bucket, "Prefix": f"{club_id}/"}
        while True:
            page = self.client.list_objects_v2(**request)
            for each in page.get("Contents", ()):
                _, day, digest = each["Key"].split("/")
                found[digest] = date.fromisoformat(day)
            if not page.get("IsTruncated"):
                return found
            request["ContinuationToken"] = page["NextContinuationToken"]
