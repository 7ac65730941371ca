"""What a campaign's text may merge: each member's own values, the club's, and what the shop fills in once. Pure."""

from enum import StrEnum

from stamkunde.messaging.text import Template


class MergeField(StrEnum):
    """What is merged without anybody typing it (feature 24): the first four and the links differ by member."""

    CLUB = "club"
    FIRST_NAME = "first_name"
    BONUS = "bonus"
    STAMPS = "stamps"
    LINK = "link"
    STOP = "stop"
    OPENING_HOURS = "opening_hours"
    TERMS = "terms"
    FORM = "form"


MERGE_NAMES = {
    "da": {
        MergeField.CLUB: "Klub",
        MergeField.FIRST_NAME: "Fornavn",
        MergeField.BONUS: "Bonus",
        MergeField.STAMPS: "Stempler",
        MergeField.LINK: "Link",
        MergeField.STOP: "Stop",
        MergeField.OPENING_HOURS: "Åbent",
        MergeField.TERMS: "Betingelser",
        MergeField.FORM: "Formular",
    },
    "nb": {
        MergeField.CLUB: "Klub",
        MergeField.FIRST_NAME: "Fornavn",
        MergeField.BONUS: "Bonus",
        MergeField.STAMPS: "Stempler",
        MergeField.LINK: "Link",
        MergeField.STOP: "Stopp",
        MergeField.OPENING_HOURS: "Åpent",
        MergeField.TERMS: "Vilkår",
        MergeField.FORM: "Skjema",
    },
    "en": {
        MergeField.CLUB: "Club",
        MergeField.FIRST_NAME: "FirstName",
        MergeField.BONUS: "Bonus",
        MergeField.STAMPS: "Stamps",
        MergeField.LINK: "Link",
        MergeField.STOP: "Stop",
        MergeField.OPENING_HOURS: "Hours",
        MergeField.TERMS: "Terms",
        MergeField.FORM: "Form",
    },
}
"""What each is called in the texts of a language."""

LINKS = frozenset({MergeField.LINK, MergeField.STOP, MergeField.TERMS, MergeField.FORM})
"""Those that lead to a page."""

FILLED_NAMES = {
    "da": frozenset({
        "Antal", "Dag", "Dato", "Dobbelt", "Fra", "Frist", "Gave", "Gæst", "Lukketid", "Måned", "Normal", "Pris",
        "Tid", "Til", "Tilbud",
    }),
    "nb": frozenset({
        "Antal", "Dag", "Dato", "Dobbelt", "Fra", "Frist", "Gave", "Gjest", "Lukketid", "Måned", "Normal", "Pris",
        "Tid", "Til", "Tilbud",
    }),
    "en": frozenset({
        "Closes", "Date", "Day", "Deadline", "Double", "From", "Gift", "Guest", "Month", "Normal", "Number", "Offer",
        "Price", "Time", "Until",
    }),
}  # fmt: skip
"""What the shop fills in once for everybody, when it takes a template."""


def known_names(language: str) -> frozenset[str]:
    """Every name that a text of a language may have a place for."""
    return FILLED_NAMES[language] | frozenset(MERGE_NAMES[language].values())


def merges(template: Template, field: MergeField, language: str) -> bool:
    """Whether a text has a place for a field."""
    return MERGE_NAMES[language][field] in template.names


def names_to_fill(template: Template, language: str) -> tuple[str, ...]:
    """What the shop must fill in, in the order of its first place in the text."""
    names = (piece.name for piece in template.pieces if not isinstance(piece, str))
    return tuple(name for name in dict.fromkeys(names) if name in FILLED_NAMES[language])
