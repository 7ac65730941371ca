"""What each step of an erasure does. Each may be done again at any point, and changes nothing then.

A step finds whom it is about by the case alone. What later steps need of somebody stays in their own row, which goes
with the step ``person``; whoever has none any more is past all steps before that one.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Literal

from msgspec import Struct

from stamkunde.audit.model import KEPT_FOR
from stamkunde.audit.store import AuditStore
from stamkunde.campaigns.facts_store import FactsStore
from stamkunde.campaigns.forgetting import CampaignTraces
from stamkunde.clubs.model import Club
from stamkunde.erasure.model import COPIES_LAST, Cause, Left, Receipt, StepName
from stamkunde.erasure.store import ReceiptStore
from stamkunde.gateways.evidence_store import EvidenceStore
from stamkunde.gateways.tombstones import Tombstones, digest_of
from stamkunde.ledger.forgetting import Forgetting
from stamkunde.members.access_store import AccessStore
from stamkunde.members.birthdays import BirthdayNotes
from stamkunde.members.consents import ConsentRecord
from stamkunde.members.lapsing import LapsingNotes
from stamkunde.members.model import AskedBy, Member, MemberState
from stamkunde.members.own_data import ids_of
from stamkunde.members.remains import Remains
from stamkunde.members.signed_forms import photos_of
from stamkunde.members.stops import Stops
from stamkunde.members.store import MemberStore
from stamkunde.messaging.member_messages import MemberMessages
from stamkunde.messaging.store import ClubMessages
from stamkunde.retention.facts import club_time
from stamkunde.retention.model import HORIZON, StepKind
from stamkunde.retention.rearming import Rearming
from stamkunde.retention.service import OVERLAP, Looking
from stamkunde.retention.store import Case, DueStore, Hint
from stamkunde.shared.clock import Clock, compact_instant, local_date, months_later
from stamkunde.shared.ids import new_id
from stamkunde.shared.other_places import OtherPlace
from stamkunde.shared.patience import Patience
from stamkunde.shared.transaction import Busy, ConditionFailed, Delete, Put, Write

HINTS_AHEAD = HORIZON + timedelta(days=1)
"""Hints lie no further ahead than this; one that does leads to a visit that finds nobody."""

_CAUSES = {
    StepKind.REMOVE_OPEN: Cause.TERMS_NOT_ACCEPTED,
    StepKind.REMOVE_LAPSED: Cause.NEWS_LAPSED,
    StepKind.REMOVE_INACTIVE: Cause.INACTIVE,
}
_ASKED = {
    AskedBy.MEMBER: Cause.ASKED_BY_MEMBER,
    AskedBy.STAFF: Cause.ASKED_BY_STAFF,
    AskedBy.STRANGER: Cause.NOT_THEIRS,
}
_BY_STATE = {
    MemberState.OPEN: Cause.TERMS_NOT_ACCEPTED,
    MemberState.NEWSLETTER: Cause.NEWS_LAPSED,
    MemberState.MEMBER: Cause.INACTIVE,
}


type Done = Literal[Left.DONE]
"""What all steps answer but those that say otherwise."""


class StillSending(Exception):
    """The gateway has a message to somebody just now: what becomes of it has to be waited for."""


class Stores(Struct, frozen=True):
    """All places in which one club keeps something of its members.

    Parameters
    ----------
    evidence
        Where the photos of signed forms are.
    tombstones
        What remembers who was erased, outside of every copy.
    """

    members: MemberStore
    access: AccessStore
    remains: Remains
    lapsing: LapsingNotes
    birthdays: BirthdayNotes
    stops: Stops
    due: DueStore
    audit: AuditStore
    receipts: ReceiptStore
    messages: ClubMessages
    forgetting: Forgetting
    facts: FactsStore
    campaigns: CampaignTraces
    evidence: Callable[[], EvidenceStore]
    tombstones: Callable[[], Tombstones]


class Erasure(Struct, frozen=True):
    """Erases one club's members, step by step.

    Parameters
    ----------
    letters
        What tells somebody that they are deleted who asked for it; None where nobody is told.
    """

    club: Club
    stores: Stores
    looking: Looking
    clock: Clock
    patience: Patience
    letters: Callable[[], MemberMessages] | None = None

    def do(self, step: StepName, case_id: str) -> Left:
        """Do a step about the member of a case; nothing, if the case is closed.

        Raises
        ------
        Refusal
            ``try_again``: others keep writing the same rows.
        StillSending
            A message to them is under way.
        """
        case = self.stores.due.load_case(case_id)
        return STEPS[step](self, case) if case is not None else Left.DONE

    def rearm(self, case_id: str) -> None:
        """End a case about somebody who isn't to be erased, and write when to look at them next.

        Raises
        ------
        Refusal
            ``try_again``.
        """
        Rearming(self.stores.due, self.looking, self.clock, self.patience).rearm(case_id)

    def erase_now(self, member_id: str) -> bool:
        """Go through all steps at once, whatever is due: in a copy of the tables that holds somebody who is gone.

        No receipt is written: the one of when they were erased has the cause, the days and the shop's ticks.

        Returns
        -------
        Whether there was such a member.

        Raises
        ------
        Refusal
            ``try_again``.
        StillSending
            A message to them is under way.
        """
        if self.stores.members.load_even_gone(member_id, consistent=True) is None:
            return False
        case = case_of_its_own(self.club.club_id, member_id, self.clock.now())
        self.patience.until_done(lambda: self._try_to_condemn(case, at_once=True))
        silent = replace(self, letters=None)
        for step in STEPS:
            while step is not StepName.CONDEMN and STEPS[step](silent, case) is Left.MORE:
                pass
        return True

    def condemn(self, case: Case) -> Literal[Left.DONE, Left.NOT_DUE]:
        """From now on they are nobody's member: decided by the facts, and not to be undone."""
        return self.patience.until_done(lambda: self._try_to_condemn(case))

    def bury(self, case: Case) -> Done:
        """Note outside of all tables that they are gone, before anything of them is."""
        if member := self._member(case):
            day = local_date(self._gone_since(member), self.club.time_zone)
            for each in sorted(ids_of(member)):
                self.stores.tombstones().keep(self.club.club_id, each, day)
        return Left.DONE

    def cut_access(self, case: Case) -> Done:
        """Take away what finds them and what opens their page; what they stopped stays stopped."""
        if member := self._member(case):
            self.patience.until_done(lambda: self._try_to_cut_access(member))
        return Left.DONE

    def take_back_messages(self, case: Case) -> Done:
        """Take away what waits to be sent to them, and when their addresses were written to.

        Raises
        ------
        StillSending
            Something is with the gateway, or a campaign may be just at them.
        """
        member = self._member(case)
        ids = [case.member_id, *(ids_of(member) if member else ())]
        written = frozenset[str]().union(*(self.stores.access.message_notes.ids_of(each) for each in ids))
        taken = [
            self.patience.until_done(partial(self.stores.messages.take_back, message))
            for message in self.stores.messages.waiting(written)
        ]
        if not all(taken) or (member is not None and self._is_written_to(member)):
            raise StillSending
        if member is not None:
            self.stores.campaigns.forget_addresses(member)
        return Left.DONE

    def forfeit(self, case: Case) -> Done:
        """What they alone hold is lost, and nobody can book for them any more."""
        member = self._member(case)
        if member is not None and member.account_id is not None:
            self.stores.forgetting.forfeit(member.account_id, member.member_id)
        return Left.DONE

    def forget_entries(self, case: Case) -> Literal[Left.DONE, Left.MORE]:
        """Put copies of nobody in the place of what they did."""
        member = self._member(case)
        if member is None or member.account_id is None:
            return Left.DONE
        is_done = self.stores.forgetting.forget_entries(member.account_id, ids_of(member))
        return Left.DONE if is_done else Left.MORE

    def remove_account(self, case: Case) -> Done:
        """Take their account away, or their coupons out of the one that others live from."""
        member = self._member(case)
        if member is not None and member.account_id is not None:
            self.stores.forgetting.remove_account(member.account_id, ids_of(member))
        return Left.DONE

    def remove_traces(self, case: Case) -> Done:
        """Take them out of what tells of others too: acts of staff, proposals, birthdays, segments' facts, hints."""
        if (member := self._member(case)) is None:
            return Left.DONE
        ids, now = ids_of(member), self.clock.now()
        since = max(member.joined_at, now - KEPT_FOR)
        months = _months(local_date(since, self.club.time_zone), local_date(now, self.club.time_zone))
        self.stores.audit.forget({each: digest_of(each) for each in ids}, months)
        self.stores.forgetting.store.proposals.remove_of(ids, member.joined_at, now)
        for removal in self.stores.birthdays.removals(ids, local_date(now, self.club.time_zone)):
            self.patience.until_done(partial(self._write, removal))
        self.patience.until_done(lambda: self.stores.facts.forget(ids))
        for each in ids:
            for hint in self.stores.due.hints_of(each, self._first_hint(member, now), (now + HINTS_AHEAD).date()):
                if hint.case_id != case.case_id:
                    self.stores.due.forget(hint)
        return Left.DONE

    def remove_photos(self, case: Case) -> Done:
        """Take away the photos of forms that they signed."""
        for each in sorted(ids_of(member)) if (member := self._member(case)) else [case.member_id]:
            self.stores.evidence().remove_all(photos_of(self.club.club_id, each))
        return Left.DONE

    def remove_person(self, case: Case) -> Done:
        """Take away what they agreed to and were written, and in the end their own row.

        Their photos go once more, for one may have been on its way. Who asked for all this is told in the same
        transaction, unless it is night: nothing is kept of them for the morning.
        """
        member = self._member(case)
        theirs, now = ids_of(member) if member else {case.member_id}, self.clock.now()
        self.stores.campaigns.forget_messages(theirs, now)
        self.stores.campaigns.forget_decisions(theirs, now)
        if member is None:
            if self.stores.remains.are_there(case.member_id):
                self.patience.until_done(partial(self._remove_rest, case.member_id))
            return Left.DONE
        for each in ids_of(member):
            self.patience.until_done(partial(self._remove_rest, each))
        self.remove_photos(case)
        self.patience.until_done(lambda: self._remove_row(member))
        return Left.DONE

    def write_receipt(self, case: Case) -> Done:
        """That it is done."""
        today = local_date(self.clock.now(), self.club.time_zone)
        if self.stores.receipts.load(case.hint.day, case.case_id) is not None:
            self.stores.receipts.complete(case.hint.day, case.case_id, today)
        return Left.DONE

    def close(self, case: Case) -> Done:
        """Forget the case, which alone led to them."""
        self.patience.until_done(lambda: self.stores.due.close(case))
        return Left.DONE

    def _try_to_condemn(self, case: Case, *, at_once: bool = False) -> Literal[Left.DONE, Left.NOT_DUE]:
        now = self.clock.now()
        if self.stores.receipts.load(case.hint.day, case.case_id) is not None:
            return Left.DONE
        member, records = self.stores.members.load_with_records(case.member_id)
        if member is None:
            # Their own row went before: there is nobody to condemn, and the steps find what is left.
            return Left.DONE if self.stores.remains.are_there(case.member_id) else Left.NOT_DUE
        # Read before it is decided: who buys meanwhile, which writes no member, has the account changed below.
        ledger, account_id = self.stores.forgetting.store, member.account_id
        account = ledger.load_account(account_id, consistent=True) if account_id else None
        kind = StepKind.REMOVE_ASKED if at_once else self._due(member, records, now)
        cause = cause_of(member, kind) if kind else None
        if cause is None or self._is_anothers(member, case):
            return Left.NOT_DUE
        asked, after = member.erasure, member.condemned(now, case.case_id)
        receipt = Receipt(
            case.case_id,
            cause,
            local_date(asked.asked_at, self.club.time_zone) if asked and cause in _ASKED.values() else None,
            local_date(now, self.club.time_zone),
            ticks=tuple(each for each in OtherPlace if asked and each.value in asked.looked_in),
            asked_shop=bool(asked and asked.asked_shop),
        )
        # Of whom it was to be said from a day on, the number says so too; it may be a stranger's since.
        was_gone = member.is_gone(now)
        changed = self.stores.members.change_writes if was_gone else self.stores.members.erasure_writes
        raised = replace(after, revision=member.revision + 1)
        writes = changed(member, raised)
        if not at_once:
            writes.append(self.stores.receipts.begin_write(case.hint.day, receipt))
        if account is not None and kind is StepKind.REMOVE_INACTIVE:
            unchanged = replace(account, revision=account.revision + 1)
            writes.append(ledger.account_write(account, unchanged))
        self._commit(writes)
        return Left.DONE

    def _due(self, member: Member, records: Sequence[ConsentRecord], now: datetime) -> StepKind | None:
        _, step = self.looking.decide(member, records, now)
        return step.kind if step is not None and step.is_due(now) else None

    def _is_anothers(self, member: Member, case: Case) -> bool:
        """Whether another case has condemned them: hints may be doubled, and one erasure has one receipt."""
        other = member.erasure.case_id if member.erasure else None
        return other is not None and other != case.case_id and self.stores.due.load_case(other) is not None

    def _try_to_cut_access(self, member: Member) -> None:
        stores, ids = self.stores, ids_of(member)
        records = stores.members.consent_records(member.member_id)
        writes: list[Put | Delete] = [
            *stores.stops.writes(member, records, self.club.time_zone, self._gone_since(member)),
            *stores.members.access_removals(member),
            *(write for each in member.formerly for write in stores.remains.former_removals(each, ids)),
            *stores.lapsing.removals(member),
            *(write for each in sorted(ids) for write in stores.remains.device_removals(each)),
        ]
        card = member.card_number
        if card and stores.access.find_by_card(card, consistent=True) == member.member_id:
            writes.append(stores.access.card_removal(card))
        for write in _each_once(writes):
            self._write(write)

    def _is_written_to(self, member: Member) -> bool:
        """Whether a campaign's worker may have read them while they were still there."""
        return self.stores.campaigns.may_be_writing(self._gone_since(member), self.clock.now())

    def _member(self, case: Case) -> Member | None:
        """Whom the case is about, as they stand; None once their row is gone."""
        return self.stores.members.load_even_gone(case.member_id, consistent=True)

    def _gone_since(self, member: Member) -> datetime:
        """The instant of which `condemn` says that they are gone from it on.

        Raises
        ------
        LookupError
            It has said nothing: no step may come before it.
        """
        if member.erasure is None or not member.is_gone(self.clock.now()):
            raise LookupError("nobody is erased who isn't condemned")
        return member.erasure.erase_at

    def _first_hint(self, member: Member, now: datetime) -> date:
        """The first day on which a hint of theirs may lie: whatever was due before is done."""
        swept = self.stores.due.swept()
        return (min(swept.until, now) - OVERLAP if swept else member.joined_at).date()

    def _remove_row(self, member: Member) -> None:
        now, removal = self.clock.now(), self.stores.members.row_removal(member)
        if self.letters is None or not _is_to_be_told(member) or club_time(self.club).next_opening(now) > now:
            self._write(removal)
            return
        messages, out_of_copies_on = self.letters(), local_date(now, self.club.time_zone) + COPIES_LAST
        letter = messages.erased(member.phone, out_of_copies_on, member.language, now)
        self._commit([removal, *messages.writes(letter)])
        messages.wake(letter)

    def _remove_rest(self, member_id: str) -> None:
        for removal in self.stores.remains.removals(member_id):
            self._write(removal)

    def _write(self, write: Put | Delete) -> None:
        """One of many writes that need not be done together: by itself, at half of what a transaction costs."""
        try:
            self.stores.access.write_alone(write)
        except ConditionFailed as failed:
            raise Busy from failed

    def _commit(self, writes: list[Write]) -> None:
        try:
            self.stores.access.commit(writes)
        except ConditionFailed as failed:
            raise Busy from failed


