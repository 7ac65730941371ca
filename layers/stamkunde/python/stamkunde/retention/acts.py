"""What is done for somebody who is due, or noted of them. Each part may be done again, and changes nothing then."""

from collections.abc import Sequence
from copy import replace
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from stamkunde.clubs.model import Club
from stamkunde.ledger.explanations import bonus_amount
from stamkunde.members.admission import Admission
from stamkunde.members.consents import ConsentRecord, PermissionKind
from stamkunde.members.evidence_end import outlived
from stamkunde.members.lapsing import KEPT_AFTER, LapsingNote, LapsingNotes
from stamkunde.members.model import Member
from stamkunde.members.service_link import LinkAct, new_link
from stamkunde.retention.facts import club_time
from stamkunde.retention.model import Facts, StepKind, day_to_name
from stamkunde.retention.rearming import Rearming
from stamkunde.retention.rung_acts import RungActs
from stamkunde.retention.service import Looking
from stamkunde.retention.store import Case, DueStore
from stamkunde.shared.clock import Clock
from stamkunde.shared.money import Money, Points
from stamkunde.shared.patience import Patience
from stamkunde.shared.terms import TermsChase, TermsReminder, TermsTold

AT_ONCE = 90
"""What is forgotten of somebody goes in transactions of so many rows."""


class Acted(StrEnum):
    """What came of a case's act; the state machine chooses its way by it.

    `closed`: the case was done before, and there is nothing to re-arm. `nothing`: it isn't due any more.
    """

    DONE = "done"
    NOTHING = "nothing"
    CLOSED = "closed"


class DueActs(Struct, frozen=True):
    """Does what is due in one club, for the state machine of a case.

    Parameters
    ----------
    lapsing
        Where the owner is told of permissions that are about to end.
    """

    club: Club
    store: DueStore
    looking: Looking
    admission: Admission
    lapsing: LapsingNotes
    clock: Clock
    patience: Patience

    def act(self, case_id: str) -> tuple[Acted, StepKind | None]:
        """Do what is due now about the case's member, whatever was when the case began; and which it was.

        Raises
        ------
        Refusal
            ``try_again``: others keep writing the same rows.
        """
        case = self.store.load_case(case_id)
        if case is None:
            return Acted.CLOSED, None
        done = self.patience.until_done(lambda: self._try_to_act(case))
        return (Acted.DONE if done else Acted.NOTHING), done

    def rearm(self, case_id: str) -> None:
        """Write when the member is to be looked at next, and then end the case."""
        Rearming(self.store, self.looking, self.clock, self.patience).rearm(case_id)

    def _try_to_act(self, case: Case) -> StepKind | None:
        now = self.clock.now()
        member, records = self.admission.members.load_with_records(case.member_id)
        if member is None:
            return self._tend_the_gone(case.member_id, records, now)
        facts, step = self.looking.decide(member, records, now)
        if step is None or not step.is_due(now) or step.kind.removes or step.kind.at_once:
            # In an hour the visit takes somebody away by another machine, or does by itself what needs none.
            return None
        match step.kind:
            case StepKind.TERMS_REMINDER if facts.chase is not None:
                self._remind(member, facts.chase, now)
            case StepKind.RUNG if facts.away is not None:
                RungActs(self.club, self.admission).speak(member, records, facts.away, now)
            case StepKind.TELL_TERMS:
                self._tell_terms(member, facts, now)
            case StepKind.NOTE_LAPSING:
                self._note_lapsing(member, facts, now)
            case StepKind.FORGET_EVIDENCE:
                self._forget(member.member_id, records, now)
            case _:
                raise ValueError(f"{step.kind} isn't done to somebody who is there")
        return step.kind

    def _forget(self, member_id: str, records: Sequence[ConsentRecord], now: datetime) -> bool:
        """Forget what nobody has to prove any more, as much as fits into one transaction; the rest stays due."""
        over = outlived(records, self.club.time_zone, now)[:AT_ONCE]
        if over:
            writes = [self.admission.members.forgetting_write(member_id, each) for each in over]
            self.admission.commit(writes, [], member_id, now)
        return bool(over)

    def _tend_the_gone(self, member_id: str, records: Sequence[ConsentRecord], now: datetime) -> StepKind | None:
        """Who was merged into another isn't gone: theirs goes with that one, but for what outlived its purpose."""
        if not self.looking.remains.were_merged(member_id) or not self._forget(member_id, records, now):
            return None
        return StepKind.FORGET_EVIDENCE

    def _remind(self, member: Member, chase: TermsChase, now: datetime) -> None:
        day, link = day_to_name(chase, club_time(self.club), now), new_link(LinkAct.ACCEPT_TERMS, now)
        letter = self.admission.messages().terms_reminder(
            member.phone,
            link.token,
            chase.heard + 1,
            day,
            member.language,
            now,
            bonus=self._bonus(member, now),
            is_brought=member.joined_at_till is None,
        )
        reminder = TermsReminder(now, letter.message_id, day)
        after = replace(
            member,
            chase=replace(chase, reminders=(*chase.reminders, reminder)),
            link_hashes=self.admission.remembered(member, [link], now),
            revision=member.revision + 1,
        )
        writes = [
            *self.admission.members.change_writes(member, after),
            self.admission.members.link_write(link, member.member_id),
        ]
        self.admission.commit(writes, [letter], member.member_id, now)

    def _bonus(self, member: Member, now: datetime) -> Money | Points | None:
        """What somebody would lose; None for nothing."""
        balance = self.admission.account_of(member).balance(now, self.club.time_zone)
        held = balance.available + balance.pending + balance.reserved
        return bonus_amount(held, self.club.currency, self.club.unit) if held > 0 else None

    def _tell_terms(self, member: Member, facts: Facts, now: datetime) -> None:
        terms, before = self.club.current_terms(), facts.told_terms
        letter = self.admission.messages().terms_changed(member.phone, terms, member.language, now)
        times = before.times + 1 if before and before.version == terms.version else 1
        told = TermsTold(terms.version, now, letter.message_id, times)
        after = replace(member, told_terms=told, revision=member.revision + 1)
        writes = self.admission.members.change_writes(member, after)
        self.admission.commit(writes, [letter], member.member_id, now)

    def _note_lapsing(self, member: Member, facts: Facts, now: datetime) -> None:
        """Note all that is due at once, and forget the notes that have gone by themselves since."""
        today = club_time(self.club).day_of(now)
        due = [lapse for lapse in facts.lapses if not lapse.noted and lapse.note_on <= today]
        kept = [(kind, day) for kind, day in member.noted_lapses if day + KEPT_AFTER >= today]
        after = replace(
            member,
            noted_lapses=(*kept, *((lapse.kind, lapse.on) for lapse in due)),
            revision=member.revision + 1,
        )
        notes = [LapsingNote(member.member_id, PermissionKind(lapse.kind), lapse.on) for lapse in due]
        writes = [*self.admission.members.change_writes(member, after), *map(self.lapsing.write, notes)]
        self.admission.commit(writes, [], member.member_id, now)
