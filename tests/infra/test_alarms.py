"""An alarm says what to do: its description leads to a section of the runbook, and somebody hears it."""

import json
import re
from pathlib import Path, PurePosixPath

import pytest

from infra.function_catalogue import TABLES
from infra.packaging import ROOT
from infra.stacks.monitoring import HOURS_UNFINISHED, RUNBOOK
from infra.stacks.ops import QUERIES
from stamkunde.clubs.model import COUNTRIES
from tests.infra.synthesis import TARGETS, composed
from tests.infra.templates import Resource, Stacks, as_list

LINK = re.compile(rf"What to do: {re.escape(RUNBOOK)}#([a-z-]+)$")
LONGEST_SECTION = 20


def test_every_alarm_leads_to_a_section_of_the_runbook(stacks: Stacks) -> None:
    alarms = _alarms(stacks)
    assert len(alarms) > len(TABLES)
    links = [LINK.search(alarm.properties["AlarmDescription"]) for alarm in alarms]
    assert all(link and link[1] in _sections() for link in links)


def test_every_section_of_the_runbook_belongs_to_an_alarm(aws: Stacks) -> None:
    linked = {alarm.properties["AlarmDescription"].rpartition("#")[2] for alarm in _alarms(aws)}
    assert set(_sections()) == linked


def test_every_section_can_be_read_at_night() -> None:
    assert all(0 < len(section.split("\n")) <= LONGEST_SECTION for section in _sections().values())


def test_the_runbook_names_only_files_that_exist() -> None:
    text = (ROOT / RUNBOOK).read_text()
    named = {PurePosixPath(path) for path in re.findall(r"(?:docs|infra|functions)/[\w/.-]+\.\w+", text)}
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_runbook_names_only_queries_and_graphs_that_exist(aws: Stacks) -> None:
    text = " ".join((ROOT / RUNBOOK).read_text().split())
    queries = set(re.findall(r"`Stamkunde/([^`…]+)`", text))
    assert queries
    assert queries <= QUERIES.keys()
    graphs = {name for names in re.findall(r'Dashboard, ((?:"[^"]+"(?: and )?)+)', text) for name in names.split('"')}
    (dashboard,) = aws.resources("AWS::CloudWatch::Dashboard")
    shown = json.dumps(dashboard.properties["DashboardBody"])
    named = graphs - {"", " and "}
    assert named
    assert [name for name in named if rf"\"title\":\"{name}\"" not in shown] == []


def test_what_broke_shows_why_messages_wait() -> None:
    """The worker warns when a gateway asks for patience, and the runbook sends people to this query."""
    assert '"WARNING"' in QUERIES["What broke"]
    assert "reason" in QUERIES["What broke"]


def test_somebody_hears_when_an_alarm_begins_and_when_it_ends(stacks: Stacks) -> None:
    (topic,) = stacks.resources("AWS::SNS::Topic", "StamkundeMonitoring")
    for alarm in _alarms(stacks):
        for field in ("AlarmActions", "OKActions"):
            (action,) = alarm.properties[field]
            assert stacks.target_of(action) == topic.logical_id
    (subscription,) = stacks.resources("AWS::SNS::Subscription", "StamkundeMonitoring")
    assert subscription.properties["Endpoint"] == "operator@example.com"


def test_the_topic_is_encrypted_and_cloudwatch_may_use_it(stacks: Stacks) -> None:
    (topic,) = stacks.resources("AWS::SNS::Topic", "StamkundeMonitoring")
    (key,) = stacks.resources("AWS::KMS::Key")
    assert stacks.target_of(topic.properties["KmsMasterKeyId"]) == key.logical_id
    (policy,) = stacks.resources("AWS::SNS::TopicPolicy", "StamkundeMonitoring")
    statements = policy.properties["PolicyDocument"]["Statement"]
    assert {"Bool": {"aws:SecureTransport": "false"}} in [
        each["Condition"] for each in statements if each["Effect"] == "Deny"
    ]
    for document in (policy.properties["PolicyDocument"], key.properties["KeyPolicy"]):
        services = [
            service
            for each in document["Statement"]
            if each["Effect"] == "Allow"
            for service in as_list(each["Principal"].get("Service", []))
        ]
        assert "cloudwatch.amazonaws.com" in services


