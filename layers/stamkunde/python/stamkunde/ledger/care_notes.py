"""What is told of the ledger's jobs in logs and metrics: ids of clubs, accounts and entries, never of a person."""

from collections.abc import Sequence

from stamkunde.clubs.rounds import BrokenClub
from stamkunde.ledger.model.proving import Difference
from stamkunde.ledger.month_end import BrokenAccount
from stamkunde.observability import MetricUnit, logger, metrics, where_it_broke


def note_broken_club(broken: BrokenClub) -> dict[str, int]:
    """One line for a club in which a job broke. Returns what it adds to the run's counts."""
    logger.error(
        "ledger job broke",
        club=broken.club_id,
        error=type(broken.error).__name__,
        frames=where_it_broke(broken.error),
    )
    return {"broken": 1}


def note_broken_accounts(club_id: str, broken: Sequence[BrokenAccount]) -> None:
    """One line for each account that could not be looked at."""
    for each in broken:
        logger.error(
            "ledger account broke",
            club=club_id,
            account=each.account_id,
            error=type(each.error).__name__,
            frames=where_it_broke(each.error),
        )


def note_differences(club_id: str, differences: Sequence[Difference]) -> None:
    """One line for each difference."""
    for each in differences:
        logger.error(
            "ledger differs", club=club_id, account=each.account_id, reason=each.kind.value, entry=each.entry_id
        )


def count_troubles(metric: str, count: int) -> None:
    """A metric that an alarm watches: told of every run, also when nothing is wrong."""
    metrics.add_metric(name=metric, unit=MetricUnit.Count, value=count)
    metrics.flush_metrics()
