"""Addresses that nothing is sent to any more, because it doesn't arrive or its owner complained.

``SUPPRESSED#<club>#<keyed hash of channel and address>`` / ``SUPPRESSED``, in the members table, whose rows go by
themselves. What permission somebody gave is another matter: this says that a message would not reach them, or that
their mail program was told that it is spam.
"""

from collections.abc import Iterable
from copy import replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import batched
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from stamkunde.shared.channel import Channel
from stamkunde.shared.clock import iso_instant, parse_instant
from stamkunde.shared.reading import get_row, get_rows
from stamkunde.shared.signing import derive
from stamkunde.shared.transaction import NOT_THERE, Busy, ConditionFailed, Put, put_alone

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

ITEM_VERSION = 1
KEPT = timedelta(days=365)
"""As long as a yes lives that is neither used nor renewed: after that there is nothing left to send by it."""


class Trouble(StrEnum):
    """What a gateway reports that says something of the address and not of the message.

    `bounced_for_good`: there is no such mailbox. `bounced`: it took nothing this time, full or away. `complained`:
    its owner called the message spam. `no_such_number`: the network knows none. `unreachable`: the phone was off or
    away for as long as the message was worth something.
    """

    BOUNCED_FOR_GOOD = "bounced_for_good"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    NO_SUCH_NUMBER = "no_such_number"
    UNREACHABLE = "unreachable"


class Tolerance(Struct, frozen=True):
    """How much trouble an address may make.

    Parameters
    ----------
    times
        From so many reports on nothing is sent there any more.
    within
        Older reports are forgotten.
    """

    times: int
    within: timedelta = KEPT


TOLERANCES = {
    Trouble.BOUNCED_FOR_GOOD: Tolerance(1),
    Trouble.COMPLAINED: Tolerance(1),
    Trouble.NO_SUCH_NUMBER: Tolerance(1),
    Trouble.BOUNCED: Tolerance(3, timedelta(days=30)),
    Trouble.UNREACHABLE: Tolerance(3),
}
MOST_AT_ONCE = 100
MOST_REPORTS = 8
"""How many are remembered: more than any tolerance asks for."""


class Report(Struct, frozen=True):
    """One report, told apart from its own repetition by the message it is about."""

    trouble: Trouble
    at: datetime
    about: str


class Standing(Struct, frozen=True):
    """What is known of an address.

    Parameters
    ----------
    since
        From then on nothing is sent there; None while it is still tried.
    reason
        Which trouble it was that ended it.
    """

    reports: tuple[Report, ...] = ()
    since: datetime | None = None
    reason: Trouble | None = None

    @property
    def is_suppressed(self) -> bool:
        """Whether nothing may be sent there."""
        return self.since is not None

    def after(self, report: Report) -> "Standing":
        """Once one more report has come; the same one again changes nothing, in whatever order they come."""
        if any((each.trouble, each.about) == (report.trouble, report.about) for each in self.reports):
            return self
        reports = tuple(sorted((*self.reports, report), key=lambda each: each.at))[-MOST_REPORTS:]
        judged = _judged(reports)
        # What it was given up for may be forgotten by now, among so many.
        return judged if judged.is_suppressed else replace(self, reports=reports)

    def after_success(self, at: datetime, about: str) -> "Standing":
        """Once something has arrived: an address that was only away is there again; who complained still did.

        What came later than that stays, unless it is about the same message.
        """
        if self.reason in {Trouble.COMPLAINED, Trouble.BOUNCED_FOR_GOOD, Trouble.NO_SUCH_NUMBER}:
            return self
        kept = tuple(
            each for each in self.reports if each.trouble not in _PASSING or (each.at > at and each.about != about)
        )
        return self if len(kept) == len(self.reports) else _judged(kept)


_PASSING = frozenset({Trouble.BOUNCED, Trouble.UNREACHABLE})
"""Troubles that an address may have for a while."""


def _judged(reports: tuple[Report, ...]) -> Standing:
    """What some reports in the order of their times come to; what doesn't pass weighs more than what does."""
    ends = [(trouble in _PASSING, at, trouble) for trouble in Trouble if (at := _too_much_at(trouble, reports))]
    if not ends:
        return Standing(reports)
    _, since, reason = min(ends)
    return Standing(reports, since, reason)


def _too_much_at(trouble: Trouble, reports: tuple[Report, ...]) -> datetime | None:
    """When it was enough; None if it isn't."""
    tolerance = TOLERANCES[trouble]
    times = [each.at for each in reports if each.trouble is trouble]
    runs = zip(times, times[tolerance.times - 1 :], strict=False)
    return next((last for first, last in runs if last - first <= tolerance.within), None)