def test_silence_is_no_alarm(stacks: Stacks) -> None:
    alarms = stacks.resources("AWS::CloudWatch::Alarm")
    assert {alarm.properties["TreatMissingData"] for alarm in alarms} == {"notBreaching"}


def test_every_table_has_alarms_on_refused_reads_and_writes(stacks: Stacks) -> None:
    watched = [
        (alarm.properties["MetricName"], stacks.target_of(alarm.properties["Dimensions"][0]["Value"]))
        for alarm in stacks.resources("AWS::CloudWatch::Alarm")
        if alarm.properties["MetricName"].endswith("ThrottleEvents")
    ]
    tables = [table.logical_id for table in stacks.resources("AWS::DynamoDB::Table")]
    kinds = ("ReadThrottleEvents", "WriteThrottleEvents")
    assert sorted(watched) == sorted((kind, table) for kind in kinds for table in tables)


def test_there_is_an_alarm_on_the_apis_server_errors(stacks: Stacks) -> None:
    (alarm,) = [each for each in stacks.resources("AWS::CloudWatch::Alarm") if each.properties["MetricName"] == "5xx"]
    (api,) = stacks.resources("AWS::ApiGatewayV2::Api")
    assert stacks.target_of(alarm.properties["Dimensions"][0]["Value"]) == api.logical_id


@pytest.mark.parametrize("metric", ["MessagesUnknown", "MessagesExpired"])
def test_whoever_gives_a_message_up_is_watched(metric: str, stacks: Stacks) -> None:
    """The worker or, mostly, the job: whoever comes across it first."""
    watched = [_dimensions(alarm) for alarm in _alarms_on(metric, stacks)]
    assert sorted(each["service"] for each in watched) == ["message_worker", "outbox_job"]


def test_a_row_that_nobody_can_read_raises_an_alarm(stacks: Stacks) -> None:
    (alarm,) = _alarms_on("MessagesBroken", stacks)
    assert _dimensions(alarm) == {"service": "outbox_job"}


def test_a_ledger_that_differs_and_one_that_cannot_be_tended_raise_an_alarm(stacks: Stacks) -> None:
    (differing,) = _alarms_on("LedgerDifferences", stacks)
    assert _dimensions(differing) == {"service": "proof_job"}
    broken = [_dimensions(alarm)["service"] for alarm in _alarms_on("LedgerBroken", stacks)]
    assert sorted(broken) == ["ledger_job", "proof_job"]
    assert {each.properties["Threshold"] for each in (differing, *_alarms_on("LedgerBroken", stacks))} == {1}


def test_a_campaign_that_a_fault_has_paused_raises_an_alarm_within_a_minute(stacks: Stacks) -> None:
    (alarm,) = _alarms_on("CampaignsFaulty", stacks)
    assert _dimensions(alarm) == {"service": "campaign_watch_job"}
    properties = alarm.properties
    assert (properties["Statistic"], properties["Period"], properties["EvaluationPeriods"]) == ("Maximum", 60, 1)
    assert (properties["Threshold"], properties["ComparisonOperator"]) == (1, "GreaterThanOrEqualToThreshold")


def test_a_closed_club_that_nobody_deletes_raises_an_alarm_that_lasts(stacks: Stacks) -> None:
    (alarm,) = _alarms_on("ClubsLeftLying", stacks)
    assert _dimensions(alarm) == {"service": "due_job"}
    assert (alarm.properties["Threshold"], alarm.properties["Period"]) == (1, 86_400)


