"""What operators type about terms: `stamkunde terms …`, each a task of the operator Lambda."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import date
from pathlib import Path

type Group = argparse._SubParsersAction[argparse.ArgumentParser]
type NewTask = Callable[[Group, str, str, str], argparse.ArgumentParser]

LANGUAGES = ("da", "nb", "en")


def add_terms_commands(group: Group, new_task: NewTask) -> None:
    """Add the commands about terms; `new_task` makes a command of a task."""
    form = new_task(group, "form", "terms_form", "print the form to edit: as filled in last, or what we suggest")
    form.add_argument("club_id")
    form.add_argument("--language", dest="languages", action="append", choices=LANGUAGES, help="may be given again")
    _publish_command(group, new_task)
    show = new_task(group, "show", "show_terms", "show a version, and the code of its printed form")
    show.add_argument("club_id")
    show.add_argument("--version", type=int, help="the newest, if not given")
    show.add_argument("--language", choices=LANGUAGES, help="the club's own, if not given")
    diff = new_task(group, "diff", "compare_terms", "show what is new in a version, sentence by sentence")
    diff.add_argument("club_id")
    diff.add_argument("--older", type=int, help="the one before, if not given")
    diff.add_argument("--newer", type=int, help="the newest, if not given")
    diff.add_argument("--language", choices=LANGUAGES, help="the club's own, if not given")
    members = new_task(group, "members", "terms_members", "count the members who accepted each version last")
    members.add_argument("club_id")
    attach = new_task(group, "attach", "attach_signed_form", "attach the photo of a form that a member signed")
    attach.add_argument("club_id")
    attach.add_argument("member_id")
    attach.add_argument("form_code", help="as it is printed at the foot of the form")
    attach.add_argument("photo_file", type=Path, metavar="FILE", help="JPEG, PNG or PDF of at most 4 MB")
    attach.add_argument("--by", required=True, help="who does it")


def _publish_command(group: Group, new_task: NewTask) -> None:
    publish = new_task(group, "publish", "publish_terms", "publish a new version from a filled-in form")
    publish.add_argument("club_id")
    publish.add_argument("form_file", type=Path, metavar="FILE", help="as `form` prints it")
    publish.add_argument(
        "--from",
        dest="valid_from",
        type=_day,
        help="the day it holds from, such as 2027-01-01; the first that may be, if not given",
    )
    publish.add_argument(
        "--worse",
        action="store_true",
        default=None,
        help="say that it is worse in its words: members are asked again",
    )
    for name, words in (
        ("rate", "a new bonus rate along with it, in basis points: 250 is 2.5 %%"),
        ("expiry-months", "bonus lives so long from then on"),
    ):
        publish.add_argument(f"--{name}", type=int, help=words)
    publish.add_argument(
        "--forecast",
        metavar="SEAL",
        help="keep members as long as in what `club keeping simulate` printed",
    )
    publish.add_argument("--keeping-reason", help="why that is three years or longer, in writing")


def _day(typed: str) -> str:
    return date.fromisoformat(typed).isoformat()
