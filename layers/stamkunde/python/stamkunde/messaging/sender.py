"""Who a message comes from, made of the club's name.

A text message names its sender with three to eleven letters, digits and inner hyphens, at least one of them a letter:
what every gateway takes.
"""

import re
import unicodedata
from email.header import Header
from email.utils import formataddr

LONGEST = 11
LAST_RESORT = "Stamkunde"
"""For names of which nothing is left, such as one in another script."""

GENERIC = frozenset({"info", "sms", "notice"})
"""Gateways refuse them, and nobody would know who writes."""

_SENDER = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9][A-Za-z0-9-]{1,9}[A-Za-z0-9]")
_NOT_ALLOWED = re.compile(r"[^A-Za-z0-9-]")
_IN_FULL = str.maketrans({"æ": "ae", "ø": "oe", "å": "aa", "ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss",
                          "Æ": "Ae", "Ø": "Oe", "Å": "Aa", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})  # fmt: skip
_IN_SHORT = {letter: written[0] for letter, written in _IN_FULL.items()}


def sender_id(club_name: str) -> str:
    """The sender's name: ``Bager Ærø`` is ``BagerAeroe``; when that is too long, one letter for each of æ, ø, å."""
    composed = unicodedata.normalize("NFC", club_name)
    written = _reduced(composed.translate(_IN_FULL))
    if len(written) > LONGEST:
        written = _reduced(_reduced(composed.translate(_IN_SHORT))[:LONGEST])
    return written if _SENDER.fullmatch(written) and written.lower() not in GENERIC else LAST_RESORT


def mail_sender(club_name: str, slug: str, domain: str) -> str:
    """The From of an e-mail, as it stands in the header: the club's name, encoded where it isn't ASCII (RFC 2047)."""
    letters = (letter for letter in " ".join(club_name.split()) if unicodedata.category(letter) != "Cc")
    name = "".join(letters)
    written = name if name.isascii() else Header(name, "utf-8").encode(linesep="")
    return formataddr((written, f"{slug}@{domain}"))


def _reduced(name: str) -> str:
    """Letters without their accents, digits and inner hyphens."""
    return _NOT_ALLOWED.sub("", unicodedata.normalize("NFKD", name)).strip("-")
