"""Beginning a campaign: freeze whom it is for, make the lists, and see that it still costs what was seen.

Three steps of a state machine, each of which may die anywhere and be done again. What was decided about a member is
written once; lists are made of that alone, so the second time they are the same.
"""

import contextlib
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from copy import replace
from datetime import datetime
from enum import StrEnum
from functools import partial

from msgspec import Struct

from stamkunde.campaigns.audience import PAGES
from stamkunde.campaigns.audience_store import ROWS_A_PAGE, AudienceStore
from stamkunde.campaigns.ceilings import Ceilings
from stamkunde.campaigns.chunk_store import CHUNK_SIZE, ChunkKey, ChunkStore, RunKey, chunk_key
from stamkunde.campaigns.deciding import Scene
from stamkunde.campaigns.model.campaign import (
    Campaign,
    CampaignStatus,
    PausedBy,
    Pin,
    begin,
    expire,
    freeze,
    hold_back,
    is_late,
)
from stamkunde.campaigns.model.lists import Chunked, RunList, run_lists
from stamkunde.campaigns.model.preview import Decided, Reckoning
from stamkunde.campaigns.model.tally import Tally
from stamkunde.campaigns.runs import Run, RunStore, lanes_at
from stamkunde.campaigns.stop_links import StopNumbers
from stamkunde.campaigns.store import CampaignStore
from stamkunde.shared.channel import Channel
from stamkunde.shared.clock import Clock, iso_instant
from stamkunde.shared.patience import Patience
from stamkunde.shared.transaction import ConditionFailed, Put, Write

type IsOver = Callable[[], bool]
"""Whether an invocation's time is over: what is left is done by the next one."""


class Step(StrEnum):
    """What the state machine asks for."""

    FREEZE = "freeze"
    MAKE_LISTS = "make_lists"
    BEGIN = "begin"
    GIVE_UP = "give_up"


class Expanded(StrEnum):
    """What a step answers: done, the same again, or that there is nothing to begin any more."""

    DONE = "done"
    MORE = "more"
    NOT_NOW = "not_now"


class Stores(Struct, frozen=True):
    """Where a beginning campaign is read and written."""

    campaigns: CampaignStore
    audience: AudienceStore
    chunks: ChunkStore
    runs: RunStore
    numbers: StopNumbers
    ceilings: Ceilings


