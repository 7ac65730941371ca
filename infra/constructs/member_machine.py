"""What is done about a member who is due, step by step, as operators see it in the console."""

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.constructs.acknowledge import acknowledge

LASTS = cdk.Duration.minutes(30)
"""Half of what the hourly job waits before it starts a case again, so that no two attempts run at once."""

# Whatever breaks a step may pass by itself: names of errors aren't told apart.
RETRY = {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 5, "BackoffRate": 2, "MaxAttempts": 5}


class MemberMachine(Construct):
    """Act, re-arm, done: the decision is the function's, and each step may be done again.

    Input and output name a club, a case and a step, for executions can be read for 90 days. What breaks for good
    fails visibly; the hourly job starts the case again as another attempt.
    """

    def __init__(self, scope: Construct, construct_id: str, *, task: lambda_.IFunction) -> None:
        super().__init__(scope, construct_id)
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("states.amazonaws.com"),
            description="What member_due may do",
        )
        role.add_to_policy(iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[task.function_arn]))
        self.machine = sfn.StateMachine(
            self,
            "MemberDue",
            definition_body=sfn.DefinitionBody.from_string(
                cdk.Stack.of(self).to_json_string(definition(task.function_arn))
            ),
            role=role,
        )
        acknowledge(self.machine, "SF1", "An execution's history tells all that its log would, for 90 days.")
        acknowledge(self.machine, "SF2", "X-Ray costs more than the function does; two steps need no map.")


def definition(function: str) -> dict[str, Any]:
    """The machine in Amazon States Language."""
    return {
        "Comment": "A member is due: do what is due by the facts, then write when to look again.",
        "StartAt": "Act",
        "TimeoutSeconds": int(LASTS.to_seconds()),
        "States": {
            "Act": {**_step(function, "act"), "ResultPath": "$.acted", "Next": "IsCaseOpen"},
            "IsCaseOpen": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.acted.outcome", "StringEquals": "closed", "Next": "Done"}],
                "Default": "Rearm",
            },
            "Rearm": {**_step(function, "rearm"), "ResultPath": "$.rearmed", "Next": "Done"},
            "Done": {"Type": "Succeed"},
        },
    }


def _step(function: str, do: str) -> dict[str, Any]:
    parameters = {"do": do, "club.$": "$.club", "case.$": "$.case"}
    return {"Type": "Task", "Resource": function, "Parameters": parameters, "Retry": [RETRY]}
