"""The campaigns of a club whose clock is moved: when something happens to them next, and what is still under way."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from stamkunde.campaigns.chunk_store import Chunk, ChunkStatus, ChunkStore, RunKey
from stamkunde.campaigns.model.campaign import Campaign, CampaignStatus
from stamkunde.campaigns.runs import RunStore
from stamkunde.campaigns.store import CampaignStore, DueCampaigns
from stamkunde.shared.clock import parse_compact

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

GIVEN_BACK_FOR = timedelta(minutes=2)
"""A list that a worker gave back for no longer than this comes again by itself; the clock isn't moved for it."""


class MovedCampaigns:
    """One club's campaigns, as its moved clock meets them."""

    def __init__(self, client: DynamoDBClient, table: str, club_id: str) -> None:
        self._due = DueCampaigns(client, table)
        self._campaigns = CampaignStore(client, table, club_id)
        self._runs = RunStore(client, table, club_id)
        self._chunks = ChunkStore(client, table, club_id)
        self._club_id = club_id

    def next_at(self, now: datetime) -> datetime | None:
        """When a campaign begins next, goes on, goes to its second round or is over; now for what is overdue."""
        return min((max(instant, now) for instant in self._instants(now)), default=None)

    def is_settled(self, now: datetime) -> bool:
        """Whether all is done that is to be done by now: every campaign begun, and each message sent that may be."""
        upcoming = self.next_at(now)
        return (upcoming is None or upcoming > now) and not any(
            self._is_under_way(campaign, now) for _, campaign in self._standing()
        )

    def progress(self) -> list[object]:
        """Something that changes for as long as messages are being sent."""
        return [
            (campaign.revision, chunk.key, chunk.at)
            for _, campaign in self._standing()
            for chunk in self._in_flight(campaign)
        ]

    def _instants(self, now: datetime) -> Iterator[datetime]:
        for due_at, campaign in self._standing():
            if not _is_being_sent(campaign):
                yield due_at
                continue
            for chunk in self._in_flight(campaign):
                if chunk.not_before is not None and chunk.not_before > now + GIVEN_BACK_FOR:
                    yield chunk.not_before

    def _standing(self) -> Iterator[tuple[datetime, Campaign]]:
        for due in self._due.standing(None):
            campaign = self._campaigns.load(due.campaign_id) if due.club_id == self._club_id else None
            if campaign is not None:
                yield parse_compact(due.due_at), campaign

    def _is_under_way(self, campaign: Campaign, now: datetime) -> bool:
        """Whether somebody works on it; also if all is sent of it, and nobody has said so yet."""
        chunks = list(self._in_flight(campaign)) if _is_being_sent(campaign) else None
        return chunks is not None and (not chunks or any(_may_be_worked_on(chunk, now) for chunk in chunks))

    def _in_flight(self, campaign: Campaign) -> Iterator[Chunk]:
        for channel in campaign.channels:
            run = self._runs.load(RunKey(self._club_id, campaign.campaign_id, channel))
            for key in run.in_flight() if run else ():
                chunk = self._chunks.load(key)
                if chunk is not None:
                    yield chunk


def _is_being_sent(campaign: Campaign) -> bool:
    """Whether it is the lists that say when something happens next: the campaign itself waits for nothing."""
    return campaign.status is CampaignStatus.SENDING and campaign.waits_until is None


def _may_be_worked_on(chunk: Chunk, now: datetime) -> bool:
    if chunk.status is not ChunkStatus.READY:
        # Also what is done and not yet counted: its lane moves on.
        return True
    return chunk.not_before is None or chunk.not_before <= now + GIVEN_BACK_FOR
