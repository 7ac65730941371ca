"""The till API: look up, join, quote, book. Parse, call one use case, map the answer."""

import gc

gc.disable()  # nothing to collect while modules load; a tenth of a cold start (PERFORMANCE 1c)

from typing import TYPE_CHECKING, Any  # noqa: E402

from stamkunde.bootstrap import Tills, dynamodb_client  # noqa: E402
from stamkunde.clubs.model import parse_till_key  # noqa: E402
from stamkunde.http import Request, Resolver, Response, problem  # noqa: E402
from stamkunde.observability import logger  # noqa: E402
from stamkunde.settings import Settings  # noqa: E402
from stamkunde.shared.errors import Refusal  # noqa: E402
from stamkunde.shared.routing import Route  # noqa: E402
from till_api.endpoints import ENDPOINTS  # noqa: E402
from till_api.routes import ROUTES  # noqa: E402

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
    except Refusal as refusal:
        return problem(refusal, session.club.language)


RESOLVER = Resolver(ROUTES, answer, SETTINGS.origin_secret)

gc.freeze()
gc.enable()


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(event: dict[str, Any], _context: "LambdaContext") -> dict[str, Any]:
    """Answer one request of the gateway."""
    return RESOLVER.resolve(event)


def _key(request: Request) -> Any:
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not text:
        raise Refusal("key_missing")
    key = parse_till_key(text.strip())
    if key is None:
        raise Refusal("key_unknown")
    return key
