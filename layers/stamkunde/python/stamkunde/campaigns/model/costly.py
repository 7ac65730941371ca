"""What makes a text dear, named, with what to put in its place by one click and what that saves. Pure.

Letters are never touched unasked (Zoë is Zoë): here somebody asks. What a member's own name makes dear can't be
replaced, and is said to come from there.
"""

import unicodedata
from collections.abc import Callable
from copy import replace

from msgspec import Struct

from stamkunde.campaigns.model.emoji import emoji_in, without_emoji
from stamkunde.campaigns.model.pricing import costly_pieces, price_of_sms
from stamkunde.campaigns.model.rendering import ClubValues, MemberValues, render_sms
from stamkunde.campaigns.model.texts import CampaignText
from stamkunde.messaging.parts import BASIC_ALPHABET, count_parts
from stamkunde.messaging.text import PLAIN_CHARACTERS, Place, Template, parse_template
from stamkunde.shared.money import Money

_LETTERS = {"ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "œ": "oe", "ı": "i"}
# Written out, a euro sign would take three septets in place of two.
_SIGNS = {
    "°": " grader", "×": "x", "²": "2", "³": "3", "¼": "1/4", "¾": "3/4", "→": "->", "™": "", "®": "", "©": "",
    "€": "€", "[": "(", "]": ")", "{": "(", "}": ")", "\\": "/", "~": "-", "^": "", "|": "/",
}  # fmt: skip


class Swap(Struct, frozen=True):
    """Something that makes a text longer than it looks, and what it would be without.

    Parameters
    ----------
    piece
        An emoji as it is seen, or a character.
    name
        By its Unicode name.
    replacement
        What would stand there; empty to leave it out.
    is_own
        Whether the shop wrote it; otherwise it is in a value such as a name, and can't be replaced.
    parts, parts_after
        Of the same message with and without.
    """

    piece: str
    name: str
    replacement: str
    is_own: bool
    parts: int
    parts_after: int

    @property
    def saves(self) -> int:
        """Parts a message."""
        return self.parts - self.parts_after


def swaps(text: CampaignText, club: ClubValues, member: MemberValues) -> tuple[Swap, ...]:
    """What makes a text dear to a member, in order of appearance."""
    rendered = render_sms(text, club, member)
    said = _said(text)
    found = []
    for piece in costly_pieces(rendered.text):
        other = render_sms(swapped(text, piece), club, member)
        found.append(
            Swap(piece, _name(piece), plain_for(piece), piece in said, rendered.count.parts, other.count.parts)
        )
    return tuple(found)


def plain_for(piece: str) -> str:
    """What is put in place of an emoji or a character; empty to leave it out."""
    if piece in PLAIN_CHARACTERS:
        return PLAIN_CHARACTERS[piece]
    known = _LETTERS.get(piece, _SIGNS.get(piece))
    if known is not None:
        return known
    bare = "".join(each for each in unicodedata.normalize("NFKD", piece) if not unicodedata.combining(each))
    return bare if BASIC_ALPHABET.issuperset(bare) else ""


def swapped(text: CampaignText, piece: str) -> CampaignText:
    """The text with something dear replaced wherever the shop wrote it."""
    replacement = plain_for(piece)
    if not replacement and piece in emoji_in(piece):
        return _rewritten(text, lambda words: without_emoji(words, piece))
    filled = {name: value.replace(piece, replacement) for name, value in text.filled.items()}
    return replace(
        text,
        sms=_replaced(text.sms, piece, replacement),
        sms_without_bonus=_replaced(text.sms_without_bonus, piece, replacement),
        filled=filled,
    )


def all_swapped(text: CampaignText) -> CampaignText:
    """The text with everything dear replaced that the shop wrote."""
    plain = text
    for piece in costly_pieces(_said(text)):
        plain = swapped(plain, piece)
    # What takes two septets is named only when nothing is left that makes the whole message UCS-2.
    return plain if plain == text else all_swapped(plain)


def without_any_emoji(text: CampaignText) -> CampaignText:
    """The text whose text messages have no emoji: what the campaign would cost then."""
    return _rewritten(text, without_emoji)


class EmojiPrice(Struct, frozen=True):
    """What one more emoji does to a text message.

    Parameters
    ----------
    units
        UTF-16 code units that it takes itself.
    parts, parts_with
        Of the message without and with it.
    dearer_by
        What each message costs more, by the list.
    """

    emoji: str
    units: int
    parts: int
    parts_with: int
    dearer_by: Money


def price_of_emoji(
    text: CampaignText, emoji: str, club: ClubValues, member: MemberValues, country: str
) -> EmojiPrice:
    """What an emoji costs in this very text: the first one may double it, the next may be free."""
    before = render_sms(text, club, member).count.parts
    after = render_sms(replace(text, sms=f"{emoji} {text.sms}"), club, member).count.parts
    dearer_by = price_of_sms(after - before, country, country).money
    return EmojiPrice(emoji, count_parts(emoji).units, before, after, dearer_by)


def _rewritten(text: CampaignText, rewrite: Callable[[str], str]) -> CampaignText:
    """The text with its text messages, and what is filled in, written in another way; e-mails cost nothing."""
    filled = {name: rewrite(value) for name, value in text.filled.items()}
    return replace(text, sms=rewrite(text.sms), sms_without_bonus=rewrite(text.sms_without_bonus), filled=filled)


def _replaced(source: str, piece: str, replacement: str) -> str:
    """The template with something replaced in its own words; its places stay what they are."""
    pieces = parse_template(source).pieces
    return "".join(_written(each, piece, replacement) for each in pieces)


def _written(words: str | Place, piece: str, replacement: str) -> str:
    if isinstance(words, str):
        return words.replace(piece, replacement).replace("{", "{{")
    fallback = words.fallback.replace(piece, replacement)
    return f"{{{words.name}|{fallback}}}" if fallback else f"{{{words.name}}}"


def _said(text: CampaignText) -> str:
    """Everything that the shop wrote into its text messages."""
    templates = (parse_template(source) for source in (text.sms, text.sms_without_bonus))
    return "\n".join(_own_words(template, text) for template in templates)


def _own_words(template: Template, text: CampaignText) -> str:
    return "".join(
        piece if isinstance(piece, str) else text.filled.get(piece.name, piece.fallback) for piece in template.pieces
    )


def _name(piece: str) -> str:
    return unicodedata.name(piece[0], f"U+{ord(piece[0]):04X}")
