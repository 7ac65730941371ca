"""What the minute job does for campaigns that are being sent: whatever got lost on the way, it finds.

A wake-up that was lost, a worker that died with a chunk, a lane whose next chunk was never released, a campaign that
is over with chunks in flight, and messages of which nobody has said for half an hour what became of them.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from msgspec import Struct

from stamkunde.campaigns.chunk_store import RunKey
from stamkunde.campaigns.model.campaign import CampaignStatus, PausedBy
from stamkunde.campaigns.results import NO_REPORT, SILENT_FOR, Doubt, Doubts, Results
from stamkunde.campaigns.runs import Running
from stamkunde.campaigns.sending import ChunkSender
from stamkunde.messaging.model import DeliveryState
from stamkunde.shared.channel import Channel
from stamkunde.shared.clock import Clock


class Broken(Struct, frozen=True):
    """A run or a message that could not be tended, and why; it waits on."""

    campaign_id: str
    error: Exception


class Swept(Struct, frozen=True):
    """What the minute job has found.

    Parameters
    ----------
    running
        How many runs are under way.
    woken
        How many chunks waited for a worker.
    ended
        How many runs are over since.
    silent
        How many messages nobody has reported anything of, and nobody will.
    broken
        What could not be tended.
    faulty
        The campaigns that a fault has paused: nothing more of them is sent until somebody has seen to it.
    """

    running: int
    woken: int
    ended: int
    silent: int
    broken: tuple[Broken, ...]
    faulty: frozenset[str] = frozenset()


class _Tended(Struct, frozen=True):
    """What was found of one run."""

    woken: int = 0
    ended: bool = False
    faulty: bool = False


class Sweep(Struct, frozen=True):
    """Looks after the runs of all clubs.

    Parameters
    ----------
    sender_of
        What sends a club's chunks; None for a club that is gone.
    results_of
        What became of a club's messages.
    reports
        By channel, whether its gateway tells what became of each message: of one that doesn't, silence says nothing.
    """

    running: Running
    doubts: Doubts
    sender_of: Callable[[str], ChunkSender | None]
    results_of: Callable[[str], Results]
    reports: Mapping[Channel, bool]
    clock: Clock

    def tend(self) -> Swept:
        """Look at every run that isn't over, and at every message in doubt. One that breaks is in no other's way."""
        runs = list(self.running.all())
        woken = ended = silent = 0
        broken: list[Broken] = []
        faulty: set[str] = set()
        for key in runs:
            try:
                found = self._tend_run(key)
            except Exception as error:  # noqa: BLE001 - a run of one club must not hold up the others
                broken.append(Broken(key.campaign_id, error))
                continue
            ended += found.ended
            woken += found.woken
            if found.faulty:
                faulty.add(key.campaign_id)
        for doubt in self.doubts.older_than(self.clock.now() - SILENT_FOR):
            try:
                silent += self._settle(doubt)
            except Exception as error:  # noqa: BLE001 - a message of one club must not hold up the others
                broken.append(Broken(doubt.campaign_id, error))
        return Swept(len(runs), woken, ended, silent, tuple(broken), frozenset(faulty))

    def _tend_run(self, key: RunKey) -> _Tended:
        sender = self.sender_of(key.club_id)
        run = sender.runs.load(key) if sender else None
        state = sender.life.read_state(key.campaign_id) if sender else None
        if sender is None or run is None or state is None:
            self.running.forget(key)
            return _Tended(ended=True)
        if run.is_over:
            sender.life.finish(key.campaign_id)
            self.running.forget(key)
            return _Tended(ended=True)
        now, club_now = self.clock.now(), sender.club_clock.now()
        chunks = [chunk for each in run.in_flight() if (chunk := sender.chunks.load(each)) is not None]
        if state.status.is_over:
            for chunk in chunks:
                sender.stop(run, chunk)
            return _Tended()
        for chunk in chunks:
            if chunk.status.is_over:
                sender.count(run, chunk)
        if state.status is not CampaignStatus.SENDING or state.waits(club_now) or _is_early(state.first_at, club_now):
            return _Tended(faulty=state.paused_by is PausedBy.FAULT)
        free = [chunk.key for chunk in chunks if chunk.may_be_woken(now, club_now)]
        sender.wake_ups.wake(free)
        return _Tended(len(free))

    def _settle(self, doubt: Doubt) -> bool:
        """Whether a message is not to be expected any more."""
        if not self.reports[doubt.channel]:
            self.doubts.forget(doubt)
            return False
        results = self.results_of(doubt.club_id)
        found = results.load(doubt.member_id, doubt.campaign_id, doubt.channel)
        is_silent = found is not None and found.state is DeliveryState.UNKNOWN
        if is_silent:
            results.report(
                doubt.member_id,
                doubt.campaign_id,
                doubt.channel,
                DeliveryState.NOT_ACCEPTED,
                self.clock.now(),
                NO_REPORT,
            )
        self.doubts.forget(doubt)
        return is_silent


def _is_early(first_at: datetime | None, now: datetime) -> bool:
    return first_at is not None and now < first_at
