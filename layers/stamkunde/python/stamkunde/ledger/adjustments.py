"""What is done to an account by hand, each with who, why and a line for the owner. Load, decide, write once."""

from collections.abc import Callable, Mapping, Sequence
from copy import replace
from datetime import datetime

from msgspec import Struct, field

from stamkunde.ledger.model.accounts import Account, Movement
from stamkunde.ledger.model.adjusting import (
    BONUS,
    Brought,
    Correction,
    Promise,
    carry_over,
    correct,
    same_person,
)
from stamkunde.ledger.model.entries import Entry, EntryKind, Grounds
from stamkunde.ledger.model.settlement import Terms
from stamkunde.ledger.model.transfers import Moment
from stamkunde.ledger.notes import NoteKind, note_of
from stamkunde.ledger.proposal_store import Proposal, ProposalState, proposal_id
from stamkunde.ledger.repeats import REMEMBERED, ActKey, find_repeat
from stamkunde.ledger.store import LedgerStore, new_entry_id
from stamkunde.ledger.transfers import known_stamp_programmes
from stamkunde.shared.clock import Clock, local_date
from stamkunde.shared.errors import Refusal
from stamkunde.shared.idempotency import WriteKey
from stamkunde.shared.patience import Patience
from stamkunde.shared.programme import BonusProgramme, programme_at
from stamkunde.shared.transaction import Busy, ConditionFailed, Write

CORRECTION = "correction"
CARRY_OVER = "carry_over"


class Adjusted(Struct, frozen=True):
    """An adjustment in the ledger; `repeated` when it had been booked before."""

    entry: Entry
    repeated: bool


class _Act(Struct, frozen=True):
    """An adjustment that is decided: the entry without what moved, and the line for the owner."""

    account: Account
    member_id: str
    kind: EntryKind
    grounds: Grounds
    note: NoteKind
    subject: str
    outlet_id: str | None = None
    till_id: str | None = None


