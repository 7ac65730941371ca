"""Workers of a campaign that die at any point, gateways whose answers are lost: nobody twice, nobody lost unseen.

The matrix of what dies, and of what the next worker finds, against the real worker and the real engine.
"""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from stamkunde.campaigns.chunk_store import LEASE_LASTS, ChunkStatus, RunKey, chunk_key
from stamkunde.campaigns.model.campaign import CampaignStatus, PausedBy, cancel, pause, resume
from stamkunde.campaigns.sending import BATCH_SIZE, Ended
from stamkunde.campaigns.writing import Letter
from stamkunde.gateways.handover import AnswerLost, NotAccepted, Refused
from stamkunde.messaging.model import DeliveryState
from stamkunde.shared.channel import Channel
from tests.sending_faults import seen_to_be_exact, send_among_faults
from tests.sending_scene import FaultyGateway, Killed, SendingScene, for_ever, of_moments, ten_at_a_time

FEW = 3
MANY = 5_000
"""`make prove` sends 100,000."""

A_LEASE = LEASE_LASTS.total_seconds()


def moments_of_a_clean_run() -> int:
    scene = SendingScene(life=for_ever())
    members = scene.add_members(FEW)
    scene.begin(members)
    scene.work_off()
    assert sum(scene.gateway.per_recipient().values()) == FEW
    return scene.life.moments


ALL_MOMENTS = range(moments_of_a_clean_run() + 1)


@pytest.mark.parametrize("moments", ALL_MOMENTS)
def test_a_worker_that_dies_at_any_step_sends_to_nobody_twice_and_loses_nobody(moments: int) -> None:
    scene = SendingScene(life=of_moments(moments))
    members = scene.add_members(FEW)
    campaign = scene.begin(members)
    scene.work()
    in_flight = scene.gateway.calls
    scene.life = for_ever()
    scene.settle()
    outcome = seen_to_be_exact(scene, campaign, members)
    assert outcome.by_state[DeliveryState.UNKNOWN] <= 1, "one at a time is with the gateway here"
    assert scene.gateway.calls <= max(in_flight, FEW)
    assert scene.state(campaign) is CampaignStatus.DONE


@pytest.mark.parametrize("moments", [20, 30, 40, 50])
def test_whoever_takes_over_and_dies_too_sends_to_nobody_twice(moments: int) -> None:
    scene = SendingScene()
    members = scene.add_members(FEW)
    campaign = scene.begin(members)
    for step in (moments, moments + 3, moments - 7):
        scene.life = of_moments(step)
        scene.work()
        scene.clock.passes(seconds=A_LEASE)
        scene.sweep()
    scene.life = for_ever()
    scene.settle()
    seen_to_be_exact(scene, campaign, members)


def test_thousands_of_messages_with_crashes_and_lost_answers_are_never_doubled_nor_lost_unseen() -> None:
    found = send_among_faults(MANY)
    assert found.holds
    assert found.deaths > MANY / 1000
    assert set(found.outcome.by_state) == {DeliveryState.SENT, DeliveryState.UNKNOWN}


def test_several_workers_at_a_time_send_to_nobody_twice() -> None:
    scene = SendingScene(pool=ten_at_a_time())
    members = scene.add_members(600)
    campaign = scene.begin(members, lanes=6)
    for key in [chunk_key(RunKey(scene.club.club_id, campaign.campaign_id, Channel.SMS), 0)] * 3:
        scene.waking.wake([key])
    with ThreadPoolExecutor(6) as workers:
        for _ in range(30):
            woken = [each for each in (scene.waking.take() for _ in range(6)) if each is not None]
            list(workers.map(lambda each: scene.sender().send(each), woken))
    scene.settle()
    outcome = seen_to_be_exact(scene, campaign, members)
    assert outcome.by_state[DeliveryState.SENT] == len(members)


