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
from infra.function_description import Function

METRICS_NAMESPACE = "Stamkunde"
READING = frozenset({"GetItem", "Query", "BatchGetItem", "ConditionCheckItem"})
ON_BACKUPS = frozenset({"ListBackups", "DeleteBackup", "ListTables"})
"""Actions that look into no table, and need no key."""

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
            on_table = [action for action in actions if action not in ON_BACKUPS]
            if on_table:
                self._grant(on_table, tables[table].table_arn)
        wanted = {action for actions in self.catalogued.rights.values() for action in actions} - ON_BACKUPS
        if any("DeleteBackup" in actions for actions in self.catalogued.rights.values()):
            self._grant_backups(tables)
        if wanted:
            writes = not wanted <= READING
            self.grant_key(
                key, by="dynamodb", actions=[*KEY_ACTIONS_TO_READ, *(KEY_ACTIONS_TO_WRITE if writes else ())]
            )

    def _grant_backups(self, tables: Mapping[str, dynamodb.Table]) -> None:
        # To list them, or what was made of them, is a right on no table: AWS takes it for all or for none.
        self._grant(["ListBackups", "ListTables"], "*")
        acknowledge(self.role, "IAM5[Resource::*]", "DynamoDB knows no right to list the backups of one table only.")
        # The names of tables begin with their stack's, and a policy with a known name can be read, and accepted.
        stack, here = cdk.Stack.of(next(iter(tables.values()))), cdk.Stack.of(self)
        backups = f"arn:aws:dynamodb:{here.region}:{cdk.Aws.ACCOUNT_ID}:table/{stack.stack_name}-*/backup/*"
        self._grant(["DeleteBackup"], backups)
        acknowledge(
            self.role,
            f"IAM5[Resource::{backups.replace(cdk.Aws.ACCOUNT_ID, '<AWS::AccountId>')}]",
            "Tables of our own stack, and copies of them, each of which has a name that AWS chose.",
        )

    def _grant(self, actions: Sequence[str], resource: str) -> None:
        names = [f"dynamodb:{action}" for action in actions]
        self.role.add_to_policy(iam.PolicyStatement(actions=names, resources=[resource]))

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
