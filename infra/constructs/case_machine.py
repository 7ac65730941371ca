"""What the state machines have in common that go through a case, step by step, as operators see it in the console."""

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.constructs.acknowledge import acknowledge

LASTS = cdk.Duration.minutes(30)
"""Less than the hourly job waits before it starts a case again, so that no two attempts run at once."""

# Whatever breaks a step may pass by itself: names of errors aren't told apart.
RETRY = {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 5, "BackoffRate": 2, "MaxAttempts": 5}


class CaseMachine(Construct):
    """A machine of one function's steps: the decisions are the function's, and each step may be done again.

    Input and output name a club, a case and a step, for executions can be read for 90 days. What breaks for good
    fails visibly; the hourly job starts the case again as another attempt.

    Parameters
    ----------
    name
        What the machine is called in the stack.
    task
        The one function that it may call.
    definition
        The machine in Amazon States Language.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, name: str, task: lambda_.IFunction, definition: dict[str, Any]
    ) -> None:
        super().__init__(scope, construct_id)
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("states.amazonaws.com"),
            description=f"What {name} may do",
        )
        role.add_to_policy(iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[task.function_arn]))
        self.machine = sfn.StateMachine(
            self,
            construct_id,
            definition_body=sfn.DefinitionBody.from_string(cdk.Stack.of(self).to_json_string(definition)),
            role=role,
        )
        acknowledge(self.machine, "SF1", "An execution's history tells all that its log would, for 90 days.")
        acknowledge(self.machine, "SF2", "X-Ray costs more than the function does; a dozen steps need no map.")


def step(function: str, do: str) -> dict[str, Any]:
    """A step that the function does."""
    parameters = {"do": do, "club.$": "$.club", "case.$": "$.case"}
    return {"Type": "Task", "Resource": function, "Parameters": parameters, "Retry": [RETRY]}
