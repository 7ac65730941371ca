"""What operators type: `stamkunde club|outlet|till|programme|…`, each a task of the operator Lambda."""

from __future__ import annotations

import argparse
import base64
import json
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from infra.asking import run_task
from infra.campaign_commands import add_campaign_commands, add_ceiling_commands
from infra.closing_commands import add_closing_commands
from infra.coupon_commands import add_coupon_commands
from infra.data_commands import add_club_data_commands, add_import_command
from infra.erasure_commands import add_erasure_commands
from infra.keeping_commands import TRADES, add_keeping_commands
from infra.local.home import Home, LocalRunError, Stack
from infra.local.loopback import client
from infra.member_commands import add_member_commands
from infra.member_data_commands import add_member_data_commands
from infra.message_commands import add_wording_commands
from infra.permission_commands import add_club_permission_commands, add_may_write_command
from infra.plan_commands import add_plan_commands, add_template_commands
from infra.segment_commands import add_segment_commands
from infra.terms_commands import add_terms_commands

_TERMS_DIFFER = (
    "The terms no longer say what the club does ({points}): publish them anew, "
    "with what `stamkunde terms form {club}` prints.\n"
)
_JSON_FILES = {
    "file": "coupon",
    "programme_file": "programme",
    "questions_file": "questions",
    "form_file": "form",
    "criteria_file": "criteria",
    "campaign_file": "campaign",
    "plan_file": "plan",
    "black_friday_file": "black_friday",
}
"""Options that name a file of JSON, and the field of the task that it fills."""

_WALL_TIME_HELP = "such as 2026-11-27T18:00, on the clock in the shop"


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the operators' commands to the command line."""
    clubs = _group(subparsers, "club", "create a club, open its pages, list them, show one, account for its data")
    _club_commands(clubs)
    add_club_data_commands(clubs, _task)
    add_club_permission_commands(clubs, _task)
    add_keeping_commands(clubs, _task)
    add_closing_commands(clubs, _task)
    _outlet_commands(_group(subparsers, "outlet", "create a place of sale, show its days"))
    _till_commands(_group(subparsers, "till", "give tills keys, and take them away"))
    _programme_commands(_group(subparsers, "programme", "show the bonus programme, publish a new version"))
    members = _group(subparsers, "member", "correct, give, share an account, merge, bring along from a file")
    add_member_commands(members, _task)
    add_may_write_command(members)
    add_member_data_commands(members, _task)
    add_import_command(members)
    add_erasure_commands(_group(subparsers, "erasure", "what is being erased, and was; try again"), _task)
    add_coupon_commands(_group(subparsers, "coupon", "publish coupons, make codes, give vouchers"), _task)
    campaigns = _group(subparsers, "campaign", "draft campaigns, see what they cost, send them")
    add_campaign_commands(campaigns, _task)
    add_template_commands(campaigns, _task)
    add_plan_commands(_group(subparsers, "plan", "propose plans, which a club's owner approves"), _task)
    add_ceiling_commands(_group(subparsers, "ceiling", "what campaigns may cost, and when they may arrive"), _task)
    add_segment_commands(_group(subparsers, "segment", "save rules that choose members, and count them"), _task)
    add_terms_commands(_group(subparsers, "terms", "publish terms, compare versions, attach signed forms"), _task)
    messages = _group(subparsers, "message", "what is sent by itself, in which words; try out the sending")
    _message_commands(messages)
    add_wording_commands(messages, _task)


type _Group = argparse._SubParsersAction[argparse.ArgumentParser]


def _group(subparsers: _Group, name: str, words: str) -> _Group:
    return subparsers.add_parser(name, help=words).add_subparsers(required=True, metavar="ACTION")


def _club_commands(group: _Group) -> None:
    create = _task(group, "create", "create_club", "create a club with its first programme and terms")
    create.add_argument("slug")
    create.add_argument("name")
    create.add_argument("--country", choices=("DK", "NO"), required=True)
    create.add_argument("--contact", required=True, help="whom members ask: an e-mail address or a phone number")
    create.add_argument("--rate", type=int, help="bonus in basis points: 300 is 3 %% (the default)")
    create.add_argument("--expiry-months", type=int, help="bonus lives to the end of the month so many later (36)")
    create.add_argument("--unit", choices=("money", "points"), help="what bonus is counted in, for ever (money)")
    create.add_argument("--point-value", type=int, help="what a point pays for, in øre (1)")
    create.add_argument("--terms", type=Path, dest="terms_file", help="a file with the terms (default: our own text)")
    create.add_argument(
        "--trade", choices=TRADES, help="by it, how long members are kept (see `club keeping presets`)"
    )
    create.add_argument("--keeping-months", type=int, help="for a trade of one's own")
    create.add_argument("--keeping-reason", help="why that is three years or longer, in writing")
    page = _task(group, "page", "publish_join_page", "open a club's public pages, or change what they say")
    page.add_argument("club_id")
    page.add_argument("--company", required=True, help="the firm that is responsible for the members' data")
    page.add_argument("--registration-number", required=True, help="its CVR number (8 digits) or org.nr. (9 digits)")
    page.add_argument("--contact", required=True, help="where members may write, such as an e-mail address")
    page.add_argument("--goods", required=True, help='what advertising is about, such as "brød, kager og kaffe"')
    page.add_argument("--accent", required=True, help="the club's colour, such as #8a4b1f")
    new_key = _task(group, "new-signing-key", "new_signing_key", "sign codes and pages with a new key")
    new_key.add_argument("club_id")
    _task(group, "list", "list_clubs", "list all clubs")
    rebuild = _task(group, "rebuild-days", "rebuild_day_totals", "count the last days again from the ledger")
    rebuild.add_argument("club_id")
    rebuild.add_argument("--days", type=int, required=True)
    show = _task(group, "show", "show_club", "show a club with its outlets and tills")
    show.add_argument("slug")


