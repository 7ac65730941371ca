"""What gateways tell afterwards: what became of a message, and what somebody answered. Pure reading, of every shape.

SES tells in two: events of a configuration set (``eventType``) and the older notifications of an identity
(``notificationType``), which carry no reference. AWS End User Messaging has its own events and hands over answers;
GatewayAPI.com posts both to a webhook. Whatever else comes is nobody's business here.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from stamkunde.gateways.reference import KEY, Reference, read_reference
from stamkunde.messaging.model import DeliveryState
from stamkunde.messaging.suppression import Trouble
from stamkunde.shared.channel import Channel


class Verdict(Struct, frozen=True):
    """What a report comes to.

    Parameters
    ----------
    state
        None for what says nothing of the message.
    trouble
        What it says of the address.
    reason
        A code of ours; never a gateway's words, which quote addresses.
    """

    state: DeliveryState | None = None
    trouble: Trouble | None = None
    reason: str | None = None


class DeliveryReport(Struct, frozen=True):
    """A report about one message to one address.

    Parameters
    ----------
    reference
        Where it was sent from; None in the older shape.
    slug
        Of the older shape: the club by the address that it writes from.
    about
        The gateway's own id of the message, by which a report is told apart from its repetition.
    at
        When it happened, as the gateway says.
    """

    verdict: Verdict
    channel: Channel
    address: str
    about: str
    at: datetime
    reference: Reference | None = None
    slug: str | None = None


class InboundText(Struct, frozen=True):
    """A text message that somebody sent to our number."""

    phone: str
    text: str


type Report = DeliveryReport | InboundText

_FAILED, _SENT = DeliveryState.FAILED, DeliveryState.SENT

_TAKEN = Verdict(_SENT)
_ARRIVED = Verdict(DeliveryState.DELIVERED)
_NOTHING = Verdict()

_TEXT_EVENTS = {
    "TEXT_QUEUED": _TAKEN,
    "TEXT_PENDING": _TAKEN,
    "TEXT_SENT": _TAKEN,
    # A network has it; some tell no more than that.
    "TEXT_SUCCESSFUL": _TAKEN,
    "TEXT_DELIVERED": _ARRIVED,
    "TEXT_INVALID": Verdict(_FAILED, Trouble.NO_SUCH_NUMBER, "no_such_number"),
    "TEXT_INVALID_MESSAGE": Verdict(_FAILED, None, "message_refused"),
    "TEXT_UNREACHABLE": Verdict(_FAILED, Trouble.UNREACHABLE, "unreachable"),
    "TEXT_CARRIER_UNREACHABLE": Verdict(_FAILED, None, "network_unreachable"),
    "TEXT_BLOCKED": Verdict(_FAILED, None, "blocked"),
    "TEXT_CARRIER_BLOCKED": Verdict(_FAILED, None, "blocked"),
    "TEXT_PROTECT_BLOCKED": Verdict(_FAILED, None, "country_blocked"),
    "TEXT_SPAM": Verdict(_FAILED, None, "called_spam"),
    "TEXT_TTL_EXPIRED": Verdict(DeliveryState.EXPIRED, None, "too_late"),
}
"""Those of AWS End User Messaging; ``TEXT_UNKNOWN`` says, three days later, that nobody will ever know."""

_GATEWAYAPI_STATES = {
    "SCHEDULED": _TAKEN,
    "BUFFERED": _TAKEN,
    "ENROUTE": _TAKEN,
    # The network took it on the phone's behalf.
    "ACCEPTED": _TAKEN,
    "DELIVERED": _ARRIVED,
    "EXPIRED": Verdict(DeliveryState.EXPIRED, Trouble.UNREACHABLE, "unreachable"),
    "UNDELIVERABLE": Verdict(_FAILED, Trouble.UNREACHABLE, "undeliverable"),
    "REJECTED": Verdict(_FAILED, None, "rejected"),
    "SKIPPED": Verdict(_FAILED, None, "skipped"),
    "DELETED": Verdict(_FAILED, None, "deleted"),
}
_NO_SUBSCRIBER = frozenset({"0x1010", "0x1020", "0x1040", "0x1060", "0x1084"})
"""GatewayAPI's codes of a number that nobody has."""

_NOT_TRIED = "OnAccountSuppressionList"
"""SES sent nothing, because of something that happened with another message of the account's."""


