"""What a route is: the data that the resolver, the API document, the stacks and the tests all read."""

import re
from enum import StrEnum

from msgspec import Struct

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


class Auth(StrEnum):
    """Who may call a route.

    `link_token` is a link that somebody was sent, good for the one act it names; `device` a browser that has entered
    a code for a member's card; `gateway` whoever has the secret that a gateway signs its reports with.
    """

    NONE = "none"
    TILL_KEY = "till_key"
    LINK_TOKEN = "link_token"  # noqa: S105 - the name of a kind of proof
    DEVICE = "device"
    GATEWAY = "gateway"


class Route(Struct, frozen=True):
    """One method on one path.

    Parameters
    ----------
    method
        HTTP method in capitals.
    path
        Template such as ``/v1/purchases/{purchase_id}``; a placeholder matches one path segment.
    name
        The use case, a verb and its object: the handler's function carries the same name.
    auth
        Who may call it.
    writes
        Whether it changes anything; decides how strictly the caller's key is read.
    """

    method: str
    path: str
    name: str
    auth: Auth
    writes: bool

    def pattern(self) -> re.Pattern[str]:
        """The path as an expression for a full match, with one named group a placeholder."""
        return re.compile(_PLACEHOLDER.sub(r"(?P<\1>[^/]+)", self.path))
