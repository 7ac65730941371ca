"""Keeping members' facts: made anew for whoever was touched, for everybody at night, and gone with whoever is gone.

Nothing is ever added to a fact. A block is read before the members whose facts are put into it, and put only if
nobody wrote it meanwhile: so what lies in it is never older than what another run, or an erasure, had seen. Who is
put into a block in which they weren't is looked at once more: before that, an erasure finds nothing to take out.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import date, timedelta
from itertools import batched

from msgspec import Struct

from stamkunde.campaigns.facts_store import (
    BLOCKS_A_SHARD,
    FACT_SHARDS,
    Block,
    FactsStore,
    Mark,
    MarkKind,
    MarkStore,
    Rebuilt,
    block_of,
)
from stamkunde.campaigns.model.facts import MemberFacts
from stamkunde.campaigns.taking_facts import FactsReader
from stamkunde.clubs.model import Club
from stamkunde.clubs.rounds import BrokenClub, Done, IsOver, Rounds
from stamkunde.ledger.account_members import AccountMembers
from stamkunde.members.store import NEWSLETTER_SHARDS
from stamkunde.shared.clock import local_date
from stamkunde.shared.patience import Patience
from stamkunde.shared.transaction import Busy

NIGHT_BEGINS = timedelta(hours=3)
"""After midnight in the club's zone: after the hour in which the ledger is proved."""


MARKS_AT_ONCE = 100
"""After so many it is looked whether there is time left."""


class Renewed(Struct, frozen=True):
    """What making facts anew came to.

    Parameters
    ----------
    members
        How many were looked at.
    changed
        How many blocks had to be written.
    """

    members: int = 0
    changed: int = 0

    def __add__(self, other: "Renewed") -> "Renewed":
        """What both came to."""
        return Renewed(self.members + other.members, self.changed + other.changed)