def test_copies_that_stand_for_a_day_raise_an_alarm(stacks: Stacks) -> None:
    (alarm,) = _alarms_on("CopiesStanding", stacks)
    assert _dimensions(alarm) == {"service": "backup_job"}
    assert alarm.properties["Statistic"] == "Minimum"
    assert alarm.properties["Period"] * alarm.properties["EvaluationPeriods"] == 86_400


def test_members_who_are_due_and_wait_for_hours_raise_an_alarm_and_one_full_hour_does_not(stacks: Stacks) -> None:
    (alarm,) = _alarms_on("DueUnfinished", stacks)
    assert _dimensions(alarm) == {"service": "due_job"}
    # The job tells how it went once an hour: a shorter period would have hours without a word in between.
    assert alarm.properties["Period"] == 3600
    hours = alarm.properties["EvaluationPeriods"]
    assert hours == HOURS_UNFINISHED
    assert 1 < hours <= alarm.properties.get("DatapointsToAlarm", hours)
    assert (alarm.properties["Threshold"], alarm.properties["ComparisonOperator"]) == (
        1,
        "GreaterThanOrEqualToThreshold",
    )


def test_an_hourly_jobs_error_raises_its_alarm_at_once(stacks: Stacks) -> None:
    """The next run comes an hour later: three errors in a quarter of an hour would never be."""
    periods = {
        alarm.logical_id.split("Errors")[0]: alarm.properties["EvaluationPeriods"]
        for alarm in stacks.resources("AWS::CloudWatch::Alarm")
        if alarm.properties["MetricName"] == "Errors"
    }
    assert (periods["LedgerJob"], periods["ProofJob"], periods["OutboxJob"]) == (1, 1, 3)


def test_text_messages_that_are_dropped_after_they_were_taken_raise_an_alarm(stacks: Stacks) -> None:
    """To us they are sent: only SNS's own metrics tell."""
    (spending,) = _alarms_on("SMSMonthToDateSpentUSD", stacks)
    assert spending.properties["Namespace"] == "AWS/SNS"
    assert "Dimensions" not in spending.properties
    assert spending.properties["Statistic"] == "Maximum"
    assert spending.properties["Threshold"] == 0.8
    arriving = _alarms_on("SMSSuccessRate", stacks)
    assert [_dimensions(alarm) for alarm in arriving] == [
        {"Country": country, "SMSType": "Transactional"} for country in COUNTRIES
    ]
    assert {alarm.properties["ComparisonOperator"] for alarm in arriving} == {"LessThanOrEqualToThreshold"}


def test_the_alarm_on_spending_follows_the_accounts_quota(tmp_path: Path) -> None:
    composed(tmp_path, {**TARGETS["aws"], "sms_quota_usd": "200"}).synth()
    (spending,) = _alarms_on("SMSMonthToDateSpentUSD", Stacks.read(tmp_path / "assembly"))
    assert spending.properties["Threshold"] == 160


def test_the_dashboard_shows_what_every_function_records_of_messages(stacks: Stacks) -> None:
    (dashboard,) = stacks.resources("AWS::CloudWatch::Dashboard")
    shown = json.dumps(dashboard.properties["DashboardBody"])
    for metric in ("MessagesExpired", "MessagesUnknown"):
        for function in ("message_worker", "outbox_job"):
            assert rf"\"{metric}\",\"service\",\"{function}\"" in shown


def _alarms_on(metric: str, stacks: Stacks) -> list[Resource]:
    return [each for each in stacks.resources("AWS::CloudWatch::Alarm") if each.properties["MetricName"] == metric]


def _dimensions(alarm: Resource) -> dict[str, str]:
    return {each["Name"]: each["Value"] for each in alarm.properties["Dimensions"]}


def _alarms(stacks: Stacks) -> list[Resource]:
    kinds = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
    return [alarm for kind in kinds for alarm in stacks.resources(kind)]


def _sections() -> dict[str, str]:
    text = (ROOT / RUNBOOK).read_text()
    parts = re.split(r"^## ([a-z-]+)\n", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], (part.strip() for part in parts[1::2]), strict=True))
