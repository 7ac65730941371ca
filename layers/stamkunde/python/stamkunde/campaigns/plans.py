"""What somebody does with a club's plans: propose, look, approve for the owner, end.

An operator proposes a plan: its messages are drafts that are looked at and edited like any other. Once the owner has
approved what was seen, all of them are scheduled and its hours of bonus are published in one transaction. Until then
nobody is written to.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from itertools import groupby

from msgspec import Struct

from stamkunde.campaigns.model.campaign import Campaign, CampaignStatus, cancel
from stamkunde.campaigns.model.ceiling import month_of
from stamkunde.campaigns.model.criteria import EVERYBODY, Criterion
from stamkunde.campaigns.model.opening import OpenDay, written_hours
from stamkunde.campaigns.model.plan import Plan, PlannedMessage, check_plan
from stamkunde.campaigns.model.plan_life import (
    PlanState,
    ProposedPlan,
    approved,
    cancelled,
    check_open,
    seal_of_plan,
)
from stamkunde.campaigns.model.preview import CampaignPreview, seal_of
from stamkunde.campaigns.model.timing import Start
from stamkunde.campaigns.plan_store import PlanStore
from stamkunde.campaigns.service import Campaigns, Scheduled, When, Wish
from stamkunde.clubs.bonus_windows import BonusWindows
from stamkunde.ledger.coupon_store import CouponStore
from stamkunde.messaging.written import written_day
from stamkunde.shared.channel import Channel
from stamkunde.shared.errors import Refusal
from stamkunde.shared.ids import new_id
from stamkunde.shared.money import Money
from stamkunde.shared.transaction import Write

_MOST_TRIES = 10


class Proposal(Struct, frozen=True):
    """A plan, and whom its messages go to."""

    plan: Plan
    channels: tuple[Channel, ...] = (Channel.SMS,)
    criteria: Criterion = EVERYBODY


class PlanMessage(Struct, frozen=True):
    """A message of a plan, and the campaign that it is.

    Parameters
    ----------
    start
        When it goes by the club's sending hours, as they are now.
    """

    message: PlannedMessage
    campaign: Campaign
    start: Start


class ShownPlan(Struct, frozen=True):
    """A plan with its messages as they stand."""

    proposed: ProposedPlan
    messages: tuple[PlanMessage, ...]


class SeenMessage(Struct, frozen=True):
    """What a message of a plan comes to, everybody counted."""

    message: PlannedMessage
    start: Start
    preview: CampaignPreview


class PlanPreview(Struct, frozen=True):
    """What those messages of a plan come to that wait for the owner."""

    proposed: ProposedPlan
    messages: tuple[SeenMessage, ...]

    @property
    def seal(self) -> str:
        """Names what was seen; the owner approves that and nothing else."""
        return seal_of_plan(seen.preview.pin for seen in self.messages)

    @property
    def price(self) -> int:
        """Of all of them, in minor units of the club's currency."""
        return sum(seen.preview.pin.price for seen in self.messages)