def read_aws(body: Mapping[str, Any]) -> list[Report]:
    """What a message of the topic tells, which all of AWS's gateways publish to; mostly one thing.

    Raises
    ------
    KeyError, TypeError, ValueError
        It is one of theirs, and not as they describe it.
    """
    if "originationNumber" in body:
        return [InboundText(str(body["originationNumber"]), str(body["messageBody"]))]
    kind = str(body.get("eventType") or body.get("notificationType") or "")
    if kind.startswith("TEXT_"):
        return _text_report(kind, body)
    return _mail_reports(kind, body) if "mail" in body else []


def read_gatewayapi(body: Mapping[str, Any]) -> list[Report]:
    """What a call of GatewayAPI's webhook tells.

    Raises
    ------
    KeyError, TypeError, ValueError
        It is not as it is described.
    """
    phone = f"+{int(body['msisdn'])}"
    if "message" in body:
        return [InboundText(phone, str(body["message"]))]
    verdict = _GATEWAYAPI_STATES.get(str(body["status"]), _NOTHING)
    if verdict.reason == "undeliverable" and _code(body.get("code")) in _NO_SUBSCRIBER:
        verdict = Verdict(_FAILED, Trouble.NO_SUCH_NUMBER, "no_such_number")
    at = datetime.fromtimestamp(int(body["time"]), UTC)
    reference = read_reference(body.get("userref"))
    return [DeliveryReport(verdict, Channel.SMS, phone, str(body["id"]), at, reference)]


def _code(given: object) -> str:
    """``0x1010``, however it writes its codes."""
    return f"0x{given:04X}" if isinstance(given, int) else f"0x{str(given).removeprefix('0x').upper()}"


def _text_report(kind: str, body: Mapping[str, Any]) -> list[Report]:
    at = datetime.fromtimestamp(int(body["eventTimestamp"]) / 1000, UTC)
    reference = read_reference((body.get("context") or {}).get(KEY))
    phone, about = str(body["destinationPhoneNumber"]), str(body["messageId"])
    return [DeliveryReport(_TEXT_EVENTS.get(kind, _NOTHING), Channel.SMS, phone, about, at, reference)]


def _mail_reports(kind: str, body: Mapping[str, Any]) -> list[Report]:
    mail = body["mail"]
    tags = (mail.get("tags") or {}).get(KEY) or [None]
    reference = read_reference(tags[0])
    slug = None if reference else _slug_of(str(mail.get("source", "")))
    details = body.get(kind[:1].lower() + kind[1:]) or {}
    at = _instant(str(details.get("timestamp") or mail["timestamp"]))
    verdict = _mail_verdict(kind, details)
    return [
        DeliveryReport(verdict, Channel.EMAIL, address, str(mail["messageId"]), at, reference, slug)
        for address in _recipients(details, mail)
    ]


def _mail_verdict(kind: str, details: Mapping[str, Any]) -> Verdict:
    match kind:
        case "Send":
            return _TAKEN
        case "Delivery":
            return _ARRIVED
        case "Reject":
            return Verdict(_FAILED, None, "message_refused")
        case "Bounce":
            return _bounce(details)
        case "Complaint" if details.get("complaintSubType") != _NOT_TRIED:
            # It was there to be complained about.
            return Verdict(DeliveryState.DELIVERED, Trouble.COMPLAINED, "complained")
        case "Complaint":
            return Verdict(_FAILED, None, "suppressed_by_gateway")
    return _NOTHING


def _bounce(details: Mapping[str, Any]) -> Verdict:
    if details.get("bounceSubType") == _NOT_TRIED:
        return Verdict(_FAILED, None, "suppressed_by_gateway")
    for_good = details.get("bounceType") == "Permanent"
    trouble = Trouble.BOUNCED_FOR_GOOD if for_good else Trouble.BOUNCED
    return Verdict(_FAILED, trouble, trouble.value)


def _recipients(details: Mapping[str, Any], mail: Mapping[str, Any]) -> list[str]:
    """Whom it is about: a bounce names its own; anything else is about all that the mail went to."""
    for name in ("bouncedRecipients", "complainedRecipients"):
        if details.get(name):
            return [str(each["emailAddress"]) for each in details[name]]
    return [str(each) for each in details.get("recipients") or mail.get("destination") or ()]


def _slug_of(source: str) -> str | None:
    """The club that writes from an address: ``Bager Ærø <bager-aeroe@mail.example>``, or the address alone."""
    address = source.rpartition("<")[2].rstrip(">")
    return address.partition("@")[0] or None


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
