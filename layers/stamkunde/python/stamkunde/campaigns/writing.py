"""What one member of a list is sent, by what is true of them now: a letter, or why there is none.

Whoever was chosen was chosen a while ago. So the member, what they agreed to, their address and their bonus are read
anew right before each message: who has said stop since, was erased, moved country or changed number is known here.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from datetime import datetime, timedelta

from msgspec import Struct

from stamkunde.campaigns.addresses import Addresses, AddressState
from stamkunde.campaigns.chunk_store import Chunk
from stamkunde.campaigns.club_values import TextFacts, club_values, member_values
from stamkunde.campaigns.model.campaign import Campaign
from stamkunde.campaigns.model.criteria import uses_purchases
from stamkunde.campaigns.model.fields import MergeField
from stamkunde.campaigns.model.left_out import LeftOut
from stamkunde.campaigns.model.rendering import ClubValues, MemberValues, render_email, render_sms
from stamkunde.campaigns.model.texts import CampaignText
from stamkunde.campaigns.stop_links import StopLinks, place_in_run
from stamkunde.clubs.model import Club
from stamkunde.gateways.reference import CampaignReference
from stamkunde.ledger.model.accounts import Account
from stamkunde.ledger.model.stamping import running_card
from stamkunde.members.consents import ConsentRecord
from stamkunde.members.model import Member
from stamkunde.members.permission import KIND_OF_CHANNEL, Facts, Finding, Purpose, basis, may_write
from stamkunde.messaging.model import Domains, MessageClass, Yes
from stamkunde.messaging.prices import PART_PRICES
from stamkunde.messaging.sender import mail_sender, sender_id
from stamkunde.shared.channel import Channel
from stamkunde.shared.clock import Clock
from stamkunde.shared.errors import Refusal
from stamkunde.shared.faults import is_passing
from stamkunde.shared.phone import country_of
from stamkunde.shared.programme import programme_at
from stamkunde.shared.transaction import Busy

USED_AGAIN_AFTER = timedelta(days=28)
"""A yes is noted as used at most so often: it lapses after a year without, and each note is a write."""

UNSUBSCRIBE_PATH = "/u/"

_REASONS = {
    Finding.NOBODY: LeftOut.GONE,
    Finding.LEAVING: LeftOut.LEAVING,
    Finding.TERMS_NOT_ACCEPTED: LeftOut.TERMS_NOT_ACCEPTED,
    Finding.NO_EMAIL: LeftOut.NO_ADDRESS,
    Finding.EMAIL_UNCONFIRMED: LeftOut.NO_ADDRESS,
    Finding.SAID_STOP: LeftOut.STOPPED,
    Finding.NO_PURCHASES: LeftOut.PURCHASES_NOT_ALLOWED,
    Finding.MINOR: LeftOut.PURCHASES_NOT_ALLOWED,
    Finding.AGE_NOT_TOLD: LeftOut.PURCHASES_NOT_ALLOWED,
    Finding.PURCHASES_REFUSED: LeftOut.PURCHASES_NOT_ALLOWED,
    Finding.PURCHASES_LAPSED: LeftOut.PURCHASES_NOT_ALLOWED,
    Finding.PURCHASES_NEVER_ASKED: LeftOut.PURCHASES_NOT_ALLOWED,
}
"""Why somebody may not be written to, as campaigns tell it; any other finding is that there is no permission."""


class Letter(Struct, frozen=True):
    """A message of a campaign as it is handed over.

    Parameters
    ----------
    parts, price
        What is billed of a text message, by the list; minor units.
    most_parts
        What a gateway may bill that keeps a composed emoji whole.
    reference
        What the gateway says again when it reports; it names a place in a list, and nobody.
    unsubscribe
        Of an e-mail: where a mail program's own button posts to.
    worth_for
        How long it is worth delivering; None for as long as it takes.
    """

    channel: Channel
    recipient: str
    sender: str
    text: str
    reference: str
    subject: str = ""
    parts: int = 0
    most_parts: int = 0
    price: int = 0
    unsubscribe: str | None = None
    worth_for: timedelta | None = None


class Draft(Struct, frozen=True):
    """What one place of a list comes to before the gateway is called.

    Parameters
    ----------
    address
        What is known of where it would go; None for who has no address, or isn't there.
    left_out
        Why nothing is sent; None if `letter` is to be.
    yes
        The yes that is used by sending it; None if that was noted lately, or there is none.
    saved
        What the letter would have cost that they needn't be sent any more.
    """

    index: int
    member_id: str
    address: AddressState | None = None
    letter: Letter | None = None
    left_out: LeftOut | None = None
    yes: Yes | None = None
    saved: int = 0

    @property
    def parts(self) -> int:
        """What it takes of a gateway's rate: an e-mail is one."""
        return 0 if self.letter is None else max(1, self.letter.parts)

    @property
    def price(self) -> int:
        """What it costs by the list."""
        return 0 if self.letter is None else self.letter.price