class Suppressions:
    """One club's addresses that nothing is sent to. Built for one club: no method takes another's id."""

    def __init__(self, client: "DynamoDBClient", table: str, club_id: str, address_key: bytes) -> None:
        self._client = client
        self._table = table
        self._club_id = club_id
        self._address_key = address_key

    def of(self, channel: Channel, address: str, now: datetime) -> Standing:
        """What is known of a phone number (E.164) or an e-mail address; mostly nothing."""
        row = self._row(channel, address)
        return _standing(row) if row is not None and _counts(row, now) else Standing()

    def is_suppressed(self, channel: Channel, address: str, now: datetime) -> bool:
        """Whether nothing may be sent there."""
        return self.of(channel, address, now).is_suppressed

    def suppressed(self, channel: Channel, addresses: Iterable[str], now: datetime) -> set[str]:
        """Those of some addresses to which nothing may be sent: one call for a hundred of them."""
        found: set[str] = set()
        for some in batched(addresses, MOST_AT_ONCE, strict=False):
            by_pk = {self._pk(channel, address): address for address in some}
            keys = [{"pk": pk, "sk": "SUPPRESSED"} for pk in by_pk]
            rows = get_rows(self._client, self._table, keys, consistent=True)
            found |= {by_pk[row["pk"]] for row in rows if _counts(row, now) and _standing(row).is_suppressed}
        return found

    def note(self, channel: Channel, address: str, report: Report) -> Standing:
        """Take a report down; the same one again changes nothing.

        Raises
        ------
        Busy
            Another report about the same address was written at the same time: look again.
        """
        before = self._row(channel, address)
        standing = _standing(before) if before else Standing()
        after = standing.after(report)
        if after != standing:
            self._write(channel, address, before, after, report.at)
        return after

    def note_success(self, channel: Channel, address: str, at: datetime, about: str) -> None:
        """Forget that an address was away, now that something has arrived there; mostly there is nothing to forget.

        Parameters
        ----------
        about
            The message that has arrived: what was reported of it before was wrong too.

        Raises
        ------
        Busy
            A report about the same address was written at the same time: look again.
        """
        before = self._row(channel, address)
        if before is None:
            return
        standing = _standing(before)
        after = standing.after_success(at, about)
        if after != standing:
            self._write(channel, address, before, after, at)

    def _write(
        self, channel: Channel, address: str, before: dict[str, Any] | None, after: Standing, at: datetime
    ) -> None:
        row = {
            "pk": self._pk(channel, address),
            "sk": "SUPPRESSED",
            "v": ITEM_VERSION,
            "revision": before["revision"] + 1 if before else 1,
            "reports": [[each.trouble.value, iso_instant(each.at), each.about] for each in after.reports],
            "since": iso_instant(after.since) if after.since else None,
            "reason": after.reason.value if after.reason else None,
            "expires": max(int((at + KEPT).timestamp()), before["expires"] if before else 0),
        }
        condition, values = (NOT_THERE, {}) if before is None else ("revision = :seen", {"seen": before["revision"]})
        try:
            put_alone(self._client, Put("suppression", self._table, row, condition, values))
        except ConditionFailed as failed:
            raise Busy from failed

    def _row(self, channel: Channel, address: str) -> dict[str, Any] | None:
        return get_row(self._client, self._table, self._pk(channel, address), "SUPPRESSED", consistent=True)

    def _pk(self, channel: Channel, address: str) -> str:
        hashed = derive(self._address_key, "suppressed", channel.value, written_alike(channel, address)).hex()
        return f"SUPPRESSED#{self._club_id}#{hashed}"


def written_alike(channel: Channel, address: str) -> str:
    """An address as it is hashed: reports may write an e-mail address in capitals, or a number without its plus."""
    if channel is Channel.SMS:
        return f"+{address.removeprefix('+')}"
    return address.casefold()


def _standing(row: dict[str, Any]) -> Standing:
    return Standing(
        tuple(Report(Trouble(trouble), parse_instant(at), about) for trouble, at, about in row["reports"]),
        parse_instant(row["since"]) if row["since"] else None,
        Trouble(row["reason"]) if row["reason"] else None,
    )


def _counts(row: dict[str, Any], now: datetime) -> bool:
    """The table may be late in clearing away what is over."""
    return bool(row["expires"] > now.timestamp())
