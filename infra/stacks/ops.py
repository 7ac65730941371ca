"""What only a real account has: an alarm over alarms, and saved queries."""

from inspect import cleandoc
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as cloudwatch_actions
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.stacks.monitoring import RUNBOOK, MonitoringStack
from infra.stacks.service import ServiceStack

QUERIES = {
    "Requests by route and status": """
        filter message = "request"
        | stats count(*) as requests, pct(ms, 50) as p50, pct(ms, 99) as p99 by service, route, status
        | sort requests desc""",
    "Refusals by code": """
        filter status >= 400 or (status = 303 and ispresent(code))
        | stats count(*) as refusals by code, service, route
        | sort refusals desc""",
    "What became of messages": """
        filter message = "message recorded"
        | stats count(*) as messages, sum(parts) as parts by kind, state, reason, club
        | sort messages desc""",
    "Slowest requests": """
        fields @timestamp, service, route, status, ms
        | filter ispresent(ms)
        | sort ms desc
        | limit 50""",
    "What broke": """
        fields @timestamp, service, message, error, reason, frames.0, @message
        | filter level in ["WARNING", "ERROR", "CRITICAL"] or @message like /Task timed out|Runtime\\./
        | sort @timestamp desc
        | limit 50""",
    "Cold starts": """
        filter ispresent(@initDuration)
        | stats count(*) as starts, avg(@initDuration) as mean, max(@initDuration) as longest by @log""",
}


class OpsStack(cdk.Stack):
    """The local engine knows none of these resources, so nothing else may depend on them."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        service: ServiceStack,
        monitoring: MonitoringStack,
        **options: Any,
    ) -> None:
        super().__init__(scope, construct_id, description="Stamkunde: alarm over alarms, saved queries", **options)
        self._monitoring = monitoring
        self._alarm_over_alarms()
        groups = [function.log_group for function in service.functions.values()]
        for title, query in QUERIES.items():
            logs.CfnQueryDefinition(
                self,
                title.title().replace(" ", ""),
                name=f"Stamkunde/{title}",
                query_string=cleandoc(query),
                log_group_names=[group.log_group_name for group in groups],
            )

    def _alarm_over_alarms(self) -> None:
        alarm = cloudwatch.CompositeAlarm(
            self,
            "TillDown",
            alarm_description=f"Shops cannot use their tills. What to do: {RUNBOOK}#till-down",
            alarm_rule=cloudwatch.AlarmRule.any_of(
                *(
                    cloudwatch.AlarmRule.from_alarm(each, cloudwatch.AlarmState.ALARM)
                    for each in self._monitoring.till_alarms
                )
            ),
        )
        action = cloudwatch_actions.SnsAction(self._monitoring.topic)
        alarm.add_alarm_action(action)
        alarm.add_ok_action(action)
