"""What is told of campaigns that are due in logs and metrics: ids of clubs and campaigns, never of a person."""

from stamkunde.campaigns.due import Looked
from stamkunde.observability import MetricUnit, logger, metrics, where_it_broke


def note_looked(looked: Looked) -> dict[str, int]:
    """One line for each campaign that broke, and a count that an alarm watches. Returns what the run came to."""
    for each in looked.broken:
        error, frames = type(each.error).__name__, where_it_broke(each.error)
        logger.error("due campaign broke", club=each.club_id, campaign=each.campaign_id, error=error, frames=frames)
    metrics.add_metric(name="CampaignsBroken", unit=MetricUnit.Count, value=len(looked.broken))
    metrics.flush_metrics()
    return {
        "begun": looked.begun,
        "woken": looked.woken,
        "ended": looked.ended,
        "broken": len(looked.broken),
    }
