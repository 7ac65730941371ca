"""Every hour: book the refunds that wait for a sale which has come, and end those that waited too long."""

from collections import Counter
from typing import TYPE_CHECKING, Any

from stamkunde import cold_start  # before anything else of ours

# isort: split
from stamkunde.bootstrap import dynamodb_client
from stamkunde.clubs.model import Club
from stamkunde.clubs.rounds import BrokenClub, IsOver
from stamkunde.ledger.care_notes import count_troubles, note_broken_club
from stamkunde.ledger.refunds import Tended
from stamkunde.ledger_bootstrap import ledger_clubs, refunds, rounds
from stamkunde.observability import begin_invocation, logger
from stamkunde.settings import Settings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

WORK_SECONDS = 600.0
"""Of the function's fifteen minutes; the next hour goes on where this one ended."""

SETTINGS = Settings.from_environment()
CLIENT = dynamodb_client(SETTINGS)
CLUBS = ledger_clubs(SETTINGS, CLIENT)
ROUNDS = rounds(SETTINGS, CLIENT, CLUBS, WORK_SECONDS)

cold_start.is_over()


def lambda_handler(_event: dict[str, Any], context: "LambdaContext") -> dict[str, int]:
    """Tend every club's waiting refunds once."""
    begin_invocation(context)
    counts = Counter(clubs=0, refunds_booked=0, refunds_ended=0, broken=0)
    for done in ROUNDS.go(_tend_refunds):
        if isinstance(done, BrokenClub):
            counts.update(note_broken_club(done))
            continue
        counts.update(clubs=1, refunds_booked=done.result.booked, refunds_ended=done.result.ended)
    count_troubles("LedgerBroken", counts["broken"])
    logger.info("refunds tended", extra=dict(counts))
    return dict(counts)


def _tend_refunds(club: Club, _is_over: IsOver) -> Tended:
    return refunds(SETTINGS, CLIENT, CLUBS, club).tend_parked(CLUBS.clock_of(club).now())
