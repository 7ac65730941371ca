"""The composition root of erasing: apart from all others, for whoever erases may do what nobody else may."""

from functools import partial
from typing import TYPE_CHECKING

from stamkunde.audit.store import AuditStore
from stamkunde.bootstrap import member_messages
from stamkunde.campaigns.addresses import Addresses
from stamkunde.campaigns.audience_store import AudienceStore
from stamkunde.campaigns.chunk_store import ChunkStore
from stamkunde.campaigns.forgetting import CampaignTraces
from stamkunde.campaigns.results import Results
from stamkunde.campaigns.runs import Running
from stamkunde.campaigns.store import CampaignStore
from stamkunde.erasure.steps import Erasure, Stores
from stamkunde.erasure.store import ReceiptStore
from stamkunde.evidence_bootstrap import evidence_store
from stamkunde.ledger.forgetting import Forgetting
from stamkunde.ledger.store import LedgerStore
from stamkunde.members.access_store import AccessStore
from stamkunde.members.birthdays import BirthdayNotes
from stamkunde.members.lapsing import LapsingNotes
from stamkunde.members.remains import Remains
from stamkunde.members.stops import Stops
from stamkunde.members.store import MemberStore
from stamkunde.messaging.store import ClubMessages
from stamkunde.retention.service import Looking
from stamkunde.retention_bootstrap import due_store
from stamkunde.shared.patience import Patience
from stamkunde.tombstone_bootstrap import tombstones
from stamkunde.view_bootstrap import facts_store

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

    from stamkunde.clubs.model import Club
    from stamkunde.settings import Settings
    from stamkunde.shared.clock import Clock


def erasure(settings: "Settings", client: "DynamoDBClient", club: "Club", clock: "Clock") -> Erasure:
    """What erases a club's members, step by step."""
    table, club_id, patience = settings.members_table, club.club_id, Patience()
    members = MemberStore(client, table, club_id, club.address_key, clock)
    remains = Remains(client, table, club_id)
    messages = ClubMessages(client, settings.messages_table, club_id)
    ledger = LedgerStore(client, settings.ledger_table, club_id)
    stores = Stores(
        members=members,
        access=AccessStore(client, table, club_id, club.address_key),
        remains=remains,
        lapsing=LapsingNotes(client, table, club_id),
        birthdays=BirthdayNotes(client, table, club_id),
        stops=Stops(client, table, club_id, club.address_key),
        due=due_store(settings, client, club),
        audit=AuditStore(client, table, club_id, club.time_zone),
        receipts=ReceiptStore(client, table, club_id),
        messages=messages,
        forgetting=Forgetting(ledger, clock, club.time_zone, patience),
        facts=facts_store(settings, client, club_id),
        campaigns=CampaignTraces(
            Addresses(client, settings.messages_table, club_id, club.address_key),
            Results(client, settings.messages_table, club_id),
            ChunkStore(client, settings.messages_table, club_id),
            Running(client, settings.messages_table),
            CampaignStore(client, settings.messages_table, club_id, patience),
            AudienceStore(client, settings.messages_table, club_id),
            patience,
        ),
        evidence=partial(evidence_store, settings),
        tombstones=partial(tombstones, settings),
    )
    letters = partial(member_messages, settings, client, club)
    return Erasure(club, stores, Looking(club, members, remains, messages, ledger), clock, patience, letters)
