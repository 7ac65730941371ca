"""Operators' tasks about the ledger as a whole: prove it, what a club owes, the accountant's file."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Annotated, Any

from msgspec import Meta

from operator_task.desk import Desk, Name, TaskModel
from stamkunde.clubs.model import Club
from stamkunde.ledger.accounting import Accounting
from stamkunde.ledger.model.liability import NOTHING_OWED, Liability
from stamkunde.ledger.model.proving import Difference, Flows
from stamkunde.ledger.proof import ProofRun
from stamkunde.ledger.store import ACCOUNT_SHARDS
from stamkunde.ledger_bootstrap import accounting, care_store, ledger_clubs, proof
from stamkunde.shared.clock import iso_instant
from stamkunde.shared.errors import Refusal

WORK_SECONDS = 20.0
"""How long one task goes on; whoever asks goes on with the next one."""

MOST_SHOWN = 1_000

type Month = Annotated[str, Meta(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$")]
type CsvRow = list[str]


class VerifyLedger(TaskModel, tag="verify_ledger"):
    """Derive a club's accounts from their entries, from a shard of the list of accounts on."""

    club_id: str
    from_shard: Annotated[int, Meta(ge=0, lt=ACCOUNT_SHARDS)] = 0


class ShowLiability(TaskModel, tag="show_liability"):
    """What a club owed its members when a month had ended; null where nobody took it down then."""

    club_id: str
    month: Month


class ExportLedger(TaskModel, tag="export_ledger"):
    """A part of the accountant's file of a month; `following` is what the part before was answered."""

    club_id: str
    month: Month
    by: Name
    following: str | None = None


class CheckExport(TaskModel, tag="check_export"):
    """Whether a file is as it was signed: its rows in parts, and its last line with each."""

    club_id: str
    signature: CsvRow
    rows: list[CsvRow]
    last: bool
    following: str | None = None


def verify_ledger(desk: Desk, task: VerifyLedger) -> dict[str, Any]:
    """Carry out `VerifyLedger`."""
    club = _club(desk, task.club_id)
    proving = proof(desk.settings, desk.client, ledger_clubs(desk.settings, desk.client), club)
    end = time.monotonic() + WORK_SECONDS
    run, shard = ProofRun(), task.from_shard
    while shard < ACCOUNT_SHARDS and time.monotonic() < end:
        run += proving.prove_shard(shard)
        shard += 1
    noted = care_store(desk.settings, desk.client, club.club_id).noted_differences() if task.from_shard == 0 else ()
    return {
        "club_id": club.club_id,
        "accounts": run.accounts,
        "entries": run.entries,
        "unsettled": run.unsettled,
        "difference_count": len(run.differences),
        "differences": _shown(run.differences[:MOST_SHOWN]),
        "noted_at_night": [
            {"found_at": iso_instant(each.found_at), "differences": _shown(each.differences)} for each in noted
        ],
        "moved": _flows(run.flows),
        "liability": _liability(run.liability),
        "next_shard": shard if shard < ACCOUNT_SHARDS else None,
    }


def show_liability(desk: Desk, task: ShowLiability) -> dict[str, Any]:
    """Carry out `ShowLiability`."""
    club, month = _club(desk, task.club_id), _month(task.month)
    _accounting(desk, task.club_id).month_over(month)
    snapshots, is_whole = care_store(desk.settings, desk.client, club.club_id).snapshots(month)
    owed = _liability(sum((each.liability for each in snapshots), NOTHING_OWED))
    taken = sorted(iso_instant(each.taken_at) for each in snapshots)
    return {
        "club_id": club.club_id,
        "month": task.month,
        "taken_from": taken[0] if taken else None,
        "taken_until": taken[-1] if taken else None,
        "is_whole": is_whole,
        "liability": owed if snapshots else None,
    }


def export_ledger(desk: Desk, task: ExportLedger) -> dict[str, Any]:
    """Carry out `ExportLedger`."""
    part = _accounting(desk, task.club_id).export(_month(task.month), task.following)
    return {
        "heading": part.heading,
        "rows": part.rows,
        "closing": part.closing,
        "following": part.following,
    }


def check_export(desk: Desk, task: CheckExport) -> dict[str, Any]:
    """Carry out `CheckExport`."""
    rows = [tuple(row) for row in task.rows]
    part = _accounting(desk, task.club_id).check(tuple(task.signature), rows, task.following, last=task.last)
    return {"following": part.following, "verdict": part.verdict}


type ProofTask = VerifyLedger | ShowLiability | ExportLedger | CheckExport

PROOF_TASKS: Mapping[type[TaskModel], Callable[[Desk, Any], dict[str, Any]]] = {
    VerifyLedger: verify_ledger,
    ShowLiability: show_liability,
    ExportLedger: export_ledger,
    CheckExport: check_export,
}


def _accounting(desk: Desk, club_id: str) -> Accounting:
    club = _club(desk, club_id)
    return accounting(desk.settings, desk.client, ledger_clubs(desk.settings, desk.client), club)


def _club(desk: Desk, club_id: str) -> Club:
    club = ledger_clubs(desk.settings, desk.client).by_id(club_id)
    if club is None:
        raise Refusal("unknown_club", pointer="/club_id")
    return club


def _month(text: str) -> date:
    return date.fromisoformat(f"{text}-01")


def _shown(differences: Sequence[Difference]) -> list[dict[str, Any]]:
    return [
        {"account_id": each.account_id, "what": each.kind.value, "entry_id": each.entry_id} for each in differences
    ]


def _flows(flows: Flows) -> dict[str, int]:
    return {
        "earned": flows.earned,
        "spent": flows.spent,
        "refunded": flows.refunded,
        "expired": flows.expired,
        "forfeited": flows.forfeited,
        "adjusted": flows.adjusted,
        "total": flows.total,
    }


def _liability(liability: Liability) -> dict[str, Any]:
    return {
        "accounts": liability.accounts,
        "by_year": {str(year): amount for year, amount in sorted(liability.by_year.items())},
        "pending_by_year": {str(year): amount for year, amount in sorted(liability.pending_by_year.items())},
        "lapsed": liability.lapsed,
        "deficit": liability.deficit,
        "reserved": liability.reserved,
        "total": liability.total,
    }
