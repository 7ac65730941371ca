"""What a decision about somebody rests on, taken from what is kept of them and their club."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from functools import partial

from stamkunde.clubs.model import Club
from stamkunde.members.consents import ConsentRecord, Permission, permissions
from stamkunde.members.evidence_end import forget_on
from stamkunde.members.model import GRACE, Member, MemberState
from stamkunde.members.permission import KIND_OF_CHANNEL, counted, has_lapsed, lapses_on, notice_day
from stamkunde.messaging.quiet_hours import SendingHours, next_opening
from stamkunde.retention.model import ClubTime, Facts, Lapse, Standing
from stamkunde.shared.clock import local_date
from stamkunde.shared.terms import TermsChase


def facts_of(member: Member, records: Iterable[ConsentRecord], time_zone: str, now: datetime) -> Facts:
    """What is decided on about a member, who agreed to these things.

    An e-mail address that nobody has confirmed lets nobody be written to: nothing lapses there.
    """
    records = list(records)
    said = counted(records, member, time_zone)
    held = [each for each in permissions(said, email_confirmed=member.email_confirmed).values() if _counts(each)]
    counting = [each for each in held if not has_lapsed(each, time_zone, now)]
    return Facts(
        standing=Standing(member.state.value),
        chase=chase_of(member),
        erase_at=member.erasure.erase_at if member.erasure else None,
        accepted_terms=member.terms_version,
        told_terms=member.told_terms,
        lapses=tuple(
            Lapse(
                each.kind.value,
                day := lapses_on(each, time_zone),
                notice_day(each, time_zone),
                noted=(each.kind.value, day) in member.noted_lapses,
            )
            for each in counting
        ),
        news_until=_news_until(member, said, held, time_zone),
        forget_on=forget_on(records, time_zone),
    )


def chase_of(member: Member) -> TermsChase | None:
    """How far the chase has come of somebody who is open, also of one who joined before there was any."""
    if member.state is not MemberState.OPEN:
        return None
    return member.chase or TermsChase(member.joined_at)


def quiet_until(spoke_at: datetime, time_zone: str) -> date:
    """Until when somebody is kept whom nothing lets us write to: they may confirm their address, or think again."""
    return local_date(spoke_at + GRACE, time_zone)


def _counts(permission: Permission) -> bool:
    return not permission.waits_for_confirmation


def _news_until(
    member: Member, said: Sequence[ConsentRecord], held: Iterable[Permission], time_zone: str
) -> date | None:
    """Who only takes the news is kept as long as a permission to be sent them lives (and for a grace without one)."""
    if member.state is not MemberState.NEWSLETTER:
        return None
    spoke_at = max([member.joined_at, *(record.evidence.recorded_at for record in said)])
    living = (lapses_on(each, time_zone) for each in held if each.kind in KIND_OF_CHANNEL.values())
    return max([quiet_until(spoke_at, time_zone), *living])


def club_time(club: Club) -> ClubTime:
    """A club's calendar."""
    terms = club.current_terms()
    opening = partial(next_opening, hours=SendingHours(), time_zone=club.time_zone, country=club.country)
    return ClubTime(club.time_zone, opening, terms.version, terms.published_at)