def test_a_worker_that_stalls_past_its_lease_and_goes_on_sends_to_nobody_twice() -> None:
    scene = SendingScene()
    members = scene.add_members(5)
    stalled: list[str] = []

    def mood(letter: Letter) -> tuple[Exception | None, bool]:
        if len(scene.gateway.taken) == 2 and not stalled:
            # It sleeps in its third call for longer than its lease; another finishes the chunk meanwhile.
            stalled.append(letter.recipient)
            scene.gateway.lock.release()
            scene.clock.passes(seconds=A_LEASE)
            scene.sweep()
            scene.work()
            scene.gateway.lock.acquire()
        return None, True

    scene.gateway.mood = mood
    campaign = scene.begin(members)
    key = scene.waking.take()
    assert key is not None
    ended = scene.sender().send(key)
    assert ended is Ended.NOT_MINE, "it has lost the chunk"
    scene.settle()
    outcome = seen_to_be_exact(scene, campaign, members)
    assert outcome.by_state == {DeliveryState.SENT: 5}, "what was unknown is known once its worker is back"
    assert outcome.sent_to[stalled[0]] == 1


def test_a_lost_answer_is_unknown_and_never_called_for_again() -> None:
    scene = SendingScene(gateway=FaultyGateway(lambda _: (AnswerLost("answer_lost"), True)))
    members = scene.add_members(30)
    campaign = scene.begin(members)
    scene.settle()
    outcome = seen_to_be_exact(scene, campaign, members)
    assert outcome.by_state == {DeliveryState.UNKNOWN: 30}
    assert scene.gateway.calls == 30


def test_what_a_gateway_surely_has_not_taken_is_offered_again_later() -> None:
    scene = SendingScene()
    members = scene.add_members(40)
    odds = random.Random(3)
    scene.gateway.mood = lambda _: (NotAccepted("gateway_throttles"), False) if odds.random() < 0.3 else (None, True)
    campaign = scene.begin(members)
    scene.settle()
    outcome = seen_to_be_exact(scene, campaign, members)
    assert outcome.by_state == {DeliveryState.SENT: 40}


def test_what_a_gateway_refuses_has_failed_and_costs_nothing() -> None:
    scene = SendingScene(gateway=FaultyGateway(lambda _: (Refused("InvalidParameter"), False)))
    members = scene.add_members(5)
    campaign = scene.begin(members)
    scene.settle()
    outcome = seen_to_be_exact(scene, campaign, members)
    assert outcome.by_state == {DeliveryState.FAILED: 5}
    assert (scene.tally(campaign).price, scene.ceilings.spent(scene.clock.now())) == (0, 0)


def test_a_gateway_that_takes_nothing_pauses_the_campaign_until_somebody_has_seen_to_it() -> None:
    scene = SendingScene(gateway=FaultyGateway(lambda _: (NotAccepted("gateway_no_credit"), False)))
    members = scene.add_members(30)
    campaign = scene.begin(members)
    for _ in range(30):
        scene.work_off()
        paused = scene.campaigns.find(campaign.campaign_id)
        # The next minute tells of it, and every minute until somebody has seen to it.
        told = {campaign.campaign_id} if paused.paused_by is PausedBy.FAULT else set()
        assert scene.sweep().faulty == told
        scene.clock.passes(minutes=1)
    assert (paused.status, paused.paused_by) == (CampaignStatus.PAUSED, PausedBy.FAULT)
    assert scene.gateway.taken == []
    scene.gateway.mood = lambda _: (None, True)
    scene.campaigns.save(paused, resume(paused, scene.clock.now()))
    assert scene.sweep().faulty == set()
    scene.settle()
    assert seen_to_be_exact(scene, campaign, members).by_state == {DeliveryState.SENT: 30}


def test_what_somebody_paused_is_no_fault() -> None:
    scene = SendingScene()
    campaign = scene.begin(scene.add_members(3))
    found = scene.campaigns.find(campaign.campaign_id)
    scene.campaigns.save(found, pause(found, PausedBy.STAFF))
    assert scene.sweep().faulty == set()


def stop_after(scene: SendingScene, calls: int, stops: object) -> None:
    """Somebody stops the campaign while a worker is in its so many-th call."""

    def mood(_: Letter) -> tuple[Exception | None, bool]:
        if scene.gateway.calls == calls:
            stops()  # type: ignore[operator]
        return None, True

    scene.gateway.mood = mood


