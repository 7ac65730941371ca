"""Everything that a club keeps of one member, gathered for that member (GDPR art. 15 and 20, R17)."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from msgspec import Struct

from stamkunde.clubs.model import Club
from stamkunde.ledger.model.accounts import Account, CouponUse
from stamkunde.ledger.model.entries import Entry, EntryKind
from stamkunde.ledger.store import LedgerStore
from stamkunde.members.access_store import AccessStore
from stamkunde.members.consents import ConsentRecord
from stamkunde.members.device import Device
from stamkunde.members.message_notes import MessageNote
from stamkunde.members.model import Member
from stamkunde.members.store import MemberStore
from stamkunde.shared.channel import Channel
from stamkunde.shared.clock import Clock
from stamkunde.shared.errors import Refusal
from stamkunde.shared.pagination import decode_cursor, encode_cursor

LARGEST_PART = 4_000
"""Lines of receipts that one answer may hold: a Lambda's ends at 6 MB, and so many are well below half of it."""

LINES_OF_AN_ENTRY = 5
"""What a movement takes besides its lines, in lines."""


class CampaignTold(Struct, frozen=True):
    """That a member was sent a campaign; not in which words.

    Parameters
    ----------
    name
        What the shop calls it.
    outcome
        ``sent``, ``delivered``, ``failed`` or ``unknown``.
    opened_at
        When they first followed the link in it, where that was noted.
    """

    name: str
    sent_at: datetime
    channel: Channel
    outcome: str
    opened_at: datetime | None = None


type CampaignsOf = Callable[[str], Sequence[CampaignTold]]
"""The campaigns that a member was sent in the last year."""


class OwnData(Struct, frozen=True):
    """One member's data, oldest first wherever there is an order.

    Parameters
    ----------
    gathered_at
        When it was all like this.
    account
        What they hold, alone or with a household; None for whoever only takes the news.
    entries
        Their own movements of bonus and stamps, also from when their bonus was in another account.
    of_household
        Those of others on the same account, since they share it: only what those did to the bonus that is shared.
    older
        Where older movements go on that don't fit in; None when these are all.
    coupon_names
        By coupon id, as coupons are called now.
    """

    club: Club
    gathered_at: datetime
    member: Member
    records: tuple[ConsentRecord, ...]
    account: Account | None
    entries: tuple[Entry, ...]
    of_household: tuple[Entry, ...]
    older: str | None
    coupon_names: dict[str, str]
    messages: tuple[MessageNote, ...]
    campaigns: tuple[CampaignTold, ...]
    devices: tuple[Device, ...]

    @property
    def ids(self) -> frozenset[str]:
        """The member's id, and those that they had before they were merged."""
        return ids_of(self.member)

    @property
    def coupon_uses(self) -> list[tuple[str, CouponUse]]:
        """Which coupons they were given or have used, by id."""
        if self.account is None:
            return []
        own_id = self.account.known_as(self.member.member_id)
        return [(coupon, use) for (coupon, whose), use in sorted(self.account.uses.items()) if whose == own_id]


