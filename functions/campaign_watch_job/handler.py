"""Every minute: wake the campaign worker for lists that wait, and find what no worker finished."""

from typing import TYPE_CHECKING, Any

from stamkunde import cold_start
from stamkunde.bootstrap import dynamodb_client
from stamkunde.observability import MetricUnit, begin_invocation, logger, metrics, where_it_broke
from stamkunde.sending_bootstrap import sweep
from stamkunde.settings import Settings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

SETTINGS = Settings.from_environment()
SWEEP = sweep(SETTINGS, dynamodb_client(SETTINGS))

cold_start.is_over()


def lambda_handler(_event: dict[str, Any], context: "LambdaContext") -> dict[str, int]:
    """Look once at everything that is being sent."""
    begin_invocation(context)
    swept = SWEEP.tend()
    for each in swept.broken:
        logger.error(
            "campaign broke",
            campaign=each.campaign_id,
            error=type(each.error).__name__,
            frames=where_it_broke(each.error),
        )
    running, woken, ended, silent, broken = swept.running, swept.woken, swept.ended, swept.silent, len(swept.broken)
    logger.info("campaigns watched", running=running, woken=woken, ended=ended, silent=silent, broken=broken)
    for campaign_id in sorted(swept.faulty):
        logger.error("campaign paused by a fault", campaign=campaign_id)
    metrics.add_metric(name="CampaignsBroken", unit=MetricUnit.Count, value=broken)
    metrics.add_metric(name="CampaignsFaulty", unit=MetricUnit.Count, value=len(swept.faulty))
    metrics.flush_metrics()
    return {
        "running": running,
        "woken": woken,
        "ended": ended,
        "silent": silent,
        "broken": broken,
        "faulty": len(swept.faulty),
    }
