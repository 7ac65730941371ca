"""What gateways tell afterwards, in every shape they tell it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from stamkunde.gateways.reference import CampaignReference
from stamkunde.gateways.reports import DeliveryReport, InboundText, Verdict, read_aws, read_gatewayapi
from stamkunde.messaging.model import DeliveryState
from stamkunde.messaging.suppression import Trouble
from stamkunde.shared.channel import Channel

REFERENCE = CampaignReference("c0123", "k4567", "e12", 7)
AT = datetime(2026, 11, 22, 12, 0, 0, 500_000, tzinfo=UTC)
BOUNCED = {
    "bounceType": "Permanent",
    "bounceSubType": "General",
    "bouncedRecipients": [{"emailAddress": "Mette@Example.com", "diagnosticCode": "550 no mette@example.com here"}],
    "timestamp": "2026-11-22T12:00:00.500Z",
}
MAIL = {
    "timestamp": "2026-11-22T11:59:00.000Z",
    "messageId": "0100-ses",
    "source": "=?utf-8?b?QmFnZXI=?= <bager-aeroe@mail.example.com>",
    "destination": ["mette@example.com"],
}


def event(kind: str, **details: Any) -> dict[str, Any]:
    """As a configuration set's event says it, with our tag."""
    name = kind[0].lower() + kind[1:]
    return {"eventType": kind, "mail": {**MAIL, "tags": {"ref": [REFERENCE.text]}}, name: details}


def notification(kind: str, **details: Any) -> dict[str, Any]:
    """As an identity's older notification says it, without any tag."""
    return {"notificationType": kind, "mail": MAIL, kind.lower(): details}


def only(reports: list[Any]) -> DeliveryReport:
    (report,) = reports
    assert isinstance(report, DeliveryReport)
    return report


@pytest.mark.parametrize("shape", [event, notification])
def test_a_bounce_is_read_in_both_shapes(shape: Any) -> None:
    report = only(read_aws(shape("Bounce", **BOUNCED)))
    assert report.verdict == Verdict(DeliveryState.FAILED, Trouble.BOUNCED_FOR_GOOD, "bounced_for_good")
    assert (report.channel, report.address, report.about, report.at) == (
        Channel.EMAIL, "Mette@Example.com", "0100-ses", AT,
    )  # fmt: skip
    told = (REFERENCE, None) if shape is event else (None, "bager-aeroe")
    assert (report.reference, report.slug) == told


@pytest.mark.parametrize("shape", [event, notification])
def test_a_complaint_is_read_in_both_shapes_and_says_that_it_had_arrived(shape: Any) -> None:
    told = {"complainedRecipients": [{"emailAddress": "mette@example.com"}], "timestamp": "2026-11-22T12:00:00.500Z"}
    report = only(read_aws(shape("Complaint", **told)))
    assert report.verdict == Verdict(DeliveryState.DELIVERED, Trouble.COMPLAINED, "complained")
    assert report.address == "mette@example.com"


@pytest.mark.parametrize("shape", [event, notification])
def test_a_delivery_is_read_in_both_shapes(shape: Any) -> None:
    told = {"recipients": ["mette@example.com"], "timestamp": "2026-11-22T12:00:00.500Z"}
    report = only(read_aws(shape("Delivery", **told)))
    assert (report.verdict, report.at) == (Verdict(DeliveryState.DELIVERED), AT)


@pytest.mark.parametrize(
    ("kind", "details", "verdict"),
    [
        ("Bounce", {**BOUNCED, "bounceType": "Transient"}, Verdict(DeliveryState.FAILED, Trouble.BOUNCED, "bounced")),
        ("Bounce", {**BOUNCED, "bounceType": "Odd"}, Verdict(DeliveryState.FAILED, Trouble.BOUNCED, "bounced")),
        (
            "Bounce",
            {**BOUNCED, "bounceSubType": "OnAccountSuppressionList"},
            Verdict(DeliveryState.FAILED, None, "suppressed_by_gateway"),
        ),
        (
            "Complaint",
            {"complaintSubType": "OnAccountSuppressionList", "complainedRecipients": [{"emailAddress": "m@e.com"}]},
            Verdict(DeliveryState.FAILED, None, "suppressed_by_gateway"),
        ),
        ("Reject", {"reason": "Bad content"}, Verdict(DeliveryState.FAILED, None, "message_refused")),
        ("Send", {}, Verdict(DeliveryState.SENT)),
        ("DeliveryDelay", {"delayedRecipients": []}, Verdict()),
        ("Open", {}, Verdict()),
    ],
)  # fmt: skip
def test_each_event_of_a_mail_has_its_meaning(kind: str, details: dict[str, Any], verdict: Verdict) -> None:
    assert only(read_aws(event(kind, **details))).verdict == verdict


def text_event(kind: str, **more: Any) -> dict[str, Any]:
    """As AWS End User Messaging describes it."""
    return {
        "eventType": kind,
        "eventVersion": "1.0",
        "eventTimestamp": 1795348800500,
        "isFinal": True,
        "originationPhoneNumber": "BagerHolm",
        "destinationPhoneNumber": "+4520123456",
        "messageId": "862a8790",
        "messageStatus": "DELIVERED",
        "context": {"ref": "c0123_k4567_s12_7"},
        "totalMessageParts": 1,
        "totalMessagePrice": 0.05,
    } | more


