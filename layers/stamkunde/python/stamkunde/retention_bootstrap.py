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
from stamkunde.members.store import MemberStore
from stamkunde.messaging.store import ClubMessages
from stamkunde.retention.arming import Arming
from stamkunde.retention.store import DueStore
from stamkunde.settings import Settings
from stamkunde.shared.patience import Patience

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

    from stamkunde.gateways.cases import Cases
    from stamkunde.retention.acts import DueActs
    from stamkunde.retention.service import DueVisits, Looking

MACHINE_CONFIG = CLIENT_CONFIG.merge(Config(read_timeout=5))


def due_store(settings: Settings, client: "DynamoDBClient", club: Club) -> DueStore:
    """A club's hints and cases."""
    return DueStore(client, settings.members_table, club.club_id)


def arming(settings: Settings, client: "DynamoDBClient", club: Club) -> Arming:
    """What makes a club's members due to be looked at."""
    return Arming(club, due_store(settings, client, club))


def removal(settings: Settings, client: "DynamoDBClient", admitting: Admission) -> Removal:
    """What takes mistyped numbers away from the admission's club."""
    return Removal(admitting.members, admitting.access, due_store(settings, client, admitting.club))


@cache
def cases(settings: Settings) -> "Cases":
    """The state machines that members who are due go through; their client is made once."""
    from stamkunde.gateways.cases import Cases  # noqa: PLC0415 - pages have no need of it

    client = aws_client("stepfunctions", settings, MACHINE_CONFIG)
    return Cases(client, settings.member_machine, settings.erasure_machine)


def due_visits(settings: Settings, client: "DynamoDBClient", clubs: KnownClubs, club: Club) -> "DueVisits":
    """What looks at a club's members who are due."""
    from stamkunde.ledger.expiry import Expiry  # noqa: PLC0415 - pages have no need of it
    from stamkunde.members.birthdays import BirthdayNotes  # noqa: PLC0415
    from stamkunde.retention.at_once import AtOnce  # noqa: PLC0415
    from stamkunde.retention.service import DueVisits  # noqa: PLC0415

    store = due_store(settings, client, club)
    clock = clubs.clock_of(club)
    ledger = LedgerStore(client, settings.ledger_table, club.club_id)
    at_once = AtOnce(
        club,
        Expiry(ledger, clock, club.time_zone, Patience()),
        BirthdayNotes(client, settings.members_table, club.club_id),
    )
    return DueVisits(club, store, _looking(settings, client, clubs, club), at_once, cases(settings), clock)


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
        LapsingNotes(client, settings.members_table, club.club_id),
        clock,
        patience,
    )


def _looking(settings: Settings, client: "DynamoDBClient", clubs: KnownClubs, club: Club) -> "Looking":
    from stamkunde.retention.service import Looking  # noqa: PLC0415 - pages have no need of it

    clock = clubs.clock_of(club)
    members = MemberStore(client, settings.members_table, club.club_id, club.address_key, clock)
    remains = Remains(client, settings.members_table, club.club_id)
    ledger = LedgerStore(client, settings.ledger_table, club.club_id)
    return Looking(club, members, remains, ClubMessages(client, settings.messages_table, club.club_id), ledger)
