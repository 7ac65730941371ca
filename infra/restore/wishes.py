"""Wishes to be deleted that were said, or taken back, since a copy was made: there they are as they stand now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Mapping
from copy import replace
from dataclasses import dataclass

from infra.restore.place import Place
from stamkunde.gateways.tombstones import digest_of
from stamkunde.members.access_store import link_row
from stamkunde.members.admission import Admission
from stamkunde.members.model import ErasureRequest, Member
from stamkunde.members.own_data import ids_of
from stamkunde.members.service_link import LinkAct
from stamkunde.members.store import MemberStore
from stamkunde.retention.store import DueStore
from stamkunde.shared.clock import Clock
from stamkunde.shared.transaction import Put, Write


@dataclass(frozen=True)
class Wishes:
    """One club's wishes: those that stand in its tables, and those that a copy knows of.

    Nobody is written to by it: each was told when they asked, or thought again.

    Parameters
    ----------
    standing
        The members of the tables that the copy is one of.
    copied
        What writes members in the copy.
    table
        The copy's table of them.
    """

    standing: MemberStore
    copied: Admission
    table: str
    due: DueStore
    clock: Clock

    def ask_again(self, member_id: str, gone: Container[str]) -> int:
        """Have somebody deleted who asked for it, on the day that they were told; how often it was to be written.

        Whoever was merged into them since asked by the same wish.
        """
        member = self.standing.load_even_gone(member_id, consistent=True)
        if member is None or member.erasure is None:
            return 0
        theirs = sorted(each for each in ids_of(member) if digest_of(each) not in gone)
        return sum(self._ask(each, member, member.erasure) for each in theirs)

    def withdraw(self, member_id: str) -> bool:
        """Let somebody stay who has thought again, if they have; their row must still be there to say so."""
        members, now = self.copied.members, self.clock.now()
        member = self.standing.load_even_gone(member_id, consistent=True)
        copied = members.load_even_gone(member_id, consistent=True)
        if member is None or member.erasure is not None or copied is None or copied.erasure is None:
            return False
        after = replace(
            copied.staying(), details_confirmed_at=member.details_confirmed_at, revision=copied.revision + 1
        )
        self._write(copied, after, self.due.due_write(member_id, now))
        return True

    def _ask(self, member_id: str, asked: Member, wish: ErasureRequest) -> bool:
        copied = self.copied.members.load_even_gone(member_id, consistent=True)
        # What was being done about it is done anew: in the copy there is no case of it.
        wish = replace(wish, case_id=None)
        if copied is None or (copied.erasure and replace(copied.erasure, case_id=None) == wish):
            return False
        links = self._undoing(asked, copied) if member_id == asked.member_id else []
        hashes = (*copied.link_hashes, *(link.item["pk"].partition("#")[2] for link in links))
        after = replace(copied, erasure=wish, link_hashes=hashes, revision=copied.revision + 1)
        self._write(copied, after, self.due.due_write(member_id, max(wish.erase_at, self.clock.now())), *links)
        return True

    def _undoing(self, asked: Member, copied: Member) -> list[Put]:
        """The links by which they can think again, which were sent to them since."""
        sent = [self.standing.load_link(each) for each in asked.link_hashes if each not in copied.link_hashes]
        return [
            Put(f"link_{number}", self.table, link_row(link))
            for number, link in enumerate(sent)
            if link and link.act is LinkAct.UNDO_ERASURE
        ]

    def _write(self, before: Member, after: Member, *also: Write) -> None:
        writes = [*self.copied.members.erasure_writes(before, after), *also]
        self.copied.commit(writes, [], after.member_id, self.clock.now())


def asked_for(place: Place) -> Mapping[str, set[str]]:
    """By club, the ids of all whose rows in a place say that they are to be deleted."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for row in place.rows("members", "sk = :member AND attribute_exists(erasure)", member="MEMBER"):
        _, club_id, member_id = row["pk"].split("#")
        found[club_id].add(member_id)
    return found