class Expanding(Struct, frozen=True):
    """Begins one club's campaigns.

    Parameters
    ----------
    clock
        Real time, by which lists live and open.
    club_clock
        The club's.
    rate
        How many parts a second are sent by a channel.
    wake
        Tells a worker of a chunk; what is lost is told again by the sweep.
    """

    scene: Scene
    stores: Stores
    clock: Clock
    club_clock: Clock
    patience: Patience
    rate: Callable[[Channel], float]
    wake: Callable[[ChunkKey], None]

    def do(self, step: Step, campaign_id: str, is_over: IsOver) -> Expanded:
        """One of the state machine's steps."""
        match step:
            case Step.FREEZE:
                return self.freeze(campaign_id, is_over)
            case Step.MAKE_LISTS:
                return self.make_lists(campaign_id, is_over)
            case Step.BEGIN:
                return self.begin(campaign_id)
            case Step.GIVE_UP:
                return self.give_up(campaign_id)

    def freeze(self, campaign_id: str, is_over: IsOver) -> Expanded:
        """Write what is decided about everybody, part by part of the club."""
        campaign = self._about_to_begin(campaign_id)
        if campaign is None:
            return Expanded.NOT_NOW
        now = self.club_clock.now()
        if is_late(campaign, now):
            self.stores.campaigns.save(campaign, expire(campaign, now))
            return Expanded.NOT_NOW
        campaign = self._frozen(campaign, now)
        deciding = self.scene.deciding(campaign, campaign.frozen_at or now)
        for page in range(PAGES):
            if self._is_frozen(campaign_id, page):
                continue
            if is_over():
                return Expanded.MORE
            self._freeze_page(campaign_id, page, list(deciding.of_page(page)))
        return Expanded.DONE

    def make_lists(self, campaign_id: str, is_over: IsOver) -> Expanded:
        """Write the lists that workers take, a hundred members each; those that are there stay as they are."""
        campaign = self._about_to_begin(campaign_id)
        if campaign is None:
            return Expanded.NOT_NOW
        opens = self._opens_later(campaign)
        for channel, listed in run_lists(self._decided(campaign_id)).items():
            run = RunKey(self.stores.campaigns.club_id, campaign_id, channel)
            lists = list(listed.chunks(CHUNK_SIZE))
            for number in range(self._lists_made(run, lists), len(lists)):
                if is_over():
                    return Expanded.MORE
                self._write_list(chunk_key(run, number), lists[number], opens)
        return Expanded.DONE

    def begin(self, campaign_id: str) -> Expanded:
        """Let the first lists go, if what they come to is what was seen; else it is paused, and says why."""
        campaign = self._about_to_begin(campaign_id)
        if campaign is None:
            return Expanded.NOT_NOW
        now = self.club_clock.now()
        decided = list(self._decided(campaign_id))
        reckoned = reckoned_of(decided)
        after = self._next(campaign, reckoned, now)
        runs = self._runs(campaign_id, run_lists(decided)) if after.status is CampaignStatus.SENDING else []
        writes: list[Write] = [write for run in runs for write in self.stores.runs.begin_writes(run)]
        self.stores.campaigns.save(campaign, after, writes)
        for run in runs:
            for chunk in run.in_flight():
                self.wake(chunk)
        return Expanded.DONE

    def give_up(self, campaign_id: str) -> Expanded:
        """Pause what couldn't be begun: a fault of ours, which somebody has to see."""
        campaign = self._about_to_begin(campaign_id)
        if campaign is None:
            return Expanded.NOT_NOW
        self.stores.campaigns.save(campaign, hold_back(campaign, PausedBy.FAULT))
        return Expanded.DONE

    def _about_to_begin(self, campaign_id: str) -> Campaign | None:
        campaign = self.stores.campaigns.load(campaign_id)
        return campaign if campaign is not None and campaign.status is CampaignStatus.SCHEDULED else None

    def _decided(self, campaign_id: str) -> Iterable[Decided]:
        return (each for row in self.stores.audience.rows(campaign_id) for each in row.decided)

    def _next(self, campaign: Campaign, reckoned: Reckoning, now: datetime) -> Campaign:
        frozen = reckoned.pin(campaign.text_version, now)
        after = begin(campaign, frozen, now)
        if after.status is CampaignStatus.SENDING and not self._is_affordable(frozen, now):
            return hold_back(campaign, PausedBy.CEILING, frozen)
        return after

    def _is_affordable(self, frozen: Pin, now: datetime) -> bool:
        """What goes only to those who don't click may come to nothing: the ceiling stops it while it is sent."""
        ceilings = self.stores.ceilings
        return ceilings.load().allows(frozen.price - frozen.later, ceilings.spent(now))

    def _runs(self, campaign_id: str, lists: Mapping[Channel, RunList]) -> list[Run]:
        return [self._run(RunKey(self.stores.campaigns.club_id, campaign_id, each), lists[each]) for each in lists]

    def _run(self, key: RunKey, listed: RunList) -> Run:
        now = self.clock.now()
        number = self.patience.until_done(lambda: self.stores.numbers.take(key, now))
        chunks = sum(1 for _ in listed.chunks(CHUNK_SIZE))
        lanes = tuple(range(lanes_at(self.rate(key.channel), chunks)))
        return Run(key, chunks, listed.members, number, lanes, now, Tally())

    def _opens_later(self, campaign: Campaign) -> datetime | None:
        """When those get their text message who haven't clicked, by the club's clock."""
        first = campaign.first_at
        if first is None or campaign.sms_after is None:
            return None
        return first + campaign.sms_after

    def _frozen(self, campaign: Campaign, now: datetime) -> Campaign:
        """From here on it is no draft again: what is written about its members is of these texts and criteria."""
        after = freeze(campaign, now)
        return campaign if after is campaign else self.stores.campaigns.save(campaign, after)

    def _is_frozen(self, campaign_id: str, page: int) -> bool:
        return len(self.stores.audience.frozen_rows(campaign_id, page)) == ROWS_A_PAGE

    def _freeze_page(self, campaign_id: str, page: int, decided: list[Decided]) -> None:
        now = self.clock.now()
        self.patience.until_done(lambda: self.stores.audience.freeze(campaign_id, page, decided, now))

    def _lists_made(self, run: RunKey, lists: list[Chunked]) -> int:
        """How many of a run's lists are there: they are written in order."""

        def is_missing(number: int) -> bool:
            return self.stores.chunks.load(chunk_key(run, number)) is None

        return bisect_left(range(len(lists)), True, key=is_missing)

    def _write_list(self, key: ChunkKey, chunk: Chunked, opens: datetime | None) -> None:
        now = self.clock.now()
        for intent in self.stores.chunks.writes(key, chunk.members, now):
            waits = chunk.later and opens is not None and intent.purpose == "chunk"
            put = (
                replace(intent, item=intent.item | {"not_before": iso_instant(opens)}) if waits and opens else intent
            )
            self.patience.until_done(partial(self._put_new, put))

    def _put_new(self, put: Put) -> None:
        with contextlib.suppress(ConditionFailed):
            self.stores.campaigns.put_alone(put)


def reckoned_of(decided: Iterable[Decided]) -> Reckoning:
    """What some decisions come to."""
    reckoning = Reckoning()
    for each in decided:
        reckoning.add(each)
    return reckoning
