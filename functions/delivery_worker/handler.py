"""Takes what AWS's gateways report through the topic: what became of messages, and what members answered."""

import json
from typing import TYPE_CHECKING, Any

from stamkunde import cold_start
from stamkunde.bootstrap import dynamodb_client
from stamkunde.campaigns.reporting import TooEarly
from stamkunde.gateways.reports import read_aws
from stamkunde.observability import begin_invocation, logger, where_it_broke
from stamkunde.report_bootstrap import report_desk
from stamkunde.settings import Settings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

SETTINGS = Settings.from_environment()
DESK = report_desk(SETTINGS, dynamodb_client(SETTINGS))

cold_start.is_over()


def lambda_handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Work off reports; those that failed come again, and the others don't."""
    begin_invocation(context)
    failed = [record["messageId"] for record in event["Records"] if not _is_done(record)]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _is_done(record: dict[str, Any]) -> bool:
    try:
        for report in read_aws(_told(record["body"])):
            DESK.take(report)
    except TooEarly:
        logger.info("report waits for its message")
        return False
    except Exception as error:  # noqa: BLE001 - one report that breaks must not hold up the others
        logger.error("report broke", error=type(error).__name__, frames=where_it_broke(error))
        return False
    return True


def _told(body: str) -> dict[str, Any]:
    """What was published: SNS wraps it up, and SES says once in plain words that it may publish."""
    told = json.loads(body)
    if isinstance(told, dict) and told.get("Type") == "Notification":
        try:
            told = json.loads(told["Message"])
        except json.JSONDecodeError:
            return {}
    return told if isinstance(told, dict) else {}
