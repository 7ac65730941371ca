"""What a composer shows while somebody types: the message as it is sent, its parts and price, and what is wrong."""

import re
from collections.abc import Iterator, Mapping
from copy import replace
from enum import StrEnum
from itertools import count
from types import MappingProxyType

from msgspec import Struct

from stamkunde.campaigns.model.costly import Swap, all_swapped, swaps
from stamkunde.campaigns.model.fields import MERGE_NAMES, MergeField
from stamkunde.campaigns.model.law import NO_ANSWERS, Answers, LawFinding
from stamkunde.campaigns.model.law_checks import check_law
from stamkunde.campaigns.model.pricing import price_of_sms
from stamkunde.campaigns.model.rendering import (
    ClubValues,
    MemberValues,
    Rendered,
    RenderedEmail,
    render_email,
    render_sms,
)
from stamkunde.campaigns.model.texts import CampaignText
from stamkunde.messaging.model import MessageClass
from stamkunde.messaging.parts import BodyFault, PartCount, count_parts
from stamkunde.messaging.text import Place, Template, parse_template
from stamkunde.shared.money import Money, Points

LONG_FIRST_NAME = "Christopher"
SHORT_FIRST_NAME = "Bo"
_MUCH_BONUS = 123_450
_MUCH_BONUS_IN_POINTS = 12_345
_LITTLE_BONUS = 100
_MOST_STAMPS = 9

_LINK = re.compile(
    r"(?:https?://|\bwww\.)\S+"
    r"|\b[a-z0-9æøå-]{2,}\.(?:dk|no|se|de|com|net|org|eu|io|ly|me|info|shop|app|link)\b\S*|\b[a-z0-9-]+\.[a-z]{2,6}/\S+",
    re.IGNORECASE,
)
"""What a phone makes a link of; operators block those that they don't know."""


_NOTHING: Mapping[str, str] = MappingProxyType({})


class Sample(Struct, frozen=True):
    """What a text is tried out with.

    Parameters
    ----------
    country
        Of the club, and of the number that the price is for.
    bonus
        What the club's bonus is counted in: any amount of it.
    link, stop
        As long as everybody's.
    """

    club: ClubValues
    country: str
    bonus: Money | Points
    link: str
    stop: str

    def longest(self) -> MemberValues:
        """A member with a long name and much bonus."""
        return MemberValues(LONG_FIRST_NAME, self._bonus(most=True), _MOST_STAMPS, self.link, self.stop)

    def shortest(self) -> MemberValues:
        """A member with a short name and little bonus."""
        return MemberValues(SHORT_FIRST_NAME, self._bonus(most=False), 1, self.link, self.stop)

    def _bonus(self, *, most: bool) -> Money | Points:
        if isinstance(self.bonus, Points):
            return Points(_MUCH_BONUS_IN_POINTS if most else 1)
        return Money(_MUCH_BONUS if most else _LITTLE_BONUS, self.bonus.currency)


class DraftCode(StrEnum):
    """What a draft still lacks, or should be looked at."""

    BLANK = "blank"
    TOO_LONG = "too_long"
    VALUE_MISSING = "value_missing"
    BONUS_VARIANT_MISSING = "bonus_variant_missing"
    STAMPS_OF_NOTHING = "stamps_of_nothing"
    HOURS_MISSING = "hours_missing"
    MANY_PARTS = "many_parts"
    OTHER_LINK = "other_link"


ADVICE = frozenset({DraftCode.MANY_PARTS, DraftCode.OTHER_LINK})
"""What may stay as it is, if somebody wants it so."""


class DraftFinding(Struct, frozen=True):
    """Something that a draft lacks, and the place or the words that it is about."""

    code: DraftCode
    excerpt: str = ""

    @property
    def is_advice(self) -> bool:
        """Whether it may be sent all the same."""
        return self.code in ADVICE


class ComposedSms(Struct, frozen=True):
    """A text message as it would be sent.

    Parameters
    ----------
    long, short
        To a member with a long name and much bonus, and to one with a short name and little.
    without_bonus
        The longest to a member without bonus; None if it doesn't differ.
    price
        Of the dearest by the list, also to a member who has no bonus or whose first name isn't known.
    room
        How many septets or code units fit in before it becomes a part more.
    swaps
        What makes it dear, and what it would be without.
    cheapest
        The longest with everything dear replaced that the shop wrote, if that makes it cheaper.
    """

    long: Rendered
    short: Rendered
    without_bonus: Rendered | None
    price: Money
    room: int
    swaps: tuple[Swap, ...]
    cheapest: PartCount


class Composed(Struct, frozen=True):
    """Everything that is shown of a draft in one language."""

    sms: ComposedSms | None
    email: RenderedEmail | None
    findings: tuple[DraftFinding, ...]
    law: tuple[LawFinding, ...]

    @property
    def may_be_sent(self) -> bool:
        """Whether nothing is wrong with it."""
        return not self.law and all(finding.is_advice for finding in self.findings)


