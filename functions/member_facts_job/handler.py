"""Every minute: make the facts anew of whoever was touched, for segments and audiences."""

from collections import Counter
from typing import TYPE_CHECKING, Any

from stamkunde import cold_start
from stamkunde.bootstrap import dynamodb_client, known_clubs
from stamkunde.campaigns.facts_notes import count_troubles, note_broken_club
from stamkunde.campaigns.facts_service import renew_all
from stamkunde.clubs.rounds import BrokenClub
from stamkunde.facts_bootstrap import facts_keeper
from stamkunde.observability import begin_invocation, logger
from stamkunde.settings import Settings
from stamkunde.view_bootstrap import mark_store

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

WORK_SECONDS = 35.0
"""Of the function's fifty; the next minute goes on where this one ended."""

SETTINGS = Settings.from_environment()
CLIENT = dynamodb_client(SETTINGS)
CLUBS = known_clubs(SETTINGS, CLIENT)
MARKS = mark_store(SETTINGS, CLIENT)

cold_start.is_over()


def lambda_handler(_event: dict[str, Any], context: "LambdaContext") -> dict[str, int]:
    """Renew what is marked; what is marked again meanwhile is left for the next run."""
    begin_invocation(context)
    counts = Counter(members=0, broken=0)
    for done in renew_all(MARKS, CLUBS.by_id, lambda club: facts_keeper(SETTINGS, CLIENT, CLUBS, club), WORK_SECONDS):
        if isinstance(done, BrokenClub):
            counts.update(note_broken_club(done))
        else:
            counts.update(members=done.result.members)
    count_troubles(counts["broken"])
    logger.info("facts renewed", extra=dict(counts))
    return dict(counts)
