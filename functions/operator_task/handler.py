"""What operators do, one task an invocation: see events/operator_task/ for a payload of each."""

from typing import TYPE_CHECKING, Any

import msgspec

from stamkunde import cold_start  # before anything else of ours

# isort: split
from operator_task.auditing import carry_out
from operator_task.desk import Desk
from operator_task.tasks import TASK_MODEL, Task
from stamkunde.bootstrap import dynamodb_client
from stamkunde.http import problem_document
from stamkunde.message_bootstrap import wake_ups
from stamkunde.observability import begin_invocation, logger
from stamkunde.operator_bootstrap import operators
from stamkunde.settings import Settings
from stamkunde.shared import reasons
from stamkunde.shared.errors import Refusal

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

SETTINGS = Settings.from_environment()
CLIENT = dynamodb_client(SETTINGS)
DESK = Desk(operators(SETTINGS, CLIENT), CLIENT, SETTINGS, wake_ups(SETTINGS))

cold_start.is_over()


def lambda_handler(event: dict[str, Any], context: "LambdaContext") -> Any:
    """Carry out one task; a refusal comes back as a problem document, with nothing written."""
    begin_invocation(context)
    try:
        task = _read(event)
        logger.append_keys(task=type(task).__name__, **_whom(task))
        answer = carry_out(DESK, task)
    except Refusal as refusal:
        logger.info("task refused", code=refusal.code)
        return msgspec.to_builtins(problem_document(refusal, "en"))
    logger.info("task done")
    return msgspec.to_builtins(answer)


def _whom(task: Task) -> dict[str, str]:
    """Whose club, outlet or till a task is about: giving and taking keys leaves a trace."""
    named = {name: getattr(task, name, None) for name in ("club_id", "slug", "outlet_id", "till_id")}
    return {name: value for name, value in named.items() if value}


def _read(event: dict[str, Any]) -> Task:
    try:
        task: Task = msgspec.convert(event, TASK_MODEL)
        return task
    except msgspec.ValidationError as error:
        reason, pointer = reasons.read(str(error))
        raise Refusal("invalid_field", {"expected": reason}, pointer) from error
