"""What somebody agreed to, as evidence: one record an act, never changed; what holds now follows from all of them."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from stamkunde.shared.clock import compact_instant
from stamkunde.shared.ids import new_id

LONGEST_USER_AGENT = 200
ONE_TICK = timedelta(milliseconds=1)


class PermissionKind(StrEnum):
    """What somebody may allow, each by itself and apart from the terms (feature 37, R1).

    Two are for a channel, and one is for what advertising is chosen by (R12).
    """

    SMS = "sms"
    EMAIL = "email"
    PURCHASES = "purchases"


class ConsentMethod(StrEnum):
    """How somebody agreed, or changed their mind (feature 36)."""

    SIGNED_FORM = "signed_form"
    COUNTER_SCREEN = "counter_screen"
    JOIN_PAGE = "join_page"
    ACCEPT_LINK = "accept_link"
    MEMBER_PAGE = "member_page"
    CONFIRM_LINK = "confirm_link"
    STOP_LINK = "stop_link"
    """The link to stop by, in an advertising message."""

    UNSUBSCRIBE = "unsubscribe"
    """The button by which a mail program unsubscribes its reader, or the page behind it."""

    TEXT_REPLY = "text_reply"
    """A text message of their own: STOP, or START."""

    WEB_FORM = "web_form"
    """A form of another system, whose evidence the club brought along."""

    SALE = "sale"
    """Nobody agreed: they gave their number in a sale, and didn't refuse advertising when that was offered (R7)."""

    MERGE = "merge"
    """Two members were one person, and one of the two had said no."""


class Caller(Struct, frozen=True):
    """Who asks over the web, as far as the front door can tell."""

    client_ip: str
    user_agent: str


class Evidence(Struct, frozen=True):
    """When, how and from where somebody agreed.

    Parameters
    ----------
    given_at
        When they did it; a till may report it later.
    recorded_at
        When it was written down.
    language
        The language they read it in.
    outlet_id, till_id
        In the shop only.
    client_ip, user_agent
        On a page only.
    brought_by
        Who of the staff brought this along from elsewhere, for what we didn't take down ourselves.
    till_clock
        What the till's clock said, where it was ahead of ours: by that the till's next call is known as a repeat.
    """

    method: ConsentMethod
    given_at: datetime
    recorded_at: datetime
    language: str
    outlet_id: str | None = None
    till_id: str | None = None
    client_ip: str | None = None
    user_agent: str | None = None
    brought_by: str | None = None
    till_clock: datetime | None = None

    @property
    def by_own_clock(self) -> datetime:
        """When they did it, by the clock that reported it."""
        return self.till_clock or self.given_at

    @classmethod
    def on_page(cls, method: ConsentMethod, now: datetime, language: str, caller: Caller) -> "Evidence":
        """What is kept of an act on one of our pages; browsers may say more of themselves than anybody needs."""
        return cls(
            method,
            given_at=now,
            recorded_at=now,
            language=language,
            client_ip=caller.client_ip,
            user_agent=caller.user_agent[:LONGEST_USER_AGENT],
        )


class TermsAccepted(Struct, frozen=True):
    """Which terms were accepted.

    Parameters
    ----------
    text_hash
        SHA-256 of the published text.
    wording
        The sentence that was ticked or pressed; None in the shop, where the form or the screen has its own.
    """

    version: int
    text_hash: str
    wording: str | None = None


class PermissionText(Struct, frozen=True):
    """The exact words by which somebody gave a permission."""

    kind: PermissionKind
    version: int
    wording: str


