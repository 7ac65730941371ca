"""What anybody may have: stylesheet, icon, the till API's description. All of it is packed, so it has no rights."""

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from stamkunde import cold_start  # before anything else of ours

# isort: split
from asset_page.description import show_docs, show_openapi
from asset_page.routes import ROUTES
from stamkunde.http import Request, Resolver, Response
from stamkunde.observability import begin_invocation
from stamkunde.settings import Settings
from stamkunde.shared.errors import Refusal
from stamkunde.shared.routing import Route
from stamkunde.web.assets import KEEP_FOR_EVER, find_asset

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def show_asset(request: Request) -> Response:
    """A file; kept for ever if it is the version that its address names."""
    name = request.parameters["file_name"]
    asset = find_asset(name)
    if asset is None:
        raise Refusal("no_such_route")
    headers = {
        "content-type": asset.media_type,
        "cache-control": KEEP_FOR_EVER if name == asset.file_name else "no-cache",
        "x-content-type-options": "nosniff",
        # An SVG opened by itself is a page of ours: it may do nothing.
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    }
    return Response(HTTPStatus.OK, asset.content, headers)


ENDPOINTS = {endpoint.__name__: endpoint for endpoint in (show_asset, show_openapi, show_docs)}


def answer(route: Route, request: Request) -> Response:
    """Answer whoever asks: nothing here is anybody's."""
    return ENDPOINTS[route.name](request)


RESOLVER = Resolver(ROUTES, answer, Settings.from_environment().origin_secret)

cold_start.is_over()


def lambda_handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Answer one request of the gateway."""
    begin_invocation(context)
    return RESOLVER.resolve(event)
