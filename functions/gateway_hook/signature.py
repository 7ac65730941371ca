"""What GatewayAPI signs its calls with: a JSON web token by HMAC-SHA-256 (RFC 7515), and no other kind of proof."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

import msgspec

LONGEST = 16 * 1024


class _Header(msgspec.Struct):
    alg: str


def signed_content(token: str, secret: str) -> Mapping[str, Any] | None:
    """What the holder of the secret says; None for whatever anybody else has made.

    The content of the token is believed, and nothing of what came beside it.
    """
    header, _, rest = token.partition(".")
    payload, _, proof = rest.partition(".")
    wanted = hmac.new(secret.encode(), f"{header}.{payload}".encode(), hashlib.sha256).digest()
    given = _bytes(proof) if len(token) <= LONGEST and token.isascii() else None
    if given is None or not secret or not hmac.compare_digest(wanted, given):
        return None
    try:
        # What is signed by the right secret in another way is not what they promise to send.
        if msgspec.json.decode(_bytes(header) or b"", type=_Header).alg != "HS256":
            return None
        return msgspec.json.decode(_bytes(payload) or b"", type=dict[str, Any])
    except msgspec.DecodeError:
        return None


def _bytes(text: str) -> bytes | None:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return None
