"""Every function has: a role of its own, logs that end, alarms, sample events, a place for failures."""

import ast
import json
from typing import Any

import pytest

from infra.constructs.python_function import (
    KEY_ACTIONS_TO_KEEP_FILES,
    KEY_ACTIONS_TO_READ,
    KEY_ACTIONS_TO_WRITE,
    ON_BACKUPS,
)
from infra.function_catalogue import FUNCTIONS, TABLES
from infra.function_description import Function, Http, Queue, Schedule, Stream
from infra.packaging import ROOT
from infra.stacks.service import STREAM_ACTIONS
from stamkunde.messaging.outbox import CLAIM_LASTS, MOST_ATTEMPTS
from tests.infra.templates import Resource, Stacks, actions, as_list

CONSUMING = {"ReceiveMessage", "ChangeMessageVisibility", "GetQueueUrl", "DeleteMessage", "GetQueueAttributes"}

every_function = pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)


def test_catalogue_and_function_folders_name_the_same_functions() -> None:
    folders = {handler.parent.name for handler in (ROOT / "functions").glob("*/handler.py")}
    assert folders == {function.name for function in FUNCTIONS}


@every_function
def test_every_function_has_a_lambda_handler(function: Function) -> None:
    module = ast.parse((ROOT / "functions" / function.name / "handler.py").read_text())
    assert "lambda_handler" in {node.name for node in module.body if isinstance(node, ast.FunctionDef)}


@every_function
def test_every_function_has_a_sample_event(function: Function) -> None:
    events = list((ROOT / "events" / function.name).glob("*.json"))
    assert events
    assert all(isinstance(json.loads(event.read_text()), dict) for event in events)


def test_every_folder_of_sample_events_belongs_to_a_function() -> None:
    assert {folder.name for folder in (ROOT / "events").iterdir()} == {function.name for function in FUNCTIONS}


@every_function
def test_every_function_runs_as_the_catalogue_says(function: Function, stacks: Stacks) -> None:
    properties = stacks.function(function.name).properties
    assert properties["Runtime"] == "python3.13"
    assert properties["Architectures"] == ["arm64"]
    assert properties["Timeout"] == function.timeout_seconds
    assert properties["MemorySize"] == function.memory_mb
    assert properties["Description"] == function.purpose
    assert [stacks.target_of(layer).startswith(name) for layer, name in _layers(properties)] == [True, True]
    assert "TracingConfig" not in properties


@every_function
def test_every_function_has_a_role_of_its_own(function: Function, stacks: Stacks) -> None:
    roles = [stacks.target_of(stacks.function(each.name).properties["Role"]) for each in FUNCTIONS]
    assert roles.count(_role(function, stacks)) == 1


@every_function
def test_every_function_has_exactly_the_catalogues_rights_on_tables(function: Function, stacks: Stacks) -> None:
    tables = {stacks.target_of(_output(stacks, name)): name for name in TABLES}
    granted: dict[str, set[str]] = {}
    for statement in _statements(function, stacks, "dynamodb"):
        for resource in as_list(statement["Resource"]):
            told = json.dumps(resource).lower()
            if "stream" not in told and "/backup/" not in told and resource != "*":
                table = tables[stacks.target_of(resource)]
                granted.setdefault(table, set()).update(actions(statement))
    wanted = {
        table: {f"dynamodb:{action}" for action in rights}
        for table, rights in function.rights.items()
        if not set(rights) & ON_BACKUPS
    }
    assert granted == wanted


def test_only_the_job_that_deletes_old_copies_has_rights_on_backups_and_on_those_of_our_tables(
    stacks: Stacks,
) -> None:
    granted = [
        (function.name, action, resource)
        for function in FUNCTIONS
        for statement in _statements(function, stacks, "dynamodb")
        for action in actions(statement)
        for resource in as_list(statement["Resource"])
        if action.endswith(("Backup", "Backups")) or resource == "*"
    ]
    assert {function for function, _, _ in granted} == {"backup_job"}
    assert {action for _, action, resource in granted if resource == "*"} == {
        "dynamodb:ListBackups",
        "dynamodb:ListTables",
    }
    (deleting,) = [resource["Fn::Join"][1] for _, action, resource in granted if action == "dynamodb:DeleteBackup"]
    assert deleting[1:] == [{"Ref": "AWS::AccountId"}, ":table/StamkundeData-*/backup/*"]
    assert {table.logical_id for table in stacks.resources("AWS::DynamoDB::Table")} == {
        table.logical_id for table in stacks.resources("AWS::DynamoDB::Table", "StamkundeData")
    }


