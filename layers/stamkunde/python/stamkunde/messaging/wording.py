"""What operators do with a club's own words: see them beside ours, put others in their place, go back to ours."""

from collections.abc import Iterable

from msgspec import Struct

from stamkunde.messaging.default_texts import DefaultText, default_texts
from stamkunde.messaging.model import MessageKind
from stamkunde.messaging.parts import MOST_PARTS
from stamkunde.messaging.preview import Preview, Sample, preview
from stamkunde.messaging.text import parse_template
from stamkunde.messaging.words import OwnWords, Words, check_words, default_words
from stamkunde.messaging.words_store import ClubWords
from stamkunde.shared.clock import Clock
from stamkunde.shared.errors import Refusal
from stamkunde.shared.patience import Patience


class Worded(Struct, frozen=True):
    """A kind of message in a language, as a club says it.

    Parameters
    ----------
    own
        None for a club that says it in our words.
    shown
        As it would be sent.
    one_part
        Our version in one part as it would be sent, where there is one.
    """

    kind: MessageKind
    ours: DefaultText
    own: OwnWords | None
    shown: Preview
    one_part: Preview | None


class Wording(Struct, frozen=True):
    """A club's words."""

    words: ClubWords
    sample: Sample
    clock: Clock
    patience: Patience

    def show(self, kinds: Iterable[MessageKind], language: str) -> list[Worded]:
        """Some kinds of messages, in a language."""
        own = self.words.own()
        return [worded(kind, language, self.sample, own.get((kind, language))) for kind in kinds]

    def edit(self, own: OwnWords) -> Worded:
        """Say it in these words from now on.

        Raises
        ------
        Refusal
            Those of `check_words`; ``invalid_field``: more than six parts.
        """
        own = check_words(own)
        said = worded(own.kind, own.language, self.sample, own)
        if said.shown.count is not None and said.shown.count.parts > MOST_PARTS:
            raise Refusal("invalid_field", {"expected": f"1-{MOST_PARTS}"}, "/text")
        self.patience.until_done(lambda: self.words.save(own, self.clock.now()))
        return said

    def forget(self, kind: MessageKind, language: str) -> Worded:
        """Say it in our words again."""
        self.patience.until_done(lambda: self.words.forget(kind, language))
        return worded(kind, language, self.sample)


def worded(kind: MessageKind, language: str, sample: Sample, own: OwnWords | None = None) -> Worded:
    """A kind of message in a club's words, or in ours; what it would look like, and what our short version would."""
    ours = default_texts(language)[kind]
    said = own.words if own else default_words(kind, language)
    short = Words(parse_template(ours.short)) if ours.short else None
    one_part = preview(kind, language, short, sample) if short else None
    return Worded(kind, ours, own, preview(kind, language, said, sample), one_part)