class Adjustments(Struct, frozen=True):
    """One club's corrections, and what its members bring along from paper.

    Parameters
    ----------
    find_account
        The account of a member by the member's id.
    promised_months
        By terms version: how long bonus lives at least.
    """

    store: LedgerStore
    programmes: tuple[BonusProgramme, ...]
    time_zone: str
    clock: Clock
    patience: Patience
    find_account: Callable[[str], str | None]
    promised_months: Mapping[int, int] = field(default_factory=dict)

    def correct(self, wish: Correction, key: WriteKey) -> Adjusted | Proposal:
        """Correct bonus or stamps, once for each key; what is too large for one person waits for another.

        Raises
        ------
        Refusal
            ``unknown_member``, ``idempotency_key_differs``, ``try_again``, those of `Correction.check` and
            `stamkunde.ledger.model.adjusting.correct`.
        """
        wish.check()
        act_key = ActKey.of(CORRECTION, wish.member_id, key)
        point_value = programme_at(self.programmes, self.clock.now()).point_value
        attempt = self._try_to_propose if wish.needs_approval(point_value) else self._try_to_correct
        return self.patience.until_done(lambda: attempt(wish, act_key))

    def waiting(self) -> list[Proposal]:
        """Corrections that wait for a second person, the oldest first."""
        return self.store.proposals.waiting(self.clock.now())

    def approve(self, proposal: str, by: str) -> Adjusted:
        """Book what somebody else proposed; approving again by the same person changes nothing.

        Raises
        ------
        Refusal
            ``unknown_proposal``, ``proposal_over``: it was decided on, or waited too long. ``second_person_needed``:
            it is their own. ``unknown_member``, ``try_again``, those of `stamkunde.ledger.model.adjusting.correct`.
        """
        return self.patience.until_done(lambda: self._try_to_approve(proposal, by))

    def decline(self, proposal: str, by: str) -> Proposal:
        """Leave unbooked what was proposed; whoever proposed it may do so too.

        Raises
        ------
        Refusal
            ``unknown_proposal``, ``proposal_over``, ``try_again``.
        """
        return self.patience.until_done(lambda: self._try_to_decline(proposal, by))

    def carry_over(
        self, member_id: str, brought: Brought, key: WriteKey, *, outlet_id: str, till_id: str
    ) -> Adjusted:
        """Book what a member brought along from paper, once for each member and programme.

        Raises
        ------
        Refusal
            ``unknown_member``, ``idempotency_key_differs``, ``try_again``, those of
            `stamkunde.ledger.model.adjusting.carry_over`.
        """
        act_key = ActKey.of(CARRY_OVER, member_id, key)
        return self.patience.until_done(
            lambda: self._try_to_carry_over(member_id, brought, act_key, outlet_id, till_id)
        )

    def _try_to_correct(self, wish: Correction, key: ActKey) -> Adjusted:
        now = self.clock.now()
        account = self._account(wish.member_id)
        repeat = find_repeat(self.store, account.account_id, key, EntryKind.CORRECTION, now)
        if repeat is not None:
            return Adjusted(repeat, repeated=True)
        grounds = Grounds(wish.reason, wish.note, wish.by, transfer_id=key.act_id, content=key.content)
        return self._book_correction(account, wish, grounds, now)

    def _try_to_propose(self, wish: Correction, key: ActKey) -> Proposal:
        now = self.clock.now()
        self._account(wish.member_id)
        new = Proposal(proposal_id(key.act_id, now), wish, now, key.content)
        earlier = [
            self.store.proposals.load(each) for each in {proposal_id(key.act_id, now - REMEMBERED), new.proposal_id}
        ]
        for known in filter(None, earlier):
            if known.content != key.content:
                raise Refusal("idempotency_key_differs")
            return known
        self._commit([self.store.proposals.new_write(new)])
        return new

    def _try_to_approve(self, proposal: str, by: str) -> Adjusted:
        now = self.clock.now()
        found = self._proposal(proposal)
        if found.state is ProposalState.BOOKED and same_person(found.decided_by or "", by):
            return Adjusted(self.store.load_entry(str(found.account_id), str(found.entry_id)), repeated=True)
        self._require_waiting(found, now)
        wish = found.correction
        if same_person(wish.by, by) or not by.strip():
            raise Refusal("second_person_needed")
        grounds = Grounds(wish.reason, wish.note, wish.by, approved_by=by, transfer_id=found.proposal_id)
        return self._book_correction(self._account(wish.member_id), wish, grounds, now, found)

    def _try_to_decline(self, proposal: str, by: str) -> Proposal:
        found = self._proposal(proposal)
        if found.state is ProposalState.DECLINED:
            return found
        self._require_waiting(found, self.clock.now())
        declined = replace(found, state=ProposalState.DECLINED, decided_by=by, revision=found.revision + 1)
        self._commit([self.store.proposals.decided_write(found, declined)])
        return declined

    def _book_correction(
        self, account: Account, wish: Correction, grounds: Grounds, now: datetime, proposal: Proposal | None = None
    ) -> Adjusted:
        member_id = account.known_as(wish.member_id)
        after, movement = correct(account, member_id, wish, self._promise(now))
        subject = wish.stamp_programme_id or BONUS
        act = _Act(account, member_id, EntryKind.CORRECTION, grounds, NoteKind.CORRECTION, subject)
        entry = self._entry(act, after, movement, now)
        decided: list[Write] = []
        if proposal is not None:
            booked = replace(
                proposal,
                state=ProposalState.BOOKED,
                decided_by=grounds.approved_by,
                account_id=entry.account_id,
                entry_id=entry.entry_id,
                revision=proposal.revision + 1,
            )
            decided = [self.store.proposals.decided_write(proposal, booked)]
        return self._book(act, after, entry, decided)

    def _try_to_carry_over(
        self, member_id: str, brought: Brought, key: ActKey, outlet_id: str, till_id: str
    ) -> Adjusted:
        now = self.clock.now()
        account = self._account(member_id)
        repeat = find_repeat(self.store, account.account_id, key, EntryKind.CARRY_OVER, now)
        if repeat is not None:
            return Adjusted(repeat, repeated=True)
        known = account.known_as(member_id)
        after, movement = carry_over(account, known, brought, self._promise(now))
        grounds = Grounds(CARRY_OVER, by=till_id, transfer_id=key.act_id, content=key.content)
        act = _Act(
            account, known, EntryKind.CARRY_OVER, grounds, NoteKind.CARRY_OVER, brought.what, outlet_id, till_id
        )
        return self._book(act, after, self._entry(act, after, movement, now), [])

    def _entry(self, act: _Act, after: Account, movement: Movement, now: datetime) -> Entry:
        return Entry(
            entry_id=new_entry_id(now),
            kind=act.kind,
            account_id=after.account_id,
            member_id=act.member_id,
            outlet_id=act.outlet_id,
            till_id=act.till_id,
            booked_at=now,
            day=local_date(now, self.time_zone),
            movement=movement,
            balance=after.balance(now, self.time_zone),
            grounds=act.grounds,
        )

    def _book(self, act: _Act, after: Account, entry: Entry, also: Sequence[Write]) -> Adjusted:
        note = note_of(entry, act.note, self.time_zone, act.grounds.reason, act.subject)
        self._commit(
            [*self.store.entry_writes(act.account, after, entry), self.store.note_write(note), *also],
        )
        return Adjusted(entry, repeated=False)

    def _commit(self, writes: Sequence[Write]) -> None:
        try:
            self.store.commit(writes)
        except ConditionFailed as failed:
            raise Busy from failed

    def _promise(self, now: datetime) -> Promise:
        moment = Moment(now, self.time_zone, known_stamp_programmes(self.programmes, now))
        programme = programme_at(self.programmes, now)
        return Promise(Terms(programme, "", self.time_zone, promised_months=self.promised_months), moment)

    def _account(self, member_id: str) -> Account:
        account_id = self.find_account(member_id)
        if account_id is None:
            raise Refusal("unknown_member", pointer="/member_id")
        account = self.store.load_account(account_id, consistent=True)
        if account is None or account.known_as(member_id) not in account.members:
            raise Busy
        return account

    def _proposal(self, proposal: str) -> Proposal:
        found = self.store.proposals.load(proposal)
        if found is None:
            raise Refusal("unknown_proposal")
        return found

    def _require_waiting(self, proposal: Proposal, now: datetime) -> None:
        if not proposal.waits(now):
            raise Refusal("proposal_over")