@pytest.mark.parametrize("action", ["Scan", "CreateBackup", "RestoreTable", "ExportTable", "DeleteTable"])
def test_no_function_reads_whole_tables_copies_them_or_brings_them_back(action: str, stacks: Stacks) -> None:
    granted = {
        each
        for function in FUNCTIONS
        for statement in _statements(function, stacks, "dynamodb")
        for each in actions(statement)
    }
    assert granted
    assert not [each for each in granted if action in each or "*" in each]


@every_function
def test_every_function_has_no_other_rights_than_these(function: Function, stacks: Stacks) -> None:
    own = {
        "dynamodb": {action for rights in function.rights.values() for action in rights},
        "kms": {action.removeprefix("kms:") for action in (*KEY_ACTIONS_TO_READ, *KEY_ACTIONS_TO_WRITE)},
        "logs": {"CreateLogStream", "PutLogEvents"},
    }
    if isinstance(function.trigger, Stream):
        own["dynamodb"] |= set(STREAM_ACTIONS)
    own["sqs"] = _rights_on_queues(function)
    own["states"] = {"StartExecution"} if function.starts else set()
    own["sns"] = {"Publish"} if function.sends_messages else set()
    own["ses"] = {"SendEmail"} if function.sends_messages else set()
    own["ssm"] = {"GetParameter"} if function.sends_campaigns or function.hears_gatewayapi else set()
    own["s3"] = {*function.on_evidence, *function.on_tombstones}
    for statement in stacks.statements(_role(function, stacks)):
        for action in actions(statement):
            service, _, name = action.partition(":")
            assert name in own.get(service, set()), action
        for resource in as_list(statement["Resource"]):
            # Other tests hold what these reach, which no reference names.
            services = {action.partition(":")[0] for action in actions(statement)}
            on_backups = actions(statement) <= {f"dynamodb:{action}" for action in ON_BACKUPS}
            assert on_backups or services in ({"sns"}, {"s3"}, {"ssm"}, {"ses"}) or stacks.target_of(resource)


@every_function
def test_only_a_function_that_sends_may_write_to_phones_and_to_no_topic(function: Function, stacks: Stacks) -> None:
    statements = [(each["Effect"], each["Resource"]) for each in _statements(function, stacks, "sns")]
    assert statements == ([("Allow", "*"), ("Deny", "arn:aws:sns:*:*:*")] if function.sends_messages else [])


@every_function
def test_only_a_function_that_sends_may_write_e_mail_and_from_our_own_domain(
    function: Function, stacks: Stacks
) -> None:
    statements = _statements(function, stacks, "ses")
    (identity,) = stacks.resources("AWS::SES::EmailIdentity")
    if not function.sends_messages:
        assert statements == []
        return
    (statement,) = statements
    (reports,) = [each for each in statement["Resource"] if "configuration-set" in json.dumps(each)]
    (domain,) = [each for each in statement["Resource"] if each != reports]
    assert stacks.target_of(domain) == identity.logical_id
    (mail,) = stacks.resources("AWS::SES::ConfigurationSet")
    assert reports["Fn::Join"][1][-1].endswith(f":configuration-set/{mail.properties['Name']}")
    variables = stacks.function(function.name).properties["Environment"]["Variables"]
    assert variables["MAIL_CONFIGURATION_SET"] == mail.properties["Name"]


@every_function
def test_every_waker_may_send_to_one_queue_and_learns_its_address(function: Function, stacks: Stacks) -> None:
    variables = stacks.function(function.name).properties["Environment"]["Variables"]
    assert ("MESSAGE_QUEUE" in variables) == (function.wakes is not None)
    if function.wakes is None:
        return
    queue = _queue_of(function.wakes, stacks)
    assert stacks.target_of(variables["MESSAGE_QUEUE"]) == queue
    # Who wakes itself may take from the same queue, by the same statement.
    sending = [each for each in _statements(function, stacks, "sqs") if "sqs:SendMessage" in actions(each)]
    assert queue in [stacks.target_of(statement["Resource"]) for statement in sending]


