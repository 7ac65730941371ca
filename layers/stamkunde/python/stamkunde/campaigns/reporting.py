"""What gateways report afterwards, written where it belongs: the message's row, and the address that made trouble.

Reports come late, twice, out of order, and about messages that aren't ours: a state only moves right, and the same
report again changes nothing.
"""

from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum

from msgspec import Struct

from stamkunde.campaigns.chunk_store import ChunkKey, ChunkStore
from stamkunde.campaigns.results import Reported, Results
from stamkunde.clubs.model import Club
from stamkunde.gateways.reference import CampaignReference
from stamkunde.gateways.reports import DeliveryReport
from stamkunde.messaging.model import DeliveryState
from stamkunde.messaging.suppression import Report, Suppressions
from stamkunde.shared.clock import Clock
from stamkunde.shared.patience import Patience

WAITED_FOR = timedelta(minutes=15)
"""So long after a report its message is written down, by the worker or by whoever clears up after it."""


class TooEarly(Exception):
    """The message that a report is about isn't written down yet: it is to come again."""


class Taken(StrEnum):
    """What came of a report; `foreign` is about no club of ours."""

    NEWS = "news"
    KNOWN = "known"
    NOBODY = "nobody"
    FOREIGN = "foreign"


class OfClub(Struct, frozen=True):
    """Where one club's reports are written."""

    chunks: ChunkStore
    results: Results
    suppressions: Suppressions


class Reporting(Struct, frozen=True):
    """Takes reports for all clubs.

    Parameters
    ----------
    find_club, club_named
        A club by its id, or by its name in addresses.
    clock_of
        The clock that a club lives by.
    """

    find_club: Callable[[str], Club | None]
    club_named: Callable[[str], Club | None]
    stores_of: Callable[[Club], OfClub]
    clock_of: Callable[[Club], Clock]
    patience: Patience

    def take(self, report: DeliveryReport) -> Taken:
        """Write down what a report says; the same one again changes nothing.

        Raises
        ------
        TooEarly
            It is to be tried again later.
        Refusal
            ``try_again``.
        """
        club = self._club(report)
        if club is None:
            return Taken.FOREIGN
        stores = self.stores_of(club)
        # First the address: what is to come again for the message's sake changes nothing there the second time.
        self._note_address(stores.suppressions, report)
        if report.verdict.state is None or not isinstance(report.reference, CampaignReference):
            return Taken.KNOWN
        return self._note_message(club, stores, report, report.reference, report.verdict.state)

    def _club(self, report: DeliveryReport) -> Club | None:
        if report.reference is not None:
            return self.find_club(report.reference.club_id)
        return self.club_named(report.slug) if report.slug else None

    def _note_address(self, suppressions: Suppressions, report: DeliveryReport) -> None:
        verdict = report.verdict
        if verdict.trouble is not None:
            told = Report(verdict.trouble, report.at, report.about)
            self.patience.until_done(lambda: suppressions.note(report.channel, report.address, told))
        elif verdict.state is DeliveryState.DELIVERED:
            self.patience.until_done(
                lambda: suppressions.note_success(report.channel, report.address, report.at, report.about)
            )

    def _note_message(
        self, club: Club, stores: OfClub, report: DeliveryReport, reference: CampaignReference, state: DeliveryState
    ) -> Taken:
        key = ChunkKey(club.club_id, reference.campaign_id, reference.chunk)
        member_id = stores.chunks.member_at(key, reference.index)
        if member_id is None:
            return Taken.NOBODY
        now = self.clock_of(club).now()
        reported = self.patience.until_done(
            lambda: stores.results.report(
                member_id, reference.campaign_id, report.channel, state, now, report.verdict.reason
            )
        )
        if reported is Reported.NOBODY:
            if now - report.at < WAITED_FOR:
                raise TooEarly
            return Taken.NOBODY
        return Taken.NEWS if reported is Reported.NEWS else Taken.KNOWN