def _outlet_commands(group: _Group) -> None:
    create = _task(group, "create", "create_outlet", "create a place of sale")
    create.add_argument("club_id")
    create.add_argument("outlet_id", help="a short name such as banegaarden")
    create.add_argument("name")
    totals = _task(group, "days", "show_day_totals", "show what members bought, day by day")
    totals.add_argument("club_id")
    totals.add_argument("outlet_id")
    totals.add_argument("year", type=int)


def _till_commands(group: _Group) -> None:
    create = _task(group, "create", "create_till", "create a till; its key is shown once")
    create.add_argument("club_id")
    create.add_argument("outlet_id")
    create.add_argument("till_id", help="a short name such as kasse-1")
    create.add_argument("name")
    create.add_argument(
        "--receipt-numbers", choices=("never", "yearly", "daily"), required=True, help="when they restart"
    )
    for action, task, words in (
        ("new-key", "replace_till_key", "give a till a new key; the old one stops working"),
        ("revoke", "revoke_till", "refuse a till's key from now on"),
        ("open-late", "open_till_for_late_receipts", "take old receipts for some hours"),
    ):
        command = _task(group, action, task, words)
        command.add_argument("club_id")
        command.add_argument("till_id")
        if action == "open-late":
            command.add_argument("--hours", type=int, required=True, help="0 closes it again")


def _programme_commands(group: _Group) -> None:
    publish = _task(group, "publish", "publish_programme", "publish a new version: a whole one, or another rate")
    publish.add_argument("club_id")
    publish.add_argument("--file", type=Path, dest="programme_file", help="the whole programme, as `show` prints it")
    publish.add_argument("--rate", type=int, help="basis points: 600 is 6 %%; as it is, if not given")
    publish.add_argument("--expiry-months", type=int, help="as it is, if not given")
    publish.add_argument("--from", dest="valid_from", type=_wall_time, required=True, help=_WALL_TIME_HELP)
    show = _task(group, "show", "show_programme", "print the newest version: edit that, and publish it with --file")
    show.add_argument("club_id")
    double = _task(group, "double", "double_bonus", "give double bonus for an evening")
    double.add_argument("club_id")
    double.add_argument("--from", dest="starts_at", type=_wall_time, required=True, help=_WALL_TIME_HELP)
    double.add_argument("--until", dest="ends_at", type=_wall_time, required=True, help="not included")
    double.add_argument("--factor", type=int, help="basis points: 20000 doubles (the default), 30000 triples")
    double.add_argument("--outlet", dest="outlets", action="append", help="there only; may be given again")


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except ValueError as error:
        raise LocalRunError(f"{path} is not JSON: {error}") from error


def _wall_time(typed: str) -> str:
    return datetime.fromisoformat(typed).isoformat()


def _message_commands(group: _Group) -> None:
    test = _task(group, "test", "send_test_message", "send a text message in the club's name, to see that it arrives")
    test.add_argument("club_id")
    test.add_argument("phone", help="a number that you may write to, in a country where the club takes members")
    test.add_argument(
        "--wait", type=int, dest="wait_seconds", default=10, help="seconds to wait for the outcome (10)"
    )


def _task(group: _Group, action: str, task: str, words: str) -> argparse.ArgumentParser:
    parser = group.add_parser(action, help=words)
    parser.set_defaults(command=_carry_out, task=task)
    return parser


def _carry_out(options: argparse.Namespace) -> int:
    given = {name: value for name, value in vars(options).items() if name != "command" and value is not None}
    terms_file: Path | None = given.pop("terms_file", None)
    if terms_file:
        given["terms_text"] = terms_file.read_text()
    for option, field in _JSON_FILES.items():
        file: Path | None = given.pop(option, None)
        if file:
            given[field] = _read_json(file)
    photo_file: Path | None = given.pop("photo_file", None)
    if photo_file:
        given["photo"] = base64.b64encode(photo_file.read_bytes()).decode()
    stack = Stack.load(Home.from_environment(os.environ).path)
    shown = run_task(client("lambda", stack.aws_endpoint), stack.functions["operator_task"], given)
    print(json.dumps(shown, indent=2, ensure_ascii=False))
    if shown.get("terms_differ"):
        sys.stderr.write(_TERMS_DIFFER.format(points=", ".join(shown["terms_differ"]), club=given["club_id"]))
    return 1 if shown.get("code") else 0
