"""Takes in what the members table's stream tells: whose facts are to be made anew. It carries keys, and no person.

All or nothing: a batch that fails is told again, and marking twice changes nothing.
"""

from typing import TYPE_CHECKING, Any

from stamkunde import cold_start
from stamkunde.bootstrap import dynamodb_client
from stamkunde.campaigns.facts_store import MarkKind, Touched
from stamkunde.observability import begin_invocation, logger
from stamkunde.settings import Settings
from stamkunde.shared.item import from_wire
from stamkunde.view_bootstrap import mark_store

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

SETTINGS = Settings.from_environment()
MARKS = mark_store(SETTINGS, dynamodb_client(SETTINGS))

cold_start.is_over()


def lambda_handler(event: dict[str, Any], context: "LambdaContext") -> None:
    """Mark every member whose row was written or removed, or who said something anew."""
    begin_invocation(context)
    keys = (from_wire(each["dynamodb"]["Keys"])["pk"].split("#") for each in event["Records"])
    members = MARKS.mark(Touched(club_id, MarkKind.MEMBER, member_id) for _, club_id, member_id in keys)
    logger.info("members marked", members=members)
