"""A step of a case in the member_due state machine: do what is due, or write when to look again."""

from typing import TYPE_CHECKING, Any, Literal

import msgspec

from stamkunde import cold_start  # before anything else of ours

# isort: split
from stamkunde.bootstrap import dynamodb_client, known_clubs
from stamkunde.clubs.model import Club
from stamkunde.observability import begin_invocation, logger, where_it_broke
from stamkunde.retention.acts import Acted
from stamkunde.retention.model import StepKind
from stamkunde.retention_bootstrap import due_acts
from stamkunde.settings import Settings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

SETTINGS = Settings.from_environment()
CLIENT = dynamodb_client(SETTINGS)
CLUBS = known_clubs(SETTINGS, CLIENT)

cold_start.is_over()


class Task(msgspec.Struct, frozen=True):
    """What the state machine asks for."""

    do: Literal["act", "rearm"]
    club: str
    case: str


class StepBrokeError(Exception):
    """A step that the state machine is to try again; the log says where it broke."""


def lambda_handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, str]:
    """Do one step; whatever breaks is tried again by the state machine."""
    begin_invocation(context)
    task = msgspec.convert(event, Task)
    logger.append_keys(club=task.club, case=task.case, do=task.do)
    club = CLUBS.by_id(task.club)
    if club is None:
        raise LookupError("there is no such club")
    try:
        outcome, did = _do(task, club)
    except Exception as error:  # noqa: BLE001 - whatever it is, its message must not leave
        logger.error("case step broke", error=type(error).__name__, frames=where_it_broke(error))
        # Its message may quote a row, and would lie in the execution's history for 90 days.
        raise StepBrokeError(type(error).__name__) from None
    logger.info("case step done", outcome=outcome.value, did=did.value if did else None)
    return {"outcome": outcome.value}


def _do(task: Task, club: Club) -> tuple[Acted, StepKind | None]:
    acts = due_acts(SETTINGS, CLIENT, CLUBS, club)
    if task.do == "act":
        return acts.act(task.case)
    acts.rearm(task.case)
    return Acted.DONE, None
