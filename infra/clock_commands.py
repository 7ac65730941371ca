"""`stamkunde clock advance`: what the months do to a club, in the local stack."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from infra.local.home import Home, Stack

if TYPE_CHECKING:
    from infra.local.clock import Stop


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands to the command line."""
    group = subparsers.add_parser("clock", help="let a local club's clock run ahead").add_subparsers(
        required=True, metavar="ACTION"
    )
    advance = group.add_parser("advance", help="go so far ahead, and let happen what would happen on the way")
    advance.add_argument("distance", help="such as 18mo, 14d, 3w or 6h")
    advance.add_argument("--club", required=True, help="its id, or its name in addresses")
    advance.set_defaults(command=_advance)


def _advance(options: argparse.Namespace) -> int:
    # Imported late: the other commands have no need of the engine.
    from infra.local.clock import MovedClub, read_distance

    stack = Stack.load(Home.from_environment(os.environ).path)
    distance = read_distance(options.distance)
    for stop in MovedClub(stack, options.club).advance(distance):
        sys.stdout.write(f"{stop.at:%Y-%m-%d %H:%M} UTC  {_words(stop)}\n")
        sys.stdout.flush()
    return 0


def _words(stop: Stop) -> str:
    """What the jobs did, without what they didn't do."""
    campaigns = {f"campaigns {name}": count for name, count in stop.campaigns.items()}
    did = {**stop.due, **campaigns}
    return ", ".join(f"{name} {count}" for name, count in did.items() if count and name != "clubs") or "nothing"