class Rebuilding(Struct, frozen=True):
    """How far all of a club's facts were made anew; `following` is `FACT_SHARDS` once they are."""

    renewed: Renewed
    following: int

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do."""
        return self.following == FACT_SHARDS


class FactsKeeper(Struct, frozen=True):
    """Keeps one club's facts."""

    store: FactsStore
    reader: FactsReader
    accounts: AccountMembers
    patience: Patience

    def renew(self, member_ids: Iterable[str]) -> Renewed:
        """Make some members' facts anew; of who is gone they go.

        Raises
        ------
        Refusal
            ``try_again``: others keep writing the same block.
        """
        renewed = Renewed()
        for number, ids in sorted(by_block(member_ids).items()):
            renewed += self._renew_block(number, ids)
        return renewed

    def renew_marked(self, marks: Iterable[Mark]) -> Renewed:
        """Make the facts of whoever was touched anew, and of all who live from an account that was."""
        touched = [mark.touched for mark in marks]
        members = {each.subject for each in touched if each.kind is MarkKind.MEMBER}
        accounts = (each.subject for each in touched if each.kind is MarkKind.ACCOUNT)
        return self.renew(members.union(*(self._members_of(account_id) for account_id in accounts)))

    def rebuild(self, following: int, is_over: IsOver) -> Rebuilding:
        """Make everybody's facts anew, from a shard on, until the time is over.

        Who has facts and is in no list any more is looked for too, and goes.

        Raises
        ------
        Refusal
            ``try_again``: others keep writing the same block.
        """
        everybody, renewed = by_block(self.everybody()), Renewed()
        for shard in range(following, FACT_SHARDS):
            if is_over():
                return Rebuilding(renewed, shard)
            there = self.store.blocks(shard)
            numbers = {number for number in everybody if number // BLOCKS_A_SHARD == shard}
            for number in sorted(numbers.union(there)):
                ids = everybody.get(number, set())
                renewed += self._renew_block(number, ids, there.get(number, Block(number, 0, {})), whole=True)
        return Rebuilding(renewed, FACT_SHARDS)

    def rebuild_nightly(self, is_over: IsOver) -> Rebuilding:
        """Make everybody's facts anew once a night, or go on with it; nothing if that has been done."""
        night = self.night()
        noted = self.store.rebuilt() or Rebuilt(date.min, FACT_SHARDS)
        if noted.night >= night and noted.following == FACT_SHARDS:
            return Rebuilding(Renewed(), FACT_SHARDS)
        done = self.rebuild(noted.following if noted.night == night else 0, is_over)
        # If another run has noted how far it came, the next one goes on from there: nothing is done twice in vain.
        self.store.note_rebuilt(Rebuilt(night, done.following, noted.revision, noted.whole or done.finished))
        return done

    def note_whole(self) -> None:
        """That all have just been made anew by somebody who asked for it."""
        noted = self.store.rebuilt() or Rebuilt(date.min, FACT_SHARDS)
        self.store.note_rebuilt(Rebuilt(self.night(), FACT_SHARDS, noted.revision, whole=True))

    def night(self) -> date:
        """The club's day whose night has begun."""
        club, clock = self.reader.club, self.reader.clock
        return local_date(clock.now() - NIGHT_BEGINS, club.time_zone)

    def everybody(self) -> Iterator[str]:
        """All members of the club: by their accounts, and by the list of who only takes the news."""
        yield from self.accounts.member_ids()
        for shard in range(NEWSLETTER_SHARDS):
            yield from self.reader.members.newsletter_ids(shard)

    def _members_of(self, account_id: str) -> Collection[str]:
        account = self.reader.ledger.load_account(account_id, consistent=True)
        return account.members if account is not None else ()

    def _renew_block(
        self, number: int, ids: Collection[str], read: Block | None = None, *, whole: bool = False
    ) -> Renewed:
        """A block that was read just now is taken as it is, once: if it was written since, it is read anew."""
        known = [read] if read else []

        def attempt() -> Renewed:
            return self._try_to_renew(known.pop() if known else self.store.load(number), ids, whole=whole)

        return self.patience.until_done(attempt)

    def _try_to_renew(self, block: Block, ids: Collection[str], *, whole: bool) -> Renewed:
        looked_at = {*ids, *block.members} if whole else {*ids}
        members = self._renewed(block, looked_at)
        if members == block.members:
            return Renewed(len(looked_at))
        newcomers = members.keys() - block.members.keys()
        if not self.store.put(block, members) or any(map(self._is_gone, newcomers)):
            raise Busy
        return Renewed(len(looked_at), changed=1)

    def _is_gone(self, member_id: str) -> bool:
        return self.reader.members.load(member_id, consistent=True) is None

    def _renewed(self, block: Block, ids: Iterable[str]) -> Mapping[str, MemberFacts]:
        members = dict(block.members)
        for member_id in ids:
            facts = self.reader.of(member_id)
            if facts is None:
                members.pop(member_id, None)
            else:
                members[member_id] = facts
        return members


def by_block(member_ids: Iterable[str]) -> dict[int, set[str]]:
    """Members by the block that their facts are in."""
    found: defaultdict[int, set[str]] = defaultdict(set)
    for member_id in member_ids:
        found[block_of(member_id)].add(member_id)
    return found


def renew_all(
    store: MarkStore,
    find_club: Callable[[str], Club | None],
    keeper: Callable[[Club], FactsKeeper],
    seconds: float,
    monotonic: Callable[[], float] = time.monotonic,
) -> Iterator[Done[Renewed] | BrokenClub]:
    """Make the facts anew of all who are marked, club by club; what breaks in one stands in the way of no other.

    A mark goes once it is done, unless it was made anew meanwhile. Of a club that is no more they just go.
    """
    waiting: defaultdict[str, list[Mark]] = defaultdict(list)
    for mark in store.marks():
        waiting[mark.touched.club_id].append(mark)

    def renew(club: Club, is_over: IsOver) -> Renewed:
        keeps, renewed = keeper(club), Renewed()
        # Those of one block together: it is read and written once.
        marks = sorted(waiting[club.club_id], key=lambda mark: block_of(mark.touched.subject))
        for some in batched(marks, MARKS_AT_ONCE, strict=False):
            if is_over():
                break
            renewed += keeps.renew_marked(some)
            _clear(store, some)
        return renewed

    def find(club_id: str) -> Club | None:
        club = find_club(club_id)
        if club is None:
            _clear(store, waiting[club_id])
        return club

    return Rounds(lambda: waiting, find, seconds, monotonic).share(renew, lambda _: True)


def _clear(store: MarkStore, marks: Iterable[Mark]) -> None:
    for mark in marks:
        store.clear(mark)
