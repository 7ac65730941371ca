"""Every hour, and at night in each club: prove the accounts that were touched, and a part of the others."""

from collections import Counter
from typing import TYPE_CHECKING, Any

from stamkunde import cold_start
from stamkunde.bootstrap import dynamodb_client
from stamkunde.clubs.model import Club
from stamkunde.clubs.rounds import BrokenClub, IsOver
from stamkunde.ledger.care_notes import count_troubles, note_broken_club, note_differences
from stamkunde.ledger.proof import ProofRun
from stamkunde.ledger_bootstrap import ledger_clubs, nightly_proof, rounds
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
    """Prove what is due tonight in every club; nothing is ever repaired."""
    begin_invocation(context)
    counts = Counter({"clubs": 0, "accounts": 0, "entries": 0, "differences": 0, "unsettled": 0, "broken": 0})
    for done in ROUNDS.go(_prove):
        if isinstance(done, BrokenClub):
            counts.update(note_broken_club(done))
            continue
        run = done.result
        note_differences(done.club_id, run.differences)
        counts.update(
            clubs=1,
            accounts=run.accounts,
            entries=run.entries,
            differences=len(run.differences),
            unsettled=run.unsettled,
        )
    count_troubles("LedgerDifferences", counts["differences"])
    count_troubles("LedgerBroken", counts["broken"])
    logger.info("ledger proved", extra=dict(counts))
    return dict(counts)


def _prove(club: Club, is_over: IsOver) -> ProofRun:
    return nightly_proof(SETTINGS, CLIENT, CLUBS, club).run(is_over)
