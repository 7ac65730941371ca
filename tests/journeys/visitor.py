"""A browser without scripts, in front of the pages of a running stack: it keeps cookies, and fills in forms."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx

from tests.page_browser import Seen, ShownForm
from tests.public_shop import PublicShop


class Visitor:
    """Somebody's phone."""

    def __init__(self, pages_url: str) -> None:
        self._pages_url = pages_url
        self._client = httpx.Client(base_url=pages_url, timeout=60, headers={"accept-language": "da"})

    def see(self, address: str) -> Seen:
        """A page as it stands there."""
        answer = self._client.get(urlsplit(address).path, headers=self._carried())
        return Seen(answer.status_code, dict(answer.headers), [], answer.text)

    def send(self, page: str, action: str, **typed: str) -> None:
        """Fill in the form of a page that leads to an address, and send it."""
        self._post(self.see(page).form(action), typed)

    def press(self, address: str, act: str) -> None:
        """Press the button of a page that does something: a link that somebody was sent leads there."""
        page = self.see(address)
        form = next(form for form in page.forms if ("act", act) in form.buttons)
        self._post(form, {"act": act})

    def close(self) -> None:
        self._client.close()

    def _post(self, form: ShownForm, typed: dict[str, str]) -> None:
        headers = {"origin": self._pages_url} | self._carried()
        answer = self._client.post(form.action, data=form.fields | typed, headers=headers)
        assert answer.status_code < 400, answer.text

    def _carried(self) -> dict[str, str]:
        # As a browser does: to localhost it sends cookies marked secure as well.
        return {"cookie": "; ".join(f"{each.name}={each.value}" for each in self._client.cookies.jar)}


@contextmanager
def visiting(here: PublicShop) -> Iterator[Visitor]:
    """A new phone."""
    visitor = Visitor(here.stack.pages_url)
    try:
        yield visitor
    finally:
        visitor.close()
