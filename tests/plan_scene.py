"""A club with a plan: everything from the proposal to the letters that arrive, with the club's own sending hours."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from operator_task.plan_forms import BlackFridayForm, read_black_friday
from stamkunde.campaigns.audience_store import AudienceStore
from stamkunde.campaigns.chunk_store import ChunkKey
from stamkunde.campaigns.deciding import Scene
from stamkunde.campaigns.due import DueRound
from stamkunde.campaigns.expanding import Expanding, Stores
from stamkunde.campaigns.facts_store import FACT_SHARDS, FactsStore, Rebuilt, block_of
from stamkunde.campaigns.model.campaign import Campaign
from stamkunde.campaigns.model.law import Answers, Reduction, Stock
from stamkunde.campaigns.model.plan import Plan
from stamkunde.campaigns.model.plan_life import ProposedPlan
from stamkunde.campaigns.model.timing import Rhythm
from stamkunde.campaigns.plan_store import PlanStore
from stamkunde.campaigns.plans import Plans, Proposal
from stamkunde.campaigns.service import Campaigns
from stamkunde.campaigns.stop_links import StopNumbers
from stamkunde.campaigns.store import DueCampaigns
from stamkunde.clubs.bonus_windows import BonusWindows
from stamkunde.clubs.model import Club
from stamkunde.clubs.store import ClubStore
from stamkunde.ledger.coupon_store import CouponStore
from stamkunde.members.model import Member
from stamkunde.messaging.quiet_hours import SendingHours, SendingWindow
from stamkunde.shared.patience import Patience
from stamkunde.shared.programme import BonusProgramme
from stamkunde.shared.transaction import commit
from tests.campaign_shop import member as known
from tests.campaign_shop import never
from tests.sending_scene import DOMAINS, SceneClock, SendingScene

MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
"""Ten o'clock in the shop, four days before Black Friday."""

FROM_SIX = SendingHours(SendingWindow(time(6), time(21)))
TEASER, OPENING, EVENING = "black_friday_teaser", "black_friday_opening", "black_friday_double"
ANSWERED = {
    TEASER: Answers(members_only=True),
    OPENING: Answers(
        conditions="Gælder alle kager i dag",
        reduction=Reduction.LOWEST_PRICE,
        stock=Stock.ENOUGH,
        members_only=True,
    ),
}
FORM = BlackFridayForm(2026, "06:30", "21:00", "20 % på alle kager", answers=ANSWERED)


@dataclass
class PlanScene(SendingScene):
    """One club, its members and what is known of them, and its plans."""

    clock: SceneClock = field(default_factory=lambda: SceneClock(MONDAY))
    hours: SendingHours = FROM_SIX

    def open(self, members: int) -> PlanScene:
        """Found the club, and let so many join; this scene again."""
        commit(self.client, self.clubs.new_club_writes(self.club))
        self.add_known_members(members)
        return self

    @property
    def clubs(self) -> ClubStore:
        return ClubStore(self.client, "clubs", self.club.club_id)

    @property
    def known_club(self) -> Club:
        """The club as it is published by now."""
        club = self.clubs.load()
        assert club is not None
        return club

    @property
    def programme(self) -> BonusProgramme:
        """The newest version."""
        return self.known_club.programmes[-1]

    @property
    def rhythm(self) -> Rhythm:
        return Rhythm(self.hours, self.club.time_zone, self.club.country)

    @property
    def scene(self) -> Scene:
        return Scene(self.club, DOMAINS, FactsStore(self.client, "views", self.club.club_id))

    @property
    def desk(self) -> Campaigns:
        """What somebody does with the club's campaigns."""
        life = self.campaign_life
        return Campaigns(
            self.scene, self.campaigns, self.ceilings, life, self.rhythm, lambda _: True, self.clock, Patience()
        )

    @property
    def coupons(self) -> CouponStore:
        return CouponStore(self.client, "ledger", self.club.club_id)

    @property
    def plans(self) -> Plans:
        return self.plans_of(self.client)

    def plans_of(self, client: Any) -> Plans:
        """What somebody does with the club's plans whose approvals and cancellations are written by a client."""
        store = PlanStore(client, "messages", self.club.club_id)
        return Plans(store, self.desk, BonusWindows(self.clubs), self.coupons)

    @property
    def black_friday(self) -> Plan:
        return read_black_friday(FORM, self.club)

    def add_known_members(self, count: int) -> list[Member]:
        """Members who said yes to both channels, and are in the facts."""
        members = self.add_members(count)
        facts = self.scene.facts
        for each in members:
            before = facts.load(block_of(each.member_id))
            added = {each.member_id: known(each.member_id, first_name=each.first_name)}
            assert facts.put(before, {**before.members, **added})
        if facts.rebuilt() is None:
            assert facts.note_rebuilt(Rebuilt(date(2026, 11, 23), FACT_SHARDS, whole=True))
        return members

    def proposed(self, plan: Plan | None = None) -> ProposedPlan:
        return self.plans.propose(Proposal(plan or self.black_friday), "anna")

    def approved(self, plan: Plan | None = None) -> ProposedPlan:
        proposed = self.proposed(plan)
        seal = self.plans.preview(proposed.plan_id).seal
        return self.plans.approve(proposed.plan_id, seal, "Mads Holm")

    def messages(self, plan: ProposedPlan) -> list[Campaign]:
        """The campaigns of a plan as they stand."""
        return [self.campaigns.find(each) for each in plan.campaign_ids]

    def expanding(self) -> Expanding:
        def wake(key: ChunkKey) -> None:
            self.waking.wake([key])

        club_id = self.club.club_id
        numbers, audience = StopNumbers(self.client, "messages"), AudienceStore(self.client, "messages", club_id)
        stores = Stores(self.campaigns, audience, self.chunks, self.runs, numbers, self.ceilings)
        return Expanding(self.scene, stores, self.clock, self.clock, Patience(), lambda _: 19.0, wake)

    def begin_due(self) -> None:
        """The minute job, with the state machine's steps at once."""

        def start(_club: str, campaign_id: str, _epoch: int) -> None:
            steps = self.expanding()
            steps.freeze(campaign_id, never)
            steps.make_lists(campaign_id, never)
            steps.begin(campaign_id)

        job = DueRound(
            DueCampaigns(self.client, "messages"),
            lambda club_id: self.club if club_id == self.club.club_id else None,
            lambda _: self.clock,
            lambda _: self.campaign_life,
            start,
            self.clock,
            clocks_movable=True,
        )
        assert not job.go().broken

    def live_until(self, end: datetime, step: timedelta = timedelta(minutes=5)) -> None:
        """Time passes, with the jobs and the workers in each step."""
        while self.clock.now() < end:
            self.clock.at += step
            self.begin_due()
            self.work_off()
            self.sweep()

    def arrived(self, member: Member) -> list[tuple[str, str]]:
        """When on the wall a member got what."""
        return [
            (f"{self.rhythm.on_the_wall(at):%a %H:%M}", letter.text)
            for at, letter in self.gateway.taken
            if letter.recipient == member.phone
        ]
