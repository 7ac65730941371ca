"""The member's page: the card, and what its member may change. Parse, call one use case, show a page."""

from functools import partial
from typing import TYPE_CHECKING, Any

from stamkunde import cold_start  # before anything else of ours

# isort: split
from member_page.endpoints import ENDPOINTS
from member_page.opening import OPENING_ENDPOINTS, home, phone_form
from member_page.routes import ROUTES
from stamkunde.bootstrap import dynamodb_client
from stamkunde.http import Request, Resolver, Response
from stamkunde.observability import begin_invocation
from stamkunde.page_bootstrap import Pages
from stamkunde.settings import Settings
from stamkunde.shared.errors import Refusal
from stamkunde.shared.routing import Auth, Route
from stamkunde.web.cookies import device_cookie
from stamkunde.web.pages import failed
from stamkunde.web.visit import Visit

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

SETTINGS = Settings.from_environment()
PAGES = Pages(SETTINGS, dynamodb_client(SETTINGS))


def answer(route: Route, request: Request) -> Response:
    """Answer as the club of the address would."""
    club = PAGES.club_named(request.parameters["slug"])
    endpoint = _for_device if route.auth is Auth.DEVICE else _for_anybody
    return PAGES.answer(club, request, partial(endpoint, route))


def _for_anybody(route: Route, visit: Visit) -> Response:
    return OPENING_ENDPOINTS[route.name](PAGES, visit)


def _for_device(route: Route, visit: Visit) -> Response:
    """A card opens only in a browser that has entered a code; any other is asked for a number."""
    token = visit.request.cookies.get(device_cookie(visit.club.club_id), "")
    device = PAGES.devices(visit.club).find(token)
    if device is not None:
        try:
            return ENDPOINTS[route.name](PAGES, visit, device)
        except Refusal as refusal:
            if refusal.code != "unknown_member":  # Whoever asked to be deleted has no card from that day on.
                raise
    return phone_form(visit) if route.name == "show_card" else visit.send_to(home(visit))


RESOLVER = Resolver(ROUTES, answer, SETTINGS.origin_secret, failed)

cold_start.is_over()


def lambda_handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Answer one request of the gateway."""
    begin_invocation(context)
    return RESOLVER.resolve(event)
