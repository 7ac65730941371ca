"""Where a synthesis is meant to be deployed: AWS, or the local AWS on a laptop."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from stamkunde.campaigns.model.gateway_choice import SmsGateway

# London and Zurich are in Europe, but not in the Union; eu-south-2, in Spain, has no SES.
EU_REGIONS = frozenset({"eu-central-1", "eu-north-1", "eu-south-1", "eu-west-1", "eu-west-3"})
DEFAULT_REGION = "eu-north-1"
# CloudFront takes its certificate and its web ACL from here and from nowhere else.
EDGE_REGION = "us-east-1"

# By this header functions know that a request came through the front door.
ORIGIN_HEADER = "x-stamkunde-origin"
# In this one the front door says who calls: it is evidence of a consent, so no client's own is let through.
CLIENT_IP_HEADER = "x-stamkunde-client-ip"
ORIGIN_SECRET_NAME = "stamkunde/origin"
# What the local front door sends in it, in place of CloudFront's secret.
LOCAL_ORIGIN_SECRET = "local-front-door"

# Nobody outside this machine can have them: RFC 6761 keeps both names free.
LOCAL_PAGES_DOMAIN = "localhost"
LOCAL_SHORT_DOMAIN = "k.test"
LOCAL_MAIL_DOMAIN = "stamkunde.test"

LOCAL_PACE = "100"
"""More than a laptop's engine takes in a second; and no more workers at a time than it can do their parts in time."""

_DOMAIN = re.compile(r"(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+")


class TargetRefused(ValueError):
    """The context asks for something that must not be deployed; the message says what and why."""


class Kind(StrEnum):
    """The two places that exist."""

    AWS = "aws"
    LOCAL = "local"


@dataclass(frozen=True, slots=True)
class Target:
    """The context values of a synthesis, checked.

    Parameters
    ----------
    kind
        AWS, or the local engine.
    region
        Where customers' data lies; in the EU.
    domain
        The one domain of pages, API and assets.
    short_domain
        What links in text messages begin with; it leads to the pages. Every character of it is paid for.
    mail_domain
        What e-mail is sent from.
    alarm_email
        Who is told about alarms and about the budget; empty for nobody.
    monthly_budget_usd
        What a month may cost before somebody is told.
    sms_quota_usd
        What SNS lets the account spend on text messages in a month; it drops what would cost more.
    sms_a_second, emails_a_second
        How many parts of text messages, and e-mails, the gateways take in a second: what their quotas say.
    club_a_second
        How many of them one club may send in a second.
    sms_gateway
        By which gateway campaigns' text messages go: the local engine has one of them only.
    gatewayapi_url
        Where GatewayAPI's interface is: which of theirs is chosen decides where messages are kept.
    origin_secret_version
        The version of the origin secret in use; empty for the newest.
    source_digest
        What the local runner deployed; it reads this back to see whether anything has changed.
    """

    kind: Kind
    region: str
    domain: str
    short_domain: str
    mail_domain: str
    alarm_email: str
    monthly_budget_usd: int
    sms_quota_usd: int
    sms_a_second: int
    emails_a_second: int
    club_a_second: int
    sms_gateway: SmsGateway
    gatewayapi_url: str
    origin_secret_version: str
    source_digest: str

    @property
    def is_local(self) -> bool:
        """Whether this goes into the local engine."""
        return self.kind is Kind.LOCAL


def read_target(context: Callable[[str], object]) -> Target:
    """Read and check the context values (``-c name=value``).

    Raises
    ------
    TargetRefused
        For a place outside the EU, for clocks that can be moved on AWS, for a value that is none.
    """

    def value(name: str, default: str) -> str:
        given = context(name)
        return default if given is None else str(given)

    kind = _kind(value("target", Kind.AWS))
    if kind is Kind.AWS:
        _refuse_club_clocks(context)
    region = value("region", DEFAULT_REGION)
    if region not in EU_REGIONS:
        places = ", ".join(sorted(EU_REGIONS))
        raise TargetRefused(f"region={region}: customers' data stays in the EU, near SES; choose one of {places}")
    local = kind is Kind.LOCAL
    return Target(
        kind=kind,
        region=region,
        domain=LOCAL_PAGES_DOMAIN if local else _domain("domain", value("domain", "club.example.com")),
        short_domain=LOCAL_SHORT_DOMAIN if local else _short_domain(value),
        mail_domain=LOCAL_MAIL_DOMAIN if local else _domain("mail_domain", value("mail_domain", "mail.example.com")),
        alarm_email=value("alarm_email", ""),
        monthly_budget_usd=_whole_dollars("monthly_budget_usd", value("monthly_budget_usd", "50")),
        sms_quota_usd=_whole_dollars("sms_quota_usd", value("sms_quota_usd", "1")),
        sms_a_second=_a_second("sms_a_second", value("sms_a_second", LOCAL_PACE if local else "20")),
        emails_a_second=_a_second("emails_a_second", value("emails_a_second", LOCAL_PACE if local else "14")),
        club_a_second=_a_second("club_a_second", value("club_a_second", LOCAL_PACE if local else "20")),
        sms_gateway=SmsGateway.SNS if local else _sms_gateway(value("sms_gateway", SmsGateway.SNS)),
        gatewayapi_url=f"https://{_domain('gatewayapi_domain', value('gatewayapi_domain', 'gatewayapi.com'))}",
        origin_secret_version=value("origin_secret_version", ""),
        source_digest=value("source_digest", "") if local else "",
    )


def _domain(name: str, given: str) -> str:
    if not _DOMAIN.fullmatch(given):
        raise TargetRefused(f"{name}={given}: a domain's name in small letters, such as club.example.com")
    return given


def _short_domain(value: Callable[[str, str], str]) -> str:
    short = _domain("short_domain", value("short_domain", "k.example.com"))
    if short == value("domain", ""):
        raise TargetRefused(f"short_domain={short}: everything under it leads to the pages, so it can't be their own")
    return short


def _sms_gateway(name: str) -> SmsGateway:
    try:
        return SmsGateway(name)
    except ValueError:
        raise TargetRefused(f"sms_gateway={name}: choose one of {', '.join(SmsGateway)}") from None


def _kind(name: str) -> Kind:
    try:
        return Kind(name)
    except ValueError:
        raise TargetRefused(f"target={name}: there are only {' and '.join(Kind)}") from None


def _refuse_club_clocks(context: Callable[[str], object]) -> None:
    for name in ("club_clocks", "CLUB_CLOCKS"):
        if context(name) is not None:
            raise TargetRefused(
                f"{name}: a club's clock can be moved in the local target only; on AWS it would forge receipts' dates"
            )


def _a_second(name: str, number: str) -> int:
    if not number.isdecimal() or int(number) == 0:
        raise TargetRefused(f"{name}={number}: a whole number above 0")
    return int(number)


def _whole_dollars(name: str, amount: str) -> int:
    if not amount.isdecimal() or int(amount) == 0:
        raise TargetRefused(f"{name}={amount}: a whole number of dollars above 0")
    return int(amount)
