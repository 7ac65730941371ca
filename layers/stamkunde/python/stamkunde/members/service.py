"""Members at the till: look up, join, accept the terms."""

from dataclasses import dataclass
from datetime import date, datetime

from stamkunde.clubs.model import Club
from stamkunde.ledger.model import CLOCK_TOLERANCE, Account, Balance, Entry, EntryKind, release
from stamkunde.ledger.store import LedgerStore, new_account, new_entry_id
from stamkunde.members.model import Acceptance, Member, MemberState, TermsAcceptance, clean_first_name
from stamkunde.members.store import MemberStore
from stamkunde.shared.clock import Clock, compact_instant, local_date
from stamkunde.shared.errors import Refusal
from stamkunde.shared.ids import new_id
from stamkunde.shared.patience import Patience
from stamkunde.shared.phone import parse_phone
from stamkunde.shared.terms import NOT_ACCEPTED
from stamkunde.shared.transaction import Busy, ConditionFailed, Put


@dataclass(frozen=True, slots=True)
class MemberAtTill:
    """Who stands at the till, and what they have."""

    member: Member
    balance: Balance


@dataclass(frozen=True, slots=True)
class Joined:
    """What came of joining; `new` is false for somebody who was in the club already."""

    at_till: MemberAtTill
    new: bool


@dataclass(frozen=True, slots=True)
class Membership:
    """One club's members, as a till meets them."""

    club: Club
    members: MemberStore
    ledger: LedgerStore
    clock: Clock
    patience: Patience

    def look_up(self, typed_phone: str) -> MemberAtTill:
        """Who has this number.

        Raises
        ------
        Refusal
            ``unknown_member``, and those of `parse_phone`.
        """
        member = self.members.find_by_phone(self._phone(typed_phone))
        if member is None:
            raise Refusal("unknown_member", pointer="/phone")
        return self._with_balance(member, consistent=False)

    def join(
        self,
        typed_phone: str,
        typed_name: str | None,
        acceptance: Acceptance | None,
        outlet_id: str,
        till_id: str,
    ) -> Joined:
        """Make somebody a member, once per phone number; with an acceptance, release what was pending.

        Joining again changes nothing but the state: an open member who now accepts becomes a member.

        Raises
        ------
        Refusal
            ``unknown_terms_version``, ``acceptance_in_future``, ``acceptance_before_terms``,
            ``name_not_allowed``, those of `parse_phone`.
        """
        phone = self._phone(typed_phone)
        first_name = clean_first_name(typed_name) if typed_name else None
        now = self.clock.now()
        evidence = self._evidence(acceptance, now, outlet_id, till_id) if acceptance else None
        newcomer = Member(
            member_id=new_id("m"),
            account_id=new_id("a"),
            phone=phone,
            first_name=first_name,
            terms_version=acceptance.terms_version if acceptance else NOT_ACCEPTED,
            joined_at=now,
            joined_at_outlet=outlet_id,
            joined_at_till=till_id,
        )
        return self.patience.until_done(lambda: self._try_to_join(newcomer, evidence, now))

    def _try_to_join(self, newcomer: Member, evidence: TermsAcceptance | None, now: datetime) -> Joined:
        known = self.members.find_by_phone(newcomer.phone, consistent=True)
        if known is not None:
            return Joined(self._join_again(known, evidence, now), new=False)
        account = new_account(newcomer.account_id, newcomer.member_id, newcomer.terms_version)
        writes = [*self.members.join_writes(newcomer), *self.ledger.open_account_writes(account)]
        self._commit([*writes, *self._evidence_writes(newcomer.member_id, evidence)])
        return Joined(MemberAtTill(newcomer, account.balance(self._today(now))), new=True)

    def _join_again(self, member: Member, evidence: TermsAcceptance | None, now: datetime) -> MemberAtTill:
        if evidence is None or member.state is not MemberState.OPEN:
            return self._with_balance(member, consistent=True)
        account = self._account(member, consistent=True)
        accepted, changes = release(account, member.member_id, evidence.terms_version)
        balance = accepted.balance(self._today(now))
        entry = Entry(
            entry_id=new_entry_id(now),
            kind=EntryKind.RELEASE,
            account_id=account.account_id,
            member_id=member.member_id,
            outlet_id=evidence.outlet_id,
            till_id=evidence.till_id,
            booked_at=now,
            day=self._today(now),
            changes=changes,
            balance=balance,
        )
        after = member.accepting(evidence.terms_version)
        writes = [
            *self.members.change_writes(member, after),
            *self.ledger.entry_writes(account, accepted, entry),
        ]
        self._commit([*writes, *self._evidence_writes(member.member_id, evidence)])
        return MemberAtTill(after, balance)

    def _commit(self, writes: list[Put]) -> None:
        try:
            self.ledger.commit(writes)
        except ConditionFailed as failed:
            # Somebody else joined with the number, or wrote the member or account: look again.
            raise Busy from failed

    def _evidence(self, acceptance: Acceptance, now: datetime, outlet_id: str, till_id: str) -> TermsAcceptance:
        terms = next((t for t in self.club.terms if t.version == acceptance.terms_version), None)
        if terms is None:
            raise Refusal("unknown_terms_version", pointer="/terms_acceptance/terms_version")
        if acceptance.accepted_at > now + CLOCK_TOLERANCE:
            raise Refusal("acceptance_in_future", pointer="/terms_acceptance/accepted_at")
        if acceptance.accepted_at < terms.published_at - CLOCK_TOLERANCE:
            raise Refusal("acceptance_before_terms", pointer="/terms_acceptance/accepted_at")
        return TermsAcceptance(
            record_id=f"{compact_instant(now)}#{new_id('', 8)}",
            terms_version=terms.version,
            text_hash=terms.text_hash,
            language=terms.language,
            method=acceptance.method,
            accepted_at=min(acceptance.accepted_at, now),
            recorded_at=now,
            outlet_id=outlet_id,
            till_id=till_id,
        )

    def _evidence_writes(self, member_id: str, evidence: TermsAcceptance | None) -> list[Put]:
        return [self.members.acceptance_write(member_id, evidence)] if evidence else []

    def _phone(self, typed: str) -> str:
        return parse_phone(typed, country=self.club.country, allowed_countries=self.club.join_countries)

    def _today(self, now: datetime) -> date:
        return local_date(now, self.club.time_zone)

    def _account(self, member: Member, *, consistent: bool) -> Account:
        account = self.ledger.load_account(member.account_id, consistent=consistent)
        if account is None:
            raise Refusal("unknown_member", pointer="/phone")
        return account

    def _with_balance(self, member: Member, *, consistent: bool) -> MemberAtTill:
        account = self._account(member, consistent=consistent)
        return MemberAtTill(member, account.balance(self._today(self.clock.now())))
