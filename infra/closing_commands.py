"""What operators type to close a club: `stamkunde club close|stay-open|closing|empty`."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from infra.asking import print_json

type Group = argparse._SubParsersAction[argparse.ArgumentParser]
type NewTask = Callable[[Group, str, str, str], argparse.ArgumentParser]

REGION_HELP = "on AWS in this region, with your own credentials; in the local stack, if not given"


def add_closing_commands(group: Group, new_task: NewTask) -> None:
    """Add the commands; `new_task` makes one of a task."""
    close = new_task(group, "close", "close_club", "announce a club's last day, at least 30 days ahead")
    close.add_argument("club_id")
    close.add_argument("--last-day", required=True, help="on which it still serves its members, such as 2027-01-31")
    close.add_argument("--by", required=True, help="who closes it")
    stay = new_task(group, "stay-open", "stay_open", "take back that a club closes")
    stay.add_argument("club_id")
    stay.add_argument("--by", required=True, help="who takes it back")
    show = new_task(group, "closing", "show_closing", "when a club closes, or the receipt of one that has")
    show.add_argument("club_id")
    empty = group.add_parser("empty", help="delete a club whose last day is over, with its keys and all its data")
    empty.add_argument("club_id")
    empty.add_argument("--slug", required=True, help="its name in addresses, to be sure which club is meant")
    empty.add_argument("--on-aws", metavar="REGION", help=REGION_HELP)
    empty.set_defaults(command=_empty)


def _empty(options: argparse.Namespace) -> int:
    # Imported late: the other commands need none of it.
    from infra.closing import end_club
    from infra.restore.place import place_of
    from operator_task.closing_tasks import receipt

    closed = end_club(place_of(options.on_aws), options.club_id, options.slug)
    print_json({"club_id": options.club_id} | receipt(closed))
    return 0
