"""The state machine that does something to or for a member, step by step, where operators can watch it."""

import json
from collections.abc import Mapping
from typing import Any, Protocol

from botocore.exceptions import ClientError
from msgspec import Struct


class StatesClient(Protocol):
    """What is used of botocore's Step Functions client."""

    def start_execution(self, **given: Any) -> Mapping[str, Any]:
        """Start a state machine."""
        ...


class Cases(Struct, frozen=True):
    """Starts cases. What is handed over and kept for 90 days names a club, a case and a step, and nobody."""

    client: StatesClient
    machine: str

    def start(self, club_id: str, case_id: str, attempt: int, step: str) -> None:
        """Start an attempt of a case; one that was started before goes on as it is."""
        try:
            self.client.start_execution(
                stateMachineArn=self.machine,
                name=f"{case_id}-{attempt}",
                input=json.dumps({"club": club_id, "case": case_id, "step": step}),
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
                raise
