"""The words of the campaigns that a shop can begin with, in the languages that clubs have."""

from functools import cache
from pathlib import Path

import msgspec

from stamkunde.campaigns.model.templates import TEMPLATES, TemplateKey, TemplateWords, text_of
from stamkunde.campaigns.model.texts import CampaignText

_FOLDER = Path(__file__).parent / "templates"


@cache
def template_words(language: str) -> dict[TemplateKey, TemplateWords]:
    """Every template of a language: ``da`` or ``nb``, those of the countries that clubs are in."""
    return msgspec.json.decode((_FOLDER / f"{language}.json").read_bytes(), type=dict[TemplateKey, TemplateWords])


def ready_made(key: TemplateKey, language: str) -> CampaignText:
    """A draft with a template's words, and for those without bonus with their own."""
    words = template_words(language)
    other = TEMPLATES[key].without_bonus
    return text_of(words[key], language, words[other] if other else None)


def drafts(language: str) -> dict[TemplateKey, CampaignText]:
    """A draft of each template of a language, as plans are made of."""
    return {key: ready_made(key, language) for key in TemplateKey}
