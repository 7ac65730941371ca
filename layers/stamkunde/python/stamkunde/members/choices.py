"""How it stands with each permission of somebody: what their page, the till and the owner are shown. Pure."""

from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum

from msgspec import Struct

from stamkunde.clubs.model import Club
from stamkunde.members.consents import (
    ConsentRecord,
    Permission,
    PermissionKind,
    permissions,
    soft_opt_ins,
    taken_back,
)
from stamkunde.members.model import Member
from stamkunde.members.permission import counted, has_lapsed, lapses_on, last_day, may_be_kept, sale_counts
from stamkunde.shared.clock import local_date


class ChoiceState(StrEnum):
    """How it stands with a permission."""

    YES = "yes"
    WAITS = "waits"
    """For somebody to show that the e-mail address is theirs."""
    LAPSED = "lapsed"
    UNASKED = "unasked"
    """The club may without having asked, until they say no."""
    NO = "no"


class Choice(Struct, frozen=True):
    """How it stands with one permission of somebody.

    Parameters
    ----------
    given_on
        The club's day on which they last said yes.
    last_day, lapses_on
        The last day on which a yes counts, and the one after it.
    last_used_on
        The club's day on which advertising was last sent by it.
    to_be_kept
        Whether it is about to lapse, so that its renewal is offered.
    """

    kind: PermissionKind
    state: ChoiceState
    given_on: date | None = None
    last_day: date | None = None
    lapses_on: date | None = None
    last_used_on: date | None = None
    to_be_kept: bool = False

    @property
    def can_be_stopped(self) -> bool:
        """Whether there is anything to say stop to."""
        return self.state in {ChoiceState.YES, ChoiceState.WAITS, ChoiceState.UNASKED}

    @property
    def can_be_given(self) -> bool:
        """Whether a yes would change anything."""
        return self.to_be_kept or self.state in {ChoiceState.LAPSED, ChoiceState.UNASKED, ChoiceState.NO}


def unasked(club: Club, records: Sequence[ConsentRecord], now: datetime) -> frozenset[PermissionKind]:
    """What a club may do without a yes of theirs, until they say no: an objection ends it like any stop (R18)."""
    sales = soft_opt_ins(records) if club.member_policy.soft_opt_in else {}
    by_sale = {kind for kind, sale in sales.items() if sale_counts(sale, club.time_zone, now)}
    weighed = {PermissionKind.PURCHASES} if club.uses_purchases_unasked else set[PermissionKind]()
    return frozenset((by_sale | weighed) - taken_back(records))


def choices(
    club: Club, member: Member, records: Sequence[ConsentRecord], now: datetime
) -> dict[PermissionKind, Choice]:
    """How it stands with each permission, for the member and for the shop."""
    records = counted(records, member, club.time_zone)
    held = permissions(records, email_confirmed=member.email_confirmed)
    without_asking = unasked(club, records, now)
    return {
        kind: _choice(kind, held.get(kind), club, now, is_unasked=kind in without_asking) for kind in PermissionKind
    }


def _choice(kind: PermissionKind, held: Permission | None, club: Club, now: datetime, *, is_unasked: bool) -> Choice:
    if held is None:
        return Choice(kind, ChoiceState.UNASKED if is_unasked else ChoiceState.NO)
    zone = club.time_zone
    used_on = local_date(held.last_used_at, zone) if held.last_used_at else None
    days = local_date(held.given_at, zone), last_day(held, zone), lapses_on(held, zone), used_on
    if has_lapsed(held, zone, now):
        return Choice(kind, ChoiceState.UNASKED if is_unasked else ChoiceState.LAPSED, *days)
    state = ChoiceState.WAITS if held.waits_for_confirmation else ChoiceState.YES
    return Choice(kind, state, *days, to_be_kept=may_be_kept(held, zone, now))
