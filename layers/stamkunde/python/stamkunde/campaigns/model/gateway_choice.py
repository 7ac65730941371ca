"""By which gateway a campaign's text messages go, and what that gateway must be able to do. Pure rules."""

from enum import StrEnum

MOST_WITHOUT_EVENTS = 200
"""So many lost answers can still be asked for one by one."""


class SmsGateway(StrEnum):
    """The gateways that a deployment can choose between; one serves all its clubs."""

    SNS = "sns"
    VOICE = "voice"
    """AWS End User Messaging SMS."""
    GATEWAYAPI = "gatewayapi"

    @property
    def reports(self) -> bool:
        """Whether it tells what became of each message; SNS writes that to logs only, with the number."""
        return self is not SmsGateway.SNS


def needs_events(recipients: int) -> bool:
    """Whether so many text messages may only go by a gateway that reports.

    Whether a message whose answer was lost has gone is only known by a report, and nobody asks for thousands by hand.
    """
    return recipients > MOST_WITHOUT_EVENTS


def may_carry(gateway: SmsGateway, recipients: int, *, is_local: bool) -> bool:
    """Whether a gateway may carry a campaign to so many; nobody is written to by the local engine."""
    return is_local or gateway.reports or not needs_events(recipients)
