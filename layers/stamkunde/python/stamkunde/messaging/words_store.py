"""Rows of a club's own words, beside its settings: ``CLUB#<club>`` / ``TEXT#<kind>#<language>``.

Apart from what a till reads of a club every minute: they are read when something is written to somebody.
"""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from stamkunde.messaging.model import MessageKind
from stamkunde.messaging.words import OwnWords, Words, default_words
from stamkunde.shared.clock import iso_instant
from stamkunde.shared.reading import get_row, query_rows
from stamkunde.shared.transaction import THERE, ConditionFailed, Delete, Put, delete_alone, put_alone

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

ITEM_VERSION = 1


class ClubWords:
    """One club's own words. Built for one club: no method takes another's id."""

    def __init__(self, client: "DynamoDBClient", table: str, club_id: str) -> None:
        self._client = client
        self._table = table
        self._pk = f"CLUB#{club_id}"

    def words(self, kind: MessageKind, language: str) -> Words:
        """What the club says in a kind of message: in its own words, or else in ours."""
        row = get_row(self._client, self._table, self._pk, _sk(kind, language), consistent=False)
        return _own(row).words if row else default_words(kind, language)

    def own(self) -> dict[tuple[MessageKind, str], OwnWords]:
        """All that the club words itself, by kind and language."""
        rows = query_rows(self._client, self._table, self._pk, "TEXT#", consistent=True)
        return {(each.kind, each.language): each for each in map(_own, rows)}

    def save(self, own: OwnWords, now: datetime) -> None:
        """Say it in these words from now on."""
        row = {
            "pk": self._pk,
            "sk": _sk(own.kind, own.language),
            "v": ITEM_VERSION,
            "text": own.text,
            "subject": own.subject,
            "saved_at": iso_instant(now),
        }
        put_alone(self._client, Put("words", self._table, row))

    def forget(self, kind: MessageKind, language: str) -> None:
        """Say it in our words again; a club that did anyway goes on."""
        key = {"pk": self._pk, "sk": _sk(kind, language)}
        try:
            delete_alone(self._client, Delete("words", self._table, key, THERE))
        except ConditionFailed:
            return


def _sk(kind: MessageKind, language: str) -> str:
    return f"TEXT#{kind.value}#{language}"


def _own(row: dict[str, Any]) -> OwnWords:
    _, kind, language = row["sk"].split("#")
    return OwnWords(MessageKind(kind), language, row["text"], row["subject"])
