"""`make replay`: real receipts through the till API of the local stack."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from infra.local.home import Home, LocalRunError, Stack, read_port
from tests.local_stack import LocalStack
from tests.replay.replay import Replay


@contextmanager
def running_stack() -> Iterator[Stack]:
    """The stack of `make run` if it runs, else the same one for as long as it is needed."""
    home = Home.from_environment(os.environ)
    try:
        stack = Stack.load(home.path)
        httpx.get(f"{stack.api_url}/v1", timeout=5)
    except (LocalRunError, httpx.TransportError):
        print(f"starting the local stack in {home.path}")
        local = LocalStack(home.path, read_port(os.environ))
        try:
            yield local.start()
        finally:
            local.stop()
    else:
        yield stack


def main() -> int:
    """Replay, report, and tell by the exit code whether every balance was right."""
    parser = argparse.ArgumentParser(prog="make replay")
    parser.add_argument("--baskets", type=int, default=500)
    options = parser.parse_args()
    with running_stack() as stack:
        outcome = Replay(stack, options.baskets).run()
    print(outcome.report())
    return 1 if outcome.differences else 0


if __name__ == "__main__":
    sys.exit(main())
