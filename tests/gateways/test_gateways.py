"""The contract of the port for messages, kept by all adapters against every fault, and by two on the real engine."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import replace
from dataclasses import dataclass
from email.header import decode_header, make_header
from typing import Any

import botocore.session
import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import EndpointConnectionError
from botocore.httpsession import URLLib3Session

from stamkunde.gateway_bootstrap import campaign_gateways, sms_gateway_chosen
from stamkunde.gateways.email import Email
from stamkunde.gateways.gatewayapi import GatewayApiSms
from stamkunde.gateways.handover import AnswerLost, Gateway, GatewayFailure, NotAccepted, Refused
from stamkunde.gateways.secrets import Secret
from stamkunde.gateways.sms import Sms
from stamkunde.message_bootstrap import GATEWAY_CONFIG, email_gateway, sms_gateway
from stamkunde.messaging.sender import mail_sender
from stamkunde.settings import Settings
from tests.gateways.network import GATEWAYAPI, SES, SNS, TOKEN, VOICE, Mood, Network, WireFormat, running_network
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


def chosen(name: str) -> Callable[[Settings, Config], Gateway[Any]]:
    """Opens the gateway that a deployment chose by its name."""
    return lambda settings, config: sms_gateway_chosen(replace(settings, sms_gateway=name), config)


REFERENCE = "c0123_k4567_s12_7"
OF_A_CAMPAIGN = replace(SMS, text="Tilbud 🎃", parts=2, advertises=True, reference=REFERENCE, worth_seconds=7200)
WAYS = (
    Way("sms", sms_gateway, SMS, SNS),
    Way("email", email_gateway, EMAIL, SES),
    Way("voice", chosen("voice"), OF_A_CAMPAIGN, VOICE),
    Way("gatewayapi", chosen("gatewayapi"), OF_A_CAMPAIGN, GATEWAYAPI),
)
every_way = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)


@pytest.fixture
def network() -> Iterator[Network]:
    with running_network() as running:
        yield running


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, network: Network) -> Callable[..., Gateway[Any]]:
    def open_way(way: Way, endpoint: str, patience: float = 5) -> Gateway[Any]:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCOUNT)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", network.url)
        return way.open(settings_of(endpoint), GATEWAY_CONFIG.merge(Config(read_timeout=patience)))

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


def settings_of(endpoint: str) -> Settings:
    """What a deployment with every gateway would be told."""
    return Settings(
        region="eu-north-1",
        sms_configuration_set="stamkunde-sms",
        gatewayapi_url=endpoint,
        gatewayapi_token="/stamkunde/gatewayapi/token",
    )


def test_end_user_messaging_gets_highest_price_end_and_reference(
    opened: Callable[..., Gateway[Any]], network: Network
) -> None:
    gateway = opened(WAYS[2], network.url)
    assert gateway.send(OF_A_CAMPAIGN) == "network-1"
    gateway.send(SMS)
    gateway.send(replace(OF_A_CAMPAIGN, worth_seconds=1))
    gateway.send(replace(OF_A_CAMPAIGN, worth_seconds=10**7))
    first, second, third, fourth = (call.given for call in network.calls)
    assert first == {
        "DestinationPhoneNumber": SMS.recipient,
        "OriginationIdentity": "BagerHolm",
        "MessageBody": OF_A_CAMPAIGN.text,
        "MessageType": "PROMOTIONAL",
        "MaxPrice": "0.40",
        "ConfigurationSetName": "stamkunde-sms",
        "Context": {"ref": REFERENCE},
        "TimeToLive": 7200,
    }
    assert (second["MessageType"], "Context" in second, "TimeToLive" in second) == ("TRANSACTIONAL", False, False)
    assert (third["TimeToLive"], fourth["TimeToLive"]) == (5, 259_200)


def test_gatewayapi_gets_parts_encoding_end_and_reference_and_our_token(
    opened: Callable[..., Gateway[Any]], network: Network
) -> None:
    gateway = opened(WAYS[3], network.url)
    assert gateway.send(OF_A_CAMPAIGN) == "1"
    gateway.send(SMS)
    first, second = network.calls
    assert first.given == {
        "message": OF_A_CAMPAIGN.text,
        "sender": "BagerHolm",
        "recipients": [{"msisdn": 4520123456}],
        "priority": "BULK",
        "max_parts": 2,
        "encoding": "UCS2",
        "userref": REFERENCE,
        "validity_period": 7200,
    }
    assert (second.given["encoding"], second.given["priority"], "userref" in second.given) == (
        "UTF8",
        "NORMAL",
        False,
    )
    assert base64.b64decode(first.headers["authorization"].removeprefix("Basic ")).decode() == f"{TOKEN}:"
    assert TOKEN not in repr(first.given)


def test_credit_that_is_used_up_is_no_refusal_of_a_number(
    opened: Callable[..., Gateway[Any]], network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    network.mood = Mood.REFUSES
    for way, status, code in ((WAYS[2], 400, "ServiceQuotaExceededException"), (WAYS[3], 403, "0x0216")):
        monkeypatch.setitem(way.wire.failures, Mood.REFUSES, (status, code))
        with pytest.raises(NotAccepted) as told:
            opened(way, network.url).send(way.message)
        assert told.value.reason == "gateway_no_credit"


def test_whoever_is_turned_away_themselves_keeps_the_message(
    opened: Callable[..., Gateway[Any]], network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    network.mood = Mood.REFUSES
    for way, status, code in (
        (WAYS[1], 403, "AccessDeniedException"),
        (WAYS[2], 400, "ExpiredTokenException"),
        (WAYS[3], 401, "0x0102"),
    ):
        monkeypatch.setitem(way.wire.failures, Mood.REFUSES, (status, code))
        with pytest.raises(NotAccepted) as told:
            opened(way, network.url).send(way.message)
        assert told.value.reason == "gateway_shut"


def test_a_token_that_cannot_be_read_sends_nothing(network: Network) -> None:
    class Away:
        def get_parameter(self, **given: Any) -> dict[str, Any]:
            raise EndpointConnectionError(endpoint_url=network.url)

    gateway = GatewayApiSms(URLLib3Session(), network.url, Secret(Away(), "/stamkunde/gatewayapi/token"))
    with pytest.raises(NotAccepted) as told:
        gateway.send(OF_A_CAMPAIGN)
    assert (told.value.reason, network.calls) == ("gateway_token_unread", [])


def test_a_secret_is_asked_for_once_and_never_shown(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []

    class Store:
        def get_parameter(self, **given: Any) -> dict[str, Any]:
            asked.append(given)
            return {"Parameter": {"Value": TOKEN}}

    secret = Secret(Store(), "/stamkunde/gatewayapi/token")
    assert (secret(), secret()) == (TOKEN, TOKEN)
    assert asked == [{"Name": "/stamkunde/gatewayapi/token", "WithDecryption": True}]
    assert TOKEN not in repr(secret)


def test_advertising_by_e_mail_carries_both_headers_to_unsubscribe_and_nothing_else_does(
    opened: Callable[..., Gateway[Any]], network: Network
) -> None:
    gateway = opened(WAYS[1], network.url)
    gateway.send(replace(EMAIL, unsubscribe="https://klub.example.com/u/8xQ2abcdefgh", reference=REFERENCE))
    gateway.send(EMAIL)
    first, second = (call.given for call in network.calls)
    assert first["Content"]["Simple"]["Headers"] == [
        {"Name": "List-Unsubscribe", "Value": "<https://klub.example.com/u/8xQ2abcdefgh>"},
        {"Name": "List-Unsubscribe-Post", "Value": "List-Unsubscribe=One-Click"},
    ]
    assert first["EmailTags"] == [{"Name": "ref", "Value": REFERENCE}]
    assert "Headers" not in second["Content"]["Simple"]
    assert not {"EmailTags", "ConfigurationSetName"} & second.keys()


@pytest.mark.parametrize("name", ["sns", "voice", "gatewayapi"])
def test_ten_threads_share_a_campaigns_gateways_and_no_answer_is_lost(
    network: Network, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", network.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCOUNT)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    settings = replace(settings_of(network.url), sms_gateway=name, mail_configuration_set="stamkunde-mail")
    gateways = campaign_gateways(settings)
    with ThreadPoolExecutor(10) as threads:
        texts = list(threads.map(gateways.sms.send, [OF_A_CAMPAIGN] * 60))
        mails = list(threads.map(gateways.email.send, [EMAIL] * 60))
    assert len({*texts, *mails}) == len(network.calls) == 120
    assert len(network.connections) <= 25, "a connection was made anew for each message"
    assert {call.given["ConfigurationSetName"] for call in network.calls if "Content" in call.given} == {
        "stamkunde-mail"
    }
    before = set(network.connections)
    gateways.release()
    gateways.sms.send(OF_A_CAMPAIGN)
    assert network.connections > before, "a released connection was used again"


def attributes(form: dict[str, str]) -> dict[str, str]:
    """The attributes of a text message, as they stand in the form."""
    numbers = [name.split(".")[2] for name in form if name.endswith(".Name")]
    return {
        form[f"MessageAttributes.entry.{number}.Name"]: form[f"MessageAttributes.entry.{number}.Value.StringValue"]
        for number in numbers
    }
