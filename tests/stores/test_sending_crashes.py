"""Workers and jobs that die at any point, gateways in any mood, lost wake-ups: nothing doubled or lost unseen."""

from __future__ import annotations

import json
from copy import replace
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stamkunde.gateways.handover import Gateway, NotAccepted
from stamkunde.messaging.model import DeliveryState, MessageKind
from stamkunde.messaging.outbox import MOST_ATTEMPTS, Message
from stamkunde.messaging.sending import Gateways
from stamkunde.messaging.store import outbox_key
from tests.gateways.network import Mood
from tests.post_office import PostOffice

LONGEST_LIFE = 14
"""More moments than any worker has between its first and its last call to the world."""


class Killed(BaseException):
    """The process is gone: nothing catches this, and nothing is tidied up."""


class Life:
    """So many moments, one before and one after each call to the world; then death."""

    def __init__(self, moments: int) -> None:
        self.left = moments

    def passes(self) -> None:
        if self.left == 0:
            raise Killed
        self.left -= 1


@dataclass
class MortalClient:
    """DynamoDB, called by somebody who may die before or after the call."""

    inner: Any
    life: Life

    def __getattr__(self, operation: str) -> Any:
        def call(**given: Any) -> Any:
            self.life.passes()
            answer = getattr(self.inner, operation)(**given)
            self.life.passes()
            return answer

        return call


@dataclass
class MortalGateway:
    """A gateway, called by somebody who may die before or after the call."""

    inner: Gateway[Any]
    life: Life

    def send(self, message: Any) -> str:
        self.life.passes()
        answer = self.inner.send(message)
        self.life.passes()
        return answer


@dataclass(frozen=True)
class Step:
    """Something that happens: the worker is woken, or the job runs; both may die, and time may pass before."""

    job: bool
    moments: int
    mood: Mood
    minutes: int


STEPS = st.builds(
    Step,
    job=st.booleans(),
    moments=st.integers(0, LONGEST_LIFE),
    # A gateway that hangs is judged as one whose connection breaks, and takes longer.
    mood=st.sampled_from([mood for mood in Mood if mood is not Mood.HANGS]),
    minutes=st.sampled_from([0, 0, 1, 3, 12]),
)


def happens(office: PostOffice, message: Message, step: Step) -> None:
    office.wait(minutes=step.minutes)
    office.in_a_mood(step.mood)
    life = Life(step.moments)
    gateways = Gateways(MortalGateway(office.gateways.sms, life), MortalGateway(office.gateways.email, life))
    client: Any = MortalClient(office.client, life)
    mortal = replace(office, client=client, gateways=gateways)
    try:
        if step.job:
            mortal.tend()
            office.woken()
        else:
            mortal.work(message)
    except (Killed, NotAccepted):
        return


def all_settles(office: PostOffice, message: Message) -> None:
    """Everything works again: the job runs, its wake-ups arrive, until nothing waits."""
    office.in_a_mood(Mood.ACCEPTS)
    for _ in range(MOST_ATTEMPTS + 1):
        office.wait(minutes=3)
        office.tend()
        for body in office.woken():
            office.worker.send(json.loads(body))
    assert office.outbox.load(outbox_key(message)) is None


@pytest.mark.parametrize("kind", [MessageKind.CODE, MessageKind.CONFIRM_EMAIL])
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=8))
def test_whoever_dies_whenever_a_message_is_never_doubled_and_its_end_is_known(
    office: PostOffice, kind: MessageKind, steps: list[Step]
) -> None:
    before = len(office.network.perhaps_taken())
    message = office.write(kind)
    for step in steps:
        happens(office, message, step)
    all_settles(office, message)
    taken = office.network.perhaps_taken()[before:]
    delivery = office.delivery(message)
    assert delivery is not None
    assert len(taken) <= 1
    if taken:
        assert delivery.state in {DeliveryState.SENT, DeliveryState.UNKNOWN}
    else:
        assert delivery.state in {DeliveryState.FAILED, DeliveryState.EXPIRED, DeliveryState.UNKNOWN}
        assert delivery.reason
    if delivery.state is DeliveryState.SENT:
        assert [call.mood for call in taken] == [Mood.ACCEPTS]


@pytest.mark.parametrize("moments", range(LONGEST_LIFE))
def test_a_message_whose_worker_dies_once_is_sent_or_said_to_be_unknown(office: PostOffice, moments: int) -> None:
    message = office.write(MessageKind.WELCOME)
    happens(office, message, Step(job=False, moments=moments, mood=Mood.ACCEPTS, minutes=0))
    all_settles(office, message)
    told = (len(office.network.perhaps_taken()), office.state(message))
    assert told in {(1, DeliveryState.SENT), (1, DeliveryState.UNKNOWN), (0, DeliveryState.UNKNOWN)}
