"""May somebody be written to, and why: decided from the facts, step by step. Pure rules.

Advertising needs a permission for its channel, or an address that was got in a sale where the club's policy allows
it, and another permission where it is chosen by what somebody bought. A service message needs membership only.
"""

from collections.abc import Iterable, Iterator, Mapping
from copy import replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from pathlib import Path

from msgspec import Struct, field

from stamkunde.clubs.model import Club
from stamkunde.members.consents import (
    ConsentRecord,
    Evidence,
    Permission,
    PermissionKind,
    permissions,
    soft_opt_ins,
    taken_back,
)
from stamkunde.members.model import ADULT_AGE, CONSENT_AGE, Member, MemberState, age_on
from stamkunde.messaging.model import Basis, MessageClass, Yes
from stamkunde.shared.channel import Channel
from stamkunde.shared.clock import local_date, months_later, wall_instant
from stamkunde.shared.language import Catalogue, Worded

LASTS_MONTHS = 12
"""How long a yes counts that is neither used nor renewed (R29)."""

NOTED_MONTHS_AHEAD = 2
"""How long before it lapses the owner is told and the member offered to keep it."""

KIND_OF_CHANNEL = {Channel.SMS: PermissionKind.SMS, Channel.EMAIL: PermissionKind.EMAIL}

_VERDICTS = Catalogue(Path(__file__).parent / "verdicts")
verdict_texts = _VERDICTS.texts


class Purpose(StrEnum):
    """What decides whom advertising goes to."""

    NEWS = "news"
    """The same for everybody, or chosen by what members themselves said."""
    PURCHASES = "purchases"
    """Chosen by anything that follows from purchases: what, when, where, how much (R12)."""


class Finding(StrEnum):
    """What a step found; those in `REFUSING` end the matter with a no."""

    KNOWN = "known"
    NOBODY = "nobody"
    STAYS = "stays"
    LEAVING = "leaving"
    MEMBER = "member"
    NEWSLETTER = "newsletter"
    TERMS_NOT_ACCEPTED = "terms_not_accepted"
    AGE_UNKNOWN = "age_unknown"
    OLD_ENOUGH = "old_enough"
    TOO_YOUNG = "too_young"
    HAS_NUMBER = "has_number"
    HAS_EMAIL = "has_email"
    NO_EMAIL = "no_email"
    EMAIL_UNCONFIRMED = "email_unconfirmed"
    SAID_YES = "said_yes"
    SAID_STOP = "said_stop"
    LAPSED = "lapsed"
    SAID_TOO_YOUNG = "said_too_young"
    NEVER_ASKED = "never_asked"
    IN_A_SALE = "in_a_sale"
    SALE_TOO_LONG_AGO = "sale_too_long_ago"
    SALES_NOT_USED = "sales_not_used"
    NO_PURCHASES = "no_purchases"
    ADULT = "adult"
    MINOR = "minor"
    AGE_NOT_TOLD = "age_not_told"
    PURCHASES_REFUSED = "purchases_refused"
    PURCHASES_WEIGHED = "purchases_weighed"
    PURCHASES_ALLOWED = "purchases_allowed"
    PURCHASES_LAPSED = "purchases_lapsed"
    PURCHASES_NEVER_ASKED = "purchases_never_asked"
    SERVICE = "service"
    AWAITED = "awaited"


REFUSING = frozenset(
    {
        *(Finding.NOBODY, Finding.LEAVING, Finding.TERMS_NOT_ACCEPTED, Finding.TOO_YOUNG),
        *(Finding.NO_EMAIL, Finding.EMAIL_UNCONFIRMED),
        *(Finding.SAID_STOP, Finding.LAPSED, Finding.SAID_TOO_YOUNG, Finding.NEVER_ASKED),
        *(Finding.SALE_TOO_LONG_AGO, Finding.SALES_NOT_USED),
        *(Finding.NO_PURCHASES, Finding.MINOR, Finding.AGE_NOT_TOLD, Finding.PURCHASES_REFUSED),
        *(Finding.PURCHASES_LAPSED, Finding.PURCHASES_NEVER_ASKED),
    }
)


class Facts(Struct, frozen=True):
    """All that decides.

    Parameters
    ----------
    member
        None for nobody.
    records
        Everything that they agreed to or took back.
    """

    club: Club
    member: Member | None
    records: tuple[ConsentRecord, ...] = ()

    @property
    def counted(self) -> list[ConsentRecord]:
        """What of it counts; see `counted`."""
        return counted(self.records, self.member, self.club.time_zone)


