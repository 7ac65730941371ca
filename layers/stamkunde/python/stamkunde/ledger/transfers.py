"""What members give each other, and the entries of whatever moves between two accounts."""

from collections.abc import Callable, Iterable
from datetime import datetime

from msgspec import Struct

from stamkunde.ledger.model.accounts import Account
from stamkunde.ledger.model.entries import Entry, EntryKind, Grounds
from stamkunde.ledger.model.transfers import Moment, Side, Transfer, give
from stamkunde.ledger.repeats import ActKey, find_repeat
from stamkunde.ledger.store import LedgerStore, new_entry_id
from stamkunde.shared.clock import Clock, local_date
from stamkunde.shared.errors import Refusal
from stamkunde.shared.idempotency import WriteKey
from stamkunde.shared.patience import Patience
from stamkunde.shared.programme import BonusProgramme, StampProgramme, programme_at
from stamkunde.shared.reasons import Reason
from stamkunde.shared.transaction import Busy, ConditionFailed

GIFT = "gift"


class Gift(Struct, frozen=True):
    """Bonus that one member wants to give to another.

    Parameters
    ----------
    bonus
        Units, at least 1.
    by
        Who asked for it: the member, or the operator by name.
    """

    giver_id: str
    receiver_id: str
    bonus: int
    by: str
    note: str = ""


class Given(Struct, frozen=True):
    """A gift in the giver's ledger; `repeated` when it had been given before."""

    entry: Entry
    repeated: bool


class Transfers(Struct, frozen=True):
    """One club's gifts.

    Parameters
    ----------
    find_account
        The account of a member by the member's id.
    """

    store: LedgerStore
    programmes: tuple[BonusProgramme, ...]
    time_zone: str
    clock: Clock
    patience: Patience
    find_account: Callable[[str], str | None]

    def give(self, gift: Gift, key: WriteKey) -> Given:
        """Give bonus, once for each key.

        Raises
        ------
        Refusal
            ``unknown_member``, ``invalid_field``: nothing to give. ``idempotency_key_differs``, ``try_again``, those
            of `stamkunde.ledger.model.transfers.give`.
        """
        if gift.bonus < 1:
            raise Refusal("invalid_field", {"expected": Reason("at_least", {"least": 1})}, "/bonus")
        return self.patience.until_done(lambda: self._try_to_give(gift, ActKey.of(GIFT, gift.giver_id, key)))

    def _try_to_give(self, gift: Gift, key: ActKey) -> Given:
        now = self.clock.now()
        giver = self._account(gift.giver_id, "/giver_id")
        repeat = find_repeat(self.store, giver.account_id, key, EntryKind.GIFT_GIVEN, now)
        if repeat is not None:
            return Given(repeat, repeated=True)
        receiver = self._account(gift.receiver_id, "/receiver_id")
        giver_id, receiver_id = giver.known_as(gift.giver_id), receiver.known_as(gift.receiver_id)
        moment = Moment(now, self.time_zone, point_value=programme_at(self.programmes, now).point_value)
        transfer = give(giver, giver_id, receiver, receiver_id, gift.bonus, moment)
        pair = Pair(
            (EntryKind.GIFT_GIVEN, EntryKind.GIFT_RECEIVED),
            (giver_id, receiver_id),
            Grounds(GIFT, gift.note, gift.by, transfer_id=key.act_id, content=key.content),
            now,
            self.time_zone,
        )
        given, received = pair.entries(transfer)
        try:
            self.store.commit(
                [
                    *self.store.entry_writes(giver, transfer.given.account, given),
                    *self.store.entry_writes(receiver, transfer.received.account, received),
                ]
            )
        except ConditionFailed as failed:
            raise Busy from failed
        return Given(given, repeated=False)

    def _account(self, member_id: str, pointer: str) -> Account:
        account_id = self.find_account(member_id)
        if account_id is None:
            raise Refusal("unknown_member", pointer=pointer)
        account = self.store.load_account(account_id, consistent=True)
        if account is None or account.known_as(member_id) not in account.members:
            raise Busy
        return account


class Pair(Struct, frozen=True):
    """The two entries of a transfer, as yet without what moved.

    Parameters
    ----------
    kinds, member_ids
        Of the side that gives and of the one that receives.
    grounds
        Of both; each entry names the other account.
    """

    kinds: tuple[EntryKind, EntryKind]
    member_ids: tuple[str, str]
    grounds: Grounds
    now: datetime
    time_zone: str

    def entries(self, transfer: Transfer) -> tuple[Entry, Entry]:
        """What goes out of one account, and what comes into the other."""
        given = self._entry(0, transfer.given, transfer.received.account.account_id)
        received = self._entry(1, transfer.received, transfer.given.account.account_id)
        return given, received

    def _entry(self, place: int, side: Side, other_account: str) -> Entry:
        grounds = self.grounds
        return Entry(
            entry_id=new_entry_id(self.now),
            kind=self.kinds[place],
            account_id=side.account.account_id,
            member_id=self.member_ids[place],
            outlet_id=None,
            till_id=None,
            booked_at=self.now,
            day=local_date(self.now, self.time_zone),
            movement=side.movement,
            balance=side.account.balance(self.now, self.time_zone),
            grounds=Grounds(
                grounds.reason,
                grounds.note,
                grounds.by,
                with_account=other_account,
                transfer_id=grounds.transfer_id,
                content=grounds.content,
            ),
            uses=side.uses,
        )


def known_stamp_programmes(programmes: Iterable[BonusProgramme], now: datetime) -> dict[str, StampProgramme]:
    """Every stamp programme that there was, as it is now or was in the end."""
    begun = sorted((each for each in programmes if each.valid_from <= now), key=lambda each: each.version)
    return {stamps.stamp_programme_id: stamps for version in begun for stamps in version.stamp_programmes}
