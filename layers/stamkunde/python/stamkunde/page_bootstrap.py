"""The composition root of the pages: which club a request is for, and what may be done there."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from stamkunde.bootstrap import admission, known_clubs
from stamkunde.campaigns.chunk_store import ChunkStore
from stamkunde.campaigns.model.campaign import Campaign
from stamkunde.campaigns.own_messages import OwnMessages
from stamkunde.campaigns.results import Results
from stamkunde.campaigns.stop_links import Following, StopNumbers
from stamkunde.campaigns.store import CampaignStore
from stamkunde.clubs.known import KnownClubs
from stamkunde.clubs.model import Club
from stamkunde.clubs.store import ClubStore
from stamkunde.http import Request, Response
from stamkunde.ledger.known_coupons import CouponMemory
from stamkunde.members.access_store import ServiceLinks
from stamkunde.members.admission import Admission
from stamkunde.members.code_service import Codes
from stamkunde.members.devices import Devices
from stamkunde.members.erasing import Erasing
from stamkunde.members.joining import Joining
from stamkunde.members.links import LinkActs
from stamkunde.members.member_card import MemberCard
from stamkunde.members.number_change import NumberChange
from stamkunde.members.own_data import OwnDataReader
from stamkunde.members.own_details import OwnDetails
from stamkunde.members.service_link import FoundLink
from stamkunde.members.stopping import Stopping
from stamkunde.members.stops import Stops
from stamkunde.message_bootstrap import member_messages
from stamkunde.messaging.model import Domains
from stamkunde.observability import logger
from stamkunde.retention.store import DueStore
from stamkunde.retention_bootstrap import removal
from stamkunde.settings import Settings
from stamkunde.shared.clock import Clock
from stamkunde.shared.errors import Refusal
from stamkunde.shared.patience import Patience
from stamkunde.web.pages import error_page
from stamkunde.web.texts import language_of
from stamkunde.web.visit import LANGUAGE_FIELD, Visit

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


@dataclass(slots=True)
class Pages:
    """What pages are made with; everything of a club is built for that club."""

    settings: Settings
    client: "DynamoDBClient"
    patience: Patience = field(default_factory=Patience)
    coupons: CouponMemory = field(default_factory=CouponMemory)
    clubs: KnownClubs = field(init=False)
    links: ServiceLinks = field(init=False)
    following: Following = field(init=False)
    domains: Domains = field(init=False)

    def __post_init__(self) -> None:
        self.clubs = known_clubs(self.settings, self.client, texts=True)
        self.links = ServiceLinks(self.client, self.settings.members_table)
        table = self.settings.messages_table
        self.following = Following(
            StopNumbers(self.client, table),
            lambda club_id: self.clubs.unless_closed(self.clubs.by_id(club_id)),
            partial(ChunkStore, self.client, table),
        )
        self.domains = Domains(self.settings.pages_domain, self.settings.short_domain, self.settings.mail_domain)

    def club_named(self, slug: str) -> Club:
        """The club of an address, whichever letters of it somebody typed as capitals.

        Raises
        ------
        Refusal
            ``unknown_club``.
        """
        return _known(self.clubs.by_slug(slug.lower()))

    def club_of(self, link: FoundLink) -> Club:
        """The club that sent a link.

        Raises
        ------
        Refusal
            ``unknown_club``.
        """
        return _known(self.clubs.unless_closed(self.clubs.by_id(link.club_id)))

    def answer(self, club: Club, request: Request, endpoint: Callable[[Visit], Response]) -> Response:
        """What a club's page says, in the visitor's language, whatever goes wrong."""
        logger.append_keys(club=club.club_id)
        language = language_of(request.query.get(LANGUAGE_FIELD), "", club.language)
        try:
            visit = Visit.of(club, request, self.clock_of(club), self.settings.pages_domain)
            language = visit.language
            return visit.moved() or endpoint(visit)
        except Exception as error:  # noqa: BLE001 - what broke is told in the visitor's language too
            return error_page(error, request, club, language)

    def clock_of(self, club: Club) -> Clock:
        """The clock that a club lives by."""
        return self.clubs.clock_of(club)

    def admission(self, club: Club) -> Admission:
        """What writes that somebody becomes more in a club."""
        messages = partial(member_messages, self.settings, self.client, club)
        return admission(self.settings, self.client, club, messages, self.clock_of(club))

    def codes(self, club: Club) -> Codes:
        """A club's one-time codes."""
        messages = member_messages(self.settings, self.client, club)
        return Codes(club, self.admission(club).access, messages, self.clock_of(club), self.patience)

    def devices(self, club: Club) -> Devices:
        """Where a club's cards are open."""
        return Devices(club, self.admission(club).access, self.clock_of(club), self.patience)

    def joining(self, club: Club) -> Joining:
        """A club's join page."""
        clock = self.clock_of(club)
        return Joining(club, self.admission(club), self.codes(club), self.devices(club), clock, self.patience)

    def member_card(self, club: Club) -> MemberCard:
        """What a club's members do on their own pages."""
        clock = self.clock_of(club)
        return MemberCard(
            club,
            self.admission(club),
            self.codes(club),
            self.devices(club),
            clock,
            self.patience,
            self.coupons if club.clock_offset is None else None,
        )

    def own_details(self, club: Club) -> OwnDetails:
        """What a club's members correct about themselves."""
        outlets = ClubStore(self.client, self.settings.clubs_table, club.club_id).outlets
        return OwnDetails(club, self.admission(club), outlets, self.clock_of(club), self.patience)

    def number_change(self, club: Club) -> NumberChange:
        """What gives a club's members another number."""
        stops = Stops(self.client, self.settings.members_table, club.club_id, club.address_key)
        return NumberChange(club, self.admission(club), self.codes(club), stops, self.clock_of(club), self.patience)

    def own_data(self, club: Club) -> OwnDataReader:
        """What gathers everything that is kept of a club's member."""
        having = self.admission(club)
        table = self.settings.messages_table
        sent = OwnMessages(Results(self.client, table, club.club_id), CampaignStore(self.client, table, club.club_id))
        return OwnDataReader(club, having.members, having.ledger, having.access, self.clock_of(club), sent.of)

    def erasing(self, club: Club) -> Erasing:
        """What takes a club's members' wishes to be deleted."""
        due = DueStore(self.client, self.settings.members_table, club.club_id)
        return Erasing(club, self.admission(club), due, self.clock_of(club), self.patience)

    def stopping(self, club: Club) -> Stopping:
        """What stops what a club sends."""
        return Stopping(club, self.admission(club), self.clock_of(club), self.patience)

    def campaign(self, club: Club, campaign_id: str) -> Campaign | None:
        """One of a club's campaigns, as it was sent; None once it isn't kept any more."""
        return CampaignStore(self.client, self.settings.messages_table, club.club_id).load(campaign_id)

    def results(self, club: Club) -> Results:
        """What became of a club's campaign messages."""
        return Results(self.client, self.settings.messages_table, club.club_id)

    def link_acts(self, club: Club) -> LinkActs:
        """What a club's service links do."""
        admitting = self.admission(club)
        removing = removal(self.settings, self.client, admitting)
        return LinkActs(club, admitting, removing, self.clock_of(club), self.patience)


def _known(club: Club | None) -> Club:
    if club is None:
        raise Refusal("unknown_club")
    return club
