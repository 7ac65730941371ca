"""The composition root of campaigns before they are sent: apart from `stamkunde.bootstrap`, for no till has any."""

from functools import cache
from typing import TYPE_CHECKING

from stamkunde.bootstrap import aws_client
from stamkunde.campaigns.audience_store import AudienceStore
from stamkunde.campaigns.ceilings import Ceilings
from stamkunde.campaigns.chunk_store import ChunkKey, ChunkStore
from stamkunde.campaigns.deciding import Scene
from stamkunde.campaigns.due import DueRound
from stamkunde.campaigns.expanding import Expanding, Stores
from stamkunde.campaigns.hours import HoursStore
from stamkunde.campaigns.life import CampaignLife
from stamkunde.campaigns.model.gateway_choice import SmsGateway, may_carry
from stamkunde.campaigns.model.timing import Rhythm
from stamkunde.campaigns.results import Results
from stamkunde.campaigns.runs import RunStore
from stamkunde.campaigns.service import Campaigns
from stamkunde.campaigns.stop_links import StopNumbers
from stamkunde.campaigns.store import CampaignStore, DueCampaigns
from stamkunde.campaigns.why import WhySent
from stamkunde.clubs.known import KnownClubs
from stamkunde.clubs.model import Club
from stamkunde.gateways.campaign_starts import CampaignStarts
from stamkunde.messaging.model import Domains
from stamkunde.retention_bootstrap import MACHINE_CONFIG
from stamkunde.sending_bootstrap import chunk_wake_ups, paces
from stamkunde.settings import Settings
from stamkunde.shared.channel import Channel
from stamkunde.shared.clock import Clock, SystemClock
from stamkunde.shared.patience import Patience
from stamkunde.view_bootstrap import facts_store

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


def campaigns(settings: Settings, client: "DynamoDBClient", club: Club, clock: Clock) -> Campaigns:
    """What somebody does with a club's campaigns."""
    gateway = SmsGateway(settings.sms_gateway)
    return Campaigns(
        _scene(settings, client, club),
        campaign_store(settings, client, club),
        ceilings(settings, client, club),
        campaign_life(settings, client, club, clock),
        rhythm(settings, client, club),
        lambda recipients: may_carry(gateway, recipients, is_local=settings.clubs_clocks_movable),
        clock,
        Patience(),
    )


def campaign_store(settings: Settings, client: "DynamoDBClient", club: Club) -> CampaignStore:
    """A club's campaigns."""
    return CampaignStore(client, settings.messages_table, club.club_id)


def audience_store(settings: Settings, client: "DynamoDBClient", club: Club) -> AudienceStore:
    """Whom a club's campaigns were for."""
    return AudienceStore(client, settings.messages_table, club.club_id)


def ceilings(settings: Settings, client: "DynamoDBClient", club: Club) -> Ceilings:
    """What a club's campaigns may cost."""
    return Ceilings(client, settings.messages_table, club.club_id, club.time_zone)


def hours_store(settings: Settings, client: "DynamoDBClient", club: Club) -> HoursStore:
    """When a club chose that its campaigns may arrive."""
    return HoursStore(client, settings.messages_table, club.club_id)


def rhythm(settings: Settings, client: "DynamoDBClient", club: Club) -> Rhythm:
    """When a club's campaigns may arrive."""
    return Rhythm(hours_store(settings, client, club).load(), club.time_zone, club.country)


def campaign_life(settings: Settings, client: "DynamoDBClient", club: Club, clock: Clock) -> CampaignLife:
    """What workers and the minute job do to a club's campaigns."""
    runs = RunStore(client, settings.messages_table, club.club_id)
    return CampaignLife(campaign_store(settings, client, club), runs, clock)


def expanding(settings: Settings, client: "DynamoDBClient", clubs: KnownClubs, club: Club) -> Expanding:
    """What begins a club's campaigns, in a function that wakes the workers."""
    table, queue, pace = settings.messages_table, chunk_wake_ups(settings), paces(settings)
    stores = Stores(
        campaign_store(settings, client, club),
        audience_store(settings, client, club),
        ChunkStore(client, table, club.club_id),
        RunStore(client, table, club.club_id),
        StopNumbers(client, table),
        ceilings(settings, client, club),
    )

    def rate(channel: Channel) -> float:
        return pace.of(channel).per_second

    def wake(key: ChunkKey) -> None:
        queue.wake([key])

    scene = _scene(settings, client, club)
    return Expanding(scene, stores, SystemClock(), clubs.clock_of(club), Patience(), rate, wake)


def why(settings: Settings, client: "DynamoDBClient", club: Club, clock: Clock) -> WhySent:
    """Why a club's members got a campaign, or didn't."""
    table, club_id = settings.messages_table, club.club_id
    return WhySent(
        _scene(settings, client, club),
        campaign_store(settings, client, club),
        audience_store(settings, client, club),
        ChunkStore(client, table, club_id),
        Results(client, table, club_id),
        clock,
    )


@cache
def campaign_starts(settings: Settings) -> CampaignStarts:
    """The state machine that begins campaigns; its client is made once."""
    return CampaignStarts(
        aws_client("stepfunctions", settings, MACHINE_CONFIG), settings.campaign_machine, SystemClock()
    )


def due_round(settings: Settings, client: "DynamoDBClient", clubs: KnownClubs) -> DueRound:
    """What looks at the campaigns that are due."""

    def life_of(club: Club) -> CampaignLife:
        return campaign_life(settings, client, club, clubs.clock_of(club))

    return DueRound(
        DueCampaigns(client, settings.messages_table),
        clubs.by_id,
        clubs.clock_of,
        life_of,
        campaign_starts(settings).start,
        SystemClock(),
        settings.clubs_clocks_movable,
    )


def _scene(settings: Settings, client: "DynamoDBClient", club: Club) -> Scene:
    domains = Domains(settings.pages_domain, settings.short_domain, settings.mail_domain)
    return Scene(club, domains, facts_store(settings, client, club.club_id))
