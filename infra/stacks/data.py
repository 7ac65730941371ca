"""What must never be lost: tables, evidence, tombstones, the key over them, and the domain that e-mail comes from."""

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_ses as ses
from constructs import Construct

from infra.constructs.acknowledge import acknowledge
from infra.constructs.report_topic import PUBLISHERS
from infra.function_catalogue import FUNCTIONS, TABLES
from infra.function_description import Stream
from infra.target import Target

RECOVERY_DAYS = 31
EVIDENCE_NAME = f"stamkunde-evidence-{cdk.Aws.ACCOUNT_ID}"
EVIDENCE_ARN = f"arn:aws:s3:::{EVIDENCE_NAME}"
"""The bucket by a name that other stacks know without asking: their policies can then be read, and accepted."""

TOMBSTONE_NAME = f"stamkunde-tombstones-{cdk.Aws.ACCOUNT_ID}"
TOMBSTONE_ARN = f"arn:aws:s3:::{TOMBSTONE_NAME}"
TOMBSTONE_DAYS = 45
"""Longer than any copy of those who are gone is kept."""

CLEARED_AWAY_BY = {"members": "expires", "messages": "expires"}
"""What holds the second from which a row may go, in tables with rows that go by themselves."""


class DataStack(cdk.Stack):
    """One customer key, a table a context, buckets of evidence and of tombstones, the mail domain; all outlive it."""

    def __init__(self, scope: Construct, construct_id: str, *, target: Target, **options: Any) -> None:
        super().__init__(
            scope,
            construct_id,
            description="Stamkunde: tables, the customer key, the mail domain",
            termination_protection=True,
            **options,
        )
        self.key = kms.Key(self, "Key", description="Everything that Stamkunde keeps", enable_key_rotation=True)
        self._let_be_encrypted("cloudwatch.amazonaws.com", *PUBLISHERS)
        self.tables = {name: self._table(name) for name in TABLES}
        self.evidence = self._evidence_bucket()
        self.tombstones = self._tombstone_bucket()
        self.mail = self._mail_identity(target)

    def _let_be_encrypted(self, *services: str) -> None:
        """Let services publish to our topics, in our account's name: alarms, and what becomes of messages."""
        for service in services:
            self.key.add_to_resource_policy(
                iam.PolicyStatement(
                    actions=["kms:Decrypt", "kms:GenerateDataKey"],
                    principals=[iam.ServicePrincipal(service)],
                    resources=["*"],
                    conditions={"StringEquals": {"aws:SourceAccount": self.account}},
                )
            )

    def _mail_identity(self, target: Target) -> ses.EmailIdentity:
        identity = ses.EmailIdentity(self, "MailIdentity", identity=ses.Identity.domain(target.mail_domain))
        # A new one would have other DKIM records than those in the domain's zone.
        identity.apply_removal_policy(cdk.RemovalPolicy.RETAIN)
        return identity

    def _evidence_bucket(self) -> s3.Bucket:
        # As with the tables: what was taken away or overwritten can be brought back for so long, and no longer.
        rule = s3.LifecycleRule(
            noncurrent_version_expiration=cdk.Duration.days(RECOVERY_DAYS), expired_object_delete_marker=True
        )
        return self._bucket("Evidence", EVIDENCE_NAME, [rule])

    def _tombstone_bucket(self) -> s3.Bucket:
        # A version that isn't the newest any more has a day left, and its marker goes with it.
        over = s3.LifecycleRule(
            expiration=cdk.Duration.days(TOMBSTONE_DAYS - 1), noncurrent_version_expiration=cdk.Duration.days(1)
        )
        return self._bucket("Tombstones", TOMBSTONE_NAME, [over, s3.LifecycleRule(expired_object_delete_marker=True)])

    def _bucket(self, construct_id: str, name: str, rules: list[s3.LifecycleRule]) -> s3.Bucket:
        bucket = s3.Bucket(
            self,
            construct_id,
            bucket_name=name,
            encryption=s3.BucketEncryption.KMS,
            encryption_key=self.key,
            bucket_key_enabled=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            versioned=True,
            lifecycle_rules=rules,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        acknowledge(
            bucket,
            "S1",
            "An access log would name members for longer than they are kept; CloudTrail can tell who read.",
        )
        return bucket

    def _table(self, name: str) -> dynamodb.Table:
        # Not TableV2: the local engine replaces one by an empty one at every update.
        table = dynamodb.Table(
            self,
            f"{name.title()}Table",
            partition_key=dynamodb.Attribute(name="pk", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="sk", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=self.key,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True, recovery_period_in_days=RECOVERY_DAYS
            ),
            time_to_live_attribute=CLEARED_AWAY_BY.get(name),
            deletion_protection=True,
            removal_policy=cdk.RemovalPolicy.RETAIN,
            stream=_stream_of(name),
        )
        cdk.CfnOutput(self, f"{name.title()}TableName", value=table.table_name).override_logical_id(
            f"{name.title()}Table"
        )
        return table


def _stream_of(table: str) -> dynamodb.StreamViewType | None:
    """With old images where the rows are told: what is removed must be taken out of the projections again."""
    streams = [function.trigger for function in FUNCTIONS if isinstance(function.trigger, Stream)]
    told = {stream.keys_only for stream in streams if stream.table == table}
    if not told:
        return None
    return dynamodb.StreamViewType.KEYS_ONLY if told == {True} else dynamodb.StreamViewType.NEW_AND_OLD_IMAGES
