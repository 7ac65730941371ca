"""The operators' tasks for one member's account: find, correct, approve, give, share an account, merge."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from operator_task.desk import Desk, Name, TaskModel
from stamkunde.bootstrap import known_clubs
from stamkunde.clubs.model import Club
from stamkunde.ledger.adjustments import Adjusted, Adjustments
from stamkunde.ledger.explanations import explain_entry
from stamkunde.ledger.model.adjusting import LARGEST_BONUS, LARGEST_STAMPS, LONGEST_NOTE, Correction, CorrectionReason
from stamkunde.ledger.model.entries import Entry
from stamkunde.ledger.proposal_store import Proposal
from stamkunde.ledger.store import LedgerStore
from stamkunde.ledger.transfers import Gift, Transfers
from stamkunde.members.access_store import AccessStore
from stamkunde.members.households import Households, Shared
from stamkunde.members.lapsing import LapsingNotes
from stamkunde.members.merging import Merging
from stamkunde.members.store import MemberStore
from stamkunde.retention.arming import Arming
from stamkunde.retention.store import DueStore
from stamkunde.shared.clock import Clock, iso_instant
from stamkunde.shared.errors import Refusal
from stamkunde.shared.idempotency import WriteKey
from stamkunde.shared.patience import Patience
from stamkunde.shared.phone import parse_phone

type MemberId = Annotated[str, Meta(pattern="^m[0-9a-z]{16}$")]
type ProposalId = Annotated[str, Meta(pattern="^q[0-9]{6}[0-9a-z]{12}$")]
type Key = Annotated[str, Meta(min_length=1, max_length=100, description="The same key again is the same act")]
type Note = Annotated[str, Meta(min_length=1, max_length=LONGEST_NOTE)]
type ReasonCode = Literal["goodwill", "till_mistake", "missing_receipt", "wrong_member", "other"]


class FindMember(TaskModel, tag="find_member"):
    """Whose number it is: the ids that the other tasks ask for."""

    club_id: str
    phone: Name
    by: Name


class CorrectMember(TaskModel, tag="correct_member"):
    """Give or take bonus or stamps by hand; above 200 kr. or 10 stamps somebody else must approve."""

    club_id: str
    member_id: MemberId
    reason: ReasonCode
    note: Note
    by: Name
    key: Key
    bonus: Annotated[int, Meta(ge=-LARGEST_BONUS, le=LARGEST_BONUS)] = 0
    stamps: Annotated[int, Meta(ge=-LARGEST_STAMPS, le=LARGEST_STAMPS)] = 0
    stamp_programme_id: Name | None = None


class ListProposals(TaskModel, tag="list_proposals"):
    """Corrections that wait for a second person."""

    club_id: str


class ApproveProposal(TaskModel, tag="approve_proposal"):
    """Book a correction that somebody else proposed."""

    club_id: str
    proposal_id: ProposalId
    by: Name


class DeclineProposal(TaskModel, tag="decline_proposal"):
    """Leave a proposed correction unbooked."""

    club_id: str
    proposal_id: ProposalId
    by: Name


class GiveBonus(TaskModel, tag="give_bonus"):
    """Give a member's bonus to another, as the member asked."""

    club_id: str
    member_id: MemberId
    receiver_id: MemberId
    bonus: Annotated[int, Meta(ge=1, le=LARGEST_BONUS)]
    by: Name
    key: Key


class JoinHousehold(TaskModel, tag="join_household"):
    """Have a member share another's account, with all that is in their own."""

    club_id: str
    member_id: MemberId
    host_id: MemberId
    by: Name


class LeaveHousehold(TaskModel, tag="leave_household"):
    """Give a member an empty account of their own; what is shared stays with the others."""

    club_id: str
    member_id: MemberId
    by: Name


class MergeMembers(TaskModel, tag="merge_members"):
    """Make two members one, for ever: everything of the first is the second's."""

    club_id: str
    member_id: MemberId
    winner_id: MemberId
    by: Name


@dataclass(frozen=True)
class Bench:
    """One club's use cases, as the tasks need them."""

    desk: Desk
    club_id: str

    @cached_property
    def club(self) -> Club:
        """The club."""
        return self.desk.operators.show(self.club_id).club

    @property
    def clock(self) -> Clock:
        """What the club lives by."""
        return known_clubs(self.desk.settings, self.desk.client).clock_of(self.club)

    @property
    def ledger(self) -> LedgerStore:
        """Its ledger."""
        return LedgerStore(self.desk.client, self.desk.settings.ledger_table, self.club.club_id)

    @property
    def members(self) -> MemberStore:
        """Its members."""
        table = self.desk.settings.members_table
        return MemberStore(self.desk.client, table, self.club.club_id, self.club.address_key, self.clock)

    @property
    def adjustments(self) -> Adjustments:
        """Corrections."""
        return Adjustments(
            self.ledger,
            self.club.programmes,
            self.club.time_zone,
            self.clock,
            Patience(),
            self.members.find_account,
            self.club.promised_months(),
        )

    @property
    def transfers(self) -> Transfers:
        """Gifts."""
        return Transfers(
            self.ledger,
            self.club.programmes,
            self.club.time_zone,
            self.clock,
            Patience(),
            self.members.find_account,
        )

    @property
    def households(self) -> Households:
        """Shared accounts."""
        return Households(self.club, self.members, self.ledger, self.clock, Patience())

    @property
    def merging(self) -> Merging:
        """Two members who are one."""
        client, table, club = self.desk.client, self.desk.settings.members_table, self.club
        access = AccessStore(client, table, club.club_id, club.address_key)
        lapsing = LapsingNotes(client, table, club.club_id)
        arming = Arming(club, DueStore(client, table, club.club_id))
        return Merging(club, self.members, self.ledger, access, lapsing, arming, self.clock, Patience())