@every_function
def test_every_function_may_use_the_key_through_dynamodb_only_and_for_files_through_s3(
    function: Function, stacks: Stacks
) -> None:
    through = {
        statement["Condition"]["StringEquals"]["kms:ViaService"]: actions(statement)
        for statement in _statements(function, stacks, "kms")
        if statement["Condition"].keys() == {"StringEquals"}
    }
    assert len(through) == len(_statements(function, stacks, "kms"))
    to_keep = through.pop("s3.eu-north-1.amazonaws.com", set())
    keeps = "PutObject" in (*function.on_evidence, *function.on_tombstones)
    assert to_keep == (set(KEY_ACTIONS_TO_KEEP_FILES) if keeps else set())
    rights = {action for actions in function.rights.values() for action in actions}
    assert set(through) == ({"dynamodb.eu-north-1.amazonaws.com"} if rights - ON_BACKUPS else set())


@every_function
@pytest.mark.parametrize(
    ("kind", "variable", "beginning"),
    [
        ("on_evidence", "EVIDENCE_BUCKET", "stamkunde-evidence-"),
        ("on_tombstones", "TOMBSTONE_BUCKET", "stamkunde-tombstones-"),
    ],
)
def test_only_a_function_that_deals_with_files_may_and_learns_where_they_lie(
    kind: str, variable: str, beginning: str, function: Function, stacks: Stacks
) -> None:
    wanted = getattr(function, kind)
    variables = stacks.function(function.name).properties["Environment"]["Variables"]
    statements = [
        each for each in _statements(function, stacks, "s3") if each["Resource"]["Fn::Join"][1][0].endswith(beginning)
    ]
    assert (variable in variables) == bool(statements) == bool(wanted)
    assert len(statements) <= len(wanted)
    for statement in statements:
        assert actions(statement) <= {f"s3:{action}" for action in wanted}
        start, account, *end = statement["Resource"]["Fn::Join"][1]
        assert (start, account) == (f"arn:aws:s3:::{beginning}", {"Ref": "AWS::AccountId"})
        assert end == ([] if actions(statement) == {"s3:ListBucket"} else ["/*"])
        assert stacks.target_of(variables[variable]) == stacks.bucket(beginning).logical_id


@every_function
def test_every_function_keeps_its_logs_for_30_days(function: Function, stacks: Stacks) -> None:
    logging = stacks.function(function.name).properties["LoggingConfig"]
    group = stacks.target_of(logging["LogGroup"])
    (resource,) = [each for each in stacks.resources("AWS::Logs::LogGroup") if each.logical_id == group]
    assert resource.properties["RetentionInDays"] == 30


def test_every_log_group_ends_after_30_days(stacks: Stacks) -> None:
    groups = stacks.resources("AWS::Logs::LogGroup")
    assert len(groups) > len(FUNCTIONS)
    assert {group.properties["RetentionInDays"] for group in groups} == {30}


@every_function
@pytest.mark.parametrize("metric", ["Errors", "Throttles", "Duration"])
def test_every_function_has_alarms(function: Function, metric: str, stacks: Stacks) -> None:
    watched = [
        stacks.target_of(dimension["Value"])
        for alarm in stacks.resources("AWS::CloudWatch::Alarm")
        if alarm.properties["MetricName"] == metric
        for dimension in alarm.properties["Dimensions"]
        if dimension["Name"] == "FunctionName"
    ]
    assert watched.count(stacks.function(function.name).logical_id) == 1


@pytest.mark.parametrize(
    "function",
    [each for each in FUNCTIONS if isinstance(each.trigger, Schedule)],
    ids=lambda function: function.name,
)
def test_every_scheduled_function_starts_in_utc_and_reports_failures(function: Function, stacks: Stacks) -> None:
    logical_id = stacks.function(function.name).logical_id
    (schedule,) = [
        each.properties
        for each in stacks.resources("AWS::Scheduler::Schedule")
        if stacks.target_of(each.properties["Target"]["Arn"]) == logical_id
    ]
    assert schedule["ScheduleExpressionTimezone"] == "UTC"
    (asynchronous,) = [
        each.properties
        for each in stacks.resources("AWS::Lambda::EventInvokeConfig")
        if stacks.target_of(each.properties["FunctionName"]) == logical_id
    ]
    for queue in (
        schedule["Target"]["DeadLetterConfig"]["Arn"],
        asynchronous["DestinationConfig"]["OnFailure"]["Destination"],
    ):
        assert _is_watched_queue(stacks.target_of(queue), stacks)


