"""The join page, and the pages of the links in service messages. Parse, call one use case, show a page."""

from functools import partial
from typing import TYPE_CHECKING, Any

from stamkunde import cold_start  # before anything else of ours

# isort: split
from join_page.campaign_pages import CAMPAIGN_ENDPOINTS, without_form
from join_page.endpoints import ENDPOINTS, FOR_EVERY_CLUB
from join_page.links import LINK_ENDPOINTS
from join_page.routes import ROUTES
from stamkunde.bootstrap import dynamodb_client
from stamkunde.clubs.model import RESERVED_SLUGS
from stamkunde.http import Request, Resolver, Response
from stamkunde.observability import begin_invocation
from stamkunde.page_bootstrap import Pages
from stamkunde.settings import Settings
from stamkunde.shared.errors import Refusal
from stamkunde.shared.routing import Auth, Route
from stamkunde.web.pages import failed

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

SETTINGS = Settings.from_environment()
PAGES = Pages(SETTINGS, dynamodb_client(SETTINGS))


def answer(route: Route, request: Request) -> Response:
    """Answer as the club of the address, or of the link, would."""
    if route.auth is Auth.LINK_TOKEN:
        return _answer_link(route, request)
    slug = request.parameters["slug"]
    if slug in RESERVED_SLUGS:
        raise Refusal("no_such_route")
    club = PAGES.club_named(slug)
    if club.join_page is None and route.name not in FOR_EVERY_CLUB:
        raise Refusal("no_such_route")
    return PAGES.answer(club, request, partial(ENDPOINTS[route.name], PAGES))


def _answer_link(route: Route, request: Request) -> Response:
    """Answer a link that was sent to somebody: in a message about their membership, or in a campaign."""
    token = request.parameters["token"]
    link = PAGES.links.find(token) if route.name in LINK_ENDPOINTS else None
    if link is not None:
        endpoint = LINK_ENDPOINTS[route.name]
        return PAGES.answer(PAGES.club_of(link), request, lambda visit: endpoint(PAGES, visit, link))
    followed = PAGES.following.follow(token)
    if followed is None:
        raise Refusal("link_over")
    show = CAMPAIGN_ENDPOINTS[route.name]
    return PAGES.answer(followed.club, without_form(request), lambda visit: show(PAGES, visit, followed))


RESOLVER = Resolver(ROUTES, answer, SETTINGS.origin_secret, failed)

cold_start.is_over()


def lambda_handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Answer one request of the gateway."""
    begin_invocation(context)
    return RESOLVER.resolve(event)
