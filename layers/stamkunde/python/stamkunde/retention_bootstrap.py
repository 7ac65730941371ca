"""The composition root of what the clock does to members: apart from `stamkunde.bootstrap`, for no till does it."""

from functools import cache, partial
from typing import TYPE_CHECKING

from botocore.config import Config

from stamkunde.bootstrap import CLIENT_CONFIG, admission, aws_client, member_messages
from stamkunde.clubs.known import KnownClubs
from stamkunde.clubs.model import Club
from stamkunde.ledger.store import LedgerStore
from stamkunde.members.admission import Admission
from stamkunde.members.lapsing import LapsingNotes
from stamkunde.members.remains import Remains
from stamkunde.members.removal import Removal
from stamkunde.members.stops import Stops
from stamkunde.members.store import MemberStore
from stamkunde.messaging.store import ClubMessages
from stamkunde.retention.arming import Arming
from stamkunde.retention.store import DueStore
from stamkunde.settings import Settings
from stamkunde.shared.patience import Patience

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

    from stamkunde.gateways.cases import Cases
    from stamkunde.gateways.evidence_store import EvidenceStore
    from stamkunde.retention.acts import DueActs
    from stamkunde.retention.service import DueVisits, Looking

MACHINE_CONFIG = CLIENT_CONFIG.merge(Config(read_timeout=5))


def due_store(settings: Settings, client: "DynamoDBClient", club: Club) -> DueStore:
    """A club's hints and cases."""
    return DueStore(client, settings.members_table, club.club_id)


def arming(settings: Settings, client: "DynamoDBClient", club: Club) -> Arming:
    """What makes a club's members due to be looked at."""
    return Arming(club, due_store(settings, client, club))


def removal(settings: Settings, client: "DynamoDBClient", admitting: Admission, patience: Patience) -> Removal:
    """What takes members of the admission's club away."""
    club = admitting.club
    return Removal(
        club,
        admitting.members,
        admitting.ledger,
        admitting.access,
        Remains(client, settings.members_table, club.club_id),
        LapsingNotes(client, settings.members_table, club.club_id),
        Stops(client, settings.members_table, club.club_id, club.address_key),
        due_store(settings, client, club),
        patience,
    )


@cache
def cases(settings: Settings) -> "Cases":
    """The state machine that members who are due go through; its client is made once."""
    from stamkunde.gateways.cases import Cases  # noqa: PLC0415 - pages have no need of it

    return Cases(aws_client("stepfunctions", settings, MACHINE_CONFIG), settings.member_machine)


def due_visits(settings: Settings, client: "DynamoDBClient", clubs: KnownClubs, club: Club) -> "DueVisits":
    """What looks at a club's members who are due."""
    from stamkunde.retention.service import DueVisits  # noqa: PLC0415 - pages have no need of it

    store = due_store(settings, client, club)
    ledger = LedgerStore(client, settings.ledger_table, club.club_id)
    return DueVisits(
        club, store, _looking(settings, client, clubs, club), ledger, cases(settings), clubs.clock_of(club)
    )


def due_acts(settings: Settings, client: "DynamoDBClient", clubs: KnownClubs, club: Club) -> "DueActs":
    """What does what is due to or for a club's members."""
    from stamkunde.retention.acts import DueActs  # noqa: PLC0415 - pages have no need of it

    clock, patience = clubs.clock_of(club), Patience()
    admitting = admission(settings, client, club, partial(member_messages, settings, client, club), clock)
    return DueActs(
        club,
        due_store(settings, client, club),
        _looking(settings, client, clubs, club),
        admitting,
        removal(settings, client, admitting, patience),
        partial(_evidence_store, settings),
        LapsingNotes(client, settings.members_table, club.club_id),
        clock,
        patience,
    )


def _evidence_store(settings: Settings) -> "EvidenceStore":
    from stamkunde.evidence_bootstrap import evidence_store  # noqa: PLC0415 - hardly anybody signed on paper

    return evidence_store(settings)


def _looking(settings: Settings, client: "DynamoDBClient", clubs: KnownClubs, club: Club) -> "Looking":
    from stamkunde.retention.service import Looking  # noqa: PLC0415 - pages have no need of it

    clock = clubs.clock_of(club)
    members = MemberStore(client, settings.members_table, club.club_id, club.address_key, clock)
    remains = Remains(client, settings.members_table, club.club_id)
    return Looking(club, members, remains, ClubMessages(client, settings.messages_table, club.club_id))
