"""The Lambdas and what wakes them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_destinations as destinations
from aws_cdk import aws_lambda_event_sources as event_sources
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.constructs import campaign_machine, erasure_machine, member_machine
from infra.constructs.acknowledge import acknowledge
from infra.constructs.case_machine import CaseMachine
from infra.constructs.failure_queue import FailureQueue
from infra.constructs.minute_schedule import MinuteSchedule
from infra.constructs.public_http_api import PublicHttpApi
from infra.constructs.python_function import KEY_ACTIONS_TO_KEEP_FILES, PythonFunction
from infra.constructs.report_topic import MAIL_SET, SMS_SET, ReportTopic
from infra.constructs.wake_up_queue import WakeUpQueue
from infra.function_catalogue import FUNCTIONS
from infra.function_description import Function, Http, Queue, Rows, Schedule, Stream
from infra.packaging import Packages
from infra.stacks.data import EVIDENCE_ARN, TOMBSTONE_ARN, DataStack
from infra.target import EDGE_REGION, LOCAL_ORIGIN_SECRET, ORIGIN_SECRET_NAME, Target
from stamkunde.campaigns.model.gateway_choice import SmsGateway

MACHINE_VARIABLES = {
    "member_due": "MEMBER_MACHINE",
    "member_erased": "ERASURE_MACHINE",
    "campaign_begun": "CAMPAIGN_MACHINE",
}
"""Where a function finds the ARN of a state machine that it starts."""

STREAM_ACTIONS = ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams")


class ServiceStack(cdk.Stack):
    """Everything that can be thrown away and deployed again."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        target: Target,
        data: DataStack,
        packages: Packages,
        **options: Any,
    ) -> None:
        super().__init__(scope, construct_id, description="Stamkunde: functions and API", **options)
        self._target = target
        self._data = data
        self._packages = packages
        self._layers = self._layer_versions()
        self._origin_secret = None if target.is_local else self._generated_origin_secret()
        self.failure_queues: dict[str, FailureQueue] = {}
        self.wake_up_queues: dict[str, WakeUpQueue] = {}
        self.functions = {function.name: self._function(function) for function in FUNCTIONS}
        for function in self.functions.values():
            self._wake(function)
        for function in self.functions.values():
            self._let_wake(function)
            self._let_send(function)
            self._let_send_campaigns(function)
            self._let_hear_gatewayapi(function)
            catalogued, data = function.catalogued, self._data
            self._let_at_files(function, catalogued.on_evidence, "EVIDENCE_BUCKET", data.evidence, EVIDENCE_ARN)
            self._let_at_files(function, catalogued.on_tombstones, "TOMBSTONE_BUCKET", data.tombstones, TOMBSTONE_ARN)
        self.machines = {
            "member_due": self._machine("member_due", "due_task", member_machine.definition),
            "member_erased": self._machine("member_erased", "erasure_task", erasure_machine.definition),
            "campaign_begun": self._machine("campaign_begun", "campaign_task", campaign_machine.definition),
        }
        for function in self.functions.values():
            self._let_start(function)
        self.http_api = PublicHttpApi(self, "PublicHttpApi", functions=self.functions.values())
        self._write_outputs()

    def _layer_versions(self) -> list[lambda_.ILayerVersion]:
        folders = {"Dependencies": self._packages.dependencies, "Stamkunde": self._packages.stamkunde}
        return [
            lambda_.LayerVersion(
                self,
                f"{name}Layer",
                code=lambda_.Code.from_asset(str(folder)),
                compatible_runtimes=[lambda_.Runtime.PYTHON_3_13],
                compatible_architectures=[lambda_.Architecture.ARM_64],
            )
            for name, folder in folders.items()
        ]

    def _generated_origin_secret(self) -> secretsmanager.Secret:
        secret = secretsmanager.Secret(
            self,
            "OriginSecret",
            secret_name=ORIGIN_SECRET_NAME,
            description="The header by which functions know that a request came through CloudFront",
            generate_secret_string=secretsmanager.SecretStringGenerator(exclude_punctuation=True, password_length=48),
            replica_regions=[secretsmanager.ReplicaRegion(region=EDGE_REGION)],
        )
        acknowledge(
            secret,
            "SMG4",
            "Two stacks in two regions hold its value and must change together: docs/deploy.md says how.",
        )
        return secret

    def _function(self, function: Function) -> PythonFunction:
        made = PythonFunction(
            self,
            function=function,
            code=self._packages.functions[function.name],
            layers=self._layers,
            tables=self._data.tables,
            key=self._data.key,
            environment=self._environment(function),
        )
        if self._origin_secret is not None and isinstance(function.trigger, Http):
            _resource(made.function).add_dependency(_resource(self._origin_secret))
        return made

    def _environment(self, function: Function) -> Mapping[str, str]:
        environment: dict[str, str] = {}
        if isinstance(function.trigger, Http):
            environment["ORIGIN_SECRET"] = origin_secret(self._target)
        if function.knows_domains:
            environment["PAGES_DOMAIN"] = self._target.domain
            environment["SHORT_DOMAIN"] = self._target.short_domain
            environment["MAIL_DOMAIN"] = self._target.mail_domain
            environment["SMS_GATEWAY"] = self._target.sms_gateway
        if function.knows_paces:
            environment["SMS_A_SECOND"] = str(self._target.sms_a_second)
            environment["EMAILS_A_SECOND"] = str(self._target.emails_a_second)
            environment["CLUB_A_SECOND"] = str(self._target.club_a_second)
        if self._target.is_local:
            environment["CLUB_CLOCKS"] = "allowed"
        return environment

    def _wake(self, function: PythonFunction) -> None:
        match function.catalogued.trigger:
            case Schedule() as schedule:
                self._wake_by_clock(function, schedule)
            case Stream() as stream:
                self._wake_by_stream(function, stream)
            case Queue() as queue:
                failures = self._failure_queue(function)
                made = WakeUpQueue(function, "WakeUps", worker=function, queue=queue, failures=failures)
                self.wake_up_queues[function.catalogued.name] = made
                if queue.filled_by_gateways:
                    texts = self._target.sms_gateway is SmsGateway.VOICE
                    ReportTopic(function, "Reports", queue=made.queue, key=self._data.key, texts=texts)

    def _wake_by_clock(self, function: PythonFunction, schedule: Schedule) -> None:
        failures = self._failure_queue(function)
        function.function.configure_async_invoke(
            # A late run is worth nothing: the next one does the same work.
            max_event_age=cdk.Duration.minutes(schedule.every_minutes),
            retry_attempts=0,
            on_failure=destinations.SqsDestination(failures.queue),
        )
        MinuteSchedule(
            function,
            "Schedule",
            function=function.function,
            description=f"{function.catalogued.name}: {function.catalogued.purpose}",
            every_minutes=schedule.every_minutes,
            failures=failures.queue,
        )

    def _wake_by_stream(self, function: PythonFunction, stream: Stream) -> None:
        failures = self._failure_queue(function)
        table = self._data.tables[stream.table]
        assert table.table_stream_arn is not None
        function.role.add_to_policy(
            iam.PolicyStatement(
                actions=[f"dynamodb:{action}" for action in STREAM_ACTIONS],
                resources=[table.table_stream_arn],
            )
        )
        mapping = lambda_.EventSourceMapping(
            function,
            "Stream",
            target=function.function,
            event_source_arn=table.table_stream_arn,
            starting_position=lambda_.StartingPosition.TRIM_HORIZON,
            filters=[lambda_.FilterCriteria.filter(_told_of(rows)) for rows in stream.rows],
            batch_size=100,
            bisect_batch_on_error=True,
            retry_attempts=5,
            on_failure=event_sources.SqsDlq(failures.queue),
        )
        # Lambda tries to read the stream when the mapping is made.
        mapping.node.add_dependency(function.role)

    def _let_wake(self, function: PythonFunction) -> None:
        if function.catalogued.wakes is None:
            return
        queue = self.wake_up_queues[function.catalogued.wakes].queue
        function.role.add_to_policy(iam.PolicyStatement(actions=["sqs:SendMessage"], resources=[queue.queue_arn]))
        function.function.add_environment("MESSAGE_QUEUE", queue.queue_url)

    def _let_send(self, function: PythonFunction) -> None:
        if not function.catalogued.sends_messages:
            return
        function.role.add_to_policy(
            iam.PolicyStatement(actions=["ses:SendEmail"], resources=[self._data.mail.email_identity_arn])
        )
        # Whoever sends by a set needs the right to it as well.
        reports = f"arn:aws:ses:{self.region}:{cdk.Aws.ACCOUNT_ID}:configuration-set/{MAIL_SET}"
        function.role.add_to_policy(iam.PolicyStatement(actions=["ses:SendEmail"], resources=[reports]))
        function.function.add_environment("MAIL_CONFIGURATION_SET", MAIL_SET)
        # A phone number has no ARN, so the right to write to one is a right on everything; topics are taken out.
        for effect, resource in ((iam.Effect.ALLOW, "*"), (iam.Effect.DENY, "arn:aws:sns:*:*:*")):
            statement = iam.PolicyStatement(effect=effect, actions=["sns:Publish"], resources=[resource])
            function.role.add_to_policy(statement)
        acknowledge(
            function.role, "IAM5[Resource::*]", "A phone number has no ARN; a second statement denies every topic."
        )

    def _let_send_campaigns(self, function: PythonFunction) -> None:
        if not function.catalogued.sends_campaigns:
            return
        function.function.add_environment("SMS_CONFIGURATION_SET", SMS_SET)
        function.function.add_environment("GATEWAYAPI_URL", self._target.gatewayapi_url)
        self._let_read_secret(function, "GATEWAYAPI_TOKEN", "token")
        if self._target.sms_gateway is not SmsGateway.VOICE:
            return
        here = f"arn:aws:sms-voice:{self.region}:{cdk.Aws.ACCOUNT_ID}"
        resources = [f"{here}:sender-id/*", f"{here}:configuration-set/{SMS_SET}"]
        function.role.add_to_policy(iam.PolicyStatement(actions=["sms-voice:SendTextMessage"], resources=resources))
        acknowledge(
            function.role,
            f"IAM5[Resource::{resources[0].replace(cdk.Aws.ACCOUNT_ID, '<AWS::AccountId>')}]",
            "Each club writes under a name of its own, which is a sender id.",
        )

    def _let_hear_gatewayapi(self, function: PythonFunction) -> None:
        if function.catalogued.hears_gatewayapi:
            self._let_read_secret(function, "GATEWAYAPI_HOOK_SECRET", "hook")

    def _let_read_secret(self, function: PythonFunction, variable: str, name: str) -> None:
        """Let a function read one parameter, which an operator puts there, and know what it is called."""
        parameter = f"/stamkunde/gatewayapi/{name}"
        arn = f"arn:aws:ssm:{self.region}:{cdk.Aws.ACCOUNT_ID}:parameter{parameter}"
        function.role.add_to_policy(iam.PolicyStatement(actions=["ssm:GetParameter"], resources=[arn]))
        function.function.add_environment(variable, parameter)

    def _let_at_files(
        self, function: PythonFunction, actions: Sequence[str], variable: str, bucket: s3.Bucket, arn: str
    ) -> None:
        if not actions:
            return
        files = f"{arn}/*"
        for action in actions:
            resource = arn if action == "ListBucket" else files
            function.role.add_to_policy(iam.PolicyStatement(actions=[f"s3:{action}"], resources=[resource]))
        acknowledge(
            function.role,
            f"IAM5[Resource::{files.replace(cdk.Aws.ACCOUNT_ID, '<AWS::AccountId>')}]",
            "Each file has a name of its own.",
        )
        if "PutObject" in actions:
            function.grant_key(self._data.key, by="s3", actions=KEY_ACTIONS_TO_KEEP_FILES)
        function.function.add_environment(variable, bucket.bucket_name)

    def _machine(self, name: str, function: str, definition: Callable[[str], dict[str, Any]]) -> sfn.StateMachine:
        task = self.functions[function].function
        title = name.title().replace("_", "")
        return CaseMachine(self, title, name=name, task=task, definition=definition(task.function_arn)).machine

    def _let_start(self, function: PythonFunction) -> None:
        for name in function.catalogued.starts:
            machine = self.machines[name].state_machine_arn
            function.role.add_to_policy(iam.PolicyStatement(actions=["states:StartExecution"], resources=[machine]))
            function.function.add_environment(MACHINE_VARIABLES[name], machine)

    def _failure_queue(self, function: PythonFunction) -> FailureQueue:
        queue = FailureQueue(function, "Failures")
        self.failure_queues[function.catalogued.name] = queue
        return queue

    def _write_outputs(self) -> None:
        outputs = {
            "ApiId": self.http_api.api.api_id,
            "ApiUrl": self.http_api.api.api_endpoint,
            "OperatorFunction": self.functions["operator_task"].function.function_name,
            "DayTotalsFunction": self.functions["day_totals_job"].function.function_name,
            "ProofFunction": self.functions["proof_job"].function.function_name,
            "DueFunction": self.functions["due_job"].function.function_name,
            "CampaignFunction": self.functions["campaign_job"].function.function_name,
            "CampaignWatchFunction": self.functions["campaign_watch_job"].function.function_name,
            "MemberMachine": self.machines["member_due"].state_machine_arn,
            "ErasureMachine": self.machines["member_erased"].state_machine_arn,
            "CampaignMachine": self.machines["campaign_begun"].state_machine_arn,
        }
        if self._target.source_digest:
            outputs["SourceDigest"] = self._target.source_digest
        for name, value in outputs.items():
            cdk.CfnOutput(self, f"{name}Output", value=value).override_logical_id(name)


def _told_of(rows: Rows) -> dict[str, Any]:
    """What a record of a stream looks like that tells of such rows."""
    keys = {"Keys": {"sk": {"S": lambda_.FilterRule.begins_with(rows.sort_key_prefix)}}}
    told: dict[str, Any] = {"dynamodb": keys}
    return told | {"eventName": lambda_.FilterRule.is_equal("INSERT")} if rows.only_new else told


def origin_secret(target: Target) -> str:
    """What CloudFront, or the local front door, sends along and functions compare."""
    if target.is_local:
        return LOCAL_ORIGIN_SECRET
    version = target.origin_secret_version or None
    reference: str = cdk.SecretValue.secrets_manager(ORIGIN_SECRET_NAME, version_id=version).unsafe_unwrap()
    return reference


def _resource(construct: Construct) -> cdk.CfnResource:
    resource = construct.node.default_child
    assert isinstance(resource, cdk.CfnResource)
    return resource
