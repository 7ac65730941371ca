"""The composition root of sending: apart from `stamkunde.bootstrap`, for a till never sends anything itself."""

from typing import TYPE_CHECKING

from botocore.config import Config

from stamkunde.bootstrap import CLIENT_CONFIG, aws_client
from stamkunde.clubs.model import Club
from stamkunde.gateways.sms import SnsSmsGateway
from stamkunde.gateways.wake_ups import WakeUps
from stamkunde.messaging.sending import OutboxCare, Sending
from stamkunde.messaging.service import OperatorMessages
from stamkunde.messaging.store import ClubMessages, Outbox
from stamkunde.settings import Settings
from stamkunde.shared.clock import Clock, SystemClock
from stamkunde.shared.patience import Patience

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

# A message may be handed over once only, so the client tries once; a worker is given ten seconds.
GATEWAY_CONFIG = CLIENT_CONFIG.merge(Config(read_timeout=5, retries={"mode": "standard", "total_max_attempts": 1}))


def wake_ups(settings: Settings) -> WakeUps:
    """The queue that starts the message worker."""
    return WakeUps(aws_client("sqs", settings, CLIENT_CONFIG), settings.message_queue)


def sms_gateway(settings: Settings, config: Config = GATEWAY_CONFIG) -> SnsSmsGateway:
    """Where text messages go."""
    return SnsSmsGateway(aws_client("sns", settings, config))


def operator_messages(
    settings: Settings, client: "DynamoDBClient", wakes: WakeUps, club: Club, clock: Clock | None = None
) -> OperatorMessages:
    """An operator's test messages in one club's name."""
    store = ClubMessages(client, settings.messages_table, club.club_id)
    return OperatorMessages(club, store, wakes, clock or SystemClock(), Patience())


def sending(settings: Settings, client: "DynamoDBClient") -> Sending:
    """What the message worker does."""
    outbox = Outbox(client, settings.messages_table)
    return Sending(outbox, sms_gateway(settings), SystemClock(), Patience())


def outbox_care(settings: Settings, client: "DynamoDBClient") -> OutboxCare:
    """What the outbox job does."""
    outbox = Outbox(client, settings.messages_table)
    return OutboxCare(outbox, wake_ups(settings), SystemClock(), Patience())
