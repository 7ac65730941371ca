"""What operators type about a ledger as a whole: `stamkunde ledger verify|liability|notes|export|check-export`."""

from __future__ import annotations

import argparse
import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from infra.asking import Ask, asking, print_json
from stamkunde.ledger.accounting import is_signature

ROWS_A_PART = 5_000
BYTE_ORDER_MARK = "\ufeff"
"""Tells a spreadsheet that the file is UTF-8."""

DELIMITER = ";"
"""What Danish and Norwegian spreadsheets expect, since their decimals have a comma."""


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands to the command line."""
    group = subparsers.add_parser("ledger", help="prove a ledger, show what a club owes, write the accountant's file")
    actions = group.add_subparsers(required=True, metavar="ACTION")
    proving = actions.add_parser("verify", help="derive all accounts from their entries; exit code 1 if any differs")
    proving.add_argument("club_id", nargs="?", help="every club, if not given")
    proving.set_defaults(command=lambda options: verify(asking(), options.club_id))
    owing = actions.add_parser("liability", help="what a club owes its members, by the year it would expire")
    owing.add_argument("club_id")
    owing.add_argument("--month", help="as that month ended, such as 2026-11; now, if not given")
    owing.set_defaults(command=lambda options: liability(asking(), options.club_id, options.month))
    exporting = actions.add_parser("export", help="the accountant's file of a month, signed")
    exporting.add_argument("club_id")
    exporting.add_argument("--month", required=True, help="a month that is over, such as 2026-11")
    exporting.add_argument("--file", type=Path, help="where to (ledger-‹club›-‹month›.csv)")
    exporting.set_defaults(command=lambda options: export(asking(), options.club_id, options.month, options.file))
    noted = actions.add_parser("notes", help="what people did by hand on a day, and what wasn't honoured")
    noted.add_argument("club_id")
    noted.add_argument("--day", required=True, help="such as 2026-11-21, on the club's calendar")
    noted.set_defaults(command=lambda options: notes(asking(), options.club_id, options.day))
    checking = actions.add_parser("check-export", help="whether such a file is as it was signed")
    checking.add_argument("file", type=Path)
    checking.set_defaults(command=lambda options: check_export(asking(), options.file))


def verify(ask: Ask, club_id: str | None) -> int:
    """Prove one club or all of them, print what differs, and say by the exit code whether anything does."""
    clubs = [club_id] if club_id else [each["club_id"] for each in ask("list_clubs")["clubs"]]
    proved = [_proved(ask, each) for each in clubs]
    print_json({"clubs": proved})
    return 1 if any(each["difference_count"] or not each["adds_up"] for each in proved) else 0


def liability(ask: Ask, club_id: str, month: str | None) -> int:
    """Print what a club owes, now or as a month ended."""
    if month is not None:
        shown = ask("show_liability", club_id=club_id, month=month)
    else:
        proved = _proved(ask, club_id)
        shown = {name: proved[name] for name in ("club_id", "liability", "moved", "adds_up", "difference_count")}
    print_json(shown)
    return 0


def notes(ask: Ask, club_id: str, day: str) -> int:
    """Print what the owner should look at of a day."""
    print_json(ask("list_ledger_notes", club_id=club_id, day=day))
    return 0


def export(ask: Ask, club_id: str, month: str, file: Path | None) -> int:
    """Write the accountant's file: its rows sorted by day, the sums and the signature below them."""
    parts = list(_parts(lambda following: ask("export_ledger", club_id=club_id, month=month, following=following)))
    rows = sorted(row for part in parts for row in part["rows"])
    written = [*parts[0]["heading"], *rows, *parts[-1]["closing"]]
    text = io.StringIO()
    csv.writer(text, delimiter=DELIMITER, lineterminator="\r\n").writerows(written)
    place = file or Path(f"ledger-{club_id}-{month}.csv")
    place.write_bytes((BYTE_ORDER_MARK + text.getvalue()).encode())
    print_json({"file": str(place), "rows": len(rows)})
    return 0


def check_export(ask: Ask, file: Path) -> int:
    """Say whether a file is as it was signed."""
    text = file.read_bytes().decode("utf-8-sig")
    read = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=DELIMITER) if any(row)]
    *rows, signature = read or [[]]
    signature = [cell for cell in signature if cell]
    verdict, following = None, None
    if is_signature(signature):
        for begin in range(0, max(1, len(rows)), ROWS_A_PART):
            last = begin + ROWS_A_PART >= len(rows)
            part = rows[begin : begin + ROWS_A_PART]
            given = {
                "club_id": signature[1],
                "signature": signature,
                "rows": part,
                "last": last,
                "following": following,
            }
            shown = ask("check_export", **given)
            following, verdict = shown["following"], shown["verdict"]
            if following is None:
                break
    print_json({"file": str(file), "verdict": verdict or "unsigned"})
    return 0 if verdict == "unaltered" else 1


def _proved(ask: Ask, club_id: str) -> dict[str, Any]:
    """A club's whole proof, put together from its parts."""
    whole: dict[str, Any] = {"club_id": club_id}
    counts: Counter[str] = Counter()
    moved: Counter[str] = Counter()
    owed: dict[str, Any] = {}
    differences: list[Any] = []
    noted: list[Any] = []
    shard: int | None = 0
    while shard is not None:
        part = ask("verify_ledger", club_id=club_id, from_shard=shard)
        for name in ("accounts", "entries", "unsettled", "difference_count"):
            counts[name] += part[name]
        moved.update(part["moved"])
        owed = _added(owed, part["liability"])
        differences += part["differences"]
        noted += part["noted_at_night"]
        shard = part["next_shard"]
    whole |= counts
    whole |= {"adds_up": moved["total"] == owed["total"], "moved": dict(moved), "liability": owed}
    return whole | {"differences": differences, "noted_at_night": noted}


def _added(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Two parts of a liability together, year by year."""
    whole = dict(second)
    for name, value in first.items():
        if isinstance(value, dict):
            years = Counter(value)
            years.update(second[name])
            whole[name] = dict(sorted(years.items()))
        else:
            whole[name] = value + second[name]
    return whole


def _parts(ask: Callable[[str | None], dict[str, Any]]) -> Iterator[dict[str, Any]]:
    following: str | None = None
    while True:
        part = ask(following)
        yield part
        following = part["following"]
        if following is None:
            return
