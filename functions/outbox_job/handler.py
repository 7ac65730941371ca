"""Every minute: wake the worker for what waits too long, and record what nobody will finish."""

from typing import TYPE_CHECKING, Any

from stamkunde import cold_start
from stamkunde.bootstrap import dynamodb_client
from stamkunde.message_bootstrap import outbox_care
from stamkunde.messaging.notes import note_broken, note_deliveries, note_waiting
from stamkunde.observability import begin_invocation, logger
from stamkunde.settings import Settings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

SETTINGS = Settings.from_environment()
CARE = outbox_care(SETTINGS, dynamodb_client(SETTINGS))

cold_start.is_over()


def lambda_handler(_event: dict[str, Any], context: "LambdaContext") -> dict[str, int]:
    """Tend the outbox once."""
    begin_invocation(context)
    tended = CARE.tend()
    note_deliveries(tended.given_up)
    note_broken(tended.broken)
    note_waiting(tended.waiting)
    waiting, lost, given_up, broken = tended.waiting, tended.lost, len(tended.given_up), len(tended.broken)
    logger.info("outbox tended", waiting=waiting, lost=lost, given_up=given_up, broken=broken)
    return {"waiting": waiting, "lost": lost, "given_up": given_up, "broken": broken}
