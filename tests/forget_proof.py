"""Three years of people who stay away: forecast, lived through on the engine; a few of them in deployed Lambdas."""

from __future__ import annotations

import os
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import get_context

import httpx

from infra.local.home import Stack
from stamkunde.clubs.member_policy import Keeping
from stamkunde.clubs.model import Trade
from stamkunde.retention.model.simulation import Fate, Forecast
from tests.engine_at_hand import engine_at_hand
from tests.forecast_scene import Happened, crowded_shop, foretell
from tests.forecast_stack import DeployedClub

NOW = datetime(2026, 11, 23, 7, tzinfo=UTC)
DOOR_SECONDS = 120


@dataclass
class Outcome:
    """A forecast, what then happened, and in how many seconds."""

    forecast: Forecast
    happened: Happened
    seconds: float = 0

    @property
    def holds(self) -> bool:
        """Whether everything happened that was forecast, and nothing else."""
        return bool(self.forecast.told) and not self.happened.differences(self.forecast)

    def report(self) -> list[str]:
        """What came of it, a line each."""
        notices = [f"{self._notices(fate):,} {fate.value}" for fate in Fate]
        return [
            f"{self.forecast.people:,} members on the ladder, {self.seconds:,.0f} s",
            f"forecast, in {len(self.forecast.told):,} counts by month and rung: {', '.join(notices)}",
            f"deleted: {self.happened.erased.total():,}; bonus forfeited: {self.happened.forfeited.total():,} øre",
            f"hours at which somebody was due: {self.happened.hours:,}",
            *(
                self.happened.differences(self.forecast)
                or ["no difference between what was forecast and what happened"]
            ),
        ]

    def __add__(self, other: Outcome) -> Outcome:
        mine, theirs = self.happened, other.happened
        happened = Happened(
            mine.told + theirs.told,
            mine.erased + theirs.erased,
            mine.forfeited + theirs.forfeited,
            mine.hours + theirs.hours,
            mine.visits + theirs.visits,
        )
        return Outcome(self.forecast + other.forecast, happened, max(self.seconds, other.seconds))

    def _notices(self, fate: Fate) -> int:
        return sum(count for told, count in self.forecast.told.items() if told.fate is fate)


def in_process(people: int) -> Outcome:
    """So many people, a part of them in a club on each core; each process has the engine's tables at hand."""
    cores = os.cpu_count() or 1
    shares = [(-(-people // cores), seed) for seed in range(cores)]
    with ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as pool:
        first, *others = pool.map(_club, shares)
    for each in others:
        first += each
    return first


def deployed(stack: Stack, people: int) -> Outcome:
    """So many people in a deployed club, whose clock is moved on until all are gone."""
    begun = time.monotonic()
    with httpx.Client(base_url=stack.api_url, timeout=DOOR_SECONDS) as door:
        club = DeployedClub.in_stack(stack, door, people)
        forecast = club.forecast()
        return Outcome(forecast, club.live(), time.monotonic() - begun)


def _club(share: tuple[int, int]) -> Outcome:
    people, seed = share
    begun = time.monotonic()
    shop, client = crowded_shop(engine_at_hand(), people, NOW, Keeping(Trade.TOURIST_CRAFTS), seed)
    foretold = foretell(shop, client, NOW)
    return Outcome(foretold.rehearsed.forecast, foretold.live(), time.monotonic() - begun)
