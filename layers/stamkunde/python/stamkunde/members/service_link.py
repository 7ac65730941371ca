"""The links in service messages: each does the one act it names, for one member, and shows nothing. Pure rules."""

import hashlib
import re
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from stamkunde.shared.ids import new_id

TOKEN_LETTERS = 16
"""80 random bits: nobody can try their way to one."""

LINK_LASTS = timedelta(days=30)
STOP_LASTS = timedelta(days=400)
"""Longer than any permission: whoever finds an old message can still stop by it."""

SENT_AGAIN_AFTER = timedelta(days=1)
"""Whoever joins at the till again is sent the terms again, but not for each press of a button."""

MOST_LINKS = 20
"""How many of a member's links are remembered before those that have ended are forgotten."""

_TOKEN = re.compile(rf"[0-9a-z]{{{TOKEN_LETTERS}}}")


class LinkAct(StrEnum):
    """What a link does when its button is pressed."""

    ACCEPT_TERMS = "accept_terms"
    CONFIRM_EMAIL = "confirm_email"
    UNDO_ERASURE = "undo_erasure"
    STAY = "stay"
    STOP_ADVERTISING = "stop_advertising"


class NewLink(Struct, frozen=True):
    """A link about to be sent.

    Parameters
    ----------
    token
        What the message carries; it is kept nowhere.
    expires_at
        From then on it does nothing.
    address
        The e-mail address that it proves.
    """

    token: str
    act: LinkAct
    made_at: datetime
    expires_at: datetime
    address: str | None = None

    @property
    def token_hash(self) -> str:
        """What finds the link."""
        return link_hash(self.token)


class FoundLink(Struct, frozen=True):
    """A link that somebody follows.

    Parameters
    ----------
    member_id
        None once the member was deleted by it.
    address_hash
        Keyed hash of the e-mail address that it proves: a link of an earlier address proves nothing.
    """

    club_id: str
    member_id: str | None
    act: LinkAct
    token_hash: str
    made_at: datetime
    expires_at: datetime
    address_hash: str | None = None

    def is_over(self, now: datetime) -> bool:
        """Whether it does nothing any more."""
        return now >= self.expires_at


def new_link(act: LinkAct, now: datetime, address: str | None = None, *, until: datetime | None = None) -> NewLink:
    """A link with a token of its own.

    Parameters
    ----------
    until
        The instant that it is meant for, if it must not end before.
    """
    ends = now + (STOP_LASTS if act is LinkAct.STOP_ADVERTISING else LINK_LASTS)
    return NewLink(new_id("", TOKEN_LETTERS), act, now, max(ends, until) if until else ends, address)


def link_hash(token: str) -> str:
    """SHA-256 of a token in hex: enough for 80 random bits."""
    return hashlib.sha256(token.encode()).hexdigest()


def is_token(text: str) -> bool:
    """Whether it can be a link's token at all."""
    return _TOKEN.fullmatch(text) is not None
