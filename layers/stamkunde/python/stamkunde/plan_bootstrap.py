"""The composition root of plans and of what campaigns may begin with: for operators alone."""

from typing import TYPE_CHECKING

from stamkunde.campaign_bootstrap import campaigns
from stamkunde.campaigns.plan_store import PlanStore
from stamkunde.campaigns.plans import Plans
from stamkunde.clubs.bonus_windows import BonusWindows
from stamkunde.clubs.model import Club
from stamkunde.clubs.store import ClubStore
from stamkunde.ledger.coupon_store import CouponStore
from stamkunde.settings import Settings
from stamkunde.shared.clock import Clock

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


def plans(settings: Settings, client: "DynamoDBClient", club: Club, clock: Clock) -> Plans:
    """A club's plans, which its owner approves."""
    club_id = club.club_id
    return Plans(
        PlanStore(client, settings.messages_table, club_id),
        campaigns(settings, client, club, clock),
        BonusWindows(ClubStore(client, settings.clubs_table, club_id)),
        CouponStore(client, settings.ledger_table, club_id),
    )
