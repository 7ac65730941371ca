"""The only reader of the environment."""

import os
from collections.abc import Mapping

from msgspec import Struct


class Settings(Struct, frozen=True):
    """What the stacks tell a function; a function is told only of the tables it has rights on.

    Parameters
    ----------
    message_queue
        The address of the queue that wakes the message worker, for functions that do.
    evidence_bucket
        Where photos of signed forms are kept, for functions that keep them.
    tombstone_bucket
        Where it is kept who was erased, for functions that erase.
    member_machine, erasure_machine, campaign_machine
        The ARNs of the state machines that members who are due go through, those who are to be erased, and campaigns
        that begin, for the functions that start them.
    origin_secret
        What the front door must prove itself with; empty for functions that aren't reached over HTTP.
    pages_domain, short_domain, mail_domain
        Where the pages are, what links in messages begin with, what e-mail is sent from.
    sms_gateway
        By which gateway campaigns' text messages go; see `stamkunde.campaigns.model.gateway_choice`.
    sms_configuration_set, mail_configuration_set
        By which AWS End User Messaging, and SES, report what becomes of messages; empty for no reports.
    gatewayapi_url, gatewayapi_token, gatewayapi_hook_secret
        Where GatewayAPI's interface is, and the names of the parameters that hold our token for it and the secret
        that it signs its reports with; empty where another gateway is used.
    sms_a_second, emails_a_second
        How many parts of text messages, and e-mails, the gateways take in a second, for functions that must know.
    club_a_second
        How many of them one club may send in a second.
    clubs_clocks_movable
        Whether clubs may have a clock of their own: in the local engine only, synth refuses it for AWS.
    """

    region: str
    clubs_table: str = ""
    members_table: str = ""
    ledger_table: str = ""
    views_table: str = ""
    messages_table: str = ""
    message_queue: str = ""
    member_machine: str = ""
    erasure_machine: str = ""
    campaign_machine: str = ""
    evidence_bucket: str = ""
    tombstone_bucket: str = ""
    origin_secret: str = ""
    pages_domain: str = ""
    short_domain: str = ""
    mail_domain: str = ""
    sms_gateway: str = "sns"
    sms_configuration_set: str = ""
    mail_configuration_set: str = ""
    gatewayapi_url: str = ""
    gatewayapi_token: str = ""
    gatewayapi_hook_secret: str = ""
    sms_a_second: float = 20.0
    emails_a_second: float = 14.0
    club_a_second: float = 20.0
    clubs_clocks_movable: bool = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Read them once, while the function starts."""
        return cls(
            region=environment["AWS_REGION"],
            clubs_table=environment.get("CLUBS_TABLE", ""),
            members_table=environment.get("MEMBERS_TABLE", ""),
            ledger_table=environment.get("LEDGER_TABLE", ""),
            views_table=environment.get("VIEWS_TABLE", ""),
            messages_table=environment.get("MESSAGES_TABLE", ""),
            message_queue=environment.get("MESSAGE_QUEUE", ""),
            member_machine=environment.get("MEMBER_MACHINE", ""),
            erasure_machine=environment.get("ERASURE_MACHINE", ""),
            campaign_machine=environment.get("CAMPAIGN_MACHINE", ""),
            evidence_bucket=environment.get("EVIDENCE_BUCKET", ""),
            tombstone_bucket=environment.get("TOMBSTONE_BUCKET", ""),
            origin_secret=environment.get("ORIGIN_SECRET", ""),
            pages_domain=environment.get("PAGES_DOMAIN", ""),
            short_domain=environment.get("SHORT_DOMAIN", ""),
            mail_domain=environment.get("MAIL_DOMAIN", ""),
            sms_gateway=environment.get("SMS_GATEWAY", "sns"),
            sms_configuration_set=environment.get("SMS_CONFIGURATION_SET", ""),
            mail_configuration_set=environment.get("MAIL_CONFIGURATION_SET", ""),
            gatewayapi_url=environment.get("GATEWAYAPI_URL", ""),
            gatewayapi_token=environment.get("GATEWAYAPI_TOKEN", ""),
            gatewayapi_hook_secret=environment.get("GATEWAYAPI_HOOK_SECRET", ""),
            sms_a_second=float(environment.get("SMS_A_SECOND", "20")),
            emails_a_second=float(environment.get("EMAILS_A_SECOND", "14")),
            club_a_second=float(environment.get("CLUB_A_SECOND", "20")),
            clubs_clocks_movable=environment.get("CLUB_CLOCKS") == "allowed",
        )
