"""A plan's life: an operator proposes it, the club's owner approves it, anybody may end it. Pure rules.

A message of it that was taken back is a draft again, and goes once the owner has approved the plan again.
"""

import hashlib
from collections.abc import Iterable
from copy import replace
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from stamkunde.campaigns.model.campaign import Pin
from stamkunde.campaigns.model.criteria import Criterion
from stamkunde.campaigns.model.plan import Plan
from stamkunde.campaigns.model.preview import seal_of
from stamkunde.shared.channel import Channel
from stamkunde.shared.errors import Refusal


class PlanState(StrEnum):
    """Where a plan stands."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    CANCELLED = "cancelled"


class ProposedPlan(Struct, frozen=True):
    """A plan, and what became of it.

    Parameters
    ----------
    campaign_ids
        Of its messages, in their order.
    by
        Who proposed it.
    approved_by
        The owner who approved it last; empty until then.
    cancelled_by
        Who ended it; empty until then.
    revision
        Counts every change of it; a change made of an older one is refused.
    """

    plan_id: str
    plan: Plan
    channels: tuple[Channel, ...]
    criteria: Criterion
    campaign_ids: tuple[str, ...]
    by: str
    proposed_at: datetime
    state: PlanState = PlanState.PROPOSED
    approved_by: str = ""
    approved_at: datetime | None = None
    cancelled_by: str = ""
    cancelled_at: datetime | None = None
    revision: int = 1


def approved(plan: ProposedPlan, by: str, now: datetime) -> ProposedPlan:
    """What a plan is once the owner has said yes to it.

    Raises
    ------
    Refusal
        ``owner_needed``: nobody is named. ``proposal_over``: it was cancelled.
    """
    owner = " ".join(by.split())
    if not owner:
        raise Refusal("owner_needed", pointer="/approved_by")
    check_open(plan)
    return replace(plan, state=PlanState.APPROVED, approved_by=owner, approved_at=now, revision=plan.revision + 1)


def cancelled(plan: ProposedPlan, by: str, now: datetime) -> ProposedPlan:
    """What a plan is once it is ended.

    Raises
    ------
    Refusal
        ``proposal_over``: it was cancelled before.
    """
    check_open(plan)
    return replace(plan, state=PlanState.CANCELLED, cancelled_by=by, cancelled_at=now, revision=plan.revision + 1)


def check_open(plan: ProposedPlan) -> None:
    """See that a plan may still become something.

    Raises
    ------
    Refusal
        ``proposal_over``.
    """
    if plan.state is PlanState.CANCELLED:
        raise Refusal("proposal_over")


def seal_of_plan(pins: Iterable[Pin]) -> str:
    """A short name of what was seen of all of its messages; the owner approves that and nothing else."""
    said = "#".join(seal_of(pin) for pin in pins)
    return hashlib.sha256(said.encode()).hexdigest()[:12]