def test_every_schedule_is_in_utc_and_starts_a_catalogued_function(stacks: Stacks) -> None:
    scheduled = {
        stacks.function(function.name).logical_id for function in FUNCTIONS if isinstance(function.trigger, Schedule)
    }
    schedules = [each.properties for each in stacks.resources("AWS::Scheduler::Schedule")]
    assert {stacks.target_of(schedule["Target"]["Arn"]) for schedule in schedules} == scheduled
    assert {schedule["ScheduleExpressionTimezone"] for schedule in schedules} == {"UTC"}


@pytest.mark.parametrize(
    "function",
    [each for each in FUNCTIONS if isinstance(each.trigger, Stream)],
    ids=lambda function: function.name,
)
def test_every_stream_function_loses_nothing_and_reports_failures(function: Function, stacks: Stacks) -> None:
    logical_id = stacks.function(function.name).logical_id
    (mapping,) = [
        each.properties
        for each in stacks.resources("AWS::Lambda::EventSourceMapping")
        if stacks.target_of(each.properties["FunctionName"]) == logical_id
    ]
    assert isinstance(function.trigger, Stream)
    assert stacks.target_of(mapping["EventSourceArn"]) == stacks.target_of(_output(stacks, function.trigger.table))
    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    assert mapping["BisectBatchOnFunctionError"] is True
    assert 0 < mapping["MaximumRetryAttempts"] <= 10
    patterns = [json.loads(each["Pattern"]) for each in mapping["FilterCriteria"]["Filters"]]
    assert patterns == [
        {"dynamodb": {"Keys": {"sk": {"S": [{"prefix": rows.sort_key_prefix}]}}}}
        | ({"eventName": ["INSERT"]} if rows.only_new else {})
        for rows in function.trigger.rows
    ]
    assert _is_watched_queue(stacks.target_of(mapping["DestinationConfig"]["OnFailure"]["Destination"]), stacks)
    behind = [
        stacks.target_of(alarm.properties["Dimensions"][0]["Value"])
        for alarm in stacks.resources("AWS::CloudWatch::Alarm")
        if alarm.properties["MetricName"] == "IteratorAge"
    ]
    assert logical_id in behind


@pytest.mark.parametrize(
    "function",
    [each for each in FUNCTIONS if isinstance(each.trigger, Queue)],
    ids=lambda function: function.name,
)
def test_every_queued_function_takes_one_message_at_a_time_and_reports_failures(
    function: Function, stacks: Stacks
) -> None:
    assert isinstance(function.trigger, Queue)
    mapping = _mapping_of(function.name, stacks)
    assert mapping["BatchSize"] == 1
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    (queue,) = [
        each.properties
        for each in stacks.resources("AWS::SQS::Queue")
        if each.logical_id == _queue_of(function.name, stacks)
    ]
    assert queue["VisibilityTimeout"] == function.trigger.visible_again_seconds >= 6 * function.timeout_seconds
    assert queue["MessageRetentionPeriod"] == function.trigger.keep_minutes * 60
    assert queue["RedrivePolicy"]["maxReceiveCount"] == function.trigger.most_tries
    assert _is_watched_queue(stacks.target_of(queue["RedrivePolicy"]["deadLetterTargetArn"]), stacks)


def test_a_claim_lasts_until_its_wake_up_comes_again_and_a_worker_tries_as_often_as_its_queue() -> None:
    (worker,) = [each for each in FUNCTIONS if each.name == "message_worker"]
    assert isinstance(worker.trigger, Queue)
    assert CLAIM_LASTS.total_seconds() == worker.trigger.visible_again_seconds
    assert worker.trigger.most_tries >= MOST_ATTEMPTS


