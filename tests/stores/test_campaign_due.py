"""The minute job: each campaign is looked at when it is time, and each minute as long as something may come of it."""

from __future__ import annotations

from copy import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from stamkunde.campaigns.chunk_store import RunKey, chunk_key
from stamkunde.campaigns.due import DueRound, Looked
from stamkunde.campaigns.model.campaign import CampaignStatus
from stamkunde.campaigns.service import When
from stamkunde.campaigns.store import DueCampaigns
from stamkunde.clubs.model import Closing
from stamkunde.shared.channel import Channel
from tests.campaign_shop import MESSAGES, MONDAY, CampaignShop, MovedClock, member

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

HOUR = timedelta(hours=1)
NOTHING = Looked(begun=0, woken=0, ended=0, broken=())


class Job:
    """The minute job of one shop, and what it told the state machine to begin."""

    def __init__(self, shop: CampaignShop, base: MovedClock | None = None) -> None:
        self.begun: list[tuple[str, int]] = []
        self.round = DueRound(
            DueCampaigns(shop.client, MESSAGES),
            lambda club_id: shop.club if club_id == shop.club.club_id else None,
            lambda _club: shop.clock,
            lambda _club: shop.life,
            lambda _club_id, campaign_id, epoch: self.begun.append((campaign_id, epoch)),
            base or shop.clock,
            clocks_movable=base is not None,
        )


@pytest.fixture
def shop(dynamodb: DynamoDBClient) -> CampaignShop:
    shop = CampaignShop(dynamodb)
    shop.keep(member(f"m{number:016}") for number in range(3))
    return shop


def work_off(shop: CampaignShop, campaign_id: str) -> None:
    """Do as if a worker had sent the only list."""
    key = RunKey(shop.club.club_id, campaign_id, Channel.SMS)
    run, chunk = shop.runs.load(key), shop.chunks.load(chunk_key(key, 0))
    assert run is not None
    assert chunk is not None
    shop.runs.finish(run, chunk)


def test_a_campaign_is_begun_at_its_time_by_its_epoch(shop: CampaignShop) -> None:
    job = Job(shop)
    campaign = shop.scheduled(When(MONDAY + HOUR))
    assert job.round.go() == NOTHING
    shop.clock.instant = MONDAY + HOUR
    assert job.round.go().begun == 1
    assert job.begun == [(campaign.campaign_id, 0)]


def test_what_nobody_resumes_in_a_month_is_over_whenever_it_was_to_end(shop: CampaignShop) -> None:
    job = Job(shop)
    campaign = shop.begin(shop.scheduled(When(MONDAY + HOUR, ends=MONDAY + timedelta(days=60))))
    shop.campaigns.pause(campaign.campaign_id)
    shop.clock.instant = MONDAY + timedelta(days=29)
    assert job.round.go() == NOTHING
    shop.clock.instant = MONDAY + timedelta(days=31)
    job.round.go()
    assert shop.campaigns.show(campaign.campaign_id).campaign.status is CampaignStatus.EXPIRED


def test_what_waits_goes_on_at_the_opening_and_what_is_sent_is_done(shop: CampaignShop) -> None:
    job = Job(shop)
    campaign = shop.begin(shop.scheduled())
    assert job.round.go() == NOTHING
    shop.life.wait(campaign.campaign_id, MONDAY + 22 * HOUR)
    shop.clock.instant = MONDAY + 21 * HOUR
    assert job.round.go() == NOTHING
    shop.clock.instant = MONDAY + 22 * HOUR
    assert job.round.go().woken == 1
    work_off(shop, campaign.campaign_id)
    assert job.round.go().ended == 1
    assert shop.store.find(campaign.campaign_id).status is CampaignStatus.DONE
    assert job.round.go() == NOTHING


def test_a_club_that_has_closed_writes_to_nobody(shop: CampaignShop) -> None:
    shop.scheduled()
    shop.clock.instant = MONDAY + HOUR
    shop.club = replace(shop.club, closing=Closing(MONDAY, MONDAY.date() - timedelta(days=1)))
    job = Job(shop)
    assert job.round.go() == NOTHING
    assert job.begun == []


def test_a_club_with_a_clock_of_its_own_is_looked_at_by_that_clock(shop: CampaignShop) -> None:
    job = Job(shop, base=MovedClock(MONDAY - timedelta(days=400)))
    shop.scheduled(When(MONDAY + HOUR))
    assert job.round.go() == NOTHING
    shop.clock.instant = MONDAY + HOUR
    assert job.round.go().begun == 1
