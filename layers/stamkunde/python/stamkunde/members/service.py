"""Members at the till: look up, join, accept the terms."""

from copy import replace
from datetime import datetime

from msgspec import Struct

from stamkunde.clubs.model import Club
from stamkunde.ledger.model.accounts import Account, Balance
from stamkunde.ledger.model.receipts import CLOCK_TOLERANCE
from stamkunde.members.admission import Admission, Change, with_account
from stamkunde.members.card import read_card_number
from stamkunde.members.consents import (
    ConsentMethod,
    ConsentRecord,
    Evidence,
    PermissionKind,
    TermsAccepted,
    new_record_id,
)
from stamkunde.members.model import Acceptance, Member, MemberState, clean_first_name
from stamkunde.members.service_link import SENT_AGAIN_AFTER, LinkAct
from stamkunde.shared.clock import Clock
from stamkunde.shared.errors import Refusal
from stamkunde.shared.ids import new_id
from stamkunde.shared.patience import Patience
from stamkunde.shared.phone import parse_mobile, parse_phone
from stamkunde.shared.terms import NOT_ACCEPTED


class MemberAtTill(Struct, frozen=True):
    """Who stands at the till, and what they have.

    Parameters
    ----------
    first_name
        What the till may call them: of somebody it didn't know before, only what was typed there.
    """

    member: Member
    account: Account
    balance: Balance
    first_name: str | None


class Joined(Struct, frozen=True):
    """What came of joining; `new` is false for somebody who was in the club already."""

    at_till: MemberAtTill
    new: bool


class Visit(Struct, frozen=True):
    """Somebody who joins at a till: who they say they are, what they accepted, where and when."""

    phone: str
    first_name: str | None
    record: ConsentRecord | None
    outlet_id: str
    till_id: str
    now: datetime

    @property
    def accepted(self) -> int:
        """The terms version accepted here."""
        return self.record.terms.version if self.record and self.record.terms else NOT_ACCEPTED


