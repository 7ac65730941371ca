"""The files that pages need: the stylesheet and the icon. They lie in the layer, so this function has no rights."""

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from stamkunde import cold_start  # before anything else of ours

# isort: split
from asset_page.routes import ROUTES
from stamkunde.http import Request, Resolver, Response
from stamkunde.observability import begin_invocation
from stamkunde.settings import Settings
from stamkunde.shared.errors import Refusal
from stamkunde.shared.routing import Route
from stamkunde.web.assets import KEEP_FOR_EVER, find_asset

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def show_asset(_route: Route, request: Request) -> Response:
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


RESOLVER = Resolver(ROUTES, show_asset, Settings.from_environment().origin_secret)

cold_start.is_over()


def lambda_handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Answer one request of the gateway."""
    begin_invocation(context)
    return RESOLVER.resolve(event)
