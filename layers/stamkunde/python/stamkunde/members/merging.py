"""Two members who are one person: the winner stays, whatever led to the loser leads to the winner (docs/adr/0017)."""

from collections.abc import Sequence
from copy import replace

from msgspec import Struct

from stamkunde.clubs.model import Club
from stamkunde.ledger.model.accounts import Account
from stamkunde.ledger.model.entries import Entry, Grounds
from stamkunde.ledger.model.transfers import Transfer, merge, merge_within
from stamkunde.ledger.notes import NoteKind, note_of
from stamkunde.ledger.store import LedgerStore
from stamkunde.ledger.transfers import Pair
from stamkunde.members.access_store import AccessStore
from stamkunde.members.consents import (
    ConsentMethod,
    ConsentRecord,
    Evidence,
    PermissionKind,
    new_record_id,
    next_instant,
    taken_back,
)
from stamkunde.members.households import MOVES, load_account, load_member, moment_of
from stamkunde.members.lapsing import LapsingNotes
from stamkunde.members.model import Member
from stamkunde.members.permission import counted
from stamkunde.members.store import MemberStore
from stamkunde.retention.arming import Arming
from stamkunde.retention.facts import last_act
from stamkunde.shared.clock import Clock, local_date
from stamkunde.shared.errors import Refusal
from stamkunde.shared.ids import new_id
from stamkunde.shared.patience import Patience
from stamkunde.shared.transaction import MOST_ITEMS, Busy, ConditionFailed, Write

MERGE = "merge"
MOST_FORMER = 10
"""Whoever was so many is taken away with all that leads to them in one transaction."""


class Merged(Struct, frozen=True):
    """Who somebody is now; `repeated` when they were merged before."""

    member: Member
    repeated: bool


class Merging(Struct, frozen=True):
    """Merges one club's members. There is no way back."""

    club: Club
    members: MemberStore
    ledger: LedgerStore
    access: AccessStore
    lapsing: LapsingNotes
    arming: Arming
    clock: Clock
    patience: Patience

    def merge(self, loser_id: str, winner_id: str, by: str) -> Merged:
        """Make two members one: account, uses, stricter permissions, phone and card of the loser are the winner's.

        Raises
        ------
        Refusal
            ``unknown_member``, ``same_member``, ``merge_too_large``: it would not fit into one transaction, or
            whoever they are couldn't be taken away in one.
            ``to_be_deleted``: one of the two asked for that, and the other hasn't. ``try_again``, those of
            `stamkunde.ledger.model.transfers.merge`.
        """
        return self.patience.until_done(lambda: self._try_to_merge(loser_id, winner_id, by))

    def _try_to_merge(self, loser_id: str, winner_id: str, by: str) -> Merged:
        winner, now = load_member(self.members, winner_id), self.clock.now()
        if loser_id == winner_id:
            raise Refusal("same_member")
        loser = self.members.load(loser_id, consistent=True)
        if loser is None and any(each.member_id == loser_id for each in winner.formerly):
            return Merged(winner, repeated=True)
        if loser is None or loser.account_id is None:
            raise Refusal("unknown_member")
        if loser.member_id == winner.member_id:
            raise Refusal("same_member")
        of_loser = self.members.consent_records(loser.member_id)
        united = self._united(winner, loser, of_loser)
        writes = [
            *self._ledger_writes(loser, winner, by),
            *self.members.merge_writes(winner, united, loser),
            *self._consent_writes(loser, of_loser, winner),
            *(self.access.device_removal(device) for device in self.access.devices(loser.member_id)),
            *self.lapsing.removals(loser),
            # What came together may lapse sooner than anybody has reckoned.
            self.arming.day_write(winner.member_id, local_date(now, self.club.time_zone), now),
        ]
        if loser.card_number:
            writes.append(self.access.card_merged_write(loser.card_number, winner.member_id))
        if len(writes) > MOST_ITEMS or len(united.formerly) > MOST_FORMER:
            raise Refusal("merge_too_large")
        try:
            self.ledger.commit(writes)
        except ConditionFailed as failed:
            raise Busy from failed
        return Merged(united, repeated=False)

    def _united(self, winner: Member, loser: Member, of_loser: Sequence[ConsentRecord]) -> Member:
        if winner.erasure or loser.erasure:
            raise Refusal("to_be_deleted")
        # The later day of joining goes, and what the loser agreed to is read no more: they were there all the same.
        last_act_at = max(last_act(winner, ()), last_act(loser, of_loser))
        return replace(
            winner,
            first_name=winner.first_name or loser.first_name,
            joined_at=min(winner.joined_at, loser.joined_at),
            details_confirmed_at=last_act_at,
            formerly=(*winner.formerly, self.members.former(loser), *loser.formerly),
            revision=winner.revision + 1,
        )

    def _ledger_writes(self, loser: Member, winner: Member, by: str) -> list[Write]:
        moment = moment_of(self.club, self.clock, self.ledger.coupons)
        source, target = load_account(self.ledger, loser), load_account(self.ledger, winner)
        shared = source.account_id == target.account_id
        if shared:
            transfer = merge_within(target, loser.member_id, winner.member_id, moment)
        else:
            transfer = merge(source, loser.member_id, target, winner.member_id, moment)
        pair = Pair(
            MOVES,
            (loser.member_id, winner.member_id),
            Grounds(MERGE, by=by, transfer_id=new_id("x")),
            moment.at,
            moment.time_zone,
        )
        entries = pair.entries(transfer)
        note = note_of(entries[1], NoteKind.MERGE, moment.time_zone, MERGE, loser.member_id)
        writes = (
            self._within(target, transfer, entries) if shared else self._between(source, target, transfer, entries)
        )
        return [*writes, self.ledger.note_write(note)]

    def _within(self, before: Account, transfer: Transfer, entries: tuple[Entry, Entry]) -> list[Write]:
        given, received = entries
        writes = self.ledger.entry_writes(before, transfer.received.account, received)
        return [*writes, self.ledger.entry_write(given)]

    def _between(
        self, source: Account, target: Account, transfer: Transfer, entries: tuple[Entry, Entry]
    ) -> list[Write]:
        given, received = entries
        return [
            *self.ledger.entry_writes(source, transfer.given.account, given),
            *self.ledger.entry_writes(target, transfer.received.account, received),
        ]

    def _consent_writes(self, loser: Member, of_loser: Sequence[ConsentRecord], winner: Member) -> list[Write]:
        """That the winner takes back what the loser had taken back; a permission is never added."""
        zone = self.club.time_zone
        records = self.members.consent_records(winner.member_id)
        refused = taken_back(counted(of_loser, loser, zone)) - taken_back(counted(records, winner, zone))
        withdrawn = tuple(kind for kind in PermissionKind if kind in refused)
        if not withdrawn:
            return []
        now = next_instant(records, self.clock.now())
        evidence = Evidence(ConsentMethod.MERGE, given_at=now, recorded_at=now, language=winner.language)
        record = ConsentRecord(new_record_id(now), evidence, withdrawn=withdrawn)
        return [self.members.consent_write(winner.member_id, record)]
