"""The till API described: the OpenAPI document for programs, and a page of it for people."""

from functools import cache
from http import HTTPStatus
from pathlib import Path

from stamkunde.http import Request, Response

KEEP_FIVE_MINUTES = "public, max-age=300"
DOCUMENT = Path(__file__).parent / "openapi.json"


def show_openapi(_request: Request) -> Response:
    """The OpenAPI document, as it is committed."""
    headers = {"cache-control": KEEP_FIVE_MINUTES, "x-content-type-options": "nosniff"}
    return Response(HTTPStatus.OK, DOCUMENT.read_text(), headers)


@cache
def _docs() -> Response:
    # Templates take longer to load than all the rest here, and a stylesheet that somebody waits for needs none.
    from asset_page.reference import read_reference  # noqa: PLC0415
    from stamkunde.web.pages import page  # noqa: PLC0415

    reference = read_reference(DOCUMENT.read_bytes())
    headers = {"cache-control": KEEP_FIVE_MINUTES}
    return page("reference.html", "en", headers=headers, addresses={}, reference=reference)


def show_docs(_request: Request) -> Response:
    """The page: in English, as the document is, with each refusal in all three languages."""
    return _docs()
