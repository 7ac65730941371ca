"""A plan: several messages, coupons, hours of more bonus and special opening hours as one thing (feature 25). Pure.

Its messages count as one under the cap, or Black Friday's evening message would never arrive: so they are few, and
each is asked about by itself. An operator proposes a plan, the club's owner approves it.
"""

from collections.abc import Mapping
from copy import replace
from datetime import datetime, timedelta
from itertools import pairwise

from msgspec import Struct

from stamkunde.campaigns.model.law import NO_ANSWERS, Answers
from stamkunde.campaigns.model.opening import OpenDay
from stamkunde.campaigns.model.texts import CampaignText
from stamkunde.campaigns.model.timing import LATENESS, Rhythm, Start, latest_start, start_at
from stamkunde.messaging.quiet_hours import wall_clock
from stamkunde.shared.errors import Refusal
from stamkunde.shared.programme import Multiplier

MOST_MESSAGES = 3
"""That many messages may count as one under the cap."""

LONGEST_PLAN = timedelta(days=7)
"""Within which its messages go: what is further apart is another campaign, and counts by itself."""


class PlannedMessage(Struct, frozen=True):
    """One message of a plan.

    Parameters
    ----------
    name
        Unique within the plan.
    at
        On the shop's wall, without zone.
    texts
        By language.
    ends
        On the shop's wall: from then on it is worth nothing; None if it is worth sending whenever it can be.
    """

    name: str
    at: datetime
    texts: Mapping[str, CampaignText]
    answers: Answers = NO_ANSWERS
    lateness: timedelta = LATENESS
    ends: datetime | None = None

    def start(self, rhythm: Rhythm) -> Start:
        """When it goes, by the club's sending hours."""
        return start_at(self.at, rhythm)

    def latest_start(self, rhythm: Rhythm) -> datetime:
        """The last instant at which it may still start."""
        return latest_start(self.start(rhythm).goes_at, self.lateness, self.ends_at(rhythm))

    def ends_at(self, rhythm: Rhythm) -> datetime | None:
        """The instant from which on nothing of it is sent."""
        return wall_clock(self.ends.date(), self.ends.time(), rhythm.time_zone) if self.ends else None

    def comes_too_late(self, rhythm: Rhythm) -> bool:
        """Whether the sending hours let it go only when it is worth nothing any more: nobody would get it."""
        ends_at = self.ends_at(rhythm)
        return ends_at is not None and self.start(rhythm).goes_at >= ends_at


class Plan(Struct, frozen=True):
    """What a shop does on an occasion.

    Parameters
    ----------
    messages
        In the order in which they go; they count as one under the cap.
    coupon_ids
        Coupons that it gives; they are the ledger's.
    multipliers
        Hours of more bonus, to be published with the programme.
    opening
        How the shop is open on its days, as texts tell it.
    """

    name: str
    messages: tuple[PlannedMessage, ...]
    coupon_ids: tuple[str, ...] = ()
    multipliers: tuple[Multiplier, ...] = ()
    opening: tuple[OpenDay, ...] = ()


def check_plan(plan: Plan) -> Plan:
    """The plan, with its messages in order.

    Raises
    ------
    Refusal
        ``invalid_field``: no message or more than three, two of one name, two at once, or a week between them; or a
        time with a zone, which is none on the shop's wall.
    """
    if any(wall.tzinfo is not None for each in plan.messages for wall in (each.at, each.ends) if wall is not None):
        raise Refusal("invalid_field", {"expected": "YYYY-MM-DDThh:mm"}, "/messages")
    messages = tuple(sorted(plan.messages, key=lambda each: each.at))
    if not 1 <= len(messages) <= MOST_MESSAGES:
        raise Refusal("invalid_field", {"expected": f"1-{MOST_MESSAGES}"}, "/messages")
    if len({each.name for each in messages}) < len(messages) or any(a.at == b.at for a, b in pairwise(messages)):
        raise Refusal("invalid_field", {"expected": "unique"}, "/messages")
    if messages[-1].at - messages[0].at > LONGEST_PLAN:
        raise Refusal("invalid_field", {"expected": f"<= {LONGEST_PLAN.days} d"}, "/messages")
    return replace(plan, messages=messages)
