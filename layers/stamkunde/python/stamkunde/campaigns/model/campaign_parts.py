"""What a campaign's state is made of: where it stands, when it goes, what was seen of it. Pure."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

DRIFT_BASIS_POINTS = 200
"""What the members or the price may differ from the preview without asking again: two per cent ..."""

DRIFT_MEMBERS = 5
"""... or so many members: in a small club one that joins is more than two per cent."""

_ALL = 10_000


class CampaignStatus(StrEnum):
    """Where a campaign stands."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    SENDING = "sending"
    PAUSED = "paused"
    DONE = "done"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def is_over(self) -> bool:
        """Whether nothing follows."""
        return self in {CampaignStatus.DONE, CampaignStatus.CANCELLED, CampaignStatus.EXPIRED}


class PausedBy(StrEnum):
    """What stopped a campaign that may go on.

    Staff, the month's ceiling, a fault of ours or of a gateway, or an audience that isn't the one any more whose
    price was seen.
    """

    STAFF = "staff"
    CEILING = "ceiling"
    FAULT = "fault"
    DRIFT = "drift"


class Pin(Struct, frozen=True):
    """What was seen before sending, and what is sent therefore.

    Parameters
    ----------
    audience
        Digest of who gets it by which channel.
    members
        How many get a message by any channel.
    parts
        Of all text messages together.
    price
        Of these, in minor units of the club's currency.
    text_version
        Of the texts that were counted.
    at
        When it was reckoned.
    later
        What of the price falls away if all click in the e-mail who get it first.
    """

    audience: str
    members: int
    parts: int
    price: int
    text_version: int
    at: datetime
    later: int = 0

    def is_far_from(self, other: "Pin") -> bool:
        """Whether somebody must look again before the other is sent in place of this one."""
        members = abs(other.members - self.members)
        if members <= DRIFT_MEMBERS and _within(self.price, other.price, DRIFT_MEMBERS * _dearest(self, other)):
            return False
        return not (_is_near(self.members, other.members) and _is_near(self.price, other.price))


class Counts(Struct, frozen=True):
    """What became of a campaign's messages.

    Parameters
    ----------
    skipped
        Whom something stood in the way of when it was their turn.
    unsent
        Of lists that no worker could work through.
    parts, price
        What is billed, in minor units of the club's currency.
    saved
        What text messages would have cost to those who had the e-mail first and said that they have seen it.
    """

    sent: int = 0
    failed: int = 0
    unknown: int = 0
    skipped: int = 0
    unsent: int = 0
    parts: int = 0
    price: int = 0
    saved: int = 0


class Timetable(Struct, frozen=True):
    """When a campaign is to be sent, in UTC.

    Parameters
    ----------
    starts_at
        When it begins.
    latest_start
        When beginning is too late, so that it expires instead.
    ends_at
        From when on nothing of it is sent any more; None if it is worth sending whenever it can be.
    """

    starts_at: datetime
    latest_start: datetime
    ends_at: datetime | None = None


class CampaignState(Struct, frozen=True):
    """What a worker must know before its next messages, as last confirmed.

    Parameters
    ----------
    epoch
        Of another epoch than a worker began in, its messages are no more to be sent by it.
    text_version
        Of the texts to be sent.
    first_at
        Nothing is sent before.
    ends_at
        From then on nothing is sent.
    waits_until
        The club's next opening, if the window closed before all was sent.
    paused_by
        What it is paused by.
    """

    status: CampaignStatus
    epoch: int
    text_version: int
    first_at: datetime | None = None
    ends_at: datetime | None = None
    waits_until: datetime | None = None
    paused_by: PausedBy | None = None

    def may_send(self, epoch: int, now: datetime) -> bool:
        """Whether a worker that began in an epoch may send its next messages; of the window it knows nothing."""
        if self.status is not CampaignStatus.SENDING or epoch != self.epoch:
            return False
        begun = self.first_at is not None and now >= self.first_at
        return begun and (self.ends_at is None or now < self.ends_at) and not self.waits(now)

    def waits(self, now: datetime) -> bool:
        """Whether it stands still until the club's window opens."""
        return self.waits_until is not None and now < self.waits_until


def _is_near(seen: int, found: int) -> bool:
    return abs(found - seen) * _ALL <= seen * DRIFT_BASIS_POINTS


def _within(seen: int, found: int, most: int) -> bool:
    return abs(found - seen) <= most


def _dearest(*pins: Pin) -> int:
    """What a member costs at most on average, rounded up."""
    return max((-(-pin.price // pin.members) for pin in pins if pin.members), default=0)
