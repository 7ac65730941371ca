"""The campaign worker: works through one chunk of a campaign's lists, twenty places at a time.

Before each twenty it asks whether the campaign still is to be sent, whether the club's hours are open, and for a slot
that the gateway and the club have free; whoever would have to wait long gives the chunk back. A chunk that is done
releases the next one of its lane, so that a run never has more than its window in the queue (see `runs`).
"""

import contextlib
from collections.abc import Sequence
from copy import replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from stamkunde.campaigns.ceilings import Ceilings
from stamkunde.campaigns.chunk_store import (
    MOST_TRIES,
    NOBODY,
    Chunk,
    ChunkKey,
    ChunkStatus,
    ChunkStore,
    LeaseLost,
    chunk_key,
)
from stamkunde.campaigns.delivering import Delivered, Delivering
from stamkunde.campaigns.model.campaign import Campaign, CampaignState, CampaignStatus, PausedBy
from stamkunde.campaigns.model.pacing import Slot
from stamkunde.campaigns.model.tally import Handled, tally_of
from stamkunde.campaigns.model.timing import Rhythm, Step, decide_going_on
from stamkunde.campaigns.rates import Rates, TooFar
from stamkunde.campaigns.runs import Run, RunStore
from stamkunde.campaigns.writing import Draft, Writing
from stamkunde.shared.clock import Clock
from stamkunde.shared.errors import Refusal
from stamkunde.shared.faults import is_passing
from stamkunde.shared.patience import Patience
from stamkunde.shared.transaction import Busy

BATCH_SIZE = 20
"""So many messages at most go out after somebody has stopped a campaign, of each worker."""

BATCH_LASTS = timedelta(seconds=10)
"""No more is taken on at once than the rate allows in this time: what was read of somebody must still be true."""

CHECKED_FOR = timedelta(seconds=5)
"""Whoever waited longer for a slot asks everything anew."""

LONGEST_DELAY = timedelta(seconds=900)
"""What the queue can keep a wake-up back for."""

_FIRST_DELAY = timedelta(seconds=30)


class Ended(StrEnum):
    """Why a worker is through with a chunk."""

    DONE = "done"
    FAILED = "failed"
    """Nobody gets any further with it: it is given up, visibly."""
    STOPPED = "stopped"
    """The campaign isn't sent any more, for now or for good."""
    DELAYED = "delayed"
    """There was no slot, or the gateway took nothing: it is woken again."""
    NOT_MINE = "not_mine"
    """Somebody else has it, or it is over."""


class Life(Protocol):
    """What a worker asks of campaigns, and tells them. Each may be told again and changes nothing then."""

    def load(self, campaign_id: str) -> Campaign | None:
        """A campaign with its texts, as last confirmed."""
        ...

    def read_state(self, campaign_id: str) -> CampaignState | None:
        """What may have changed of it, as last confirmed."""
        ...

    def wait(self, campaign_id: str, until: datetime) -> None:
        """The club's hours are over; it goes on at the next opening."""
        ...

    def pause(self, campaign_id: str, by: PausedBy) -> None:
        """It can't go on before somebody has seen to it."""
        ...

    def expire(self, campaign_id: str) -> None:
        """What is left of it isn't worth sending any more."""
        ...

    def finish(self, campaign_id: str) -> None:
        """One of its runs is over; whether the campaign is, that is seen there."""
        ...


class WakeUps(Protocol):
    """The queue that starts the worker. A wake-up may be lost: the minute job sends another."""

    def wake(self, keys: Sequence[ChunkKey], delay: timedelta = timedelta()) -> int:
        """Wake workers for these chunks; how many of the wake-ups were lost."""
        ...


