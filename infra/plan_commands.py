"""What operators type about plans, templates and the year, each a task of the operator Lambda."""

from __future__ import annotations

import argparse
from pathlib import Path

from infra.campaign_commands import Group, NewTask


def add_template_commands(group: Group, new_task: NewTask) -> None:
    """Add `campaign templates|template|year`: what a campaign may begin with."""
    listed = new_task(
        group, "templates", "list_templates", "list the club's templates: words, parts, price, what to fill in"
    )
    listed.add_argument("club_id")
    one = new_task(group, "template", "show_template", "print a template as the file that `campaign draft` takes")
    one.add_argument("club_id")
    one.add_argument("template", help="such as leftovers")
    year = new_task(group, "year", "show_year", "list what the club could send when in a year, occasion by occasion")
    year.add_argument("club_id")
    year.add_argument("year", type=int)


def add_plan_commands(group: Group, new_task: NewTask) -> None:
    """Add the commands about plans, which a club's owner approves."""
    propose = new_task(group, "propose", "propose_plan", "propose a plan from a file; nobody is written to")
    propose.add_argument("club_id")
    propose.add_argument(
        "plan_file", type=Path, metavar="FILE", help="JSON: name, messages, bonus, coupon_ids, opening"
    )
    _whom(propose)
    friday = new_task(
        group, "black-friday", "propose_black_friday", "propose Black Friday: three messages, more bonus"
    )
    friday.add_argument("club_id")
    friday.add_argument(
        "black_friday_file",
        type=Path,
        metavar="FILE",
        help="JSON: year, opens, closes, offer, bonus_from, bonus_until, factor, coupon_ids, answers",
    )
    _whom(friday)
    _by(
        _of_plan(
            group, new_task, "preview", "preview_plan", "count what it comes to; answers the seal that is approved"
        )
    )
    approve = _of_plan(
        group, new_task, "approve", "approve_plan", "write down that the owner approved it: all of it is scheduled"
    )
    approve.add_argument("seal", help="the preview's")
    approve.add_argument("--approved-by", required=True, help="the owner who said so")
    _by(approve)
    _by(_of_plan(group, new_task, "cancel", "cancel_plan", "end it: whatever isn't sent never is"))
    _of_plan(group, new_task, "show", "show_plan", "show a plan, its messages, and what the owner said to it")
    listed = new_task(group, "list", "list_plans", "list a club's plans")
    listed.add_argument("club_id")


def _of_plan(group: Group, new_task: NewTask, name: str, task: str, does: str) -> argparse.ArgumentParser:
    command = new_task(group, name, task, does)
    command.add_argument("club_id")
    command.add_argument("plan_id")
    return command


def _whom(propose: argparse.ArgumentParser) -> None:
    propose.add_argument(
        "--channels", type=lambda typed: typed.split(","), metavar="sms,email", help="sms, unless said"
    )
    whom = propose.add_mutually_exclusive_group()
    whom.add_argument("--segment", help="a saved segment; everybody, if not given")
    whom.add_argument("--criteria", type=Path, dest="criteria_file", metavar="FILE", help="criteria of its own")
    _by(propose)


def _by(command: argparse.ArgumentParser) -> None:
    command.add_argument("--by", required=True, help="who does it")
