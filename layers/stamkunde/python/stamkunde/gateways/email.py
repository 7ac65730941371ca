"""E-mail, by Amazon SES."""

from collections.abc import Mapping
from typing import Any, Protocol

from msgspec import Struct

from stamkunde.gateways.handover import Refused, hand_over
from stamkunde.gateways.reference import KEY


class Email(Struct, frozen=True):
    """An e-mail as it is handed over: plain text, which every program shows and no filter minds.

    Parameters
    ----------
    sender
        The whole From; see `stamkunde.messaging.sender`.
    unsubscribe
        Of advertising: the address that a mail program posts to when its reader wants no more (RFC 8058).
    reference
        What SES is to say again when it reports of it; see `stamkunde.gateways.reference`.
    """

    recipient: str
    sender: str
    subject: str
    text: str
    unsubscribe: str | None = None
    reference: str | None = None


class SesClient(Protocol):
    """What is used of botocore's SES v2 client, whose own retries must be off."""

    def send_email(self, **given: Any) -> Mapping[str, Any]:
        """Send one e-mail."""
        ...

    def close(self) -> None:
        """Give up the connections."""
        ...


class SesEmailGateway(Struct, frozen=True):
    """Amazon SES v2, one e-mail to one address.

    Parameters
    ----------
    configuration_set
        By which SES reports what becomes of it; empty for no reports.
    """

    client: SesClient
    configuration_set: str = ""

    def send(self, message: Email) -> str:
        """Hand one message over; see `stamkunde.gateways.handover.Gateway`."""
        return hand_over(
            self.client.send_email,
            self.client.close,
            FromEmailAddress=message.sender,
            Destination={"ToAddresses": [_in_ascii(message.recipient)]},
            Content={
                "Simple": {
                    "Subject": _text(message.subject),
                    "Body": {"Text": _text(message.text)},
                    **_ways_out(message.unsubscribe),
                }
            },
            **self._reported(message.reference),
        )

    def _reported(self, reference: str | None) -> dict[str, Any]:
        asked: dict[str, Any] = {"ConfigurationSetName": self.configuration_set} if self.configuration_set else {}
        return asked | ({"EmailTags": [{"Name": KEY, "Value": reference}]} if reference else {})


def _ways_out(address: str | None) -> dict[str, Any]:
    """The two headers that make a mail program show its own button to unsubscribe (RFC 2369, RFC 8058)."""
    if address is None:
        return {}
    headers = {"List-Unsubscribe": f"<{address}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    return {"Headers": [{"Name": name, "Value": value} for name, value in headers.items()]}


def _in_ascii(address: str) -> str:
    """The address as SES takes it: ``mette@blåbær.dk`` has its domain as name servers know it."""
    local, _, domain = address.rpartition("@")
    if domain.isascii():
        return address
    # Loaded for the few who need it. Python's own codec is older, and makes strasse.de of straße.de.
    import idna  # noqa: PLC0415

    try:
        return f"{local}@{idna.encode(domain, uts46=True).decode()}"
    except idna.IDNAError as error:
        raise Refused("address_unusable") from error


def _text(content: str) -> dict[str, str]:
    return {"Data": content, "Charset": "UTF-8"}
