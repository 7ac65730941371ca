"""Handing out vouchers: by the operator, and by staff as a surprise, so many a day."""

from collections.abc import Callable
from datetime import date, datetime

from msgspec import Struct

from stamkunde.ledger.guards import Guard, guard_from_row
from stamkunde.ledger.model.accounts import Account, Movement
from stamkunde.ledger.model.coupons import Coupon
from stamkunde.ledger.model.entries import Entry, EntryKind, Grounds
from stamkunde.ledger.model.expiring import expires_from
from stamkunde.ledger.model.receipts import TillPoint
from stamkunde.ledger.model.vouchers import VoucherGiven, VoucherReason, voucher_coupon, with_voucher
from stamkunde.ledger.notes import NoteKind, note_of
from stamkunde.ledger.repeats import ActKey, find_repeat
from stamkunde.ledger.service import Booked, Ledger
from stamkunde.ledger.store import new_entry_id
from stamkunde.shared.clock import local_date
from stamkunde.shared.errors import Refusal
from stamkunde.shared.idempotency import WriteKey
from stamkunde.shared.ids import derived_id
from stamkunde.shared.transaction import Busy, ConditionFailed, Write

OPERATOR = "operator"
HAND_OUT = "hand_out"


class Surprise(Struct, frozen=True):
    """What staff give a member, and why.

    Parameters
    ----------
    staff
        Who gives it, as the shop calls them.
    key
        Of the till's: the same again is the same voucher.
    """

    member_id: str
    coupon_id: str
    reason: VoucherReason
    staff: str
    key: WriteKey


