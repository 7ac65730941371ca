"""From a campaign's list to phone and mailbox, through the real handlers, queue and gateways of the engine."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from copy import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import botocore.session
import pytest

from stamkunde.campaigns.chunk_store import RunKey, chunk_key
from stamkunde.campaigns.model.campaign import CampaignStatus
from stamkunde.clubs.store import ClubStore
from stamkunde.gateway_bootstrap import campaign_gateways
from stamkunde.gateways.chunk_wake_ups import ChunkWakeUps
from stamkunde.members.model import Member
from stamkunde.messaging.model import DeliveryState
from stamkunde.sending_bootstrap import Carriers
from stamkunde.shared.channel import Channel
from stamkunde.shared.clock import SystemClock
from tests.function_fixtures import CONTEXT, new_till
from tests.functions.test_messages import wake_up
from tests.gateways.network import Mood, Network, running_network
from tests.sending_scene import SceneClock, SendingScene

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

A_DAY = timedelta(days=1)


@pytest.fixture
def queue(tables: DynamoDBClient, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The real queue that wakes the campaign worker; what lies in it."""
    from campaign_watch_job import handler as watch
    from campaign_worker import handler as worker

    client: Any = botocore.session.get_session().create_client("sqs", region_name="eu-north-1")
    url = client.create_queue(QueueName="campaign-worker")["QueueUrl"]
    wake_ups = ChunkWakeUps(worker.SENDERS.wake_ups.client, url)
    monkeypatch.setattr(worker, "SENDERS", replace(worker.SENDERS, wake_ups=wake_ups))
    of = watch.SWEEP.sender_of

    def wakes_here(club_id: str) -> Any:
        sender = of(club_id)
        return sender and replace(sender, wake_ups=wake_ups)

    # As with SNS, which reports nothing.
    silent = dict.fromkeys(Channel, False)
    monkeypatch.setattr(watch, "SWEEP", replace(watch.SWEEP, sender_of=wakes_here, reports=silent))

    def bodies() -> list[dict[str, str]]:
        found: list[dict[str, str]] = []
        while messages := client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            found += [json.loads(message["Body"]) for message in messages]
            for message in messages:
                client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return found

    bodies()
    return bodies


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch, tables: DynamoDBClient, queue: Any) -> Iterator[Network]:
    """The worker in front of a network that fails on demand."""
    from campaign_worker import handler

    with running_network() as running, monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", running.url)
        known = replace(handler.SETTINGS, sms_gateway="sns")
        settings = replace(known, sms_a_second=1000.0, emails_a_second=1000.0, club_a_second=1000.0)
        carrier = Carriers(campaign_gateways(settings))
        patch.setattr(handler, "SENDERS", replace(handler.SENDERS, carrier=carrier, settings=settings))
        yield running


@pytest.fixture
def scene(tables: DynamoDBClient, operate: Any) -> SendingScene:
    """A club in whose time it is noon, whenever the test runs."""
    now = SystemClock().now()
    noon = (now + A_DAY).replace(hour=12, minute=0, second=0, microsecond=0)
    till = new_till(operate, clock_offset_seconds=int((noon - now).total_seconds()))
    club = ClubStore(tables, "clubs", till.club["club_id"]).load()
    assert club is not None
    return SendingScene(client=tables, club=club, clock=SceneClock(noon))


def work(*bodies: dict[str, str]) -> list[str]:
    """What the worker does with these wake-ups; those that failed."""
    from campaign_worker.handler import lambda_handler

    answer = lambda_handler(wake_up(*bodies), CONTEXT)  # type: ignore[arg-type]
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


def watch() -> dict[str, int]:
    from campaign_watch_job.handler import lambda_handler

    return lambda_handler({}, CONTEXT)  # type: ignore[arg-type]


def begun(scene: SendingScene, members: list[Member], *channels: Channel, lanes: int = 1) -> Any:
    """A campaign whose first lists are woken, and the wake-ups."""
    campaign = scene.begin(members, *channels, lanes=lanes)
    return campaign, [key.wake_up() for _, _, key in scene.waking.waiting]


def test_a_campaign_reaches_every_phone_and_mailbox_once_list_by_list(
    scene: SendingScene, network: Network, queue: Any
) -> None:
    members = scene.add_members(130)
    campaign, bodies = begun(scene, members, Channel.SMS, Channel.EMAIL)
    assert len(bodies) == 2
    assert work(*bodies) == []
    released = queue()
    assert sorted(body["chunk"] for body in released) == ["e1", "s1"]
    assert work(*released) == []
    assert queue() == []
    reached = Counter(
        call.given.get("PhoneNumber") or call.given["Destination"]["ToAddresses"][0] for call in network.calls
    )
    assert reached == dict.fromkeys([each for member in members for each in (member.phone, member.email)], 1)
    assert scene.state(campaign) is CampaignStatus.DONE
    assert (scene.tally(campaign).sent, scene.tally(campaign, Channel.EMAIL).sent) == (130, 130)


def test_a_mail_program_is_told_how_to_unsubscribe_and_by_a_token_of_their_own(
    scene: SendingScene, network: Network
) -> None:
    members = scene.add_members(2)
    _, bodies = begun(scene, members, Channel.EMAIL)
    work(*bodies)
    headers = [call.given["Content"]["Simple"]["Headers"] for call in network.calls]
    ways = {each[0]["Value"] for each in headers}
    assert len(ways) == 2
    assert all("/u/" in way for way in ways)


def test_a_lost_answer_is_unknown_and_the_job_that_watches_lets_it_be_where_nothing_is_reported(
    scene: SendingScene, network: Network, queue: Any
) -> None:
    members = scene.add_members(3)
    network.mood = Mood.BREAKS
    campaign, bodies = begun(scene, members)
    work(*bodies)
    assert watch()["silent"] == 0
    assert scene.tally(campaign).unknown == 3
    results = [scene.result(member, campaign) for member in members]
    assert {result.state for result in results if result} == {DeliveryState.UNKNOWN}


def test_a_list_whose_wake_up_was_lost_is_woken_within_a_minute(
    scene: SendingScene, network: Network, queue: Any
) -> None:
    members = scene.add_members(5)
    campaign, _ = begun(scene, members)
    assert watch()["woken"] >= 1
    ours = [body for body in queue() if body["campaign"] == campaign.campaign_id]
    assert len(ours) == 1
    assert work(*ours) == []
    assert scene.tally(campaign).sent == 5


def test_a_wake_up_of_a_club_or_a_list_that_is_gone_is_done(scene: SendingScene, network: Network) -> None:
    run = RunKey(scene.club.club_id, "k0000000000000000", Channel.SMS)
    gone = RunKey("c0000000000000000", "k0000000000000000", Channel.SMS)
    assert work(chunk_key(run, 0).wake_up(), chunk_key(gone, 0).wake_up()) == []
    assert network.calls == []


def test_what_is_logged_of_a_campaign_names_nobody(
    scene: SendingScene, network: Network, capsys: pytest.CaptureFixture[str]
) -> None:
    members = scene.add_members(3)
    _, bodies = begun(scene, members, Channel.SMS, Channel.EMAIL)
    work(*bodies)
    watch()
    told = capsys.readouterr()
    for member in members:
        for personal in (member.member_id, member.phone, str(member.email), str(member.first_name)):
            assert personal not in told.out + told.err
