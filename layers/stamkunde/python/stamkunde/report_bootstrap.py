"""The composition root of what comes back: gateways' reports, and members' answers by text message."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct

from stamkunde.bootstrap import admission, known_clubs
from stamkunde.campaigns.chunk_store import ChunkStore
from stamkunde.campaigns.reporting import OfClub, Reporting
from stamkunde.campaigns.results import Results
from stamkunde.clubs.known import KnownClubs
from stamkunde.clubs.model import Club
from stamkunde.clubs.store import ClubRegistry
from stamkunde.gateways.reports import DeliveryReport, Report
from stamkunde.members.message_notes import MessageNotes
from stamkunde.members.model import Member
from stamkunde.members.replies import Replies
from stamkunde.members.stopping import Stopping
from stamkunde.message_bootstrap import member_messages
from stamkunde.messaging.suppression import Suppressions
from stamkunde.observability import MetricUnit, logger, metrics
from stamkunde.settings import Settings
from stamkunde.shared.channel import Channel
from stamkunde.shared.patience import Patience

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


class ReportDesk(Struct, frozen=True):
    """Takes whatever comes back from gateways, and says in the log what came of it: ids and codes, and nobody."""

    reporting: Reporting
    replies: Replies

    def take(self, report: Report) -> None:
        """Write one down; the same one again changes nothing.

        Raises
        ------
        TooEarly, Exception
            It is to come again.
        """
        if isinstance(report, DeliveryReport):
            self._take_report(report)
        else:
            heard = self.replies.hear(report.phone, report.text)
            logger.info("answer heard", wish=heard.wish, clubs=list(heard.clubs))

    def _take_report(self, report: DeliveryReport) -> None:
        taken, verdict = self.reporting.take(report), report.verdict
        club = report.reference.club_id if report.reference else None
        logger.info(
            "report taken",
            club=club,
            channel=report.channel,
            state=verdict.state,
            trouble=verdict.trouble,
            outcome=taken,
        )
        if verdict.trouble is not None:
            metrics.add_metric(name="AddressTrouble", unit=MetricUnit.Count, value=1)
            metrics.add_metric(name="Complaints", unit=MetricUnit.Count, value=int(verdict.reason == "complained"))
            metrics.flush_metrics()


def report_desk(settings: Settings, client: "DynamoDBClient") -> ReportDesk:
    """What takes reports and answers, for all clubs."""
    clubs = known_clubs(settings, client)
    return ReportDesk(
        Reporting(clubs.by_id, clubs.by_slug, partial(_stores_of, settings, client), clubs.clock_of, Patience()),
        Replies(
            clubs,
            ClubRegistry(client, settings.clubs_table).club_ids,
            _stopping_of(settings, client, clubs),
            partial(_written_since, settings, client),
        ),
    )


def suppressions(settings: Settings, client: "DynamoDBClient", club: Club) -> Suppressions:
    """The addresses that a club sends nothing to."""
    return Suppressions(client, settings.members_table, club.club_id, club.address_key)


def _stores_of(settings: Settings, client: "DynamoDBClient", club: Club) -> OfClub:
    table = settings.messages_table
    return OfClub(
        ChunkStore(client, table, club.club_id),
        Results(client, table, club.club_id),
        suppressions(settings, client, club),
    )


def _stopping_of(settings: Settings, client: "DynamoDBClient", clubs: KnownClubs) -> Callable[[Club], Stopping]:
    def of(club: Club) -> Stopping:
        clock = clubs.clock_of(club)
        messages = partial(member_messages, settings, client, club)
        return Stopping(club, admission(settings, client, club, messages, clock), clock, Patience())

    return of


def _written_since(settings: Settings, client: "DynamoDBClient", club: Club, member: Member, since: datetime) -> bool:
    """Whether a club wrote to somebody by text message since then: a campaign, or a message of its own accord."""
    notes = MessageNotes(client, settings.members_table, club.club_id).of(member.member_id, since)
    if any(note.channel is Channel.SMS and note.written_at >= since for note in notes):
        return True
    sent = Results(client, settings.messages_table, club.club_id).of_member(member.member_id)
    return any(result.channel is Channel.SMS and result.at >= since for result in sent)
