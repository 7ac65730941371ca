"""Whether a form that is posted is one of ours, shown to this very browser.

Each browser carries a random cookie; each form carries a token that only we can make of that cookie and the form's
name. A token is worth nothing in another browser, for another form, or once its key is gone.
"""

import hmac
import re
import secrets
from collections.abc import Sequence
from urllib.parse import urlsplit

from msgspec import Struct

from stamkunde.http import Request
from stamkunde.shared.signing import SigningKey, derive
from stamkunde.web.cookies import VISITOR, set_cookie

TOKEN_FIELD = "csrf"  # noqa: S105 - the name of a field
_VISITOR_BYTES = 16
_VISITOR = re.compile(r"[0-9a-f]{32}")


class Visitor(Struct, frozen=True):
    """A browser, known by nothing but its random cookie.

    Parameters
    ----------
    new
        It carries no cookie yet, so none of our forms can have been shown to it.
    """

    value: str
    new: bool

    @classmethod
    def of(cls, request: Request) -> "Visitor":
        """The browser that a request comes from."""
        given = request.cookies.get(VISITOR, "")
        known = _VISITOR.fullmatch(given) is not None
        return cls(given if known else secrets.token_hex(_VISITOR_BYTES), new=not known)

    def cookies(self) -> list[str]:
        """What the answer must set for the next form to count."""
        return [set_cookie(VISITOR, self.value)] if self.new else []


def form_token(key: SigningKey, visitor: Visitor, form: str) -> str:
    """The token of a form for a browser."""
    return derive(key.secret, "form", visitor.value, form).hex()


def is_our_form(
    request: Request, token: str, keys: Sequence[SigningKey], visitor: Visitor, form: str, domain: str
) -> bool:
    """Whether a posted form was shown by us to this browser, and posted from one of our own pages."""
    if visitor.new or not _is_same_site(request, domain):
        return False
    given = token.encode("utf-8", "replace")
    verdicts = [hmac.compare_digest(form_token(key, visitor, form).encode(), given) for key in keys]
    return any(verdicts)


def _is_same_site(request: Request, domain: str) -> bool:
    """What the browser says of where the form was; ``none`` is somebody's own reload.

    Pages that tell no referrer post with ``Origin: null``, so that says nothing.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = request.headers.get("origin", "null")
    try:
        return origin == "null" or urlsplit(origin).hostname == domain
    except ValueError:
        return False
