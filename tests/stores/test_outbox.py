"""Whatever dies between claim, call and record: no message is sent twice, and none is lost unseen."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from copy import replace
from typing import Any

import botocore.session
import pytest
from botocore.config import Config

from stamkunde.gateways.handover import NotAccepted
from stamkunde.gateways.wake_ups import WakeUps
from stamkunde.messaging.model import DeliveryState, MessageKind
from stamkunde.messaging.outbox import MOST_ATTEMPTS, TESTS_AN_HOUR, delivery_of
from stamkunde.messaging.sending import record
from stamkunde.messaging.store import ClubMessages, outbox_key
from stamkunde.shared.errors import Refusal
from stamkunde.shared.item import to_wire
from tests.factories import make_club
from tests.faults.clients import AnswersLate
from tests.gateways.network import Mood
from tests.ledger_checks import every_row, rows
from tests.local_stack import free_port
from tests.post_office import PHONE, PostOffice

every_way = pytest.mark.parametrize("kind", [MessageKind.TEST, MessageKind.CODE, MessageKind.CONFIRM_EMAIL])
"""A text message, one whose words are worked out when it is sent, and an e-mail."""


def test_a_message_is_written_counted_sent_once_and_its_person_forgotten(office: PostOffice) -> None:
    message = office.write()
    assert (message.sender, message.text) == (
        "BagerHolm",
        "Dette er en test fra Bager Holm. Du skal ikke gøre noget.",
    )
    assert office.kinds_of_rows() == {"OUTBOX": 1, "TESTS": 1}
    sent = office.work(message)
    assert sent is not None
    assert (sent.state, sent.parts, sent.encoding, sent.provider_id) == ("sent", 1, "gsm7", "network-1")
    assert office.network.calls[0].recipient == PHONE
    assert office.delivery(message) == sent
    assert office.kinds_of_rows() == {"D": 1, "TESTS": 1}
    left = json.dumps(rows(office.client, "messages"))
    assert PHONE not in left
    assert message.text not in left


def test_a_wake_up_holds_a_key_and_no_person(office: PostOffice) -> None:
    message = office.write()
    (body,) = office.woken()
    assert json.loads(body) == outbox_key(message)
    assert PHONE.removeprefix("+45") not in body
    assert "Bager" not in body


@every_way
def test_a_second_wake_up_changes_nothing(office: PostOffice, kind: MessageKind) -> None:
    message = office.write(kind)
    office.work(message)
    before = every_row(office.client)
    assert office.work(message) is None
    assert every_row(office.client) == before
    assert office.handed_over() == 1


@every_way
def test_twenty_workers_hand_a_message_over_once(office: PostOffice, kind: MessageKind) -> None:
    message = office.write(kind)
    with ThreadPoolExecutor(20) as pool:
        told = list(pool.map(lambda _: office.work(message), range(20)))
    assert office.handed_over() == 1
    assert [delivery.state for delivery in told if delivery] == [DeliveryState.SENT]
    assert office.state(message) is DeliveryState.SENT


@every_way
def test_a_worker_that_dies_before_its_claim_costs_nothing(office: PostOffice, kind: MessageKind) -> None:
    message = office.write(kind)
    assert office.outbox.load(outbox_key(message)) == message
    office.work(message)
    assert (office.handed_over(), office.state(message)) == (1, DeliveryState.SENT)


@every_way
@pytest.mark.parametrize("called", [False, True])
@pytest.mark.parametrize("found_by", ["worker", "job"])
def test_a_worker_that_dies_after_its_claim_leaves_an_unknown_and_no_second_call(
    office: PostOffice, kind: MessageKind, *, called: bool, found_by: str
) -> None:
    message = office.write(kind)
    claimed = office.outbox.claim(message, office.now)
    assert claimed is not None
    if called:
        office.call_the_gateway(claimed)
    office.wait(seconds=59)
    assert office.work(message) is None
    assert office.state(message) is None
    office.wait(minutes=2)
    if found_by == "worker":
        assert office.work(message) is not None
    else:
        assert [delivery.message_id for delivery in office.tend().given_up] == [message.message_id]
    delivery = office.delivery(message)
    assert delivery is not None
    assert (delivery.state, delivery.reason) == (DeliveryState.UNKNOWN, "worker_lost")
    assert office.handed_over() == int(called)
    assert office.is_only_its_outcome_left()
    assert office.tend().waiting == 0


def test_a_worker_thought_dead_that_comes_back_tells_what_it_knows(office: PostOffice) -> None:
    message = office.write()
    claimed = office.outbox.claim(message, office.now)
    assert claimed is not None
    office.wait(minutes=3)
    office.tend()
    assert office.state(message) is DeliveryState.UNKNOWN
    late = delivery_of(claimed, DeliveryState.SENT, office.now, provider_id="late")
    assert office.outbox.record(claimed, late)
    assert office.state(message) is DeliveryState.SENT
    unknown = delivery_of(claimed, DeliveryState.UNKNOWN, office.now)
    assert not office.outbox.record(claimed, unknown)
    assert office.state(message) is DeliveryState.SENT


@every_way
@pytest.mark.parametrize(
    ("mood", "state"),
    [
        (Mood.HANGS, DeliveryState.UNKNOWN),
        (Mood.RESETS, DeliveryState.UNKNOWN),
        (Mood.BREAKS, DeliveryState.UNKNOWN),
        (Mood.BREAKS_AFTER_ACCEPTING, DeliveryState.UNKNOWN),
        (Mood.TALKS_NONSENSE, DeliveryState.UNKNOWN),
        (Mood.REFUSES, DeliveryState.FAILED),
    ],
)
def test_a_gateway_that_fails_is_called_once_and_what_is_known_is_said(
    office: PostOffice, kind: MessageKind, mood: Mood, state: DeliveryState
) -> None:
    office.in_a_mood(mood)
    message = office.write(kind)
    office.work(message)
    assert office.state(message) is state
    office.in_a_mood(Mood.ACCEPTS)
    office.wait(minutes=5)
    office.work(message)
    assert office.tend().waiting == 0
    assert (office.handed_over(), office.state(message)) == (1, state)
    assert office.is_only_its_outcome_left()


@every_way
def test_a_throttled_message_waits_on_and_is_sent_when_the_gateway_takes_it(
    office: PostOffice, kind: MessageKind
) -> None:
    office.in_a_mood(Mood.THROTTLES)
    message = office.write(kind)
    with pytest.raises(NotAccepted):
        office.work(message)
    waiting = office.outbox.load(outbox_key(message))
    assert waiting == replace(message, attempts=1)
    office.in_a_mood(Mood.ACCEPTS)
    office.work(message)
    assert office.state(message) is DeliveryState.SENT


@every_way
def test_a_message_that_is_never_taken_fails_in_the_end(office: PostOffice, kind: MessageKind) -> None:
    office.in_a_mood(Mood.THROTTLES)
    message = office.write(kind)
    for _ in range(MOST_ATTEMPTS - 1):
        with pytest.raises(NotAccepted):
            office.work(message)
    office.work(message)
    delivery = office.delivery(message)
    assert delivery is not None
    assert (delivery.state, delivery.reason) == (DeliveryState.FAILED, "gateway_throttles")


@every_way
def test_a_lost_wake_up_is_made_good_after_two_minutes(office: PostOffice, kind: MessageKind) -> None:
    queue = office.wake_ups
    gone: Any = botocore.session.get_session().create_client(
        "sqs",
        region_name="eu-north-1",
        endpoint_url=f"http://127.0.0.1:{free_port()}",
        config=Config(retries={"total_max_attempts": 1}),
    )
    office.wake_ups = WakeUps(gone, queue.queue)
    message = office.write(kind)
    assert office.woken() == []
    office.wait(minutes=1, seconds=59)
    assert office.tend().waiting == 0
    office.wait(seconds=2)
    tended = office.tend()
    assert (tended.waiting, tended.lost) == (1, 1)
    office.wake_ups = queue
    tended = office.tend()
    assert (tended.waiting, tended.lost) == (1, 0)
    (body,) = office.woken()
    assert office.worker.send(json.loads(body)) is not None
    assert (office.state(message), office.tend().waiting) == (DeliveryState.SENT, 0)


def test_a_row_that_nobody_can_read_is_told_and_holds_up_no_other_message(office: PostOffice) -> None:
    row = office.store.outbox_write(office.compose(MessageKind.WELCOME)).item
    unreadable = row | {"pk": "OUTBOX#0", "kind": "fortune"}
    office.client.put_item(TableName="messages", Item=to_wire(unreadable))
    message = office.write()
    office.woken()
    office.wait(minutes=3)
    tended = office.tend()
    assert [broken.key for broken in tended.broken] == [{"pk": "OUTBOX#0", "sk": row["sk"]}]
    assert tended.waiting == 2
    (body,) = office.woken()
    assert json.loads(body) == outbox_key(message)


def test_a_message_that_breaks_when_it_is_given_up_holds_up_no_other(office: PostOffice) -> None:
    breaks, lost, waits = office.write(), office.write(), office.write()
    for message in (breaks, lost):
        assert office.outbox.claim(message, office.now)
    nonsense = {"pk": f"D#{breaks.club_id}#{breaks.message_id}", "sk": "DELIVERY", "outcome": "fortune"}
    office.client.put_item(TableName="messages", Item=to_wire(nonsense))
    office.woken()
    office.wait(minutes=3)
    tended = office.tend()
    assert [broken.key for broken in tended.broken] == [outbox_key(breaks)]
    assert [delivery.message_id for delivery in tended.given_up] == [lost.message_id]
    (body,) = office.woken()
    assert json.loads(body) == outbox_key(waits)


@every_way
@pytest.mark.parametrize("earlier", [None, DeliveryState.UNKNOWN])
def test_a_record_whose_answer_came_too_late_is_told_once(
    office: PostOffice, kind: MessageKind, earlier: DeliveryState | None
) -> None:
    message = office.write(kind)
    slow: Any = AnswersLate(office.client, "transact_write_items")
    recorder = replace(office, client=slow)
    if earlier:
        claimed = office.outbox.claim(message, office.now)
        assert claimed is not None
        assert office.outbox.record(claimed, delivery_of(claimed, earlier, office.now))
        told = record(
            recorder.outbox, claimed, delivery_of(claimed, DeliveryState.SENT, office.now), recorder.worker.patience
        )
    else:
        told = recorder.work(message)
    assert slow.late == 0
    assert told is not None
    assert (told.state, office.delivery(message)) == (DeliveryState.SENT, told)


@every_way
def test_two_jobs_and_a_worker_at_once_record_one_outcome(office: PostOffice, kind: MessageKind) -> None:
    message = office.write(kind)
    assert office.outbox.claim(message, office.now)
    office.wait(minutes=3)
    with ThreadPoolExecutor(9) as pool:
        told = list(pool.map(lambda n: office.tend().given_up if n % 3 else (office.work(message),), range(9)))
    assert len([delivery for each in told for delivery in each if delivery]) == 1
    assert (office.state(message), office.handed_over()) == (DeliveryState.UNKNOWN, 0)


def test_a_club_sends_five_tests_an_hour_and_twenty_operators_no_more(office: PostOffice) -> None:
    def try_one(_: int) -> str:
        try:
            office.write()
        except Refusal as refusal:
            return refusal.code
        return "written"

    with ThreadPoolExecutor(20) as pool:
        told = list(pool.map(try_one, range(20)))
    assert sorted(told) == ["too_many_messages"] * 15 + ["written"] * TESTS_AN_HOUR
    assert office.kinds_of_rows() == {"OUTBOX": 5, "TESTS": 1}
    with pytest.raises(Refusal) as refused:
        office.write()
    assert refused.value.retry_after == 3600
    office.wait(hours=1)
    office.write()
    neighbour = replace(office, club=make_club())
    neighbour.write()
    assert office.kinds_of_rows() == {"OUTBOX": 7, "TESTS": 2}


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("+44 7400 123456", "phone_country_not_allowed"),
        ("+1 202 555 0143", "phone_country_not_allowed"),
        ("1204", "phone_invalid"),
        ("20123456 (Anna)", "phone_has_letters"),
        ("", "phone_invalid"),
    ],
)
def test_nobody_is_written_to_where_the_club_takes_no_members(office: PostOffice, typed: str, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        office.operator.send(typed)
    assert refused.value.code == code
    assert office.kinds_of_rows() == {}
    assert office.woken() == []


def test_a_clubs_store_takes_no_other_clubs_message(office: PostOffice) -> None:
    message = office.write()
    other = ClubMessages(office.client, "messages", make_club().club_id)
    with pytest.raises(ValueError, match="another club's"):
        other.outbox_write(message)
