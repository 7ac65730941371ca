"""For how long a club keeps members who stay away: nothing is saved of which nobody has seen what it would bring."""

import hashlib
from copy import replace
from datetime import date, datetime, timedelta

import msgspec
from msgspec import Struct

from stamkunde.clubs.member_policy import Keeping, check_member_policy, with_keeping
from stamkunde.clubs.model import DEFAULT_INACTIVE_MONTHS, Club, MemberPolicy, TermsVersion
from stamkunde.clubs.service import Operators
from stamkunde.clubs.terms import NOTICE_OF_WORSE_TERMS
from stamkunde.shared.clock import iso_instant, local_date, parse_instant
from stamkunde.shared.errors import Refusal
from stamkunde.shared.signing import seal, unseal

PURPOSE = "keeping forecast"
FORECAST_LASTS = timedelta(days=7)
"""Members come and go: after a week somebody looks again."""


class Seen(Struct, frozen=True):
    """That somebody saw what a way of keeping members would bring.

    Parameters
    ----------
    made_of
        What held then: another policy or other terms would bring something else.
    """

    club_id: str
    seen_at: str
    made_of: str
    keeping: Keeping


def proposed(club: Club, wish: Keeping, today: date) -> Club:
    """The club as it would be with another time of keeping members.

    A shorter one holds no sooner than terms that say so: here, if they are published today.
    """
    policy = with_keeping(club.member_policy, wish, _holding(club, today))
    if not is_shorter(club, policy):
        return replace(club, member_policy=policy)
    newest = club.current_terms()
    terms = TermsVersion(
        version=newest.version + 1,
        language=newest.language,
        text=newest.text,
        published_at=newest.published_at,
        inactive_months=policy.inactive_months,
        valid_from=today + NOTICE_OF_WORSE_TERMS,
    )
    return replace(club, member_policy=policy, terms=(*club.terms, terms))


def is_shorter(club: Club, policy: MemberPolicy) -> bool:
    """Whether members lose by a policy: they were promised to be kept longer, or kept longer without a promise."""
    return policy.inactive_months < _promised(club)


def seal_forecast(club: Club, keeping: Keeping, now: datetime) -> str:
    """What shows that somebody saw a forecast; whoever saves the policy gives it back."""
    seen = Seen(club.club_id, iso_instant(now), made_of(club), keeping)
    return seal(club.signing_keys, PURPOSE, msgspec.json.encode(seen))


def open_forecast(club: Club, sealed: str, now: datetime) -> Keeping:
    """The way of keeping members of which somebody saw what it would bring.

    Raises
    ------
    Refusal
        ``forecast_needed``: nobody did, or too long ago, or something else holds by now.
    """
    opened = unseal(club.signing_keys, PURPOSE, sealed)
    seen = msgspec.json.decode(opened, type=Seen) if opened else None
    if seen is None or seen.club_id != club.club_id or seen.made_of != made_of(club):
        raise Refusal("forecast_needed", pointer="/forecast")
    if now - parse_instant(seen.seen_at) > FORECAST_LASTS:
        raise Refusal("forecast_needed", pointer="/forecast")
    return seen.keeping


def made_of(club: Club) -> str:
    """A digest of what a forecast follows from, as far as the club settles it."""
    settled = [club.member_policy, [[terms.version, terms.inactive_months] for terms in club.terms]]
    return hashlib.sha256(msgspec.json.encode(settled)).hexdigest()


def seen_policy(club: Club, sealed: str, reason: str | None, now: datetime) -> MemberPolicy:
    """The policy of a forecast that somebody saw, with what they say of why members are kept so long.

    Raises
    ------
    Refusal
        ``forecast_needed``; ``invalid_field``: three years or longer, and no reason.
    """
    today = local_date(now, club.time_zone)
    wanted = with_keeping(club.member_policy, open_forecast(club, sealed, now), _holding(club, today))
    wanted = replace(wanted, keeping_reason=reason or wanted.keeping_reason)
    return check_member_policy(wanted, club.member_policy, club.country)


class KeepingDesk(Struct, frozen=True):
    """The operators' use case for keeping members."""

    operators: Operators

    def publish(self, club_id: str, forecast: str, reason: str | None) -> MemberPolicy:
        """Keep members as a forecast had it, from now on: as long as before or longer, or with other rungs.

        A club's first choice may be shorter than a new club's time, which holds until terms do that say the other.

        Raises
        ------
        Refusal
            ``unknown_club``; those of `seen_policy`. ``keeping_not_in_terms``: shorter, which terms must say first.
        """
        club = self.operators.show(club_id).club
        now = self.operators.present(club)
        policy = seen_policy(club, forecast, reason, now)
        if is_shorter(club, policy) and not _is_first_choice(club):
            raise Refusal("keeping_not_in_terms", {"months": _promised(club)}, "/months")
        return self.operators.publish_member_policy(club_id, policy)


def _promised(club: Club) -> int:
    """The months that the newest terms say, or else the least for which nobody was deleted so far."""
    said = club.current_terms().inactive_months
    return max(club.member_policy.inactive_months, DEFAULT_INACTIVE_MONTHS) if said is None else said


def _is_first_choice(club: Club) -> bool:
    """Whether nobody has said a time so far: neither the club nor its terms."""
    policy, said = club.member_policy, club.current_terms().inactive_months
    return policy.trade is None and policy.inactive_months == DEFAULT_INACTIVE_MONTHS and said is None


def _holding(club: Club, today: date) -> set[int]:
    """The months by which members are kept from today on, as terms come to hold."""
    coming = (terms.first_day(club.time_zone) for terms in club.terms)
    return {club.keeping_months(max(day, today)) for day in (today, *coming)}
