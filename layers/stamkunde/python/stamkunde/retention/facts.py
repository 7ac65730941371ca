"""What a decision about somebody rests on, taken from what is kept of them and their club."""

from collections.abc import Iterable
from datetime import datetime
from functools import partial

from stamkunde.clubs.model import Club
from stamkunde.members.consents import ConsentRecord, permissions
from stamkunde.members.model import Member, MemberState, TermsChase
from stamkunde.members.permission import has_lapsed, lapses_on, notice_day
from stamkunde.messaging.quiet_hours import SendingHours, next_opening
from stamkunde.retention.model import Chase, ClubTime, Facts, Lapse, Standing


def facts_of(member: Member, records: Iterable[ConsentRecord], time_zone: str, now: datetime) -> Facts:
    """What is decided on about a member, who agreed to these things."""
    held = permissions(records, email_confirmed=member.email_confirmed).values()
    counting = [each for each in held if not has_lapsed(each, time_zone, now)]
    return Facts(
        standing=Standing(member.state.value),
        chase=chase_of(member),
        erase_at=member.erasure.erase_at if member.erasure else None,
        known_terms=max(member.terms_version, member.told_terms),
        lapses=tuple(
            Lapse(
                each.kind.value,
                day := lapses_on(each, time_zone),
                notice_day(each, time_zone),
                noted=(each.kind.value, day) in member.noted_lapses,
            )
            for each in counting
        ),
    )


def chase_of(member: Member) -> Chase | None:
    """How far the chase has come of somebody who is open, also of one who joined before there was any."""
    if member.state is not MemberState.OPEN:
        return None
    chase = member.chase or TermsChase(member.joined_at)
    return Chase(chase.began_at, chase.reminded_at, chase.erase_on)


def club_time(club: Club) -> ClubTime:
    """A club's calendar."""
    terms = club.current_terms()
    opening = partial(next_opening, hours=SendingHours(), time_zone=club.time_zone, country=club.country)
    return ClubTime(club.time_zone, opening, terms.version, terms.published_at)
