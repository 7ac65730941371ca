"""One log line and a few metrics a request, and nothing in them that tells of a person."""

import traceback
from types import TracebackType
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

__all__ = ["MetricUnit", "begin_invocation", "invocation_reference", "logger", "metrics", "where_it_broke"]

REFERENCE_LETTERS = 8

logger = Logger(log_uncaught_exceptions=False, utc=True, location=None)
metrics = Metrics()


def begin_invocation(context: "LambdaContext") -> None:
    """Start the log lines of one invocation with its request id, and with nothing of the one before.

    Powertools' own decorator also repeats the function's name, memory and ARN in every line: a third of its price.
    """
    logger.clear_state()
    logger.append_keys(request_id=context.aws_request_id)


def invocation_reference() -> str:
    """The beginning of the request id: short enough to read out on the phone, and it finds the log line."""
    return str(logger.get_current_keys().get("request_id", ""))[:REFERENCE_LETTERS]


def where_it_broke(error: BaseException) -> list[str]:
    """The frames of an error without its message: messages of drivers quote what they were given."""
    trace: TracebackType | None = error.__traceback__
    frames: list[Any] = traceback.extract_tb(trace)
    return [f"{frame.filename.rpartition('/python/')[2]}:{frame.lineno} {frame.name}" for frame in frames]
