"""The composition root: settings in, use cases out. Only here are AWS clients built.

Sending is put together in `stamkunde.message_bootstrap`: a till's cold start must not pay for it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore.config import Config
from msgspec import Struct

from stamkunde import service_data
from stamkunde.clubs.known import KnownClubs
from stamkunde.clubs.model import Club, Till, TillKey
from stamkunde.clubs.store import ClubStore
from stamkunde.ledger.known_coupons import ClubCoupons, CouponMemory
from stamkunde.ledger.model.receipts import TillPoint
from stamkunde.ledger.refunds import Refunds
from stamkunde.ledger.reservations import Reservations
from stamkunde.ledger.service import Ledger
from stamkunde.ledger.store import LedgerStore
from stamkunde.members.access_store import AccessStore
from stamkunde.members.admission import Admission
from stamkunde.members.service import Membership
from stamkunde.members.store import MemberStore
from stamkunde.settings import Settings
from stamkunde.shared.clock import Clock, SystemClock
from stamkunde.shared.errors import Refusal
from stamkunde.shared.patience import Patience

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

    from stamkunde.ledger.adjustments import Adjustments
    from stamkunde.members.counter import CounterPermissions
    from stamkunde.messaging.member_messages import MemberMessages
    from stamkunde.retention.arming import Arming

CLIENT_CONFIG = Config(
    parameter_validation=False,
    user_agent="stamkunde/1",
    # A call that hangs is given up well within the function's own time limit, or nobody would be answered.
    connect_timeout=1,
    read_timeout=1,
    retries={"mode": "standard", "total_max_attempts": 3},
    tcp_keepalive=True,
    max_pool_connections=10,
)


def dynamodb_client(settings: Settings, config: Config = CLIENT_CONFIG) -> "DynamoDBClient":
    """The tuned DynamoDB client: no boto3, no validation, a user agent that isn't put together for every call."""
    client: DynamoDBClient = aws_client("dynamodb", settings, config)
    return client


def aws_client(service: str, settings: Settings, config: Config) -> Any:
    """A client that finds its service in the dependency layer."""
    session = botocore.session.get_session()
    service_data.register(session)
    return session.create_client(service, region_name=settings.region, config=config)


def member_messages(settings: Settings, client: "DynamoDBClient", club: Club) -> "MemberMessages":
    """What a club's members are written to by itself; loaded when a till first needs it, not while it starts."""
    from stamkunde import message_bootstrap  # noqa: PLC0415 - it is the loading that is put off

    return message_bootstrap.member_messages(settings, client, club)


def admission(
    settings: Settings, client: "DynamoDBClient", club: Club, messages: "Callable[[], MemberMessages]", clock: Clock
) -> Admission:
    """What writes that somebody joins a club, or becomes more in it."""
    return Admission(
        club,
        MemberStore(client, settings.members_table, club.club_id, club.address_key, clock),
        LedgerStore(client, settings.ledger_table, club.club_id),
        AccessStore(client, settings.members_table, club.club_id, club.address_key),
        messages,
        partial(arming, settings, client, club),
    )


def arming(settings: Settings, client: "DynamoDBClient", club: Club) -> "Arming":
    """What makes a club's members due to be looked at; loaded when somebody first is, not while a till starts."""
    from stamkunde import retention_bootstrap  # noqa: PLC0415 - it is the loading that is put off

    return retention_bootstrap.arming(settings, client, club)


