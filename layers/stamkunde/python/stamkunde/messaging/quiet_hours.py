"""When a message may arrive: at once, or in the club's sending window by its own wall clock."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from stamkunde.messaging.model import MessageClass, Timing, keeps_quiet_hours
from stamkunde.messaging.public_holidays import is_public_holiday
from stamkunde.shared.clock import local_date
from stamkunde.shared.errors import Refusal

EARLIEST_OPENING = time(6)
LATEST_CLOSING = time(22)
_SUNDAY = 6


class SendingWindow(Struct, frozen=True):
    """From when until when messages may arrive on a day; at `closes` itself they no longer may.

    Raises
    ------
    Refusal
        ``invalid_field``: it must open before it closes, and both lie between 6 and 22.
    """

    opens: time
    closes: time

    def __post_init__(self) -> None:
        if not EARLIEST_OPENING <= self.opens < self.closes <= LATEST_CLOSING:
            raise Refusal("invalid_field", {"expected": f"{EARLIEST_OPENING:%H:%M}-{LATEST_CLOSING:%H:%M}"})


class SendingHours(Struct, frozen=True):
    """A club's sending windows."""

    workdays: SendingWindow = SendingWindow(time(8), time(21))
    sundays_and_holidays: SendingWindow = SendingWindow(time(10), time(20))

    def window_on(self, day: date, country: str) -> SendingWindow:
        """The window of a calendar day; Saturday is a workday like the others."""
        resting = day.weekday() == _SUNDAY or is_public_holiday(country, day)
        return self.sundays_and_holidays if resting else self.workdays


def wall_clock(day: date, at: time, time_zone: str) -> datetime:
    """The UTC instant at which the clock on the wall shows that time.

    A time that the clocks skip counts as if they had not been moved, so it comes an hour later on the wall; of a
    time that comes twice it is the first.
    """
    return datetime.combine(day, at, ZoneInfo(time_zone)).astimezone(UTC)


def next_opening(instant: datetime, hours: SendingHours, *, time_zone: str, country: str) -> datetime:
    """The first UTC instant from `instant` on that lies in the club's window."""
    due = instant.astimezone(UTC)
    today = local_date(due, time_zone)
    window = hours.window_on(today, country)
    if due < (opens := wall_clock(today, window.opens, time_zone)):
        return opens
    if due < wall_clock(today, window.closes, time_zone):
        return due
    tomorrow = today + timedelta(days=1)
    return wall_clock(tomorrow, hours.window_on(tomorrow, country).opens, time_zone)


def next_closing(instant: datetime, hours: SendingHours, *, time_zone: str, country: str) -> datetime:
    """The UTC instant at which the club's window closes that `instant` lies in."""
    today = local_date(instant, time_zone)
    return wall_clock(today, hours.window_on(today, country).closes, time_zone)


class Pause(Struct, frozen=True):
    """The closed hours after the window that a message came due in; at `ends` itself it may be sent again."""

    begins: datetime
    ends: datetime

    def holds(self, now: datetime) -> bool:
        """Whether the window is closed now."""
        return self.begins <= now < self.ends


def pause_after(due_at: datetime, hours: SendingHours, *, time_zone: str, country: str) -> Pause:
    """The closed hours after the window that an instant lies in."""
    closes = next_closing(due_at, hours, time_zone=time_zone, country=country)
    return Pause(closes, next_opening(closes, hours, time_zone=time_zone, country=country))


def send_from(
    message_class: MessageClass,
    timing: Timing,
    instant: datetime,
    hours: SendingHours,
    *,
    time_zone: str,
    country: str,
) -> datetime:
    """The UTC instant from which a message, due at `instant`, may be sent."""
    if not keeps_quiet_hours(message_class, timing):
        return instant.astimezone(UTC)
    return next_opening(instant, hours, time_zone=time_zone, country=country)
