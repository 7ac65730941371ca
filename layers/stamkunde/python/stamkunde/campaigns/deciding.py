"""Whom a campaign writes to, by the facts that are kept of members: a few microseconds each.

What decides in the end is asked again when the message is sent, of what is true then.
"""

from collections.abc import Iterator
from datetime import date, datetime

from msgspec import Struct

from stamkunde.campaigns.audience import PAGES, Audience, why_not
from stamkunde.campaigns.club_values import club_values, member_values, sample_link, text_facts
from stamkunde.campaigns.facts_store import FactsStore
from stamkunde.campaigns.model.campaign import Campaign
from stamkunde.campaigns.model.criteria import check
from stamkunde.campaigns.model.facts import MemberFacts
from stamkunde.campaigns.model.holdout import is_held_out
from stamkunde.campaigns.model.left_out import LeftOut
from stamkunde.campaigns.model.preview import Decided, Reckoning, Share
from stamkunde.campaigns.model.pricing import AudiencePrice, PriceTally, price_of_sms
from stamkunde.campaigns.model.rendering import ClubValues, Rendered, render_email, render_sms
from stamkunde.campaigns.model.texts import CampaignText
from stamkunde.clubs.model import Club
from stamkunde.messaging.model import Domains
from stamkunde.shared.channel import Channel
from stamkunde.shared.clock import local_date

type Said = Share | LeftOut


class Scene(Struct, frozen=True):
    """A club whose campaigns are looked at before they are sent."""

    club: Club
    domains: Domains
    facts: FactsStore

    def deciding(self, campaign: Campaign, now: datetime) -> "Deciding":
        """What decides about its members, as of an instant."""
        return Deciding(self, campaign, local_date(now, self.club.time_zone))


class Deciding:
    """Decides about one member after the other; who shares an address with somebody before them is passed over.

    Many members read the very same text: what it comes to is kept, so that a name is written out once.
    """

    def __init__(self, scene: Scene, campaign: Campaign, today: date) -> None:
        self._prices = PriceTally(scene.club.country)
        self._club = scene.club
        self._domains = scene.domains
        self._campaign = campaign
        self._today = today
        self._audience = Audience(scene.club, scene.facts, campaign.criteria, today)
        self._link = sample_link(scene.domains)
        self._club_values: dict[str, ClubValues] = {}
        self._written: dict[tuple[str, str | None, int, int], Rendered] = {}
        self._mailable: dict[tuple[str, str | None, int, int], bool] = {}
        self._addresses: set[str] = set()

    @property
    def is_known(self) -> bool:
        """Whether anything is known of the club's members: before that, that nobody is chosen means nothing."""
        return self._audience.is_known

    def everybody(self) -> Iterator[Decided]:
        """What is decided about all whom the campaign looks for."""
        for page in range(PAGES):
            yield from self.of_page(page)

    def of_page(self, page: int) -> Iterator[Decided]:
        """What is decided about one of `PAGES` parts of the club."""
        sifted = self._audience.sift(page)
        for facts in sifted.chosen:
            yield self.decide(facts)
        for member_id, reason in sifted.left_out:
            yield Decided(member_id, dict.fromkeys(self._campaign.channels, reason))

    def of_one(self, facts: MemberFacts) -> Decided | None:
        """What is decided about one member; None if the campaign doesn't look for them."""
        said = check(self._campaign.criteria, self._today)(facts)
        if said:
            return self.decide(facts)
        unsaid = dict.fromkeys(self._campaign.channels, LeftOut.PURCHASES_NOT_ALLOWED)
        return Decided(facts.member_id, unsaid) if said is None else None

    def decide(self, facts: MemberFacts) -> Decided:
        """What one member gets by each channel, or why nothing."""
        campaign, text = self._campaign, self._campaign.text_for(facts.language, self._club.language)
        said: dict[Channel, Said] = {}
        if Channel.EMAIL in campaign.channels:
            said[Channel.EMAIL] = self._email(facts, text)
        if Channel.SMS in campaign.channels:
            later = campaign.sms_waits and isinstance(said.get(Channel.EMAIL), Share)
            said[Channel.SMS] = self._sms(facts, text, later=later)
        if self._is_held_out(facts.member_id, said):
            said = {channel: LeftOut.HOLDOUT if isinstance(each, Share) else each for channel, each in said.items()}
        elif isinstance(said.get(Channel.EMAIL), Share) and facts.email_hash is not None:
            self._addresses.add(facts.email_hash)
        if isinstance(said.get(Channel.SMS), Share):
            self._prices.add(self._written_to(facts, text), facts.country)
        return Decided(facts.member_id, said)

    def prices(self) -> AudiencePrice:
        """What the text messages come to of whoever was decided about, by list prices."""
        return self._prices.total()

    def _is_held_out(self, member_id: str, said: dict[Channel, Said]) -> bool:
        campaign, key = self._campaign, self._club.address_key
        drawn = is_held_out(key, campaign.campaign_id, member_id, campaign.holdout_bp)
        return drawn and any(isinstance(each, Share) for each in said.values())

    def _email(self, facts: MemberFacts, text: CampaignText) -> Said:
        reason = why_not(facts, Channel.EMAIL, self._today, self._club.join_countries)
        if reason is not None:
            return reason
        if facts.email_hash in self._addresses:
            return LeftOut.SAME_ADDRESS
        return Share() if self._is_mailable(facts, text) else LeftOut.TOO_LONG

    def _sms(self, facts: MemberFacts, text: CampaignText, *, later: bool) -> Said:
        reason = why_not(facts, Channel.SMS, self._today, self._club.join_countries)
        if reason is not None:
            return reason
        rendered = self._written_to(facts, text)
        if rendered.fault is not None:
            return LeftOut.TOO_LONG
        parts = rendered.count.parts
        price = price_of_sms(parts, facts.country, self._club.country)
        return Share(parts, price.money.amount, price.is_known, later)

    def _written_to(self, facts: MemberFacts, text: CampaignText) -> Rendered:
        told = text_facts(facts.first_name, facts.bonus, facts.stamps, text)
        key = (text.language, told.first_name, told.bonus, told.stamps)
        found = self._written.get(key)
        if found is None:
            values = member_values(self._club, told, self._link)
            found = self._written[key] = render_sms(text, self._values(text.language), values)
        return found

    def _is_mailable(self, facts: MemberFacts, text: CampaignText) -> bool:
        told = text_facts(facts.first_name, facts.bonus, facts.stamps, text)
        key = (text.language, told.first_name, told.bonus, told.stamps)
        found = self._mailable.get(key)
        if found is None:
            written = render_email(text, self._values(text.language), member_values(self._club, told, self._link))
            found = self._mailable[key] = written.fault is None
        return found

    def _values(self, language: str) -> ClubValues:
        if language not in self._club_values:
            self._club_values[language] = club_values(self._club, self._domains, self._campaign, language)
        return self._club_values[language]


def reckon(deciding: Deciding) -> Reckoning:
    """What a campaign comes to, everybody counted."""
    reckoning = Reckoning()
    for decided in deciding.everybody():
        reckoning.add(decided)
    return reckoning
