"""What the page behind a campaign's link shows: the offer and its conditions, the same to everybody (R8). Pure."""

import re

from msgspec import Struct

from stamkunde.campaigns.club_values import club_values
from stamkunde.campaigns.model.campaign import Campaign
from stamkunde.campaigns.model.fields import MergeField, merges
from stamkunde.campaigns.model.rendering import MemberValues, render_email, render_sms
from stamkunde.campaigns.model.texts import CampaignText
from stamkunde.clubs.model import Club
from stamkunde.messaging.model import Domains
from stamkunde.messaging.text import parse_template
from stamkunde.shared.channel import Channel

_OWN_LINK = "\N{OBJECT REPLACEMENT CHARACTER}"
_SENTENCE_ENDS = re.compile(r"(?<=[.!?])\s+")
_BEFORE_UNIT = re.compile(r"(?<=\d) (?=(?:kr|%)(?!\w))")


class Offer(Struct, frozen=True):
    """An offer as anybody may read it who has the link: links are forwarded.

    Parameters
    ----------
    heading
        The e-mail's subject; empty for a text message.
    paragraphs
        What was written, without whatever was the member's own; none if that can't be taken out.
    conditions
        As the shop wrote them, paragraph by paragraph.
    """

    language: str
    heading: str = ""
    paragraphs: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()


def offer_of(campaign: Campaign, club: Club, domains: Domains, channel: Channel, language: str) -> Offer:
    """What a campaign offers, in a language if it is written in it."""
    text = campaign.text_for(language, club.language)
    conditions = _paragraphs(campaign.answers.conditions)
    if not _is_public(text, channel):
        return Offer(text.language, conditions=conditions)
    values = club_values(club, domains, campaign, text.language)
    nobody = MemberValues("", link=_OWN_LINK, stop=_OWN_LINK)
    if channel is Channel.SMS:
        return Offer(text.language, "", _without_own_link(render_sms(text, values, nobody).text), conditions)
    mail = render_email(text, values, nobody)
    return Offer(text.language, _together(mail.subject), _without_own_link(mail.body), conditions)


def _is_public(text: CampaignText, channel: Channel) -> bool:
    """Whether it still says something without what is a member's own: not if it tells of their bonus or stamps."""
    source = (text.sms_without_bonus or text.sms) if channel is Channel.SMS else text.body_without_bonus or text.body
    template = parse_template(source)
    tells = any(merges(template, field, text.language) for field in (MergeField.BONUS, MergeField.STAMPS))
    return bool(source) and not tells


def _without_own_link(text: str) -> tuple[str, ...]:
    """The text without the sentences that only led here, such as "Afmeld: …"."""
    return _paragraphs("\n".join(_kept(line) for line in text.split("\n")))


def _kept(line: str) -> str:
    if _OWN_LINK not in line:
        return line
    return " ".join(sentence for sentence in _SENTENCE_ENDS.split(line) if _OWN_LINK not in sentence)


def _paragraphs(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in _together(text).splitlines() if line.strip())


def _together(text: str) -> str:
    """Lines break between no figure and its unit."""
    return _BEFORE_UNIT.sub("\N{NO-BREAK SPACE}", text)
