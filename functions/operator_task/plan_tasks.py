"""The operators' tasks about plans: propose one, look at it, write down that the club's owner approved it, end it."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from operator_task.campaign_answers import shown_preview, shown_start
from operator_task.desk import Desk, Name, TaskModel
from operator_task.ledger_tasks import Bench
from operator_task.plan_forms import BlackFridayForm, PlanForm, read_black_friday, read_plan
from stamkunde.campaigns.model.criteria import EVERYBODY, Criterion, read_criterion
from stamkunde.campaigns.model.plan import Plan
from stamkunde.campaigns.model.plan_life import ProposedPlan
from stamkunde.campaigns.model.timing import Start
from stamkunde.campaigns.plans import PlanMessage, Plans, Proposal
from stamkunde.facts_bootstrap import segments
from stamkunde.plan_bootstrap import plans
from stamkunde.shared.channel import Channel
from stamkunde.shared.clock import iso_instant

type PlanId = Annotated[str, Meta(pattern="^p[0-9a-z]{16}$")]
type Channels = Annotated[tuple[Channel, ...], Meta(min_length=1, max_length=2)]


class ProposePlan(TaskModel, tag="propose_plan"):
    """Propose a plan for a club's owner to approve; nobody is written to.

    It is for a saved segment, for whom criteria choose, or for everybody.
    """

    club_id: str
    plan: PlanForm
    by: Name
    channels: Channels = (Channel.SMS,)
    segment: str | None = None
    criteria: dict[str, Any] | None = None


class ProposeBlackFriday(TaskModel, tag="propose_black_friday"):
    """Propose Black Friday: a teaser the day before, a message when the shop opens, more bonus in the evening."""

    club_id: str
    black_friday: BlackFridayForm
    by: Name
    channels: Channels = (Channel.SMS,)
    segment: str | None = None
    criteria: dict[str, Any] | None = None


class PreviewPlan(TaskModel, tag="preview_plan"):
    """What a plan's messages come to that wait for the owner; the answer's seal is what the owner approves."""

    club_id: str
    plan_id: PlanId
    by: Name


class ApprovePlan(TaskModel, tag="approve_plan"):
    """Write down that a club's owner approved a plan: its messages are scheduled, its hours of bonus published."""

    club_id: str
    plan_id: PlanId
    seal: Annotated[str, Meta(min_length=12, max_length=12)]
    approved_by: Name
    by: Name


class CancelPlan(TaskModel, tag="cancel_plan"):
    """End a plan: whatever isn't sent never is; bonus goes that hasn't begun and nobody was told of."""

    club_id: str
    plan_id: PlanId
    by: Name


class ShowPlan(TaskModel, tag="show_plan"):
    """A plan, its messages as they stand, and what the owner said to it."""

    club_id: str
    plan_id: PlanId


class ListPlans(TaskModel, tag="list_plans"):
    """All plans of a club, the newest first."""

    club_id: str


type PlanTask = ProposePlan | ProposeBlackFriday | PreviewPlan | ApprovePlan | CancelPlan | ShowPlan | ListPlans


def propose_plan(desk: Desk, task: ProposePlan) -> dict[str, Any]:
    """Carry out `ProposePlan`."""
    bench = Bench(desk, task.club_id)
    return _propose(bench, task, read_plan(task.plan, bench.club))


def propose_black_friday(desk: Desk, task: ProposeBlackFriday) -> dict[str, Any]:
    """Carry out `ProposeBlackFriday`."""
    bench = Bench(desk, task.club_id)
    return _propose(bench, task, read_black_friday(task.black_friday, bench.club))


def preview_plan(desk: Desk, task: PreviewPlan) -> dict[str, Any]:
    """Carry out `PreviewPlan`."""
    bench = Bench(desk, task.club_id)
    service = _plans(bench)
    seen = service.preview(task.plan_id)
    return {
        "seal": seen.seal,
        "price": {"amount": seen.price, "currency": bench.club.currency},
        "messages": [
            {
                "name": each.message.name,
                "goes_at": iso_instant(each.start.goes_at),
                "said": shown_start(service.campaigns, each.start),
                # Nobody approves a message by itself.
                "preview": {name: value for name, value in shown_preview(each.preview).items() if name != "seal"},
            }
            for each in seen.messages
        ],
        **_of_plan(seen.proposed.plan),
    }


