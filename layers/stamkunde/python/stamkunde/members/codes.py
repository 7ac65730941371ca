"""One-time codes: what they are made of, how long they live, how many may be asked for. Pure rules."""

import hmac
import ipaddress
import re
import unicodedata
from collections.abc import Sequence
from copy import replace
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from stamkunde.shared.clock import compact_instant
from stamkunde.shared.ids import derived_id, new_id
from stamkunde.shared.one_time_code import CODE_DIGITS, CODE_LASTS
from stamkunde.shared.signing import SigningKey, derive

MOST_TRIES = 5
ASKED_TWICE_WITHIN = timedelta(seconds=30)
"""The same form sent twice asks for one code: a double click costs one message, and there is one right code."""

MOST_TRIES_AFTER_USE = 10
"""A code that was right may be posted again (a double click, the back button), but not without end."""

CHALLENGE_LETTERS = 16

_CODE = re.compile(rf"[0-9]{{{CODE_DIGITS}}}")
_NETWORK_OF_ONE_HOUSEHOLD = 64


class CodePurpose(StrEnum):
    """What a code proves a number for; a code of one purpose is none of the other."""

    JOIN = "join"
    OPEN_CARD = "open_card"
    GIVE_UP_NUMBER = "give_up_number"
    TAKE_NUMBER = "take_number"


_LETTERS = {
    CodePurpose.JOIN: "j",
    CodePurpose.OPEN_CARD: "o",
    CodePurpose.GIVE_UP_NUMBER: "g",
    CodePurpose.TAKE_NUMBER: "t",
}


class Challenge(Struct, frozen=True):
    """That a code was asked for. Neither the code nor the number is kept: both are in the code's derivation.

    Parameters
    ----------
    tries
        Codes typed so far, the one just typed included.
    used_by
        What `user_of` makes of the member the right code was used for; None until then.
    """

    challenge_id: str
    purpose: CodePurpose
    expires_at: datetime
    tries: int = 0
    used_by: str | None = None

    def is_over(self, now: datetime) -> bool:
        """Whether its code counts no more."""
        return now >= self.expires_at

    @property
    def tries_left(self) -> int:
        """How many more codes may be typed."""
        most = MOST_TRIES if self.used_by is None else MOST_TRIES_AFTER_USE
        return max(0, most - self.tries)

    @property
    def asked_at(self) -> datetime:
        """When it was asked for."""
        return self.expires_at - CODE_LASTS

    def was_used_by(self, member_id: str) -> bool:
        """Whether it was a member's code that was right."""
        return self.used_by == user_of(member_id)

    def is_just_asked_for(self, now: datetime) -> bool:
        """Whether the form that asked for it may have been sent twice."""
        return self.used_by is None and self.tries == 0 and now < self.asked_at + ASKED_TWICE_WITHIN

    def counted(self) -> "Challenge":
        """After one more try."""
        return replace(self, tries=self.tries + 1)


def new_challenge(purpose: CodePurpose, now: datetime, form: str = "") -> Challenge:
    """A challenge whose code may be typed from now on.

    Parameters
    ----------
    form
        Names the form that asks, if anything does: the same one names the same challenge.
    """
    letter = _LETTERS[purpose]
    challenge_id = derived_id(letter, form, letters=CHALLENGE_LETTERS) if form else new_id(letter, CHALLENGE_LETTERS)
    return Challenge(challenge_id, purpose, now + CODE_LASTS)


def user_of(member_id: str) -> str:
    """How a challenge names who used it: it outlives them by two days, and must lead to nobody then."""
    return derived_id("u", member_id)


def purpose_of(challenge_id: str) -> CodePurpose:
    """What a challenge is for, as its id tells: whoever sends the code knows nothing else of it."""
    return next(purpose for purpose, letter in _LETTERS.items() if challenge_id.startswith(letter))


def one_time_code(keys: Sequence[SigningKey], challenge_id: str, purpose: CodePurpose, phone: str) -> str:
    """The code of a challenge for a number, by the one of a club's keys that signs."""
    return _code(keys[0], challenge_id, purpose, phone)


