"""Whoever has a number that was mistyped says that it isn't theirs: from then on nobody is known by it.

What finds them and what opens their page goes in one transaction, and so does who they are to every reader; the rest
goes within the hour, as with everybody who is erased.
"""

from datetime import datetime

from msgspec import Struct

from stamkunde.members.access_store import AccessStore
from stamkunde.members.model import Member
from stamkunde.members.service_link import FoundLink
from stamkunde.members.store import MemberStore
from stamkunde.retention.store import DueStore
from stamkunde.shared.transaction import Busy, ConditionFailed, Write


class Removal(Struct, frozen=True):
    """Takes numbers away from one club that were mistyped."""

    members: MemberStore
    access: AccessStore
    due: DueStore

    def try_to_remove(self, member: Member, now: datetime, by: FoundLink) -> None:
        """Let a member be nobody's, as they were just read.

        Parameters
        ----------
        by
            The link whose button was pressed: it stays to its end, to say that it is done.

        Raises
        ------
        Busy
            They changed meanwhile: look again.
        """
        after = member.disowned(now, by.token_hash)
        writes: list[Write] = [
            *self.members.disowning_writes(member, after, by),
            *([self.access.card_removal(member.card_number)] if member.card_number else []),
            self.due.due_write(member.member_id, now),
        ]
        try:
            self.access.commit(writes)
        except ConditionFailed as failed:
            raise Busy from failed
