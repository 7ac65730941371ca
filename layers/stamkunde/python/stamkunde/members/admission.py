"""What a person becomes in a club, however they come to it: at the till, on the join page, by a link, on their page.

Row, account, card, released bonus, evidence and what is written to them: one transaction, then the worker is woken.
"""

from collections.abc import Callable, Sequence
from copy import replace
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from stamkunde.clubs.model import Club
from stamkunde.ledger.model.accounts import Account, Balance, Movement, release
from stamkunde.ledger.model.entries import Entry, EntryKind
from stamkunde.ledger.store import LedgerStore, new_account, new_entry_id
from stamkunde.members.access_store import AccessStore
from stamkunde.members.card import new_card_number
from stamkunde.members.consents import Caller, ConsentMethod, ConsentRecord, Evidence, new_record_id, next_instant
from stamkunde.members.model import Member, MemberState
from stamkunde.members.service_link import MOST_LINKS, LinkAct, NewLink, new_link
from stamkunde.members.store import MemberStore
from stamkunde.members.wordings import Shown, terms_as_shown
from stamkunde.shared.clock import local_date
from stamkunde.shared.errors import Refusal
from stamkunde.shared.ids import new_id
from stamkunde.shared.terms import NOT_ACCEPTED, TermsChase
from stamkunde.shared.transaction import Busy, ConditionFailed, Write

if TYPE_CHECKING:
    from stamkunde.messaging.member_messages import MemberMessages
    from stamkunde.messaging.outbox import Message
    from stamkunde.retention.arming import Arming


class Change(Struct, frozen=True):
    """A person before and after, and what they agreed to in between.

    Parameters
    ----------
    before
        None for somebody new.
    after
        What they are to be; revision, card and links are seen to here.
    sends_terms_again
        Whether an open member gets another link to the terms.
    unproved_email
        An e-mail address that is to be asked whether it is theirs.
    is_told
        Whether they are written to at once; nobody is about being brought along from elsewhere.
    """

    before: Member | None
    after: Member
    record: ConsentRecord | None = None
    sends_terms_again: bool = False
    unproved_email: str | None = None
    is_told: bool = True

    @property
    def opens_account(self) -> bool:
        """Whether they get an account now."""
        return self.after.account_id is not None and (self.before is None or self.before.account_id is None)

    @property
    def becomes_open(self) -> bool:
        """Whether they come into the club now without having accepted the terms."""
        return self.after.state is MemberState.OPEN and self.opens_account

    @property
    def says_of_permissions(self) -> bool:
        """Whether they say or prove something now that ends by itself, or puts an end to what they said before."""
        record = self.record
        return record is not None and bool(
            record.given or record.withdrawn or record.soft_opt_in or record.address_hash
        )

    @property
    def proves_email(self) -> bool:
        """Whether they show now that an e-mail address is theirs."""
        return self.after.email_confirmed and not (self.before and self.before.email_confirmed)

    @property
    def tells_birth_date(self) -> bool:
        """Whether they tell when they were born, or another day than before."""
        return self.before is not None and self.after.birth_date not in {None, self.before.birth_date}

    def accepts_older_than(self, version: int) -> bool:
        """Whether they accept terms now that aren't the newest: on paper, on a page left open, in another system."""
        was = self.before.terms_version if self.before else NOT_ACCEPTED
        return self.after.terms_version != was and self.after.terms_version < version

    @property
    def is_welcome(self) -> bool:
        """Whether they are to be welcomed: they become a member now."""
        was = self.before.state if self.before else None
        return self.is_told and self.after.state is MemberState.MEMBER and was is not MemberState.MEMBER

    @property
    def sends_terms(self) -> bool:
        """Whether they are to be asked for the terms now."""
        asks = self.opens_account or self.sends_terms_again
        return self.is_told and self.after.state is MemberState.OPEN and asks


class Admitted(Struct, frozen=True):
    """A person as they now are; `account` as far as it had to be looked at."""

    member: Member
    account: Account | None


