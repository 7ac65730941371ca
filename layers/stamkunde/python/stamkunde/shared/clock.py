"""The one clock. Nothing else in Stamkunde asks what time it is."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo, reset_tzpath

import tzdata  # type: ignore[import-untyped]
from msgspec import Struct

from stamkunde.shared.errors import Refusal
from stamkunde.shared.reasons import Reason

# The layer's zones, found directly: Lambda's system has none, and found as a package's resource they cost a
# quarter of the first purchase. The same zones everywhere, whatever the laptop's system knows.
reset_tzpath([str(Path(tzdata.__file__).with_name("zoneinfo"))])


BELIEVABLE_YEARS = range(2000, 2200)


class Clock(Protocol):
    """Tells the present instant, aware and in UTC."""

    def now(self) -> datetime:
        """The present instant in UTC."""
        ...


class SystemClock:
    """The machine's own clock, in whole milliseconds: what tables and answers carry."""

    def now(self) -> datetime:
        """The present instant in UTC."""
        return whole_milliseconds(datetime.now(UTC))


def whole_milliseconds(instant: datetime) -> datetime:
    """The instant in UTC, cut to the milliseconds that tables and answers carry."""
    utc = instant.astimezone(UTC)
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


class ClubClock(Struct, frozen=True):
    """A club's clock: the base clock moved by the club's own offset (local engine only)."""

    base: Clock
    offset: timedelta

    def now(self) -> datetime:
        """The present instant of the club in UTC."""
        return self.base.now() + self.offset


class FixedClock(Struct, frozen=True):
    """A clock that stands still, for replays and tests."""

    instant: datetime

    def now(self) -> datetime:
        """The instant it was given."""
        return self.instant


def believable_instant(instant: datetime, pointer: str) -> datetime:
    """An instant that somebody wrote, in UTC and whole milliseconds.

    Raises
    ------
    Refusal
        ``invalid_field``: so far away that no calendar arithmetic would hold.
    """
    if instant.year not in BELIEVABLE_YEARS:
        years = Reason("year", {"least": BELIEVABLE_YEARS.start, "most": BELIEVABLE_YEARS.stop - 1})
        raise Refusal("invalid_field", {"expected": years}, pointer)
    return whole_milliseconds(instant)


def local_date(instant: datetime, time_zone: str) -> date:
    """The calendar date of an instant in a club's time zone."""
    return instant.astimezone(ZoneInfo(time_zone)).date()


def wall_instant(wall: datetime, time_zone: str) -> datetime:
    """The instant in UTC of a wall-clock time; one that has an offset of its own is that instant.

    On the night the clocks go forward, a time that is skipped is the next one that exists; on the night they go
    back, a time that comes twice is the first.
    """
    if wall.tzinfo is not None:
        return whole_milliseconds(wall)
    zone = ZoneInfo(time_zone)
    while wall.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) != wall:
        wall = wall.replace(second=0, microsecond=0) + timedelta(minutes=1)
    return whole_milliseconds(wall.replace(tzinfo=zone, fold=0))


def believable_wall_instant(wall: datetime, time_zone: str, pointer: str) -> datetime:
    """`wall_instant` of what somebody wrote.

    Raises
    ------
    Refusal
        ``invalid_field``: so far away that no calendar arithmetic would hold.
    """
    believable_instant(wall if wall.tzinfo else wall.replace(tzinfo=UTC), pointer)
    return wall_instant(wall, time_zone)


def days_of_utc(first: datetime, last: datetime) -> Iterator[date]:
    """The days of UTC that two instants and all between them lie in."""
    day, end = first.astimezone(UTC).date(), last.astimezone(UTC).date()
    while day <= end:
        yield day
        day += timedelta(days=1)


def end_of_month(day: date, months: int) -> date:
    """The last day of the month that lies `months` calendar months after `day`."""
    index = day.year * 12 + day.month - 1 + months
    first_of_next = date((index + 1) // 12, (index + 1) % 12 + 1, 1)
    return first_of_next - timedelta(days=1)


def months_later(day: date, months: int) -> date:
    """The same day so many calendar months later; the month's last day where it has no such day."""
    last = end_of_month(day, months)
    return last.replace(day=min(day.day, last.day))


def compact_instant(instant: datetime) -> str:
    """An instant as a sort key: UTC, milliseconds, alphabetical order is time order."""
    utc = instant.astimezone(UTC)
    return f"{utc:%Y%m%dT%H%M%S}{utc.microsecond // 1000:03d}Z"


def parse_compact(text: str) -> datetime:
    """The instant that `compact_instant` wrote."""
    return datetime.strptime(text, "%Y%m%dT%H%M%S%fZ").replace(tzinfo=UTC)


def iso_instant(instant: datetime) -> str:
    """An instant as ISO 8601 in UTC with milliseconds, as tables and answers carry it."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_instant(text: str) -> datetime:
    """The instant that `iso_instant` wrote."""
    return datetime.fromisoformat(text)
