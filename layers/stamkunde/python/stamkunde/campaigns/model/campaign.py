"""A campaign's life, from draft to done: what it is in each state, and what may follow. Pure rules.

``draft -> scheduled -> sending -> done``, with ``paused`` in between, and ``cancelled`` or ``expired`` from wherever
it hasn't ended. Whatever must stop the workers makes a new epoch: each of them asks for it before its next messages.
"""

from collections.abc import Mapping
from copy import replace
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct, field

from stamkunde.campaigns.model.campaign_parts import (
    DRIFT_MEMBERS,
    CampaignState,
    CampaignStatus,
    Counts,
    PausedBy,
    Pin,
    Timetable,
)
from stamkunde.campaigns.model.criteria import EVERYBODY, Criterion
from stamkunde.campaigns.model.law import Answers
from stamkunde.campaigns.model.texts import CampaignText
from stamkunde.shared.channel import Channel
from stamkunde.shared.errors import Refusal
from stamkunde.shared.reasons import Reason

__all__ = ["DRIFT_MEMBERS", "CampaignState", "CampaignStatus", "Counts", "PausedBy", "Pin", "Timetable"]
"""Parts of a campaign, which are asked for with it."""

UNDO = timedelta(seconds=60)
"""How long whoever pressed send can take it back: nothing goes out before."""

LATEST_START = timedelta(hours=2)
"""How late a campaign may begin, unless it says otherwise: one that was missed is no news any more."""

PREVIEW_LASTS = timedelta(hours=24)
"""How old a preview may be that is sent by."""

LONGEST_WAIT_FOR_SMS = timedelta(days=7)
MOST_HOLDOUT = 5_000
"""Basis points: half of the members; with more of them left alone there would be no campaign."""