class Admission(Struct, frozen=True):
    """Writes what people become in one club.

    Parameters
    ----------
    messages
        Asked only when there is something to write to somebody: a till's cold start must not pay for it.
    arming
        Asked only when somebody may have become due: no more must it pay for that.
    """

    club: Club
    members: MemberStore
    ledger: LedgerStore
    access: AccessStore
    messages: "Callable[[], MemberMessages]"
    arming: "Callable[[], Arming]"

    def write(
        self, change: Change, now: datetime, *, also: Sequence[Write] = (), also_tells: "Sequence[Message]" = ()
    ) -> Admitted:
        """Write a change and all that follows from it, or nothing.

        Parameters
        ----------
        also
            What must hold or be written along with it, such as that a code is used.
        also_tells
            What the member is written to besides, in the same transaction.

        Raises
        ------
        Busy
            Somebody else wrote the member or the account, or took the number: look again.
        """
        links = self._links(change, now)
        change = replace(change, after=_completed(change, self.remembered(change.after, links, now), now))
        account, ledger_writes = self._ledger_writes(change, now)
        letters = [*self._letters(change, links, now), *also_tells]
        writes = [
            *self._member_writes(change),
            *ledger_writes,
            *(self.members.link_write(link, change.after.member_id) for link in links),
            *self._arming_writes(change, now),
            *also,
        ]
        self.commit(writes, letters, change.after.member_id, now)
        return Admitted(change.after, account)

    def balance(self, member: Member, now: datetime, *, consistent: bool) -> Balance:
        """What somebody with an account has now.

        Raises
        ------
        Refusal
            ``unknown_member``: there is no account.
        """
        return self.account(member, consistent=consistent).balance(now, self.club.time_zone)

    def account(self, member: Member, *, consistent: bool) -> Account:
        """Somebody's account.

        Raises
        ------
        Refusal
            ``unknown_member``: there is none.
        """
        found = self.ledger.load_account(member.account_id, consistent=consistent) if member.account_id else None
        if found is None:
            raise Refusal("unknown_member", pointer="/phone")
        return found

    def account_of(self, member: Member) -> Account:
        """The account of somebody just loaded, as last confirmed.

        Raises
        ------
        Busy
            It is theirs no more: they were deleted since they were loaded.
        """
        account = self.account(member, consistent=True)
        if member.member_id not in account.members:
            raise Busy
        return account

    def word_at(self, member_id: str, now: datetime) -> datetime:
        """When somebody's next word on what they agree to is written down; see `next_instant`."""
        return next_instant(self.members.consent_records(member_id), now)

    def remembered(self, member: Member, links: Sequence[NewLink], now: datetime) -> tuple[str, ...]:
        """What finds the links of somebody who is sent more: of many, those that have ended are forgotten."""
        before = member.link_hashes
        if len(before) + len(links) > MOST_LINKS:
            found = ((token_hash, self.members.load_link(token_hash)) for token_hash in before)
            before = tuple(token_hash for token_hash, link in found if link and not link.is_over(now))
        return (*before, *(link.token_hash for link in links))

    def _links(self, change: Change, now: datetime) -> list[NewLink]:
        asking = [new_link(LinkAct.ACCEPT_TERMS, now)] if change.sends_terms else []
        email = change.unproved_email
        return asking + ([new_link(LinkAct.CONFIRM_EMAIL, now, email)] if email else [])

    def _member_writes(self, change: Change) -> list[Write]:
        before, after = change.before, change.after
        writes = self._row_writes(before, after)
        if after.card_number and (before is None or before.card_number is None):
            writes.append(self.access.card_write(after.card_number, after.member_id))
        if change.record:
            writes.append(self.members.consent_write(after.member_id, change.record))
        return writes

    def _row_writes(self, before: Member | None, after: Member) -> list[Write]:
        if before is None:
            return self.members.join_writes(after)
        if before.erasure != after.erasure:
            return self.members.erasure_writes(before, after)
        return self.members.change_writes(before, after)

    def _arming_writes(self, change: Change, now: datetime) -> Sequence[Write]:
        gives_cause = change.opens_account or change.says_of_permissions or change.proves_email
        if gives_cause or change.tells_birth_date or change.accepts_older_than(self.club.current_terms().version):
            return self.arming().writes(change.before, change.after, change.record, now)
        return []

    def _ledger_writes(self, change: Change, now: datetime) -> tuple[Account | None, Sequence[Write]]:
        before, after = change.before, change.after
        if after.account_id is None:
            return None, []
        if before is None or before.account_id is None:
            opened = new_account(after.account_id, after.member_id, after.terms_version)
            return opened, self.ledger.open_account_writes(opened)
        if before.terms_version == after.terms_version:
            return None, []
        account = self.account_of(before)
        accepted, movement = release(account, after.member_id, after.terms_version)
        if not movement.lots:
            return accepted, [self.ledger.account_write(account, accepted)]
        entry = self._release_entry(accepted, movement, change, now)
        return accepted, self.ledger.entry_writes(account, accepted, entry)

    def _release_entry(self, accepted: Account, movement: Movement, change: Change, now: datetime) -> Entry:
        evidence = change.record.evidence if change.record else None
        return Entry(
            entry_id=new_entry_id(now),
            kind=EntryKind.RELEASE,
            account_id=accepted.account_id,
            member_id=change.after.member_id,
            outlet_id=evidence.outlet_id if evidence else None,
            till_id=evidence.till_id if evidence else None,
            booked_at=now,
            day=local_date(now, self.club.time_zone),
            movement=movement,
            balance=accepted.balance(now, self.club.time_zone),
        )

    def _letters(self, change: Change, links: list[NewLink], now: datetime) -> "list[Message]":
        after = change.after
        tokens = {link.act: link.token for link in links}
        letters = []
        if change.is_welcome:
            letters.append(self.messages().welcome(after.phone, after.first_name, after.language, now))
        if LinkAct.ACCEPT_TERMS in tokens:
            token = tokens[LinkAct.ACCEPT_TERMS]
            letters.append(self.messages().till_join(after.phone, token, after.language, now))
        if change.unproved_email:
            token = tokens[LinkAct.CONFIRM_EMAIL]
            letters.append(self.messages().confirm_email(change.unproved_email, token, after.language, now))
        return letters

    def commit(self, writes: Sequence[Write], letters: "Sequence[Message]", member_id: str, now: datetime) -> None:
        """Write these, and what a member is told of it, or nothing; then wake whoever sends.

        Raises
        ------
        Busy
            A condition didn't hold: look again.
        """
        if letters:
            notes = [self.access.message_notes.write(member_id, letter, now) for letter in letters]
            writes = [*writes, *self.messages().writes(*letters), *notes]
        try:
            self.ledger.commit(writes)
        except ConditionFailed as failed:
            raise Busy from failed
        if letters:
            self.messages().wake(*letters)


