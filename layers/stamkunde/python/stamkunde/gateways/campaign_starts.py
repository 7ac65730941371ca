"""The state machine that begins a campaign, where operators can watch it."""

import json

from botocore.exceptions import ClientError
from msgspec import Struct

from stamkunde.gateways.cases import StatesClient
from stamkunde.shared.clock import Clock

HALF_AN_HOUR = 1_800.0
"""Seconds; as long as one attempt may take."""


class CampaignStarts(Struct, frozen=True):
    """Starts it. What is handed over and kept for 90 days names a club and a campaign, and nobody."""

    client: StatesClient
    machine: str
    clock: Clock

    def start(self, club_id: str, campaign_id: str, epoch: int) -> None:
        """Begin a campaign in an epoch; what was begun in it within the same half hour goes on as it is.

        A name is taken for 90 days, also by what has failed: in the next half hour it is tried again under another.
        Its steps may be done twice.
        """
        half_hour = int(self.clock.now().timestamp() // HALF_AN_HOUR)
        try:
            self.client.start_execution(
                stateMachineArn=self.machine,
                name=f"{campaign_id}-{epoch}-{half_hour}",
                input=json.dumps({"club": club_id, "campaign": campaign_id}),
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
                raise
