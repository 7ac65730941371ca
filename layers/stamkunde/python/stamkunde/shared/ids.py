"""Random identifiers: unguessable, sortable by nothing, safe to read out and to put in a URL."""

import hashlib
import secrets

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u to mistake
_BITS_PER_LETTER = 5


def new_id(prefix: str, letters: int = 16) -> str:
    """A random identifier such as ``m7k2…``: one letter for the kind, then 5 random bits a letter."""
    return prefix + _letters(secrets.randbits(_BITS_PER_LETTER * letters), letters)


def shard_of(text: str, shards: int) -> int:
    """Which of some equal partitions an id belongs to: always the same one."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") % shards


def derived_id(prefix: str, *parts: str, letters: int = 24) -> str:
    """An identifier that the same parts always give, and that tells nothing of them (SHA-256).

    The parts are length-prefixed before hashing, so ``("a", "bc")`` and ``("ab", "c")`` differ.
    """
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode()
        digest.update(len(encoded).to_bytes(4, "big") + encoded)
    return prefix + _letters(int.from_bytes(digest.digest(), "big"), letters)


def _letters(number: int, letters: int) -> str:
    return "".join([_ALPHABET[(number >> (_BITS_PER_LETTER * i)) & 31] for i in range(letters)])