def find_member(desk: Desk, task: FindMember) -> dict[str, Any]:
    """Carry out `FindMember`."""
    bench = Bench(desk, task.club_id)
    phone = parse_phone(task.phone, country=bench.club.country, allowed_countries=bench.club.join_countries)
    member = bench.members.find_by_phone(phone, consistent=True)
    if member is None:
        raise Refusal("unknown_member", pointer="/phone")
    return {"member_id": member.member_id, "account_id": member.account_id, "state": member.state.value}


def correct_member(desk: Desk, task: CorrectMember) -> dict[str, Any]:
    """Carry out `CorrectMember`."""
    bench = Bench(desk, task.club_id)
    wish = Correction(
        task.member_id,
        CorrectionReason(task.reason),
        task.note,
        task.by,
        task.bonus,
        task.stamps,
        task.stamp_programme_id,
    )
    done = bench.adjustments.correct(wish, write_key(task, task.key))
    return _proposal(done) if isinstance(done, Proposal) else _adjusted(bench.club, done)


def list_proposals(desk: Desk, task: ListProposals) -> dict[str, Any]:
    """Carry out `ListProposals`."""
    return {"proposals": [_proposal(each) for each in Bench(desk, task.club_id).adjustments.waiting()]}


def approve_proposal(desk: Desk, task: ApproveProposal) -> dict[str, Any]:
    """Carry out `ApproveProposal`."""
    bench = Bench(desk, task.club_id)
    return _adjusted(bench.club, bench.adjustments.approve(task.proposal_id, task.by))


def decline_proposal(desk: Desk, task: DeclineProposal) -> dict[str, Any]:
    """Carry out `DeclineProposal`."""
    return _proposal(Bench(desk, task.club_id).adjustments.decline(task.proposal_id, task.by))


def give_bonus(desk: Desk, task: GiveBonus) -> dict[str, Any]:
    """Carry out `GiveBonus`."""
    bench = Bench(desk, task.club_id)
    gift = Gift(task.member_id, task.receiver_id, task.bonus, task.by)
    given = bench.transfers.give(gift, write_key(task, task.key))
    return _booked(bench.club, given.entry, repeated=given.repeated)


def join_household(desk: Desk, task: JoinHousehold) -> dict[str, Any]:
    """Carry out `JoinHousehold`."""
    return _shared(Bench(desk, task.club_id).households.join(task.member_id, task.host_id, task.by))


def leave_household(desk: Desk, task: LeaveHousehold) -> dict[str, Any]:
    """Carry out `LeaveHousehold`."""
    return _shared(Bench(desk, task.club_id).households.leave(task.member_id, task.by))


def merge_members(desk: Desk, task: MergeMembers) -> dict[str, Any]:
    """Carry out `MergeMembers`."""
    merged = Bench(desk, task.club_id).merging.merge(task.member_id, task.winner_id, task.by)
    return {
        "member_id": merged.member.member_id,
        "account_id": merged.member.account_id,
        "repeated": merged.repeated,
    }


LEDGER_TASKS: Mapping[type[TaskModel], Callable[[Desk, Any], dict[str, Any]]] = {
    FindMember: find_member,
    CorrectMember: correct_member,
    ListProposals: list_proposals,
    ApproveProposal: approve_proposal,
    DeclineProposal: decline_proposal,
    GiveBonus: give_bonus,
    JoinHousehold: join_household,
    LeaveHousehold: leave_household,
    MergeMembers: merge_members,
}
type LedgerTask = (
    FindMember
    | CorrectMember
    | ListProposals
    | ApproveProposal
    | DeclineProposal
    | GiveBonus
    | JoinHousehold
    | LeaveHousehold
    | MergeMembers
)


def write_key(task: TaskModel, key: str) -> WriteKey:
    """The operator's key of a task, with a digest of all that the task says."""
    return WriteKey(key, hashlib.sha256(msgspec.json.encode(task, order="deterministic")).hexdigest()[:32])


def _adjusted(club: Club, adjusted: Adjusted) -> dict[str, Any]:
    booked = _booked(club, adjusted.entry, repeated=adjusted.repeated)
    return booked | {"member_id": adjusted.entry.member_id}


def _booked(club: Club, entry: Entry, *, repeated: bool) -> dict[str, Any]:
    return {
        "entry_id": entry.entry_id,
        "account_id": entry.account_id,
        "amount": entry.amount,
        "balance": entry.balance.total,
        "available": entry.balance.available,
        "explanation": explain_entry(entry, club.currency, club.language, club.unit),
        "repeated": repeated,
    }


def _proposal(proposal: Proposal) -> dict[str, Any]:
    wish = proposal.correction
    return {
        "proposal_id": proposal.proposal_id,
        "state": proposal.state.value,
        "member_id": wish.member_id,
        "bonus": wish.bonus,
        "stamps": wish.stamps,
        "stamp_programme_id": wish.stamp_programme_id,
        "reason": wish.reason.value,
        "note": wish.note,
        "proposed_by": wish.by,
        "proposed_at": iso_instant(proposal.proposed_at),
        "decided_by": proposal.decided_by,
    }


def _shared(shared: Shared) -> dict[str, Any]:
    return {
        "account_id": shared.account_id,
        "member_ids": list(shared.member_ids),
        "repeated": shared.repeated,
    }
