"""What operators type about members who stay away: `stamkunde club keeping show|presets|simulate|set`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any

from infra.asking import Ask, asking, print_json
from stamkunde.clubs.member_policy import KEEPING_ASKS_REASON, TRADE_MONTHS
from stamkunde.messaging.preview import Sample
from stamkunde.messaging.rung_texts import RUNG_KINDS
from stamkunde.messaging.wording import worded
from stamkunde.shared.ladder import RungText, usual_ladder
from stamkunde.shared.money import Money

type Group = argparse._SubParsersAction[argparse.ArgumentParser]
type NewTask = Callable[[Group, str, str, str], argparse.ArgumentParser]

PRESET_SAMPLES = {
    "DK": ("da", Sample("Bager Holm og Sønner", "DK", Money(123_450, "DKK"), "", "", f"k.sample/{'x' * 16}")),
    "NO": ("nb", Sample("Sykkelhuset på Løkka", "NO", Money(123_450, "NOK"), "", "", f"k.sample/{'x' * 16}")),
}
"""What messages are tried out with before there is a club: a long name, and links as long as ours."""

TRADES = (*(trade.value for trade in TRADE_MONTHS), "own")


def add_keeping_commands(group: Group, new_task: NewTask) -> None:
    """Add what a club decides of members who stay away; `new_task` makes a command of a task."""
    keeping = group.add_parser("keeping", help="how long members are kept who stay away, and what they are told")
    actions = keeping.add_subparsers(required=True, metavar="ACTION")
    show = new_task(actions, "show", "show_keeping", "as it is today, and as terms come to hold")
    show.add_argument("club_id")
    presets = actions.add_parser("presets", help="what we suggest, by trade")
    presets.add_argument("--country", choices=tuple(PRESET_SAMPLES), default="DK", help="for words and prices (DK)")
    presets.set_defaults(command=lambda options: print_presets(options.country))
    _simulate_command(actions)
    setting = new_task(
        actions, "set", "set_keeping", "keep members as a forecast had it; shorter goes with the terms"
    )
    setting.add_argument("club_id")
    setting.add_argument("--forecast", required=True, metavar="SEAL", help="as `simulate` prints it")
    setting.add_argument("--reason", help="why they are kept for three years or longer, in writing")


def print_presets(country: str) -> int:
    """Print the times and the rungs that we suggest, which of them ask for a reason, and what each message costs."""
    # Imported late: the other commands don't need what the Lambda is made of.
    from operator_task.wording_tasks import price_list, shown_words

    language, sample = PRESET_SAMPLES[country]
    rungs = {
        text: [shown_words(worded(kind, language, sample)) for kind in kinds] for text, kinds in RUNG_KINDS.items()
    }
    trades = [
        {
            "trade": trade.value,
            "months": months,
            "rungs": [f"{rung.after_months}={rung.text}" for rung in usual_ladder(months).rungs],
            "asks_reason": months >= KEEPING_ASKS_REASON,
        }
        for trade, months in TRADE_MONTHS.items()
    ]
    print_json({"trades": trades, "messages": rungs, **price_list(country)})
    return 0


def simulate(ask: Ask, wish: dict[str, Any]) -> int:
    """Print what a way of keeping members would bring, once all of them were looked at; nothing is written."""
    shown = ask("simulate_keeping", **wish)
    while shown["following"]:
        sys.stderr.write(f"{shown['forecast']['people']} members\n")
        shown = ask("simulate_keeping", **wish, following=shown["following"])
    del shown["following"]
    print_json(shown)
    return 0


def _simulate_command(actions: Group) -> None:
    command = actions.add_parser("simulate", help="who would be told what, and deleted when; changes nothing")
    command.add_argument("club_id")
    command.add_argument("--trade", choices=TRADES, help="as it is, if not given")
    command.add_argument("--months", type=int, help="those of the trade, or as it is")
    command.add_argument(
        "--rung",
        dest="rungs",
        action="append",
        type=_rung,
        metavar="MONTHS=TEXT",
        help="such as 18=missed_you, 24=bonus, 35=last; may be given again, and the usual ones if never",
    )
    command.set_defaults(
        command=lambda options: simulate(
            asking(),
            {
                name: value
                for name in ("club_id", "trade", "months", "rungs")
                if (value := getattr(options, name)) is not None
            },
        )
    )


def _rung(typed: str) -> dict[str, Any]:
    months, _, text = typed.partition("=")
    return {"after_months": int(months), "text": RungText(text).value}
