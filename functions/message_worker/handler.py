"""Sends what waits in the outbox: a wake-up names a row, and nothing of whom it is about."""

import json
from typing import TYPE_CHECKING, Any

from stamkunde import cold_start
from stamkunde.bootstrap import dynamodb_client
from stamkunde.gateways.handover import NotAccepted
from stamkunde.message_bootstrap import sending
from stamkunde.messaging.notes import note_deliveries
from stamkunde.observability import begin_invocation, logger, where_it_broke
from stamkunde.settings import Settings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

SETTINGS = Settings.from_environment()
SENDING = sending(SETTINGS, dynamodb_client(SETTINGS))

cold_start.is_over()


def lambda_handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Work off wake-ups; those that failed come again, and the others don't."""
    begin_invocation(context)
    failed = [record["messageId"] for record in event["Records"] if not _is_done(record)]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _is_done(record: dict[str, Any]) -> bool:
    try:
        delivery = SENDING.send(json.loads(record["body"]))
    except NotAccepted as failure:
        logger.warning("message waits on", reason=failure.reason)
        return False
    except Exception as error:  # noqa: BLE001 - one message that breaks must not hold up the others
        logger.error("message broke", error=type(error).__name__, frames=where_it_broke(error))
        return False
    note_deliveries([delivery] if delivery else [])
    return True
