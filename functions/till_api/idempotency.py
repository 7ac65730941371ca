"""Writes that are no receipt carry a key of the till's: the same key again is the same write."""

import hashlib
import re

import msgspec

from stamkunde.http import Request
from stamkunde.shared.errors import Refusal
from stamkunde.shared.idempotency import WriteKey

HEADER = "idempotency-key"
LONGEST_KEY = 100
CONTENT_LETTERS = 32
_PRINTABLE = re.compile(rf"[\x21-\x7e]{{1,{LONGEST_KEY}}}")


def write_key(request: Request, body: msgspec.Struct) -> WriteKey:
    """The key that a till gave to a write, with a digest of the body as it was read, however it was formatted.

    Raises
    ------
    Refusal
        ``idempotency_key_missing``: no ``Idempotency-Key``, or not 1 to 100 printable ASCII characters.
    """
    key = request.headers.get(HEADER, "").strip()
    if not _PRINTABLE.fullmatch(key):
        raise Refusal("idempotency_key_missing", {"most": LONGEST_KEY})
    content = msgspec.json.encode([request.path, body], order="deterministic")
    return WriteKey(key, hashlib.sha256(content).hexdigest()[:CONTENT_LETTERS])
