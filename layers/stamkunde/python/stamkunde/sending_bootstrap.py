"""The composition root of sending campaigns: the worker's part of it, and the minute job's."""

import math
import time
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct

from stamkunde.bootstrap import CLIENT_CONFIG, aws_client, known_clubs
from stamkunde.campaigns.addresses import Addresses
from stamkunde.campaigns.ceilings import Ceilings
from stamkunde.campaigns.chunk_store import ChunkKey, ChunkStore
from stamkunde.campaigns.delivering import Carrier, Delivering
from stamkunde.campaigns.hours import HoursStore
from stamkunde.campaigns.life import CampaignLife
from stamkunde.campaigns.model.gateway_choice import SmsGateway
from stamkunde.campaigns.model.pacing import Pace
from stamkunde.campaigns.model.timing import Rhythm
from stamkunde.campaigns.rates import Paces, Rates
from stamkunde.campaigns.results import Doubts, Results
from stamkunde.campaigns.runs import Running, RunStore
from stamkunde.campaigns.sending import ChunkSender, Ended
from stamkunde.campaigns.sending_notes import tell_unreadable
from stamkunde.campaigns.stop_links import StopLinks
from stamkunde.campaigns.store import CampaignStore
from stamkunde.campaigns.sweep import Sweep
from stamkunde.campaigns.writing import Letter, Sources, Writing
from stamkunde.clubs.known import KnownClubs
from stamkunde.clubs.model import Club
from stamkunde.gateway_bootstrap import MOST_CONNECTIONS, CampaignGateways, campaign_gateways
from stamkunde.gateways.chunk_wake_ups import ChunkWakeUps
from stamkunde.gateways.email import Email
from stamkunde.gateways.handover import NotAccepted
from stamkunde.gateways.sms import Sms
from stamkunde.ledger.store import LedgerStore
from stamkunde.members.store import MemberStore
from stamkunde.members.uses import Uses
from stamkunde.messaging.model import Domains
from stamkunde.messaging.suppression import Suppressions
from stamkunde.settings import Settings
from stamkunde.shared.channel import Channel
from stamkunde.shared.clock import Clock, SystemClock
from stamkunde.shared.patience import Patience

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

SHORTEST_WORTH = 5
"""Seconds: no gateway takes less; what ends sooner has ended."""


class Carriers(Struct, frozen=True):
    """Hands letters over to the gateways that the deployment has chosen."""

    gateways: CampaignGateways

    def carry(self, letter: Letter) -> str:
        """Hand one letter over; see `stamkunde.campaigns.delivering.Carrier`."""
        if letter.channel is Channel.EMAIL:
            return self.gateways.email.send(
                Email(
                    letter.recipient,
                    letter.sender,
                    letter.subject,
                    letter.text,
                    unsubscribe=letter.unsubscribe,
                    reference=letter.reference,
                )
            )
        return self.gateways.sms.send(
            Sms(
                letter.recipient,
                letter.sender,
                letter.text,
                letter.most_parts,
                advertises=True,
                reference=letter.reference,
                worth_seconds=_worth(letter),
            )
        )

    def release(self) -> None:
        """Give up the connections."""
        self.gateways.release()


def _worth(letter: Letter) -> int | None:
    return None if letter.worth_for is None else max(SHORTEST_WORTH, math.floor(letter.worth_for.total_seconds()))


class NoCarrier(Struct, frozen=True):
    """Where nothing is sent: the minute job only asks what was."""

    def carry(self, letter: Letter) -> str:  # noqa: ARG002 - as every carrier is called
        """Nothing is taken."""
        raise NotAccepted("nothing_is_sent_here")

    def release(self) -> None:
        """There is nothing to give up."""


