"""Opaque cursors: where the next page begins, of use to nobody but the list that gave it."""

import base64
import binascii

from stamkunde.shared.errors import Refusal

LONGEST_CURSOR = 200


def encode_cursor(sort_key: str) -> str:
    """A cursor that carries a sort key only: the partition is always the caller's own."""
    return base64.urlsafe_b64encode(sort_key.encode()).decode().rstrip("=")


def decode_cursor(cursor: str, prefix: str) -> str:
    """The sort key of a cursor.

    Raises
    ------
    Refusal
        ``bad_cursor``: not one of ours, or another list's.
    """
    padded = cursor + "=" * (-len(cursor) % 4)
    try:
        sort_key = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError, ValueError) as error:
        raise Refusal("bad_cursor") from error
    if len(cursor) > LONGEST_CURSOR or not sort_key.startswith(prefix):
        raise Refusal("bad_cursor")
    return sort_key
