"""Thousands of a campaign's messages by workers that die at any step and a gateway whose answers get lost."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from stamkunde.campaigns.model.campaign import Campaign, CampaignStatus
from stamkunde.gateways.handover import AnswerLost
from stamkunde.members.model import Member
from stamkunde.messaging.model import DeliveryState
from tests.sending_scene import Killed, Life, SendingScene, for_ever, sometimes, ten_at_a_time

LOST_ANSWERS = 0.002
"""Half of these were taken all the same."""

DEATHS = 0.001
"""At each moment, one before and one after each call to the world."""

LOST_WAKE_UPS = 0.05
DOUBLED_WAKE_UPS = 0.01
AT_A_TIME = 10


@dataclass(frozen=True)
class Outcome:
    """What became of a campaign's messages, by its rows and by the gateway."""

    by_state: Counter[DeliveryState]
    sent_to: Counter[str]


@dataclass(frozen=True)
class Faults:
    """What a campaign went through, and came to."""

    members: int
    deaths: int
    lost_answers: int
    seconds: float
    outcome: Outcome

    @property
    def holds(self) -> bool:
        """Whether anything went wrong at all, and what is unknown is no more than went wrong."""
        unknown = self.outcome.by_state[DeliveryState.UNKNOWN]
        most = self.lost_answers + AT_A_TIME * self.deaths
        return self.deaths > 0 < self.lost_answers <= unknown <= most

    def report(self) -> list[str]:
        """What to write down."""
        unknown, twice = self.outcome.by_state[DeliveryState.UNKNOWN], max(self.outcome.sent_to.values())
        went_wrong = f"{self.deaths:,} workers died, {self.lost_answers:,} answers lost"
        return [
            f"{self.members:,} messages in {self.seconds:.0f} s; {went_wrong}",
            f"nobody got it more than {twice} time, nobody was lost unseen, {unknown:,} unknown, counted exactly",
        ]


def seen_to_be_exact(scene: SendingScene, campaign: Campaign, members: Sequence[Member]) -> Outcome:
    """Nobody twice, nobody lost unseen, and the counts are what the rows say."""
    sent_to = scene.gateway.per_recipient()
    states: Counter[DeliveryState] = Counter()
    for member in members:
        result = scene.result(member, campaign)
        assert result is not None, "somebody was lost unseen"
        states[result.state] += 1
        match result.state:
            case DeliveryState.SENT:
                assert sent_to[member.phone] == 1
            case DeliveryState.UNKNOWN:
                assert sent_to[member.phone] <= 1, "somebody got it twice"
            case state:
                assert state is DeliveryState.FAILED
                assert sent_to[member.phone] == 0
    tally = scene.tally(campaign)
    assert tally.sent == states[DeliveryState.SENT]
    assert tally.unknown == states[DeliveryState.UNKNOWN]
    assert tally.failed == states[DeliveryState.FAILED]
    assert tally.handled == len(members)
    return Outcome(states, sent_to)


def send_among_faults(count: int, seed: int = 7) -> Faults:
    """Send to so many members until it is done, whatever dies or gets lost, and see that it is exact."""
    begun = time.monotonic()
    odds = random.Random(seed)
    # Its gateway reports nothing, so that what isn't known stays so.
    scene = SendingScene(pool=ten_at_a_time(), reports=False)
    members = scene.add_members(count)
    scene.gateway.mood = sometimes(odds, LOST_ANSWERS, lambda: AnswerLost("answer_lost"))
    scene.waking.loses = lambda: odds.random() < LOST_WAKE_UPS
    campaign = scene.begin(members, lanes=4)
    deaths = 0
    while scene.state(campaign) is CampaignStatus.SENDING:
        scene.life = Life(lambda: odds.random() >= DEATHS)
        key = scene.waking.take()
        if key is None:
            scene.clock.passes(minutes=1)
            scene.sweep()
            continue
        if odds.random() < DOUBLED_WAKE_UPS:
            scene.waking.wake([key])
        try:
            scene.sender().send(key)
        except Killed:
            deaths += 1
    scene.life = for_ever()
    scene.settle()
    assert scene.waking.waiting == []
    outcome = seen_to_be_exact(scene, campaign, members)
    return Faults(count, deaths, scene.gateway.lost, time.monotonic() - begun, outcome)
