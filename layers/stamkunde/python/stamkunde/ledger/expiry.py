"""Posting what has lapsed: once after the end of each month, every account of a club is looked at."""

from collections.abc import Callable
from copy import replace
from datetime import date, timedelta

from msgspec import Struct

from stamkunde.ledger.care_store import CareStore, Progress, Snapshot
from stamkunde.ledger.model.accounts import Account
from stamkunde.ledger.model.entries import Entry, EntryKind
from stamkunde.ledger.model.expiring import Expired, expired
from stamkunde.ledger.model.liability import NOTHING_OWED, Liability, liability_of
from stamkunde.ledger.store import ACCOUNT_SHARDS, LedgerStore, new_entry_id
from stamkunde.shared.clock import Clock, local_date
from stamkunde.shared.patience import Patience
from stamkunde.shared.transaction import Busy, ConditionFailed, Put

EXPIRY = "EXPIRY"
EVERY_SHARD = tuple(range(ACCOUNT_SHARDS))


class BrokenAccount(Struct, frozen=True):
    """An account that could not be looked at; the others were."""

    account_id: str
    error: Exception


class ExpiryRun(Struct, frozen=True):
    """What one run did in one club.

    Parameters
    ----------
    posted
        Accounts that lost something, each by one entry.
    waiting
        Accounts on which something is held for a receipt just now: the next run looks again.
    finished
        Whether nothing is left of the month that ended last.
    """

    visited: int = 0
    posted: int = 0
    waiting: int = 0
    broken: tuple[BrokenAccount, ...] = ()
    finished: bool = True


class Visit(Struct, frozen=True):
    """How an account stands after it was looked at."""

    account: Account
    posted: bool = False
    waiting: bool = False


class Expiry(Struct, frozen=True):
    """Posts what has lapsed in one club.

    Lots and rewards end with a month, but for a few days' grace after a refund; what is over can't be spent from
    then on, posted or not. So an account is visited once a month, at the first opportunity. A shard of the list of
    accounts is done when all of its accounts are; how far a run came is noted after each, and an account visited
    twice has nothing left to lose.

    Parameters
    ----------
    founded
        The club's first day: nothing ends in its first month.
    """

    store: LedgerStore
    care: CareStore
    clock: Clock
    time_zone: str
    founded: date
    patience: Patience

    def run(self, is_over: Callable[[], bool]) -> ExpiryRun:
        """Go on with the month that ended last, until it is done or the time is over."""
        progress = self._due()
        run, left = ExpiryRun(), progress.left
        for shard in progress.left:
            if is_over():
                run = replace(run, finished=False)
                break
            walked, liability = self._walk(shard)
            run = _together(run, walked)
            if walked.finished:
                left = tuple(each for each in left if each != shard)
            if walked.visited:
                snapshot = self.care.snapshot_write(
                    _month_before(progress.period), shard, Snapshot(self.clock.now(), liability)
                )
                noted = self._note(progress, left, [snapshot])
                if noted is None:
                    return replace(run, finished=False)
                progress = noted
        # Shards without accounts are noted together.
        if left != progress.left and self._note(progress, left, []) is None:
            return replace(run, finished=False)
        return run

    def visit(self, account_id: str) -> Visit | None:
        """Post what has lapsed in an account; None if there is no such account.

        Raises
        ------
        Refusal
            ``try_again``: others wrote it all the time.
        """
        return self.patience.until_done(lambda: self._try_to_visit(account_id))

    def _due(self) -> Progress:
        """What is left to walk of the month that ended last."""
        month = self._today().replace(day=1)
        progress = self.care.progress(EXPIRY) or Progress(self.founded.replace(day=1), ())
        return replace(progress, period=month, left=EVERY_SHARD) if progress.period < month else progress

    def _note(self, progress: Progress, left: tuple[int, ...], writes: list[Put]) -> Progress | None:
        """Write how far the walk is; None if another run was faster."""
        whole = [] if left else [self.care.whole_write(_month_before(progress.period))]
        return self.care.note_progress(EXPIRY, progress, replace(progress, left=left), [*writes, *whole])

    def _walk(self, shard: int) -> tuple[ExpiryRun, Liability]:
        visited = posted = waiting = 0
        broken: list[BrokenAccount] = []
        liability = NOTHING_OWED
        for account_id in self.store.account_ids_of(shard):
            visited += 1
            try:
                visit = self.visit(account_id)
            except Exception as error:  # noqa: BLE001 - one account must not hold up the others
                broken.append(BrokenAccount(account_id, error))
                continue
            if visit is not None:
                posted += visit.posted
                waiting += visit.waiting
                liability += liability_of(visit.account, self._today(), self.clock.now())
        return ExpiryRun(visited, posted, waiting, tuple(broken), not waiting and not broken), liability

    def _try_to_visit(self, account_id: str) -> Visit | None:
        before = self.store.load_account(account_id, consistent=True)
        if before is None:
            return None
        lapsed = expired(before, self._today())
        if lapsed is None:
            return Visit(before)
        if before.live_holds(self.clock.now()):
            # A receipt of the last day may be under way that was promised some of it.
            return Visit(before, waiting=True)
        after = before.apply(lapsed.movement)
        try:
            self.store.commit(self.store.entry_writes(before, after, self._entry(after, lapsed)))
        except ConditionFailed as failed:
            raise Busy from failed
        return Visit(after, posted=True)

    def _entry(self, after: Account, lapsed: Expired) -> Entry:
        now = self.clock.now()
        return Entry(
            entry_id=new_entry_id(now),
            kind=EntryKind.EXPIRE,
            account_id=after.account_id,
            member_id=None,
            outlet_id=None,
            till_id=None,
            booked_at=now,
            day=lapsed.last_day,
            movement=lapsed.movement,
            balance=after.balance(now, self.time_zone),
        )

    def _today(self) -> date:
        return local_date(self.clock.now(), self.time_zone)


def _month_before(month: date) -> date:
    return month - timedelta(days=1)


def _together(first: ExpiryRun, second: ExpiryRun) -> ExpiryRun:
    return ExpiryRun(
        first.visited + second.visited,
        first.posted + second.posted,
        first.waiting + second.waiting,
        (*first.broken, *second.broken),
        first.finished and second.finished,
    )
