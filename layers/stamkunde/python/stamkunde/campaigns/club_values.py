"""What a campaign's texts merge, of the club and of each member: the same for preview, test and sending."""

from msgspec import Struct

from stamkunde.campaigns.model.campaign import Campaign
from stamkunde.campaigns.model.rendering import ClubValues, MemberValues
from stamkunde.campaigns.model.stop_token import SAMPLE_TOKEN, link_of
from stamkunde.campaigns.model.texts import CampaignText
from stamkunde.clubs.model import Club
from stamkunde.messaging.model import Domains
from stamkunde.shared.money import Money, Points
from stamkunde.shared.programme import Unit


class TextFacts(Struct, frozen=True):
    """What a text may tell of a member.

    Parameters
    ----------
    bonus
        What they can spend, in the club's units.
    stamps
        On the running card, in the programme that the text names.
    """

    first_name: str | None
    bonus: int = 0
    stamps: int = 0


def club_values(club: Club, domains: Domains, campaign: Campaign, language: str) -> ClubValues:
    """What is the same for all members who read a language."""
    return ClubValues(
        club.name,
        campaign.opening_hours.get(language, ""),
        f"{domains.pages}/{club.slug}/terms",
        f"{domains.pages}/{club.slug}/join",
    )


def member_values(club: Club, facts: TextFacts, link: str) -> MemberValues:
    """What is a member's own; one link serves the offer and the stop."""
    units = max(facts.bonus, 0)
    bonus = Points(units) if club.unit is Unit.POINTS else Money(units, club.currency)
    return MemberValues(facts.first_name or "", bonus, facts.stamps, link, link)


def sample_link(domains: Domains) -> str:
    """A link as long as everybody's, to count a text before anybody is written to."""
    return link_of(domains.short, SAMPLE_TOKEN)


def text_facts(
    first_name: str | None, bonus: int, stamps: dict[str, tuple[int, int]], text: CampaignText
) -> TextFacts:
    """What a text tells of a member with some stamp cards: by programme, how many they have and need."""
    have, _ = stamps.get(text.stamp_programme_id, (0, 0))
    return TextFacts(first_name, bonus, have)
