"""When somebody is looked at again of whom nothing is due for long.

No hint lies further ahead than a quarter of a year: so all of a member's can be found again, and of two that point at
the same far day there is soon one. Everybody has days of their own, by their id, so that no day has them all.
"""

from datetime import UTC, datetime, time, timedelta

from stamkunde.shared.ids import shard_of

HORIZON = timedelta(days=92)


def look_at(member_id: str, due: datetime, now: datetime) -> datetime:
    """When to look at somebody next: once something is due, or on a day of theirs on the way there."""
    if due - now <= HORIZON:
        return max(due, now)
    today = now.astimezone(UTC).date()
    days_ahead = (shard_of(member_id, HORIZON.days) - today.toordinal()) % HORIZON.days or HORIZON.days
    return datetime.combine(today + timedelta(days=days_ahead), time.min, UTC)
