"""Every minute: begin the campaigns whose time has come, wake those that waited, and end those that are too late."""

from collections.abc import Callable, Iterable
from datetime import datetime

from msgspec import Struct

from stamkunde.campaigns.life import CampaignLife
from stamkunde.campaigns.model.campaign import Campaign, CampaignStatus
from stamkunde.campaigns.store import DueCampaign, DueCampaigns
from stamkunde.clubs.model import Club
from stamkunde.shared.clock import Clock

type Start = Callable[[str, str, int], None]
"""Starts the machine that begins a campaign: club, campaign, epoch."""


class BrokenCampaign(Struct, frozen=True):
    """A campaign in which something broke; the others had their turn."""

    club_id: str
    campaign_id: str
    error: Exception


class Looked(Struct, frozen=True):
    """What the minute job has found.

    Parameters
    ----------
    begun
        How many it told the machine to begin, those among them that are under way.
    woken
        How many go on that waited for an opening.
    ended
        How many it found over: missed, done, or paused for too long.
    """

    begun: int
    woken: int
    ended: int
    broken: tuple[BrokenCampaign, ...]


class DueRound(Struct, frozen=True):
    """Looks at the campaigns of all clubs that are due.

    Parameters
    ----------
    clocks_movable
        Whether clubs may have clocks of their own (local engine only): then all that stands is looked at.
    life_of
        What may be done to a club's campaigns.
    """

    due: DueCampaigns
    find_club: Callable[[str], Club | None]
    clock_of: Callable[[Club], Clock]
    life_of: Callable[[Club], CampaignLife]
    start: Start
    clock: Clock
    clocks_movable: bool

    def go(self) -> Looked:
        """Look once; one that breaks is in no other's way."""
        found: dict[str, int] = {"begun": 0, "woken": 0, "ended": 0}
        broken: list[BrokenCampaign] = []
        for each in self._standing():
            try:
                what = self._look(each)
            except Exception as error:  # noqa: BLE001 - a campaign of one club must not hold up the others
                broken.append(BrokenCampaign(each.club_id, each.campaign_id, error))
                continue
            if what is not None:
                found[what] += 1
        return Looked(**found, broken=tuple(broken))

    def _standing(self) -> Iterable[DueCampaign]:
        return self.due.standing(None if self.clocks_movable else self.clock.now())

    def _look(self, due: DueCampaign) -> str | None:
        club = self.find_club(due.club_id)
        if club is None:
            return None
        now = self.clock_of(club).now()
        if not due.is_due(now) or club.is_closed(now):
            return None
        life = self.life_of(club)
        campaign = life.load(due.campaign_id)
        if campaign is None:
            return None
        match campaign.status:
            case CampaignStatus.SCHEDULED:
                return self._begin(club, campaign, life)
            case CampaignStatus.SENDING:
                return _tend(campaign, life, now)
        return "ended" if life.end_if_late(campaign.campaign_id) else None

    def _begin(self, club: Club, campaign: Campaign, life: CampaignLife) -> str:
        if life.end_if_late(campaign.campaign_id):
            return "ended"
        self.start(club.club_id, campaign.campaign_id, campaign.epoch)
        return "begun"


def _tend(campaign: Campaign, life: CampaignLife, now: datetime) -> str | None:
    if campaign.waits_until is not None and now >= campaign.waits_until:
        life.wake(campaign.campaign_id)
        return "woken"
    life.finish(campaign.campaign_id)
    after = life.read_state(campaign.campaign_id)
    return "ended" if after is None or after.status.is_over else None
