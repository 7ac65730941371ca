"""Whether something was done before: an act by hand carries its caller's key, and its entry keeps a digest of it."""

from datetime import datetime, timedelta

from msgspec import Struct

from stamkunde.ledger.model.entries import Entry, EntryKind
from stamkunde.ledger.store import LedgerStore
from stamkunde.shared.errors import Refusal
from stamkunde.shared.idempotency import WriteKey
from stamkunde.shared.ids import derived_id

REMEMBERED = timedelta(hours=24)
"""The same key later than that is a new act."""


class ActKey(Struct, frozen=True):
    """What names an act of one member, and tells it from another with the same key."""

    act_id: str
    content: str

    @classmethod
    def of(cls, act: str, member_id: str, key: WriteKey) -> "ActKey":
        """From the caller's key."""
        return cls(derived_id("x", act, member_id, key.key), key.content)


def find_repeat(store: LedgerStore, account_id: str, key: ActKey, kind: EntryKind, now: datetime) -> Entry | None:
    """The entry by which an act was booked already, also in an account that was moved into this one since.

    Ask after the account was loaded: whatever is booked after the question then fails the write by its revision.

    Raises
    ------
    Refusal
        ``idempotency_key_differs``: the key came with something else.
    """
    to_search, searched = [account_id], set()
    while to_search:
        place = to_search.pop()
        searched.add(place)
        for entry in store.entries_since(place, now - REMEMBERED):
            grounds = entry.grounds
            if grounds is None:
                continue
            if entry.kind is kind and grounds.transfer_id == key.act_id:
                if grounds.content != key.content:
                    raise Refusal("idempotency_key_differs")
                return entry
            before = grounds.with_account
            if entry.kind is EntryKind.MOVED_IN and before and before not in searched:
                to_search.append(before)
    return None
