"""What tells an operator that something is wrong, and where it says so."""

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as cloudwatch_actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.constructs.public_http_api import serves_tills
from infra.constructs.python_function import METRICS_NAMESPACE, PythonFunction
from infra.function_description import Schedule, Stream
from infra.stacks.dashboard import dashboard_rows
from infra.stacks.data import DataStack
from infra.stacks.service import ServiceStack
from infra.target import Target
from stamkunde.clubs.model import COUNTRIES

RUNBOOK = "docs/runbook/alarms.md"
HOURS_UNFINISHED = 3
HOURS_OF_A_DAY = 24
HOURS_TO_ERASE = 12
FIVE_MINUTES = cdk.Duration.minutes(5)

# A stream keeps its records for a day; an hour behind leaves most of it for the repair.
STREAM_BEHIND = cdk.Duration.minutes(60)
SHARE_OF_TIMEOUT = 0.8
SERVER_ERRORS = 5
FAILED_MESSAGES = 5
# SES looks into an account at one complaint in a thousand e-mails.
COMPLAINTS_AN_HOUR = 3
SHARE_OF_SMS_QUOTA = 0.8
# Of an hour's text messages to one country: some numbers are always switched off or mistyped.
SHARE_OF_SMS_THAT_ARRIVES = 0.5