class Plans(Struct, frozen=True):
    """One club's plans, and the campaigns that they are made of."""

    store: PlanStore
    campaigns: Campaigns
    bonus: BonusWindows
    coupons: CouponStore

    def propose(self, proposal: Proposal, by: str) -> ProposedPlan:
        """A plan that the owner may approve; its messages are drafts until then.

        Raises
        ------
        Refusal
            Those of `check_plan`, of a draft and of `BonusWindows.open_writes`; ``campaign_too_late``: a message is
            worth nothing any more when the sending hours let it go. ``coupon_unknown``: there is no such coupon, or
            it is over before the last message goes.
        """
        plan, plan_id, now = check_plan(proposal.plan), new_id("p"), self.campaigns.clock.now()
        for message in plan.messages:
            if message.comes_too_late(self.campaigns.rhythm):
                raise Refusal("campaign_too_late", pointer=f"/messages/{message.name}")
        self._check_coupons(plan)
        self.bonus.open_writes(plan.multipliers, now)
        wishes = [_wish(proposal, plan, message, plan_id) for message in plan.messages]
        drafts = [self.campaigns.drafted(wish, by) for wish in wishes]
        ids = tuple(draft.campaign_id for draft in drafts)
        proposed = ProposedPlan(plan_id, plan, proposal.channels, proposal.criteria, ids, by, now)
        writes = [write for draft in drafts for write in self.campaigns.store.writes(None, draft)]
        self.store.commit(self.store.write(proposed), writes)
        return proposed

    def preview(self, plan_id: str) -> PlanPreview:
        """What its messages come to that wait for the owner, everybody counted: what is approved by.

        Raises
        ------
        Refusal
            ``unknown_plan``, ``proposal_over``: nothing of it waits; ``campaign_unfinished`` with a pointer to the
            message; those of `Campaigns.preview`.
        """
        shown = self.show(plan_id)
        check_open(shown.proposed)
        return PlanPreview(shown.proposed, tuple(self._seen(each) for each in _waiting(shown)))

    def approve(self, plan_id: str, seal: str, approved_by: str) -> ProposedPlan:
        """Schedule all messages that wait, and publish the hours of bonus, for the owner has approved it: or nothing.

        Parameters
        ----------
        seal
            Of the preview that the owner saw.

        Raises
        ------
        Refusal
            ``unknown_plan``, ``owner_needed``, ``proposal_over``, ``preview_needed``; ``over_ceiling``: all of them
            together; ``campaign_changed``, ``already_exists``; those of `Campaigns.to_schedule` and of
            `BonusWindows.open_writes`.
        """
        shown, now = self.show(plan_id), self.campaigns.clock.now()
        after = approved(shown.proposed, approved_by, now)
        waiting = _waiting(shown)
        pins = [each.campaign.pin for each in waiting if each.campaign.pin is not None]
        if len(pins) < len(waiting) or seal_of_plan(pins) != seal:
            raise Refusal("preview_needed")
        scheduled = [self._to_schedule(each) for each in waiting]
        self._check_ceiling(scheduled)
        writes: list[Write] = []
        for before, each in zip(waiting, scheduled, strict=True):
            writes += self.campaigns.store.writes(before.campaign, each.campaign)
        if shown.proposed.state is PlanState.PROPOSED:
            writes += self.bonus.open_writes(after.plan.multipliers, now)
        self.store.commit(self.store.write(after), writes)
        return after

    def cancel(self, plan_id: str, by: str) -> ProposedPlan:
        """End a plan: whatever isn't sent never is; bonus is withdrawn that hasn't begun and nobody was told of.

        Raises
        ------
        Refusal
            ``unknown_plan``, ``proposal_over``, ``try_again``: others change its messages all the time.
        """
        for _ in range(_MOST_TRIES):
            shown = self.show(plan_id)
            after = cancelled(shown.proposed, by, self.campaigns.clock.now())
            try:
                self.store.commit(self.store.write(after), self._cancelling(shown))
            except Refusal as refusal:
                if refusal.code != "campaign_changed":
                    raise
            else:
                return after
        raise Refusal("try_again", retry_after=1)

    def show(self, plan_id: str) -> ShownPlan:
        """A plan with its messages as they stand.

        Raises
        ------
        Refusal
            ``unknown_plan``.
        """
        proposed = self.store.find(plan_id)
        pairs = zip(proposed.plan.messages, proposed.campaign_ids, strict=True)
        messages = [
            PlanMessage(message, self.campaigns.store.find(each), message.start(self.campaigns.rhythm))
            for message, each in pairs
        ]
        return ShownPlan(proposed, tuple(messages))

    def every(self) -> list[ProposedPlan]:
        """All of the club's plans, the newest first."""
        return self.store.every()

    def _seen(self, waiting: PlanMessage) -> SeenMessage:
        try:
            preview = self.campaigns.preview(waiting.campaign.campaign_id)
        except Refusal as refusal:
            pointer = f"/messages/{waiting.message.name}"
            raise Refusal(refusal.code, refusal.values, pointer, refusal.retry_after) from refusal
        return SeenMessage(waiting.message, waiting.start, preview)

    def _to_schedule(self, waiting: PlanMessage) -> Scheduled:
        message, campaign = waiting.message, waiting.campaign
        if campaign.pin is None:
            raise Refusal("preview_needed")
        when = When(message.at, message.lateness, message.ends)
        return self.campaigns.to_schedule(campaign, seal_of(campaign.pin), when)

    def _check_ceiling(self, scheduled: Sequence[Scheduled]) -> None:
        """What is cheap message by message may be dear together; each month has its own ceiling."""
        ceilings, club = self.campaigns.ceilings, self.campaigns.scene.club
        ceiling = ceilings.load()

        def month(each: Scheduled) -> date:
            return month_of(each.start.goes_at, club.time_zone)

        for _, of_month in groupby(sorted(scheduled, key=month), month):
            together = list(of_month)
            price, spent = sum(map(_price, together)), ceilings.spent(together[0].start.goes_at)
            if not ceiling.allows(price, spent):
                left = Money(ceiling.left(spent) or 0, club.currency)
                raise Refusal("over_ceiling", {"price": Money(price, club.currency), "left": left})

    def _cancelling(self, shown: ShownPlan) -> list[Write]:
        campaigns, now = self.campaigns, self.campaigns.clock.now()
        writes: list[Write] = []
        for campaign in (each.campaign for each in shown.messages if not each.campaign.status.is_over):
            writes += campaigns.store.writes(campaign, cancel(campaign, now))
        was_told = any(each.campaign.begun_at is not None for each in shown.messages)
        if shown.proposed.state is PlanState.APPROVED and not was_told:
            writes += self.bonus.close_writes(shown.proposed.plan.multipliers, now)
        return writes

    def _check_coupons(self, plan: Plan) -> None:
        last = plan.messages[-1].start(self.campaigns.rhythm).goes_at
        for coupon_id in plan.coupon_ids:
            history = self.coupons.find(coupon_id)
            if history is None or history.over_at <= last:
                raise Refusal("coupon_unknown", pointer=f"/coupon_ids/{plan.coupon_ids.index(coupon_id)}")


def _waiting(shown: ShownPlan) -> tuple[PlanMessage, ...]:
    """Its messages that wait for the owner: those that are drafts.

    Raises
    ------
    Refusal
        ``proposal_over``: there is none.
    """
    found = tuple(each for each in shown.messages if each.campaign.status is CampaignStatus.DRAFT)
    if not found:
        raise Refusal("proposal_over")
    return found


def _price(scheduled: Scheduled) -> int:
    """What a message costs at least, if all click in the e-mail who get it first."""
    pin = scheduled.campaign.pin
    return pin.price - pin.later if pin else 0


def _wish(proposal: Proposal, plan: Plan, message: PlannedMessage, plan_id: str) -> Wish:
    return Wish(
        f"{plan.name}: {message.name}",
        message.texts,
        message.answers,
        proposal.channels,
        proposal.criteria,
        opening_hours={language: _written(plan.opening, language) for language in message.texts},
        plan_id=plan_id,
    )


def _written(opening: Iterable[OpenDay], language: str) -> str:
    """What {Åbent} merges: of one day its hours, of several each with its day; nothing if the plan says none."""
    days = sorted(opening, key=lambda each: each.day)
    if len(days) == 1:
        return written_hours(days[0].hours, language)
    return ", ".join(f"{written_day(each.day, language)} {written_hours(each.hours, language)}" for each in days)
