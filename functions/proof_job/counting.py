"""What a run of the nightly job adds up to; what broke or differs is told by the way."""

from stamkunde.clubs.rounds import BrokenClub, Done
from stamkunde.ledger.care_notes import note_broken_accounts, note_broken_club, note_differences
from stamkunde.ledger.month_end import MonthEndRun
from stamkunde.ledger.proof import ProofRun


def count_month_end(done: Done[MonthEndRun] | BrokenClub) -> dict[str, int]:
    """What keeping the end of a month came to in one club."""
    if isinstance(done, BrokenClub):
        return note_broken_club(done)
    note_broken_accounts(done.club_id, done.result.broken)
    return {"kept": done.result.accounts, "broken": len(done.result.broken)}


def count_proof(done: Done[ProofRun] | BrokenClub) -> dict[str, int]:
    """What proving came to in one club."""
    if isinstance(done, BrokenClub):
        return note_broken_club(done)
    run = done.result
    note_differences(done.club_id, run.differences)
    return {
        "clubs": 1,
        "accounts": run.accounts,
        "entries": run.entries,
        "differences": len(run.differences),
        "unsettled": run.unsettled,
    }
