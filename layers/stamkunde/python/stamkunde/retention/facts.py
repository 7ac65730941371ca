"""What a decision about somebody rests on, taken from what is kept of them and their club."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from functools import partial

from stamkunde.clubs.model import Club
from stamkunde.ledger.model.accounts import Account
from stamkunde.members.consents import ConsentRecord, Permission, permissions
from stamkunde.members.evidence_end import forget_on
from stamkunde.members.model import GRACE, Member, MemberState
from stamkunde.members.permission import KIND_OF_CHANNEL, counted, has_lapsed, lapses_on, notice_day
from stamkunde.messaging.quiet_hours import SendingHours, next_opening
from stamkunde.retention.model import Away, ClubTime, Facts, Lapse, Standing, active_on
from stamkunde.shared.clock import local_date
from stamkunde.shared.terms import TermsChase


def facts_of(
    member: Member, records: Iterable[ConsentRecord], time_zone: str, now: datetime, account: Account | None = None
) -> Facts:
    """What is decided on about a member, who agreed to these things.

    An e-mail address that nobody has confirmed lets nobody be written to: nothing lapses there.

    Parameters
    ----------
    account
        Theirs; while it is unread, they were last there at this day or later.
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
        away=away_of(member, records, account, time_zone) if member.state is MemberState.MEMBER else None,
    )


def chase_of(member: Member) -> TermsChase | None:
    """How far the chase has come of somebody who is open, also of one who joined before there was any."""
    if member.state is not MemberState.OPEN:
        return None
    return member.chase or TermsChase(member.joined_at)


def away_of(member: Member, records: Iterable[ConsentRecord], account: Account | None, time_zone: str) -> Away:
    """Since when a member hasn't been there; what others of a household buy is no sign of them.

    They were there on the day that was written down when they were told last, whatever else isn't known of it.
    """
    own = account.members.get(member.member_id) if account else None
    acts = active_on(time_zone, last_act(member, records), own.last_purchase_at if own else None)
    return Away(max(acts, member.absence.since) if member.absence else acts, member.absence)


def last_act(member: Member, records: Iterable[ConsentRecord]) -> datetime:
    """When a member was last there, but for what they bought: joined, accepted the terms, or saw to their details."""
    accepted = (record.evidence.given_at for record in records if record.terms)
    return max(filter(None, (member.joined_at, member.details_confirmed_at, *accepted)))


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
    return ClubTime(club.time_zone, opening, terms.version, terms.published_at, club.ladder)
