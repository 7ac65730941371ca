"""What a campaign says in one language: a text message, an e-mail, or both. Pure."""

import unicodedata
from collections.abc import Collection, Mapping
from copy import replace

import msgspec
from msgspec import Struct

from stamkunde.campaigns.model.fields import FILLED_NAMES, MergeField, known_names, merges, names_to_fill
from stamkunde.messaging.text import Template, TemplateFault, check_names, normalize, parse_template
from stamkunde.shared.errors import Refusal
from stamkunde.shared.language import LANGUAGES

LONGEST_SMS = 2_000
LONGEST_SUBJECT = 150
LONGEST_BODY = 20_000
LONGEST_VALUE = 200


class CampaignText(Struct, frozen=True):
    """The words as the shop wrote them, with places.

    Parameters
    ----------
    sms
        Empty for a campaign that goes by e-mail only.
    sms_without_bonus, body_without_bonus
        What members without any bonus get in place of a text that merges {Bonus}; empty where there is none.
    subject, body
        Of the e-mail, in plain text; both empty for a campaign that goes by SMS only.
    filled
        What the shop filled in once, by the name of its place.
    smart_characters
        Whether typographic characters are made plain in the SMS; a shop may want them and pay for them.
    stamp_programme_id
        Whose stamps {Stempler} counts.
    """

    language: str
    sms: str = ""
    sms_without_bonus: str = ""
    subject: str = ""
    body: str = ""
    body_without_bonus: str = ""
    filled: Mapping[str, str] = msgspec.field(default_factory=dict)
    smart_characters: bool = True
    stamp_programme_id: str = ""

    @property
    def sources(self) -> tuple[str, ...]:
        """Everything that is written in it, the empty ones too."""
        return (self.sms, self.sms_without_bonus, self.subject, self.body, self.body_without_bonus)

    def merges(self, field: MergeField) -> bool:
        """Whether anything in it has a place for a field."""
        return any(merges(parse_template(source), field, self.language) for source in self.sources)

    @property
    def unfilled(self) -> tuple[str, ...]:
        """What the shop must fill in before anybody can be written to, each name once."""
        names = (name for source in self.sources for name in names_to_fill(parse_template(source), self.language))
        return tuple(name for name in dict.fromkeys(names) if not self.filled.get(name, "").strip())

    def filled_with(self, values: Mapping[str, str]) -> "CampaignText":
        """The same with what is still to be filled in taken from `values`, where they have it."""
        missing = {name: values[name] for name in self.unfilled if name in values}
        return replace(self, filled={**self.filled, **missing})


def check_text(text: CampaignText) -> CampaignText:
    """The text as it is kept: trimmed and composed, with a value known for every place.

    What is only not finished, such as a value that the shop still has to fill in, is no fault of a draft: see
    `stamkunde.campaigns.model.composing`.

    Raises
    ------
    Refusal
        ``invalid_field``: a language that there is none of, nothing at all, something too long, or an e-mail without
        its subject. ``text_place_unknown``: a place that would have no value.
    """
    if text.language not in LANGUAGES:
        raise Refusal("invalid_field", {"expected": ", ".join(LANGUAGES)}, "/language")
    kept = replace(
        text,
        sms=_checked(text.sms, text.language, LONGEST_SMS, "/sms"),
        sms_without_bonus=_checked(text.sms_without_bonus, text.language, LONGEST_SMS, "/sms_without_bonus"),
        subject=" ".join(_checked(text.subject, text.language, LONGEST_SUBJECT, "/subject").split()),
        body=_checked(text.body, text.language, LONGEST_BODY, "/body"),
        body_without_bonus=_checked(text.body_without_bonus, text.language, LONGEST_BODY, "/body_without_bonus"),
        filled=_checked_values(text.filled, text.language),
    )
    _check_whole(kept)
    return kept


def _check_whole(text: CampaignText) -> None:
    if not text.sms and not text.body:
        raise Refusal("invalid_field", {"expected": f"1-{LONGEST_SMS}"}, "/sms")
    for variant, told, pointer in (
        (text.sms_without_bonus, text.sms, "/sms"),
        (text.body_without_bonus, text.body, "/body"),
    ):
        if variant and not told:
            raise Refusal("invalid_field", {"expected": f"1-{LONGEST_SMS}"}, pointer)
    if bool(text.subject) != bool(text.body):
        pointer, longest = ("/body", LONGEST_BODY) if text.subject else ("/subject", LONGEST_SUBJECT)
        raise Refusal("invalid_field", {"expected": f"1-{longest}"}, pointer)


def _checked_values(filled: Mapping[str, str], language: str) -> dict[str, str]:
    known = FILLED_NAMES[language]
    for name in sorted(set(filled) - known):
        raise _unknown(name, known, "/filled")
    return {name: _cleaned(filled[name], LONGEST_VALUE, "/filled") for name in sorted(filled)}


def _checked(written: str, language: str, longest: int, pointer: str) -> str:
    source = _cleaned(written, longest, pointer)
    parse_known(source, known_names(language), pointer)
    return source


def parse_known(source: str, known: Collection[str], pointer: str) -> Template:
    """The template that was written, if each of its places is known.

    Raises
    ------
    Refusal
        ``text_place_unknown``.
    """
    try:
        return check_names(parse_template(source), known)
    except TemplateFault as fault:
        raise _unknown(fault.place, known, pointer) from fault


def _unknown(place: str, known: Collection[str], pointer: str) -> Refusal:
    names = ", ".join(f"{{{name}}}" for name in sorted(known))
    return Refusal("text_place_unknown", {"place": place, "known": names}, pointer)


def _cleaned(written: str, longest: int, pointer: str) -> str:
    """What was written without what nobody sees."""
    shown = (each for each in normalize(written) if each in "\n\t" or unicodedata.category(each) != "Cc")
    text = "".join(shown).strip()
    if len(text) > longest:
        raise Refusal("invalid_field", {"expected": f"0-{longest}"}, pointer)
    return text
