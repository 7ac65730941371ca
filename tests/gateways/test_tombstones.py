"""Tombstones in a bucket of the real engine: what is kept of who was erased, and that all of it is read again."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from stamkunde.gateways.tombstones import S3Tombstones, digest_of
from stamkunde.shared.ids import new_id
from tests.aws_clients import engine_client

DAY, NEXT_DAY = date(2026, 11, 22), date(2026, 11, 23)
MEMBER = "m0123456789abcdef"


@pytest.fixture
def tombstones(engine_endpoint: str) -> S3Tombstones:
    """An empty bucket: their names are everybody's, in the engine too."""
    client, name = engine_client("s3", engine_endpoint), new_id("tombstones-")
    client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-north-1"})
    return S3Tombstones(client, name)


def test_a_tombstone_is_a_club_a_day_and_a_digest_and_no_word_of_a_person(tombstones: S3Tombstones) -> None:
    tombstones.keep("c1", MEMBER, DAY)
    (kept,) = tombstones.client.list_objects_v2(Bucket=tombstones.bucket)["Contents"]
    assert kept["Key"] == f"c1/2026-11-22/{digest_of(MEMBER)}"
    assert kept["Size"] == 0
    assert MEMBER not in kept["Key"]


def test_who_is_gone_is_found_in_their_own_club_and_in_no_other(tombstones: S3Tombstones) -> None:
    tombstones.keep("c1", MEMBER, DAY)
    tombstones.keep("c1", MEMBER, DAY)
    tombstones.keep("c12", MEMBER, NEXT_DAY)
    assert tombstones.of_club("c1") == {digest_of(MEMBER): DAY}
    assert tombstones.of_club("c12") == {digest_of(MEMBER): NEXT_DAY}
    assert tombstones.of_club("c2") == {}


def test_who_was_erased_again_went_on_the_later_day(tombstones: S3Tombstones) -> None:
    tombstones.keep("c1", MEMBER, NEXT_DAY)
    tombstones.keep("c1", MEMBER, DAY)
    assert tombstones.of_club("c1") == {digest_of(MEMBER): NEXT_DAY}


def test_nobody_of_thousands_is_missed() -> None:
    """A bucket lists a thousand names at once."""
    names = [f"c1/2026-11-22/{digest_of(str(number))}" for number in range(2_500)]

    class Listing:
        def put_object(self, **_given: Any) -> dict[str, Any]:
            raise AssertionError

        def list_objects_v2(self, **given: Any) -> dict[str, Any]:
            begin = int(given.get("ContinuationToken", 0))
            page = [{"Key": name} for name in names[begin : begin + 1_000]]
            more = begin + 1_000 < len(names)
            return {"Contents": page, "IsTruncated": more} | (
                {"NextContinuationToken": f"{begin + 1_000}"} if more else {}
            )

    assert len(S3Tombstones(Listing(), "tombstones").of_club("c1")) == 2_500
