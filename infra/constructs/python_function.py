"""How every Lambda of Stamkunde is made."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.constructs.acknowledge import acknowledge
from infra.function_catalogue import Function

METRICS_NAMESPACE = "Stamkunde"
READING = frozenset({"GetItem", "Query", "BatchGetItem", "ConditionCheckItem"})

# What DynamoDB asks of the caller for a table under a customer key, reading and writing.
KEY_ACTIONS_TO_READ = ("kms:Decrypt", "kms:DescribeKey")
KEY_ACTIONS_TO_WRITE = (
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
)

KEY_ACTIONS_TO_KEEP_FILES = ("kms:GenerateDataKey", "kms:Decrypt")
"""What S3 asks of the caller who puts a file into a bucket under a customer key."""


class PythonFunction(Construct):
    """A Lambda with a role of its own, exactly the catalogue's rights, and logs that are kept for 30 days.

    Parameters
    ----------
    function
        The catalogue's entry.
    code
        Its built folder.
    layers
        Third-party packages and Stamkunde's own code.
    tables, key
        All tables and their key; the function gets rights on, and the names of, those that the catalogue says.
    environment
        Settings beyond table names and Powertools.
    """

    def __init__(
        self,
        scope: Construct,
        *,
        function: Function,
        code: Path,
        layers: Sequence[lambda_.ILayerVersion],
        tables: Mapping[str, dynamodb.Table],
        key: kms.IKey,
        environment: Mapping[str, str],
    ) -> None:
        super().__init__(scope, function.title)
        self.catalogued = function
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            description=f"What {function.name} may do",
        )
        self.log_group = logs.LogGroup(
            self, "Logs", retention=logs.RetentionDays.ONE_MONTH, removal_policy=cdk.RemovalPolicy.DESTROY
        )
        self.log_group.grant_write(self.role)
        self._grant_tables(tables, key)
        self.function = lambda_.Function(
            self,
            "Function",
            description=function.purpose,
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
            handler=f"{function.name}.handler.lambda_handler",
            code=lambda_.Code.from_asset(str(code)),
            layers=list(layers),
            role=self.role,
            timeout=cdk.Duration.seconds(function.timeout_seconds),
            memory_size=function.memory_mb,
            # Powertools writes JSON lines itself; Lambda would only wrap them once more.
            logging_format=lambda_.LoggingFormat.TEXT,
            log_group=self.log_group,
            # X-Ray alone costs as much as all the rest of a purchase.
            tracing=lambda_.Tracing.DISABLED,
            environment={
                **{f"{table.upper()}_TABLE": tables[table].table_name for table in function.rights},
                "POWERTOOLS_SERVICE_NAME": function.name,
                "POWERTOOLS_METRICS_NAMESPACE": METRICS_NAMESPACE,
                "POWERTOOLS_LOG_LEVEL": "INFO",
                **environment,
            },
        )
        acknowledge(
            self.function,
            "L1",
            "Python 3.13 everywhere: the local engine runs Lambdas on the same interpreter that AWS does.",
        )

    def _grant_tables(self, tables: Mapping[str, dynamodb.Table], key: kms.IKey) -> None:
        for table, actions in self.catalogued.rights.items():
            self.role.add_to_policy(
                iam.PolicyStatement(
                    actions=[f"dynamodb:{action}" for action in actions], resources=[tables[table].table_arn]
                )
            )
        wanted = {action for actions in self.catalogued.rights.values() for action in actions}
        if wanted:
            writes = not wanted <= READING
            self.grant_key(
                key, by="dynamodb", actions=[*KEY_ACTIONS_TO_READ, *(KEY_ACTIONS_TO_WRITE if writes else ())]
            )

    def grant_key(self, key: kms.IKey, *, by: str, actions: Sequence[str]) -> None:
        """Let one service of AWS, and nothing else, use the key in this function's name."""
        region = cdk.Stack.of(self).region
        self.role.add_to_policy(
            iam.PolicyStatement(
                actions=list(actions),
                resources=[key.key_arn],
                conditions={"StringEquals": {"kms:ViaService": f"{by}.{region}.amazonaws.com"}},
            )
        )
