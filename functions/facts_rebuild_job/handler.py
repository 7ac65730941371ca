"""Every hour, and once a night in each club: make the facts of all its members anew, for events that were lost."""

from collections import Counter
from typing import TYPE_CHECKING, Any

from stamkunde import cold_start
from stamkunde.bootstrap import dynamodb_client, known_clubs
from stamkunde.campaigns.facts_notes import count_troubles, note_broken_club
from stamkunde.campaigns.facts_service import Rebuilding
from stamkunde.clubs.model import Club
from stamkunde.clubs.rounds import BrokenClub, IsOver
from stamkunde.facts_bootstrap import facts_keeper
from stamkunde.ledger_bootstrap import rounds
from stamkunde.observability import begin_invocation, logger
from stamkunde.settings import Settings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

WORK_SECONDS = 600.0
"""Of the function's fifteen minutes; the next hour goes on where this one ended."""

SETTINGS = Settings.from_environment()
CLIENT = dynamodb_client(SETTINGS)
CLUBS = known_clubs(SETTINGS, CLIENT)
ROUNDS = rounds(SETTINGS, CLIENT, CLUBS, WORK_SECONDS)

cold_start.is_over()


def lambda_handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, int]:
    """Go round once; with ``club_id`` in that club only. A club whose night's work is done is passed over."""
    begin_invocation(context)
    counts = Counter(members=0, changed=0, broken=0)
    finished: dict[str, bool] = {}
    for done in ROUNDS.only(event.get("club_id")).share(_rebuild, lambda rebuilding: rebuilding.finished):
        if isinstance(done, BrokenClub):
            counts.update(note_broken_club(done))
            continue
        counts.update(members=done.result.renewed.members, changed=done.result.renewed.changed)
        finished[done.club_id] = done.result.finished
    counts.update(clubs=len(finished), unfinished=list(finished.values()).count(False))
    count_troubles(counts["broken"])
    logger.info("facts rebuilt", extra=dict(counts))
    return dict(counts)


def _rebuild(club: Club, is_over: IsOver) -> Rebuilding:
    return facts_keeper(SETTINGS, CLIENT, CLUBS, club).rebuild_nightly(is_over)
