"""Rows of corrections that wait for a second person: ``PROPOSALS#<club>#<month>`` / ``<proposal>``."""

from collections.abc import Container
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from stamkunde.ledger.model.adjusting import Correction, CorrectionReason
from stamkunde.shared.clock import iso_instant, parse_instant
from stamkunde.shared.ids import derived_id
from stamkunde.shared.item import to_wire
from stamkunde.shared.reading import get_row, query_rows
from stamkunde.shared.transaction import NOT_THERE, UNCHANGED, Put

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

ITEM_VERSION = 1
WAITS = timedelta(days=30)
"""What nobody has approved by then is over."""

_MONTH_DIGITS = 6
_LONGER_THAN_A_MONTH = timedelta(days=32)
_LETTERS = 12


class ProposalState(StrEnum):
    """What became of a proposal."""

    OPEN = "open"
    BOOKED = "booked"
    DECLINED = "declined"


class Proposal(Struct, frozen=True):
    """A correction that is too large for one person.

    Parameters
    ----------
    content
        Digest of what came with the proposer's key.
    decided_by
        Who approved or declined it.
    account_id, entry_id
        Where it was booked.
    """

    proposal_id: str
    correction: Correction
    proposed_at: datetime
    content: str
    state: ProposalState = ProposalState.OPEN
    decided_by: str | None = None
    account_id: str | None = None
    entry_id: str | None = None
    revision: int = 1

    def waits(self, now: datetime) -> bool:
        """Whether somebody may still decide on it."""
        return self.state is ProposalState.OPEN and now < self.proposed_at + WAITS


class ProposalStore:
    """One club's proposals. Built for one club: no method takes another's id."""

    def __init__(self, client: "DynamoDBClient", table: str, club_id: str) -> None:
        self._client = client
        self._table = table
        self._club_id = club_id

    def load(self, proposal_id: str) -> Proposal | None:
        """A proposal as last confirmed."""
        month = proposal_id[1 : 1 + _MONTH_DIGITS]
        row = get_row(self._client, self._table, self._pk(month), proposal_id, consistent=True)
        return _proposal(row) if row else None

    def waiting(self, now: datetime) -> list[Proposal]:
        """Those that somebody may still decide on, the oldest first."""
        months = sorted({_month(now - WAITS), _month(now - WAITS / 2), _month(now)})
        found = [
            _proposal(row)
            for month in months
            for row in query_rows(self._client, self._table, self._pk(month), consistent=True)
        ]
        return sorted((each for each in found if each.waits(now)), key=lambda each: each.proposed_at)

    def new_write(self, proposal: Proposal) -> Put:
        """A new proposal."""
        return Put("proposal", self._table, self._row(proposal), NOT_THERE)

    def decided_write(self, before: Proposal, after: Proposal) -> Put:
        """What became of a proposal, refused if somebody else decided meanwhile."""
        return Put("proposal", self._table, self._row(after), UNCHANGED, {"before": before.revision})

    def remove_of(self, ids: Container[str], since: datetime, until: datetime) -> None:
        """Take away what was proposed for some members between two instants."""
        month = since.replace(day=1)
        while _month(month) <= _month(until):
            for row in query_rows(self._client, self._table, self._pk(_month(month)), consistent=True):
                if row["person"] in ids:
                    self._client.delete_item(TableName=self._table, Key=to_wire({"pk": row["pk"], "sk": row["sk"]}))
            month += _LONGER_THAN_A_MONTH
            month = month.replace(day=1)

    def _pk(self, month: str) -> str:
        return f"PROPOSALS#{self._club_id}#{month}"

    def _row(self, proposal: Proposal) -> dict[str, Any]:
        wish = proposal.correction
        return {
            "pk": self._pk(proposal.proposal_id[1 : 1 + _MONTH_DIGITS]),
            "sk": proposal.proposal_id,
            "v": ITEM_VERSION,
            "revision": proposal.revision,
            "person": wish.member_id,
            "reason": wish.reason.value,
            "note": wish.note,
            "proposed_by": wish.by,
            "proposed_at": iso_instant(proposal.proposed_at),
            "bonus": wish.bonus,
            "stamps": [wish.stamp_programme_id, wish.stamps],
            "content": proposal.content,
            "state": proposal.state.value,
            "decided_by": proposal.decided_by,
            "account": proposal.account_id,
            "entry": proposal.entry_id,
        }


def proposal_id(act_id: str, at: datetime) -> str:
    """The id of what was proposed with a key in a month: ``q202611…``."""
    return derived_id(f"q{_month(at)}", act_id, letters=_LETTERS)


def _month(at: datetime) -> str:
    return f"{at:%Y%m}"


def _proposal(row: dict[str, Any]) -> Proposal:
    stamp_programme_id, stamps = row["stamps"]
    return Proposal(
        proposal_id=row["sk"],
        correction=Correction(
            member_id=row["person"],
            reason=CorrectionReason(row["reason"]),
            note=row["note"],
            by=row["proposed_by"],
            bonus=row["bonus"],
            stamps=stamps,
            stamp_programme_id=stamp_programme_id,
        ),
        proposed_at=parse_instant(row["proposed_at"]),
        content=row["content"],
        state=ProposalState(row["state"]),
        decided_by=row["decided_by"],
        account_id=row["account"],
        entry_id=row["entry"],
        revision=row["revision"],
    )