def test_every_queue_is_encrypted_and_refuses_plain_http(stacks: Stacks) -> None:
    policies = stacks.resources("AWS::SQS::QueuePolicy")
    for queue in stacks.resources("AWS::SQS::Queue"):
        assert queue.properties["SqsManagedSseEnabled"] is True
        two_weeks = queue.properties["MessageRetentionPeriod"] == 14 * 24 * 3600
        assert two_weeks == ("RedrivePolicy" not in queue.properties)
        denials = [
            statement["Condition"]
            for policy in policies
            if {"Ref": queue.logical_id} in policy.properties["Queues"]
            for statement in policy.properties["PolicyDocument"]["Statement"]
            if statement["Effect"] == "Deny"
        ]
        assert denials == [{"Bool": {"aws:SecureTransport": "false"}}]


def test_nobody_may_scan_and_no_action_is_a_wildcard(stacks: Stacks) -> None:
    policies = stacks.resources("AWS::IAM::Policy")
    assert len(policies) > len(FUNCTIONS)
    granted = {
        action
        for policy in policies
        for statement in policy.properties["PolicyDocument"]["Statement"]
        for action in actions(statement)
    }
    assert not [action for action in granted if "*" in action or action.endswith("Scan")]


def test_no_policy_of_ours_reaches_every_resource(stacks: Stacks) -> None:
    for policy in stacks.resources("AWS::IAM::Policy"):
        for statement in policy.properties["PolicyDocument"]["Statement"]:
            # A phone number has no ARN; another test holds who may write to one, and to no topic. The names of files
            # in a bucket are all alike to a policy. Backups have names that AWS chose; see above for whose they are.
            assert "*" not in json.dumps(statement["Resource"]) or actions(statement) <= {
                "sns:Publish",
                "s3:PutObject",
                "s3:DeleteObject",
                "dynamodb:ListBackups",
                "dynamodb:ListTables",
                "dynamodb:DeleteBackup",
            }


def test_only_http_functions_know_the_origin_secret(stacks: Stacks) -> None:
    for function in FUNCTIONS:
        variables = stacks.function(function.name).properties["Environment"]["Variables"]
        assert ("ORIGIN_SECRET" in variables) == isinstance(function.trigger, Http)


def _rights_on_queues(function: Function) -> set[str]:
    if isinstance(function.trigger, Queue):
        return CONSUMING | ({"SendMessage"} if function.wakes else set())
    if isinstance(function.trigger, Stream | Schedule):
        return {"SendMessage", "GetQueueAttributes", "GetQueueUrl"}
    return {"SendMessage"} if function.wakes else set()


def _mapping_of(function: str, stacks: Stacks) -> dict[str, Any]:
    logical_id = stacks.function(function).logical_id
    (mapping,) = [
        each.properties
        for each in stacks.resources("AWS::Lambda::EventSourceMapping")
        if stacks.target_of(each.properties["FunctionName"]) == logical_id
    ]
    return mapping


def _queue_of(function: str, stacks: Stacks) -> str:
    return stacks.target_of(_mapping_of(function, stacks)["EventSourceArn"])


def _layers(properties: dict[str, Any]) -> list[tuple[Any, str]]:
    return list(zip(properties["Layers"], ("DependenciesLayer", "StamkundeLayer"), strict=True))


def _role(function: Function, stacks: Stacks) -> str:
    return stacks.target_of(stacks.function(function.name).properties["Role"])


def _statements(function: Function, stacks: Stacks, service: str) -> list[dict[str, Any]]:
    return [
        statement
        for statement in stacks.statements(_role(function, stacks))
        if any(action.startswith(f"{service}:") for action in actions(statement))
    ]


def _output(stacks: Stacks, table: str) -> Any:
    return stacks.templates["StamkundeData"]["Outputs"][f"{table.title()}Table"]["Value"]


def _is_watched_queue(queue: str, stacks: Stacks) -> bool:
    def watches(alarm: Resource) -> bool:
        if alarm.properties["MetricName"] != "ApproximateNumberOfMessagesVisible":
            return False
        return stacks.target_of(alarm.properties["Dimensions"][0]["Value"]) == queue

    return any(watches(alarm) for alarm in stacks.resources("AWS::CloudWatch::Alarm"))
