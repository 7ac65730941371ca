"""What a run of the hourly job adds up to; what broke is told by the way."""

from stamkunde.clubs.rounds import BrokenClub, Done
from stamkunde.ledger.care_notes import note_broken_accounts, note_broken_club
from stamkunde.ledger.expiry import ExpiryRun
from stamkunde.ledger.refunds import Tended


def count_expiry(done: Done[ExpiryRun] | BrokenClub) -> dict[str, int]:
    """What posting expiry came to in one club."""
    if isinstance(done, BrokenClub):
        return note_broken_club(done)
    run = done.result
    note_broken_accounts(done.club_id, run.broken)
    return {
        "clubs": 1,
        "visited": run.visited,
        "expired": run.posted,
        "waiting": run.waiting,
        "unfinished": int(not run.finished),
        "broken": len(run.broken),
    }


def count_refunds(done: Done[Tended] | BrokenClub) -> dict[str, int]:
    """What tending refunds came to in one club."""
    if isinstance(done, BrokenClub):
        return note_broken_club(done)
    return {"refunds_booked": done.result.booked, "refunds_ended": done.result.ended}
