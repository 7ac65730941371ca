"""The nightly proof: accounts are derived again from their entries. What differs is told, and never repaired."""

from collections.abc import Callable
from copy import replace
from datetime import date, timedelta

from msgspec import Struct

from stamkunde.ledger.care_store import CareStore, Progress
from stamkunde.ledger.model.accounts import Account
from stamkunde.ledger.model.entries import Entry
from stamkunde.ledger.model.liability import NOTHING_OWED, Liability, liability_of
from stamkunde.ledger.model.proving import NO_FLOWS, Difference, DifferenceKind, Flows, differences, flows_of
from stamkunde.ledger.store import ACCOUNT_SHARDS, UNREADABLE, LedgerStore, UnreadableEntry
from stamkunde.shared.clock import Clock, local_date

PROOF = "PROOF"
NIGHTS = 28
"""Every account is proved at least once in so many nights, touched or not."""

NIGHT_BEGINS = timedelta(hours=2)
"""After midnight in the club's zone, when shops are closed."""

MOST_READINGS = 5
"""How often an account is read anew that is being written."""


class Unsettled(Exception):
    """An account was written each time it was read: it can be proved later."""


class Proved(Struct, frozen=True):
    """What proving an account came to."""

    entries: int = 0
    differences: tuple[Difference, ...] = ()
    flows: Flows = NO_FLOWS
    liability: Liability = NOTHING_OWED


class ProofRun(Struct, frozen=True):
    """What proving some accounts came to.

    Parameters
    ----------
    unsettled
        Accounts that were written all the time.
    finished
        Whether nothing is left to prove this night.
    """

    accounts: int = 0
    entries: int = 0
    differences: tuple[Difference, ...] = ()
    unsettled: int = 0
    flows: Flows = NO_FLOWS
    liability: Liability = NOTHING_OWED
    finished: bool = True

    def __add__(self, other: "ProofRun") -> "ProofRun":
        """What both came to; a difference that both found, of an account that was proved twice, is one."""
        return ProofRun(
            self.accounts + other.accounts,
            self.entries + other.entries,
            tuple(dict.fromkeys((*self.differences, *other.differences))),
            self.unsettled + other.unsettled,
            self.flows + other.flows,
            self.liability + other.liability,
            self.finished and other.finished,
        )


class Proof(Struct, frozen=True):
    """Proves one club's accounts; reads only."""

    store: LedgerStore
    clock: Clock
    time_zone: str

    def prove(self, account_id: str) -> Proved:
        """Derive an account from its entries, as they were at one and the same moment.

        Raises
        ------
        Unsettled
            It was written each time it was read.
        """
        try:
            account, entries = self._read(account_id)
        except UnreadableEntry as error:
            return Proved(differences=(Difference(account_id, DifferenceKind.UNREADABLE, error.entry_id),))
        except UNREADABLE:
            return Proved(differences=(Difference(account_id, DifferenceKind.UNREADABLE),))
        if account is None:
            is_missed = bool(entries) or self.store.is_listed(account_id)
            missing = (Difference(account_id, DifferenceKind.MISSING),) if is_missed else ()
            return Proved(entries=len(entries), differences=missing)
        if account.closed:
            return Proved(entries=len(entries))
        now = self.clock.now()
        return Proved(
            entries=len(entries),
            differences=tuple(differences(account, entries)),
            flows=sum(map(flows_of, entries), NO_FLOWS),
            liability=liability_of(account, local_date(now, self.time_zone), now),
        )

    def prove_shard(self, shard: int) -> ProofRun:
        """Prove all accounts of one part of the list of accounts."""
        run = ProofRun()
        for account_id in self.store.account_ids_of(shard):
            run += self.prove_one(account_id)
        return run

    def prove_one(self, account_id: str) -> ProofRun:
        """Prove one account, and pass over it if it is being written all the time."""
        try:
            proved = self.prove(account_id)
        except Unsettled:
            return ProofRun(unsettled=1)
        return ProofRun(1, proved.entries, proved.differences, 0, proved.flows, proved.liability)

    def _read(self, account_id: str) -> tuple[Account | None, list[Entry]]:
        for _ in range(MOST_READINGS):
            before = self.store.load_account(account_id, consistent=True)
            entries = list(self.store.every_entry(account_id))
            after = self.store.load_account(account_id, consistent=True)
            if (before and before.revision) == (after and after.revision):
                return after, entries
        raise Unsettled


class NightlyProof(Struct, frozen=True):
    """What is proved of one club each night: accounts that were touched, and a part of all others.

    That an account was touched is only a hint from the ledger's stream: a lost one is made good within four weeks.
    An account in which something differed is proved again every night, until it agrees.
    """

    proof: Proof
    care: CareStore

    def run(self, is_over: Callable[[], bool]) -> ProofRun:
        """Prove what this night asks for, or go on with it; nothing, if that has been done."""
        night = local_date(self.proof.clock.now() - NIGHT_BEGINS, self.proof.time_zone)
        noted = self.care.progress(PROOF) or Progress(date.min, ())
        if noted.period >= night and not noted.left:
            return ProofRun()
        progress = noted
        if noted.period < night:
            progress = replace(noted, period=night, left=tuple(sorted({*noted.left, *slice_of(night)})))
        run = self._prove_hinted(is_over)
        if not run.finished:
            return run
        for shard in progress.left:
            if is_over():
                return replace(run, finished=False)
            proved = self.proof.prove_shard(shard)
            self._note(proved)
            run += proved
            left = tuple(each for each in progress.left if each != shard)
            written = self.care.note_progress(PROOF, progress, replace(progress, left=left))
            if written is None:
                return replace(run, finished=False)
            progress = written
        return run

    def _prove_hinted(self, is_over: Callable[[], bool]) -> ProofRun:
        """Prove what differed before, and what was touched since."""
        run = ProofRun()
        for noted in list(self.care.noted_differences()):
            if is_over():
                return replace(run, finished=False)
            proved = self._prove_one(noted.account_id)
            if not proved.unsettled and not proved.differences:
                self.care.forget_differences(noted.account_id)
            run += proved
        for touched in self.care.touched():
            if is_over():
                return replace(run, finished=False)
            proved = self._prove_one(touched.account_id)
            if not proved.unsettled:
                self.care.untouch(touched)
            run += proved
        return run

    def _prove_one(self, account_id: str) -> ProofRun:
        run = self.proof.prove_one(account_id)
        self._note(run)
        return run

    def _note(self, run: ProofRun) -> None:
        by_account: dict[str, list[Difference]] = {}
        for each in run.differences:
            by_account.setdefault(each.account_id, []).append(each)
        for found in by_account.values():
            self.care.note_differences(found, self.proof.clock.now())


def slice_of(night: date) -> tuple[int, ...]:
    """The shards of the list of accounts that are proved in a night: each one once in `NIGHTS` nights."""
    turn = night.toordinal() % NIGHTS
    return tuple(shard for shard in range(ACCOUNT_SHARDS) if shard * NIGHTS // ACCOUNT_SHARDS == turn)
