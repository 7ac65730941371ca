"""Members who share one account: joining another's, and leaving it again (docs/adr/0017)."""

from copy import replace
from datetime import datetime

from msgspec import Struct

from stamkunde.clubs.model import Club
from stamkunde.ledger.coupon_store import CouponStore
from stamkunde.ledger.known_coupons import KEPT_AFTER_ITS_END
from stamkunde.ledger.model.accounts import Account
from stamkunde.ledger.model.entries import EntryKind, Grounds
from stamkunde.ledger.model.transfers import Moment, join_household, leave_household
from stamkunde.ledger.store import LedgerStore, new_account
from stamkunde.ledger.transfers import Pair, known_stamp_programmes
from stamkunde.members.model import Member
from stamkunde.members.store import MemberStore
from stamkunde.shared.clock import Clock
from stamkunde.shared.errors import Refusal
from stamkunde.shared.ids import new_id
from stamkunde.shared.patience import Patience
from stamkunde.shared.transaction import MOST_ITEMS, Busy, ConditionFailed, Write

JOIN = "household_join"
LEAVE = "household_leave"
MOVES = (EntryKind.MOVED_OUT, EntryKind.MOVED_IN)


class Shared(Struct, frozen=True):
    """Who lives from an account now; `repeated` when nothing had to be done."""

    account_id: str
    member_ids: tuple[str, ...]
    repeated: bool


class Households(Struct, frozen=True):
    """One club's households."""

    club: Club
    members: MemberStore
    ledger: LedgerStore
    clock: Clock
    patience: Patience

    def join(self, guest_id: str, host_id: str, by: str) -> Shared:
        """Have a member live from another's account, with everything that was in their own.

        Raises
        ------
        Refusal
            ``unknown_member``, ``same_member``, ``merge_too_large``: it would not fit into one transaction.
            ``try_again``, those of `stamkunde.ledger.model.transfers.join_household`.
        """
        return self.patience.until_done(lambda: self._try_to_join(guest_id, host_id, by))

    def leave(self, member_id: str, by: str) -> Shared:
        """Have a member live from a new account of their own; what is shared stays with the others.

        Raises
        ------
        Refusal
            ``unknown_member``, ``held_now``, ``merge_too_large``, ``try_again``.
        """
        return self.patience.until_done(lambda: self._try_to_leave(member_id, by))

    def _try_to_join(self, guest_id: str, host_id: str, by: str) -> Shared:
        guest, host = load_member(self.members, guest_id), load_member(self.members, host_id)
        if guest.member_id == host.member_id:
            raise Refusal("same_member")
        source, target = load_account(self.ledger, guest), load_account(self.ledger, host)
        if source.account_id == target.account_id:
            return _shared(target, repeated=True)
        moment = moment_of(self.club, self.clock, self.ledger.coupons)
        transfer = join_household(source, guest.member_id, target, host.member_id, moment)
        pair = Pair(
            MOVES,
            (guest.member_id, guest.member_id),
            Grounds(JOIN, by=by, transfer_id=new_id("x")),
            moment.at,
            moment.time_zone,
        )
        given, received = pair.entries(transfer)
        self._commit(
            [
                *self.ledger.entry_writes(source, transfer.given.account, given),
                *self.ledger.entry_writes(target, transfer.received.account, received),
                *self._pointed_at(guest, target.account_id, moment.at),
            ]
        )
        return _shared(transfer.received.account, repeated=False)

    def _try_to_leave(self, member_id: str, by: str) -> Shared:
        member = load_member(self.members, member_id)
        account = load_account(self.ledger, member)
        if len(account.members) == 1:
            return _shared(account, repeated=True)
        moment = moment_of(self.club, self.clock, self.ledger.coupons)
        alone = new_account(new_id("a"), member.member_id)
        transfer = leave_household(account, member.member_id, alone, moment)
        pair = Pair(
            MOVES,
            (member.member_id, member.member_id),
            Grounds(LEAVE, by=by, transfer_id=new_id("x")),
            moment.at,
            moment.time_zone,
        )
        given, received = pair.entries(transfer)
        opened = transfer.received.account
        self._commit(
            [
                *self.ledger.entry_writes(account, transfer.given.account, given),
                *self.ledger.open_account_writes(opened),
                self.ledger.entry_write(received),
                *self.ledger.use_writes(alone, opened),
                *self._pointed_at(member, opened.account_id, None),
            ]
        )
        return _shared(opened, repeated=False)

    def _pointed_at(self, member: Member, account_id: str, since: datetime | None) -> list[Write]:
        moved = replace(member, account_id=account_id, shares_since=since, revision=member.revision + 1)
        return self.members.change_writes(member, moved)

    def _commit(self, writes: list[Write]) -> None:
        if len(writes) > MOST_ITEMS:
            raise Refusal("merge_too_large")
        try:
            self.ledger.commit(writes)
        except ConditionFailed as failed:
            raise Busy from failed


def load_member(members: MemberStore, member_id: str) -> Member:
    """Somebody who has an account, as last confirmed; of one who was merged, the member they are now.

    Raises
    ------
    Refusal
        ``unknown_member``.
    """
    member = members.find(member_id, consistent=True)
    if member is None or member.account_id is None:
        raise Refusal("unknown_member")
    return member


def load_account(ledger: LedgerStore, member: Member) -> Account:
    """The account of somebody just loaded, as last confirmed.

    Raises
    ------
    Busy
        It is theirs no more: they moved since they were loaded.
    """
    account = ledger.load_account(str(member.account_id), consistent=True)
    if account is None or member.member_id not in account.members:
        raise Busy
    return account


def moment_of(club: Club, clock: Clock, coupons: CouponStore) -> Moment:
    """Now, in a club; a coupon that a late receipt may still use isn't over."""
    now = clock.now()
    over = frozenset(each.newest.coupon_id for each in coupons.over_before(now - KEPT_AFTER_ITS_END))
    return Moment(now, club.time_zone, known_stamp_programmes(club.programmes, now), over=over)


def _shared(account: Account, *, repeated: bool) -> Shared:
    return Shared(account.account_id, tuple(sorted(account.members)), repeated)
