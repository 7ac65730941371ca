"""What a message may not say that goes to members who have allowed no advertising: a service message, or a code.

Markedsføringsloven § 10 (DK) and § 15 (NO) ask for permission before advertising by SMS or e-mail, and asking for
that permission in a message is itself advertising. Words are looked for in all languages at once: a Norwegian shop
may write Danish.
"""

import re
from enum import StrEnum

from msgspec import Struct

from stamkunde.messaging.model import MessageClass
from stamkunde.messaging.text import Place, Template, make_plain


class LintCode(StrEnum):
    """What makes a service text advertising, or sound like it."""

    PRICE = "price"
    PERCENT = "percent"
    SELLING_WORD = "selling_word"
    OFFER_FIELD = "offer_field"
    INVITATION = "invitation"
    PERMISSION_REQUEST = "permission_request"
    STOP_LINE = "stop_line"
    EXCLAMATION_MARK = "exclamation_mark"


class LintFinding(Struct, frozen=True):
    """One thing to change before a service text can be saved."""

    code: LintCode
    excerpt: str


OFFER_FIELDS = frozenset({
    "Kupon", "Kupong", "Coupon", "Tilbud", "Offer", "Pris", "Price", "Rabat", "Rabatt", "Discount", "Gave", "Gift",
})  # fmt: skip

STOP_FIELDS = frozenset({"Stop", "Stopp"})

_MERGED = "{}"


def _any_of(*expressions: str) -> re.Pattern[str]:
    return re.compile("|".join(expressions), re.IGNORECASE)


_AMOUNT = r"(?:\d[\d.,]*|\{\})"
_RULES = {
    LintCode.PRICE: _any_of(
        rf"{_AMOUNT} ?(?:kr\b|kroner\b|dkk\b|nok\b|eur\b|euro\b|€|,-)",
        r"(?:\bkr\.?|\bdkk|\bnok|\beur|[€$£]) ?\d",
        r"pris(?:en|er|erne|ene)?\b",
        r"\bprices?\b",
        r"\b\d+ for \d+\b",
    ),
    LintCode.PERCENT: _any_of(r"[%٪﹪％]", r"\bpro[cs]ent", r"\bper ?cent\b", r"\bpct\b"),
    LintCode.SELLING_WORD: _any_of(
        r"tilbud(?!t)",
        r"rabat",
        r"kupon",
        r"coupon|voucher|discount|bargain",
        r"udsalg|utsalg",
        r"kampagn|kampanj",
        r"billig",
        r"\bnedsatt?e?\b",
        r"\bspar(?:er|e)?\b",
        r"\bsave (?:up to|money|\d)",
        r"\bgratis\b|\bfor free\b|\bfree of charge\b",
        r"\boffers?\b|\bsale\b|\bdeals?\b",
        r"nyhed(?:er|erne)\b|nyhet(?:er|ene)\b|\bnews\b",
        r"\bnye varer\b|\bnew in store\b",
        r"\b(?:køb|bestil) nu\b|\b(?:kjøp|bestill) nå\b|\b(?:buy|order) now\b",
        r"\b(?:kun|bare) i dag\b|\btoday only\b|\bonly today\b",
        r"\bskynd d[ei]g\b|\bsidste chance\b|\bsiste sjanse\b|\blast chance\b|\bblack friday\b",
    ),
    LintCode.INVITATION: _any_of(
        r"\bkom (?:ned|ind|inn|innom|forbi|og|med|til|tidligt?)\b",
        r"\b(?:kig|kik|stik|stikk|sving|titt) (?:ind|inn|innom|forbi)\b",
        r"\bta turen\b|\btag turen\b",
        r"\bvi (?:see?s|savner)\b|\bwe miss you\b|\bsee you\b",
        r"\bbesøg os\b|\bbesøk oss\b|\bvisit us\b",
        r"\bvelkommen i butik",
        r"\b(?:længe|lenge) siden,? vi har sett? d[ei]g\b|\bhaven't seen you\b",
        r"\b(?:come|drop|stop|pop) (?:in|by|over|along|and)\b",
    ),
    LintCode.PERMISSION_REQUEST: _any_of(
        r"\bja,? takk? til\b",
        r"\b(?:sig|si) ja til (?:sms|e-?mail|e-?post|reklame|tilbud|nyhed|nyhet)",
        r"\bgiv\w* (?:dit |os )?samtykke\b|\bgi (?:ditt |oss )?samtykke\b",
        r"\bgive (?:us )?(?:your )?(?:consent|permission)\b",
        r"nyhedsbrev|nyhetsbrev|newsletter",
    ),
    LintCode.STOP_LINE: _any_of(r"\bstopp? sms\b", r"\bunsubscribe\b"),
    LintCode.EXCLAMATION_MARK: _any_of("!"),
}


def lint(message_class: MessageClass, template: Template) -> tuple[LintFinding, ...]:
    """Everything that keeps a text from being of its class: what isn't advertising is held to sell nothing."""
    if message_class is MessageClass.MARKETING:
        return ()
    offers = [LintFinding(LintCode.OFFER_FIELD, name) for name in sorted(template.names & OFFER_FIELDS)]
    stops = [LintFinding(LintCode.STOP_LINE, name) for name in sorted(template.names & STOP_FIELDS)]
    words = _words(template)
    found = [LintFinding(code, match.group()) for code, rule in _RULES.items() for match in rule.finditer(words)]
    return (*offers, *stops, *found)


def _words(template: Template) -> str:
    """The template's own words, fallbacks too, on one line as they are sent, with a mark where values come."""
    written = (piece if isinstance(piece, str) else _fallback(piece) for piece in template.pieces)
    return " ".join(make_plain("".join(written)).text.split())


def _fallback(place: Place) -> str:
    return place.fallback or _MERGED