class ChunkSender(Struct, frozen=True):
    """Sends one club's chunks.

    Parameters
    ----------
    clock
        Real time: leases, slots, and when a message was sent.
    club_clock
        The club's: its hours, and what a campaign says of times.
    """

    life: Life
    chunks: ChunkStore
    runs: RunStore
    writing: Writing
    delivering: Delivering
    rates: Rates
    ceilings: Ceilings
    wake_ups: WakeUps
    rhythm: Rhythm
    clock: Clock
    club_clock: Clock
    patience: Patience

    def send(self, key: ChunkKey) -> Ended:
        """Work through a chunk as far as it goes.

        Raises
        ------
        Exception
            Whatever broke: the chunk is free again at once, and what was under way is known to be.
        """
        run, chunk = self.runs.load(key.run), self.chunks.load(key)
        if run is None or chunk is None:
            return Ended.NOT_MINE
        if chunk.status.is_over:
            # Its worker may have died before it was counted and the next one released.
            self.count(run, chunk)
            return Ended.NOT_MINE
        now = self.clock.now()
        if not chunk.may_be_woken(now, self.club_clock.now()):
            return Ended.NOT_MINE
        if chunk.tries >= MOST_TRIES:
            return self._give_up(run, chunk)
        leased = self.patience.until_done(lambda: self.chunks.lease(chunk, now))
        if leased is None:
            return Ended.NOT_MINE
        try:
            return _Work(self, run, leased).through()
        except LeaseLost:
            return Ended.NOT_MINE
        finally:
            self.delivering.carrier.release()

    def count(self, run: Run, chunk: Chunk) -> None:
        """Count a chunk that is over, once, and release the next one of its lane.

        Raises
        ------
        Refusal
            ``try_again``.
        """
        is_stopped = chunk.status is ChunkStatus.STOPPED
        move = self.runs.stop if is_stopped else self.runs.finish
        after = self.patience.until_done(lambda: move(run, chunk))
        following = chunk.key.number + len(run.lanes)
        if after.is_over:
            self.life.finish(run.key.campaign_id)
        elif not is_stopped and following in after.lanes and following < after.chunks:
            self.wake_ups.wake([chunk_key(run.key, following)])

    def stop(self, run: Run, chunk: Chunk) -> None:
        """Count what a chunk has sent whose campaign is over, unless a worker still has it.

        Raises
        ------
        Refusal
            ``try_again``.
        """
        if not chunk.status.is_over:
            if not chunk.is_free(self.clock.now()):
                return
            settled = self._settled(run, chunk)
            stopped = chunk.stopped(tally_of(settled.values()))
            try:
                self.patience.until_done(lambda: self.chunks.save(stopped, fence=chunk.fence))
            except LeaseLost:
                return
            chunk = stopped
        self.patience.until_done(lambda: self.runs.stop(run, chunk))

    def _give_up(self, run: Run, chunk: Chunk) -> Ended:
        failed = chunk.given_up(tally_of(self._settled(run, chunk).values()))
        try:
            self.patience.until_done(lambda: self.chunks.save(failed, fence=chunk.fence))
        except LeaseLost:
            return Ended.NOT_MINE
        self.count(run, failed)
        return Ended.FAILED

    def _settled(self, run: Run, chunk: Chunk) -> dict[int, Handled]:
        """What the worker may have sent that had a chunk last, of the places that it was at."""
        campaign = self.life.load(run.key.campaign_id)
        members = self.chunks.members(chunk.key)[chunk.at : chunk.at + BATCH_SIZE]
        if campaign is None or chunk.fence == 0:
            return {}
        places = list(enumerate(members, start=chunk.at))
        drafts = self.writing.drafts(campaign, chunk, run.number, places)
        return self.delivering.settle(campaign, chunk, drafts)


