"""The operators' tasks for a club's own words in what is sent by itself, with what each message costs."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from operator_task.desk import Desk, TaskModel
from operator_task.ledger_tasks import Bench
from stamkunde.messaging.default_texts import default_texts
from stamkunde.messaging.model import KINDS, MessageKind
from stamkunde.messaging.preview import Preview, sample_of
from stamkunde.messaging.prices import PART_PRICES
from stamkunde.messaging.wording import Worded, Wording
from stamkunde.messaging.words import EDITABLE, LONGEST_SUBJECT, LONGEST_TEXT, OwnWords
from stamkunde.messaging.words_store import ClubWords
from stamkunde.shared.errors import Refusal
from stamkunde.shared.money import Money
from stamkunde.shared.patience import Patience

type Language = Literal["da", "nb", "en"]


class ShowMessageTexts(TaskModel, tag="show_message_texts"):
    """What a club says in everything that is sent by itself, or in one kind of message; with parts and list price."""

    club_id: str
    kind: str | None = None
    language: Language | None = None


class Typed(Struct, forbid_unknown_fields=True):
    """A message in a club's own words."""

    text: Annotated[str, Meta(max_length=LONGEST_TEXT)]
    subject: Annotated[str, Meta(max_length=LONGEST_SUBJECT)] | None = None


class EditMessageText(TaskModel, tag="edit_message_text"):
    """Say it in these words from now on: the club's own, our version in one part, or ours again."""

    club_id: str
    kind: str
    words: Typed | Literal["ours", "one_part"]
    language: Language | None = None


type WordingTask = ShowMessageTexts | EditMessageText


def show_message_texts(desk: Desk, task: ShowMessageTexts) -> dict[str, Any]:
    """Carry out `ShowMessageTexts`."""
    bench = Bench(desk, task.club_id)
    kinds = [_kind(task.kind)] if task.kind else [kind for kind in MessageKind if kind in EDITABLE]
    language = task.language or bench.club.language
    texts = [shown_words(each) for each in wording(desk, bench).show(kinds, language)]
    return {"club_id": task.club_id, "language": language, "texts": texts, **price_list(bench.club.country)}


def edit_message_text(desk: Desk, task: EditMessageText) -> dict[str, Any]:
    """Carry out `EditMessageText`."""
    bench, kind = Bench(desk, task.club_id), _kind(task.kind)
    language = task.language or bench.club.language
    words = wording(desk, bench)
    if task.words == "ours":
        said = words.forget(kind, language)
    elif isinstance(task.words, Typed):
        said = words.edit(OwnWords(kind, language, task.words.text, task.words.subject))
    else:
        short = default_texts(language)[kind].short
        if short is None:
            raise Refusal("invalid_field", {"expected": "ours"}, "/words")
        said = words.edit(OwnWords(kind, language, short))
    return {"club_id": task.club_id, "language": language, **shown_words(said)}


WORDING_TASKS: Mapping[type[TaskModel], Callable[[Desk, Any], dict[str, Any]]] = {
    ShowMessageTexts: show_message_texts,
    EditMessageText: edit_message_text,
}


def wording(desk: Desk, bench: Bench) -> Wording:
    """A club's words, to be shown and changed."""
    settings = desk.settings
    sample = sample_of(bench.club, settings.pages_domain, settings.short_domain)
    words = ClubWords(desk.client, settings.clubs_table, bench.club.club_id)
    return Wording(words, sample, bench.clock, Patience())


def shown_words(said: Worded) -> dict[str, Any]:
    """A kind of message as people see it: its words, what it becomes of them, and what that costs."""
    rules = KINDS[said.kind]
    return {
        "kind": said.kind.value,
        "class": rules.message_class.value,
        "channel": rules.channel.value,
        "text": said.own.text if said.own else said.ours.text,
        "subject": said.own.subject if said.own else said.ours.subject,
        "ours": said.ours.text if said.own else None,
        "merged": _preview(said.shown),
        "one_part": said.one_part and {"text": said.ours.short, "merged": _preview(said.one_part)},
    }


def price_list(country: str) -> dict[str, Any]:
    """What the prices shown were made of."""
    price = PART_PRICES[country]
    return {"price_a_part": _money(price.part) | {"source": price.source, "read_on": price.read_on.isoformat()}}


def _preview(shown: Preview) -> dict[str, Any]:
    if shown.count is None:
        return {"text": shown.text, "subject": shown.subject}
    return {
        "text": shown.text,
        "parts": shown.count.parts,
        "encoding": shown.count.encoding.value,
        "price": shown.price and _money(shown.price),
        "longer_by": [f"{each.character} ({each.name})" for each in shown.costly],
    }


def _money(money: Money) -> dict[str, Any]:
    return {"amount": money.amount, "currency": money.currency}


def _kind(typed: str) -> MessageKind:
    """The kind that was typed.

    Raises
    ------
    Refusal
        ``invalid_field``: there is none of that name that a club words.
    """
    for kind in EDITABLE:
        if kind == typed:
            return kind
    raise Refusal("invalid_field", {"expected": ", ".join(sorted(EDITABLE))}, "/kind")