def accepted_on_page(
    club: Club, member: Member, method: ConsentMethod, shown: Shown, caller: Caller, now: datetime
) -> Change:
    """That somebody with an account accepts the terms on a page of ours.

    Raises
    ------
    Refusal
        ``terms_changed``, ``wording_changed``: nobody accepts what they haven't seen.
    """
    terms = terms_as_shown(club, shown)
    record = ConsentRecord(new_record_id(now), Evidence.on_page(method, now, shown.language, caller), terms)
    return Change(member, replace(member, terms_version=terms.version), record)


def with_account(member: Member, terms_version: int = NOT_ACCEPTED) -> Member:
    """Somebody who comes into the club itself, whatever they were before."""
    return replace(member, account_id=member.account_id or new_id("a"), terms_version=terms_version)


def _completed(change: Change, link_hashes: tuple[str, ...], now: datetime) -> Member:
    """What follows from what a person becomes: a card for whoever has an account, the links they were sent.

    Who hasn't accepted the terms is chased until they do; who comes into the club has no wish to be deleted.
    """
    after = change.after
    is_open = after.state is MemberState.OPEN
    has_no_card = after.account_id is not None and after.card_number is None
    return replace(
        after,
        card_number=new_card_number() if has_no_card else after.card_number,
        link_hashes=link_hashes,
        revision=change.before.revision + 1 if change.before else after.revision,
        erasure=None if change.opens_account else after.erasure,
        chase=(after.chase or TermsChase(now if change.becomes_open else after.joined_at)) if is_open else None,
    )
