"""The drill: is whoever was deleted also deleted from a copy that is brought back? Shown with somebody made for it.

A club is made, somebody joins it and buys, and all tables are backed up. Then they are deleted, the backups are
brought back beside the tables, and they must be found there: else nothing would be shown. Who was deleted since is
deleted in the copies as after a real restore, and nobody may be found then, nor the sums of the ledger differ.

Of club and copies nothing stays, however it ends; what a drill left that was killed, the next takes away first.
"""

from __future__ import annotations

import re
import secrets
import string
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

from infra.closing import settle
from infra.restore.copies import Copies, clear_away
from infra.restore.place import Place, clock_of
from infra.restore.replay import Erase, Replayed, admitted, erase, replay, take_out_messages
from infra.restore.search import count, rows_of, somewhere
from infra.restore.sweep import Sweep
from stamkunde.clubs.model import Club
from stamkunde.clubs.service import NewClub, Operators
from stamkunde.clubs.store import ClubRegistry, ClubStore
from stamkunde.ledger.known_coupons import ClubCoupons
from stamkunde.ledger.model.receipts import Basket, Line, Receipt, TillPoint
from stamkunde.ledger.rows import ACCOUNT_PREFIX, ENTRY_PREFIX, account_from_rows, entry_from_row
from stamkunde.ledger.service import Ledger
from stamkunde.members.consents import ConsentMethod
from stamkunde.members.model import Acceptance, Member, phone_pointer
from stamkunde.members.service import Membership
from stamkunde.shared.clock import SystemClock
from stamkunde.shared.ids import new_id
from stamkunde.shared.patience import Patience

CLUB_NAME = "Restore drill"
_CLUBS_SLUG = re.compile(r"restore-drill-[0-9a-z]{10}")
LETTERS_OF_A_NAME = 12
SPENT = 10_000
MARKS = '"MARKED#'
POINT = TillPoint("drill", "drill", "never", None)


@dataclass(frozen=True)
class Sums:
    """What a club's ledger comes to.

    Parameters
    ----------
    moved
        What entries of each kind have moved.
    held
        What accounts hold.
    """

    moved: dict[str, int]
    held: int

    @property
    def add_up(self) -> bool:
        """Whether accounts hold what the entries have moved, and anything was."""
        return bool(self.moved) and sum(self.moved.values()) == self.held


@dataclass(frozen=True)
class Drilled:
    """What a drill has shown: where the person was found, by which word, and how often.

    Parameters
    ----------
    before
        In the tables, before they were deleted.
    deleted
        In the tables, afterwards.
    copied
        In the copies, as they were brought back.
    replayed
        In the copies, once everybody was deleted who was since.
    """

    before: dict[str, dict[str, int]]
    deleted: dict[str, dict[str, int]]
    copied: dict[str, dict[str, int]]
    replayed: dict[str, dict[str, int]]
    sums: Sums
    copied_sums: Sums
    done: Replayed

    @property
    def passed(self) -> bool:
        """Whether it is as it must be."""
        found_first = bool(self.before) and bool(self.copied)
        return found_first and not self.deleted and not self.replayed and self.sums_agree

    @property
    def sums_agree(self) -> bool:
        """Whether tables and copies hold the same, and each adds up."""
        return self.sums == self.copied_sums and self.sums.add_up


def drill(place: Place, phone: str, erase: Erase = erase, wait: Callable[[], None] = settle) -> Drilled:
    """Go through all of it, and leave nothing behind.

    Parameters
    ----------
    phone
        A number of whoever drills: should they die in the wrong moment, its welcome goes there.
    """
    take_leftovers(place, wait)
    try:
        return _drill(place, phone, erase)
    finally:
        take_leftovers(place, wait)


def take_leftovers(place: Place, wait: Callable[[], None]) -> None:
    """Take away copies and clubs of drills. Tombstones stay, for they tell of nobody."""
    clear_away(place.tables)
    sweep = Sweep(place.tables, place.table_names)
    for club_id in _clubs_of_drills(place):
        while sweep.empty(club_id):
            wait()


