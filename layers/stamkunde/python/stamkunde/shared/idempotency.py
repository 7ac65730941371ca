"""What makes a write that is no receipt happen once: the caller's own key, and what it came with."""

from msgspec import Struct


class WriteKey(Struct, frozen=True):
    """A caller's name for one write.

    Parameters
    ----------
    key
        Unique to the till that sent it, and to nobody else.
    content
        Digest of what it came with: the same key with other content is a mistake, ``idempotency_key_differs``.
    """

    key: str
    content: str