class MonitoringStack(cdk.Stack):
    """A dashboard, and alarms whose descriptions lead to the runbook."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        target: Target,
        data: DataStack,
        service: ServiceStack,
        **options: Any,
    ) -> None:
        super().__init__(scope, construct_id, description="Stamkunde: alarms and dashboard", **options)
        self.topic = self._topic(target, data)
        self._action = cloudwatch_actions.SnsAction(self.topic)
        # The alarms that say that shops cannot use their tills.
        self.till_alarms: list[cloudwatch.Alarm] = []
        for function in service.functions.values():
            self._watch_function(function)
        for name, failures in service.failure_queues.items():
            self._alarm(
                f"{service.functions[name].catalogued.title}Failures",
                "failed-events",
                f"{name} gave up on an event; it lies in the failure queue.",
                failures.queue.metric_approximate_number_of_messages_visible(
                    statistic=cloudwatch.Stats.MAXIMUM, period=FIVE_MINUTES
                ),
                threshold=1,
            )
        self._alarm(
            "ServerErrors",
            "server-errors",
            "Tills or visitors get answers with a 5xx status.",
            service.http_api.api.metric_server_error(statistic=cloudwatch.Stats.SUM, period=FIVE_MINUTES),
            threshold=SERVER_ERRORS,
        )
        for name, table in data.tables.items():
            self._watch_table(name, table.table_name)
        self._watch_messages()
        self._watch_reports()
        self._watch_text_messages(target)
        self._watch_ledger()
        self._watch_facts()
        self._watch_due(service)
        self._watch_campaigns()
        self._alarm(
            "CopiesStanding",
            "copies-standing",
            "Tables that were brought back from copies have stood beside ours for a day.",
            own_metric("CopiesStanding", "backup_job").with_(
                statistic=cloudwatch.Stats.MINIMUM, period=cdk.Duration.hours(1)
            ),
            threshold=1,
            periods=HOURS_OF_A_DAY,
        )
        dashboard = cloudwatch.Dashboard(self, "Dashboard", default_interval=cdk.Duration.hours(12))
        for row in dashboard_rows(data, service):
            dashboard.add_widgets(*row)

    def _topic(self, target: Target, data: DataStack) -> sns.Topic:
        topic = sns.Topic(self, "Alarms", master_key=data.key, enforce_ssl=True)
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                actions=["sns:Publish"],
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                resources=[topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": self.account}},
            )
        )
        if target.alarm_email:
            topic.add_subscription(subscriptions.EmailSubscription(target.alarm_email))
        return topic

    def _watch_function(self, function: PythonFunction) -> None:
        catalogued = function.catalogued
        trigger = catalogued.trigger
        # An hourly job's error is followed by no other one for an hour: it counts at once.
        comes_again = isinstance(trigger, Stream) or (isinstance(trigger, Schedule) and trigger.every_minutes == 1)
        errors = self._alarm(
            f"{catalogued.title}Errors",
            "function-errors",
            f"{catalogued.name} crashes. {catalogued.purpose}",
            function.function.metric_errors(period=FIVE_MINUTES),
            threshold=1,
            # What starts again by itself may heal by itself.
            periods=3 if comes_again else 1,
        )
        throttles = self._alarm(
            f"{catalogued.title}Throttles",
            "function-throttled",
            f"Lambda refuses to start {catalogued.name}. {catalogued.purpose}",
            function.function.metric_throttles(period=FIVE_MINUTES),
            threshold=1,
        )
        self._alarm(
            f"{catalogued.title}Slow",
            "function-slow",
            f"{catalogued.name} comes close to its {catalogued.timeout_seconds} seconds. {catalogued.purpose}",
            function.function.metric_duration(statistic=cloudwatch.Stats.MAXIMUM, period=FIVE_MINUTES),
            threshold=catalogued.timeout_seconds * 1000 * SHARE_OF_TIMEOUT,
        )
        if serves_tills(catalogued):
            # Not the API's own count: that holds the pages' errors too, and nobody is woken for a page.
            refused = self._alarm(
                f"{catalogued.title}ServerErrors",
                "server-errors",
                "Tills get answers with a 5xx status.",
                own_metric("ServerErrors", catalogued.name),
                threshold=SERVER_ERRORS,
            )
            self.till_alarms += [errors, throttles, refused]
        if isinstance(catalogued.trigger, Stream):
            self._alarm(
                f"{catalogued.title}Behind",
                "stream-behind",
                f"{catalogued.name} lags behind the {catalogued.trigger.table} table's stream.",
                function.function.metric("IteratorAge", statistic=cloudwatch.Stats.MAXIMUM, period=FIVE_MINUTES),
                threshold=STREAM_BEHIND.to_milliseconds(),
            )

    def _watch_table(self, name: str, table_name: str) -> None:
        # One alarm each for reading and writing: the local engine has no alarms on sums of metrics.
        for kind in ("Read", "Write"):
            self._alarm(
                f"{name.title()}{kind}Throttled",
                "table-throttled",
                f"DynamoDB refuses to {kind.lower()} the {name} table.",
                cloudwatch.Metric(
                    namespace="AWS/DynamoDB",
                    metric_name=f"{kind}ThrottleEvents",
                    dimensions_map={"TableName": table_name},
                    statistic=cloudwatch.Stats.SUM,
                    period=FIVE_MINUTES,
                ),
                threshold=1,
                periods=3,
            )

    def _watch_messages(self) -> None:
        for function, title in (("message_worker", "Worker"), ("outbox_job", "Job")):
            self._alarm(
                f"MessagesUnknownTo{title}",
                "messages-unknown",
                f"{function} can't say whether a message went out.",
                own_metric("MessagesUnknown", function),
                threshold=1,
            )
            self._alarm(
                f"MessagesExpiredBy{title}",
                "messages-expired",
                f"{function} gives up codes that nobody sent in time.",
                own_metric("MessagesExpired", function),
                threshold=1,
            )
        self._alarm(
            "MessagesFailed",
            "messages-failed",
            "The gateway refuses messages.",
            own_metric("MessagesFailed", "message_worker"),
            threshold=FAILED_MESSAGES,
        )
        self._alarm(
            "MessagesBroken",
            "messages-broken",
            "Rows of the outbox break whoever reads them.",
            own_metric("MessagesBroken", "outbox_job"),
            threshold=1,
            periods=2,
        )
        self._alarm(
            "MessagesWaiting",
            "messages-waiting",
            "Messages wait in the outbox longer than two minutes.",
            own_metric("MessagesWaiting", "outbox_job"),
            threshold=1,
            periods=2,
        )

    def _watch_reports(self) -> None:
        for function, title in (("delivery_worker", "Worker"), ("gateway_hook", "Hook")):
            self._alarm(
                f"ComplaintsTo{title}",
                "complaints",
                "Readers tell their mail program that what a club sends is spam.",
                own_metric("Complaints", function).with_(period=cdk.Duration.hours(1)),
                threshold=COMPLAINTS_AN_HOUR,
            )

    def _watch_ledger(self) -> None:
        self._alarm(
            "LedgerDifferences",
            "ledger-differences",
            "Accounts are not what their entries say.",
            own_metric("LedgerDifferences", "proof_job"),
            threshold=1,
        )
        for function, title in (("ledger_job", "Refunds"), ("proof_job", "Proof")):
            self._alarm(
                f"Ledger{title}Broken",
                "ledger-broken",
                f"{function} can't tend a club or an account.",
                own_metric("LedgerBroken", function),
                threshold=1,
            )

    def _watch_facts(self) -> None:
        for function, title in (("member_facts_job", "Renewal"), ("facts_rebuild_job", "Rebuild")):
            self._alarm(
                f"Facts{title}Broken",
                "facts-broken",
                f"{function} can't make anew what segments know of a club's members.",
                own_metric("FactsBroken", function),
                threshold=1,
                # What broke once is tried again with the next run.
                periods=3 if title == "Renewal" else 1,
            )

    def _watch_campaigns(self) -> None:
        for function, title, description in (
            ("campaign_job", "CampaignsBroken", "campaign_job can't look at a campaign that is due."),
            (
                "campaign_watch_job",
                "SendingBroken",
                "campaign_watch_job can't look at a campaign that is being sent.",
            ),
        ):
            self._alarm(
                title,
                "campaigns-broken",
                description,
                own_metric("CampaignsBroken", function),
                threshold=1,
                # What broke once is tried again with the next run.
                periods=3,
            )
        self._alarm(
            "CampaignsFaulty",
            "campaigns-faulty",
            "A fault has paused a campaign in the middle of its sending; it waits for somebody.",
            own_metric("CampaignsFaulty", "campaign_watch_job").with_(
                # The job tells it every minute for as long as it is so.
                statistic=cloudwatch.Stats.MAXIMUM,
                period=cdk.Duration.minutes(1),
            ),
            threshold=1,
        )

    def _watch_due(self, service: ServiceStack) -> None:
        cases = (
            ("member_due", "due-cases", "What is due to a member could not be done."),
            ("member_erased", "erasure-cases", "A step of somebody's erasure could not be done."),
            ("campaign_begun", "campaigns-not-begun", "A campaign could not be begun, and is paused."),
        )
        for name, section, description in cases:
            machine = service.machines[name]
            for title, metric in (("Failed", machine.metric_failed), ("TimedOut", machine.metric_timed_out)):
                self._alarm(
                    f"{name.title().replace('_', '')}{title}",
                    section,
                    description,
                    metric(statistic=cloudwatch.Stats.SUM, period=FIVE_MINUTES),
                    threshold=1,
                )
        self._alarm(
            "ErasureStuck",
            "erasure-stuck",
            f"Somebody was to be erased {HOURS_TO_ERASE} hours ago, and isn't.",
            own_metric("ErasureWaitingHours", "due_job").with_(
                statistic=cloudwatch.Stats.MAXIMUM, period=cdk.Duration.hours(1)
            ),
            threshold=HOURS_TO_ERASE,
        )
        self._alarm(
            "DueBroken",
            "due-broken",
            "due_job can't look at a club or a member.",
            own_metric("DueBroken", "due_job"),
            threshold=1,
        )
        self._alarm(
            "DueUnfinished",
            "due-unfinished",
            "Members who are due wait for hours: due_job doesn't come round.",
            own_metric("DueUnfinished", "due_job").with_(period=cdk.Duration.hours(1)),
            threshold=1,
            periods=HOURS_UNFINISHED,
        )
        self._alarm(
            "ClubsLeftLying",
            "club-left-lying",
            "A club's last day was over a week ago, and nobody has deleted it.",
            # It says so all day, not anew each hour.
            own_metric("ClubsLeftLying", "due_job").with_(
                statistic=cloudwatch.Stats.MAXIMUM, period=cdk.Duration.days(1)
            ),
            threshold=1,
        )

    def _watch_text_messages(self, target: Target) -> None:
        """What SNS takes and then drops is `sent` to us: only its own metrics tell."""
        self._alarm(
            "SmsSpending",
            "sms-spending",
            "Text messages have used up 80 % of the month's spending quota.",
            _sms_metric("SMSMonthToDateSpentUSD", cloudwatch.Stats.MAXIMUM, FIVE_MINUTES),
            threshold=target.sms_quota_usd * SHARE_OF_SMS_QUOTA,
        )
        for country in COUNTRIES:
            self._alarm(
                f"SmsDropped{country.title()}",
                "sms-dropped",
                f"Half of the text messages to {country} don't arrive.",
                _sms_metric(
                    "SMSSuccessRate",
                    cloudwatch.Stats.AVERAGE,
                    cdk.Duration.hours(1),
                    Country=country,
                    SMSType="Transactional",
                ),
                threshold=SHARE_OF_SMS_THAT_ARRIVES,
                comparison=cloudwatch.ComparisonOperator.LESS_THAN_OR_EQUAL_TO_THRESHOLD,
            )

    def _alarm(
        self,
        construct_id: str,
        section: str,
        description: str,
        metric: cloudwatch.IMetric,
        *,
        threshold: float,
        periods: int = 1,
        comparison: cloudwatch.ComparisonOperator = (
            cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
        ),
    ) -> cloudwatch.Alarm:
        alarm = cloudwatch.Alarm(
            self,
            construct_id,
            alarm_description=f"{description} What to do: {RUNBOOK}#{section}",
            metric=metric,
            threshold=threshold,
            comparison_operator=comparison,
            evaluation_periods=periods,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(self._action)
        alarm.add_ok_action(self._action)
        return alarm


def own_metric(name: str, function: str) -> cloudwatch.Metric:
    """What a function counts itself."""
    return cloudwatch.Metric(
        namespace=METRICS_NAMESPACE,
        metric_name=name,
        dimensions_map={"service": function},
        statistic=cloudwatch.Stats.SUM,
        period=FIVE_MINUTES,
    )


def _sms_metric(name: str, statistic: str, period: cdk.Duration, **dimensions: str) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace="AWS/SNS", metric_name=name, dimensions_map=dimensions, statistic=statistic, period=period
    )
