"""Photos of signed forms: under the customer key, open to nobody, and gone 31 days after they were taken away."""

from typing import Any

import pytest

from infra.stacks.data import RECOVERY_DAYS
from tests.infra.templates import Resource, Stacks, actions


@pytest.fixture
def bucket(stacks: Stacks) -> Resource:
    """The bucket of evidence."""
    return stacks.bucket("stamkunde-evidence-")


def test_evidence_lies_under_the_customer_key(bucket: Resource, stacks: Stacks) -> None:
    (key,) = stacks.resources("AWS::KMS::Key")
    (rule,) = bucket.properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    by_default = rule["ServerSideEncryptionByDefault"]
    assert by_default["SSEAlgorithm"] == "aws:kms"
    assert stacks.target_of(by_default["KMSMasterKeyID"]) == key.logical_id


def test_nobody_reads_evidence_in_public_or_over_plain_http(bucket: Resource, stacks: Stacks) -> None:
    assert set(bucket.properties["PublicAccessBlockConfiguration"].values()) == {True}
    (policy,) = [
        each.properties["PolicyDocument"]
        for each in stacks.resources("AWS::S3::BucketPolicy")
        if stacks.target_of(each.properties["Bucket"]) == bucket.logical_id
    ]
    (statement,) = policy["Statement"]
    assert (statement["Effect"], actions(statement)) == ("Deny", {"s3:*"})
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_what_is_taken_away_can_be_brought_back_for_31_days_and_no_longer(bucket: Resource) -> None:
    assert bucket.properties["VersioningConfiguration"] == {"Status": "Enabled"}
    rules: list[dict[str, Any]] = bucket.properties["LifecycleConfiguration"]["Rules"]
    assert [rule["NoncurrentVersionExpiration"]["NoncurrentDays"] for rule in rules] == [RECOVERY_DAYS]
    assert all(rule["Status"] == "Enabled" and "ExpirationInDays" not in rule for rule in rules)


def test_evidence_outlives_its_stack(bucket: Resource) -> None:
    assert bucket.definition["DeletionPolicy"] == bucket.definition["UpdateReplacePolicy"] == "Retain"