class Sources(Struct, frozen=True):
    """Where what is true of somebody is read.

    Parameters
    ----------
    member
        Their row as it stands and what they agreed to, as last confirmed.
    account
        Theirs, where their bonus is.
    suppressed
        Which of some addresses nothing may be sent to, at an instant.
    clicked
        Which of some members have followed the link in a campaign's e-mail.
    """

    member: Callable[[str], tuple[Member | None, Sequence[ConsentRecord]]]
    account: Callable[[str], Account | None]
    suppressed: Callable[[Channel, Iterable[str], datetime], set[str]]
    clicked: Callable[[str, Sequence[str]], set[str]]


class Writing(Struct, frozen=True):
    """Writes to one club's members.

    Parameters
    ----------
    clock
        The club's.
    pool
        In which members are read side by side.
    tell
        Of a place of a list whose member can't be read; they are left out.
    """

    club: Club
    domains: Domains
    sources: Sources
    addresses: Addresses
    links: StopLinks
    clock: Clock
    pool: Executor
    tell: Callable[[Chunk, int, Exception], None]

    def drafts(self, campaign: Campaign, chunk: Chunk, number: int, places: Sequence[tuple[int, str]]) -> list[Draft]:
        """What some places of a list come to now, in their order.

        Parameters
        ----------
        number
            Of the run, in its tokens.
        places
            Index and member.
        """
        now = self.clock.now()
        one = _One(self, campaign, chunk, number, now, self._clicked(campaign, chunk, places))
        found = list(self.pool.map(one.draft, places))
        return self._addressed(found, chunk.key.channel, now)

    def _clicked(self, campaign: Campaign, chunk: Chunk, places: Sequence[tuple[int, str]]) -> set[str]:
        """Who had the e-mail, and needs no text message any more."""
        if not campaign.sms_waits or chunk.key.channel is not Channel.SMS:
            return set()
        return self.sources.clicked(campaign.campaign_id, [member_id for _, member_id in places if member_id])

    def _addressed(self, found: Sequence["_Found"], channel: Channel, now: datetime) -> list[Draft]:
        """With what is known of each address: two reads for all of them."""
        addresses = {each.address: self.addresses.hash_of(each.address) for each in found if each.address}
        states = self.addresses.load_all(addresses.values(), channel)
        suppressed = self.sources.suppressed(channel, addresses, now)
        return [self._draft(each, addresses, states, suppressed) for each in found]

    def _draft(
        self,
        found: "_Found",
        addresses: Mapping[str, str],
        states: Mapping[str, AddressState],
        suppressed: set[str],
    ) -> Draft:
        address = found.address
        if address is None:
            return Draft(found.index, found.member_id, left_out=found.left_out)
        state = states[addresses[address]]
        if found.left_out is not None or address in suppressed:
            reason, saved = found.left_out or LeftOut.SUPPRESSED, 0 if address in suppressed else found.saved
            return Draft(found.index, found.member_id, state, left_out=reason, saved=saved)
        return Draft(found.index, found.member_id, state, found.letter, yes=found.yes)


class _Found(Struct, frozen=True):
    """What one member comes to, before anything is known of their address."""

    index: int
    member_id: str
    address: str | None = None
    letter: Letter | None = None
    left_out: LeftOut | None = None
    yes: Yes | None = None

    @property
    def saved(self) -> int:
        spared = self.letter if self.left_out is LeftOut.HAD_MAIL else None
        return spared.price if spared else 0