def compose(
    text: CampaignText,
    sample: Sample,
    *,
    examples: Mapping[str, str] = _NOTHING,
    answers: Answers = NO_ANSWERS,
    message_class: MessageClass = MessageClass.MARKETING,
) -> Composed:
    """What is shown of a draft, by the same functions that render what is sent.

    Parameters
    ----------
    text
        As `stamkunde.campaigns.model.texts.check_text` returns it.
    examples
        What is shown where the shop has still to fill something in; the name of the place where there is none.
    """
    whole = text.filled_with({name: examples.get(name, name) for name in text.unfilled})
    sms = _compose_sms(whole, sample) if text.sms else None
    email = render_email(whole, sample.club, sample.longest()) if text.body else None
    law = check_law(
        text, country=sample.country, club_name=sample.club.name, answers=answers, message_class=message_class
    )
    return Composed(sms, email, tuple(dict.fromkeys(_findings(text, sample, sms, email))), law)


def _compose_sms(text: CampaignText, sample: Sample) -> ComposedSms:
    long = render_sms(text, sample.club, sample.longest())
    without = render_sms(text, sample.club, replace(sample.longest(), bonus=None))
    plain = render_sms(all_swapped(text), sample.club, sample.longest())
    nameless = [
        render_sms(text, sample.club, replace(sample.longest(), first_name="", bonus=bonus))
        for bonus in (sample.longest().bonus, None)
    ]
    short = render_sms(text, sample.club, sample.shortest())
    most_parts = max(each.count.parts for each in (long, short, without, *nameless))
    return ComposedSms(
        long=long,
        short=short,
        without_bonus=without if without != long else None,
        price=price_of_sms(most_parts, sample.country, sample.country).money,
        room=room_in(long),
        swaps=swaps(text, sample.club, sample.longest()),
        cheapest=min(long.count, plain.count, key=lambda counted: counted.parts),
    )


def room_in(rendered: Rendered) -> int:
    """How many plain letters may still be added before a message takes a part more."""
    longer = (added for added in count(1) if count_parts(rendered.text + "a" * added).parts > rendered.count.parts)
    return next(longer) - 1


def _findings(
    text: CampaignText, sample: Sample, sms: ComposedSms | None, email: RenderedEmail | None
) -> Iterator[DraftFinding]:
    for name in text.unfilled:
        yield DraftFinding(DraftCode.VALUE_MISSING, f"{{{name}}}")
    yield from _missing_values(text, sample)
    for source, variant in (
        (text.sms, text.sms_without_bonus),
        (text.subject, ""),
        (text.body, text.body_without_bonus),
    ):
        yield from _bonus_findings(parse_template(variant or source), text.language)
    yield from _size_findings(sms, email)
    for source in (text.sms, text.sms_without_bonus):
        if link := _LINK.search(_own_words(parse_template(source), text)):
            yield DraftFinding(DraftCode.OTHER_LINK, link.group())


def _missing_values(text: CampaignText, sample: Sample) -> Iterator[DraftFinding]:
    names = MERGE_NAMES[text.language]
    if text.merges(MergeField.STAMPS) and not text.stamp_programme_id:
        yield DraftFinding(DraftCode.STAMPS_OF_NOTHING, f"{{{names[MergeField.STAMPS]}}}")
    if text.merges(MergeField.OPENING_HOURS) and not sample.club.opening_hours:
        yield DraftFinding(DraftCode.HOURS_MISSING, f"{{{names[MergeField.OPENING_HOURS]}}}")


def _own_words(template: Template, text: CampaignText) -> str:
    """What the shop wrote: its words, what it filled in, and what stands where a value is empty."""
    written = (
        piece if isinstance(piece, str) else f" {text.filled.get(piece.name) or piece.fallback} "
        for piece in template.pieces
    )
    return "".join(written)


def _bonus_findings(read: Template, language: str) -> Iterator[DraftFinding]:
    """Who has no bonus must not read of a gap: they get another text, or other words stand there."""
    name = MERGE_NAMES[language][MergeField.BONUS]
    if any(isinstance(piece, Place) and piece.name == name and not piece.fallback for piece in read.pieces):
        yield DraftFinding(DraftCode.BONUS_VARIANT_MISSING, f"{{{name}}}")


def _size_findings(sms: ComposedSms | None, email: RenderedEmail | None) -> Iterator[DraftFinding]:
    written = [each for each in (sms.long, sms.without_bonus) if each is not None] if sms else []
    faults = {each.fault for each in written} | ({email.fault} if email else set())
    if BodyFault.TOO_LONG in faults:
        yield DraftFinding(DraftCode.TOO_LONG)
    elif any(each.count.needs_confirming for each in written):
        yield DraftFinding(DraftCode.MANY_PARTS)
    if BodyFault.BLANK in faults:
        yield DraftFinding(DraftCode.BLANK)
