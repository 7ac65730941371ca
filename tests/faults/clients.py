"""Clients of DynamoDB that fail as AWS does, where no proxy is needed between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError


@dataclass
class AnswersLate:
    """The first call of an operation is carried out, and said to be still under way."""

    inner: Any
    operation: str
    late: int = 1

    def __getattr__(self, operation: str) -> Any:
        call = getattr(self.inner, operation)
        return self._late(call) if operation == self.operation and self.late else call

    def _late(self, call: Any) -> Any:
        def answer(**given: Any) -> Any:
            call(**given)
            self.late -= 1
            error: Any = {
                "Error": {"Code": "TransactionInProgressException", "Message": "in progress"},
                "ResponseMetadata": {"HTTPStatusCode": 400},
            }
            raise ClientError(error, "TransactWriteItems")

        return answer


@dataclass
class Cancels:
    """Every transaction is cancelled for these reasons, one a write."""

    reasons: list[dict[str, Any]]

    def transact_write_items(self, **_: Any) -> Any:
        error: Any = {
            "Error": {"Code": "TransactionCanceledException", "Message": "cancelled"},
            "ResponseMetadata": {"HTTPStatusCode": 400},
            "CancellationReasons": self.reasons,
        }
        raise ClientError(error, "TransactWriteItems")
