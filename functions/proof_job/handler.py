"""Every hour, and at night in each club: prove the accounts that were touched, and a part of the others.

On the first night of a month it is kept first what the club owed as the month before ended.
"""

from collections import Counter
from copy import replace
from typing import TYPE_CHECKING, Any

from stamkunde import cold_start  # before anything else of ours

# isort: split
from proof_job.counting import count_month_end, count_proof
from stamkunde.bootstrap import dynamodb_client
from stamkunde.clubs.model import Club
from stamkunde.clubs.rounds import IsOver
from stamkunde.ledger.care_notes import count_troubles
from stamkunde.ledger.month_end import MonthEndRun
from stamkunde.ledger.proof import ProofRun
from stamkunde.ledger_bootstrap import ledger_clubs, month_end, nightly_proof, rounds
from stamkunde.observability import begin_invocation, logger
from stamkunde.settings import Settings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

MONTH_END_SECONDS = 240.0
PROOF_SECONDS = 600.0
"""Of the function's fifteen minutes; the next hour goes on where this one ended."""

SETTINGS = Settings.from_environment()
CLIENT = dynamodb_client(SETTINGS)
CLUBS = ledger_clubs(SETTINGS, CLIENT)
ROUNDS = rounds(SETTINGS, CLIENT, CLUBS, PROOF_SECONDS)

cold_start.is_over()


def lambda_handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, int]:
    """Keep and prove what is due tonight in every club, or in that of ``club_id``; nothing is ever repaired."""
    begin_invocation(context)
    asked = ROUNDS.only(event.get("club_id"))
    counts = Counter(clubs=0, kept=0, accounts=0, entries=0, differences=0, unsettled=0, broken=0)
    for ended in replace(asked, seconds=MONTH_END_SECONDS).go(_keep_month_end):
        counts.update(count_month_end(ended))
    for proved in asked.go(_prove):
        counts.update(count_proof(proved))
    count_troubles("LedgerDifferences", counts["differences"])
    count_troubles("LedgerBroken", counts["broken"])
    logger.info("ledger proved", extra=dict(counts))
    return dict(counts)


def _keep_month_end(club: Club, is_over: IsOver) -> MonthEndRun:
    return month_end(SETTINGS, CLIENT, CLUBS, club).run(is_over)


def _prove(club: Club, is_over: IsOver) -> ProofRun:
    return nightly_proof(SETTINGS, CLIENT, CLUBS, club).run(is_over)
