"""What a moved clock sees of a club's campaigns: where it has to stop, and whether it may go on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from infra.local.moved_campaigns import GIVEN_BACK_FOR, MovedCampaigns
from stamkunde.campaigns.chunk_store import Chunk, RunKey, chunk_key
from stamkunde.campaigns.model.campaign import Campaign, PausedBy
from stamkunde.campaigns.service import When
from stamkunde.campaigns.store import PAUSED_FOR
from stamkunde.shared.channel import Channel
from tests.campaign_shop import MESSAGES, MONDAY, CampaignShop, member

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

A_MINUTE = timedelta(minutes=1)
A_DAY = timedelta(days=1)


@pytest.fixture
def shop(dynamodb: DynamoDBClient) -> CampaignShop:
    shop = CampaignShop(dynamodb)
    shop.keep([member("m1"), member("m2", email_until=None)])
    return shop


def moved(shop: CampaignShop) -> MovedCampaigns:
    return MovedCampaigns(shop.client, MESSAGES, shop.club.club_id)


def work_off(shop: CampaignShop, campaign: Campaign) -> None:
    """Let every list that is open be done."""
    now = shop.clock.now()
    for channel in campaign.channels:
        run = shop.runs.load(RunKey(shop.club.club_id, campaign.campaign_id, channel))
        assert run is not None
        for key in run.in_flight():
            chunk = shop.chunks.load(key)
            assert chunk is not None
            if chunk.may_be_woken(now, now):
                leased = shop.chunks.lease(chunk, now)
                assert leased is not None
                run = shop.runs.finish(run, done(shop, leased, now))


def done(shop: CampaignShop, chunk: Chunk, now: datetime) -> Chunk:
    return shop.chunks.save(chunk.further(chunk.size, chunk.tally, {}, now))


def test_a_club_without_campaigns_stops_nowhere(shop: CampaignShop) -> None:
    shop.campaigns.draft(shop.wish(), "anna")
    assert moved(shop).next_at(MONDAY) is None
    assert moved(shop).is_settled(MONDAY)


def test_it_stops_where_a_campaign_begins_and_stays_until_it_has(shop: CampaignShop) -> None:
    at = datetime(2026, 11, 26, 16, tzinfo=UTC)
    campaign = shop.scheduled(When(at))
    assert (moved(shop).next_at(MONDAY), moved(shop).is_settled(MONDAY)) == (at, True)
    assert moved(shop).next_at(at + A_MINUTE) == at + A_MINUTE
    assert not moved(shop).is_settled(at + A_MINUTE)
    shop.begin(campaign)
    now = shop.clock.now()
    assert (moved(shop).next_at(now), moved(shop).is_settled(now)) == (None, False)


def test_it_stays_while_lists_are_worked_at_and_until_the_campaign_is_done(shop: CampaignShop) -> None:
    campaign = shop.begin(shop.scheduled())
    now = shop.clock.now()
    before = moved(shop).progress()
    key = chunk_key(RunKey(shop.club.club_id, campaign.campaign_id, Channel.SMS), 0)
    chunk = shop.chunks.load(key)
    assert chunk is not None
    leased = shop.chunks.lease(chunk, now)
    assert leased is not None
    assert not moved(shop).is_settled(now)
    further = shop.chunks.save(leased.further(1, leased.tally, {}, now))
    assert moved(shop).progress() != before
    shop.chunks.save(further.given_back(now + GIVEN_BACK_FOR, got_further=True))
    assert (moved(shop).next_at(now), moved(shop).is_settled(now)) == (None, False)
    work_off_after = now + GIVEN_BACK_FOR
    shop.clock.instant = work_off_after
    work_off(shop, campaign)
    assert not moved(shop).is_settled(work_off_after)
    shop.life.finish(campaign.campaign_id)
    assert (moved(shop).next_at(work_off_after), moved(shop).is_settled(work_off_after)) == (None, True)


def test_it_stops_at_the_second_round(shop: CampaignShop) -> None:
    campaign = shop.begin(shop.scheduled(channels=(Channel.EMAIL, Channel.SMS), sms_after=A_DAY))
    assert campaign.first_at is not None
    work_off(shop, campaign)
    work_off(shop, campaign)
    now = shop.clock.now()
    assert (moved(shop).next_at(now), moved(shop).is_settled(now)) == (campaign.first_at + A_DAY, True)
    shop.clock.instant = now + A_DAY
    assert not moved(shop).is_settled(now + A_DAY)


def test_it_stops_at_the_opening_that_a_campaign_waits_for(shop: CampaignShop) -> None:
    campaign = shop.begin(shop.scheduled())
    now, opening = shop.clock.now(), MONDAY + A_DAY
    shop.life.wait(campaign.campaign_id, opening)
    assert (moved(shop).next_at(now), moved(shop).is_settled(now)) == (opening, True)
    assert not moved(shop).is_settled(opening)


def test_a_paused_campaign_holds_nothing_up_and_is_met_again_when_it_expires(shop: CampaignShop) -> None:
    campaign = shop.begin(shop.scheduled())
    shop.life.pause(campaign.campaign_id, PausedBy.FAULT)
    now = shop.clock.now()
    assert campaign.first_at is not None
    assert (moved(shop).next_at(now), moved(shop).is_settled(now)) == (campaign.first_at + PAUSED_FOR, True)


def test_campaigns_of_other_clubs_stop_no_clock(shop: CampaignShop) -> None:
    shop.scheduled()
    theirs = MovedCampaigns(shop.client, MESSAGES, "c-other")
    assert (theirs.next_at(MONDAY + A_DAY), theirs.is_settled(MONDAY + A_DAY)) == (None, True)
