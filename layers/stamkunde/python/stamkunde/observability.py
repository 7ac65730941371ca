"""One log line and a few metrics a request, and nothing in them that tells of a person (ARCHITECTURE 8)."""

import traceback
from types import TracebackType
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit

__all__ = ["MetricUnit", "logger", "metrics", "where_it_broke"]

logger = Logger(log_uncaught_exceptions=False, utc=True)
metrics = Metrics()


def where_it_broke(error: BaseException) -> list[str]:
    """The frames of an error without its message: messages of drivers quote what they were given."""
    trace: TracebackType | None = error.__traceback__
    frames: list[Any] = traceback.extract_tb(trace)
    return [f"{frame.filename.rpartition('/python/')[2]}:{frame.lineno} {frame.name}" for frame in frames]