@pytest.mark.parametrize(
    ("kind", "state", "trouble"),
    [
        ("TEXT_QUEUED", DeliveryState.SENT, None),
        ("TEXT_PENDING", DeliveryState.SENT, None),
        ("TEXT_SUCCESSFUL", DeliveryState.SENT, None),
        ("TEXT_DELIVERED", DeliveryState.DELIVERED, None),
        ("TEXT_INVALID", DeliveryState.FAILED, Trouble.NO_SUCH_NUMBER),
        ("TEXT_INVALID_MESSAGE", DeliveryState.FAILED, None),
        ("TEXT_UNREACHABLE", DeliveryState.FAILED, Trouble.UNREACHABLE),
        ("TEXT_CARRIER_UNREACHABLE", DeliveryState.FAILED, None),
        ("TEXT_BLOCKED", DeliveryState.FAILED, None),
        ("TEXT_CARRIER_BLOCKED", DeliveryState.FAILED, None),
        ("TEXT_PROTECT_BLOCKED", DeliveryState.FAILED, None),
        ("TEXT_SPAM", DeliveryState.FAILED, None),
        ("TEXT_TTL_EXPIRED", DeliveryState.EXPIRED, None),
        ("TEXT_UNKNOWN", None, None),
        ("TEXT_OF_TOMORROW", None, None),
    ],
)
def test_each_event_of_a_text_message_has_its_meaning(
    kind: str, state: DeliveryState | None, trouble: Trouble | None
) -> None:
    report = only(read_aws(text_event(kind)))
    assert (report.verdict.state, report.verdict.trouble) == (state, trouble)
    assert (report.channel, report.address, report.about) == (Channel.SMS, "+4520123456", "862a8790")
    assert report.reference == CampaignReference("c0123", "k4567", "s12", 7)
    assert report.at == AT.replace(day=22)


def test_a_text_message_of_somebody_elses_has_no_reference() -> None:
    assert only(read_aws(text_event("TEXT_DELIVERED", context={"account": "bar"}))).reference is None
    assert only(read_aws(text_event("TEXT_DELIVERED", context=None))).reference is None


def test_an_answer_by_two_way_messaging_is_read() -> None:
    told = {
        "originationNumber": "+4520123456",
        "destinationNumber": "+4599999999",
        "messageKeyword": "KEYWORD_4599999999",
        "messageBody": "STOP bagerholm",
        "inboundMessageId": "cae173d2",
    }
    assert read_aws(told) == [InboundText("+4520123456", "STOP bagerholm")]


@pytest.mark.parametrize("told", [{}, {"Type": "SubscriptionConfirmation"}, {"eventType": "REGISTRATION_STATUS"}])
def test_what_is_no_report_is_passed_over(told: dict[str, Any]) -> None:
    assert read_aws(told) == []


@pytest.mark.parametrize(
    "told", [text_event("TEXT_DELIVERED") | {"eventTimestamp": "soon"}, {"eventType": "Bounce", "mail": {}}]
)
def test_what_is_not_as_they_describe_it_is_no_report_and_is_told(told: dict[str, Any]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        read_aws(told)


def called(**given: Any) -> dict[str, Any]:
    """As GatewayAPI's documentation shows it."""
    return {"id": 1000001, "msisdn": 4520123456, "time": 1795348800, "status": "DELIVERED"} | given


@pytest.mark.parametrize(
    ("given", "state", "trouble"),
    [
        ({"status": "DELIVERED"}, DeliveryState.DELIVERED, None),
        ({"status": "BUFFERED"}, DeliveryState.SENT, None),
        ({"status": "ENROUTE"}, DeliveryState.SENT, None),
        ({"status": "ACCEPTED"}, DeliveryState.SENT, None),
        ({"status": "EXPIRED"}, DeliveryState.EXPIRED, Trouble.UNREACHABLE),
        ({"status": "UNDELIVERABLE"}, DeliveryState.FAILED, Trouble.UNREACHABLE),
        ({"status": "UNDELIVERABLE", "code": "0x1010"}, DeliveryState.FAILED, Trouble.NO_SUCH_NUMBER),
        ({"status": "UNDELIVERABLE", "code": 0x1010}, DeliveryState.FAILED, Trouble.NO_SUCH_NUMBER),
        ({"status": "UNDELIVERABLE", "code": "1084"}, DeliveryState.FAILED, Trouble.NO_SUCH_NUMBER),
        ({"status": "UNDELIVERABLE", "code": "0x1013"}, DeliveryState.FAILED, Trouble.UNREACHABLE),
        ({"status": "REJECTED"}, DeliveryState.FAILED, None),
        ({"status": "SKIPPED"}, DeliveryState.FAILED, None),
        ({"status": "DELETED"}, DeliveryState.FAILED, None),
        ({"status": "UNKNOWN"}, None, None),
    ],
)
def test_each_state_of_gatewayapi_has_its_meaning(
    given: dict[str, Any], state: DeliveryState | None, trouble: Trouble | None
) -> None:
    report = only(read_gatewayapi(called(userref="c0123_k4567_s12_7", **given)))
    assert (report.verdict.state, report.verdict.trouble) == (state, trouble)
    assert (report.address, report.about, report.reference) == (
        "+4520123456", "1000001", CampaignReference("c0123", "k4567", "s12", 7),
    )  # fmt: skip


def test_an_answer_to_gatewayapi_is_read() -> None:
    told = {"id": 1, "msisdn": 4520123456, "receiver": 451204, "message": "stop holm", "senttime": 1795348800}
    assert read_gatewayapi(told) == [InboundText("+4520123456", "stop holm")]


@pytest.mark.parametrize("told", [{}, {"msisdn": "x"}, called(time=None), {"msisdn": 45, "id": 1}])
def test_a_call_that_is_none_of_gatewayapis_is_told(told: dict[str, Any]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        read_gatewayapi(told)


def test_no_verdict_quotes_what_a_gateway_said() -> None:
    report = only(read_aws(event("Bounce", **BOUNCED)))
    assert "550" not in repr(report)
