"""What a member is told of the campaigns that they were sent (GDPR art. 15): when, how, and what became of them."""

from stamkunde.campaigns.results import Result, Results
from stamkunde.campaigns.store import CampaignStore
from stamkunde.members.own_data import CampaignTold
from stamkunde.messaging.model import DeliveryState

_OUTCOMES = {
    DeliveryState.SENT: "sent",
    DeliveryState.DELIVERED: "delivered",
    DeliveryState.FAILED: "failed",
    DeliveryState.EXPIRED: "failed",
}
"""Of every other state nobody knows whether it arrived."""


class OwnMessages:
    """The campaigns that one club's members were sent. Built for one club: no method takes another's id."""

    def __init__(self, results: Results, campaigns: CampaignStore) -> None:
        self._results = results
        self._campaigns = campaigns
        self._names: dict[str, str] = {}

    def of(self, member_id: str) -> list[CampaignTold]:
        """Those of the last year, in no order."""
        return [self._told(result) for result in self._results.of_member(member_id)]

    def _told(self, result: Result) -> CampaignTold:
        name, outcome = self._name(result.key.campaign_id), _OUTCOMES.get(result.state, "unknown")
        return CampaignTold(name, result.at, result.channel, outcome, result.clicked_at)

    def _name(self, campaign_id: str) -> str:
        if campaign_id not in self._names:
            found = self._campaigns.load(campaign_id)
            self._names[campaign_id] = found.name if found else ""
        return self._names[campaign_id]