class TillSession(Struct, frozen=True):
    """What one authenticated till may do: everything here is built for its club.

    Parameters
    ----------
    find_till
        Another till of the club by its id, revoked or not.
    """

    club: Club
    till: Till
    clock: Clock
    ledger: Ledger
    membership: Membership
    find_till: Callable[[str], Till | None]

    @property
    def point(self) -> TillPoint:
        """The till, as the ledger needs to know it."""
        till = self.till
        return TillPoint(till.till_id, till.outlet_id, till.receipt_numbers.value, till.late_receipts_until)

    @property
    def reservations(self) -> Reservations:
        """What is set aside for receipts."""
        return Reservations(self.ledger)

    @property
    def adjustments(self) -> "Adjustments":
        """What members bring along from paper."""
        ledger = self.ledger
        from stamkunde.ledger.adjustments import Adjustments  # noqa: PLC0415 - few calls need it, and no start

        return Adjustments(
            ledger.store,
            ledger.programmes,
            ledger.time_zone,
            ledger.clock,
            ledger.patience,
            ledger.find_account,
            ledger.promised_months,
        )

    @property
    def counter(self) -> "CounterPermissions":
        """What customers say here about being written to."""
        members = self.membership
        from stamkunde.members.counter import CounterPermissions  # noqa: PLC0415 - few calls need it, and no start

        return CounterPermissions(members.club, members.admission, members.clock, members.patience)

    @property
    def refunds(self) -> Refunds:
        """What is booked when goods come back."""
        return self.ledger.refunds

    def check_currency(self, currency: str) -> None:
        """See that a till reckons in the club's currency.

        Raises
        ------
        Refusal
            ``currency_differs``.
        """
        if currency != self.club.currency:
            raise Refusal("currency_differs", {"currency": self.club.currency}, "/currency")


@dataclass(slots=True)
class Tills:
    """Opens a session for a till key.

    A club's settings are kept for a minute; its tills are read every time, so revoked means revoked.

    Parameters
    ----------
    messages
        What makes a club's messages to its members, called when somebody joins.
    """

    settings: Settings
    client: "DynamoDBClient"
    clock: Clock = field(default_factory=SystemClock)
    patience: Patience = field(default_factory=Patience)
    monotonic: Callable[[], float] = time.monotonic
    messages: "Callable[[Settings, DynamoDBClient, Club], MemberMessages]" = member_messages
    clubs: KnownClubs = field(init=False)
    coupons: CouponMemory = field(init=False)

    def __post_init__(self) -> None:
        self.clubs = known_clubs(self.settings, self.client, self.clock, self.monotonic)
        self.coupons = CouponMemory(self.monotonic)

    def open(self, key: TillKey, *, writes: bool) -> TillSession:
        """A session for the key's till; before a write the till is read as last confirmed.

        Raises
        ------
        Refusal
            ``key_unknown``, ``key_revoked``.
        """
        till = ClubStore(self.client, self.settings.clubs_table, key.club_id).find_till(
            key.till_id, consistent=writes
        )
        if till is None or not key.proves(till):
            raise Refusal("key_unknown")
        if till.revoked_at is not None:
            raise Refusal("key_revoked")
        club = self.clubs.by_id(key.club_id)
        if club is None:
            raise Refusal("key_unknown")
        if club.is_closed(self.clubs.clock_of(club).now()):
            raise Refusal("key_revoked")
        return self._session(club, till)

    def _session(self, club: Club, till: Till) -> TillSession:
        clock = self.clubs.clock_of(club)
        messages = partial(self.messages, self.settings, self.client, club)
        admitting = admission(self.settings, self.client, club, messages, clock)
        return TillSession(
            club=club,
            till=till,
            clock=clock,
            ledger=Ledger(
                admitting.ledger,
                club.programmes,
                club.time_zone,
                clock,
                self.patience,
                admitting.members.find_account,
                ClubCoupons(admitting.ledger.coupons, clock, self.coupons if club.clock_offset is None else None),
                promised_months=club.promised_months(),
            ),
            membership=Membership(club, admitting, clock, self.patience),
            find_till=partial(
                ClubStore(self.client, self.settings.clubs_table, club.club_id).find_till, consistent=False
            ),
        )


def known_clubs(
    settings: Settings,
    client: "DynamoDBClient",
    clock: Clock | None = None,
    monotonic: Callable[[], float] = time.monotonic,
    *,
    texts: bool = False,
) -> KnownClubs:
    """The clubs, each known for a minute; with the texts of their terms where those are shown."""
    movable = settings.clubs_clocks_movable
    return KnownClubs(client, settings.clubs_table, movable, clock or SystemClock(), monotonic, texts)
