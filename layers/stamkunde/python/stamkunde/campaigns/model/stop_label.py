"""The one way to stop in an advertisement (R6): a link that says it is both, or a stop link with its own word."""

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum

from stamkunde.campaigns.model.fields import MERGE_NAMES, MergeField
from stamkunde.messaging.stop_line import NAMES_BOTH
from stamkunde.messaging.text import Place, Template
from stamkunde.shared.channel import Channel

STOP_LINES = {"da": "Afmeld: {Stop}", "nb": "Avmeld: {Stopp}", "en": "Unsubscribe: {Stop}"}
"""What a text without a page of its own ends in."""

_STOP_WORD = re.compile(r"\b(?:afmeld|avmeld|unsubscribe): ?$", re.IGNORECASE)

_LINK_ENDS = re.compile(r"$|[\s.,;:!?)\"]")
"""What may follow a link without becoming part of it."""


class StopFault(StrEnum):
    """What is wrong with how a text tells how to stop."""

    MISSING = "missing"
    UNLABELLED = "unlabelled"


def stop_fault(template: Template, language: str, channel: Channel) -> StopFault | None:
    """What is wrong with the way to stop: only "Afmeld: {Stop}" or, in an SMS, "Bestil/stop sms: {Link}" will do."""
    names = MERGE_NAMES[language]
    found = list(_links(template))
    if channel is Channel.SMS and _labelled(found, names[MergeField.LINK], NAMES_BOTH):
        return None
    if names[MergeField.STOP] not in {name for _, name in found}:
        return StopFault.MISSING
    return None if _labelled(found, names[MergeField.STOP], _STOP_WORD) else StopFault.UNLABELLED


def with_stop(source: str, language: str) -> str:
    """The text with a line by which to stop, if it has none: the one-click answer to what is missing."""
    return f"{source.rstrip()}\n{STOP_LINES[language]}"


def _links(template: Template) -> Iterator[tuple[str, str]]:
    """Each place that may be followed, with the words right before it: nothing clings to its end and breaks it."""
    around = ("", *template.pieces, "")
    for before, place, after in zip(around, around[1:], around[2:], strict=False):
        if isinstance(place, Place) and isinstance(after, str) and _LINK_ENDS.match(after):
            yield before if isinstance(before, str) else "", place.name


def _labelled(links: Iterable[tuple[str, str]], name: str, label: re.Pattern[str]) -> bool:
    return any(place == name and label.search(words) is not None for words, place in links)