class Step(Struct, frozen=True):
    """One thing that was looked at.

    Parameters
    ----------
    values
        What its sentence merges.
    """

    finding: Finding
    values: Mapping[str, str | int | Worded] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether it lets the next one be looked at."""
        return self.finding not in REFUSING

    def sentence(self, language: str) -> str:
        """What was found, in one sentence."""
        return _VERDICTS.text(language, f"finding.{self.finding}", **self.values)


class Verdict(Struct, frozen=True):
    """Whether somebody may be written to.

    Parameters
    ----------
    steps
        What was looked at, in order; the last one decided.
    """

    steps: tuple[Step, ...]

    @property
    def may(self) -> bool:
        """Whether they may be written to."""
        return self.steps[-1].holds

    @property
    def reason(self) -> Finding:
        """What decided."""
        return self.steps[-1].finding

    def line(self, language: str) -> str:
        """The answer and its reason, in one line."""
        answer = _VERDICTS.text(language, "yes" if self.may else "no")
        return f"{answer} {self.steps[-1].sentence(language)}"


class Day(Struct, frozen=True):
    """A calendar day, as each language writes it in short."""

    day: date

    def text(self, language: str) -> str:
        """Such as ``3.5.2027`` or ``3 May 2027``."""
        month = _VERDICTS.text(language, f"month.{self.day.month}")
        return _VERDICTS.text(language, "day", day=self.day.day, month=month, year=self.day.year)


class LastUse(Struct, frozen=True):
    """When advertising was last sent by a yes, if ever, as a part of a sentence."""

    day: date | None

    def text(self, language: str) -> str:
        """Such as ``last used on 3 May 2027``."""
        if self.day is None:
            return _VERDICTS.text(language, "used.never")
        return _VERDICTS.text(language, "used.last", day=Day(self.day))


class Words(Struct, frozen=True):
    """A part of a sentence that each language has its own words for."""

    key: str

    def text(self, language: str) -> str:
        """Those words."""
        return _VERDICTS.text(language, self.key)


def said_too_young(born: date | None, said_at: datetime, time_zone: str) -> bool:
    """Whether somebody wasn't 15 yet on the club's day on which they said something (R14)."""
    return born is not None and age_on(born, local_date(said_at, time_zone)) < CONSENT_AGE


def counted(records: Iterable[ConsentRecord], member: Member | None, time_zone: str) -> list[ConsentRecord]:
    """What somebody said, without what they allowed as a child: that never counts, however old they are by now.

    A child's stop counts like any other.
    """
    born = member.birth_date if member else None
    return [
        replace(record, given=(), soft_opt_in=())
        if said_too_young(born, record.evidence.given_at, time_zone)
        else record
        for record in records
    ]


def lapses_on(permission: Permission, time_zone: str) -> date:
    """The club's day from whose start a permission no longer counts, unless it is used or given anew before.

    Twelve calendar months after they last said yes, or were last sent advertising by it; a yes of 29 February ends on
    28 February. Only what was sent while it counted is ever noted as a use, so what has lapsed stays so.
    """
    return _a_year_after(max(permission.given_at, permission.last_used_at or permission.given_at), time_zone)


def last_day(permission: Permission, time_zone: str) -> date:
    """The club's last day on which a permission counts."""
    return lapses_on(permission, time_zone) - timedelta(days=1)


def has_lapsed(permission: Permission, time_zone: str, now: datetime) -> bool:
    """Whether too long has passed since they said yes or it was used."""
    return local_date(now, time_zone) >= lapses_on(permission, time_zone)


def notice_day(permission: Permission, time_zone: str) -> date:
    """The club's day from which the owner is told, and the member offered, that a permission is about to lapse."""
    return months_later(lapses_on(permission, time_zone), -NOTED_MONTHS_AHEAD)


def may_be_kept(permission: Permission, time_zone: str, now: datetime) -> bool:
    """Whether it is time to offer its renewal: from two months before it lapses."""
    today = local_date(now, time_zone)
    return notice_day(permission, time_zone) <= today < lapses_on(permission, time_zone)


def sale_counts(sale: Evidence, time_zone: str, now: datetime) -> bool:
    """Whether a sale in which an address was got is recent enough to write to it; doing so changes nothing."""
    return local_date(now, time_zone) < _a_year_after(sale.given_at, time_zone)