class Senders(Struct, frozen=True):
    """What sends the campaigns of any club; put together for each chunk, with the clients that are made once."""

    settings: Settings
    client: "DynamoDBClient"
    clubs: KnownClubs
    carrier: Carrier
    wake_ups: ChunkWakeUps
    pool: Executor

    def send(self, key: ChunkKey) -> Ended:
        """Work through a chunk as far as it goes; one of a club that is gone is nobody's."""
        sender = self.of(key.club_id)
        return Ended.NOT_MINE if sender is None else sender.send(key)

    def of(self, club_id: str) -> ChunkSender | None:
        """What sends a club's chunks; None for a club that is gone, or has closed."""
        club = self.clubs.by_id(club_id)
        if club is None or club.is_closed(self.clubs.clock_of(club).now()):
            return None
        return self._sender(club, self.clubs.clock_of(club), SystemClock())

    def _sender(self, club: Club, club_clock: Clock, clock: Clock) -> ChunkSender:
        client, table, club_id, patience = self.client, self.settings.messages_table, club.club_id, Patience()
        addresses = Addresses(client, table, club_id, club.address_key)
        runs, chunks = RunStore(client, table, club_id), ChunkStore(client, table, club_id)
        settings = self.settings
        domains = Domains(settings.pages_domain, settings.short_domain, settings.mail_domain)
        links = StopLinks(club, settings.short_domain, club_clock)
        sources = self._sources(club, club_clock)
        hours = HoursStore(client, table, club_id).load()
        return ChunkSender(
            CampaignLife(CampaignStore(client, table, club_id, patience), runs, club_clock),
            chunks,
            runs,
            Writing(club, domains, sources, addresses, links, club_clock, self.pool, tell_unreadable),
            Delivering(
                addresses,
                Results(client, table, club_id),
                self.carrier,
                Uses(client, settings.members_table, club_id).note,
                clock,
                club_clock,
                partial(wait_until, clock),
                patience,
                self.pool,
            ),
            Rates(client, table, paces(settings)),
            Ceilings(client, table, club_id, club.time_zone),
            self.wake_ups,
            Rhythm(hours, club.time_zone, club.country),
            clock,
            club_clock,
            patience,
        )

    def _sources(self, club: Club, club_clock: Clock) -> Sources:
        client, settings, club_id = self.client, self.settings, club.club_id
        members = MemberStore(client, settings.members_table, club_id, club.address_key, club_clock)
        ledger = LedgerStore(client, settings.ledger_table, club_id)
        suppressions = Suppressions(client, settings.members_table, club_id, club.address_key)
        return Sources(
            members.load_with_records,
            partial(ledger.load_account, consistent=True),
            suppressions.suppressed,
            Results(client, settings.messages_table, club_id).clicked,
        )


def senders(settings: Settings, client: "DynamoDBClient") -> Senders:
    """What the campaign worker does."""
    return _senders(settings, client, Carriers(campaign_gateways(settings)))


def sweep(settings: Settings, client: "DynamoDBClient") -> Sweep:
    """What the minute job does for campaigns that are being sent; it sends nothing itself."""
    return Sweep(
        Running(client, settings.messages_table),
        Doubts(client, settings.messages_table),
        _senders(settings, client, NoCarrier()).of,
        partial(Results, client, settings.messages_table),
        {
            Channel.SMS: SmsGateway(settings.sms_gateway).reports,
            # SES does; the local engine's takes mail and says nothing more of it.
            Channel.EMAIL: not settings.clubs_clocks_movable,
        },
        SystemClock(),
    )


def _senders(settings: Settings, client: "DynamoDBClient", carrier: Carrier) -> Senders:
    pool = ThreadPoolExecutor(MOST_CONNECTIONS)
    return Senders(settings, client, known_clubs(settings, client), carrier, chunk_wake_ups(settings), pool)


def chunk_wake_ups(settings: Settings) -> ChunkWakeUps:
    """The queue that starts the campaign worker."""
    return ChunkWakeUps(aws_client("sqs", settings, CLIENT_CONFIG), settings.message_queue)


def paces(settings: Settings) -> Paces:
    """How fast the deployment's gateways take messages."""
    return Paces(Pace(settings.sms_a_second), Pace(settings.emails_a_second), Pace(settings.club_a_second))


def wait_until(clock: Clock, instant: datetime, sleep: Callable[[float], None] = time.sleep) -> None:
    """Sleep until an instant of a clock; not at all if it has passed."""
    seconds = (instant - clock.now()).total_seconds()
    if seconds > 0:
        sleep(seconds)
