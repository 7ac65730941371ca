"""What is told of members who are due in logs and metrics: ids of clubs and cases, never of a person."""

from collections import Counter
from datetime import timedelta

from stamkunde.clubs.rounds import BrokenClub, Done
from stamkunde.observability import MetricUnit, logger, metrics, where_it_broke
from stamkunde.retention.service import Outcome, Visited


def note_visited(done: Done[Visited] | BrokenClub) -> Counter[str]:
    """One line for all that broke in a club. Returns what it adds to the run's counts."""
    if isinstance(done, BrokenClub):
        error = type(done.error).__name__
        logger.error("due job broke", club=done.club_id, error=error, frames=where_it_broke(done.error))
        return Counter(broken=1)
    visited = done.result
    for each in visited.broken:
        error, frames = type(each.error).__name__, where_it_broke(each.error)
        logger.error("due visit broke", club=done.club_id, case=each.case_id, error=error, frames=frames)
    counted = Counter({outcome.value: visited.outcomes[outcome] for outcome in Outcome})
    counted["armed_for_terms"] = visited.armed
    return counted


def count_troubles(broken: int, unfinished: int, removal_waits: timedelta, left_lying: int) -> None:
    """Metrics that alarms watch: told of every run, also when nothing is wrong.

    Parameters
    ----------
    unfinished
        In how many clubs the time didn't suffice.
    removal_waits
        For how long somebody is to be erased who isn't.
    left_lying
        How many clubs are closed that nobody deletes.
    """
    hours = removal_waits // timedelta(hours=1)
    for name, count in (
        ("DueBroken", broken),
        ("DueUnfinished", unfinished),
        ("ErasureWaitingHours", hours),
        ("ClubsLeftLying", left_lying),
    ):
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=count)
    metrics.flush_metrics()
