"""The contract of the port for messages, kept by both adapters against the real engine and every fault."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import replace
from dataclasses import dataclass
from email.header import decode_header, make_header
from typing import Any

import botocore.session
import httpx
import pytest
from botocore.config import Config

from stamkunde.gateways.email import Email
from stamkunde.gateways.handover import AnswerLost, Gateway, GatewayFailure, NotAccepted, Refused
from stamkunde.gateways.sms import Sms
from stamkunde.message_bootstrap import GATEWAY_CONFIG, email_gateway, sms_gateway
from stamkunde.messaging.sender import mail_sender
from stamkunde.settings import Settings
from tests.gateways.network import SES, SNS, Mood, Network, WireFormat, running_network
from tests.local_stack import free_port

ACCOUNT = "481516234200"
MAIL_DOMAIN = "stamkunde.test"
SMS = Sms("+4520123456", "BagerHolm", "Dette er en test fra Bager Holm. Æ ø å €", 1, advertises=False)
EMAIL = Email(
    "mette@example.com",
    mail_sender("Bager Ærø", "bager-aeroe", MAIL_DOMAIN),
    "Bekræft din e-mail hos Bager Ærø",
    "Hej\n\nBekræft, at den er din:\nhttps://k.test/abc\n",
)


@dataclass(frozen=True)
class Way:
    """One adapter, a message for it, and how its gateway answers."""

    name: str
    open: Callable[[Settings, Config], Gateway[Any]]
    message: Any
    wire: WireFormat


WAYS = (Way("sms", sms_gateway, SMS, SNS), Way("email", email_gateway, EMAIL, SES))
every_way = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)


@pytest.fixture
def network() -> Iterator[Network]:
    with running_network() as running:
        yield running


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Gateway[Any]]:
    def open_way(way: Way, endpoint: str, patience: float = 5) -> Gateway[Any]:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCOUNT)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        return way.open(Settings(region="eu-north-1"), GATEWAY_CONFIG.merge(Config(read_timeout=patience)))

    return open_way


def test_the_engine_takes_a_text_message_as_it_was_handed_over(
    opened: Callable[..., Gateway[Any]], engine_endpoint: str
) -> None:
    assert opened(WAYS[0], engine_endpoint).send(SMS)
    shown = httpx.get(f"{engine_endpoint}/_ministack/sns/sms-messages", params={"account": ACCOUNT}).text
    assert "BagerHolm" in shown
    assert "Transactional" in shown
    assert SMS.recipient in shown


def test_the_engine_takes_an_e_mail_from_our_own_domain_and_from_no_other(
    opened: Callable[..., Gateway[Any]], engine_endpoint: str
) -> None:
    gateway = opened(WAYS[1], engine_endpoint)
    with pytest.raises(Refused) as told:
        gateway.send(EMAIL)
    assert told.value.reason == "MessageRejected"
    client: Any = botocore.session.get_session().create_client("sesv2", region_name="eu-north-1")
    client.create_email_identity(EmailIdentity=MAIL_DOMAIN)
    message_id = gateway.send(EMAIL)
    answer = httpx.get(f"{engine_endpoint}/_ministack/ses/messages", params={"account": ACCOUNT}).json()
    (shown,) = [each for each in answer["messages"][ACCOUNT] if each["MessageId"] == message_id]
    assert (shown["To"], shown["Subject"], shown["BodyText"]) == ([EMAIL.recipient], EMAIL.subject, EMAIL.text)
    assert "bager-aeroe@stamkunde.test" in shown["Source"]


def test_a_text_message_is_handed_over_whole_with_sender_class_and_highest_price(
    opened: Callable[..., Gateway[Any]], network: Network
) -> None:
    gateway = opened(WAYS[0], network.url)
    assert gateway.send(SMS) == "network-1"
    assert gateway.send(Sms(SMS.recipient, "BagerHolm", "Tilbud", 3, advertises=True)) == "network-2"
    first, second = network.calls
    assert (first.recipient, first.text) == (SMS.recipient, SMS.text)
    assert attributes(first.given) == {
        "AWS.SNS.SMS.SenderID": "BagerHolm",
        "AWS.SNS.SMS.SMSType": "Transactional",
        "AWS.SNS.SMS.MaxPrice": "0.20",
    }
    assert attributes(second.given)["AWS.SNS.SMS.SMSType"] == "Promotional"
    assert attributes(second.given)["AWS.SNS.SMS.MaxPrice"] == "0.60"


def test_an_e_mail_is_handed_over_whole_in_plain_text_from_the_clubs_name(
    opened: Callable[..., Gateway[Any]], network: Network
) -> None:
    assert opened(WAYS[1], network.url).send(EMAIL) == "network-1"
    given = network.calls[0].given
    assert given["FromEmailAddress"].isascii()
    assert str(make_header(decode_header(given["FromEmailAddress"]))) == "Bager Ærø <bager-aeroe@stamkunde.test>"
    assert given["Destination"] == {"ToAddresses": ["mette@example.com"]}
    assert given["Content"] == {
        "Simple": {
            "Subject": {"Data": EMAIL.subject, "Charset": "UTF-8"},
            "Body": {"Text": {"Data": EMAIL.text, "Charset": "UTF-8"}},
        }
    }


@pytest.mark.parametrize(
    ("domain", "known_as"),
    [
        ("blåbær.dk", "xn--blbr-roah.dk"),
        ("BLÅBÆR.dk", "xn--blbr-roah.dk"),
        # Without their ß they would be somebody else's.
        ("straße.de", "xn--strae-oqa.de"),
        ("faß.dk", "xn--fa-hia.dk"),
        ("strasse.de", "strasse.de"),
    ],
)
def test_an_address_in_a_domain_with_letters_of_its_own_is_written_as_name_servers_know_it(
    opened: Callable[..., Gateway[Any]], network: Network, domain: str, known_as: str
) -> None:
    opened(WAYS[1], network.url).send(replace(EMAIL, recipient=f"mette@{domain}"))
    assert network.calls[0].recipient == f"mette@{known_as}"


@pytest.mark.parametrize("domain", [f"{'å' * 64}.dk", "blå bær.dk", "å..dk", "-å.dk"])
def test_an_address_in_a_domain_that_cannot_be_is_refused_before_anything_is_sent(
    opened: Callable[..., Gateway[Any]], network: Network, domain: str
) -> None:
    with pytest.raises(Refused) as told:
        opened(WAYS[1], network.url).send(replace(EMAIL, recipient=f"mette@{domain}"))
    assert told.value.reason == "address_unusable"
    assert network.calls == []


@every_way
@pytest.mark.parametrize(
    ("mood", "failure", "reason"),
    [
        (Mood.THROTTLES, NotAccepted, "gateway_throttles"),
        (Mood.REFUSES, Refused, None),
        (Mood.BREAKS, AnswerLost, "gateway_broke"),
        (Mood.BREAKS_AFTER_ACCEPTING, AnswerLost, "gateway_broke"),
        (Mood.HANGS, AnswerLost, "answer_lost"),
        (Mood.RESETS, AnswerLost, "answer_lost"),
        (Mood.TALKS_NONSENSE, AnswerLost, "answer_lost"),
        (Mood.GIVES_NO_ID, AnswerLost, "answer_lost"),
    ],
)
def test_each_way_to_fail_is_told_apart_and_none_is_tried_again(
    opened: Callable[..., Gateway[Any]],
    network: Network,
    way: Way,
    mood: Mood,
    failure: type[GatewayFailure],
    reason: str | None,
) -> None:
    network.mood = mood
    with pytest.raises(failure) as told:
        opened(way, network.url, 0.4 if mood is Mood.HANGS else 5).send(way.message)
    assert str(told.value) == (reason or way.wire.failures[mood][1])
    assert len(network.calls) == 1


@every_way
def test_a_gateways_refusal_quotes_nobody(opened: Callable[..., Gateway[Any]], network: Network, way: Way) -> None:
    network.mood = Mood.REFUSES
    with pytest.raises(Refused) as told:
        opened(way, network.url).send(way.message)
    assert told.value.reason == way.wire.failures[Mood.REFUSES][1]
    assert str(told.value) == told.value.reason


@every_way
def test_a_gateway_that_is_not_there_has_surely_taken_nothing(opened: Callable[..., Gateway[Any]], way: Way) -> None:
    with pytest.raises(NotAccepted) as told:
        opened(way, f"http://127.0.0.1:{free_port()}").send(way.message)
    assert told.value.reason == "gateway_unreachable"


@every_way
def test_no_connection_is_kept_for_the_next_message(
    opened: Callable[..., Gateway[Any]], network: Network, way: Way
) -> None:
    gateway = opened(way, network.url)
    gateway.send(way.message)
    gateway.send(way.message)
    assert len(network.connections) == 2


def attributes(form: dict[str, str]) -> dict[str, str]:
    """The attributes of a text message, as they stand in the form."""
    numbers = [name.split(".")[2] for name in form if name.endswith(".Name")]
    return {
        form[f"MessageAttributes.entry.{number}.Name"]: form[f"MessageAttributes.entry.{number}.Value.StringValue"]
        for number in numbers
    }