def test_a_pause_in_the_middle_lets_twenty_messages_of_each_worker_go_at_most() -> None:
    scene = SendingScene(pool=ten_at_a_time())
    members = scene.add_members(300)
    campaign = scene.begin(members, lanes=1)

    def stops() -> None:
        now = scene.campaigns.find(campaign.campaign_id)
        scene.campaigns.save(now, pause(now, PausedBy.STAFF))

    stop_after(scene, 47, stops)
    scene.work_off()
    for _ in range(5):
        assert scene.sweep().woken == 0
        scene.clock.passes(minutes=1)
        scene.work_off()
    assert 47 <= len(scene.gateway.taken) < 47 + BATCH_SIZE
    paused = scene.campaigns.find(campaign.campaign_id)
    scene.campaigns.save(paused, resume(paused, scene.clock.now()))
    scene.settle()
    assert seen_to_be_exact(scene, campaign, members).by_state == {DeliveryState.SENT: 300}


def test_a_cancelled_campaign_sends_no_more_and_counts_what_it_has_sent() -> None:
    scene = SendingScene(pool=ten_at_a_time())
    members = scene.add_members(300)
    campaign = scene.begin(members, lanes=2)

    def stops() -> None:
        now = scene.campaigns.find(campaign.campaign_id)
        scene.campaigns.save(now, cancel(now, scene.clock.now()))

    stop_after(scene, 47, stops)
    scene.settle()
    taken = len(scene.gateway.taken)
    assert 47 <= taken < 47 + 2 * BATCH_SIZE
    tally = scene.tally(campaign)
    assert (tally.sent, tally.unknown) == (taken, 0)
    assert scene.state(campaign) is CampaignStatus.CANCELLED


def test_what_a_dead_worker_may_have_sent_of_a_cancelled_campaign_is_unknown_and_counted() -> None:
    scene = SendingScene()
    members = scene.add_members(FEW)
    campaign = scene.begin(members)

    def dies(_: Letter) -> tuple[Exception | None, bool]:
        scene.life.is_over = True
        raise Killed

    scene.gateway.mood = dies
    scene.work()
    scene.life = for_ever()
    now = scene.campaigns.find(campaign.campaign_id)
    scene.campaigns.save(now, cancel(now, scene.clock.now()))
    scene.settle()
    assert (scene.tally(campaign).unknown, scene.tally(campaign).handled) == (1, 1)
    result = scene.result(members[0], campaign)
    assert result is not None
    assert result.state is DeliveryState.UNKNOWN


def test_a_chunk_that_no_worker_survives_is_given_up_visibly_and_the_others_are_sent() -> None:
    scene = SendingScene()
    members = scene.add_members(120)
    campaign = scene.begin(members, lanes=1)
    poisoned = members[30].phone

    def mood(letter: Letter) -> tuple[Exception | None, bool]:
        if letter.recipient == poisoned:
            raise ZeroDivisionError
        return None, True

    scene.gateway.mood = mood
    for _ in range(30):
        while (key := scene.waking.take()) is not None:
            try:
                scene.sender().send(key)
            except ZeroDivisionError:
                continue
        scene.clock.passes(minutes=3)
        if scene.sweep().running == 0:
            break
    tally = scene.tally(campaign)
    assert tally.handled == 120
    unknown = scene.result(members[30], campaign)
    assert unknown is not None
    assert unknown.state is DeliveryState.UNKNOWN, "its worker died with the gateway"
    assert scene.gateway.per_recipient()[poisoned] == 0
    assert max(scene.gateway.per_recipient().values()) == 1


def test_a_chunk_whose_worker_dies_before_it_gets_anywhere_is_given_up_after_five_tries() -> None:
    scene = SendingScene()
    members = scene.add_members(120)
    campaign = scene.begin(members, lanes=1)
    key = chunk_key(RunKey(scene.club.club_id, campaign.campaign_id, Channel.SMS), 0)
    for _ in range(5):
        scene.life = of_moments(9)
        scene.work()
        scene.clock.passes(seconds=A_LEASE)
        scene.sweep()
    scene.life = for_ever()
    scene.settle()
    given_up = scene.chunks.load(key)
    assert given_up is not None
    assert given_up.status is ChunkStatus.FAILED
    assert (scene.tally(campaign).unsent, scene.tally(campaign).sent) == (100, 20)


def test_a_lane_whose_worker_died_before_it_released_the_next_chunk_goes_on() -> None:
    scene = SendingScene()
    members = scene.add_members(350)
    campaign = scene.begin(members, lanes=1)
    scene.waking.loses = lambda: True
    scene.work_off()
    scene.waking.loses = lambda: False
    scene.settle()
    assert seen_to_be_exact(scene, campaign, members).by_state == {DeliveryState.SENT: 350}
