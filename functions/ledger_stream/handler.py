"""Takes in what the ledger's stream tells: which outlet days to recompute, and from what; which accounts to prove.

And of whose members the facts are to be made anew.

All or nothing: a batch that fails is told again, and telling twice changes nothing.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from stamkunde import cold_start
from stamkunde.bootstrap import dynamodb_client
from stamkunde.campaigns.facts_store import MarkKind, Touched
from stamkunde.ledger.care_store import touch_accounts
from stamkunde.ledger.rows import entry_from_row
from stamkunde.ledger.store import accounts_of, club_of, is_guest
from stamkunde.observability import begin_invocation, logger
from stamkunde.settings import Settings
from stamkunde.shared.item import from_wire
from stamkunde.view_bootstrap import mark_store, projections
from stamkunde.views.model import SaleFact
from stamkunde.views.service import note_entries, sale_fact

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

SETTINGS = Settings.from_environment()
CLIENT = dynamodb_client(SETTINGS)
STORE = projections(SETTINGS, CLIENT)
MARKS = mark_store(SETTINGS, CLIENT)

cold_start.is_over()


def lambda_handler(event: dict[str, Any], context: "LambdaContext") -> None:
    """Note every entry that was written, and forget every one that was removed."""
    begin_invocation(context)
    records = event["Records"]
    written = [from_wire(each["dynamodb"]["NewImage"]) for each in records if each["eventName"] != "REMOVE"]
    removed = [from_wire(each["dynamodb"]["OldImage"]) for each in records if each["eventName"] == "REMOVE"]
    days = note_entries(STORE, _facts(written), _facts(removed))
    touched = accounts_of((*written, *removed))
    accounts = touch_accounts(CLIENT, SETTINGS.views_table, touched)
    MARKS.mark(Touched(club_id, MarkKind.ACCOUNT, each) for club_id, each in touched if not is_guest(each))
    logger.info("entries noted", written=len(written), removed=len(removed), days=days, accounts=accounts)


def _facts(rows: Iterable[dict[str, Any]]) -> list[SaleFact]:
    facts = (sale_fact(club_of(row), entry_from_row(row)) for row in rows)
    return [fact for fact in facts if fact is not None]
