"""Sends campaigns, a list at a time: a wake-up names a list, and nothing of whom it is for."""

import json
from typing import TYPE_CHECKING, Any

from stamkunde import cold_start
from stamkunde.bootstrap import dynamodb_client
from stamkunde.campaigns.chunk_store import read_wake_up
from stamkunde.observability import begin_invocation, logger, where_it_broke
from stamkunde.sending_bootstrap import senders
from stamkunde.settings import Settings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

SETTINGS = Settings.from_environment()
SENDERS = senders(SETTINGS, dynamodb_client(SETTINGS))

cold_start.is_over()


def lambda_handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Work off wake-ups; those that failed come again, and the others don't."""
    begin_invocation(context)
    failed = [record["messageId"] for record in event["Records"] if not _is_done(record)]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _is_done(record: dict[str, Any]) -> bool:
    key = read_wake_up(json.loads(record["body"]))
    try:
        ended = SENDERS.send(key)
    except Exception as error:  # noqa: BLE001 - one list that breaks must not hold up the others
        logger.error(
            "list broke",
            club=key.club_id,
            campaign=key.campaign_id,
            chunk=key.chunk_id,
            error=type(error).__name__,
            frames=where_it_broke(error),
        )
        return False
    logger.info("list worked at", club=key.club_id, campaign=key.campaign_id, chunk=key.chunk_id, ended=ended)
    return True
