"""The composition root of what campaigns are handed over to: which gateways, with which secrets."""

from collections.abc import Callable, Mapping
from typing import Any

from botocore.config import Config
from botocore.httpsession import URLLib3Session
from msgspec import Struct

from stamkunde.bootstrap import CLIENT_CONFIG, aws_client
from stamkunde.campaigns.model.gateway_choice import SmsGateway
from stamkunde.gateways.email import Email, SesEmailGateway
from stamkunde.gateways.gatewayapi import GatewayApiSms
from stamkunde.gateways.handover import Gateway
from stamkunde.gateways.secrets import Secret
from stamkunde.gateways.sms import Sms, SnsSmsGateway
from stamkunde.gateways.sms_voice import SmsVoiceGateway
from stamkunde.message_bootstrap import GATEWAY_CONFIG
from stamkunde.settings import Settings

MOST_CONNECTIONS = 10
"""As many as a worker has threads; the gateways' own limits lie above."""


class _HeldOpen(Struct, frozen=True):
    """An AWS client that several threads share: what one of them closes, another may be about to use.

    Connections are given up all at once, when whoever holds the gateways says so.
    """

    client: Any

    def publish(self, **given: Any) -> Mapping[str, Any]:
        """As the client does; so do the others."""
        return self.client.publish(**given)  # type: ignore[no-any-return]

    def send_text_message(self, **given: Any) -> Mapping[str, Any]:
        """As the client does."""
        return self.client.send_text_message(**given)  # type: ignore[no-any-return]

    def send_email(self, **given: Any) -> Mapping[str, Any]:
        """As the client does."""
        return self.client.send_email(**given)  # type: ignore[no-any-return]

    def send(self, request: Any) -> Any:
        """As the session does."""
        return self.client.send(request)

    def close(self) -> None:
        """Nothing: see the class."""


class CampaignGateways(Struct, frozen=True):
    """The ways out for campaigns, to be used by several threads at once.

    Parameters
    ----------
    release
        Gives up the connections. Whoever sends calls it before it waits or ends: over a Lambda's sleep they break,
        and what is sent over a broken one is unknown. No thread may be sending then.
    """

    sms: Gateway[Sms]
    email: Gateway[Email]
    release: Callable[[], None]


def campaign_gateways(settings: Settings, config: Config = GATEWAY_CONFIG) -> CampaignGateways:
    """The gateways that the deployment has chosen."""
    ses, sms = aws_client("sesv2", settings, config), _sms_client(settings, config)

    def release() -> None:
        ses.close()
        sms.close()

    return CampaignGateways(
        _sms_gateway(settings, _HeldOpen(sms)),
        SesEmailGateway(_HeldOpen(ses), settings.mail_configuration_set),
        release,
    )


def sms_gateway_chosen(settings: Settings, config: Config = GATEWAY_CONFIG) -> Gateway[Sms]:
    """The chosen gateway for text messages, which closes its connection after each."""
    return _sms_gateway(settings, _sms_client(settings, config))


def hook_secret(settings: Settings) -> Secret:
    """What GatewayAPI signs its reports with."""
    return _secret(settings, settings.gatewayapi_hook_secret)


def _sms_client(settings: Settings, config: Config) -> Any:
    match SmsGateway(settings.sms_gateway):
        case SmsGateway.SNS:
            return aws_client("sns", settings, config)
        case SmsGateway.VOICE:
            return aws_client("pinpoint-sms-voice-v2", settings, config)
        case SmsGateway.GATEWAYAPI:
            times = (config.connect_timeout, config.read_timeout)  # type: ignore[attr-defined]
            # It takes a pair, as botocore's own endpoints give it one.
            return URLLib3Session(timeout=times, max_pool_connections=MOST_CONNECTIONS)  # type: ignore[arg-type]


def _sms_gateway(settings: Settings, client: Any) -> Gateway[Sms]:
    match SmsGateway(settings.sms_gateway):
        case SmsGateway.SNS:
            return SnsSmsGateway(client)
        case SmsGateway.VOICE:
            return SmsVoiceGateway(client, settings.sms_configuration_set)
        case SmsGateway.GATEWAYAPI:
            return GatewayApiSms(client, settings.gatewayapi_url, _secret(settings, settings.gatewayapi_token))


def _secret(settings: Settings, name: str) -> Secret:
    return Secret(aws_client("ssm", settings, CLIENT_CONFIG), name)