class _One(Struct, frozen=True):
    """Writes to one member after the other, of the same campaign at the same instant."""

    writing: Writing
    campaign: Campaign
    chunk: Chunk
    number: int
    now: datetime
    clicked: set[str]

    def draft(self, place: tuple[int, str]) -> _Found:
        """What they come to; somebody who can't be read holds up nobody else."""
        try:
            return self._found(*place)
        except Exception as error:
            if is_passing(error) or isinstance(error, (Busy, Refusal)):
                raise
            self.writing.tell(self.chunk, place[0], error)
            return _Found(*place, left_out=LeftOut.UNREADABLE)

    def _found(self, index: int, member_id: str) -> _Found:
        channel = self.chunk.key.channel
        if not member_id:
            return _Found(index, member_id, left_out=LeftOut.GONE)
        member, records = self.writing.sources.member(member_id)
        if member is None or member.is_gone(self.now):
            return _Found(index, member_id, left_out=LeftOut.GONE)
        address = member.phone if channel is Channel.SMS else member.email
        facts = Facts(self.writing.club, member, tuple(records))
        reason = self._reason(facts, member, channel)
        if reason is not None or address is None:
            return _Found(index, member_id, address, left_out=reason or LeftOut.NO_ADDRESS)
        letter = self._letter(member, address, index)
        if letter is None:
            return _Found(index, member_id, address, left_out=LeftOut.TOO_LONG)
        if member_id in self.clicked:
            return _Found(index, member_id, address, letter, LeftOut.HAD_MAIL)
        return _Found(index, member_id, address, letter, yes=self._yes(facts, channel))

    def _reason(self, facts: Facts, member: Member, channel: Channel) -> LeftOut | None:
        purpose = Purpose.PURCHASES if uses_purchases(self.campaign.criteria) else Purpose.NEWS
        verdict = may_write(facts, MessageClass.MARKETING, channel, purpose, self.now)
        if not verdict.may:
            return _REASONS.get(verdict.reason, LeftOut.NO_PERMISSION)
        abroad = channel is Channel.SMS and country_of(member.phone) not in self.writing.club.join_countries
        return LeftOut.COUNTRY if abroad else None

    def _yes(self, facts: Facts, channel: Channel) -> Yes | None:
        found = basis(facts, channel, self.now)
        if found is None or found.yes is None:
            return None
        kind = KIND_OF_CHANNEL[channel]
        used = [each.last_use(kind) for each in facts.records if each.record_id == found.yes.record_id]
        lately = any(at is not None and self.now - at < USED_AGAIN_AFTER for at in used)
        return None if lately else found.yes

    def _letter(self, member: Member, address: str, index: int) -> Letter | None:
        """None for what can't be sent: it is blank with their values, or too long."""
        writing, campaign, key = self.writing, self.campaign, self.chunk.key
        text = campaign.text_for(member.language, writing.club.language)
        place = place_in_run(key.number, index)
        token = writing.links.token(self.number, place)
        club_side = club_values(writing.club, writing.domains, campaign, text.language)
        theirs = member_values(writing.club, self._text_facts(member, text), writing.links.link(self.number, place))
        reference = CampaignReference(key.club_id, key.campaign_id, key.chunk_id, index).text
        ends_at = campaign.timetable.ends_at if campaign.timetable else None
        if key.channel is Channel.EMAIL:
            return self._email(text, club_side, theirs, address, reference, token)
        rendered = render_sms(text, club_side, theirs)
        if rendered.fault is not None:
            return None
        return Letter(
            Channel.SMS,
            address,
            sender_id(writing.club.name),
            rendered.text,
            reference,
            parts=rendered.count.parts,
            most_parts=rendered.count.most_parts,
            price=rendered.count.parts * part_price(writing.club, address),
            worth_for=ends_at - self.now if ends_at else None,
        )

    def _email(
        self,
        text: CampaignText,
        club_side: ClubValues,
        theirs: MemberValues,
        address: str,
        reference: str,
        token: str,
    ) -> Letter | None:
        rendered = render_email(text, club_side, theirs)
        if rendered.fault is not None:
            return None
        club, domains = self.writing.club, self.writing.domains
        return Letter(
            Channel.EMAIL,
            address,
            mail_sender(club.name, club.slug, domains.mail),
            rendered.body,
            reference,
            subject=rendered.subject,
            unsubscribe=f"https://{domains.pages}{UNSUBSCRIBE_PATH}{token}",
        )

    def _text_facts(self, member: Member, text: CampaignText) -> TextFacts:
        """What the text tells of them; their account is read only if it tells of bonus or stamps."""
        tells = text.merges(MergeField.BONUS) or text.merges(MergeField.STAMPS)
        account = self.writing.sources.account(member.account_id) if tells and member.account_id else None
        if account is None:
            return TextFacts(member.first_name)
        club = self.writing.club
        bonus = account.balance(self.now, club.time_zone).available
        programmes = programme_at(club.programmes, self.now).stamp_programmes
        card = next((each for each in programmes if each.stamp_programme_id == text.stamp_programme_id), None)
        return TextFacts(member.first_name, bonus, running_card(account, card, card).stamps if card else 0)


def part_price(club: Club, phone: str) -> int:
    """What a part to a number costs by the list, in the club's currency; at home where nothing else is known."""
    own = PART_PRICES[club.country].part
    theirs = PART_PRICES.get(country_of(phone))
    return theirs.part.amount if theirs is not None and theirs.part.currency == own.currency else own.amount