class ConsentRecord(Struct, frozen=True):
    """Everything that somebody agreed to, or took back, in one act.

    Parameters
    ----------
    record_id
        Sorts by the instant it was written down.
    address_hash
        Keyed hash of the e-mail address that the permission was given with, or that was confirmed.
    soft_opt_in
        The channels whose address was got in a sale, and for which advertising wasn't refused when that was offered
        (R7). Nobody said yes here: it is no permission, and never stands among `given`.
    attachment
        The name under which the photo of the signed form is kept, once it was attached.
    used
        When advertising was last sent by each yes in here: of what was given by channel, pairs of kind and instant.
    """

    record_id: str
    evidence: Evidence
    terms: TermsAccepted | None = None
    given: tuple[PermissionText, ...] = ()
    withdrawn: tuple[PermissionKind, ...] = ()
    address_hash: str | None = None
    soft_opt_in: tuple[PermissionKind, ...] = ()
    attachment: str | None = None
    used: tuple[tuple[PermissionKind, datetime], ...] = ()

    def gives(self, kind: PermissionKind) -> bool:
        """Whether they said yes to that."""
        return any(wording.kind is kind for wording in self.given)

    def last_use(self, kind: PermissionKind) -> datetime | None:
        """When advertising was last sent by the yes to that; None if none ever was."""
        return max((at for used, at in self.used if used is kind), default=None)


class Permission(Struct, frozen=True):
    """A permission that was given and not taken back; whether it has lapsed, `stamkunde.members.permission` says.

    Parameters
    ----------
    wording, evidence
        Of the last time that they said yes.
    waits_for_confirmation
        It doesn't count yet: nobody has shown that the e-mail address is theirs.
    record_id
        Where that yes stands; None for one that isn't written down yet.
    last_used_at
        When advertising was last sent by it, or by a yes before it that was never taken back.
    """

    kind: PermissionKind
    wording: PermissionText
    evidence: Evidence
    waits_for_confirmation: bool = False
    record_id: str | None = None
    last_used_at: datetime | None = None

    @property
    def given_at(self) -> datetime:
        """When they last said yes."""
        return self.evidence.given_at


def new_record_id(recorded_at: datetime) -> str:
    """A consent record's id."""
    return f"{compact_instant(recorded_at)}#{new_id('', 8)}"


def next_instant(records: Iterable[ConsentRecord], now: datetime) -> datetime:
    """When the next word is written down: after all before it, whatever clocks those were written down by."""
    return max([now, *(record.evidence.recorded_at + ONE_TICK for record in records)])


def taken_back(records: Iterable[ConsentRecord]) -> set[PermissionKind]:
    """The permissions about which somebody's last word was a no."""
    told = sorted(records, key=lambda each: each.evidence.recorded_at)
    ever = {kind for record in told for kind in record.withdrawn}
    return ever - permissions(told, email_confirmed=True).keys()


def permissions(records: Iterable[ConsentRecord], *, email_confirmed: bool) -> dict[PermissionKind, Permission]:
    """The permissions that hold after all these acts: the latest word on each wins.

    Of two acts in the same millisecond, taking back wins: nobody is written to who may have said no.
    """
    found: dict[PermissionKind, Permission] = {}
    for record in sorted(records, key=lambda each: (each.evidence.recorded_at, bool(each.withdrawn))):
        for wording in record.given:
            kind, before = wording.kind, found.get(wording.kind)
            waits = kind is PermissionKind.EMAIL and not email_confirmed
            uses = [at for at in (record.last_use(kind), before and before.last_used_at) if at]
            found[kind] = Permission(kind, wording, record.evidence, waits, record.record_id, max(uses, default=None))
        for kind in record.withdrawn:
            found.pop(kind, None)
    return found


def soft_opt_ins(records: Iterable[ConsentRecord]) -> dict[PermissionKind, Evidence]:
    """The channels for which an address was got in a sale, each with the latest evidence.

    Whoever once said stop is asked no more: from then on only their own yes counts, also if a sale comes later.
    """
    told = sorted(records, key=lambda each: each.evidence.recorded_at)
    found = {kind: record.evidence for record in told for kind in record.soft_opt_in}
    stopped = {kind for record in told for kind in record.withdrawn}
    return {kind: evidence for kind, evidence in found.items() if kind not in stopped}
