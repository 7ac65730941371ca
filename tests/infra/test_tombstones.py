"""Who was erased is remembered as long as any copy may hold them, and no longer, by nothing that leads to them."""

from typing import Any

import pytest

from infra.stacks.data import RECOVERY_DAYS, TOMBSTONE_DAYS
from tests.infra.templates import Resource, Stacks


@pytest.fixture
def bucket(stacks: Stacks) -> Resource:
    """The bucket of tombstones."""
    return stacks.bucket("stamkunde-tombstones-")


def test_tombstones_go_after_45_days_however_often_they_were_written(bucket: Resource) -> None:
    over, markers = rules(bucket)
    days = over["ExpirationInDays"] + over["NoncurrentVersionExpiration"]["NoncurrentDays"]
    assert days == TOMBSTONE_DAYS == 45
    assert markers["ExpiredObjectDeleteMarker"] is True
    assert {rule["Status"] for rule in (over, markers)} == {"Enabled"}


def test_tombstones_outlive_every_copy_of_those_who_are_gone(bucket: Resource) -> None:
    over, _ = rules(bucket)
    assert over["ExpirationInDays"] > RECOVERY_DAYS


def test_a_tombstone_that_is_taken_away_by_mistake_can_be_brought_back(bucket: Resource) -> None:
    assert bucket.properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert bucket.definition["DeletionPolicy"] == bucket.definition["UpdateReplacePolicy"] == "Retain"


def test_nobody_reads_tombstones_in_public_or_over_plain_http(bucket: Resource, stacks: Stacks) -> None:
    assert set(bucket.properties["PublicAccessBlockConfiguration"].values()) == {True}
    (policy,) = [
        each.properties["PolicyDocument"]
        for each in stacks.resources("AWS::S3::BucketPolicy")
        if stacks.target_of(each.properties["Bucket"]) == bucket.logical_id
    ]
    assert {statement["Effect"] for statement in policy["Statement"]} == {"Deny"}


def rules(bucket: Resource) -> list[dict[str, Any]]:
    """What ends them: the rule of age first."""
    found: list[dict[str, Any]] = bucket.properties["LifecycleConfiguration"]["Rules"]
    return sorted(found, key=lambda rule: "ExpirationInDays" not in rule)