class Campaign(Struct, frozen=True):
    """Something that a club tells many of its members.

    Parameters
    ----------
    by
        Who drafted it.
    revision
        Counts every change of it; a change made of an older one is refused.
    epoch
        Counts what stops the workers that are under way.
    texts
        By language.
    text_version
        Counts the changes of the texts; what was sent keeps its version.
    answers
        What the composer asked about the law.
    criteria
        Whom it is for; everybody, unless it says otherwise.
    channels
        How it is sent; by both, the e-mail goes first.
    sms_after
        How long after the e-mail those who haven't clicked get a text message; None for both at once. Whoever gets no
        e-mail gets the text message at once, always.
    holdout_bp
        How many in ten thousand are left alone, so that the effect can be seen.
    opening_hours
        By language, as they are written: what {Åbent} merges.
    plan_id
        The plan that it belongs to; its messages count as one under the cap.
    timetable
        None for a draft that nobody has set a time for.
    pressed_at
        When somebody pressed send, from which the undo minute runs.
    pin
        The preview that it is sent by.
    frozen
        What the lists came to that were made when it began.
    frozen_at
        When it was begun to be written down whom it is for; from then on it is cancelled or sent, and never a draft
        again.
    begun_at
        When its lists were first let go to the workers.
    waits_until
        The club's next opening, if the window closed before all was sent.
    """

    campaign_id: str
    name: str
    by: str
    texts: Mapping[str, CampaignText]
    answers: Answers
    channels: tuple[Channel, ...]
    drafted_at: datetime
    criteria: Criterion = EVERYBODY
    sms_after: timedelta | None = None
    holdout_bp: int = 0
    opening_hours: Mapping[str, str] = field(default_factory=dict)
    plan_id: str | None = None
    status: CampaignStatus = CampaignStatus.DRAFT
    paused_by: PausedBy | None = None
    revision: int = 1
    epoch: int = 0
    text_version: int = 1
    timetable: Timetable | None = None
    pressed_at: datetime | None = None
    pin: Pin | None = None
    frozen: Pin | None = None
    frozen_at: datetime | None = None
    begun_at: datetime | None = None
    waits_until: datetime | None = None
    ended_at: datetime | None = None
    counts: Counts = field(default_factory=Counts)

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise Refusal("invalid_field", {"expected": Reason("empty")}, "/name")
        if not self.channels or len(set(self.channels)) != len(self.channels):
            raise Refusal("invalid_field", {"expected": ", ".join(Channel)}, "/channels")
        if not 0 <= self.holdout_bp <= MOST_HOLDOUT:
            raise Refusal("invalid_field", {"expected": f"0-{MOST_HOLDOUT}"}, "/holdout_bp")
        self._check_wait()

    def _check_wait(self) -> None:
        if self.sms_after is None:
            return
        if not timedelta(0) < self.sms_after <= LONGEST_WAIT_FOR_SMS or set(self.channels) != set(Channel):
            hours = int(LONGEST_WAIT_FOR_SMS.total_seconds() // 3600)
            raise Refusal("invalid_field", {"expected": f"1-{hours}"}, "/sms_after")

    @property
    def first_at(self) -> datetime | None:
        """When the first of it is sent at the earliest: never within the undo minute."""
        return first_at(self.timetable, self.pressed_at)

    @property
    def state(self) -> CampaignState:
        """What a worker must know of it."""
        ends_at = self.timetable.ends_at if self.timetable else None
        return CampaignState(
            self.status, self.epoch, self.text_version, self.first_at, ends_at, self.waits_until, self.paused_by
        )

    def text_for(self, language: str, own: str) -> CampaignText:
        """What somebody reads who prefers a language: that one, else the club's own, else the first there is."""
        return self.texts.get(language) or self.texts.get(own) or next(iter(self.texts.values()))

    @property
    def sms_waits(self) -> bool:
        """Whether text messages to those with an e-mail go in a second round."""
        return self.sms_after is not None


def first_at(timetable: Timetable | None, pressed_at: datetime | None) -> datetime | None:
    """When the first message is sent at the earliest, of a time that was set and the instant it was pressed at."""
    if timetable is None or pressed_at is None:
        return None
    return max(timetable.starts_at, pressed_at + UNDO)


def edit(campaign: Campaign, new: Campaign) -> Campaign:
    """A draft as it is wished to be from now on: what its life has brought it stays.

    Raises
    ------
    Refusal
        ``campaign_not_now``: only drafts are edited; one that is scheduled is taken back first.
    """
    _check(campaign, CampaignStatus.DRAFT)
    changed = (new.texts, new.opening_hours) != (campaign.texts, campaign.opening_hours)
    return replace(
        new,
        campaign_id=campaign.campaign_id,
        drafted_at=campaign.drafted_at,
        plan_id=campaign.plan_id,
        status=campaign.status,
        revision=campaign.revision + 1,
        epoch=campaign.epoch,
        text_version=campaign.text_version + changed,
        timetable=None,
        pin=None,
    )


def seen(campaign: Campaign, pin: Pin) -> Campaign:
    """A draft of which somebody has seen what it comes to.

    Raises
    ------
    Refusal
        ``campaign_not_now``: only drafts are looked at so.
    """
    _check(campaign, CampaignStatus.DRAFT)
    return _next(campaign, CampaignStatus.DRAFT, pin=pin)


def schedule(campaign: Campaign, timetable: Timetable, now: datetime) -> Campaign:
    """A draft that is to be sent by what was seen of it.

    Raises
    ------
    Refusal
        ``campaign_not_now``; ``preview_needed``: what was seen isn't what would be sent; ``nobody_to_write_to``;
        ``invalid_field``: its times don't follow one another, or lie behind.
    """
    _check(campaign, CampaignStatus.DRAFT)
    pin = campaign.pin
    if pin is None or pin.text_version != campaign.text_version or now - pin.at > PREVIEW_LASTS:
        raise Refusal("preview_needed")
    if not pin.members:
        raise Refusal("nobody_to_write_to")
    scheduled = _next(campaign, CampaignStatus.SCHEDULED, timetable=timetable, pressed_at=now)
    _check_times(scheduled)
    return scheduled


def take_back(campaign: Campaign) -> Campaign:
    """A draft again: the undo minute, and any time until the first message.

    Raises
    ------
    Refusal
        ``campaign_not_now``: it is about to be sent, and can only be cancelled.
    """
    _check(campaign, CampaignStatus.SCHEDULED)
    if campaign.frozen_at is not None:
        raise _not_now(campaign)
    return _next(
        campaign,
        CampaignStatus.DRAFT,
        stops=True,
        timetable=None,
        pin=None,
        pressed_at=None,
    )


def freeze(campaign: Campaign, now: datetime) -> Campaign:
    """What a scheduled campaign is while it is written down whom it is for; again is no change.

    Raises
    ------
    Refusal
        ``campaign_not_now``: it isn't scheduled, or the undo minute isn't over.
    """
    _check(campaign, CampaignStatus.SCHEDULED)
    if campaign.first_at is None or now < campaign.first_at:
        raise _not_now(campaign)
    if campaign.frozen_at is not None:
        return campaign
    return _next(campaign, CampaignStatus.SCHEDULED, frozen_at=now)


def begin(campaign: Campaign, frozen: Pin, now: datetime) -> Campaign:
    """What a scheduled campaign is once its lists are made: being sent, or paused because they aren't what was seen.

    Raises
    ------
    Refusal
        ``campaign_not_now``: it isn't scheduled, or the undo minute isn't over.
    """
    _check(campaign, CampaignStatus.SCHEDULED)
    if campaign.first_at is None or campaign.timetable is None or campaign.pin is None:
        raise Refusal("preview_needed")
    if now < campaign.first_at:
        raise _not_now(campaign)
    if is_late(campaign, now):
        return expire(campaign, now)
    if campaign.pin.is_far_from(frozen):
        return hold_back(campaign, PausedBy.DRIFT, frozen)
    return _next(campaign, CampaignStatus.SENDING, frozen=frozen, begun_at=now)


def hold_back(campaign: Campaign, by: PausedBy, frozen: Pin | None = None) -> Campaign:
    """Don't begin it: somebody has to look first.

    Raises
    ------
    Refusal
        ``campaign_not_now``: it isn't about to begin.
    """
    _check(campaign, CampaignStatus.SCHEDULED)
    return _next(campaign, CampaignStatus.PAUSED, stops=True, paused_by=by, frozen=frozen)


def pause(campaign: Campaign, by: PausedBy) -> Campaign:
    """Stop the workers before their next messages.

    Raises
    ------
    Refusal
        ``campaign_not_now``: it isn't being sent.
    """
    _check(campaign, CampaignStatus.SENDING)
    return _next(campaign, CampaignStatus.PAUSED, stops=True, paused_by=by)


def resume(campaign: Campaign, now: datetime) -> Campaign:
    """Go on where it was stopped; one that never began is about to begin again.

    Whoever resumes one that drifted has seen what it came to: that is what it is sent by.

    Raises
    ------
    Refusal
        ``campaign_not_now``: it isn't paused; ``campaign_too_late``: its end has passed.
    """
    _check(campaign, CampaignStatus.PAUSED)
    if is_past_end(campaign, now):
        raise Refusal("campaign_too_late")
    if campaign.begun_at is not None:
        return _next(campaign, CampaignStatus.SENDING, stops=True, paused_by=None)
    table = campaign.timetable and replace(
        campaign.timetable, latest_start=max(campaign.timetable.latest_start, now + LATEST_START)
    )
    return _next(
        campaign,
        CampaignStatus.SCHEDULED,
        stops=True,
        paused_by=None,
        pin=campaign.frozen or campaign.pin,
        timetable=table,
    )


def cancel(campaign: Campaign, now: datetime) -> Campaign:
    """End it: whatever isn't sent never is.

    Raises
    ------
    Refusal
        ``campaign_not_now``: it is over already.
    """
    if campaign.status.is_over:
        raise _not_now(campaign)
    return _next(campaign, CampaignStatus.CANCELLED, stops=True, ended_at=now, paused_by=None)


def expire(campaign: Campaign, now: datetime) -> Campaign:
    """End it because it is too late: nothing is sent that has gone stale.

    Raises
    ------
    Refusal
        ``campaign_not_now``: it isn't waiting to be sent, nor being sent.
    """
    _check(campaign, CampaignStatus.SCHEDULED, CampaignStatus.SENDING, CampaignStatus.PAUSED)
    return _next(campaign, CampaignStatus.EXPIRED, stops=True, ended_at=now, paused_by=None)


def wait(campaign: Campaign, until: datetime) -> Campaign:
    """Stand still until the club's window opens again; no worker goes on in between.

    Raises
    ------
    Refusal
        ``campaign_not_now``: it isn't being sent.
    """
    _check(campaign, CampaignStatus.SENDING)
    return _next(campaign, CampaignStatus.SENDING, stops=True, waits_until=until)


def wake(campaign: Campaign, now: datetime) -> Campaign:
    """Go on at the opening that it waited for; expired if that is after its end.

    Raises
    ------
    Refusal
        ``campaign_not_now``: it isn't being sent.
    """
    _check(campaign, CampaignStatus.SENDING)
    if is_past_end(campaign, now):
        return expire(campaign, now)
    return _next(campaign, CampaignStatus.SENDING, stops=True, waits_until=None)


def finish(campaign: Campaign, counts: Counts, now: datetime) -> Campaign:
    """Done: every one of its messages has been tried.

    Raises
    ------
    Refusal
        ``campaign_not_now``: it isn't being sent.
    """
    _check(campaign, CampaignStatus.SENDING)
    return _next(campaign, CampaignStatus.DONE, counts=counts, ended_at=now, waits_until=None)


def is_late(campaign: Campaign, now: datetime) -> bool:
    """Whether it is too late to begin."""
    table = campaign.timetable
    return table is not None and (now > table.latest_start or is_past_end(campaign, now))


def is_past_end(campaign: Campaign, now: datetime) -> bool:
    """Whether nothing of it may be sent any more."""
    table = campaign.timetable
    return table is not None and table.ends_at is not None and now >= table.ends_at


def _check_times(campaign: Campaign) -> None:
    table = campaign.timetable
    if table is None or campaign.first_at is None:
        return
    if table.latest_start < table.starts_at:
        raise Refusal("invalid_field", {"expected": ">= starts_at"}, "/latest_start")
    if table.ends_at is not None and table.ends_at <= campaign.first_at:
        raise Refusal("campaign_too_late", pointer="/ends_at")
    if table.latest_start < campaign.first_at:
        raise Refusal("campaign_too_late", pointer="/starts_at")
    if table.ends_at is not None and campaign.first_at + (campaign.sms_after or timedelta()) >= table.ends_at:
        raise Refusal("campaign_too_late", pointer="/sms_after")


def _check(campaign: Campaign, *allowed: CampaignStatus) -> None:
    if campaign.status not in allowed:
        raise _not_now(campaign)


def _not_now(campaign: Campaign) -> Refusal:
    return Refusal("campaign_not_now", {"status": Reason(f"campaign.{campaign.status}")})


def _next(campaign: Campaign, status: CampaignStatus, *, stops: bool = False, **changed: Any) -> Campaign:
    return replace(
        campaign,
        status=status,
        revision=campaign.revision + 1,
        epoch=campaign.epoch + stops,
        **changed,
    )