class Membership(Struct, frozen=True):
    """One club's members, as a till meets them."""

    club: Club
    admission: Admission
    clock: Clock
    patience: Patience

    def look_up(self, typed_phone: str) -> MemberAtTill:
        """Who has this number.

        Raises
        ------
        Refusal
            ``unknown_member``, and those of `parse_phone`.
        """
        phone = parse_phone(typed_phone, country=self.club.country, allowed_countries=self.club.join_countries)
        return self._known(self.admission.members.find_by_phone(phone), "/phone")

    def look_up_by_card(self, typed_card: str) -> MemberAtTill:
        """Whose card this is.

        Raises
        ------
        Refusal
            ``unknown_member``, and those of `read_card_number`.
        """
        member_id = self.admission.access.find_by_card(read_card_number(typed_card))
        return self._known(self.admission.members.find(member_id) if member_id else None, "/card")

    def join(
        self,
        typed_phone: str,
        typed_name: str | None,
        acceptance: Acceptance | None,
        outlet_id: str,
        till_id: str,
        *,
        in_a_sale: bool = False,
    ) -> Joined:
        """Make somebody a member, once per phone number; with an acceptance, release what was pending.

        Who hasn't accepted gets a message with a link to the terms, also when joining again another day. Joining
        again changes nothing else but the state: an open member who now accepts becomes a member.

        Parameters
        ----------
        in_a_sale
            The number was given in a sale, and advertising by text message was not refused when that was offered
            (R7); kept of whoever joins or accepts now.

        Raises
        ------
        Refusal
            ``soft_opt_in_not_allowed``: the club writes to those only who said yes. ``unknown_terms_version``,
            ``acceptance_in_future``, ``acceptance_before_terms``, ``name_not_allowed``, those of `parse_mobile`: what
            everybody is sent goes by text message.
        """
        now = self.clock.now()
        visit = Visit(
            phone=parse_mobile(typed_phone, country=self.club.country, allowed_countries=self.club.join_countries),
            first_name=clean_first_name(typed_name) if typed_name else None,
            record=self._record(acceptance, now, outlet_id, till_id, in_a_sale=in_a_sale),
            outlet_id=outlet_id,
            till_id=till_id,
            now=now,
        )
        return self.patience.until_done(lambda: self._try_to_join(visit))

    def _try_to_join(self, visit: Visit) -> Joined:
        known = self.admission.members.find_by_phone(visit.phone, consistent=True)
        if known is None or known.account_id is None:
            return Joined(self._admit(self._newcomer(known, visit), visit), new=True)
        if visit.accepted > known.terms_version:
            accepted = replace(known, terms_version=visit.accepted)
            return Joined(self._admit(Change(known, accepted, visit.record), visit), new=False)
        if known.state is MemberState.OPEN and self._terms_are_due_again(known, visit.now):
            return Joined(self._admit(Change(known, known, sends_terms_again=True), visit), new=False)
        return Joined(self._with_balance(known, visit.now, consistent=True), new=False)

    def _newcomer(self, known: Member | None, visit: Visit) -> Change:
        """Somebody who comes into the club now, also one who has only had the newsletter so far."""
        person = known or Member(
            member_id=new_id("m"),
            account_id=None,
            phone=visit.phone,
            first_name=None,
            terms_version=NOT_ACCEPTED,
            joined_at=visit.now,
            language=self.club.language,
        )
        joining = replace(
            person,
            first_name=person.first_name or visit.first_name,
            joined_at=visit.now,
            joined_at_outlet=visit.outlet_id,
            joined_at_till=visit.till_id,
        )
        return Change(known, with_account(joining, visit.accepted), visit.record)

    def _terms_are_due_again(self, member: Member, now: datetime) -> bool:
        links = map(self.admission.members.load_link, reversed(member.link_hashes))
        newest = next((link for link in links if link and link.act is LinkAct.ACCEPT_TERMS), None)
        return newest is None or now - newest.made_at >= SENT_AGAIN_AFTER

    def _admit(self, change: Change, visit: Visit) -> MemberAtTill:
        admitted = self.admission.write(change, visit.now)
        if admitted.account is None:
            return self._with_balance(admitted.member, visit.now, consistent=True)
        member, account = admitted.member, admitted.account
        name = visit.first_name if change.opens_account else member.first_name
        return MemberAtTill(member, account, account.balance(visit.now, self.club.time_zone), name)

    def _record(
        self, acceptance: Acceptance | None, now: datetime, outlet_id: str, till_id: str, *, in_a_sale: bool
    ) -> ConsentRecord | None:
        """What somebody agreed to at this till, and whether their number came from a sale."""
        if in_a_sale and not self.club.member_policy.soft_opt_in:
            raise Refusal("soft_opt_in_not_allowed", pointer="/soft_opt_in")
        sale = (PermissionKind.SMS,) if in_a_sale else ()
        if acceptance is not None:
            return replace(self._accepted(acceptance, now, outlet_id, till_id), soft_opt_in=sale)
        if not in_a_sale:
            return None
        evidence = Evidence(ConsentMethod.SALE, now, now, self.club.language, outlet_id, till_id)
        return ConsentRecord(new_record_id(now), evidence, soft_opt_in=sale)

    def _accepted(self, acceptance: Acceptance, now: datetime, outlet_id: str, till_id: str) -> ConsentRecord:
        terms = next((t for t in self.club.terms if t.version == acceptance.terms_version), None)
        if terms is None:
            raise Refusal("unknown_terms_version", pointer="/terms_acceptance/terms_version")
        if acceptance.accepted_at > now + CLOCK_TOLERANCE:
            raise Refusal("acceptance_in_future", pointer="/terms_acceptance/accepted_at")
        if acceptance.accepted_at < terms.published_at - CLOCK_TOLERANCE:
            raise Refusal("acceptance_before_terms", pointer="/terms_acceptance/accepted_at")
        language = acceptance.language or terms.language
        evidence = Evidence(
            acceptance.method,
            given_at=min(acceptance.accepted_at, now),
            recorded_at=now,
            language=language,
            outlet_id=outlet_id,
            till_id=till_id,
        )
        return ConsentRecord(new_record_id(now), evidence, TermsAccepted(terms.version, terms.text_hash_in(language)))

    def _known(self, member: Member | None, pointer: str) -> MemberAtTill:
        if member is None or member.state is MemberState.NEWSLETTER:
            raise Refusal("unknown_member", pointer=pointer)
        return self._with_balance(member, self.clock.now(), consistent=False)

    def _with_balance(self, member: Member, now: datetime, *, consistent: bool) -> MemberAtTill:
        account = self.admission.account(member, consistent=consistent)
        balance = account.balance(now, self.club.time_zone)
        return MemberAtTill(member, account, balance, member.first_name)
