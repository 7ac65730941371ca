"""Asking to be deleted, and changing one's mind: a wish with a day, on which everybody forgets its member."""

from copy import replace
from typing import TYPE_CHECKING

from msgspec import Struct

from stamkunde.clubs.model import Club
from stamkunde.ledger.explanations import bonus_amount
from stamkunde.members.admission import Admission
from stamkunde.members.model import AskedBy, ErasureRequest, Member, MemberState
from stamkunde.members.service_link import LinkAct, NewLink, new_link
from stamkunde.retention.store import DueStore
from stamkunde.shared.clock import Clock, local_date
from stamkunde.shared.errors import Refusal
from stamkunde.shared.money import Money, Points
from stamkunde.shared.patience import Patience
from stamkunde.shared.transaction import Write

if TYPE_CHECKING:
    from datetime import datetime

    from stamkunde.messaging.outbox import Message


class Erasing(Struct, frozen=True):
    """One club's wishes to be deleted (features 42-45). Each act may be done again, and changes nothing then."""

    club: Club
    admission: Admission
    due: DueStore
    clock: Clock
    patience: Patience

    def ask(self, member_id: str, by: AskedBy) -> ErasureRequest:
        """Have somebody deleted in 14 days; they are told at once, with the link that undoes it.

        Raises
        ------
        Refusal
            ``unknown_member``, ``try_again``.
        """
        return self.patience.until_done(lambda: self._try_to_ask(member_id, by))

    def undo(self, member_id: str, by: AskedBy) -> None:
        """Let them stay; a member is told.

        Raises
        ------
        Refusal
            ``unknown_member``: nobody is there any more. ``members_own_wish``: the shop can't take it back.
            ``try_again``.
        """
        self.patience.until_done(lambda: self._try_to_undo(member_id, by))

    def look_in(self, member_id: str, place: str) -> ErasureRequest:
        """Note that the shop, which was asked to delete somebody, has looked in another place.

        Raises
        ------
        Refusal
            ``unknown_member``, ``invalid_field``: nobody asked the shop. ``try_again``.
        """
        return self.patience.until_done(lambda: self._try_to_note(member_id, place))

    def _try_to_note(self, member_id: str, place: str) -> ErasureRequest:
        now, member = self.clock.now(), self._member(member_id)
        after = replace(member.looked_in(place), revision=member.revision + 1)
        self.admission.commit(self.admission.members.change_writes(member, after), [], member_id, now)
        return self._wish_of(after)

    def _try_to_ask(self, member_id: str, by: AskedBy) -> ErasureRequest:
        member, now = self._member(member_id), self.clock.now()
        asked = member.asking_for_erasure(by, now)
        wish = asked.erasure
        if wish is None or asked == member:
            return self._wish_of(member)
        if member.erasure is not None:
            self._write(member, replace(asked, revision=member.revision + 1), now)
            return wish
        link = new_link(LinkAct.UNDO_ERASURE, now)
        hashes = self.admission.remembered(member, [link], now)
        after = replace(asked, link_hashes=hashes, revision=member.revision + 1)
        writes = [self.admission.members.link_write(link, member_id), self.due.due_write(member_id, wish.erase_at)]
        self._write(member, after, now, *writes, letter=self._told(member, wish, link, now))
        return wish

    def _try_to_undo(self, member_id: str, by: AskedBy) -> None:
        member, now = self._member(member_id), self.clock.now()
        if member.erasure is None:
            return
        if not member.erasure.may_be_undone_by(by):
            raise Refusal("members_own_wish")
        # Whoever says that they stay was there today; what the shop takes back says nothing of them.
        confirmed_at = now if by is AskedBy.MEMBER else member.details_confirmed_at
        after = replace(member.staying(), details_confirmed_at=confirmed_at, revision=member.revision + 1)
        letter = None
        if member.state is MemberState.MEMBER:
            letter = self.admission.messages().erasure_undone(member.phone, member.language, now)
        # What was to be done about them had been put off to the day that is no more.
        self._write(member, after, now, self.due.due_write(member_id, now), letter=letter)

    def _write(
        self, before: Member, after: Member, now: "datetime", *also: Write, letter: "Message | None" = None
    ) -> None:
        writes = [*self.admission.members.erasure_writes(before, after), *also]
        self.admission.commit(writes, [letter] if letter else [], after.member_id, now)

    def _told(self, member: Member, wish: ErasureRequest, link: NewLink, now: "datetime") -> "Message":
        return self.admission.messages().erasure_requested(
            member.phone,
            link.token,
            local_date(wish.erase_at, self.club.time_zone),
            member.language,
            now,
            bonus=self._bonus(member, now),
            news_only=member.state is MemberState.NEWSLETTER,
        )

    def _bonus(self, member: Member, now: "datetime") -> Money | Points | None:
        """What is lost unless they spend it until then.

        Who never accepted the terms can spend nothing, and what somebody shares the others keep.
        """
        if member.state is not MemberState.MEMBER:
            return None
        account = self.admission.account(member, consistent=True)
        if len(account.members) > 1:
            return None
        available = account.balance(now, self.club.time_zone).available
        return bonus_amount(available, self.club.currency, self.club.unit) if available else None

    def _wish_of(self, member: Member) -> ErasureRequest:
        if member.erasure is None:
            raise ValueError("nobody has asked")
        return member.erasure

    def _member(self, member_id: str) -> Member:
        member = self.admission.members.load(member_id, consistent=True)
        if member is None:
            raise Refusal("unknown_member")
        return member
