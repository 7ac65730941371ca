"""What operators type for members who ask the shop: to be deleted, or what is kept of them."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from stamkunde.shared.other_places import OtherPlace

type Group = argparse._SubParsersAction[argparse.ArgumentParser]
type NewTask = Callable[[Group, str, str, str], argparse.ArgumentParser]

COMMANDS = (
    ("erase", "ask_erasure", "delete a member in 14 days, as they asked in the shop"),
    ("looked", "look_elsewhere", "note that the shop has looked elsewhere for somebody who is to be deleted"),
    ("keep", "undo_erasure", "take back what the shop asked for"),
    ("show-data", "show_own_data", "everything that is kept of a member, as they could download it"),
)


def add_member_data_commands(group: Group, new_task: NewTask) -> None:
    """Add what is done with one member's data; `new_task` makes a command of a task."""
    for name, task, help_text in COMMANDS:
        command = new_task(group, name, task, help_text)
        command.add_argument("club_id")
        command.add_argument("member_id")
        command.add_argument("--by", required=True, help="who does it")
        if task == "look_elsewhere":
            command.add_argument("place", choices=[each.value for each in OtherPlace])
        if task == "show_own_data":
            command.add_argument("--before", help="what the part with newer movements calls older_movements")