class Vouchers(Struct, frozen=True):
    """One club's vouchers.

    Parameters
    ----------
    arm
        Makes a member due on a day, in the transaction that brings about what ends then; asked for those with a last
        day of their own.
    """

    ledger: Ledger
    arm: Callable[[str, date, datetime], Write] | None = None

    def surprise(self, wish: Surprise, till: TillPoint) -> Booked:
        """Give a member a voucher at a till, once per key; the owner is told of it.

        Raises
        ------
        Refusal
            ``unknown_member``, ``coupon_unknown``, ``coupon_not_given``, ``coupon_not_now``, ``voucher_given``,
            ``surprise_limit_reached``, ``idempotency_key_differs``, ``try_again``. Nothing is written then.
        """
        identity = derived_id("k", self.ledger.store.club_id, till.till_id, wish.key.key)
        return self.ledger.patience.until_done(lambda: self._try_to_surprise(wish, till, identity))

    def hand_out(self, member_id: str, coupon_id: str, last_day: date | None, key: WriteKey) -> Booked:
        """Give a member a voucher, for the operator, once per key.

        Raises
        ------
        Refusal
            ``unknown_member``, ``coupon_unknown``, ``coupon_not_given``, ``coupon_not_now``, ``voucher_given``,
            ``idempotency_key_differs``, ``try_again``.
        """
        act_key = ActKey.of(HAND_OUT, member_id, key)
        return self.ledger.patience.until_done(lambda: self._try_to_hand_out(member_id, coupon_id, last_day, act_key))

    def _try_to_hand_out(self, member_id: str, coupon_id: str, last_day: date | None, key: ActKey) -> Booked:
        now = self.ledger.clock.now()
        store = self.ledger.store
        before = self.ledger.member_account(member_id, None, consistent=True)
        repeat = find_repeat(store, before.account_id, key, EntryKind.VOUCHER, now)
        if repeat is not None:
            return Booked(repeat, repeated=True)
        coupon = voucher_coupon(self.ledger.coupons.at(now).get(coupon_id), now)
        known = before.known_as(member_id)
        given = with_voucher(before, known, coupon, local_date(now, self.ledger.time_zone), now, last_day)
        grounds = Grounds(VoucherReason.CAMPAIGN.value, by=OPERATOR, transfer_id=key.act_id, content=key.content)
        entry = self._entry(given, known, grounds, now, None)
        writes: list[Write] = [*store.entry_writes(before, given.account, entry)]
        ends = expires_from(given.account)
        if self.arm is not None and last_day is not None and ends is not None:
            writes.append(self.arm(known, ends, now))
        try:
            store.commit(writes)
        except ConditionFailed as failed:
            raise Busy from failed
        return Booked(entry, repeated=False)

    def _try_to_surprise(self, wish: Surprise, till: TillPoint, identity: str) -> Booked:
        now = self.ledger.clock.now()
        store = self.ledger.store
        try:
            before, after, entry, coupon = self._decide(wish, till, now, identity)
            guard = Guard(identity, entry.account_id, entry.entry_id, wish.key.content.encode())
            note = note_of(
                entry, NoteKind.SURPRISE_VOUCHER, self.ledger.time_zone, wish.reason.value, coupon.coupon_id
            )
            writes: list[Write] = [
                store.guard_write(guard),
                *store.entry_writes(before, after, entry),
                store.coupons.surprise_write(coupon, entry.day),
                store.note_write(note),
            ]
            earlier = _write(self.ledger, writes, coupon)
        except Refusal:
            # It may have been given by this very request, whose answer was lost.
            earlier = store.find_guard(identity)
            if earlier is None:
                raise
        return self._repeat(earlier, wish) if earlier else Booked(entry, repeated=False)

    def _decide(
        self, wish: Surprise, till: TillPoint, now: datetime, identity: str
    ) -> tuple[Account, Account, Entry, Coupon]:
        before = self.ledger.member_account(wish.member_id, None, consistent=True)
        coupon = voucher_coupon(self.ledger.coupons.at(now).get(wish.coupon_id), now)
        if not coupon.surprise_limit:
            raise Refusal("coupon_not_given", {"coupon": coupon.name}, "/coupon_id")
        member_id = before.known_as(wish.member_id)
        given = with_voucher(before, member_id, coupon, local_date(now, self.ledger.time_zone), now)
        grounds = Grounds(wish.reason.value, by=wish.staff, transfer_id=identity)
        return before, given.account, self._entry(given, member_id, grounds, now, till), coupon

    def _entry(
        self, given: VoucherGiven, member_id: str, grounds: Grounds, now: datetime, till: TillPoint | None
    ) -> Entry:
        return Entry(
            entry_id=new_entry_id(now),
            kind=EntryKind.VOUCHER,
            account_id=given.account.account_id,
            member_id=member_id,
            outlet_id=till.outlet_id if till else None,
            till_id=till.till_id if till else None,
            booked_at=now,
            day=local_date(now, self.ledger.time_zone),
            movement=Movement(),
            balance=given.account.balance(now, self.ledger.time_zone),
            grounds=grounds,
            uses=given.changes,
        )

    def _repeat(self, guard: Guard, wish: Surprise) -> Booked:
        if guard.content_hash != wish.key.content.encode():
            raise Refusal("idempotency_key_differs")
        if not guard.account_id:
            raise Refusal("unknown_member", pointer="/member_id")
        return Booked(self.ledger.store.load_entry(guard.account_id, guard.entry_id), repeated=True)


def _write(ledger: Ledger, writes: list[Write], coupon: Coupon) -> Guard | None:
    """Write everything, or nothing where the same key came before: the guard that it left then.

    Raises
    ------
    Refusal
        ``surprise_limit_reached``.
    Busy
        Others write the same account.
    """
    try:
        ledger.store.commit(writes)
    except ConditionFailed as failed:
        earlier = failed.found.get("guard")
        if earlier is not None:
            return guard_from_row(earlier)
        if "surprise" in failed.found:
            most = coupon.surprise_limit
            raise Refusal("surprise_limit_reached", {"coupon": coupon.name, "most": most}) from failed
        raise Busy from failed
    return None
