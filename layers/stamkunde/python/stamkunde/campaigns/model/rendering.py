"""A campaign's text for one member: exactly what is counted, priced, shown and sent, by one function for all four."""

from collections.abc import Mapping
from functools import lru_cache

from msgspec import Struct

from stamkunde.campaigns.model.fields import LINKS, MERGE_NAMES, MergeField
from stamkunde.campaigns.model.texts import CampaignText
from stamkunde.messaging.parts import MOST_PARTS, BodyFault, PartCount, count_parts
from stamkunde.messaging.text import (
    Replacement,
    Template,
    compose_sms,
    compose_subject,
    merge,
    normalize,
    parse_template,
)
from stamkunde.messaging.written import written_bonus
from stamkunde.shared.money import Money, Points

_TEMPLATES_KEPT = 64
"""Parsed: a worker sends few campaigns at a time, each in few languages."""


class ClubValues(Struct, frozen=True):
    """What is the same for all members of a club.

    Parameters
    ----------
    name
        The one that customers use.
    opening_hours
        As `stamkunde.campaigns.model.opening.written_hours` writes them.
    terms_link, form_link
        Without ``https://``, as a text message has them.
    """

    name: str
    opening_hours: str = ""
    terms_link: str = ""
    form_link: str = ""


class MemberValues(Struct, frozen=True):
    """What is a member's own, as it is at the moment of writing.

    Parameters
    ----------
    bonus
        None, or nothing: they get the text for those without bonus.
    stamps
        In the programme that the text names.
    link, stop
        The member's own, without ``https://``.
    """

    first_name: str
    bonus: Money | Points | None = None
    stamps: int = 0
    link: str = ""
    stop: str = ""

    @property
    def has_bonus(self) -> bool:
        """Whether there is any to tell of."""
        return self.bonus is not None and self.bonus.amount > 0


class Rendered(Struct, frozen=True):
    """A text message to one member.

    Parameters
    ----------
    replaced
        What was made plain.
    fault
        What forbids sending it; such a member is left out, and that is shown.
    """

    text: str
    count: PartCount
    replaced: tuple[Replacement, ...]
    fault: BodyFault | None


class RenderedEmail(Struct, frozen=True):
    """An e-mail to one member, in plain text."""

    subject: str
    body: str
    fault: BodyFault | None


def render_sms(text: CampaignText, club: ClubValues, member: MemberValues) -> Rendered:
    """The text message to a member.

    Raises
    ------
    KeyError
        A place has no value: the text was not checked, or not filled in, before it was sent.
    """
    source = text.sms_without_bonus if text.sms_without_bonus and not member.has_bonus else text.sms
    values = merge_values(text, club, member)
    plain = compose_sms(_template(source), values, smart_characters=text.smart_characters)
    count = count_parts(plain.text)
    return Rendered(plain.text, count, plain.replaced, _fault(plain.text, count))


def render_email(text: CampaignText, club: ClubValues, member: MemberValues) -> RenderedEmail:
    """The e-mail to a member; its links begin with ``https://``, or mail programs would leave them plain.

    Raises
    ------
    KeyError
        A place has no value: the text was not checked, or not filled in, before it was sent.
    """
    source = text.body_without_bonus if text.body_without_bonus and not member.has_bonus else text.body
    values = merge_values(text, club, member)
    names = MERGE_NAMES[text.language]
    linked = values | {names[link]: _followable(values[names[link]]) for link in LINKS}
    body = normalize(merge(_template(source), linked))
    subject = compose_subject(_template(text.subject), values)
    return RenderedEmail(subject, body, None if body.strip() and subject else BodyFault.BLANK)


def merge_values(text: CampaignText, club: ClubValues, member: MemberValues) -> dict[str, str]:
    """The value of every place that a text of this language may have, by its name there."""
    return {**text.filled, **_named(text.language, club, member)}


def _named(language: str, club: ClubValues, member: MemberValues) -> Mapping[str, str]:
    names = MERGE_NAMES[language]
    return {
        names[MergeField.CLUB]: club.name,
        names[MergeField.FIRST_NAME]: member.first_name,
        names[MergeField.BONUS]: written_bonus(member.bonus, language) if member.bonus and member.has_bonus else "",
        names[MergeField.STAMPS]: str(member.stamps),
        names[MergeField.LINK]: member.link,
        names[MergeField.STOP]: member.stop,
        names[MergeField.OPENING_HOURS]: club.opening_hours,
        names[MergeField.TERMS]: club.terms_link,
        names[MergeField.FORM]: club.form_link,
    }


@lru_cache(_TEMPLATES_KEPT)
def _template(source: str) -> Template:
    return parse_template(source)


def _followable(link: str) -> str:
    return f"https://{link}" if link and "://" not in link else link


def _fault(text: str, count: PartCount) -> BodyFault | None:
    if not text.strip():
        return BodyFault.BLANK
    return BodyFault.TOO_LONG if count.parts > MOST_PARTS else None