class OwnDataReader(Struct, frozen=True):
    """Reads one club's members' data for themselves. Writes nothing."""

    club: Club
    members: MemberStore
    ledger: LedgerStore
    access: AccessStore
    clock: Clock
    campaigns: CampaignsOf

    def read(self, member_id: str, before: str | None = None) -> OwnData:
        """Everything there is of a member, with the newest of their movements.

        Parameters
        ----------
        before
            What `older` was of the part with newer movements.

        Raises
        ------
        Refusal
            ``unknown_member``, ``bad_cursor``.
        """
        end = decode_cursor(before, "") if before else None
        member = self.members.load(member_id, consistent=True)
        if member is None:
            raise Refusal("unknown_member")
        now, ids = self.clock.now(), ids_of(member)
        account = self.ledger.load_account(member.account_id, consistent=True) if member.account_id else None
        movements = [
            entry
            for entry in self._movements(account)
            if (is_own(entry, account, ids) or is_of_household(entry, account, member)) and _is_before(entry, end)
        ]
        movements, older = newest(movements)
        records = [record for each in ids for record in self.members.consent_records(each)]
        messages = [note for each in ids for note in self.access.message_notes.of(each, now)]
        campaigns = [told for each in ids for told in self.campaigns(each)]
        return OwnData(
            club=self.club,
            gathered_at=now,
            member=member,
            records=tuple(sorted(records, key=lambda record: record.evidence.recorded_at)),
            account=account,
            entries=tuple(entry for entry in movements if is_own(entry, account, ids)),
            of_household=tuple(entry for entry in movements if not is_own(entry, account, ids)),
            older=older,
            coupon_names=self._coupon_names(member) if account and account.uses else {},
            messages=tuple(sorted(messages, key=lambda note: note.written_at)),
            campaigns=tuple(sorted(campaigns, key=lambda told: (told.sent_at, told.channel))),
            devices=tuple(self.access.devices(member.member_id)),
        )

    def _movements(self, account: Account | None) -> Iterator[Entry]:
        """Of the account, and of every account that its bonus has come from: entries stay where they were made."""
        waiting, seen = [account.account_id] if account else [], set[str]()
        while waiting:
            account_id = waiting.pop()
            if account_id in seen:
                continue
            seen.add(account_id)
            for entry in self.ledger.every_entry(account_id):
                if entry.kind is EntryKind.MOVED_IN and entry.grounds and entry.grounds.with_account:
                    waiting.append(entry.grounds.with_account)
                yield entry

    def _coupon_names(self, member: Member) -> dict[str, str]:
        histories = self.ledger.coupons.not_over_at(member.joined_at)
        return {history.newest.coupon_id: history.newest.name for history in histories}


def ids_of(member: Member) -> frozenset[str]:
    """A member's id, and those that they had before they were merged."""
    return frozenset({member.member_id, *(former.member_id for former in member.formerly)})


def is_own(entry: Entry, account: Account | None, ids: frozenset[str]) -> bool:
    """Whether a movement is somebody's own, or of an account that they have for themselves."""
    if entry.member_id is not None:
        return entry.member_id in ids
    return account is not None and entry.account_id == account.account_id and not _is_shared(account, ids)


def is_of_household(entry: Entry, account: Account | None, member: Member) -> bool:
    """Whether a movement touched bonus while a member shared it with others, and isn't theirs.

    Of that they may know the day, the kind and the amount, and nothing else.
    """
    is_here = account is not None and entry.account_id == account.account_id
    return is_here and since_they_share(entry, member) and not is_own(entry, account, ids_of(member))


def since_they_share(entry: Entry, member: Member) -> bool:
    """Whether a movement of a member's account is no older than their share in it."""
    return member.shares_since is None or entry.booked_at >= member.shares_since


def _is_before(entry: Entry, end: str | None) -> bool:
    return end is None or entry.entry_id < end


def newest(movements: list[Entry]) -> tuple[list[Entry], str | None]:
    """The newest movements that fit into one part, the oldest of them first, and where those before them go on."""
    part: list[Entry] = []
    room = LARGEST_PART
    for entry in sorted(movements, key=lambda each: each.entry_id, reverse=True):
        room -= _size(entry)
        if room < 0 and part:
            return part[::-1], encode_cursor(part[-1].entry_id)
        part.append(entry)
    return part[::-1], None


def _size(entry: Entry) -> int:
    """About how much of a page or a file a movement takes, in lines of a receipt."""
    lines = entry.purchase.lines if entry.purchase else entry.refund.lines if entry.refund else ()
    return LINES_OF_AN_ENTRY + len(lines)


def _is_shared(account: Account, ids: frozenset[str]) -> bool:
    return any(each not in ids for each in account.members)
