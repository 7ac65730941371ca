"""What a segment may know of a member, taken from their own row, what they agreed to, and their account's entries."""

from collections import Counter
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from msgspec import Struct

from stamkunde.campaigns.model.facts import (
    LOOKS_BACK_DAYS,
    NOTHING_BOUGHT,
    Bought,
    MemberFacts,
    Standing,
    day_number,
    with_items,
)
from stamkunde.clubs.model import Club
from stamkunde.ledger.model.accounts import Account
from stamkunde.ledger.model.entries import Entry, EntryKind, PurchaseFacts
from stamkunde.ledger.model.reversal import units_sold
from stamkunde.ledger.model.stamping import running_card
from stamkunde.ledger.store import LedgerStore
from stamkunde.members.consents import taken_back
from stamkunde.members.model import Member, MemberState
from stamkunde.members.own_data import ids_of
from stamkunde.members.permission import (
    KIND_OF_CHANNEL,
    Facts,
    PurchaseBasis,
    advertised_until,
    purchase_basis,
)
from stamkunde.members.store import MemberStore
from stamkunde.shared.channel import Channel
from stamkunde.shared.clock import Clock, local_date
from stamkunde.shared.phone import country_of
from stamkunde.shared.programme import programme_at

HASH_LETTERS = 16
"""Of a keyed hash: enough to tell the members of one club apart."""


class Seen(Struct, frozen=True):
    """What somebody bought, and what lets it be looked at; nothing does for None, and then nothing was read."""

    basis: PurchaseBasis | None
    bought: Bought | None


class FactsReader(Struct, frozen=True):
    """Takes one club's members' facts from what is kept of them. Writes nothing."""

    club: Club
    members: MemberStore
    ledger: LedgerStore
    clock: Clock

    def of(self, member_id: str) -> MemberFacts | None:
        """A member's facts as they stand now; None for nobody, and for who is gone."""
        member, records = self.members.load_with_records(member_id)
        now = self.clock.now()
        if member is None or member.is_gone(now):
            return None
        known = Facts(self.club, member, tuple(records))
        account = self.ledger.load_account(member.account_id, consistent=True) if member.account_id else None
        basis = purchase_basis(known, now)
        bought = self._bought(member, account, now) if basis is not None and account is not None else None
        return facts_of(known, member, account, Seen(basis, bought), self._address(member), now)

    def _address(self, member: Member) -> str | None:
        if member.email is None or not member.email_confirmed:
            return None
        return self.members.address_hash(member.email)[:HASH_LETTERS]

    def _bought(self, member: Member, account: Account, now: datetime) -> Bought:
        """Read only of whom it may be: of everybody else no purchase is looked at on the way either (R12)."""
        today, ids = local_date(now, self.club.time_zone), ids_of(member)
        since = now - timedelta(days=LOOKS_BACK_DAYS + 1)
        entries = list(entries_of(self.ledger, account.account_id, ids, since))
        first = day_number(today) - LOOKS_BACK_DAYS + 1
        own = account.members.get(account.known_as(member.member_id))
        last_at = own.last_purchase_at if own else None
        last = day_number(local_date(last_at, self.club.time_zone)) if last_at else 0
        return bought_of(entries, first, last)


def entries_of(ledger: LedgerStore, account_id: str, ids: Collection[str], since: datetime) -> Iterable[Entry]:
    """What somebody bought and brought back since an instant, also while their bonus was in another account.

    Entries stay where they were made; whatever moved before that instant leaves nothing younger behind.
    """
    waiting, seen = [account_id], set[str]()
    while waiting:
        found = waiting.pop()
        if found in seen:
            continue
        seen.add(found)
        for entry in ledger.entries_since(found, since):
            if entry.kind is EntryKind.MOVED_IN and entry.grounds and entry.grounds.with_account:
                waiting.append(entry.grounds.with_account)
            if entry.member_id in ids:
                yield entry


def bought_of(entries: Iterable[Entry], first: int, last: int) -> Bought:
    """What these entries say that somebody bought from a day on, and kept.

    Parameters
    ----------
    last
        The day on which they bought something last, as their account says; 0 for never.
    """
    entries = list(entries)
    amounts: dict[int, int] = {}
    outlets: dict[str, int] = {}
    items: dict[str, int] = {}
    back = {entry.refund.purchase_entry_id: Counter[int]() for entry in entries if entry.refund}
    money_back: Counter[str] = Counter()
    for refund in (entry.refund for entry in entries if entry.refund):
        money_back[refund.purchase_entry_id] += refund.amount
        for place, units in refund.lines:
            back[refund.purchase_entry_id][place] += units
    for entry in entries:
        if entry.purchase is None or (day := day_number(entry.day)) < first:
            continue
        kept = _kept(entry.purchase, back.get(entry.entry_id))
        if kept is None:
            continue
        paid = entry.purchase.total - entry.purchase.discount - money_back[entry.entry_id]
        amounts[day] = amounts.get(day, 0) + paid
        if entry.outlet_id:
            outlets[entry.outlet_id] = max(day, outlets.get(entry.outlet_id, 0))
        items |= {item: max(day, items.get(item, 0)) for item in kept}
    days = tuple(sorted(amounts))
    bought = Bought(days, tuple(amounts[day] for day in days), outlets, items, earlier=last if last < first else 0)
    return with_items(bought)


def _kept(purchase: PurchaseFacts, back: Counter[int] | None) -> set[str] | None:
    """The item numbers of the lines that weren't all brought back; None if nothing is left of the purchase.

    A line that isn't counted came back whole, with no units.
    """
    if back is None:
        return {line.item_number for line in purchase.lines if line.item_number}
    gone = {
        place
        for place, line in enumerate(purchase.lines)
        if place in back and (not line.quantity or back[place] >= units_sold(line))
    }
    if len(gone) == len(purchase.lines):
        return None
    return {line.item_number for place, line in enumerate(purchase.lines) if place not in gone and line.item_number}


def facts_of(
    known: Facts, member: Member, account: Account | None, seen: Seen, email_hash: str | None, now: datetime
) -> MemberFacts:
    """A member's facts, from what was read of them."""
    club, born, refused = known.club, member.birth_date, taken_back(known.counted)
    basis = seen.basis
    holds = account if member.state is MemberState.MEMBER else None
    return MemberFacts(
        member_id=member.member_id,
        first_name=member.first_name,
        language=member.language,
        country=country_of(member.phone),
        standing=Standing(member.state.value),
        joined_on=local_date(member.joined_at, club.time_zone),
        outlet=member.own_outlet or member.joined_at_outlet,
        birthday=(born.month, born.day) if born else None,
        interests=member.answers,
        sms_until=advertised_until(known, Channel.SMS, now),
        email_until=advertised_until(known, Channel.EMAIL, now),
        stopped=tuple(channel for channel in Channel if KIND_OF_CHANNEL[channel] in refused),
        email_confirmed=member.email_confirmed,
        email_hash=email_hash,
        leaving=member.erasure is not None,
        purchases_until=basis.until if basis else None,
        purchases_weighed=basis is not None and basis.until is None,
        bought=(seen.bought or NOTHING_BOUGHT) if basis else None,
        stamps=_stamps(club, holds, now) if holds else {},
        bonus=holds.balance(now, club.time_zone).available if holds else 0,
    )


def _stamps(club: Club, account: Account, now: datetime) -> dict[str, tuple[int, int]]:
    programmes = programme_at(club.programmes, now).stamp_programmes
    cards = {each.stamp_programme_id: running_card(account, each, each) for each in programmes}
    return {name: (card.stamps, card.needed) for name, card in cards.items()}
