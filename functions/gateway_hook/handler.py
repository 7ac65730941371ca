"""What GatewayAPI.com calls when something has become of a message, or somebody has answered one.

What is read is what it signed. It is written down before it is answered: until then it calls again, for days.
"""

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from stamkunde import cold_start  # before anything else of ours

# isort: split
from gateway_hook.routes import ROUTES
from gateway_hook.signature import signed_content
from stamkunde.bootstrap import dynamodb_client
from stamkunde.campaigns.model.gateway_choice import SmsGateway
from stamkunde.campaigns.reporting import TooEarly
from stamkunde.gateway_bootstrap import hook_secret
from stamkunde.gateways.reports import read_gatewayapi
from stamkunde.http import Request, Resolver, Response
from stamkunde.observability import begin_invocation
from stamkunde.report_bootstrap import report_desk
from stamkunde.settings import Settings
from stamkunde.shared.errors import Refusal
from stamkunde.shared.routing import Route

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

SIGNATURE = "x-gwapi-signature"
AGAIN_AFTER_SECONDS = 60

SETTINGS = Settings.from_environment()
DESK = report_desk(SETTINGS, dynamodb_client(SETTINGS))
SECRET = hook_secret(SETTINGS)


def answer(_route: Route, request: Request) -> Response:
    """Take one call."""
    if SETTINGS.sms_gateway != SmsGateway.GATEWAYAPI:
        # Another gateway is used: nobody may call here.
        raise Refusal("no_such_route")
    told = signed_content(request.headers.get(SIGNATURE, ""), SECRET())
    if told is None:
        raise Refusal("signature_wrong")
    try:
        reports = read_gatewayapi(told)
    except (KeyError, TypeError, ValueError) as error:
        raise Refusal("malformed_body") from error
    try:
        for report in reports:
            DESK.take(report)
    except TooEarly as early:
        raise Refusal("try_again", retry_after=AGAIN_AFTER_SECONDS) from early
    return Response(HTTPStatus.OK, {})


RESOLVER = Resolver(ROUTES, answer, SETTINGS.origin_secret)

cold_start.is_over()


def lambda_handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Answer one request of the gateway."""
    begin_invocation(context)
    return RESOLVER.resolve(event)