def case_of_its_own(club_id: str, member_id: str, now: datetime) -> Case:
    """A case that no hint has begun and no row holds, for steps that are done one after the other at once."""
    hint = Hint(f"DUE#{club_id}#{now.date().isoformat()}#", compact_instant(now), member_id, arming="")
    return Case(new_id("k"), hint, StepKind.REMOVE_ASKED, attempt=1, started_at=now)


def cause_of(member: Member, kind: StepKind) -> Cause | None:
    """Why somebody is erased for whom that is due; None for what erases nobody."""
    if kind is not StepKind.REMOVE_ASKED:
        return _CAUSES.get(kind)
    if member.erasure is not None and member.erasure.asked_by in _ASKED:
        return _ASKED[member.erasure.asked_by]
    # Of whom no case tells any more why: what they are to the club says what became due.
    return _BY_STATE[member.state]


STEPS: Mapping[StepName, Callable[[Erasure, Case], Left]] = {
    StepName.CONDEMN: Erasure.condemn,
    StepName.TOMBSTONE: Erasure.bury,
    StepName.CUT_ACCESS: Erasure.cut_access,
    StepName.PENDING_SENDS: Erasure.take_back_messages,
    StepName.FORFEIT: Erasure.forfeit,
    StepName.ENTRIES: Erasure.forget_entries,
    StepName.ACCOUNT: Erasure.remove_account,
    StepName.TRACES: Erasure.remove_traces,
    StepName.PHOTOS: Erasure.remove_photos,
    StepName.PERSON: Erasure.remove_person,
    StepName.RECEIPT: Erasure.write_receipt,
    StepName.CLOSE: Erasure.close,
}


def _is_to_be_told(member: Member) -> bool:
    return member.erasure is not None and member.erasure.asked_by in {AskedBy.MEMBER, AskedBy.STAFF}


def _months(first: date, last: date) -> Iterator[date]:
    """The first days of the months from one day's to another's."""
    month = first.replace(day=1)
    while month <= last:
        yield month
        month = months_later(month, 1)


def _each_once(writes: Iterable[Put | Delete]) -> Iterator[Put | Delete]:
    """Some writes without those that delete the same once more.

    A number may lead to somebody twice, as theirs and as one they had before.
    """
    taken: set[tuple[str, str, str]] = set()
    for write in writes:
        if isinstance(write, Delete):
            key = (write.table, write.key["pk"], write.key["sk"])
            if key in taken:
                continue
            taken.add(key)
        yield write
