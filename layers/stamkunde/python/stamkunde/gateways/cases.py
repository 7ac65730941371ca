"""The state machines that do something to or for a member, step by step, where operators can watch them."""

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
    """Starts cases. What is handed over and kept for 90 days names a club, a case and a step, and nobody.

    Parameters
    ----------
    machine
        What goes through what is told or noted.
    erasing_machine
        What goes through what takes somebody away, and can't be undone.
    """

    client: StatesClient
    machine: str
    erasing_machine: str

    def start(self, club_id: str, case_id: str, attempt: int, step: str, *, removes: bool) -> None:
        """Start an attempt of a case; one that was started before goes on as it is.

        Parameters
        ----------
        removes
            Whether the step takes somebody away.
        """
        try:
            self.client.start_execution(
                stateMachineArn=self.erasing_machine if removes else self.machine,
                name=f"{case_id}-{attempt}",
                input=json.dumps({"club": club_id, "case": case_id, "step": step}),
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
                raise
