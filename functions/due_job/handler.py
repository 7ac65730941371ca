"""Every hour: look at the members who are due in each club, and start what is to be done about them."""

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from stamkunde import cold_start  # before anything else of ours

# isort: split
from stamkunde.bootstrap import dynamodb_client, known_clubs
from stamkunde.clubs.closing import is_left_lying
from stamkunde.clubs.model import Club
from stamkunde.clubs.rounds import BrokenClub, IsOver
from stamkunde.ledger_bootstrap import rounds
from stamkunde.observability import begin_invocation, logger
from stamkunde.retention.notes import count_troubles, note_visited
from stamkunde.retention.service import Visited
from stamkunde.retention_bootstrap import cases, due_visits
from stamkunde.settings import Settings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

WORK_SECONDS = 600.0
"""Of the function's fifteen minutes; the next hour goes on where this one ended."""

SETTINGS = Settings.from_environment()
CLIENT = dynamodb_client(SETTINGS)
CLUBS = known_clubs(SETTINGS, CLIENT)
ROUNDS = rounds(SETTINGS, CLIENT, CLUBS, WORK_SECONDS)
cases(SETTINGS)

cold_start.is_over()


def lambda_handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, int]:
    """Go round once; with ``club_id`` in that club only."""
    begin_invocation(context)
    counts: Counter[str] = Counter()
    finished: dict[str, bool] = {}
    removal_waits = timedelta()
    for done in ROUNDS.only(event.get("club_id")).share(_visit, lambda visited: visited.finished):
        counts.update(note_visited(done))
        finished[done.club_id] = isinstance(done, BrokenClub) or done.result.finished
        if not isinstance(done, BrokenClub):
            removal_waits = max(removal_waits, done.result.removal_waits)
    counts.update(clubs=len(finished), unfinished=list(finished.values()).count(False))
    left_lying = sum(map(_is_left_lying, finished))
    count_troubles(counts["broken"], counts["unfinished"], removal_waits, left_lying)
    logger.info("members visited", extra=dict(counts))
    return dict(counts)


def _is_left_lying(club_id: str) -> bool:
    club = CLUBS.by_id(club_id)
    return club is not None and is_left_lying(club, CLUBS.clock_of(club).now())


def _visit(club: Club, is_over: IsOver) -> Visited:
    return due_visits(SETTINGS, CLIENT, CLUBS, club).run(is_over)
