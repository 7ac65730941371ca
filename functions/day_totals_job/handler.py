"""Every minute: recompute the outlet days that were touched."""

from typing import TYPE_CHECKING, Any

from stamkunde import cold_start
from stamkunde.bootstrap import dynamodb_client
from stamkunde.observability import begin_invocation, logger
from stamkunde.settings import Settings
from stamkunde.view_bootstrap import projections
from stamkunde.views.service import recompute_dirty_days

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

SETTINGS = Settings.from_environment()
STORE = projections(SETTINGS, dynamodb_client(SETTINGS))

cold_start.is_over()


def lambda_handler(_event: dict[str, Any], context: "LambdaContext") -> dict[str, int]:
    """Recompute what is dirty; a day marked again meanwhile is left for the next run."""
    begin_invocation(context)
    recomputed = recompute_dirty_days(STORE)
    logger.info("days recomputed", days=recomputed)
    return {"days": recomputed}
