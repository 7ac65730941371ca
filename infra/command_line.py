"""The `stamkunde` command: run and reset the local stack, and do an operator's work in it."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from botocore.exceptions import BotoCoreError

from infra import clock_commands, ledger_commands, operator_commands, restore_commands
from infra.local.home import LocalRunError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    options = parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except LocalRunError as error:
        return _give_up(str(error))
    except BrokenPipeError:
        # Whoever read along has seen enough, as `| head` has. What is left goes nowhere, or Python would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (OSError, UnicodeDecodeError) as error:
        return _give_up(f"A file can't be used: {error}.")
    except BotoCoreError as error:
        return _give_up(f"The local stack does not answer ({type(error).__name__}): is `make run` running?")


def _give_up(words: str) -> int:
    sys.stderr.write(f"{words}\n")
    return 1


def parser() -> argparse.ArgumentParser:
    """Everything that can be typed."""
    whole = argparse.ArgumentParser(prog="stamkunde", description="A customer club for small shops.")
    # Every command sets `command`: a function from the parsed options to an exit code.
    subparsers = whole.add_subparsers(required=True, metavar="COMMAND")
    run = subparsers.add_parser("run", help="start the local stack and stay in the foreground until Ctrl-C")
    run.set_defaults(command=_run)
    reset = subparsers.add_parser("reset", help="throw the local stack and all its rows away")
    reset.set_defaults(command=_reset)
    operator_commands.add_commands(subparsers)
    ledger_commands.add_commands(subparsers)
    clock_commands.add_commands(subparsers)
    restore_commands.add_commands(subparsers)
    return whole


def _run(_options: argparse.Namespace) -> int:
    # Imported late: the other commands need neither the engine nor the front door.
    from infra.local import runner

    return runner.run(os.environ)


def _reset(_options: argparse.Namespace) -> int:
    from infra.local import runner

    return runner.reset(os.environ)


if __name__ == "__main__":
    sys.exit(main())
