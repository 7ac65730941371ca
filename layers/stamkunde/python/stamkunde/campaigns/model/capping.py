"""How much advertising somebody gets from one shop by one channel: 1 message in 20 hours, 4 in 30 days. Pure.

The messages of a plan count as one, at most three of them: Black Friday is a teaser, an opening message and an
evening message. Who has had enough is passed over, never queued (R20).
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec import Struct

MOST_LATELY = 1
LATELY = timedelta(hours=20)
MOST_IN_A_MONTH = 4
A_MONTH = timedelta(days=30)
MOST_OF_A_PLAN = 3


class Sent(Struct, frozen=True):
    """That an address was written to, or is just being.

    Parameters
    ----------
    plan_id
        The plan that the campaign belongs to, if any: what counts as one.
    """

    campaign_id: str
    at: datetime
    plan_id: str | None = None

    @property
    def counts_as(self) -> str:
        """What it is counted under."""
        return self.plan_id or self.campaign_id


def is_enough(earlier: Iterable[Sent], campaign_id: str, plan_id: str | None, now: datetime) -> bool:
    """Whether an address has had as much as it may, so that this message passes it over."""
    known = [each for each in earlier if each.campaign_id != campaign_id]
    group = plan_id or campaign_id
    of_plan = [each for each in known if each.counts_as == group]
    if len(of_plan) >= MOST_OF_A_PLAN:
        return True
    others = {each.counts_as: each.at for each in sorted(known, key=_when) if each.counts_as != group}
    lately = sum(1 for at in others.values() if now - at < LATELY)
    in_a_month = sum(1 for at in others.values() if now - at < A_MONTH)
    return lately >= MOST_LATELY or in_a_month >= MOST_IN_A_MONTH


def _when(sent: Sent) -> datetime:
    return sent.at
