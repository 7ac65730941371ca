"""The composition root of the ledger's jobs: apart from `stamkunde.bootstrap`, for a till never does their work."""

from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from stamkunde.bootstrap import known_clubs
from stamkunde.clubs.known import KnownClubs
from stamkunde.clubs.model import Club
from stamkunde.clubs.rounds import Rounds
from stamkunde.clubs.store import ClubRegistry
from stamkunde.ledger.accounting import Accounting
from stamkunde.ledger.care_store import CareStore
from stamkunde.ledger.coupon_store import CouponStore
from stamkunde.ledger.model.accounting import AccountBook, Reading
from stamkunde.ledger.model.coupons import Coupon
from stamkunde.ledger.month_end import MonthEnd
from stamkunde.ledger.proof import NightlyProof, Proof
from stamkunde.ledger.refunds import Refunds
from stamkunde.ledger.store import LedgerStore
from stamkunde.members.store import MemberStore
from stamkunde.settings import Settings
from stamkunde.shared.clock import local_date
from stamkunde.shared.patience import Patience
from stamkunde.shared.programme import Unit

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


def rounds(settings: Settings, client: "DynamoDBClient", clubs: KnownClubs, seconds: float) -> Rounds:
    """What goes from club to club."""
    return Rounds(ClubRegistry(client, settings.clubs_table).club_ids, clubs.by_id, seconds)


def ledger_clubs(settings: Settings, client: "DynamoDBClient") -> KnownClubs:
    """The clubs whose ledgers are tended."""
    return known_clubs(settings, client)


def care_store(settings: Settings, client: "DynamoDBClient", club_id: str) -> CareStore:
    """What the jobs know of a club's ledger."""
    return CareStore(client, settings.views_table, club_id)


def month_end(settings: Settings, client: "DynamoDBClient", clubs: KnownClubs, club: Club) -> MonthEnd:
    """What keeps what a club owed as its months ended."""
    return MonthEnd(
        LedgerStore(client, settings.ledger_table, club.club_id),
        care_store(settings, client, club.club_id),
        clubs.clock_of(club),
        club.time_zone,
        local_date(club.created_at, club.time_zone),
    )


def refunds(settings: Settings, client: "DynamoDBClient", clubs: KnownClubs, club: Club) -> Refunds:
    """A club's refunds, of which some wait for their sale."""
    clock = clubs.clock_of(club)
    members = MemberStore(client, settings.members_table, club.club_id, club.address_key, clock)
    store = LedgerStore(client, settings.ledger_table, club.club_id)
    return Refunds(store, club.time_zone, clock, Patience(), members.find_account)


def proof(settings: Settings, client: "DynamoDBClient", clubs: KnownClubs, club: Club) -> Proof:
    """What derives a club's accounts from their entries."""
    store = LedgerStore(client, settings.ledger_table, club.club_id)
    return Proof(store, clubs.clock_of(club), club.time_zone)


def accounting(settings: Settings, client: "DynamoDBClient", clubs: KnownClubs, club: Club) -> Accounting:
    """What writes a club's file for the accountant."""
    store = LedgerStore(client, settings.ledger_table, club.club_id)
    find = cache(CouponStore(client, settings.ledger_table, club.club_id).find)

    def coupon_at(coupon_id: str, at: datetime) -> Coupon | None:
        history = find(coupon_id)
        return history.at(at) if history else None

    in_points = club.programmes[-1].unit is Unit.POINTS
    reading = Reading(club.country, club.currency, club.language, club.time_zone, in_points)
    return Accounting(store, AccountBook(reading, coupon_at), club.signing_keys, clubs.clock_of(club))


def nightly_proof(settings: Settings, client: "DynamoDBClient", clubs: KnownClubs, club: Club) -> NightlyProof:
    """What is proved of a club each night."""
    return NightlyProof(proof(settings, client, clubs, club), care_store(settings, client, club.club_id))
