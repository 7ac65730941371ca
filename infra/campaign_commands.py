"""What operators type about campaigns: `stamkunde campaign|ceiling …`, each a task of the operator Lambda."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

type Group = argparse._SubParsersAction[argparse.ArgumentParser]
type NewTask = Callable[[Group, str, str, str], argparse.ArgumentParser]

_ACTS = (
    ("copy", "copy_campaign", "draft anew what another campaign said"),
    ("preview", "preview_campaign", "count who would get it, at what price, who wouldn't and why; answers a seal"),
    ("take-back", "take_back_campaign", "make a scheduled one a draft again"),
    ("pause", "pause_campaign", "stop it before the workers' next messages"),
    ("resume", "resume_campaign", "let it go on where it was stopped"),
    ("cancel", "cancel_campaign", "end it: whatever isn't sent never is"),
)


def add_campaign_commands(group: Group, new_task: NewTask) -> None:
    """Add the commands about campaigns; `new_task` makes a command of a task."""
    draft = new_task(group, "draft", "draft_campaign", "draft a campaign from a file; nobody is written to")
    draft.add_argument("club_id")
    _file(draft, "JSON: name, texts, channels, segment or criteria, answers …; `template` prints one to begin with")
    _by(draft)
    edit = _of_campaign(group, new_task, "edit", "edit_campaign", "draft it anew, as long as it is a draft")
    _file(edit, "as for draft")
    _by(edit)
    for name, task, does in _ACTS:
        _by(_of_campaign(group, new_task, name, task, does))
    test = _of_campaign(group, new_task, "test", "try_campaign", "have it sent to yourself only, to read it there")
    test.add_argument("--phone", help="for its text message")
    test.add_argument("--email", help="for its e-mail, if it goes by e-mail")
    test.add_argument("--first-name", help="whose name stands in it")
    test.add_argument("--language", choices=("da", "nb", "en"))
    test.add_argument("--wait", dest="wait_seconds", type=int, metavar="SECONDS", help="for what becomes of it")
    _by(test)
    schedule = _of_campaign(
        group, new_task, "schedule", "schedule_campaign", "have it sent at a time, as it was seen"
    )
    schedule.add_argument("seal", help="the preview's")
    schedule.add_argument("at", help="on the shop's wall, such as 2026-11-26T16:00")
    schedule.add_argument("--ends", help="from then on it is worth nothing")
    schedule.add_argument("--lateness-minutes", type=int, help="how late it may begin; two hours, if not given")
    _by(schedule)
    send = _of_campaign(group, new_task, "send", "schedule_campaign", "have it sent in a minute, as it was seen")
    send.add_argument("seal", help="the preview's")
    send.add_argument("--ends", help="from then on it is worth nothing")
    _by(send)
    listed = new_task(group, "list", "list_campaigns", "list a club's campaigns")
    listed.add_argument("club_id")
    _of_campaign(group, new_task, "show", "show_campaign", "show it, and what its messages have come to")
    why = _of_campaign(group, new_task, "why", "explain_campaign", "tell why a member got it, or didn't")
    why.add_argument("member_id")
    _by(why)


def add_ceiling_commands(group: Group, new_task: NewTask) -> None:
    """Add the commands about what campaigns may cost, and when they may arrive."""
    show = new_task(group, "show", "show_ceiling", "show what campaigns may cost in a month, and have cost")
    show.add_argument("club_id")
    limit = new_task(group, "set", "set_ceiling", "write down what the owner lets them cost in a month")
    limit.add_argument("club_id")
    limit.add_argument("limit", type=int, nargs="?", help="minor units, such as 50000; no limit, if not given")
    _approved_by(limit)
    _by(limit)
    hours = new_task(group, "hours", "show_sending_hours", "show when campaigns may arrive")
    hours.add_argument("club_id")
    choose = new_task(group, "set-hours", "set_sending_hours", "choose when campaigns may arrive, within 6 and 22")
    choose.add_argument("club_id")
    for days in ("workdays", "sundays_and_holidays"):
        choose.add_argument(days, type=_window, metavar="HH:MM-HH:MM")
    _by(choose)


def _of_campaign(group: Group, new_task: NewTask, name: str, task: str, does: str) -> argparse.ArgumentParser:
    command = new_task(group, name, task, does)
    command.add_argument("club_id")
    command.add_argument("campaign_id")
    return command


def _by(command: argparse.ArgumentParser) -> None:
    command.add_argument("--by", required=True, help="who does it")


def _approved_by(command: argparse.ArgumentParser) -> None:
    command.add_argument("--approved-by", required=True, help="the owner who said so")


def _file(command: argparse.ArgumentParser, what: str) -> None:
    command.add_argument("campaign_file", type=Path, metavar="FILE", help=what)


def _window(text: str) -> list[str]:
    return text.split("-")