def _drill(place: Place, phone: str, erase: Erase) -> Drilled:
    club = _open_club(place)
    member = _somebody(place, club, phone)
    words = _words_for(club, member)
    before = _found(place, club, words)
    copies = Copies(place.tables, new_id("", 10))
    backups = copies.take(place.table_names)
    erase(place, club, member.member_id)
    deleted, sums = _found(place, club, words), _sums(place, club)
    copy = place.with_tables(copies.bring_back(backups))
    copied = _found(copy, club, words)
    done = replay(copy, place, erase)
    return Drilled(before, deleted, copied, _found(copy, club, words), sums, _sums(copy, club), done)


def _open_club(place: Place) -> Club:
    operators = Operators(
        place.tables,
        place.settings.clubs_table,
        SystemClock(),
        random_bytes=secrets.token_bytes,
        clocks_movable=False,
    )
    slug = f"restore-drill-{new_id('', 10)}"
    return operators.create_club(NewClub(slug, CLUB_NAME, "DK", "nobody@example.com"))


def _somebody(place: Place, club: Club, phone: str) -> Member:
    """Somebody who has joined and bought, with everything that was written about it but the message."""
    clock, patience, admitting = clock_of(club), Patience(), admitted(place, club)
    accepted = Acceptance(1, ConsentMethod.SIGNED_FORM, clock.now())
    name = "".join(secrets.choice(string.ascii_lowercase) for _ in range(LETTERS_OF_A_NAME)).title()
    try:
        joined = Membership(club, admitting, clock, patience).join(
            phone, name, accepted, POINT.outlet_id, POINT.till_id
        )
    finally:
        take_out_messages(place, club.club_id)
    ledger = Ledger(
        admitting.ledger,
        club.programmes,
        club.time_zone,
        clock,
        patience,
        admitting.members.find_account,
        ClubCoupons(admitting.ledger.coupons, clock),
        promised_months=club.promised_months(),
    )
    member = joined.at_till.member
    ledger.book(Receipt("1", clock.now(), member.member_id, Basket((Line("drill", 1, SPENT),), 0)), POINT)
    return member


def _words_for(club: Club, member: Member) -> dict[str, str]:
    hashed = phone_pointer(club.address_key, member.phone)
    words = {
        "phone": member.phone,
        "hash of the phone": hashed,
        "name": member.first_name,
        "card": member.card_number,
        "id": member.member_id,
    }
    return {name: word for name, word in words.items() if word}


def _found(place: Place, club: Club, words: dict[str, str]) -> dict[str, dict[str, int]]:
    every = chain.from_iterable(rows_of(place.tables, name) for name in place.table_names.values())
    # Whom the next minute looks at, for segments: it says that somebody was there, or has gone just now.
    texts = ((where, text) for where, text in every if MARKS not in text)
    number = words["phone"]
    # The number is a real one, of whoever may be a member of other clubs; all other words are this drill's alone.
    ours = ((where, text if club.club_id in text else text.replace(number, "")) for where, text in texts)
    return somewhere(count(words, ours))


def _sums(place: Place, club: Club) -> Sums:
    """From the rows themselves, wherever deleting somebody has moved them."""
    moved: Counter[str] = Counter()
    held = 0
    for row in _ledger_rows(place, club):
        if row["sk"].startswith(ENTRY_PREFIX):
            entry = entry_from_row(row)
            moved[entry.kind.value] += entry.amount
        elif row["sk"] == ACCOUNT_PREFIX:
            account = account_from_rows("", row, ())
            held += sum(account.lots.values()) - account.deficit
    return Sums(dict(moved), held)


def _ledger_rows(place: Place, club: Club) -> Iterator[dict[str, Any]]:
    return place.rows("ledger", "contains(pk, :club)", club=club.club_id)


def _clubs_of_drills(place: Place) -> list[str]:
    client, table = place.tables, place.settings.clubs_table
    clubs = (ClubStore(client, table, each).load(texts=False) for each in ClubRegistry(client, table).club_ids())
    return [club.club_id for club in clubs if club and club.name == CLUB_NAME and _CLUBS_SLUG.fullmatch(club.slug)]