def may_write(
    facts: Facts, message_class: MessageClass, channel: Channel, purpose: Purpose, now: datetime
) -> Verdict:
    """Whether a message of a class may go to somebody by a channel, and why.

    The purpose says what advertising is chosen by; of other messages it changes nothing.
    """
    steps = []
    for step in _steps(facts, message_class, channel, purpose, now):
        steps.append(step)
        if not step.holds:
            break
    return Verdict(tuple(steps))


def advertised_until(facts: Facts, channel: Channel, now: datetime) -> date | None:
    """The club's first day on which somebody may be sent no more advertising, if nobody says anything anew.

    None if they may not be sent any now.
    """
    if not may_write(facts, MessageClass.MARKETING, channel, Purpose.NEWS, now).may:
        return None
    kind, records = KIND_OF_CHANNEL[channel], facts.counted
    held = permissions(records, email_confirmed=True).get(kind)
    sale = soft_opt_ins(records).get(kind) if facts.club.member_policy.soft_opt_in else None
    zone = facts.club.time_zone
    ends = [*([lapses_on(held, zone)] if held else []), *([_a_year_after(sale.given_at, zone)] if sale else [])]
    return max(ends)


def basis(facts: Facts, channel: Channel, now: datetime) -> Basis | None:
    """What lets somebody be sent advertising by a channel, and until when; None if nothing does."""
    member, zone = facts.member, facts.club.time_zone
    verdict = may_write(facts, MessageClass.MARKETING, channel, Purpose.NEWS, now)
    if member is None or not verdict.may:
        return None
    kind, records = KIND_OF_CHANNEL[channel], facts.counted
    if verdict.reason is Finding.IN_A_SALE:
        return Basis(_start_of(_a_year_after(soft_opt_ins(records)[kind].given_at, zone), zone))
    held = permissions(records, email_confirmed=True)[kind]
    yes = Yes(member.member_id, held.record_id) if held.record_id else None
    return Basis(_start_of(lapses_on(held, zone), zone), yes)


class PurchaseBasis(Struct, frozen=True):
    """What lets offers be chosen by what somebody bought (R12).

    Parameters
    ----------
    until
        The club's first day on which it no longer does; None where the club's written reason does, not a yes.
    """

    until: date | None


def purchase_basis(facts: Facts, now: datetime) -> PurchaseBasis | None:
    """What lets offers be chosen by what somebody bought; None if nothing does.

    Of who hasn't accepted the terms no item numbers are kept, and nothing that they bought is looked at.
    """
    member, club = facts.member, facts.club
    if member is None or member.is_gone(now) or member.state is not MemberState.MEMBER:
        return None
    steps = list(_purchase_steps(facts, member, now))
    if not all(step.holds for step in steps):
        return None
    if steps[-1].finding is Finding.PURCHASES_WEIGHED:
        return PurchaseBasis(None)
    held = permissions(facts.counted, email_confirmed=True)[PermissionKind.PURCHASES]
    return PurchaseBasis(lapses_on(held, club.time_zone))


def question(message_class: MessageClass, channel: Channel, purpose: Purpose, language: str) -> str:
    """What `may_write` is asked, in a few words."""
    chosen_by = f".{purpose}" if message_class is MessageClass.MARKETING else ""
    return _VERDICTS.text(language, f"asked.{message_class}{chosen_by}", channel=Words(f"channel.{channel}"))


def _steps(
    facts: Facts, message_class: MessageClass, channel: Channel, purpose: Purpose, now: datetime
) -> Iterator[Step]:
    member = facts.member
    if member is None or member.is_gone(now):
        yield Step(Finding.NOBODY)
        return
    yield Step(Finding.KNOWN)
    if message_class is MessageClass.MARKETING:
        yield _staying(member, facts.club)
        yield _terms(member)
        yield _age(member, facts.club, now)
        yield _address(member, channel)
        yield _channel_basis(facts, KIND_OF_CHANNEL[channel], now)
        if purpose is Purpose.PURCHASES:
            yield from _purchase_steps(facts, member, now)
        return
    yield _address(member, channel)
    yield Step(Finding.SERVICE if message_class is MessageClass.SERVICE else Finding.AWAITED)


def _staying(member: Member, club: Club) -> Step:
    if member.erasure is None:
        return Step(Finding.STAYS)
    return Step(Finding.LEAVING, {"day": Day(local_date(member.erasure.erase_at, club.time_zone))})


def _terms(member: Member) -> Step:
    match member.state:
        case MemberState.MEMBER:
            return Step(Finding.MEMBER, {"version": member.terms_version})
        case MemberState.NEWSLETTER:
            return Step(Finding.NEWSLETTER)
        case MemberState.OPEN:
            return Step(Finding.TERMS_NOT_ACCEPTED)


