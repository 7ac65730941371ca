"""The till API: look up, join, quote, book. Parse, call one use case, map the answer."""

from typing import TYPE_CHECKING, Any

from stamkunde import cold_start
from stamkunde.bootstrap import Tills, dynamodb_client
from stamkunde.clubs.model import parse_till_key
from stamkunde.http import Request, Resolver, Response, failure
from stamkunde.observability import begin_invocation, logger
from stamkunde.settings import Settings
from stamkunde.shared.errors import Refusal
from stamkunde.shared.routing import Route
from till_api.endpoints import ENDPOINTS
from till_api.routes import ROUTES

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

SETTINGS = Settings.from_environment()
TILLS = Tills(SETTINGS, dynamodb_client(SETTINGS))


def answer(route: Route, request: Request) -> Response:
    """Answer as the till's club would: its rules, its data, its language."""
    session = TILLS.open(_key(request), writes=route.writes)
    logger.append_keys(club=session.club.club_id, till=session.till.till_id)
    try:
        return ENDPOINTS[route.name](session, request)
    except Exception as error:  # noqa: BLE001 - what broke is told in the club's language too
        return failure(error, session.club.language)


RESOLVER = Resolver(ROUTES, answer, SETTINGS.origin_secret)

cold_start.is_over()


def lambda_handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Answer one request of the gateway."""
    begin_invocation(context)
    return RESOLVER.resolve(event)


def _key(request: Request) -> Any:
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not text:
        raise Refusal("key_missing")
    key = parse_till_key(text.strip())
    if key is None:
        raise Refusal("key_unknown")
    return key
