"""What the links in service messages do, once somebody presses the button behind them."""

from copy import replace
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from stamkunde.clubs.model import Club
from stamkunde.members.admission import Admission, Change, accepted_on_page
from stamkunde.members.consents import (
    Caller,
    ConsentMethod,
    ConsentRecord,
    Evidence,
    new_record_id,
)
from stamkunde.members.erasing import Erasing
from stamkunde.members.model import AskedBy, Member, MemberState
from stamkunde.members.removal import Removal
from stamkunde.members.service_link import FoundLink, LinkAct
from stamkunde.members.stopping import Said, Stopping
from stamkunde.members.wordings import Shown
from stamkunde.shared.channel import Channel
from stamkunde.shared.clock import Clock
from stamkunde.shared.errors import Refusal
from stamkunde.shared.patience import Patience


class LinkState(StrEnum):
    """What a link's page is to say; it tells nothing of the person, since links are forwarded."""

    WAITING = "waiting"
    DONE = "done"
    DELETED = "deleted"
    OVER = "over"


class LinkSeen(Struct, frozen=True):
    """What a link's page shows.

    Parameters
    ----------
    language
        The one its member chose: the message came in it. None once there is no member.
    """

    state: LinkState
    language: str | None = None


class LinkActs(Struct, frozen=True):
    """One club's service links. Each act may be done again and changes nothing then."""

    club: Club
    admission: Admission
    removal: Removal
    clock: Clock
    patience: Patience

    def look(self, link: FoundLink) -> LinkSeen:
        """Whether what the link is for is still to be done, and in which language to say so."""
        is_over = link.is_over(self.clock.now())
        if link.member_id is None:
            return LinkSeen(LinkState.OVER if is_over else LinkState.DELETED)
        member = self.admission.members.load(link.member_id, consistent=True)
        if member is None:
            return LinkSeen(LinkState.OVER)
        return LinkSeen(LinkState.OVER if is_over else self._state(link, member), member.language)

    def _state(self, link: FoundLink, member: Member) -> LinkState:
        if link.act is LinkAct.CONFIRM_EMAIL:
            return self._state_of_address(link, member)
        if link.act is LinkAct.UNDO_ERASURE:
            return LinkState.WAITING if member.erasure else LinkState.DONE
        if link.act is LinkAct.STOP_ADVERTISING:
            return LinkState.DONE if self._stopping.has_stopped(member, Channel.SMS) else LinkState.WAITING
        if link.act is LinkAct.STAY:
            return self._state_of_staying(link, member)
        return LinkState.WAITING if member.state is MemberState.OPEN else LinkState.DONE

    def accept(self, link: FoundLink, shown: Shown, caller: Caller) -> None:
        """Accept the terms that the page showed; what was pending can be spent from now on.

        Raises
        ------
        Refusal
            ``link_over``, ``terms_changed``, ``wording_changed``, ``try_again``.
        """
        self.patience.until_done(lambda: self._try_to_accept(link, shown, caller))

    def delete(self, link: FoundLink) -> None:
        """Let nobody be known any more by a number that was mistyped at a till; its data goes within the hour.

        Raises
        ------
        Refusal
            ``link_over``, ``already_member``: the terms were accepted meanwhile. ``try_again``.
        """
        if link.member_id is None:
            return
        self.patience.until_done(lambda: self._try_to_delete(link))

    def confirm_email(self, link: FoundLink, language: str, caller: Caller) -> None:
        """Let the e-mail address count, that the link was sent to, with evidence of who pressed the button.

        Raises
        ------
        Refusal
            ``link_over``, also when another address was given since. ``try_again``.
        """
        self.patience.until_done(lambda: self._try_to_confirm(link, language, caller))

    def undo_erasure(self, link: FoundLink) -> None:
        """Let somebody stay who was to be deleted; whoever got the message may do that, as with any other act.

        Raises
        ------
        Refusal
            ``link_over``, ``try_again``.
        """
        member = self._member(link, LinkAct.UNDO_ERASURE, self.clock.now())
        wishes = Erasing(self.club, self.admission, self.removal.due, self.clock, self.patience)
        wishes.undo(member.member_id, AskedBy.MEMBER)

    def stay(self, link: FoundLink) -> None:
        """Keep somebody who stayed away: they were there today.

        Raises
        ------
        Refusal
            ``link_over``, also when they are to be deleted because they asked for it. ``try_again``.
        """
        self.patience.until_done(lambda: self._try_to_stay(link))

    def stop_advertising(self, link: FoundLink, language: str, caller: Caller) -> None:
        """Take back what they allowed by text message, whether they had allowed anything or not.

        Raises
        ------
        Refusal
            ``link_over``, ``try_again``.
        """
        member = self._member(link, LinkAct.STOP_ADVERTISING, self.clock.now())
        self._stopping.stop(member.member_id, Channel.SMS, Said(ConsentMethod.STOP_LINK, language, caller))

    def _try_to_accept(self, link: FoundLink, shown: Shown, caller: Caller) -> None:
        now = self.clock.now()
        member = self._member(link, LinkAct.ACCEPT_TERMS, now)
        if member.state is MemberState.OPEN:
            said_at = self.admission.word_at(member.member_id, now)
            change = accepted_on_page(self.club, member, ConsentMethod.ACCEPT_LINK, shown, caller, said_at)
            self.admission.write(change, now)

    def _try_to_delete(self, link: FoundLink) -> None:
        now = self.clock.now()
        try:
            member = self._member(link, LinkAct.ACCEPT_TERMS, now)
        except Refusal:
            # The other of two taps may have come first: what was asked for is done.
            if self._is_deleted(link):
                return
            raise
        if member.state is not MemberState.OPEN:
            raise Refusal("already_member")
        self.removal.try_to_remove(member, now, link)

    def _try_to_confirm(self, link: FoundLink, language: str, caller: Caller) -> None:
        now = self.clock.now()
        member = self._member(link, LinkAct.CONFIRM_EMAIL, now)
        match self._state_of_address(link, member), member.unproved_email:
            case LinkState.OVER, _:
                raise Refusal("link_over")
            case LinkState.WAITING, str(address):
                record = self._confirmation(member, address, language, caller, now)
                self.admission.write(Change(member, member.confirmed_email(address, now), record), now)

    def _try_to_stay(self, link: FoundLink) -> None:
        now = self.clock.now()
        member = self._member(link, LinkAct.STAY, now)
        match self._state_of_staying(link, member):
            case LinkState.OVER:
                raise Refusal("link_over")
            case LinkState.WAITING:
                self.admission.write(Change(member, replace(member, details_confirmed_at=now)), now)

    @property
    def _stopping(self) -> Stopping:
        return Stopping(self.club, self.admission, self.clock, self.patience)

    def _confirmation(
        self, member: Member, address: str, language: str, caller: Caller, now: datetime
    ) -> ConsentRecord:
        said_at = self.admission.word_at(member.member_id, now)
        return ConsentRecord(
            new_record_id(said_at),
            Evidence.on_page(ConsentMethod.CONFIRM_LINK, said_at, language, caller),
            address_hash=self.admission.members.address_hash(address),
        )

    def _member(self, link: FoundLink, act: LinkAct, now: datetime) -> Member:
        usable = link.act is act and not link.is_over(now)
        member = self.admission.members.load(link.member_id, consistent=True) if link.member_id and usable else None
        if member is None:
            raise Refusal("link_over")
        return member

    def _state_of_staying(self, link: FoundLink, member: Member) -> LinkState:
        """Who asked to be deleted has another link to change their mind by."""
        if member.erasure is not None:
            return LinkState.OVER
        confirmed_at = member.details_confirmed_at
        return LinkState.DONE if confirmed_at and confirmed_at >= link.made_at else LinkState.WAITING

    def _state_of_address(self, link: FoundLink, member: Member) -> LinkState:
        """An address that another was given instead of is asked no more; a new one waits beside a confirmed one."""
        is_about = self.admission.members.is_about
        if is_about(link, member.unproved_email):
            return LinkState.WAITING
        return LinkState.DONE if is_about(link, member.email) else LinkState.OVER

    def _is_deleted(self, link: FoundLink) -> bool:
        found = self.admission.members.load_link(link.token_hash)
        return found is not None and found.member_id is None
