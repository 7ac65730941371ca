"""What must never be lost: the tables and the key that encrypts them."""

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.function_catalogue import FUNCTIONS, TABLES, Stream

RECOVERY_DAYS = 31


class DataStack(cdk.Stack):
    """One customer key and one table per context; deleting the stack leaves them all in place."""

    def __init__(self, scope: Construct, construct_id: str, **options: Any) -> None:
        super().__init__(
            scope,
            construct_id,
            description="Stamkunde: tables and the customer key",
            termination_protection=True,
            **options,
        )
        self.key = kms.Key(self, "Key", description="Everything that Stamkunde keeps", enable_key_rotation=True)
        self._let_alarms_be_encrypted()
        self.tables = {name: self._table(name) for name in TABLES}

    def _let_alarms_be_encrypted(self) -> None:
        self.key.add_to_resource_policy(
            iam.PolicyStatement(
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                resources=["*"],
                conditions={"StringEquals": {"aws:SourceAccount": self.account}},
            )
        )

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
            deletion_protection=True,
            removal_policy=cdk.RemovalPolicy.RETAIN,
            # With old images: what is removed must be taken out of the projections again.
            stream=dynamodb.StreamViewType.NEW_AND_OLD_IMAGES if _is_streamed(name) else None,
        )
        cdk.CfnOutput(self, f"{name.title()}TableName", value=table.table_name).override_logical_id(
            f"{name.title()}Table"
        )
        return table


def _is_streamed(table: str) -> bool:
    return any(isinstance(function.trigger, Stream) and function.trigger.table == table for function in FUNCTIONS)
