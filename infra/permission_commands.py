"""What operators type about whom a club may write to: its choices, one member's verdicts, what is about to lapse."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

type Group = argparse._SubParsersAction[argparse.ArgumentParser]
type NewTask = Callable[[Group, str, str, str], argparse.ArgumentParser]


def add_club_permission_commands(group: Group, new_task: NewTask) -> None:
    """Add what is asked of a whole club; `new_task` makes a command of a task."""
    policy = new_task(
        group, "policy", "publish_member_policy", "what the club asks of its members: show it, change it"
    )
    policy.add_argument("club_id")
    policy.add_argument(
        "--birth-date", dest="asks_birth_date", action=argparse.BooleanOptionalAction, help="ask for it when joining"
    )
    policy.add_argument(
        "--outlet", dest="asks_outlet", action=argparse.BooleanOptionalAction, help="ask which shop is theirs"
    )
    policy.add_argument(
        "--questions",
        type=Path,
        dest="questions_file",
        help="a JSON file with at most five questions, as this shows them",
    )
    policy.add_argument(
        "--purchase-use", choices=("consent", "balancing_test"), help="by what right offers follow from purchases"
    )
    policy.add_argument("--balancing-test", help="why a Danish club uses purchases without asking, in writing")
    policy.add_argument(
        "--soft-opt-in",
        action=argparse.BooleanOptionalAction,
        help="write to whoever gave their number in a sale and didn't refuse",
    )
    policy.add_argument("--inactive-months", type=int, help="how long members are kept without any activity")
    policy.add_argument("--keeping-reason", help="why they are kept for three years or longer, in writing")
    lapsing = new_task(group, "lapsing", "list_lapsing", "whose permission lapses within two months")
    lapsing.add_argument("club_id")
    lapsing.add_argument("--by", required=True, help="who looks")


def add_may_write_command(group: Group, new_task: NewTask) -> None:
    """Add the question that each member raises; `new_task` makes a command of a task."""
    command = new_task(group, "may-write", "may_write", "may we write to this member, and why")
    command.add_argument("club_id")
    command.add_argument("member_id")
    command.add_argument("--by", required=True, help="who asks")
    command.add_argument("--class", dest="message_class", choices=("marketing", "service", "critical"))
    command.add_argument("--channel", choices=("sms", "email"))
    command.add_argument("--purpose", choices=("news", "purchases"), help="what advertising is chosen by")
