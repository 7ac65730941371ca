"""The one way to stop in each advertising text: a line of its own, or a link that is both (R6)."""

import re

from stamkunde.messaging.model import FIELD_NAMES, KINDS, Field, MessageClass, MessageKind
from stamkunde.messaging.text import Place, Template, parse_template

_LINES = {"da": "\nAfmeld: {Stop}", "nb": "\nAvmeld: {Stopp}", "en": "\nUnsubscribe: {Stop}"}
NAMES_BOTH = re.compile(r"\bstopp? (?:sms|texts): ?$", re.IGNORECASE)
"""How the words before a link end that is the way to stop as well."""


def with_stop_line(kind: MessageKind, template: Template, language: str) -> Template:
    """The text as it is sent and counted: what advertises and shows no way to stop gets one at its end."""
    if KINDS[kind].message_class is not MessageClass.MARKETING:
        return template
    if FIELD_NAMES[language][Field.STOP] in template.names or link_stops_too(kind, template, language):
        return template
    return Template((*template.pieces, *parse_template(_LINES[language]).pieces))


def link_stops_too(kind: MessageKind, template: Template, language: str) -> bool:
    """Whether the words before the link say that it is the way to stop as well.

    Where a message names a day its link is there to act until then, and for nothing else.
    """
    if Field.DATE in KINDS[kind].fields:
        return False
    link = FIELD_NAMES[language][Field.LINK]
    pairs = zip(template.pieces, template.pieces[1:], strict=False)
    return any(
        isinstance(words, str) and isinstance(place, Place) and place.name == link and NAMES_BOTH.search(words)
        for words, place in pairs
    )
