"""What starts a job every so many minutes."""

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sqs as sqs
from constructs import Construct

MINUTES_OF_HOUR = 60


class MinuteSchedule(Construct):
    """A schedule in UTC whose role may start one function and report one queue what it could not start.

    The CDK's own target would let it start every version of the function too.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        function: lambda_.IFunction,
        description: str,
        every_minutes: int,
        failures: sqs.IQueue,
    ) -> None:
        super().__init__(scope, construct_id)
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal(
                "scheduler.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": Stack.of(self).account}},
            ),
        )
        role.add_to_policy(iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[function.function_arn]))
        role.add_to_policy(iam.PolicyStatement(actions=["sqs:SendMessage"], resources=[failures.queue_arn]))
        scheduler.CfnSchedule(
            self,
            "Resource",
            description=description,
            schedule_expression=_expression(every_minutes),
            schedule_expression_timezone="UTC",
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            target=scheduler.CfnSchedule.TargetProperty(
                arn=function.function_arn,
                role_arn=role.role_arn,
                input="{}",
                dead_letter_config=scheduler.CfnSchedule.DeadLetterConfigProperty(arn=failures.queue_arn),
                retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
                    maximum_event_age_in_seconds=60 * every_minutes, maximum_retry_attempts=1
                ),
            ),
        )


def _expression(every_minutes: int) -> str:
    """Minutes are counted within an hour, so a whole hour has an expression of its own."""
    return "cron(0 * * * ? *)" if every_minutes == MINUTES_OF_HOUR else f"cron(*/{every_minutes} * * * ? *)"
