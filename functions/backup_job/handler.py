"""Every hour: delete copies made by hand once they are older than any may be, and tell of restored tables."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from stamkunde import cold_start
from stamkunde.bootstrap import dynamodb_client
from stamkunde.gateways.backups import Backups
from stamkunde.observability import MetricUnit, begin_invocation, logger, metrics
from stamkunde.settings import Settings
from stamkunde.shared.clock import SystemClock

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

OLDEST = timedelta(days=30)
"""A day less than what is deleted may be kept in copies: so much is left to mend this job in."""

SETTINGS = Settings.from_environment()
TABLES = {
    "clubs": SETTINGS.clubs_table,
    "members": SETTINGS.members_table,
    "ledger": SETTINGS.ledger_table,
    "views": SETTINGS.views_table,
    "messages": SETTINGS.messages_table,
}
BACKUPS = Backups(dynamodb_client(SETTINGS), TABLES)
CLOCK = SystemClock()

cold_start.is_over()


def lambda_handler(_event: dict[str, Any], context: "LambdaContext") -> dict[str, int]:
    """Look through them once; one that can't be deleted breaks the job, which raises its alarm."""
    begin_invocation(context)
    deleted = BACKUPS.delete_older_than(CLOCK.now() - OLDEST)
    standing = len(BACKUPS.brought_back())
    metrics.add_metric(name="CopiesStanding", unit=MetricUnit.Count, value=standing)
    metrics.flush_metrics()
    logger.info("old copies deleted", deleted=deleted, standing=standing)
    return {"deleted": deleted, "standing": standing}
