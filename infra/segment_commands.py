"""What operators type about segments: `stamkunde segment …`, each a task of the operator Lambda."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from infra.asking import Ask, asking, print_json

type Group = argparse._SubParsersAction[argparse.ArgumentParser]
type NewTask = Callable[[Group, str, str, str], argparse.ArgumentParser]

_CRITERIA_HELP = 'JSON, such as {"is": "visits", "days": 90, "at_most": 0}; docs/segments.md lists all criteria'


def add_segment_commands(group: Group, new_task: NewTask) -> None:
    """Add the commands about segments; `new_task` makes a command of a task."""
    save = new_task(group, "save", "save_segment", "save a rule that chooses members, and count them")
    save.add_argument("club_id")
    save.add_argument("segment_id", help="a short name such as not-been-here")
    save.add_argument("name")
    _criteria(save)
    _by(save)
    listed = new_task(group, "list", "list_segments", "list a club's segments")
    listed.add_argument("club_id")
    show = new_task(group, "show", "show_segment", "show a segment, and whom it chooses today, in numbers")
    show.add_argument("club_id")
    show.add_argument("segment_id")
    count = new_task(group, "count", "count_segment", "count whom criteria would choose; nothing is saved")
    count.add_argument("club_id")
    _criteria(count)
    remove = new_task(group, "remove", "remove_segment", "take a segment away; campaigns have a copy of their own")
    remove.add_argument("club_id")
    remove.add_argument("segment_id")
    _by(remove)
    again = group.add_parser("rebuild", help="make anew what segments know of a club's members")
    again.add_argument("club_id")
    again.set_defaults(command=lambda options: rebuild(asking(), options.club_id))


def rebuild(ask: Ask, club_id: str) -> int:
    """Make anew what segments know of a club's members, part by part, and print how many were looked at."""
    members = 0
    following: int | None = 0
    while following is not None:
        done = ask("rebuild_facts", club_id=club_id, following=following)
        members, following = members + done["members"], done["following"]
        sys.stderr.write(f"{members} members\n")
    print_json({"members": members})
    return 0


def _criteria(command: argparse.ArgumentParser) -> None:
    command.add_argument("criteria_file", type=Path, metavar="FILE", help=_CRITERIA_HELP)


def _by(command: argparse.ArgumentParser) -> None:
    command.add_argument("--by", required=True, help="who does it")
