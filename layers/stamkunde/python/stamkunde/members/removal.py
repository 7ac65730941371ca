"""Taking somebody away with all that came with them: by their own link, by the clock, or because they asked.

What finds them, what opens their page and what they hold goes in one transaction; what is too much for it goes right
after, and a hint written in that transaction sees to it that it does. Entries stay, and name nobody but a random id.
"""

from datetime import datetime

from msgspec import Struct

from stamkunde.clubs.model import Club
from stamkunde.ledger.model.accounts import Movement, forfeit
from stamkunde.ledger.model.entries import Entry, EntryKind
from stamkunde.ledger.store import LedgerStore, new_entry_id
from stamkunde.members.access_store import AccessStore
from stamkunde.members.lapsing import LapsingNotes
from stamkunde.members.model import Member
from stamkunde.members.remains import Remains
from stamkunde.members.service_link import FoundLink
from stamkunde.members.stops import Stops
from stamkunde.members.store import MemberStore
from stamkunde.retention.store import DueStore
from stamkunde.shared.clock import local_date
from stamkunde.shared.patience import Patience
from stamkunde.shared.transaction import MOST_ITEMS, Busy, ConditionFailed, Delete, Put, Write

AT_ONCE = 90
"""What is left of somebody goes in transactions of so many rows."""


class Removal(Struct, frozen=True):
    """Takes people away from one club. Each part may be done again, and changes nothing then."""

    club: Club
    members: MemberStore
    ledger: LedgerStore
    access: AccessStore
    remains: Remains
    lapsing: LapsingNotes
    stops: Stops
    due: DueStore
    patience: Patience

    def try_to_remove(self, member: Member, now: datetime, by: FoundLink | None = None) -> None:
        """Take away a member as they were just read; afterwards `remove_rest`.

        Parameters
        ----------
        by
            The link whose button was pressed: it stays to its end, to say that it is done.

        Raises
        ------
        Busy
            They, or what they hold, changed meanwhile: look again.
        """
        was = frozenset({member.member_id, *(each.member_id for each in member.formerly)})
        writes: list[Write] = [
            *self.members.removal_writes(member, by),
            *self._forfeit_writes(member, now),
            *([self.access.card_removal(member.card_number)] if member.card_number else []),
            *(write for each in member.formerly for write in self.remains.former_removals(each, was)),
            *self.lapsing.removals(member),
            *self._stop_writes(member, now),
            *(self.due.due_write(each.member_id, now) for each in member.formerly),
        ]
        writes = _each_once(writes)
        rest = self.remains.removals(member.member_id)
        room = MOST_ITEMS - len(writes)
        if len(rest) > room:
            rest = [*_devices_first(rest)][: max(room - 1, 0)]
            writes.append(self.due.due_write(member.member_id, now))
        self._commit([*writes, *rest])

    def remove_rest(self, member: Member) -> None:
        """Take away what is left of a member who is gone, and of all that they ever were.

        Raises
        ------
        Refusal
            ``try_again``.
        """
        for member_id in (member.member_id, *(each.member_id for each in member.formerly)):
            self.remove_rest_of(member_id)

    def remove_rest_of(self, member_id: str) -> None:
        """Take away what is left of somebody who is gone; most have so little that nothing is.

        Raises
        ------
        Refusal
            ``try_again``.
        """
        while self.remains.are_there(member_id):
            self.patience.until_done(lambda: self._remove_some(member_id))

    def _remove_some(self, member_id: str) -> None:
        if some := self.remains.removals(member_id)[:AT_ONCE]:
            self._commit([*some])

    def _stop_writes(self, member: Member, now: datetime) -> list[Put]:
        records = self.members.consent_records(member.member_id)
        return self.stops.writes(member, records, self.club.time_zone, now)

    def _forfeit_writes(self, member: Member, now: datetime) -> list[Write]:
        """What they held is lost, unless others hold it too; who only had the newsletter held nothing."""
        if member.account_id is None:
            return []
        account = self.ledger.load_account(member.account_id, consistent=True)
        if account is None or member.member_id not in account.members:
            raise Busy
        emptied, movement = forfeit(account, member.member_id)
        if movement == Movement():
            return [self.ledger.account_write(account, emptied)]
        time_zone = self.club.time_zone
        entry = Entry(
            entry_id=new_entry_id(now),
            kind=EntryKind.FORFEIT,
            account_id=account.account_id,
            member_id=member.member_id,
            outlet_id=None,
            till_id=None,
            booked_at=now,
            day=local_date(now, time_zone),
            movement=movement,
            balance=emptied.balance(now, time_zone),
        )
        return [*self.ledger.entry_writes(account, emptied, entry)]

    def _commit(self, writes: list[Write]) -> None:
        try:
            self.access.commit(writes)
        except ConditionFailed as failed:
            raise Busy from failed


def _each_once(writes: list[Write]) -> list[Write]:
    """A number may lead to somebody twice, as theirs and as one they had before: it is taken away once."""
    kept: list[Write] = []
    taken: set[tuple[str, str, str]] = set()
    for write in writes:
        if isinstance(write, Delete):
            key = (write.table, write.key["pk"], write.key["sk"])
            if key in taken:
                continue
            taken.add(key)
        kept.append(write)
    return kept


def _devices_first(rest: list[Delete]) -> list[Delete]:
    """What opens somebody's page goes before what merely tells of them."""
    return sorted(rest, key=lambda each: not each.key["sk"].startswith("DEVICE#"))
