"""The words of what is sent by itself: a club starts with ours, and may put its own in their place.

A club's own words are checked when they are saved, so that nothing is found out when they are sent: every place must
have a value, what somebody has to be told and the link that they act by must stay, and what isn't advertising by its
class mustn't become it by its words.
"""

import unicodedata

from msgspec import Struct

from stamkunde.messaging.default_texts import default_subject, default_template, default_texts
from stamkunde.messaging.lint import lint
from stamkunde.messaging.model import FIELD_NAMES, KINDS, Field, MessageKind
from stamkunde.messaging.outbox import CODE_PLACE
from stamkunde.messaging.text import Template, TemplateFault, check_names, normalize, parse_template
from stamkunde.shared.channel import Channel
from stamkunde.shared.errors import Refusal

EDITABLE = frozenset(MessageKind) - {MessageKind.TEST}
"""An operator's test is nobody's to word: it shows whether something arrives."""

LONGEST_TEXT = 2_000
LONGEST_SUBJECT = 150

MAY_BE_LEFT_OUT = frozenset({Field.FIRST_NAME, Field.CONTACT, Field.LAST_ACTIVE})
"""Everything else that the default text merges must stay: who writes, what is lost on which day, and the link."""


class Words(Struct, frozen=True):
    """What a message says, ready to merge into; only what goes by e-mail has a subject."""

    text: Template
    subject: Template | None = None


class OwnWords(Struct, frozen=True):
    """What a club says itself in a kind of message, as it wrote it."""

    kind: MessageKind
    language: str
    text: str
    subject: str | None = None

    @property
    def words(self) -> Words:
        """Ready to merge into."""
        return Words(parse_template(self.text), parse_template(self.subject) if self.subject else None)


def default_words(kind: MessageKind, language: str) -> Words:
    """What a club says that has no words of its own."""
    return Words(default_template(kind, language), default_subject(kind, language))


def check_words(own: OwnWords) -> OwnWords:
    """A club's own words, trimmed, if a message of their kind may say them.

    Raises
    ------
    Refusal
        ``invalid_field``: empty, too long, or a subject where there is none. ``text_place_unknown``: a place that
        would have no value. ``text_place_missing``: what must stay was left out. ``text_advertises``: which words do,
        in a message that nobody has to allow.
    """
    text = _cleaned(own.text, LONGEST_TEXT, "/text")
    subject = _subject(own)
    template = _template(own, text, "/text", KINDS[own.kind].fields)
    ours = default_texts(own.language)[own.kind].text
    may_go = {FIELD_NAMES[own.language][field] for field in MAY_BE_LEFT_OUT}
    for name in sorted(parse_template(ours).names - template.names - may_go):
        raise Refusal("text_place_missing", {"place": f"{{{name}}}"}, "/text")
    if own.kind is MessageKind.CODE and _last_line(text) != _last_line(ours):
        raise Refusal("text_place_missing", {"place": _last_line(ours)}, "/text")
    _hold_to_class(own.kind, template, "/text")
    if subject is not None:
        _hold_to_class(own.kind, _template(own, subject, "/subject", frozenset({Field.CLUB})), "/subject")
    return OwnWords(own.kind, own.language, text, subject)


def _hold_to_class(kind: MessageKind, template: Template, pointer: str) -> None:
    found = lint(KINDS[kind].message_class, template)
    if found:
        words = ", ".join(dict.fromkeys(f"»{finding.excerpt}«" for finding in found))
        raise Refusal("text_advertises", {"words": words}, pointer)


def _subject(own: OwnWords) -> str | None:
    """The subject: of an e-mail there must be one, of nothing else."""
    if KINDS[own.kind].channel is not Channel.EMAIL:
        if own.subject is not None:
            raise Refusal("invalid_field", {"expected": "null"}, "/subject")
        return None
    return " ".join(_cleaned(own.subject or "", LONGEST_SUBJECT, "/subject").split())


def _cleaned(typed: str, longest: int, pointer: str) -> str:
    """What was typed without what nobody sees; the place of a code is put in by us alone."""
    shown = (each for each in normalize(typed) if each == "\n" or unicodedata.category(each) != "Cc")
    text = "".join(shown).replace(CODE_PLACE, "").strip()
    if not 0 < len(text) <= longest:
        raise Refusal("invalid_field", {"expected": f"1-{longest}"}, pointer)
    return text


def _template(own: OwnWords, text: str, pointer: str, fields: frozenset[Field]) -> Template:
    known = {FIELD_NAMES[own.language][field] for field in fields}
    try:
        return check_names(parse_template(text), known)
    except TemplateFault as fault:
        names = ", ".join(f"{{{name}}}" for name in sorted(known))
        raise Refusal("text_place_unknown", {"place": fault.place, "known": names}, pointer) from fault


def _last_line(text: str) -> str:
    return text.rpartition("\n")[2]
