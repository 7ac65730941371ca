"""CloudFront's access log, without visitors."""

import aws_cdk as cdk
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

# Neither address nor path, query, cookie, referrer or user agent: the log lies outside the EU.
FIELDS = (
    "date",
    "time",
    "x-edge-location",
    "x-edge-request-id",
    "cs-method",
    "sc-status",
    "sc-bytes",
    "time-taken",
    "x-edge-result-type",
    "x-edge-detailed-result-type",
    "ssl-protocol",
    "cs-protocol-version",
)


class FrontDoorLog(Construct):
    """Delivers chosen fields of the access log to a log group that keeps them for 30 days."""

    def __init__(self, scope: Construct, construct_id: str, *, distribution: cloudfront.Distribution) -> None:
        super().__init__(scope, construct_id)
        group = logs.LogGroup(
            self, "Group", retention=logs.RetentionDays.ONE_MONTH, removal_policy=cdk.RemovalPolicy.DESTROY
        )
        group.add_to_resource_policy(
            iam.PolicyStatement(
                actions=["logs:CreateLogStream", "logs:PutLogEvents"],
                principals=[iam.ServicePrincipal("delivery.logs.amazonaws.com")],
                resources=[group.log_group_arn],
                conditions={"StringEquals": {"aws:SourceAccount": cdk.Stack.of(self).account}},
            )
        )
        source = logs.CfnDeliverySource(
            self,
            "Source",
            name="stamkunde-front-door",
            log_type="ACCESS_LOGS",
            resource_arn=distribution.distribution_arn,
        )
        destination = logs.CfnDeliveryDestination(
            self,
            "Destination",
            name="stamkunde-front-door",
            destination_resource_arn=group.log_group_arn,
            output_format="json",
        )
        delivery = logs.CfnDelivery(
            self,
            "Delivery",
            delivery_source_name=source.name,
            delivery_destination_arn=destination.attr_arn,
            record_fields=list(FIELDS),
        )
        delivery.node.add_dependency(source)