def approve_plan(desk: Desk, task: ApprovePlan) -> dict[str, Any]:
    """Carry out `ApprovePlan`."""
    bench = Bench(desk, task.club_id)
    service = _plans(bench)
    service.approve(task.plan_id, task.seal, task.approved_by)
    return _shown(service, task.plan_id)


def cancel_plan(desk: Desk, task: CancelPlan) -> dict[str, Any]:
    """Carry out `CancelPlan`."""
    bench = Bench(desk, task.club_id)
    service = _plans(bench)
    service.cancel(task.plan_id, task.by)
    return _shown(service, task.plan_id)


def show_plan(desk: Desk, task: ShowPlan) -> dict[str, Any]:
    """Carry out `ShowPlan`."""
    return _shown(_plans(Bench(desk, task.club_id)), task.plan_id)


def list_plans(desk: Desk, task: ListPlans) -> dict[str, Any]:
    """Carry out `ListPlans`."""
    return {"plans": [_line(each) for each in _plans(Bench(desk, task.club_id)).every()]}


PLAN_TASKS: Mapping[type[TaskModel], Callable[[Desk, Any], dict[str, Any]]] = {
    ProposePlan: propose_plan,
    ProposeBlackFriday: propose_black_friday,
    PreviewPlan: preview_plan,
    ApprovePlan: approve_plan,
    CancelPlan: cancel_plan,
    ShowPlan: show_plan,
    ListPlans: list_plans,
}


def _plans(bench: Bench) -> Plans:
    return plans(bench.desk.settings, bench.desk.client, bench.club, bench.clock)


def _propose(bench: Bench, task: ProposePlan | ProposeBlackFriday, plan: Plan) -> dict[str, Any]:
    service = _plans(bench)
    proposed = service.propose(Proposal(plan, task.channels, _criterion(bench, task)), task.by)
    return _shown(service, proposed.plan_id)


def _criterion(bench: Bench, task: ProposePlan | ProposeBlackFriday) -> Criterion:
    if task.segment is not None:
        desk, club = bench.desk, bench.club
        return segments(desk.settings, desk.client, club, bench.clock).load(task.segment).criterion
    return EVERYBODY if task.criteria is None else read_criterion(msgspec.json.encode(task.criteria))


def _shown(service: Plans, plan_id: str) -> dict[str, Any]:
    shown = service.show(plan_id)
    messages = [_message(service, each) for each in shown.messages]
    return _line(shown.proposed) | {"messages": messages} | _of_plan(shown.proposed.plan)


def _line(proposed: ProposedPlan) -> dict[str, Any]:
    return {
        "plan_id": proposed.plan_id,
        "name": proposed.plan.name,
        "state": proposed.state.value,
        "proposed_by": proposed.by,
        "proposed_at": iso_instant(proposed.proposed_at),
        "approved_by": proposed.approved_by or None,
        "approved_at": proposed.approved_at and iso_instant(proposed.approved_at),
        "cancelled_by": proposed.cancelled_by or None,
        "cancelled_at": proposed.cancelled_at and iso_instant(proposed.cancelled_at),
    }


def _message(service: Plans, shown: PlanMessage) -> dict[str, Any]:
    campaigns, campaign = service.campaigns, shown.campaign
    composed = campaigns.composed(campaign)
    table = campaign.timetable
    start = shown.start if table is None else Start(shown.start.asked, table.starts_at, shown.start.clock)
    return {
        "name": shown.message.name,
        "campaign_id": campaign.campaign_id,
        "status": campaign.status.value,
        "at": shown.message.at.isoformat(timespec="minutes"),
        "goes_at": iso_instant(start.goes_at),
        "said": shown_start(campaigns, start),
        "texts": {language: each.sms and each.sms.long.text for language, each in composed.items()},
        "may_be_sent": all(each.may_be_sent for each in composed.values()),
    }


def _of_plan(plan: Plan) -> dict[str, Any]:
    return {
        "coupon_ids": list(plan.coupon_ids),
        "bonus": [
            {"starts_at": iso_instant(each.starts_at), "ends_at": iso_instant(each.ends_at), "factor": each.factor}
            for each in plan.multipliers
        ],
        "opening": [
            {
                "day": each.day.isoformat(),
                "opens": each.hours and f"{each.hours.opens:%H:%M}",
                "closes": each.hours and f"{each.hours.closes:%H:%M}",
            }
            for each in plan.opening
        ],
    }
