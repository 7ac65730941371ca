"""What operators type about erasures: `stamkunde erasure list|receipts|tick|again|hold`."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from stamkunde.shared.other_places import OtherPlace

type Group = argparse._SubParsersAction[argparse.ArgumentParser]
type NewTask = Callable[[Group, str, str, str], argparse.ArgumentParser]


def add_erasure_commands(group: Group, new_task: NewTask) -> None:
    """Add the commands; `new_task` makes one of a task."""
    listed = new_task(group, "list", "list_erasures", "erasures that are due and not done")
    listed.add_argument("club_id")
    receipts = new_task(group, "receipts", "list_erasure_receipts", "what was erased in a month, and why")
    receipts.add_argument("club_id")
    receipts.add_argument("--month", help="such as 2026-11; this one, if not given")
    tick = new_task(group, "tick", "tick_erasure", "note that the shop has looked in another place")
    tick.add_argument("club_id")
    tick.add_argument("receipt", help="as `erasure receipts` shows it")
    tick.add_argument("place", choices=[each.value for each in OtherPlace])
    tick.add_argument("--month", help="of the receipt, if it is older than the last one")
    tick.add_argument("--by", required=True, help="who has looked")
    for name, task, help_text in (
        ("again", "erase_again", "make the next attempt of an erasure that stopped, now"),
        ("hold", "hold_erasure", "make no further attempt for a day"),
    ):
        command = new_task(group, name, task, help_text)
        command.add_argument("club_id")
        command.add_argument("case", help="as `erasure list` shows it")
        command.add_argument("--by", required=True, help="who does it")
