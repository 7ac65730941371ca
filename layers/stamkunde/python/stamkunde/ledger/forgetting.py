"""Forgetting whose a ledger's entries were: copies of nobody take their place.

An account that nobody lives from goes once all of its entries have. Each part may be done again at any point, and
changes nothing then.
"""

from collections.abc import Iterable, Iterator, Sequence
from copy import replace
from datetime import UTC, datetime
from itertools import batched

from msgspec import Struct

from stamkunde.ledger.anonymous_store import PORTION, AnonymousStore, coupons_used
from stamkunde.ledger.model.accounts import Account, Movement, forfeit
from stamkunde.ledger.model.anonymous import NOBODY
from stamkunde.ledger.model.entries import Entry, EntryKind
from stamkunde.ledger.model.holding import account_of_reservation
from stamkunde.ledger.model.proving import fold
from stamkunde.ledger.store import LedgerStore, new_entry_id
from stamkunde.shared.clock import Clock, local_date
from stamkunde.shared.patience import Patience
from stamkunde.shared.transaction import Busy, ConditionFailed

_BEFORE_ALL = datetime(2000, 1, 1, tzinfo=UTC)
MOST_PORTIONS = 10
"""So many are done at once: a state machine asks again while some are left."""

_NOTED_KINDS = frozenset(
    {EntryKind.VOUCHER, EntryKind.CARRY_OVER, EntryKind.CORRECTION, EntryKind.MOVED_IN, EntryKind.MOVED_OUT}
)


class NotSettled(Exception):
    """An account that is to go holds something, or its entries don't come to nothing: somebody has to look."""


