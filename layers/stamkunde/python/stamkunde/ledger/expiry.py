"""Posting what has lapsed in an account: bonus, rewards, and vouchers that nobody used."""

from collections.abc import Iterable, Mapping
from copy import replace
from datetime import date, datetime

from msgspec import Struct

from stamkunde.ledger.model.accounts import Account, Movement, UseKey
from stamkunde.ledger.model.entries import Entry, EntryKind, UseChange
from stamkunde.ledger.model.expiring import ended_vouchers, expired, expires_from
from stamkunde.ledger.store import LedgerStore, new_entry_id
from stamkunde.shared.clock import Clock, local_date
from stamkunde.shared.patience import Patience
from stamkunde.shared.transaction import Busy, ConditionFailed, Put

AT_ONCE = 40
"""More coupons fit into no transaction, each with a member of its own; the next look posts the others."""

NOTHING_MOVED = Movement()


class Posted(Struct, frozen=True):
    """How an account stands after it was looked at.

    Parameters
    ----------
    done
        Whether anything was posted.
    expires_from
        The first day on which there is something to post; a day that has come, if something is set aside in the
        account for a receipt just now: then it is to be looked at again.
    """

    done: bool
    expires_from: date | None


class Expiry(Struct, frozen=True):
    """Posts what has lapsed in the accounts of one club.

    What is over can't be used from then on, posted or not. An account may be looked at by all who share it, and as
    often as anybody likes: what was posted is there no more.
    """

    store: LedgerStore
    clock: Clock
    time_zone: str
    patience: Patience

    def post(self, account_id: str) -> Posted:
        """Post what has lapsed in an account, in one transaction.

        Raises
        ------
        Refusal
            ``try_again``: others wrote it all the time.
        """
        return self.patience.until_done(lambda: self._try_to_post(account_id))

    def _try_to_post(self, account_id: str) -> Posted:
        before = self.store.load_account(account_id, consistent=True)
        if before is None:
            return Posted(done=False, expires_from=None)
        now = self.clock.now()
        today = local_date(now, self.time_zone)
        lapsed, vouchers = expired(before, today), dict(sorted(ended_vouchers(before, today).items())[:AT_ONCE])
        if lapsed is None and not vouchers:
            return Posted(done=False, expires_from=expires_from(before))
        if before.live_holds(now):
            # A receipt of the last day may be under way that was promised some of it.
            return Posted(done=False, expires_from=expires_from(before))
        after, entries = before, list[Entry]()
        if lapsed is not None:
            after = after.apply(lapsed.movement)
            entries.append(self._entry(after, None, lapsed.last_day, now, movement=lapsed.movement))
        for member_id in sorted({whose for _, whose in vouchers}):
            theirs = {key: number for key, number in vouchers.items() if key[1] == member_id}
            after = _without(after.apply(NOTHING_MOVED), theirs)
            changes = tuple(UseChange(name, used=0, vouchers=-number) for (name, _), number in theirs.items())
            entries.append(self._entry(after, member_id, _last_day(before, theirs), now, uses=changes))
        self._write(before, after, entries)
        return Posted(done=True, expires_from=expires_from(after))

    def _entry(
        self,
        after: Account,
        member_id: str | None,
        day: date,
        now: datetime,
        movement: Movement = NOTHING_MOVED,
        uses: tuple[UseChange, ...] = (),
    ) -> Entry:
        return Entry(
            entry_id=new_entry_id(now),
            kind=EntryKind.EXPIRE,
            account_id=after.account_id,
            member_id=member_id,
            outlet_id=None,
            till_id=None,
            booked_at=now,
            day=day,
            movement=movement,
            balance=after.balance(now, self.time_zone),
            uses=uses,
        )

    def _write(self, before: Account, after: Account, entries: list[Entry]) -> None:
        writes: list[Put] = [
            self.store.account_write(before, after),
            *map(self.store.entry_write, entries),
            *self.store.use_writes(before, after),
        ]
        try:
            self.store.commit(writes)
        except ConditionFailed as failed:
            raise Busy from failed


def _without(account: Account, vouchers: Mapping[UseKey, int]) -> Account:
    """The account without some vouchers; until when they could be used stays, and says of none that it can be."""
    fewer = {key: replace(account.uses[key], vouchers=account.uses[key].vouchers - n) for key, n in vouchers.items()}
    return replace(account, uses={**account.uses, **fewer})


def _last_day(account: Account, vouchers: Iterable[UseKey]) -> date:
    """The latest day on which any of some vouchers could still be used."""
    return max(day for key in vouchers if (day := account.uses[key].last_day))
