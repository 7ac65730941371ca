"""Where short links lead: the same as CloudFront's viewer_request.js, which a test compares with this."""

from __future__ import annotations

import re
from collections.abc import Iterator

_CLUB = re.compile(r"/c/([a-z0-9-]+)")
_TERMS = re.compile(r"/t/([a-z0-9-]+)")
_LINK = re.compile(r"/([A-Za-z0-9]+)")


def pages_path(path: str) -> str:
    """The path on the pages' domain that a path on the short domain leads to."""
    if club := _CLUB.fullmatch(path):
        return f"/m/{club[1]}"
    if terms := _TERMS.fullmatch(path):
        return f"/{terms[1]}/terms/changes"
    link = _LINK.fullmatch(path)
    return f"/l/{link[1]}" if link else "/"


def pieces(text: str, short_domain: str, pages_url: str) -> Iterator[tuple[str, str | None]]:
    """A message's text piece by piece, each with the address it leads to, if it is a link."""
    links = re.compile(rf"(?:https://)?{re.escape(short_domain)}(/[A-Za-z0-9-]+(?:/[a-z0-9-]+)*)")
    shown = 0
    for link in links.finditer(text):
        if link.start() > shown:
            yield text[shown : link.start()], None
        yield link[0], pages_url + pages_path(link[1])
        shown = link.end()
    if shown < len(text):
        yield text[shown:], None
