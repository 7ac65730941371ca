"""Plans on the engine: proposed by an operator, approved by the owner as a whole or not at all, ended at any time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from stamkunde.campaigns.model.campaign import CampaignStatus
from stamkunde.campaigns.model.ceiling import Ceiling
from stamkunde.campaigns.model.left_out import LeftOut
from stamkunde.campaigns.model.opening import OpenDay, OpenHours
from stamkunde.campaigns.model.plan import Plan, PlannedMessage
from stamkunde.campaigns.model.plan_life import PlanState, ProposedPlan
from stamkunde.campaigns.plan_store import PlanStore
from stamkunde.campaigns.plans import Plans, Proposal
from stamkunde.campaigns.service import When, Wish
from stamkunde.ledger.model.coupons import BenefitKind, Coupon, CouponHistory
from stamkunde.ledger.model.earning import Occasion, line_rate
from stamkunde.ledger.model.receipts import Line
from stamkunde.messaging.quiet_hours import SendingHours
from stamkunde.shared.channel import Channel
from stamkunde.shared.errors import Refusal
from stamkunde.shared.programme import programme_at
from stamkunde.shared.transaction import Put, Write, put_alone
from tests.campaign_shop import ROLLS
from tests.plan_scene import ANSWERED, EVENING, MONDAY, OPENING, TEASER, PlanScene
from tests.sending_scene import Killed, MortalClient, of_moments

DRAFT, SCHEDULED = CampaignStatus.DRAFT, CampaignStatus.SCHEDULED
CANCELLED, DONE = CampaignStatus.CANCELLED, CampaignStatus.DONE
SIX_O_CLOCK = datetime(2026, 11, 27, 17, 0, tzinfo=UTC)
"""On the wall, that Friday."""


@pytest.fixture
def scene() -> PlanScene:
    return PlanScene().open(2)


def refused(code: str, act: Callable[[], Any]) -> Refusal:
    with pytest.raises(Refusal) as refusal:
        act()
    assert refusal.value.code == code
    return refusal.value


def statuses(scene: PlanScene, plan: ProposedPlan) -> list[CampaignStatus]:
    return [campaign.status for campaign in scene.messages(plan)]


def message(name: str, at: datetime, **given: Any) -> PlannedMessage:
    return PlannedMessage(name, at, {"da": ROLLS}, **given)


def two_messages(**given: Any) -> Plan:
    messages = (message("one", datetime(2026, 11, 24, 12)), message("two", datetime(2026, 11, 25, 12)))
    return replace(Plan("Brød", messages), **given)


def rate_at(scene: PlanScene, at: datetime) -> int:
    """What a loaf earns at an instant."""
    loaf, occasion = Line("17", 1, 3_000), Occasion("torvet", at, scene.club.time_zone)
    return line_rate(loaf, programme_at(scene.known_club.programmes, at), occasion).rate


class Meddling(PlanStore):
    """Before it writes for the first time somebody else changes something."""

    def __init__(self, scene: PlanScene, meddle: Callable[[], object]) -> None:
        super().__init__(scene.client, "messages", scene.club.club_id)
        self.meddle: Callable[[], object] | None = meddle

    def commit(self, plan: Put, others: Sequence[Write]) -> None:
        meddle, self.meddle = self.meddle, None
        if meddle is not None:
            meddle()
        super().commit(plan, others)


def meddled(scene: PlanScene, meddle: Callable[[], object]) -> Plans:
    return replace(scene.plans, store=Meddling(scene, meddle))


def test_the_black_friday_plan_reaches_one_member_three_times_at_its_own_hours(scene: PlanScene) -> None:
    [mette] = scene.add_known_members(1)
    approved = scene.approved()
    scene.live_until(SIX_O_CLOCK)
    arrived = scene.arrived(mette)
    assert [at for at, _ in arrived] == ["Thu 16:00", "Fri 06:30", "Fri 17:00"]
    assert "I morgen sker der noget hos Bager Holm" in arrived[0][1]
    assert "20 % på alle kager. Bager Holm har åbent til kl. 21." in arrived[1][1]
    assert "I aften kl. 17-21 giver Bager Holm 6 % bonus i stedet for 3 %." in arrived[2][1]
    assert statuses(scene, approved) == [DONE] * 3
    assert {campaign.counts.sent for campaign in scene.messages(approved)} == {3}
    assert [rate_at(scene, SIX_O_CLOCK + timedelta(hours=hours)) for hours in (-2, -1, 2, 3)] == [300, 600, 600, 300]


def test_what_belongs_to_no_plan_does_not_arrive_among_its_messages(scene: PlanScene) -> None:
    [mette] = scene.add_known_members(1)
    scene.approved()
    other = scene.desk.draft(Wish("Rugbrød", {"da": ROLLS}, ANSWERED[TEASER], (Channel.SMS,)), "anna")
    seal = scene.desk.preview(other.campaign_id).seal
    scene.desk.schedule(other.campaign_id, seal, When(datetime(2026, 11, 26, 19)))
    scene.live_until(datetime(2026, 11, 26, 19, 0, tzinfo=UTC), timedelta(minutes=15))
    assert [at for at, _ in scene.arrived(mette)] == ["Thu 16:00"]
    assert dict(scene.tally(other).left_out) == {LeftOut.CAP: 3}


def test_with_the_usual_sending_hours_it_is_said_that_the_opening_message_waits_for_eight() -> None:
    scene = PlanScene(hours=SendingHours()).open(1)
    proposed = scene.proposed()
    waits = {seen.message.name: seen.start.waits for seen in scene.plans.preview(proposed.plan_id).messages}
    assert waits == {TEASER: False, OPENING: True, EVENING: False}
    scene.plans.approve(proposed.plan_id, scene.plans.preview(proposed.plan_id).seal, "Mads Holm")
    table = scene.messages(proposed)[1].timetable
    assert table is not None
    assert table.starts_at == datetime(2026, 11, 27, 7, 0, tzinfo=UTC)


def test_until_the_owner_approves_nobody_is_written_to(scene: PlanScene) -> None:
    proposed = scene.proposed()
    scene.live_until(MONDAY + timedelta(days=4, hours=9), timedelta(hours=1))
    assert statuses(scene, proposed) == [DRAFT] * 3
    assert scene.gateway.taken == []
    assert scene.programme.version == 1


def test_a_plan_comes_back_as_it_was_proposed_and_with_the_owners_name(scene: PlanScene) -> None:
    proposed = scene.proposed()
    assert scene.plans.store.find(proposed.plan_id) == proposed
    scene.clock.passes(hours=1)
    seal = scene.plans.preview(proposed.plan_id).seal
    approved = scene.plans.approve(proposed.plan_id, seal, "  Mads   Holm ")
    assert (approved.state, approved.approved_by) == (PlanState.APPROVED, "Mads Holm")
    assert (approved.by, approved.approved_at) == ("anna", MONDAY + timedelta(hours=1))
    assert scene.plans.store.find(proposed.plan_id) == approved
    assert scene.plans.cancel(proposed.plan_id, "bo") == scene.plans.store.find(proposed.plan_id)


def test_a_clubs_plans_are_listed_the_newest_first_and_to_nobody_else(scene: PlanScene) -> None:
    first = scene.proposed()
    scene.clock.passes(minutes=1)
    second = scene.proposed(two_messages())
    assert [each.plan_id for each in scene.plans.every()] == [second.plan_id, first.plan_id]
    other = replace(scene, club=replace(scene.club, club_id="c" + "0" * 16, slug="smed"))
    assert other.plans.every() == []
    refused("unknown_plan", lambda: other.plans.show(first.plan_id))


def test_approving_schedules_all_messages_with_their_previews_and_opens_the_hours_of_bonus(scene: PlanScene) -> None:
    proposed = scene.proposed()
    seen = scene.plans.preview(proposed.plan_id)
    scene.plans.approve(proposed.plan_id, seen.seal, "Mads Holm")
    messages = scene.messages(proposed)
    assert [each.status for each in messages] == [SCHEDULED] * 3
    assert [each.pin for each in messages] == [each.preview.pin for each in seen.messages]
    assert {each.plan_id for each in messages} == {proposed.plan_id}
    assert [each.ends_at for each in (message.timetable for message in messages) if each] == [
        datetime(2026, 11, 26, 23, 0, tzinfo=UTC),
        datetime(2026, 11, 27, 20, 0, tzinfo=UTC),
        datetime(2026, 11, 27, 20, 0, tzinfo=UTC),
    ]
    assert scene.programme.multipliers == proposed.plan.multipliers
    assert seen.price == sum(each.preview.pin.price for each in seen.messages) > 0


def test_without_the_owners_name_nothing_is_approved(scene: PlanScene) -> None:
    proposed = scene.proposed()
    seal = scene.plans.preview(proposed.plan_id).seal
    refused("owner_needed", lambda: scene.plans.approve(proposed.plan_id, seal, " "))
    assert statuses(scene, proposed) == [DRAFT] * 3


def test_the_owner_approves_what_was_seen_and_nothing_else(scene: PlanScene) -> None:
    proposed = scene.proposed()
    refused("preview_needed", lambda: scene.plans.approve(proposed.plan_id, "0" * 12, "Mads Holm"))
    seal = scene.plans.preview(proposed.plan_id).seal
    second = scene.messages(proposed)[1]
    wish = Wish(second.name, second.texts, replace(second.answers, conditions="Kun kager"), second.channels)
    scene.desk.edit(second.campaign_id, wish)
    refused("preview_needed", lambda: scene.plans.approve(proposed.plan_id, seal, "Mads Holm"))
    seal = scene.plans.preview(proposed.plan_id).seal
    scene.clock.passes(hours=25)
    refused("preview_needed", lambda: scene.plans.approve(proposed.plan_id, seal, "Mads Holm"))
    assert statuses(scene, proposed) == [DRAFT] * 3
    assert scene.programme.version == 1


def test_an_edited_message_stays_in_its_plan(scene: PlanScene) -> None:
    proposed = scene.proposed(two_messages())
    [first, _] = scene.messages(proposed)
    edited = scene.desk.edit(first.campaign_id, Wish("Brød", first.texts, first.answers, first.channels))
    assert edited.plan_id == proposed.plan_id


def test_what_is_unfinished_is_not_approved_and_its_message_is_named(scene: PlanScene) -> None:
    plan = scene.black_friday
    blank = tuple(replace(each, answers=replace(each.answers, members_only=None)) for each in plan.messages)
    proposed = scene.proposed(replace(plan, messages=blank))
    refusal = refused("campaign_unfinished", lambda: scene.plans.preview(proposed.plan_id))
    assert refusal.pointer == f"/messages/{TEASER}"


def test_no_message_of_a_plan_is_scheduled_by_itself(scene: PlanScene) -> None:
    proposed = scene.proposed()
    first = proposed.campaign_ids[0]
    seal = scene.desk.preview(first).seal
    refused("owner_needed", lambda: scene.desk.schedule(first, seal, When()))


def test_messages_that_only_together_pass_the_ceiling_are_not_scheduled_at_all(scene: PlanScene) -> None:
    proposed = scene.proposed()
    seen = scene.plans.preview(proposed.plan_id)
    scene.ceilings.set(Ceiling(seen.price - 1, "Mads Holm", "anna"), MONDAY)
    assert max(each.preview.pin.price for each in seen.messages) < seen.price - 1
    refused("over_ceiling", lambda: scene.plans.approve(proposed.plan_id, seen.seal, "Mads Holm"))
    assert statuses(scene, proposed) == [DRAFT] * 3
    scene.ceilings.set(Ceiling(seen.price, "Mads Holm", "anna"), MONDAY)
    scene.plans.approve(proposed.plan_id, seen.seal, "Mads Holm")


def test_each_month_of_a_plan_has_its_own_ceiling(scene: PlanScene) -> None:
    messages = (message("one", datetime(2026, 11, 30, 12)), message("two", datetime(2026, 12, 1, 12)))
    proposed = scene.proposed(two_messages(messages=messages))
    seen = scene.plans.preview(proposed.plan_id)
    scene.ceilings.set(Ceiling(seen.price // 2, "Mads Holm", "anna"), MONDAY)
    scene.plans.approve(proposed.plan_id, seen.seal, "Mads Holm")
    assert statuses(scene, proposed) == [SCHEDULED] * 2


def test_if_the_hours_of_bonus_cannot_be_opened_nothing_is_scheduled(scene: PlanScene) -> None:
    proposed = scene.proposed()
    seal = scene.plans.preview(proposed.plan_id).seal
    later = replace(scene.programme, version=2, valid_from=datetime(2026, 12, 1, tzinfo=UTC))
    put_alone(scene.client, scene.clubs.programme_write(later))
    refused("version_starts_too_soon", lambda: scene.plans.approve(proposed.plan_id, seal, "Mads Holm"))
    assert statuses(scene, proposed) == [DRAFT] * 3


def test_if_one_message_comes_too_late_nothing_is_scheduled(scene: PlanScene) -> None:
    proposed = scene.proposed()
    scene.clock.at = datetime(2026, 11, 26, 17, 1, tzinfo=UTC)
    seal = scene.plans.preview(proposed.plan_id).seal
    refused("campaign_too_late", lambda: scene.plans.approve(proposed.plan_id, seal, "Mads Holm"))
    assert statuses(scene, proposed) == [DRAFT] * 3
    assert scene.programme.version == 1


def test_if_one_message_was_changed_meanwhile_nothing_is_scheduled(scene: PlanScene) -> None:
    proposed = scene.proposed()
    seal = scene.plans.preview(proposed.plan_id).seal
    plans = meddled(scene, lambda: scene.desk.cancel(proposed.campaign_ids[2]))
    refused("campaign_changed", lambda: plans.approve(proposed.plan_id, seal, "Mads Holm"))
    assert statuses(scene, proposed) == [DRAFT, DRAFT, CANCELLED]
    assert scene.plans.store.find(proposed.plan_id) == proposed
    assert scene.programme.version == 1


def test_if_another_programme_was_published_meanwhile_nothing_is_scheduled(scene: PlanScene) -> None:
    proposed = scene.proposed()
    seal = scene.plans.preview(proposed.plan_id).seal
    other = replace(scene.programme, version=2, valid_from=MONDAY + timedelta(hours=1), rate=500)
    plans = meddled(scene, lambda: put_alone(scene.client, scene.clubs.programme_write(other)))
    refused("already_exists", lambda: plans.approve(proposed.plan_id, seal, "Mads Holm"))
    assert statuses(scene, proposed) == [DRAFT] * 3
    assert scene.programme.rate == 500


@pytest.mark.parametrize("moments", range(7))
def test_whoever_dies_while_approving_leaves_all_or_nothing(scene: PlanScene, moments: int) -> None:
    proposed = scene.proposed()
    seal = scene.plans.preview(proposed.plan_id).seal
    dying = scene.plans_of(MortalClient(scene.client, of_moments(moments)))
    try:
        dying.approve(proposed.plan_id, seal, "Mads Holm")
    except Killed:
        assert moments < 4
    state = scene.plans.store.find(proposed.plan_id).state
    expected = SCHEDULED if state is PlanState.APPROVED else DRAFT
    assert statuses(scene, proposed) == [expected] * 3
    assert scene.programme.version == (2 if state is PlanState.APPROVED else 1)
    assert (state is PlanState.APPROVED) == (moments >= 3)


def test_of_two_who_approve_at_once_one_does(scene: PlanScene) -> None:
    proposed = scene.proposed()
    seal = scene.plans.preview(proposed.plan_id).seal

    def approve(who: int) -> str:
        try:
            scene.plans.approve(proposed.plan_id, seal, f"Ejer {who}")
        except Refusal as refusal:
            return refusal.code
        return "approved"

    with ThreadPoolExecutor(8) as pool:
        found = sorted(pool.map(approve, range(8)))
    assert found.count("approved") == 1
    assert set(found) <= {"approved", "campaign_changed", "already_exists", "preview_needed", "proposal_over"}
    assert scene.programme.version == 2


def test_a_message_that_was_taken_back_goes_once_the_owner_has_approved_again(scene: PlanScene) -> None:
    plan = scene.approved()
    scene.desk.take_back(plan.campaign_ids[1])
    assert statuses(scene, plan) == [SCHEDULED, DRAFT, SCHEDULED]
    seen = scene.plans.preview(plan.plan_id)
    assert [each.message.name for each in seen.messages] == [OPENING]
    again = scene.plans.approve(plan.plan_id, seen.seal, "Lise Holm")
    assert again.approved_by == "Lise Holm"
    assert statuses(scene, plan) == [SCHEDULED] * 3
    assert scene.programme.version == 2
    refused("proposal_over", lambda: scene.plans.approve(plan.plan_id, seen.seal, "Lise Holm"))


def test_a_plan_that_is_cancelled_before_it_begins_reaches_nobody_and_gives_no_bonus(scene: PlanScene) -> None:
    plan = scene.approved()
    cancelled = scene.plans.cancel(plan.plan_id, "bo")
    assert (cancelled.state, cancelled.cancelled_by) == (PlanState.CANCELLED, "bo")
    assert statuses(scene, plan) == [CANCELLED] * 3
    scene.live_until(SIX_O_CLOCK, timedelta(hours=1))
    assert scene.gateway.taken == []
    assert rate_at(scene, SIX_O_CLOCK) == 300


def test_a_plan_that_is_cancelled_while_it_goes_sends_nothing_more_and_keeps_what_it_promised(
    scene: PlanScene,
) -> None:
    plan = scene.approved()
    friday = datetime(2026, 11, 27, 6, 0, tzinfo=UTC)
    scene.live_until(friday, timedelta(minutes=30))
    assert len(scene.gateway.taken) == 4
    scene.plans.cancel(plan.plan_id, "bo")
    assert statuses(scene, plan) == [DONE, DONE, CANCELLED]
    scene.live_until(SIX_O_CLOCK, timedelta(minutes=30))
    assert len(scene.gateway.taken) == 4
    assert rate_at(scene, SIX_O_CLOCK) == 600


def test_a_plan_is_cancelled_although_its_messages_change_meanwhile(scene: PlanScene) -> None:
    plan = scene.approved()
    plans = meddled(scene, lambda: scene.desk.take_back(plan.campaign_ids[0]))
    plans.cancel(plan.plan_id, "bo")
    assert statuses(scene, plan) == [CANCELLED] * 3


def test_a_cancelled_plan_is_neither_approved_nor_cancelled_again(scene: PlanScene) -> None:
    proposed = scene.proposed()
    seal = scene.plans.preview(proposed.plan_id).seal
    scene.plans.cancel(proposed.plan_id, "bo")
    assert statuses(scene, proposed) == [CANCELLED] * 3
    assert scene.programme.version == 1
    refused("proposal_over", lambda: scene.plans.preview(proposed.plan_id))
    refused("proposal_over", lambda: scene.plans.approve(proposed.plan_id, seal, "Mads Holm"))
    refused("proposal_over", lambda: scene.plans.cancel(proposed.plan_id, "bo"))


def test_bonus_that_another_version_no_longer_names_is_not_withdrawn_twice(scene: PlanScene) -> None:
    plan = scene.approved()
    without = replace(scene.programme, version=3, valid_from=MONDAY + timedelta(hours=1), multipliers=())
    put_alone(scene.client, scene.clubs.programme_write(without))
    scene.plans.cancel(plan.plan_id, "bo")
    assert scene.programme == without


def test_a_plan_names_coupons_that_there_are_and_that_last_until_its_last_message(scene: PlanScene) -> None:
    ends = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
    kage = Coupon("kage", 1, "Kage", BenefitKind.FREE_ITEM, 0, MONDAY, ends)
    for write in scene.coupons.publish_writes(None, CouponHistory((kage,))):
        assert isinstance(write, Put)
        put_alone(scene.client, write)
    wish = two_messages(coupon_ids=("kage",))
    assert scene.proposed(wish).plan.coupon_ids == ("kage",)
    unknown = replace(wish, coupon_ids=("kage", "brød"))
    assert refused("coupon_unknown", lambda: scene.proposed(unknown)).pointer == "/coupon_ids/1"
    later = replace(wish, messages=(message("one", datetime(2026, 11, 25, 13)),))
    refused("coupon_unknown", lambda: scene.proposed(later))


def test_a_message_that_would_come_when_it_is_worth_nothing_is_not_proposed(scene: PlanScene) -> None:
    night = message("night", datetime(2026, 11, 24, 22), ends=datetime(2026, 11, 24, 23))
    wish = two_messages(messages=(night,))
    assert refused("campaign_too_late", lambda: scene.proposed(wish)).pointer == "/messages/night"
    assert scene.plans.every() == []
    assert scene.campaigns.lines() == []


def test_bonus_that_no_programme_could_open_in_time_is_not_proposed(scene: PlanScene) -> None:
    scene.clock.at = SIX_O_CLOCK
    refused("version_starts_too_soon", scene.proposed)


@pytest.mark.parametrize(
    ("days", "told"),
    [
        ((OpenDay(date(2026, 12, 24), OpenHours(time(7), time(13))),), "kl. 7.00-13.00"),
        (
            (OpenDay(date(2026, 12, 25), None), OpenDay(date(2026, 12, 24), OpenHours(time(7), time(13)))),
            "24. december kl. 7.00-13.00, 25. december lukket",
        ),
        ((), ""),
    ],
)
def test_texts_tell_the_plans_opening_hours(scene: PlanScene, days: tuple[OpenDay, ...], told: str) -> None:
    proposed = scene.proposed(two_messages(opening=days))
    assert [each.opening_hours for each in scene.messages(proposed)] == [{"da": told}] * 2


def test_a_plan_is_for_whom_it_says(scene: PlanScene) -> None:
    proposal = Proposal(two_messages(), (Channel.EMAIL,))
    proposed = scene.plans.propose(proposal, "anna")
    assert {each.channels for each in scene.messages(proposed)} == {(Channel.EMAIL,)}
