"""What workers and the minute job do to a campaign.

Each may be told again, and by several at once: it changes nothing then.
"""

from collections.abc import Callable
from datetime import datetime

from msgspec import Struct

from stamkunde.campaigns.chunk_store import RunKey
from stamkunde.campaigns.model.campaign import (
    Campaign,
    CampaignState,
    CampaignStatus,
    Counts,
    PausedBy,
    expire,
    finish,
    is_late,
    is_past_end,
    pause,
    wait,
    wake,
)
from stamkunde.campaigns.model.tally import Tally
from stamkunde.campaigns.runs import RunStore
from stamkunde.campaigns.store import PAUSED_FOR, CampaignStore
from stamkunde.shared.channel import Channel
from stamkunde.shared.clock import Clock
from stamkunde.shared.errors import Refusal

type Change = Callable[[Campaign], Campaign | None]
"""What a campaign becomes; None if nothing is to change."""

_MOST_TRIES = 10


class CampaignLife(Struct, frozen=True):
    """One club's campaigns, as those see them who send.

    Parameters
    ----------
    clock
        The club's.
    """

    campaigns: CampaignStore
    runs: RunStore
    clock: Clock

    def load(self, campaign_id: str) -> Campaign | None:
        """A campaign with its texts, as last confirmed."""
        return self.campaigns.load(campaign_id)

    def read_state(self, campaign_id: str) -> CampaignState | None:
        """What may have changed of it, as last confirmed."""
        return self.campaigns.read_state(campaign_id)

    def wait(self, campaign_id: str, until: datetime) -> None:
        """Stand still until the club's hours open again.

        Raises
        ------
        Refusal
            ``try_again``.
        """
        self._change(campaign_id, lambda campaign: _waiting(campaign, until))

    def wake(self, campaign_id: str) -> None:
        """Go on after the opening that it waited for, or expire.

        Raises
        ------
        Refusal
            ``try_again``.
        """
        self._change(campaign_id, self._woken)

    def pause(self, campaign_id: str, by: PausedBy) -> None:
        """Stop it until somebody has seen to it.

        Raises
        ------
        Refusal
            ``try_again``.
        """
        self._change(campaign_id, lambda campaign: pause(campaign, by) if _is_sending(campaign) else None)

    def expire(self, campaign_id: str) -> None:
        """End it: what is left of it isn't worth sending any more.

        Raises
        ------
        Refusal
            ``try_again``.
        """
        now = self.clock.now()
        self._change(campaign_id, lambda campaign: expire(campaign, now) if _may_expire(campaign) else None)

    def finish(self, campaign_id: str) -> None:
        """End it if all of its runs are over.

        Raises
        ------
        Refusal
            ``try_again``.
        """
        self._change(campaign_id, self._finished)

    def end_if_late(self, campaign_id: str) -> bool:
        """End one that was missed, or that nobody resumed in time; whether it is over.

        Raises
        ------
        Refusal
            ``try_again``.
        """
        found = self._change(campaign_id, self._ended)
        return found is None or found.status.is_over

    def counts(self, campaign_id: str) -> Counts:
        """What its messages came to so far."""
        total = Tally()
        for channel in Channel:
            total += self.runs.tally_so_far(RunKey(self.campaigns.club_id, campaign_id, channel))
        return Counts(
            sent=total.sent,
            failed=total.failed,
            unknown=total.unknown,
            skipped=total.skipped,
            unsent=total.unsent,
            parts=total.parts,
            price=total.price,
            saved=total.saved,
        )

    def _finished(self, campaign: Campaign) -> Campaign | None:
        if not _is_sending(campaign) or campaign.begun_at is None:
            return None
        keys = [RunKey(self.campaigns.club_id, campaign.campaign_id, channel) for channel in campaign.channels]
        runs = [run for run in map(self.runs.load, keys) if run is not None]
        if not all(run.is_over for run in runs):
            return None
        return finish(campaign, self.counts(campaign.campaign_id), self.clock.now())

    def _woken(self, campaign: Campaign) -> Campaign | None:
        now = self.clock.now()
        waits = _is_sending(campaign) and campaign.waits_until is not None and now >= campaign.waits_until
        return wake(campaign, now) if waits else None

    def _ended(self, campaign: Campaign) -> Campaign | None:
        now = self.clock.now()
        match campaign.status:
            case CampaignStatus.SCHEDULED if is_late(campaign, now):
                return expire(campaign, now)
            case CampaignStatus.PAUSED if is_past_end(campaign, now) or _is_forgotten(campaign, now):
                return expire(campaign, now)
        return None

    def _change(self, campaign_id: str, change: Change) -> Campaign | None:
        """The campaign once it has changed, or as it is; None if there is none."""
        for _ in range(_MOST_TRIES):
            campaign = self.campaigns.load(campaign_id)
            after = change(campaign) if campaign is not None else None
            if campaign is None or after is None:
                return campaign
            try:
                return self.campaigns.save(campaign, after)
            except Refusal as refusal:
                if refusal.code != "campaign_changed":
                    raise
        raise Refusal("try_again", retry_after=1)


def _waiting(campaign: Campaign, until: datetime) -> Campaign | None:
    """The first worker that finds the window closed says so; the others find it said."""
    known = campaign.waits_until is not None and campaign.waits_until >= until
    return wait(campaign, until) if _is_sending(campaign) and not known else None


def _is_sending(campaign: Campaign) -> bool:
    return campaign.status is CampaignStatus.SENDING


def _may_expire(campaign: Campaign) -> bool:
    return not campaign.status.is_over and campaign.status is not CampaignStatus.DRAFT


def _is_forgotten(campaign: Campaign, now: datetime) -> bool:
    return campaign.first_at is not None and now >= campaign.first_at + PAUSED_FOR
