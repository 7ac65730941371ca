"""What a club may begin a campaign with: each template in its language, counted, priced and asked about."""

from collections.abc import Iterator

from msgspec import Struct

from stamkunde.campaigns.model.campaign import Campaign
from stamkunde.campaigns.model.composing import Composed
from stamkunde.campaigns.model.templates import TEMPLATES, TemplateKey, TemplateRules, TemplateWords
from stamkunde.campaigns.model.texts import CampaignText
from stamkunde.campaigns.ready_made import ready_made, template_words
from stamkunde.campaigns.service import Campaigns
from stamkunde.shared.channel import Channel


class OfferedTemplate(Struct, frozen=True):
    """A template as a shop sees it before anything is filled in.

    Parameters
    ----------
    composed
        With the template's own examples in place of what the shop fills in.
    """

    key: TemplateKey
    words: TemplateWords
    rules: TemplateRules
    text: CampaignText
    composed: Composed


def offered_templates(campaigns: Campaigns) -> Iterator[OfferedTemplate]:
    """A club's templates, in the order in which they are told of."""
    language = campaigns.scene.club.language
    words = template_words(language)
    for key, rules in TEMPLATES.items():
        text = ready_made(key, language)
        filled = text.filled_with(words[key].examples)
        yield OfferedTemplate(key, words[key], rules, text, _composed(campaigns, filled, rules, words[key]))


def _composed(campaigns: Campaigns, text: CampaignText, rules: TemplateRules, words: TemplateWords) -> Composed:
    """As if it had been drafted: one function counts everything."""
    draft = Campaign(
        campaign_id="k",
        name=words.name,
        by="",
        texts={text.language: text},
        answers=rules.answers,
        channels=(Channel.SMS,),
        drafted_at=campaigns.clock.now(),
    )
    return campaigns.composed(draft)[text.language]
