"""What is told of members' facts in logs and metrics: ids of clubs, and never of a person."""

from stamkunde.clubs.rounds import BrokenClub
from stamkunde.observability import MetricUnit, logger, metrics, where_it_broke


def note_broken_club(broken: BrokenClub) -> dict[str, int]:
    """One line for a club whose facts could not be made anew. Returns what it adds to the run's counts."""
    logger.error(
        "facts broke", club=broken.club_id, error=type(broken.error).__name__, frames=where_it_broke(broken.error)
    )
    return {"broken": 1}


def count_troubles(broken: int) -> None:
    """A metric that an alarm watches: told of every run, also when nothing is wrong."""
    metrics.add_metric(name="FactsBroken", unit=MetricUnit.Count, value=broken)
    metrics.flush_metrics()
