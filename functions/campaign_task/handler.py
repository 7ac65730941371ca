"""A step of the campaign_begun state machine: freeze whom it is for, make its lists, let the first ones go."""

import time
from typing import TYPE_CHECKING, Any

import msgspec

from stamkunde import cold_start  # before anything else of ours

# isort: split
from stamkunde.bootstrap import dynamodb_client, known_clubs
from stamkunde.campaign_bootstrap import expanding
from stamkunde.campaigns.expanding import Step
from stamkunde.observability import begin_invocation, logger, where_it_broke
from stamkunde.settings import Settings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

WORK_SECONDS = 60.0
"""Of the function's two minutes; what is left is done by the next invocation."""

SETTINGS = Settings.from_environment()
CLIENT = dynamodb_client(SETTINGS)
CLUBS = known_clubs(SETTINGS, CLIENT)

cold_start.is_over()


class Task(msgspec.Struct, frozen=True):
    """What the state machine asks for."""

    do: Step
    club: str
    campaign: str


class StepBrokeError(Exception):
    """A step that the state machine is to try again; the log says where it broke."""


def lambda_handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, str]:
    """Do one step; whatever breaks is tried again by the state machine."""
    begin_invocation(context)
    task = msgspec.convert(event, Task)
    logger.append_keys(club=task.club, campaign=task.campaign, do=task.do)
    club = CLUBS.by_id(task.club)
    if club is None:
        raise LookupError("there is no such club")
    try:
        ends = time.monotonic() + WORK_SECONDS
        steps = expanding(SETTINGS, CLIENT, CLUBS, club)
        outcome = steps.do(task.do, task.campaign, lambda: time.monotonic() > ends)
    except Exception as error:  # noqa: BLE001 - whatever it is, its message must not leave
        logger.error("campaign step broke", error=type(error).__name__, frames=where_it_broke(error))
        # Its message may quote a row, and would lie in the execution's history for 90 days.
        raise StepBrokeError(type(error).__name__) from None
    logger.info("campaign step done", outcome=outcome.value)
    return {"outcome": outcome.value}
