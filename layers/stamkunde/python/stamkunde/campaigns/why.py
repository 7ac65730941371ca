"""Why a member got a campaign, or didn't: what was decided as it began, what stood in the way, what was sent."""

from collections.abc import Mapping

from msgspec import Struct

from stamkunde.campaigns.audience import Audience
from stamkunde.campaigns.audience_store import AudienceStore
from stamkunde.campaigns.chunk_store import CHUNK_SIZE, ChunkKey, ChunkStore, RunKey, chunk_key
from stamkunde.campaigns.composer_texts import CATALOGUE
from stamkunde.campaigns.deciding import Scene
from stamkunde.campaigns.model.campaign import Campaign
from stamkunde.campaigns.model.left_out import LeftOut
from stamkunde.campaigns.model.lists import run_lists
from stamkunde.campaigns.model.preview import Share
from stamkunde.campaigns.results import Result, Results
from stamkunde.campaigns.store import CampaignStore
from stamkunde.shared.channel import Channel
from stamkunde.shared.clock import Clock, local_date


class Why(Struct, frozen=True):
    """What became of one member by one channel.

    Parameters
    ----------
    result
        What was sent, or may have been.
    left_out
        Why nothing is, or was.
    waits
        Whether it is their turn yet to come.
    """

    result: Result | None = None
    left_out: LeftOut | None = None
    waits: bool = False

    def line(self, language: str) -> str:
        """The answer, in one sentence."""
        if self.result is not None:
            return CATALOGUE.text(language, f"why.{self.result.state}")
        if self.left_out is not None:
            return CATALOGUE.text(language, f"why.{self.left_out}")
        return CATALOGUE.text(language, "why.waits" if self.waits else "why.never")


class WhySent(Struct, frozen=True):
    """Tells it of one club's campaigns; for 35 days, as long as their lists live, and what was sent for a year.

    Parameters
    ----------
    clock
        The club's.
    """

    scene: Scene
    campaigns: CampaignStore
    audience: AudienceStore
    chunks: ChunkStore
    results: Results
    clock: Clock

    def explain(self, campaign_id: str, member_id: str) -> Mapping[Channel, Why]:
        """What became of a member by each of a campaign's channels; nothing for a channel that doesn't look for them.

        Of a campaign that hasn't begun, what would become of them now.

        Raises
        ------
        Refusal
            ``unknown_campaign``.
        """
        campaign = self.campaigns.find(campaign_id)
        found = {channel: self._of(campaign, member_id, channel) for channel in campaign.channels}
        return {channel: why for channel, why in found.items() if why is not None}

    def _of(self, campaign: Campaign, member_id: str, channel: Channel) -> Why | None:
        result = self.results.load(member_id, campaign.campaign_id, channel)
        if result is not None:
            return Why(result)
        said = self._decided(campaign, member_id, channel)
        if isinstance(said, LeftOut):
            return Why(left_out=said)
        if said is None or campaign.begun_at is None:
            return Why(waits=True) if said else None
        return self._on_the_way(campaign, member_id, channel)

    def _decided(self, campaign: Campaign, member_id: str, channel: Channel) -> Share | LeftOut | None:
        if campaign.frozen_at is not None:
            decided = self.audience.find(campaign.campaign_id, member_id)
            return decided.by_channel.get(channel) if decided else None
        now, club = self.clock.now(), self.scene.club
        # As the audience looks at them, which may be less than what is kept (R12).
        audience = Audience(club, self.scene.facts, campaign.criteria, local_date(now, club.time_zone))
        facts = audience.find(member_id)
        decided = self.scene.deciding(campaign, now).of_one(facts) if facts is not None else None
        return decided.by_channel.get(channel) if decided else None

    def _on_the_way(self, campaign: Campaign, member_id: str, channel: Channel) -> Why:
        """What stood in the way when it was their turn; else it hasn't come yet, or never does."""
        key, place = self._place(campaign, member_id, channel)
        chunk = self.chunks.load(key)
        left_out = chunk.left_out.get(place) if chunk else None
        return Why(left_out=left_out, waits=left_out is None and not campaign.status.is_over)

    def _place(self, campaign: Campaign, member_id: str, channel: Channel) -> tuple[ChunkKey, int]:
        """Where somebody is in the lists, which are made of what was decided, in its order."""
        rows = self.audience.rows(campaign.campaign_id)
        listed = run_lists(each for row in rows for each in row.decided)[channel]
        run = RunKey(self.campaigns.club_id, campaign.campaign_id, channel)
        for number, chunk in enumerate(listed.chunks(CHUNK_SIZE)):
            if member_id in chunk.members:
                return chunk_key(run, number), chunk.members.index(member_id)
        raise LookupError("what was decided about them is in no list")
