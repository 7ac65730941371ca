"""A step of the member_erased state machine: part of erasing somebody, or the end of a case about who stays."""

from typing import TYPE_CHECKING, Any

import msgspec

from stamkunde import cold_start  # before anything else of ours

# isort: split
from stamkunde.bootstrap import dynamodb_client, known_clubs
from stamkunde.erasure.model import Left, StepName
from stamkunde.erasure_bootstrap import erasure
from stamkunde.observability import begin_invocation, logger, where_it_broke
from stamkunde.settings import Settings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

SETTINGS = Settings.from_environment()
CLIENT = dynamodb_client(SETTINGS)
CLUBS = known_clubs(SETTINGS, CLIENT)

REARM = "rearm"

cold_start.is_over()


class Task(msgspec.Struct, frozen=True):
    """What the state machine asks for: a step of the plan, or the end of a case about who stays."""

    do: str
    club: str
    case: str


class StepBrokeError(Exception):
    """A step that the state machine is to try again; the log says where it broke."""


def lambda_handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, str]:
    """Do one step; whatever breaks is tried again by the state machine."""
    begin_invocation(context)
    task = msgspec.convert(event, Task)
    logger.append_keys(club=task.club, case=task.case, do=task.do)
    try:
        left = _do(task)
    except Exception as error:  # noqa: BLE001 - whatever it is, its message must not leave
        logger.error("erasure step broke", error=type(error).__name__, frames=where_it_broke(error))
        # Its message may quote a row, and would lie in the execution's history for 90 days.
        raise StepBrokeError(type(error).__name__) from None
    logger.info("erasure step done", outcome=left.value)
    return {"outcome": left.value}


def _do(task: Task) -> Left:
    club = CLUBS.by_id(task.club)
    if club is None:
        # A club that has closed was emptied of everybody, also of who was being erased.
        logger.warning("club is gone")
        return Left.DONE
    erasing = erasure(SETTINGS, CLIENT, club, CLUBS.clock_of(club))
    if task.do == REARM:
        erasing.rearm(task.case)
        return Left.DONE
    return erasing.do(StepName(task.do), task.case)
