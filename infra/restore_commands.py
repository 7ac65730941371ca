"""What operators type about copies: `stamkunde restore drill|tidy|replay`; see docs/runbook/restore.md."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from infra.asking import print_json
from infra.closing_commands import REGION_HELP


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands to the command line."""
    group = subparsers.add_parser("restore", help="bring back copies without bringing back who was deleted")
    actions = group.add_subparsers(required=True, metavar="ACTION")
    drilling = actions.add_parser("drill", help="show that it works; exit code 1 if it doesn't")
    drilling.add_argument("--phone", required=True, help="a number of your own, for somebody who is made and deleted")
    drilling.add_argument("--on-aws", metavar="REGION", help=REGION_HELP)
    drilling.set_defaults(command=_drill)
    tidying = actions.add_parser("tidy", help="take away what a drill has left that was killed")
    tidying.add_argument("--on-aws", metavar="REGION", help=REGION_HELP)
    tidying.set_defaults(command=_tidy)
    replaying = actions.add_parser(
        "replay", help="delete in copies who was deleted since, and send nothing from them"
    )
    replaying.add_argument("--tables", required=True, metavar="PREFIX", help="they are called PREFIX-clubs and so on")
    replaying.add_argument("--on-aws", metavar="REGION", help=REGION_HELP)
    replaying.set_defaults(command=_replay)


def _drill(options: argparse.Namespace) -> int:
    # Imported late: the other commands need none of it.
    from infra.restore.drill import drill
    from infra.restore.place import place_of

    drilled = drill(place_of(options.on_aws), options.phone)
    print_json({"passed": drilled.passed, "sums_agree": drilled.sums_agree} | asdict(drilled))
    return 0 if drilled.passed else 1


def _tidy(options: argparse.Namespace) -> int:
    from infra.closing import settle
    from infra.restore.copies import leftovers
    from infra.restore.drill import take_leftovers
    from infra.restore.place import place_of

    place = place_of(options.on_aws)
    tables, backups = leftovers(place.tables)
    take_leftovers(place, settle)
    print_json({"tables": tables, "backups": len(backups)})
    return 0


def _replay(options: argparse.Namespace) -> int:
    from infra.function_catalogue import TABLES
    from infra.restore.place import place_of
    from infra.restore.replay import replay

    standing = place_of(options.on_aws)
    copy = standing.with_tables({table: f"{options.tables}-{table}" for table in TABLES})
    print_json(asdict(replay(copy, standing)))
    return 0