def _age(member: Member, club: Club, now: datetime) -> Step:
    """A child gets no advertising; whether they were 15 when they said yes is asked where their yes is (R14)."""
    if member.birth_date is None:
        return Step(Finding.AGE_UNKNOWN)
    old_enough = age_on(member.birth_date, local_date(now, club.time_zone)) >= CONSENT_AGE
    return Step(Finding.OLD_ENOUGH if old_enough else Finding.TOO_YOUNG, {"age": CONSENT_AGE})


def _address(member: Member, channel: Channel) -> Step:
    if channel is Channel.SMS:
        return Step(Finding.HAS_NUMBER)
    if member.email is None:
        return Step(Finding.NO_EMAIL)
    return Step(Finding.HAS_EMAIL if member.email_confirmed else Finding.EMAIL_UNCONFIRMED)


def _channel_basis(facts: Facts, kind: PermissionKind, now: datetime) -> Step:
    """A yes that counts, else a sale that does; the reason for a no is the one that a member can do most about."""
    club, records = facts.club, facts.counted
    if kind in taken_back(records):
        return Step(Finding.SAID_STOP)
    held = permissions(records, email_confirmed=True).get(kind)
    if held is not None and not has_lapsed(held, club.time_zone, now):
        return Step(Finding.SAID_YES, _said(held, club))
    sale = soft_opt_ins(records).get(kind)
    by_sale = _sale(sale, club, now) if sale else None
    if by_sale is not None and by_sale.holds:
        return by_sale
    if held is not None:
        return Step(Finding.LAPSED, _said(held, club))
    as_child = permissions(facts.records, email_confirmed=True).get(kind)
    if as_child is not None:
        return Step(Finding.SAID_TOO_YOUNG, _said(as_child, club) | {"age": CONSENT_AGE})
    return by_sale or Step(Finding.NEVER_ASKED)


def _sale(sale: Evidence, club: Club, now: datetime) -> Step:
    if not club.member_policy.soft_opt_in:
        return Step(Finding.SALES_NOT_USED)
    counts = sale_counts(sale, club.time_zone, now)
    last = _a_year_after(sale.given_at, club.time_zone) - timedelta(days=1)
    told = {"day": Day(local_date(sale.given_at, club.time_zone)), "until": Day(last)}
    return Step(Finding.IN_A_SALE if counts else Finding.SALE_TOO_LONG_AGO, told)


def _purchase_steps(facts: Facts, member: Member, now: datetime) -> Iterator[Step]:
    club = facts.club
    if member.state is MemberState.NEWSLETTER:
        yield Step(Finding.NO_PURCHASES)
        return
    yield _adult(member, club, now)
    records = facts.counted
    if PermissionKind.PURCHASES in taken_back(records):
        yield Step(Finding.PURCHASES_REFUSED)
        return
    if club.uses_purchases_unasked:
        yield Step(Finding.PURCHASES_WEIGHED)
        return
    held = permissions(records, email_confirmed=True).get(PermissionKind.PURCHASES)
    if held is None:
        yield Step(Finding.PURCHASES_NEVER_ASKED)
        return
    lapsed = has_lapsed(held, club.time_zone, now)
    yield Step(Finding.PURCHASES_LAPSED if lapsed else Finding.PURCHASES_ALLOWED, _said(held, club))


def _adult(member: Member, club: Club, now: datetime) -> Step:
    """Where a club asks for birth dates, whoever tells none may be a child (R14)."""
    told = {"age": ADULT_AGE}
    if member.birth_date is None:
        return Step(Finding.AGE_NOT_TOLD if club.member_policy.asks_birth_date else Finding.AGE_UNKNOWN, told)
    adult = age_on(member.birth_date, local_date(now, club.time_zone)) >= ADULT_AGE
    return Step(Finding.ADULT if adult else Finding.MINOR, told)


def _said(held: Permission, club: Club) -> dict[str, str | int | Worded]:
    return {
        "day": Day(local_date(held.given_at, club.time_zone)),
        "how": Words(f"method.{held.evidence.method}"),
        "version": held.wording.version,
        "used": LastUse(local_date(held.last_used_at, club.time_zone) if held.last_used_at else None),
        "until": Day(last_day(held, club.time_zone)),
    }


def _a_year_after(instant: datetime, time_zone: str) -> date:
    return months_later(local_date(instant, time_zone), LASTS_MONTHS)


def _start_of(day: date, time_zone: str) -> datetime:
    return wall_instant(datetime.combine(day, time.min), time_zone)
