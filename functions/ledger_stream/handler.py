"""Takes in what the ledger's stream tells: which outlet days to recompute, and from what.

All or nothing: a batch that fails is told again, and telling twice changes nothing.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from stamkunde import cold_start
from stamkunde.bootstrap import dynamodb_client, projections
from stamkunde.ledger.store import club_of, entry_from_row
from stamkunde.observability import begin_invocation, logger
from stamkunde.settings import Settings
from stamkunde.shared.item import from_wire
from stamkunde.views.model import SaleFact
from stamkunde.views.service import note_entries, sale_fact

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

SETTINGS = Settings.from_environment()
STORE = projections(SETTINGS, dynamodb_client(SETTINGS))

cold_start.is_over()


def lambda_handler(event: dict[str, Any], context: "LambdaContext") -> None:
    """Note every entry that was written, and forget every one that was removed."""
    begin_invocation(context)
    records = event["Records"]
    written = _facts(record["dynamodb"]["NewImage"] for record in records if record["eventName"] != "REMOVE")
    removed = _facts(record["dynamodb"]["OldImage"] for record in records if record["eventName"] == "REMOVE")
    days = note_entries(STORE, written, removed)
    logger.info("entries noted", written=len(written), removed=len(removed), days=days)


def _facts(images: Iterable[dict[str, Any]]) -> list[SaleFact]:
    rows = map(from_wire, images)
    facts = (sale_fact(club_of(row), entry_from_row(row)) for row in rows)
    return [fact for fact in facts if fact is not None]
