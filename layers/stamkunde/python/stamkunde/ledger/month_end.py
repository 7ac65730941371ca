"""What a club owed when a month had ended, kept for its accountant: every account is looked at once."""

from collections.abc import Callable
from copy import replace
from datetime import date, timedelta

from msgspec import Struct

from stamkunde.ledger.care_store import CareStore, Progress, Snapshot
from stamkunde.ledger.model.liability import NOTHING_OWED, Liability, liability_of
from stamkunde.ledger.store import ACCOUNT_SHARDS, LedgerStore
from stamkunde.shared.clock import Clock, local_date
from stamkunde.shared.transaction import Put

LIABILITY = "LIABILITY"
EVERY_SHARD = tuple(range(ACCOUNT_SHARDS))
NIGHT_BEGINS = timedelta(hours=2)
"""After midnight in the club's zone: what lapsed with the month has mostly been posted by then."""


class BrokenAccount(Struct, frozen=True):
    """An account that could not be looked at; the others were."""

    account_id: str
    error: Exception


class MonthEndRun(Struct, frozen=True):
    """What one run did in one club.

    Parameters
    ----------
    finished
        Whether nothing is left of the month that ended last.
    """

    accounts: int = 0
    broken: tuple[BrokenAccount, ...] = ()
    finished: bool = True


class MonthEnd(Struct, frozen=True):
    """Keeps what one club owes as each month ends; reads accounts only.

    A shard of the list of accounts is done when all of its accounts were read; how far a run came is noted after
    each. What lapsed and isn't posted yet is told by itself, so nothing depends on when that is.

    Parameters
    ----------
    founded
        The club's first day: nothing was owed before its first month ended.
    """

    store: LedgerStore
    care: CareStore
    clock: Clock
    time_zone: str
    founded: date

    def run(self, is_over: Callable[[], bool]) -> MonthEndRun:
        """Go on with the month that ended last, until it is done or the time is over."""
        progress = self._due()
        run, left = MonthEndRun(), progress.left
        for shard in progress.left:
            if is_over():
                run = replace(run, finished=False)
                break
            walked, liability = self._walk(shard)
            run = _together(run, walked)
            if walked.finished:
                left = tuple(each for each in left if each != shard)
            if walked.accounts:
                snapshot = self.care.snapshot_write(_ended(progress), shard, Snapshot(self.clock.now(), liability))
                noted = self._note(progress, left, [snapshot])
                if noted is None:
                    return replace(run, finished=False)
                progress = noted
        # Shards without accounts are noted together.
        if left != progress.left and self._note(progress, left, []) is None:
            return replace(run, finished=False)
        return run

    def _due(self) -> Progress:
        """What is left to read of the month that ended last; a month that is whole is never read again."""
        month = local_date(self.clock.now() - NIGHT_BEGINS, self.time_zone).replace(day=1)
        progress = self.care.progress(LIABILITY) or Progress(self.founded.replace(day=1), ())
        if progress.period >= month:
            return progress
        due = replace(progress, period=month, left=EVERY_SHARD)
        if progress.revision == 0 and self.care.snapshots(_ended(due))[1]:
            return replace(due, left=())
        return due

    def _note(self, progress: Progress, left: tuple[int, ...], writes: list[Put]) -> Progress | None:
        """Write how far the run is; None if another one was faster."""
        whole = [] if left else [self.care.whole_write(_ended(progress))]
        return self.care.note_progress(LIABILITY, progress, replace(progress, left=left), [*writes, *whole])

    def _walk(self, shard: int) -> tuple[MonthEndRun, Liability]:
        accounts, broken = 0, list[BrokenAccount]()
        liability = NOTHING_OWED
        for account_id in self.store.account_ids_of(shard):
            accounts += 1
            try:
                account = self.store.load_account(account_id, consistent=True)
            except Exception as error:  # noqa: BLE001 - one account must not hold up the others
                broken.append(BrokenAccount(account_id, error))
                continue
            if account is not None:
                now = self.clock.now()
                liability += liability_of(account, local_date(now, self.time_zone), now)
        return MonthEndRun(accounts, tuple(broken), not broken), liability


def _ended(progress: Progress) -> date:
    """The last day of the month before the one that it works in."""
    return progress.period - timedelta(days=1)


def _together(first: MonthEndRun, second: MonthEndRun) -> MonthEndRun:
    return MonthEndRun(
        first.accounts + second.accounts, (*first.broken, *second.broken), first.finished and second.finished
    )
