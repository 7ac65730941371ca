"""Every hour: post what has lapsed in clubs whose month has ended, and tend refunds that wait for their sale."""

from collections import Counter
from typing import TYPE_CHECKING, Any

from stamkunde import cold_start  # before anything else of ours

# isort: split
from ledger_job.counting import count_expiry, count_refunds
from stamkunde.bootstrap import dynamodb_client
from stamkunde.clubs.model import Club
from stamkunde.clubs.rounds import IsOver
from stamkunde.ledger.care_notes import count_troubles
from stamkunde.ledger.expiry import ExpiryRun
from stamkunde.ledger.refunds import Tended
from stamkunde.ledger_bootstrap import expiry, ledger_clubs, refunds, rounds
from stamkunde.observability import begin_invocation, logger
from stamkunde.settings import Settings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

WORK_SECONDS = 300.0
"""For each chore, of the function's fifteen minutes; the next hour goes on where this one ended."""

SETTINGS = Settings.from_environment()
CLIENT = dynamodb_client(SETTINGS)
CLUBS = ledger_clubs(SETTINGS, CLIENT)
ROUNDS = rounds(SETTINGS, CLIENT, CLUBS, WORK_SECONDS)

cold_start.is_over()


def lambda_handler(_event: dict[str, Any], context: "LambdaContext") -> dict[str, int]:
    """Tend every club's ledger once."""
    begin_invocation(context)
    counts = Counter(
        clubs=0, visited=0, expired=0, waiting=0, unfinished=0, refunds_booked=0, refunds_ended=0, broken=0
    )
    for expiring in ROUNDS.go(_expire):
        counts.update(count_expiry(expiring))
    for tending in ROUNDS.go(_tend_refunds):
        counts.update(count_refunds(tending))
    count_troubles("LedgerBroken", counts["broken"])
    logger.info("ledger tended", extra=dict(counts))
    return dict(counts)


def _expire(club: Club, is_over: IsOver) -> ExpiryRun:
    return expiry(SETTINGS, CLIENT, CLUBS, club).run(is_over)


def _tend_refunds(club: Club, _is_over: IsOver) -> Tended:
    return refunds(SETTINGS, CLIENT, CLUBS, club).tend_parked(CLUBS.clock_of(club).now())
