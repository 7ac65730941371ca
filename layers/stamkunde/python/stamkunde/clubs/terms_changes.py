"""What is new in a version of the terms, sentence by sentence. Pure rules."""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from enum import StrEnum

from msgspec import Struct

from stamkunde.clubs.model import TermsBlock, TermsVersion

_SENTENCE_END = re.compile(r"(?<=[.?]) (?=[A-ZÆØÅ])")
"""Not after a number or an abbreviation within a sentence: what follows those is written small, or is a figure."""


class Change(StrEnum):
    """What became of a sentence."""

    KEPT = "kept"
    GONE = "gone"
    NEW = "new"


class Sentence(Struct, frozen=True):
    """One sentence of either version."""

    change: Change
    words: str


class ChangedBlock(Struct, frozen=True):
    """A point of the terms in which something changed, or a part without a heading."""

    heading: str | None
    sentences: tuple[Sentence, ...]


def changes(older: TermsVersion, newer: TermsVersion, language: str) -> tuple[ChangedBlock, ...]:
    """What changed between two versions as readers of a language read them; points that stay as they are left out.

    Points are told apart by their headings. Of versions that have none, or not the same, the text is one point.
    """
    before, after = older.blocks_in(language), newer.blocks_in(language)
    if not (older.texts and newer.texts) or older.language_for(language) != newer.language_for(language):
        before, after = _as_one(before), _as_one(after)
    earlier = {block.heading: block.words for block in before}
    later = {block.heading: block.words for block in after}
    headings = [*later, *(heading for heading in earlier if heading not in later)]
    compared = (ChangedBlock(each, _compared(earlier.get(each, ""), later.get(each, ""))) for each in headings)
    return tuple(block for block in compared if any(each.change is not Change.KEPT for each in block.sentences))


def _as_one(blocks: tuple[TermsBlock, ...]) -> tuple[TermsBlock, ...]:
    return (TermsBlock(None, "\n".join(block.words for block in blocks)),)


def _compared(before: str, after: str) -> tuple[Sentence, ...]:
    return tuple(_walked(_sentences(before), _sentences(after)))


def _walked(before: list[str], after: list[str]) -> Iterator[Sentence]:
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for tag, before_from, before_to, after_from, after_to in matcher.get_opcodes():
        if tag == "equal":
            yield from (Sentence(Change.KEPT, words) for words in after[after_from:after_to])
            continue
        yield from (Sentence(Change.GONE, words) for words in before[before_from:before_to])
        yield from (Sentence(Change.NEW, words) for words in after[after_from:after_to])


def _sentences(text: str) -> list[str]:
    return [sentence for line in text.splitlines() for sentence in _SENTENCE_END.split(line.strip()) if sentence]
