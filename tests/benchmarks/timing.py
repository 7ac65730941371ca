"""Times our functions against bare handlers, always as a ratio within the same round.

Rounds are interleaved and shuffled, every start is a fresh process, and the figure is the median of the rounds'
ratios: what else the machine does then hits both sides alike.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from tests.benchmarks.scene import Scene
from tests.lambda_sandbox import Start

COLD_ROUNDS = 21
WARM_ROUNDS = 9
WARM_CALLS = 200
# The first calls fill caches and open connections.
SETTLING_CALLS = 30


@dataclass(frozen=True)
class Ratio:
    """A median of ratios with its quartiles, and the absolute medians behind it in milliseconds."""

    ratio: float
    quartiles: tuple[float, float]
    ours: float
    bare: float
    rounds: int


def cold_starts(scene: Scene, function: str, event: Callable[[], object]) -> Ratio:
    """Init and first call of one of our functions, against a bare handler's."""
    bare, bare_event = ("bare_purchase", scene.bare_event) if function == "till_api" else ("bare_query", dict)
    return _compare(
        lambda: scene.ours(function, [event()]).cold_wall,
        lambda: scene.bare(bare, [bare_event()]).cold_wall,
        COLD_ROUNDS,
    )


def warm_purchases(scene: Scene) -> Ratio:
    """Processor time of a purchase, against a bare handler's with the same calls."""
    calls = SETTLING_CALLS + WARM_CALLS
    return _compare(
        lambda: _processor(scene.ours("till_api", [scene.purchase_event() for _ in range(calls)])),
        lambda: _processor(scene.bare("bare_purchase", [scene.bare_event() for _ in range(calls)])),
        WARM_ROUNDS,
    )


def _processor(start: Start) -> float:
    refused = [call.answer for call in start.calls if call.answer["statusCode"] != HTTPStatus.CREATED]
    assert not refused, refused[0]
    return statistics.mean(call.processor for call in start.calls[SETTLING_CALLS:])


def _compare(ours: Callable[[], float], bare: Callable[[], float], rounds: int) -> Ratio:
    contestants: Mapping[str, Callable[[], float]] = {"ours": ours, "bare": bare}
    # A round before the first warms the disk cache for both.
    measured = [_round(contestants) for _ in range(rounds + 1)][1:]
    return summarize([(times["ours"], times["bare"]) for times in measured])


def _round(contestants: Mapping[str, Callable[[], float]]) -> dict[str, float]:
    order = random.sample(list(contestants), len(contestants))
    return {name: contestants[name]() for name in order}


def summarize(pairs: Sequence[tuple[float, float]]) -> Ratio:
    """The median of the pairs' ratios."""
    low, middle, high = statistics.quantiles((ours / bare for ours, bare in pairs), n=4)
    return Ratio(
        ratio=middle,
        quartiles=(low, high),
        ours=statistics.median(ours for ours, _ in pairs) * 1000,
        bare=statistics.median(bare for _, bare in pairs) * 1000,
        rounds=len(pairs),
    )