def is_right_code(
    keys: Sequence[SigningKey], challenge_id: str, purpose: CodePurpose, phone: str, typed: str
) -> bool:
    """Whether that is the code, by any key that still counts; compared in constant time."""
    verdicts = [
        hmac.compare_digest(_code(key, challenge_id, purpose, phone).encode(), typed.encode()) for key in keys
    ]
    return any(verdicts)


def clean_code(typed: str) -> str | None:
    """The digits of a typed code; None for what can't be one."""
    digits = "".join(c for c in unicodedata.normalize("NFKC", typed) if not c.isspace() and c not in "-.")
    return digits if _CODE.fullmatch(digits) else None


def _code(key: SigningKey, challenge_id: str, purpose: CodePurpose, phone: str) -> str:
    digest = derive(key.secret, "one_time_code", challenge_id, purpose.value, phone)
    return f"{int.from_bytes(digest) % 10**CODE_DIGITS:0{CODE_DIGITS}d}"


class LimitKind(StrEnum):
    """Whose codes are counted; `typed` are those that are tried out in a club, right or wrong.

    `proofs` are e-mails that ask whether an address is right, by the member who gave it, and `proofs_to` the same by
    the address: whoever has a card could write to strangers by them. `stops` are numbers that somebody types to stop
    what is sent there, by the network address they type them from.
    """

    NUMBER = "number"
    ADDRESS = "address"
    CLUB = "club"
    TYPED = "typed"
    PROOFS = "proofs"
    PROOFS_TO = "proofs_to"
    STOPS = "stops"


class Window(StrEnum):
    """How long is counted, in UTC: from one full hour, or midnight, to the next."""

    HOUR = "hour"
    DAY = "day"

    def name_at(self, now: datetime) -> str:
        """The window that an instant lies in, such as ``20261121T12`` or ``20261121``."""
        return compact_instant(now)[: 11 if self is Window.HOUR else 8]

    def seconds_left(self, now: datetime) -> int:
        """Whole seconds until the next window begins."""
        in_hour = 3600 - now.minute * 60 - now.second
        return in_hour if self is Window.HOUR else in_hour + 3600 * (23 - now.hour)


class Limit(Struct, frozen=True):
    """How many codes may be asked for, or typed, in a window; names itself when it is reached."""

    kind: LimitKind
    window: Window
    most: int

    @property
    def purpose(self) -> str:
        """The name of its counter's write in a transaction."""
        return f"{self.kind}_{self.window}"


LIMITS = (
    Limit(LimitKind.NUMBER, Window.HOUR, 5),
    Limit(LimitKind.NUMBER, Window.DAY, 10),
    Limit(LimitKind.ADDRESS, Window.HOUR, 30),
    Limit(LimitKind.CLUB, Window.HOUR, 300),
)
PROOFS_LIMIT = Limit(LimitKind.PROOFS, Window.DAY, 5)
"""By member: enough to mistype an address a few times."""

PROOFS_TO_LIMIT = Limit(LimitKind.PROOFS_TO, Window.DAY, 5)
"""By address, whoever gives it."""

STOPS_LIMIT = Limit(LimitKind.STOPS, Window.HOUR, 30)
"""Enough for a household; somebody else's number is stopped by it too, which they are told."""

TYPED_LIMIT = Limit(LimitKind.TYPED, Window.HOUR, 600)
"""Each of the 300 codes that a club may send in an hour can be typed right, and there is room for as many wrong ones.

Five tries a code alone would let 300 codes be guessed at 1,500 times an hour, every hour.
"""


def counted_address(client_ip: str) -> str:
    """What codes are counted by of a client's address: of IPv6 the network, since a household has all of one."""
    try:
        address = ipaddress.ip_address(client_ip)
    except ValueError:
        return client_ip
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, _NETWORK_OF_ONE_HOUSEHOLD), strict=False))
