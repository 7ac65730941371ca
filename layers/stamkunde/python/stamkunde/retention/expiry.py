"""The days on which a visit has something to do about somebody without a case."""

from copy import replace
from datetime import date, datetime, timedelta

from stamkunde.clubs.model import Club
from stamkunde.ledger.model.accounts import Account
from stamkunde.ledger.model.expiring import expires_from
from stamkunde.members.birthdays import birthday_from
from stamkunde.members.model import Member
from stamkunde.retention.model import Facts
from stamkunde.shared.clock import end_of_month, local_date

_A_DAY = timedelta(days=1)


def with_dates(facts: Facts, member: Member, account: Account | None, club: Club, now: datetime) -> Facts:
    """What is known of somebody, with those days."""
    today = local_date(now, club.time_zone)
    lapses = lapse_day(expires_from(account), club, today) if account else None
    return replace(facts, expires_from=lapses, birthday=birthday_from(member, today))


def lapse_day(held_until: date | None, club: Club, today: date) -> date:
    """The day on which to look what has lapsed in an account.

    What a purchase may start until then is among it, so that no purchase has to make anybody due.

    Parameters
    ----------
    held_until
        The first day on which something is over that it holds.
    """
    # A receipt may be judged by any programme that there was.
    cards = (stamps.expiry_months for programme in club.programmes for stamps in programme.stamp_programmes)
    shortest = min([*(programme.expiry_months for programme in club.programmes), *cards])
    earned_today = end_of_month(today, shortest) + _A_DAY
    return min(held_until, earned_today) if held_until else earned_today