class Forgetting(Struct, frozen=True):
    """Takes somebody out of one club's ledger."""

    store: LedgerStore
    clock: Clock
    time_zone: str
    patience: Patience

    def forfeit(self, account_id: str, member_id: str) -> None:
        """Take a member out of their account: others keep all of it, after the last one what it held is lost.

        Raises
        ------
        Refusal
            ``try_again``.
        """
        self.patience.until_done(lambda: self._try_to_forfeit(account_id, member_id))

    def forget_entries(self, account_id: str, ids: frozenset[str]) -> bool:
        """Make the entries anonymous that somebody left in their account, and in those its bonus came from.

        Those go first, for only the entries of this account lead to them. Entries of an account that nobody lives
        from, and in which nobody else is named, leave it; it goes when the last one has, but for this account.

        Parameters
        ----------
        ids
            Theirs, and those that they had before they were merged.

        Returns
        -------
        Whether none is left; otherwise it is to be asked for again.

        Raises
        ------
        NotSettled
            An account that is to go doesn't come to nothing.
        Refusal
            ``try_again``.
        """
        for place in self._deepest_first(account_id):
            if not self._forget_entries_in(place, ids):
                return False
            if place != account_id:
                self.remove_account(place, ids)
        return True

    def remove_account(self, account_id: str, ids: frozenset[str]) -> None:
        """What an account knows of somebody's coupons; all of it, once it is closed and empty.

        Raises
        ------
        Refusal
            ``try_again``.
        """
        self.patience.until_done(lambda: self._try_to_remove(account_id, ids))

    def _try_to_forfeit(self, account_id: str, member_id: str) -> None:
        account = self.store.load_account(account_id, consistent=True)
        if account is None or member_id not in account.members:
            return
        now = self.clock.now()
        emptied, movement = forfeit(account, member_id)
        writes = [self.store.account_write(account, emptied)]
        if movement != Movement():
            entry = Entry(
                entry_id=new_entry_id(now),
                kind=EntryKind.FORFEIT,
                account_id=account_id,
                member_id=member_id,
                outlet_id=None,
                till_id=None,
                booked_at=now,
                day=local_date(now, self.time_zone),
                movement=movement,
                balance=emptied.balance(now, self.time_zone),
            )
            writes = self.store.entry_writes(account, emptied, entry)
        try:
            self.store.commit(writes)
        except ConditionFailed as failed:
            raise Busy from failed

    def _deepest_first(self, account_id: str, seen: frozenset[str] = frozenset()) -> Iterator[str]:
        """The account after all from which something was moved into it, each after those before it."""
        seen |= {account_id}
        for entry in self.store.every_entry(account_id):
            source = entry.grounds.with_account if entry.kind is EntryKind.MOVED_IN and entry.grounds else None
            if source and source not in seen:
                yield from self._deepest_first(source, seen)
        yield account_id

    def _forget_entries_in(self, account_id: str, ids: frozenset[str]) -> bool:
        account = self.store.load_account(account_id, consistent=True)
        if account is None:
            return True
        entries = list(self.store.every_entry(account_id))
        is_last = _is_last(account, entries, ids)
        if is_last and not account.closed:
            self.patience.until_done(lambda: self._try_to_close(account_id, entries))
        theirs = entries if is_last else [entry for entry in entries if entry.member_id in ids]
        portions = list(batched(theirs, PORTION, strict=False))
        for portion in portions[:MOST_PORTIONS]:
            self._replace(account_id, portion, ids)
        return len(portions) <= MOST_PORTIONS and (is_last or not self._is_left_behind(account_id, ids))

    def _is_left_behind(self, account_id: str, ids: frozenset[str]) -> bool:
        """Whether everybody else has gone meanwhile: of two who go at once, neither was the last before."""
        account = self.store.load_account(account_id, consistent=True)
        if account is None or account.members:
            return False
        return _is_last(account, self.store.every_entry(account_id), ids)

    def _try_to_close(self, account_id: str, entries: Sequence[Entry]) -> None:
        """From now on its entries leave; they come to nothing, which can't be proved afterwards."""
        account = self.store.load_account(account_id, consistent=True)
        if account is None or account.closed:
            return
        moved = fold(entries)
        if account.members or moved.lots or moved.deficit or moved.stamps or moved.rewards or account.lots:
            raise NotSettled
        closed = replace(account, closed=True, revision=account.revision + 1)
        try:
            self.store.put_alone(self.store.account_write(account, closed))
        except ConditionFailed as failed:
            raise Busy from failed

    def _replace(self, account_id: str, entries: Sequence[Entry], ids: frozenset[str]) -> None:
        gone = self._gone
        gone.strip_guards(entries)
        for day in sorted({local_date(entry.booked_at, self.time_zone) for entry in entries if _is_noted(entry)}):
            gone.remove_notes(day, ids, {entry.entry_id for entry in entries})
        coupons = coupons_used(self.store.coupons, entries)

        def attempt() -> None:
            account = self.store.load_account(account_id, consistent=True)
            if account is not None:
                gone.replace(account, entries, coupons)

        self.patience.until_done(attempt)

    def _try_to_remove(self, account_id: str, ids: frozenset[str]) -> None:
        account = self.store.load_account(account_id, consistent=True)
        if account is None:
            return
        is_empty = account.closed and not any(True for _ in self.store.every_entry(account_id))
        if is_empty:
            self._release_holds(account_id)
        uses = [key for key in account.uses if is_empty or key[1] in ids]
        self._gone.remove_uses(account_id, uses)
        if is_empty:
            self._gone.remove_account(account)

    def _release_holds(self, account_id: str) -> None:
        """Take what was set aside out of coupons' totals: its id names the account, and nobody else may ever look."""
        coupons = self.store.coupons
        totals = (coupons.limit(history.newest.coupon_id) for history in coupons.not_over_at(_BEFORE_ALL))
        for limit in filter(None, totals):
            for hold_id, (_, held) in limit.holds.items():
                if account_of_reservation(hold_id) == account_id:
                    self._release(limit.coupon_id, hold_id, held)

    def _release(self, coupon_id: str, hold_id: str, held: int) -> None:
        coupons = self.store.coupons
        try:
            coupons.commit([coupons.release_write(coupon_id, hold_id, held)])
        except ConditionFailed as failed:
            raise Busy from failed

    @property
    def _gone(self) -> AnonymousStore:
        return self.store.gone(self.time_zone)


def _is_last(account: Account, entries: Iterable[Entry], ids: frozenset[str]) -> bool:
    """Whether nobody lives from an account, and nobody is named in it but somebody with these ids."""
    return not account.members and all(entry.member_id in {None, NOBODY, *ids} for entry in entries)


def _is_noted(entry: Entry) -> bool:
    """Whether the owner may have been told of it."""
    return entry.kind in _NOTED_KINDS or bool(entry.purchase and entry.purchase.refused)
