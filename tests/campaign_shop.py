"""A shop with a campaign: members' facts as they are kept, and everything that prepares, prices and begins it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from copy import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from stamkunde.campaigns.audience_store import AudienceStore
from stamkunde.campaigns.ceilings import Ceilings
from stamkunde.campaigns.chunk_store import ChunkKey, ChunkStore, RunKey
from stamkunde.campaigns.deciding import Scene
from stamkunde.campaigns.expanding import Expanded, Expanding, Stores
from stamkunde.campaigns.facts_store import FACT_SHARDS, FactsStore, Rebuilt, block_of
from stamkunde.campaigns.life import CampaignLife
from stamkunde.campaigns.model.campaign import Campaign
from stamkunde.campaigns.model.facts import MemberFacts, Standing
from stamkunde.campaigns.model.law import Answers
from stamkunde.campaigns.model.texts import CampaignText
from stamkunde.campaigns.model.timing import Rhythm
from stamkunde.campaigns.runs import RunStore
from stamkunde.campaigns.service import Campaigns, When, Wish
from stamkunde.campaigns.stop_links import StopNumbers
from stamkunde.campaigns.store import CampaignStore
from stamkunde.clubs.model import Club
from stamkunde.messaging.model import Domains
from stamkunde.messaging.quiet_hours import SendingHours
from stamkunde.shared.channel import Channel
from stamkunde.shared.patience import Patience
from tests.factories import make_club

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
"""At ten in the shop: its sending hours are open."""

TODAY = date(2026, 11, 23)
NEXT_YEAR = TODAY + timedelta(days=300)
DOMAINS = Domains("klub.stamkunde.example", "k.dk", "mail.stamkunde.example")
MESSAGES, VIEWS = "messages", "views"
ROLLS = CampaignText(
    "da",
    sms="{Klub}: Hej {Fornavn}! Kom forbi og smag vores nye rugbrød. Afmeld: {Stop}",
    subject="Nyt rugbrød",
    body="Hej {Fornavn}\n\n{Klub} har bagt et nyt rugbrød. Kom forbi og smag.\n\nAfmeld: {Stop}",
)


class MovedClock:
    """A clock that a test sets on."""

    def __init__(self, instant: datetime = MONDAY) -> None:
        self.instant = instant

    def now(self) -> datetime:
        """The instant that it was set to."""
        return self.instant


def member(member_id: str, **known: Any) -> MemberFacts:
    """Somebody who may be sent advertising by both channels, unless it is said otherwise."""
    standard: dict[str, Any] = {
        "first_name": "Anna",
        "language": "da",
        "country": "DK",
        "standing": Standing.MEMBER,
        "joined_on": date(2026, 1, 2),
        "sms_until": NEXT_YEAR,
        "email_until": NEXT_YEAR,
        "email_confirmed": True,
        "email_hash": f"hash of {member_id}",
    }
    return MemberFacts(member_id, **(standard | known))


class CampaignShop:
    """One club, its members' facts, and its campaigns."""

    def __init__(self, client: DynamoDBClient, clock: MovedClock | None = None, **club: Any) -> None:
        self.client = client
        self.clock = clock or MovedClock()
        self.club: Club = make_club(**club)
        club_id, zone = self.club.club_id, self.club.time_zone
        self.facts = FactsStore(client, VIEWS, club_id)
        self.store = CampaignStore(client, MESSAGES, club_id)
        self.ceilings = Ceilings(client, MESSAGES, club_id, zone)
        self.audience = AudienceStore(client, MESSAGES, club_id)
        self.chunks = ChunkStore(client, MESSAGES, club_id)
        self.runs = RunStore(client, MESSAGES, club_id)
        self.life = CampaignLife(self.store, self.runs, self.clock)
        self.rhythm = Rhythm(SendingHours(), zone, self.club.country)
        self.woken: list[ChunkKey] = []

    @property
    def campaigns(self) -> Campaigns:
        """What somebody does with them."""
        scene = Scene(self.club, DOMAINS, self.facts)
        return Campaigns(
            scene, self.store, self.ceilings, self.life, self.rhythm, lambda _count: True, self.clock, Patience()
        )

    @property
    def expanding(self) -> Expanding:
        """What begins them."""
        numbers = StopNumbers(self.client, MESSAGES)
        stores = Stores(self.store, self.audience, self.chunks, self.runs, numbers, self.ceilings)
        scene = Scene(self.club, DOMAINS, self.facts)
        return Expanding(scene, stores, self.clock, self.clock, Patience(), lambda _channel: 19.0, self.woken.append)

    def keep(self, members: Iterable[MemberFacts]) -> None:
        """Put members' facts where they are kept."""
        blocks: dict[int, dict[str, MemberFacts]] = defaultdict(dict)
        for each in members:
            blocks[block_of(each.member_id)][each.member_id] = each
        for number, found in blocks.items():
            before = self.facts.load(number)
            assert self.facts.put(before, {**before.members, **found})
        if self.facts.rebuilt() is None:
            assert self.facts.note_rebuilt(Rebuilt(TODAY, FACT_SHARDS, whole=True))

    def wish(self, **given: Any) -> Wish:
        """A campaign by text message."""
        standard = Wish("Rugbrød", {"da": ROLLS}, Answers(), (Channel.SMS,))
        return replace(standard, **given)

    def scheduled(self, when: When | None = None, **given: Any) -> Campaign:
        """A campaign of which somebody has seen what it costs, and pressed send."""
        draft = self.campaigns.draft(self.wish(**given), "anna")
        seal = self.campaigns.preview(draft.campaign_id).seal
        return self.campaigns.schedule(draft.campaign_id, seal, when or When()).campaign

    def after_the_undo_minute(self, campaign: Campaign) -> None:
        """Let the time pass until it may begin."""
        assert campaign.first_at is not None
        self.clock.instant = max(self.clock.instant, campaign.first_at)

    def begin(self, campaign: Campaign) -> Campaign:
        """Do the steps of the state machine."""
        self.after_the_undo_minute(campaign)
        steps = self.expanding
        assert steps.freeze(campaign.campaign_id, never) is Expanded.DONE
        assert steps.make_lists(campaign.campaign_id, never) is Expanded.DONE
        steps.begin(campaign.campaign_id)
        return self.store.find(campaign.campaign_id)

    def listed(self, campaign: Campaign, channel: Channel) -> list[list[str]]:
        """The lists of a campaign's channel."""
        run = self.runs.load(RunKey(self.club.club_id, campaign.campaign_id, channel))
        letter = "s" if channel is Channel.SMS else "e"
        count = run.chunks if run else 0
        keys = [ChunkKey(self.club.club_id, campaign.campaign_id, f"{letter}{number}") for number in range(count)]
        return [self.chunks.members(key) for key in keys]


def never() -> bool:
    """There is time enough."""
    return False
