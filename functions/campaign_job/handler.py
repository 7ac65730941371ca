"""Every minute: begin the campaigns whose time has come, wake those that waited, and end those that are too late."""

from typing import TYPE_CHECKING, Any

from stamkunde import cold_start
from stamkunde.bootstrap import dynamodb_client, known_clubs
from stamkunde.campaign_bootstrap import campaign_starts, due_round
from stamkunde.campaigns.due_notes import note_looked
from stamkunde.observability import begin_invocation, logger
from stamkunde.settings import Settings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

SETTINGS = Settings.from_environment()
CLIENT = dynamodb_client(SETTINGS)
ROUND = due_round(SETTINGS, CLIENT, known_clubs(SETTINGS, CLIENT))
campaign_starts(SETTINGS)

cold_start.is_over()


def lambda_handler(_event: dict[str, Any], context: "LambdaContext") -> dict[str, int]:
    """Look once at the campaigns that are due."""
    begin_invocation(context)
    counts = note_looked(ROUND.go())
    logger.info("campaigns looked at", extra=dict(counts))
    return counts
