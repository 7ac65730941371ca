"""Secrets made of a club's signing keys: what is derived from them, and what is sealed with them.

A seal proves who wrote a text; it hides nothing.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

MOST_KEYS = 2
"""One key signs, and another opens: the one before it, so that no page that is open breaks, or the one to come."""


class SigningKey(Struct, frozen=True):
    """One of a club's secret keys; its number goes up with each new one.

    Parameters
    ----------
    signs_from
        From then on it signs, and until then it only opens: by then every warm Lambda knows it. None for the first.
    """

    key_id: int
    secret: bytes
    signs_from: datetime | None = None


def in_order_of_use(keys: Sequence[SigningKey], now: datetime) -> tuple[SigningKey, ...]:
    """The key that signs at an instant before those that only open."""
    coming = [key for key in keys if key.signs_from is not None and key.signs_from > now]
    return (*(key for key in keys if key not in coming), *coming)


def derive(secret: bytes, purpose: str, *parts: str) -> bytes:
    """32 bytes that only the secret's holder can work out (HMAC-SHA-256), different for every purpose.

    The parts are length-prefixed, so ``("a", "bc")`` and ``("ab", "c")`` differ.
    """
    digest = hmac.new(secret, digestmod=hashlib.sha256)
    for part in (purpose, *parts):
        encoded = part.encode()
        digest.update(len(encoded).to_bytes(4, "big") + encoded)
    return digest.digest()


def seal(keys: Sequence[SigningKey], purpose: str, payload: bytes) -> str:
    """The payload with a proof of its origin, as letters that a cookie or a form may carry."""
    signing = keys[0]
    content = _to_text(payload)
    return f"{signing.key_id}.{content}.{_proof(signing, purpose, content)}"


def unseal(keys: Sequence[SigningKey], purpose: str, text: str) -> bytes | None:
    """What was sealed for this purpose with a key that still counts; None for anything else."""
    key_id, _, rest = text.partition(".")
    content, _, proof = rest.partition(".")
    key = next((key for key in keys if str(key.key_id) == key_id), None)
    if key is None or not hmac.compare_digest(
        _proof(key, purpose, content).encode(), proof.encode("utf-8", "replace")
    ):
        return None
    return base64.urlsafe_b64decode(content + "=" * (-len(content) % 4))


def _proof(key: SigningKey, purpose: str, content: str) -> str:
    return _to_text(derive(key.secret, f"seal:{purpose}", str(key.key_id), content))


def _to_text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
