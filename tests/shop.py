"""A shop with a till, on real tables: what service tests drive."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING

from stamkunde.campaigns.own_messages import OwnMessages
from stamkunde.campaigns.results import Results
from stamkunde.campaigns.store import CampaignStore
from stamkunde.clubs.model import Club
from stamkunde.ledger.adjustments import Adjustments
from stamkunde.ledger.known_coupons import ClubCoupons
from stamkunde.ledger.model.accounts import Account, Balance
from stamkunde.ledger.model.entries import Entry
from stamkunde.ledger.model.receipts import Receipt, TillPoint
from stamkunde.ledger.reservations import Reservations
from stamkunde.ledger.service import Booked, Ledger
from stamkunde.ledger.store import LedgerStore
from stamkunde.ledger.transfers import Transfers
from stamkunde.members.access_store import AccessStore
from stamkunde.members.admission import Admission
from stamkunde.members.code_service import Codes
from stamkunde.members.consents import ConsentMethod
from stamkunde.members.devices import Devices
from stamkunde.members.households import Households
from stamkunde.members.joining import Joining
from stamkunde.members.lapsing import LapsingNotes
from stamkunde.members.links import LinkActs
from stamkunde.members.merging import Merging
from stamkunde.members.model import Acceptance
from stamkunde.members.own_data import OwnDataReader
from stamkunde.members.removal import Removal
from stamkunde.members.service import Joined, Membership
from stamkunde.members.stops import Stops
from stamkunde.members.store import MemberStore
from stamkunde.messaging.member_messages import MemberMessages
from stamkunde.retention.arming import Arming
from stamkunde.retention.store import DueStore
from stamkunde.shared.clock import Clock, FixedClock, local_date
from stamkunde.shared.patience import Patience
from tests.factories import NOON, POINT, make_basket, make_club
from tests.letterbox import NotingQueue, member_messages

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


@dataclass
class Shop:
    """One club's use cases with a clock that a test may move."""

    client: DynamoDBClient
    club: Club = field(default_factory=make_club)
    clock: Clock = field(default_factory=lambda: FixedClock(NOON))
    patience: Patience = field(default_factory=lambda: Patience(limit=30.0))
    point: TillPoint = POINT
    members_table: str = "members"
    ledger_table: str = "ledger"
    queue: NotingQueue = field(default_factory=NotingQueue)

    def __post_init__(self) -> None:
        self._receipts = count(1)
        self._phones = count(20_100_000)

    @property
    def store(self) -> LedgerStore:
        return LedgerStore(self.client, self.ledger_table, self.club.club_id)

    @property
    def members(self) -> MemberStore:
        return MemberStore(self.client, self.members_table, self.club.club_id, self.club.address_key, self.clock)

    @property
    def ledger(self) -> Ledger:
        return Ledger(
            self.store,
            self.club.programmes,
            self.club.time_zone,
            self.clock,
            self.patience,
            self.members.find_account,
            self.coupons,
            promised_months=self.club.promised_months(),
        )

    @property
    def adjustments(self) -> Adjustments:
        return Adjustments(
            self.store,
            self.club.programmes,
            self.club.time_zone,
            self.clock,
            self.patience,
            self.members.find_account,
            self.club.promised_months(),
        )

    @property
    def transfers(self) -> Transfers:
        return Transfers(
            self.store,
            self.club.programmes,
            self.club.time_zone,
            self.clock,
            self.patience,
            self.members.find_account,
        )

    @property
    def households(self) -> Households:
        return Households(self.club, self.members, self.store, self.clock, self.patience)

    @property
    def merging(self) -> Merging:
        arming = Arming(self.club, self.due)
        return Merging(
            self.club, self.members, self.store, self.access, self.lapsing, arming, self.clock, self.patience
        )

    @property
    def own_data(self) -> OwnDataReader:
        club_id = self.club.club_id
        results, campaigns = (
            Results(self.client, "messages", club_id),
            CampaignStore(self.client, "messages", club_id),
        )
        sent = OwnMessages(results, campaigns)
        return OwnDataReader(self.club, self.members, self.store, self.access, self.clock, sent.of)

    @property
    def lapsing(self) -> LapsingNotes:
        return LapsingNotes(self.client, self.members_table, self.club.club_id)

    @property
    def reservations(self) -> Reservations:
        return Reservations(self.ledger)

    @property
    def coupons(self) -> ClubCoupons:
        """As a Lambda that has just started knows them."""
        return ClubCoupons(self.store.coupons, self.clock)

    @property
    def access(self) -> AccessStore:
        return AccessStore(self.client, self.members_table, self.club.club_id, self.club.address_key)

    @property
    def messages(self) -> MemberMessages:
        return member_messages(self.client, self.club, self.queue)

    @property
    def admission(self) -> Admission:
        return Admission(
            self.club,
            self.members,
            self.store,
            self.access,
            lambda: self.messages,
            lambda: Arming(self.club, self.due),
        )

    @property
    def due(self) -> DueStore:
        return DueStore(self.client, self.members_table, self.club.club_id)

    @property
    def removal(self) -> Removal:
        return Removal(self.members, self.access, self.due)

    @property
    def stops(self) -> Stops:
        return Stops(self.client, self.members_table, self.club.club_id, self.club.address_key)

    @property
    def codes(self) -> Codes:
        return Codes(self.club, self.access, self.messages, self.clock, self.patience)

    @property
    def devices(self) -> Devices:
        return Devices(self.club, self.access, self.clock, self.patience)

    @property
    def joining(self) -> Joining:
        return Joining(self.club, self.admission, self.codes, self.devices, self.clock, self.patience)

    @property
    def links(self) -> LinkActs:
        return LinkActs(self.club, self.admission, self.removal, self.clock, self.patience)

    @property
    def membership(self) -> Membership:
        return Membership(self.club, self.admission, self.clock, self.patience)

    def now(self) -> datetime:
        return self.clock.now()

    def wait(self, duration: timedelta) -> None:
        self.clock = FixedClock(self.now() + duration)

    def join(self, phone: str | None = None, *, accepts: bool = True, name: str | None = None) -> Joined:
        acceptance = Acceptance(1, ConsentMethod.SIGNED_FORM, self.now()) if accepts else None
        return self.membership.join(
            phone or f"+45{next(self._phones)}", name, acceptance, self.point.outlet_id, self.point.till_id
        )

    def new_member(self, *, accepts: bool = True) -> str:
        return self.join(accepts=accepts).at_till.member.member_id

    def receipt(self, member_id: str, *amounts: int, spend_bonus: int = 0, number: str | None = None) -> Receipt:
        return Receipt(
            receipt_number=number or str(next(self._receipts)),
            bought_at=self.now(),
            member_id=member_id,
            basket=make_basket(*(amounts or (10_000,)), spend_bonus=spend_bonus),
        )

    def buy(self, member_id: str, *amounts: int, spend_bonus: int = 0) -> Booked:
        return self.ledger.book(self.receipt(member_id, *amounts, spend_bonus=spend_bonus), self.point)

    def account(self, member_id: str) -> Account:
        account_id = self.members.find_account(member_id)
        assert account_id is not None
        account = self.store.load_account(account_id, consistent=True)
        assert account is not None
        return account

    def balance(self, member_id: str) -> Balance:
        return self.account(member_id).balance(self.now(), self.club.time_zone)

    def today(self) -> date:
        return local_date(self.now(), self.club.time_zone)

    def entries(self, member_id: str) -> list[Entry]:
        found: list[Entry] = []
        after: str | None = None
        while True:
            page = self.ledger.entries(member_id, most=7, after=after)
            found += page.entries
            if page.following is None:
                return found
            after = page.following
