"""The composition root of members' facts and segments: apart from `stamkunde.bootstrap`, for no till asks them."""

from typing import TYPE_CHECKING

from stamkunde.campaigns.facts_service import FactsKeeper
from stamkunde.campaigns.segment_store import SegmentStore
from stamkunde.campaigns.segments import Segments
from stamkunde.campaigns.taking_facts import FactsReader
from stamkunde.clubs.known import KnownClubs
from stamkunde.clubs.model import Club
from stamkunde.ledger.account_members import AccountMembers
from stamkunde.ledger.store import LedgerStore
from stamkunde.members.store import MemberStore
from stamkunde.settings import Settings
from stamkunde.shared.clock import Clock
from stamkunde.shared.patience import Patience
from stamkunde.view_bootstrap import facts_store

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


def facts_keeper(settings: Settings, client: "DynamoDBClient", clubs: KnownClubs, club: Club) -> FactsKeeper:
    """What keeps a club's facts."""
    return keeper_of(settings, client, club, clubs.clock_of(club))


def keeper_of(settings: Settings, client: "DynamoDBClient", club: Club, clock: Clock) -> FactsKeeper:
    """The same, by a clock that is known."""
    club_id = club.club_id
    members = MemberStore(client, settings.members_table, club_id, club.address_key, clock)
    reader = FactsReader(club, members, LedgerStore(client, settings.ledger_table, club_id), clock)
    accounts = AccountMembers(client, settings.ledger_table, club_id, Patience())
    return FactsKeeper(facts_store(settings, client, club_id), reader, accounts, Patience())


def segments(settings: Settings, client: "DynamoDBClient", club: Club, clock: Clock) -> Segments:
    """A club's saved segments, and whom they choose."""
    store = SegmentStore(client, settings.clubs_table, club.club_id)
    return Segments(club, store, facts_store(settings, client, club.club_id), clock, Patience())
