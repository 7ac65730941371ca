"""What operators type about whom a club may write to: its choices, one member's verdicts, what is about to lapse."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from infra.asking import Ask, asking, print_json
from stamkunde.shared.language import LANGUAGES

type Group = argparse._SubParsersAction[argparse.ArgumentParser]
type NewTask = Callable[[Group, str, str, str], argparse.ArgumentParser]

_ASKED_BY = ("club_id", "member_id", "by", "message_class", "channel", "purpose")


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
    lapsing = new_task(group, "lapsing", "list_lapsing", "whose permission lapses within two months")
    lapsing.add_argument("club_id")
    lapsing.add_argument("--by", required=True, help="who looks")
    birthdays = new_task(group, "birthdays", "list_birthdays", "whose birthday it is, or was within a week")
    birthdays.add_argument("club_id")
    birthdays.add_argument("--by", required=True, help="who looks")


def add_may_write_command(group: Group) -> None:
    """Add the question that each member raises."""
    command = group.add_parser("may-write", help="may we write to this member, and why")
    command.add_argument("club_id")
    command.add_argument("member_id")
    command.add_argument("--by", required=True, help="who asks")
    command.add_argument("--class", dest="message_class", choices=("marketing", "service", "critical"))
    command.add_argument("--channel", choices=("sms", "email"))
    command.add_argument("--purpose", choices=("news", "purchases"), help="what advertising is chosen by")
    command.add_argument("--language", choices=LANGUAGES, help="the club's own, if not given")
    command.add_argument("--json", action="store_true", dest="as_json", help="for programs, in all languages")
    command.set_defaults(
        command=lambda options: may_write(
            asking(),
            {name: getattr(options, name) for name in _ASKED_BY},
            options.language,
            as_json=options.as_json,
        )
    )


def may_write(ask: Ask, asked: dict[str, Any], language: str | None, *, as_json: bool) -> int:
    """Print whether a member may be written to: a line a kind of message, and below it what led to it."""
    told = ask("may_write", **asked)
    if as_json:
        print_json(told)
    else:
        sys.stdout.writelines(f"{line}\n" for line in _printed(told, language or told["language"]))
    return 0


def _printed(told: dict[str, Any], language: str) -> Iterator[str]:
    # On paper nobody else says whom it is about, and how things stood when.
    yield f"{told['member_id']}, {told['asked_at']}"
    for answer in told["answers"]:
        yield f"{answer['question'][language]}: {answer['line'][language]}"
        yield from (f"    {'✓' if step['holds'] else '✗'} {step['words'][language]}" for step in answer["steps"])
    yield from (line[language] for line in told["ladder"])
