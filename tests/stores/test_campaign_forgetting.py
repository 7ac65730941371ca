"""What campaigns keep of somebody goes with them, and no worker brings it back."""

from __future__ import annotations

from copy import replace
from datetime import datetime, timedelta

import pytest

from stamkunde.campaigns.audience_store import AudienceStore
from stamkunde.campaigns.chunk_store import RunKey, chunk_key
from stamkunde.campaigns.forgetting import WRITES_LAST, CampaignTraces
from stamkunde.campaigns.model.left_out import LeftOut
from stamkunde.campaigns.runs import Running
from stamkunde.campaigns.store import CampaignStore
from stamkunde.members.model import AskedBy, ErasureRequest
from stamkunde.shared.channel import Channel
from stamkunde.shared.patience import Patience
from tests.ledger_checks import rows
from tests.sending_scene import SendingScene


@pytest.fixture
def scene() -> SendingScene:
    return SendingScene()


def traces_of(scene: SendingScene) -> CampaignTraces:
    running = Running(scene.client, "messages")
    club_id = scene.chunks.club_id
    campaigns = CampaignStore(scene.client, "messages", club_id)
    audience = AudienceStore(scene.client, "messages", club_id)
    return CampaignTraces(scene.addresses, scene.results, scene.chunks, running, campaigns, audience, Patience())


def test_nothing_of_somebody_is_left_of_the_campaigns_they_were_sent(scene: SendingScene) -> None:
    gone, stays = scene.add_members(2)
    campaign = scene.begin([gone, stays], Channel.SMS, Channel.EMAIL)
    scene.settle()
    traces = traces_of(scene)
    for _ in range(2):
        traces.forget_addresses(gone)
        traces.forget_messages({gone.member_id}, scene.clock.now())
    told = str(rows(scene.client, "messages"))
    assert gone.member_id not in told
    assert scene.addresses.hash_of(gone.phone) not in told
    assert gone.email is not None
    assert scene.addresses.hash_of(gone.email) not in told
    key = chunk_key(RunKey(scene.club.club_id, campaign.campaign_id, Channel.SMS), 0)
    assert scene.chunks.member_at(key, 0) is None
    assert scene.chunks.member_at(key, 1) == stays.member_id
    assert scene.result(stays, campaign) is not None
    assert scene.tally(campaign).sent == 2


def test_whoever_is_erased_while_a_campaign_is_sent_is_waited_for(scene: SendingScene) -> None:
    members = scene.add_members(2)
    scene.begin(members)
    traces, now = traces_of(scene), scene.clock.now()
    assert traces.may_be_writing(now, now)
    assert traces.may_be_writing(now, now + WRITES_LAST - timedelta(milliseconds=1))
    assert not traces.may_be_writing(now, now + WRITES_LAST)
    scene.settle()
    assert not traces.may_be_writing(scene.clock.now(), scene.clock.now())


def test_a_worker_sends_nothing_by_what_it_read_of_somebody_too_long_ago(scene: SendingScene) -> None:
    """What an erasure waits for is enough: nothing is claimed later by what was read before."""
    (member,) = scene.add_members(1)
    campaign = scene.begin([member])
    sender = scene.sender()

    def sleeps_too_long(_: datetime) -> None:
        now = scene.clock.now()
        scene.change(member, erasure=ErasureRequest(AskedBy.RULES, now, now))
        scene.clock.passes(seconds=31)

    key = scene.waking.take()
    assert key is not None
    replace(sender, delivering=replace(sender.delivering, wait_until=sleeps_too_long)).send(key)
    assert scene.gateway.calls == 0
    scene.settle()
    assert scene.gateway.calls == 0
    assert dict(scene.tally(campaign).left_out) == {LeftOut.GONE: 1}
