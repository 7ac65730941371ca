"""The composition root: settings in, use cases out. Only here are AWS clients built.

Sending is put together in `stamkunde.message_bootstrap`: a till's cold start must not pay for it.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore.config import Config

from stamkunde import service_data
from stamkunde.clubs.model import Club, Till, TillKey
from stamkunde.clubs.service import Operators
from stamkunde.clubs.store import ClubStore
from stamkunde.ledger.service import Ledger
from stamkunde.ledger.store import LedgerStore
from stamkunde.members.service import Membership
from stamkunde.members.store import MemberStore
from stamkunde.settings import Settings
from stamkunde.shared.clock import Clock, ClubClock, SystemClock
from stamkunde.shared.errors import Refusal
from stamkunde.shared.patience import Patience
from stamkunde.views.store import ProjectionStore

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

CLUB_KNOWN_FOR_SECONDS = 60
"""Less than the two minutes that new versions are published ahead, so no warm Lambda misses one."""


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


@dataclass(frozen=True, slots=True)
class TillSession:
    """What one authenticated till may do: everything here is built for its club."""

    club: Club
    till: Till
    clock: Clock
    ledger: Ledger
    membership: Membership


@dataclass(slots=True)
class Tills:
    """Opens a session for a till key.

    A club's settings are kept for a minute; its tills are read every time, so revoked means revoked. A club with
    a clock of its own (local engine only) is read every time too, or its clock would lag behind.
    """

    settings: Settings
    client: "DynamoDBClient"
    clock: Clock = field(default_factory=SystemClock)
    patience: Patience = field(default_factory=Patience)
    monotonic: Callable[[], float] = time.monotonic
    _known: dict[str, tuple[float, Club]] = field(default_factory=dict)

    def open(self, key: TillKey, *, writes: bool) -> TillSession:
        """A session for the key's till; before a write the till is read as last confirmed.

        Raises
        ------
        Refusal
            ``key_unknown``, ``key_revoked``.
        """
        store = ClubStore(self.client, self.settings.clubs_table, key.club_id)
        till = store.find_till(key.till_id, consistent=writes)
        if till is None or not key.proves(till):
            raise Refusal("key_unknown")
        if till.revoked_at is not None:
            raise Refusal("key_revoked")
        return self._session(self._club(store), till)

    def _club(self, store: ClubStore) -> Club:
        known_until, known = self._known.get(store.club_id, (0.0, None))
        if known is not None and self.monotonic() < known_until:
            return known
        club = store.load()
        if club is None:
            raise Refusal("key_unknown")
        if club.clock_offset is None:
            self._known[club.club_id] = (self.monotonic() + CLUB_KNOWN_FOR_SECONDS, club)
        return club

    def _session(self, club: Club, till: Till) -> TillSession:
        movable = self.settings.clubs_clocks_movable and club.clock_offset is not None
        clock = ClubClock(self.clock, club.clock_offset) if movable and club.clock_offset else self.clock
        members = MemberStore(self.client, self.settings.members_table, club.club_id, club.address_key)
        ledger = LedgerStore(self.client, self.settings.ledger_table, club.club_id)
        return TillSession(
            club=club,
            till=till,
            clock=clock,
            ledger=Ledger(ledger, club.programmes, club.time_zone, clock, self.patience, members.find_account),
            membership=Membership(club, members, ledger, clock, self.patience),
        )


def operators(settings: Settings, client: "DynamoDBClient", clock: Clock | None = None) -> Operators:
    """The operators' use cases."""
    return Operators(
        client,
        settings.clubs_table,
        clock or SystemClock(),
        random_bytes=secrets.token_bytes,
        clocks_movable=settings.clubs_clocks_movable,
    )


def projections(settings: Settings, client: "DynamoDBClient") -> ProjectionStore:
    """What keeps the projections: for the stream consumer and the jobs, which serve all clubs."""
    return ProjectionStore(client, settings.views_table)
