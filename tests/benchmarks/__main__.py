"""``make bench``: measures what is budgeted, and writes docs/performance.md. Never part of the tests."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from functools import partial

from stamkunde.web.assets import asset_address
from tests.benchmarks import cost, local_engine, report, timing
from tests.benchmarks.report import Figure, ratio_detail
from tests.benchmarks.scene import Scene, page_event, scene

COLD_CAUSE = (
    "importing botocore and powertools is most of both sides; ours adds its rules, log and metrics, and saves "
    "boto3, the documentation and the search for services"
)
WARM_CAUSE = (
    "botocore up to the wire is four fifths of both sides and the same on both; ours adds the till's key, a strict "
    "body, the rules, one log line and one metric line, and saves validation and a user agent per call"
)
ENGINE_CAUSE = "see the processor time above: the engine's own work is the same on both sides"


def main() -> int:
    _tell("setting the scene: the local engine with one club")
    with scene() as stage:
        figures = list(_figures(stage))
        remarks = _remarks(stage)
    page = report.write(figures, remarks)
    _tell(f"written to {page}")
    return 0


def _figures(stage: Scene) -> Iterator[Figure]:
    _tell(f"cold start of till_api, {timing.COLD_ROUNDS} rounds")
    cold = timing.cold_starts(stage, "till_api", stage.purchase_event)
    yield Figure(
        "cold start of till_api, init + first purchase (ratio)",
        1.0,
        cold.ratio,
        ratio_detail(cold),
        COLD_CAUSE,
    )

    for function, event in _first_events(stage).items():
        _tell(f"cold start of {function}")
        other = timing.cold_starts(stage, function, partial(_same, event))
        name = f"cold start of {function}, init + first event (ratio)"
        yield Figure(name, 1.5, other.ratio, ratio_detail(other), COLD_CAUSE)

    _tell(f"warm purchases, {timing.WARM_ROUNDS} rounds of {timing.WARM_CALLS}")
    warm = timing.warm_purchases(stage)
    yield Figure("processor time of a warm purchase (ratio)", 1.0, warm.ratio, ratio_detail(warm), WARM_CAUSE)

    _tell(f"purchases through the local engine, {local_engine.PURCHASES} in turns")
    engine = local_engine.purchases_through_the_engine(stage)
    yield Figure(
        "purchase through the local engine, p50 (ratio)",
        3.0,
        engine.ratio,
        ratio_detail(engine),
        ENGINE_CAUSE,
    )

    _tell("cost of a purchase")
    purchase = cost.purchase_cost(stage, warm)
    parts = ", ".join(f"{name} {price:.5f}" for name, price in purchase.parts.items())
    detail = f"{parts}; {purchase.log_bytes:.0f} bytes of log each"
    yield Figure("request cost of 1,000 purchases (US dollars)", 0.007, purchase.total, detail, "see its parts", 5)
    metered = f"metered over {cost.PURCHASES} purchases"
    yield Figure("write units of a purchase", 6, purchase.written, metered, "an item has outgrown a kilobyte", 1)
    yield Figure("read units of a purchase", 2, purchase.read, metered, "a read has been added", 1)


def _same(event: object) -> object:
    return event


def _first_events(stage: Scene) -> dict[str, object]:
    """What wakes the functions that are not for tills."""
    written = {"eventName": "INSERT", "dynamodb": {"NewImage": stage.items["entry"]}}
    return {
        "join_page": page_event("/bench/join"),
        "member_page": page_event("/m/bench"),
        "asset_page": page_event(asset_address("stamkunde.css")),
        "operator_task": {"task": "show_club", "slug": "bench"},
        "ledger_stream": {"Records": [written]},
        "day_totals_job": {},
        "message_worker": {"Records": []},
        "outbox_job": {},
    }


def _remarks(stage: Scene) -> list[str]:
    till_api = stage.ours("till_api", [])
    bare = stage.bare("bare_purchase", [])
    modules = (
        f"Modules loaded at a start, beyond the runtime's own: {len(till_api.modules)} by till_api (at most 370), "
        f"{len(bare.modules)} by the bare handler."
    )
    assumed = (
        f"time, for which the cost assumes {cost.SECONDS_PER_READ * 1000:.0f} ms a read and "
        f"{cost.SECONDS_PER_TRANSACTION * 1000:.0f} ms a transaction at the function's memory, at list prices of"
    )
    return [
        modules,
        "",
        "Not measured: anything on real Lambda; TLS (both sides talk plain http to the local engine); DynamoDB's own",
        assumed,
        "eu-north-1. The bare handlers do less: they have no rules, no checks and no answer worth reading.",
    ]


def _tell(text: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
