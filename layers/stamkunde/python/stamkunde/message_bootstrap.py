"""The composition root of sending: apart from `stamkunde.bootstrap`, for a till never sends anything itself."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

from botocore.config import Config

from stamkunde.bootstrap import CLIENT_CONFIG, aws_client, known_clubs
from stamkunde.clubs.model import Club
from stamkunde.gateways.email import SesEmailGateway
from stamkunde.gateways.sms import SnsSmsGateway
from stamkunde.gateways.wake_ups import WakeUps
from stamkunde.members.codes import one_time_code, purpose_of
from stamkunde.members.uses import Uses
from stamkunde.messaging.member_messages import MemberMessages
from stamkunde.messaging.model import Domains
from stamkunde.messaging.outbox import Message
from stamkunde.messaging.sending import CodeOf, Gateways, NoteUse, OutboxCare, Sending
from stamkunde.messaging.service import OperatorMessages
from stamkunde.messaging.store import ClubMessages, Outbox
from stamkunde.messaging.words_store import ClubWords
from stamkunde.settings import Settings
from stamkunde.shared.clock import Clock, SystemClock
from stamkunde.shared.patience import Patience

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

# A message may be handed over once only, so the client tries once; a worker is given ten seconds.
GATEWAY_CONFIG = CLIENT_CONFIG.merge(Config(read_timeout=5, retries={"mode": "standard", "total_max_attempts": 1}))


@cache
def wake_ups(settings: Settings) -> WakeUps:
    """The queue that starts the message worker; its client is made once."""
    return WakeUps(aws_client("sqs", settings, CLIENT_CONFIG), settings.message_queue)


def sms_gateway(settings: Settings, config: Config = GATEWAY_CONFIG) -> SnsSmsGateway:
    """Where text messages go."""
    return SnsSmsGateway(aws_client("sns", settings, config))


def member_messages(settings: Settings, client: "DynamoDBClient", club: Club) -> MemberMessages:
    """What a club's members are written to by itself."""
    return MemberMessages(
        club,
        ClubMessages(client, settings.messages_table, club.club_id),
        wake_ups(settings),
        Domains(settings.pages_domain, settings.short_domain, settings.mail_domain),
        _ahead(settings, club),
        words=ClubWords(client, settings.clubs_table, club.club_id).words,
    )


def email_gateway(settings: Settings, config: Config = GATEWAY_CONFIG) -> SesEmailGateway:
    """Where e-mail goes."""
    return SesEmailGateway(aws_client("sesv2", settings, config), settings.mail_configuration_set)


def operator_messages(
    settings: Settings, client: "DynamoDBClient", wakes: WakeUps, club: Club, clock: Clock | None = None
) -> OperatorMessages:
    """An operator's test messages in one club's name."""
    store = ClubMessages(client, settings.messages_table, club.club_id)
    return OperatorMessages(club, store, wakes, clock or SystemClock(), Patience())


def sending(settings: Settings, client: "DynamoDBClient") -> Sending:
    """What the message worker does."""
    outbox = Outbox(client, settings.messages_table)
    gateways = Gateways(sms_gateway(settings), email_gateway(settings))
    find_club = known_clubs(settings, client).by_id
    note = note_use(settings, client, find_club)
    return Sending(outbox, gateways, code_of(find_club), note, SystemClock(), Patience())


def code_of(find_club: Callable[[str], Club | None]) -> CodeOf:
    """Works out the codes that messages carry: the same ones that a page compares what was typed with."""

    def of(message: Message) -> str | None:
        club = find_club(message.club_id)
        if club is None or message.challenge is None:
            return None
        return one_time_code(club.signing_keys, message.challenge, purpose_of(message.challenge), message.recipient)

    return of


def note_use(settings: Settings, client: "DynamoDBClient", find_club: Callable[[str], Club | None]) -> NoteUse:
    """Notes uses by the clock of the club whose yes it is; none of a club that is gone."""

    def note(message: Message, at: datetime) -> None:
        club = find_club(message.club_id)
        if club is not None and message.yes is not None:
            uses = Uses(client, settings.members_table, club.club_id)
            uses.note(message.yes, message.channel, at + _ahead(settings, club))

    return note


def _ahead(settings: Settings, club: Club) -> timedelta:
    """How far a club's clock is ahead of the real one (local engine only)."""
    return club.clock_offset if settings.clubs_clocks_movable and club.clock_offset else timedelta()


def outbox_care(settings: Settings, client: "DynamoDBClient") -> OutboxCare:
    """What the outbox job does."""
    outbox = Outbox(client, settings.messages_table)
    return OutboxCare(outbox, wake_ups(settings), SystemClock(), Patience())
