"""What operators type about a club's data as a whole: bring members along, see who looked, list what there is."""

from __future__ import annotations

import argparse
import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from infra.asking import Ask, asking, print_json
from infra.ledger_commands import BYTE_ORDER_MARK, DELIMITER
from stamkunde.members.importing import FIRST_ROW, delimiter_of
from stamkunde.shared.spreadsheet import disarmed

type Group = argparse._SubParsersAction[argparse.ArgumentParser]
type NewTask = Callable[[Group, str, str, str], argparse.ArgumentParser]

ROWS_A_TASK = 200
"""Fewer than a task takes, so that each is over well within a minute."""

ONLY_OURS = 0o600
"""Read and written by whoever made the file: it tells who the members are."""

ALREADY_THERE = "already_there"
NOT_BROUGHT = (ALREADY_THERE, "gone_since")
WOULD_COME = ("member", "open", "newsletter")


def add_club_data_commands(group: Group, new_task: NewTask) -> None:
    """Add what is asked of a whole club; `new_task` makes a command of a task."""
    audit = new_task(group, "audit", "show_audit", "who of the staff looked at or changed whose data")
    audit.add_argument("club_id")
    audit.add_argument("--by", required=True, help="who looks")
    audit.add_argument(
        "--from", dest="from_day", help="a day such as 2026-11-01; 30 days before the last, if not given"
    )
    audit.add_argument("--until", dest="until_day", help="the last day, included; today, if not given")
    audit.add_argument("--member", dest="member_id", help="only what concerns this member")
    breach = group.add_parser("breach-export", help="list whose data the club keeps, and of which kinds")
    breach.add_argument("club_id")
    breach.add_argument("--by", required=True, help="who takes the list out")
    breach.add_argument("--addresses", action="store_true", help="with numbers and e-mail addresses, to tell members")
    breach.add_argument("--file", type=Path, help="where to (breach-‹club›.csv)")
    breach.set_defaults(
        command=lambda options: breach_export(
            asking(), options.club_id, options.by, options.file, addresses=options.addresses
        )
    )


def add_import_command(group: Group) -> None:
    """Add the command that brings members along."""
    command = group.add_parser("import", help="bring members along from a CSV file; a dry run without --write")
    command.add_argument("club_id")
    command.add_argument("file", type=Path, metavar="FILE", help="see docs/import.md")
    command.add_argument("--by", required=True, help="who brings them along")
    command.add_argument("--write", action="store_true", help="do it, and not only say what would be done")
    command.set_defaults(
        command=lambda options: import_file(asking(), options.club_id, options.file, options.by, write=options.write)
    )


def import_file(ask: Ask, club_id: str, file: Path, by: str, *, write: bool) -> int:
    """Bring members along part by part; print the sums, and each row that is refused or comes with less than it says.

    A number that stands in two parts would be there already when the second is written: a dry run says so too.
    """
    counts: Counter[str] = Counter()
    told: list[dict[str, Any]] = []
    come: set[str] = set()
    for first_row, text in _parts(file.read_text(encoding="utf-8-sig")):
        answer = ask("import_members", club_id=club_id, csv=text, by=by, write=write, first_row=first_row)
        for row in answer["rows"]:
            phone = row.pop("phone")
            if row["fate"] in WOULD_COME and phone in come:
                row["fate"] = ALREADY_THERE
            come.add(phone)
            counts[row["fate"]] += 1
            if row["troubles"] or row["fate"] in NOT_BROUGHT:
                told.append(row)
    print_json({"written": write, "counts": dict(sorted(counts.items())), "rows": told})
    return 0


def breach_export(ask: Ask, club_id: str, by: str, file: Path | None, *, addresses: bool) -> int:
    """Write whose data there is and of which kinds, a row a person, and print how many have each kind."""
    parts = list(
        _breach_parts(
            lambda part: ask("list_for_breach", club_id=club_id, by=by, addresses=addresses, from_part=part)
        )
    )
    fields = parts[0]["fields"]
    people = [person for part in parts for person in part["members"]]
    contact = ["phone_number", "email_address"] if addresses else []
    rows = [["member_id", "former_ids", "state", *contact, *fields]]
    for person in people:
        address = [disarmed(person[name] or "") for name in ("phone", "email")] if addresses else []
        has = ["x" if name in person["fields"] else "" for name in fields]
        rows.append([person["member_id"], " ".join(person["former_ids"]), person["state"], *address, *has])
    place = file or Path(f"breach-{club_id}.csv")
    _write(place, rows)
    kept = Counter(name for person in people for name in person["fields"])
    print_json({"file": str(place), "people": len(people), "fields": {name: kept[name] for name in fields}})
    return 0


def _parts(text: str) -> Iterator[tuple[int, str]]:
    """A file in parts, each with the columns' names above it, and the number of its first row."""
    delimiter = delimiter_of(text)
    head, *rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)) or [[]]
    for begin in range(0, max(1, len(rows)), ROWS_A_TASK):
        part = io.StringIO()
        csv.writer(part, delimiter=delimiter).writerows([head, *rows[begin : begin + ROWS_A_TASK]])
        yield FIRST_ROW + begin, part.getvalue()


def _breach_parts(ask: Callable[[int], dict[str, Any]]) -> Iterator[dict[str, Any]]:
    following: int | None = 0
    while following is not None:
        part = ask(following)
        yield part
        following = part["next_part"]


def _write(place: Path, rows: Sequence[Sequence[str]]) -> None:
    text = io.StringIO()
    csv.writer(text, delimiter=DELIMITER, lineterminator="\r\n").writerows(rows)
    # Nobody else on this machine may read it, not even for a moment.
    place.unlink(missing_ok=True)
    place.touch(ONLY_OURS, exist_ok=False)
    place.write_bytes((BYTE_ORDER_MARK + text.getvalue()).encode())
