"""The contract of the port for text messages, kept by the SNS adapter against the real engine and every fault."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from botocore.config import Config

from stamkunde.gateways.sms import AnswerLost, GatewayFailure, NotAccepted, Refused, Sms, SmsGateway
from stamkunde.message_bootstrap import GATEWAY_CONFIG, sms_gateway
from stamkunde.settings import Settings
from tests.gateways.network import Mood, Network, running_network
from tests.local_stack import free_port

ACCOUNT = "481516234200"
SMS = Sms("+4520123456", "BagerHolm", "Dette er en test fra Bager Holm. Æ ø å €", 1, advertises=False)


@pytest.fixture
def network() -> Iterator[Network]:
    with running_network() as running:
        yield running


def gateway(patch: pytest.MonkeyPatch, endpoint: str, patience: float = 5) -> SmsGateway:
    patch.setenv("AWS_ENDPOINT_URL", endpoint)
    patch.setenv("AWS_ACCESS_KEY_ID", ACCOUNT)
    patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    config = GATEWAY_CONFIG.merge(Config(read_timeout=patience))
    return sms_gateway(Settings(region="eu-north-1"), config)


def test_the_engine_takes_a_message_as_it_was_handed_over(
    monkeypatch: pytest.MonkeyPatch, engine_endpoint: str
) -> None:
    assert gateway(monkeypatch, engine_endpoint).send(SMS)
    shown = httpx.get(f"{engine_endpoint}/_ministack/sns/sms-messages", params={"account": ACCOUNT}).text
    assert "BagerHolm" in shown
    assert "Transactional" in shown
    assert SMS.recipient in shown


def test_a_message_is_handed_over_whole_with_sender_class_and_highest_price(
    monkeypatch: pytest.MonkeyPatch, network: Network
) -> None:
    sender = gateway(monkeypatch, network.url)
    assert sender.send(SMS) == "network-1"
    advertisement = Sms(SMS.recipient, "BagerHolm", "Tilbud", 3, advertises=True)
    assert sender.send(advertisement) == "network-2"
    first, second = network.calls
    assert (first["PhoneNumber"], first["Message"]) == (SMS.recipient, SMS.text)
    assert attributes(first) == {
        "AWS.SNS.SMS.SenderID": "BagerHolm",
        "AWS.SNS.SMS.SMSType": "Transactional",
        "AWS.SNS.SMS.MaxPrice": "0.20",
    }
    assert attributes(second)["AWS.SNS.SMS.SMSType"] == "Promotional"
    assert attributes(second)["AWS.SNS.SMS.MaxPrice"] == "0.60"


@pytest.mark.parametrize(
    ("mood", "failure", "reason"),
    [
        (Mood.THROTTLES, NotAccepted, "gateway_throttles"),
        (Mood.REFUSES, Refused, "InvalidParameter"),
        (Mood.BREAKS, AnswerLost, "gateway_broke"),
        (Mood.BREAKS_AFTER_ACCEPTING, AnswerLost, "gateway_broke"),
        (Mood.HANGS, AnswerLost, "answer_lost"),
        (Mood.RESETS, AnswerLost, "answer_lost"),
        (Mood.TALKS_NONSENSE, AnswerLost, "answer_lost"),
    ],
)
def test_each_way_to_fail_is_told_apart_and_none_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, network: Network, mood: Mood, failure: type[GatewayFailure], reason: str
) -> None:
    network.mood = mood
    with pytest.raises(failure) as told:
        gateway(monkeypatch, network.url, 0.4 if mood is Mood.HANGS else 5).send(SMS)
    assert str(told.value) == reason
    assert len(network.calls) == 1


def test_a_gateway_that_is_not_there_has_surely_taken_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotAccepted) as told:
        gateway(monkeypatch, f"http://127.0.0.1:{free_port()}").send(SMS)
    assert told.value.reason == "gateway_unreachable"


def test_no_connection_is_kept_for_the_next_message(monkeypatch: pytest.MonkeyPatch, network: Network) -> None:
    sender = gateway(monkeypatch, network.url)
    sender.send(SMS)
    sender.send(SMS)
    assert len(network.connections) == 2


def attributes(call: dict[str, str]) -> dict[str, str]:
    """The attributes of a message, as they stand in the form."""
    numbers = [name.split(".")[2] for name in call if name.endswith(".Name")]
    return {
        call[f"MessageAttributes.entry.{number}.Name"]: call[f"MessageAttributes.entry.{number}.Value.StringValue"]
        for number in numbers
    }
