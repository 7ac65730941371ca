"""What a message would look like and cost before anybody is written to: merged for somebody whose name is long."""

from datetime import date

from msgspec import Struct

from stamkunde.clubs.model import Club
from stamkunde.messaging.default_texts import named_values
from stamkunde.messaging.model import KINDS, Field, MessageKind
from stamkunde.messaging.parts import CostlyCharacter, PartCount, costly_characters, count_parts
from stamkunde.messaging.prices import price_of
from stamkunde.messaging.stop_line import with_stop_line
from stamkunde.messaging.text import compose_sms, compose_subject
from stamkunde.messaging.words import Words
from stamkunde.messaging.written import written_bonus, written_day
from stamkunde.shared.channel import Channel
from stamkunde.shared.money import Money, Points
from stamkunde.shared.one_time_code import CODE_DIGITS
from stamkunde.shared.programme import Unit

_FIRST_NAME = "Christopher"
_TOKEN = "x" * 16
_DAY = date(2026, 11, 30)


class Sample(Struct, frozen=True):
    """Whom a message is tried out with: a club, and what its member has.

    Parameters
    ----------
    country
        The price is that of a number there.
    """

    club_name: str
    country: str
    bonus: Money | Points
    contact: str
    domain: str
    link: str

    def values(self, language: str) -> dict[Field, str]:
        """Something long for everything that can be merged."""
        return {
            Field.CLUB: self.club_name,
            Field.FIRST_NAME: _FIRST_NAME,
            Field.CODE: "0" * CODE_DIGITS,
            Field.DOMAIN: self.domain,
            Field.LINK: self.link,
            Field.DATE: written_day(_DAY, language),
            Field.BONUS: written_bonus(self.bonus, language),
            Field.CONTACT: self.contact,
            Field.LAST_ACTIVE: f"{written_day(_DAY, language)} {_DAY.year}",
            Field.STOP: self.link,
        }


def sample_of(club: Club, pages_domain: str, short_domain: str) -> Sample:
    """A club's member with a long name and much bonus; the link is as long as those that act."""
    bonus = Points(12_345) if club.unit is Unit.POINTS else Money(123_450, club.currency)
    contact = club.join_page.contact if club.join_page else ""
    return Sample(club.name, club.country, bonus, contact, pages_domain, f"{short_domain}/{_TOKEN}")


class Preview(Struct, frozen=True):
    """A message as it would be sent.

    Parameters
    ----------
    count
        What it takes; None for an e-mail, which has no parts and no price.
    price
        A list price; see `stamkunde.messaging.prices`.
    costly
        What makes it longer than it looks.
    """

    text: str
    subject: str | None
    count: PartCount | None
    price: Money | None
    costly: tuple[CostlyCharacter, ...]


def preview(kind: MessageKind, language: str, words: Words, sample: Sample) -> Preview:
    """The message in these words, to the sample member."""
    named = named_values(language, sample.values(language))
    text = compose_sms(with_stop_line(kind, words.text, language), named).text
    subject = compose_subject(words.subject, named) if words.subject else None
    if KINDS[kind].channel is not Channel.SMS:
        return Preview(text, subject, None, None, ())
    count = count_parts(text)
    costly = costly_characters(text) if count.parts > 1 else ()
    return Preview(text, None, count, price_of(count.parts, sample.country), costly)
