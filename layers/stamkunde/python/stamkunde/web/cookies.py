"""Cookies: what they are called, how long they live, and that no script and no other site gets them."""

import re
from datetime import timedelta
from enum import StrEnum

_PREFIX = "__Host-"
_SAFE = re.compile(r"[A-Za-z0-9._~-]*")

VISITOR = f"{_PREFIX}visitor"
PENDING_LASTS = timedelta(minutes=15)
DEVICE_LASTS = timedelta(days=180)


class Pending(StrEnum):
    """What a code is waited for: each remembers in a cookie of its own, since a browser may do both at once."""

    JOIN = "join"
    OPEN_CARD = "open_card"
    CHANGE_NUMBER = "change_number"


def pending_cookie(purpose: Pending, club_id: str) -> str:
    """The name of the cookie that remembers what was typed until the code is."""
    return f"{_PREFIX}pending-{purpose}-{club_id}"


def refused_cookie(club_id: str) -> str:
    """The name of the cookie that carries what was typed, and what is wrong with it, to the page that shows both."""
    return f"{_PREFIX}refused-{club_id}"


def device_cookie(club_id: str) -> str:
    """The name of the cookie that opens a member's card."""
    return f"{_PREFIX}device-{club_id}"


def set_cookie(name: str, value: str, lasts: timedelta | None = None) -> str:
    """A Set-Cookie value; without a life time the cookie goes when the browser is closed."""
    if not _SAFE.fullmatch(value):
        raise ValueError(f"the value of {name} would need quoting")
    max_age = f"; Max-Age={int(lasts.total_seconds())}" if lasts is not None else ""
    return f"{name}={value}{max_age}; Path=/; Secure; HttpOnly; SameSite=Lax"


def drop_cookie(name: str) -> str:
    """A Set-Cookie value that takes a cookie away."""
    return set_cookie(name, "", timedelta())
