"""How often anything was written to a table, by whichever client of this process.

To read all tables before and after tells the same of code that runs in this process; in an account that many tests
share, that takes seconds.
"""

from __future__ import annotations

from functools import wraps
from itertools import count
from typing import Any

from botocore.client import BaseClient

WRITING = {"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"}

_numbers = count(1)
_latest = 0


def writes_so_far() -> int:
    """Successful writes since the tests began."""
    return _latest


def _counting(make_api_call: Any) -> Any:
    @wraps(make_api_call)
    def call(client: BaseClient, operation: str, given: dict[str, Any]) -> Any:
        global _latest  # noqa: PLW0603 - clients are many, and made anywhere
        answer = make_api_call(client, operation, given)
        if operation in WRITING:
            _latest = next(_numbers)
        return answer

    return call


BaseClient._make_api_call = _counting(BaseClient._make_api_call)  # type: ignore[attr-defined]