class _Work:
    """One worker's way through one chunk that it has leased."""

    def __init__(self, sender: ChunkSender, run: Run, chunk: Chunk) -> None:
        self._sender = sender
        self._run = run
        self._chunk = chunk
        self._campaign: Campaign | None = None
        self._members: Sequence[str] = ()

    def through(self) -> Ended:
        """As far as it goes."""
        try:
            self._members = self._sender.chunks.members(self._chunk.key)
            while not self._chunk.status.is_over:
                ended = self._next_batch()
                if ended is not None:
                    return ended
        except LeaseLost:
            raise
        except Exception as error:
            # Of what passes by itself a chunk is not to blame.
            passes = is_passing(error) or isinstance(error, (Busy, Refusal))
            with contextlib.suppress(LeaseLost):
                self._save(self._chunk.given_back(got_further=passes))
            raise
        self._sender.count(self._run, self._chunk)
        return Ended.DONE

    def _next_batch(self) -> Ended | None:
        """Send the next places; why to stop, if not all of them could be handled."""
        campaign = self._checked()
        if isinstance(campaign, Ended):
            return campaign
        batch = self._drafted(campaign, self._places())
        slot = self._slot(batch)
        if isinstance(slot, TooFar):
            return self._delay(slot.free_from - self._sender.clock.now(), got_further=True)
        if not self._sender.ceilings.put_aside(batch.price, batch.asked_at):
            self._sender.life.pause(self._run.key.campaign_id, PausedBy.CEILING)
            return self._stop()
        before = self._chunk
        try:
            if slot is not None and slot.begins - batch.at > CHECKED_FOR:
                self._sender.delivering.wait_until(slot.begins)
                campaign = self._checked()
                batch = batch if isinstance(campaign, Ended) else self._anew(campaign, batch)
            if not isinstance(campaign, Ended):
                self._note_under_way(batch)
        except Exception:
            # Nobody was called yet.
            self._give_back(batch)
            raise
        if isinstance(campaign, Ended):
            self._give_back(batch)
            return campaign
        return self._deliver(campaign, before, batch, slot)

    def _give_back(self, batch: "_Batch") -> None:
        self._sender.ceilings.give_back(batch.price, batch.asked_at)

    def _deliver(self, campaign: Campaign, before: Chunk, batch: "_Batch", slot: Slot | None) -> Ended | None:
        sender = self._sender
        done = sender.delivering.deliver(campaign, before, batch.drafts, slot, batch.at)
        sender.ceilings.give_back(batch.price - done.spent, batch.asked_at)
        if done.again:
            not_taken = {each.index for each in batch.drafts} - done.handled.keys()
            self._chunk = self._chunk.was_not_written_to(not_taken)
            return self._again(done)
        left_out = {index: each.left_out for index, each in done.handled.items() if each.left_out is not None}
        at = batch.drafts[-1].index + 1 if batch.drafts else self._chunk.size
        self._chunk = self._chunk.further(at, tally_of(done.handled.values()), left_out, sender.clock.now())
        if self._chunk.status.is_over:
            self._save(self._chunk)
        return None

    def _note_under_way(self, batch: "_Batch") -> None:
        """Write down who is written to now, with how far the chunk was before: one write for both."""
        sender = self._sender
        hashes = {each.index: each.address.address_hash for each in batch.drafts if each.letter and each.address}
        if not hashes:
            return
        self._save(self._chunk.writing_to(hashes, sender.clock.now()))

    def _places(self) -> list[tuple[int, str]]:
        """The next places; of a list that was cleared away, all that are left, for they are nobody's."""
        at = self._chunk.at
        if not self._members:
            return [(index, NOBODY) for index in range(at, self._chunk.size)]
        pace = self._sender.rates.pace(self._run.key.channel)
        return list(enumerate(self._members))[at : at + max(1, min(BATCH_SIZE, pace.parts_in(BATCH_LASTS)))]

    def _drafted(self, campaign: Campaign, places: Sequence[tuple[int, str]]) -> "_Batch":
        """What these places come to, and no more of them than the rate allows to be sent while it is true."""
        sender = self._sender
        at, asked_at = sender.clock.now(), sender.club_clock.now()
        drafts = sender.writing.drafts(campaign, self._chunk, self._run.number, places)
        most = max(1, sender.rates.pace(self._run.key.channel).parts_in(BATCH_LASTS))
        kept: list[Draft] = []
        parts = 0
        for draft in drafts:
            parts += draft.parts
            if kept and parts > most:
                break
            kept.append(draft)
        return _Batch(tuple(kept), at, asked_at, sum(each.price for each in kept))

    def _anew(self, campaign: Campaign, before: "_Batch") -> "_Batch":
        """The same places, by what is true by now; what was put aside stays as it was."""
        places = [(each.index, each.member_id) for each in before.drafts]
        at = self._sender.clock.now()
        drafts = self._sender.writing.drafts(campaign, self._chunk, self._run.number, places)
        return replace(before, drafts=tuple(drafts), at=at)

    def _slot(self, batch: "_Batch") -> Slot | TooFar | None:
        """When the batch may go; None if nothing of it is to be sent."""
        parts = sum(draft.parts for draft in batch.drafts)
        if not parts:
            return None
        key, sender = self._run.key, self._sender
        return sender.patience.until_done(
            lambda: sender.rates.reserve(key.channel, key.club_id, parts, sender.clock.now())
        )

    def _checked(self) -> Campaign | Ended:
        """The campaign as it is to be sent now, or why it isn't."""
        sender, campaign_id = self._sender, self._run.key.campaign_id
        state = sender.life.read_state(campaign_id)
        if state is None or state.status is not CampaignStatus.SENDING:
            return self._stop()
        now = sender.club_clock.now()
        later = max((each for each in (state.first_at, state.waits_until) if each and each > now), default=None)
        if later is not None:
            return self._stop(later)
        going_on = decide_going_on(now, sender.rhythm, state.ends_at)
        if going_on.step is Step.EXPIRE:
            sender.life.expire(campaign_id)
            return self._stop()
        if going_on.step is Step.WAIT and going_on.until is not None:
            sender.life.wait(campaign_id, going_on.until)
            return self._stop(going_on.until)
        if self._campaign is None or self._campaign.epoch != state.epoch:
            self._campaign = sender.life.load(campaign_id)
        return self._stop() if self._campaign is None else self._campaign

    def _again(self, done: Delivered) -> Ended:
        """Let others try what a gateway surely hasn't taken; what goes on like that, somebody has to see."""
        got_further = done.called > 0
        if not got_further and self._chunk.tries >= MOST_TRIES:
            self._sender.life.pause(self._run.key.campaign_id, PausedBy.FAULT)
            return self._stop()
        return self._delay(_FIRST_DELAY * 2 ** (self._chunk.tries - 1), got_further=got_further)

    def _delay(self, delay: timedelta, *, got_further: bool) -> Ended:
        sender, waits = self._sender, min(max(delay, timedelta()), LONGEST_DELAY)
        self._save(self._chunk.given_back(sender.club_clock.now() + waits, got_further=got_further))
        sender.wake_ups.wake([self._chunk.key], waits)
        return Ended.DELAYED

    def _stop(self, until: datetime | None = None) -> Ended:
        """Give the chunk back until the campaign goes on; whoever lets it go on wakes it."""
        self._save(self._chunk.given_back(until, got_further=True))
        return Ended.STOPPED

    def _save(self, chunk: Chunk) -> None:
        self._chunk = self._sender.patience.until_done(lambda: self._sender.chunks.save(chunk))


class _Batch(Struct, frozen=True):
    """Some places that are sent to together.

    Parameters
    ----------
    at
        When what was read of them was true.
    asked_at
        By the club's clock: whose month's ceiling they count against.
    price
        What was put aside for them.
    """

    drafts: tuple[Draft, ...]
    at: datetime
    asked_at: datetime
    price: int
