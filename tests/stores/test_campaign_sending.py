"""The campaign worker on the real engine: who is written to in the end, when, how fast, and what it costs."""

from __future__ import annotations

from copy import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stamkunde.campaigns.model.campaign import Campaign, CampaignStatus, PausedBy, Timetable
from stamkunde.campaigns.model.ceiling import Ceiling
from stamkunde.campaigns.model.left_out import LeftOut
from stamkunde.campaigns.model.pacing import SHARE_OF_QUOTA, Pace
from stamkunde.campaigns.model.texts import CampaignText
from stamkunde.campaigns.own_messages import OwnMessages
from stamkunde.campaigns.rates import Paces
from stamkunde.campaigns.results import Reported
from stamkunde.campaigns.writing import Letter
from stamkunde.gateways.handover import AnswerLost
from stamkunde.members.consents import PermissionKind
from stamkunde.members.model import AskedBy, ErasureRequest, Member
from stamkunde.messaging.model import DeliveryState
from stamkunde.messaging.suppression import Report, Trouble
from stamkunde.shared.channel import Channel
from stamkunde.shared.clock import whole_milliseconds
from tests.factories import NOON, make_club
from tests.sending_scene import FaultyGateway, Queue, SceneClock, SendingScene, ten_at_a_time
from tests.unit_meter import UnitMeter

CLOSES = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
"""Of the Saturday that `NOON` lies in: 21 o'clock in Copenhagen; on Sunday it opens at ten."""

SUNDAY_OPENS = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
TWENTY_A_SECOND = Pace(20 / SHARE_OF_QUOTA)


@pytest.fixture
def scene() -> SendingScene:
    return SendingScene()


def left_out(scene: SendingScene, campaign: Campaign, channel: Channel = Channel.SMS) -> dict[LeftOut, int]:
    return dict(scene.tally(campaign, channel).left_out)


def of(letters: FaultyGateway, member: Member) -> list[Letter]:
    addresses = {member.phone, member.email}
    return [letter for _, letter in letters.taken if letter.recipient in addresses]


def test_everybody_of_a_campaign_gets_its_message_once(scene: SendingScene) -> None:
    members = scene.add_members(250)
    campaign = scene.begin(members)
    scene.settle()
    assert scene.gateway.per_recipient() == {member.phone: 1 for member in members}
    assert scene.state(campaign) is CampaignStatus.DONE
    tally = scene.tally(campaign)
    assert (tally.sent, tally.handled, tally.parts, tally.price) == (250, 250, 250, 250 * 48)
    assert scene.ceilings.spent(scene.clock.now()) == tally.price
    assert scene.campaigns.find(campaign.campaign_id).counts.sent == 250


def test_a_stop_between_schedule_and_send_is_respected(scene: SendingScene) -> None:
    stays, stops = scene.add_members(2)
    campaign = scene.begin([stays, stops])
    scene.say_stop(stops)
    scene.settle()
    assert left_out(scene, campaign) == {LeftOut.STOPPED: 1}
    assert of(scene.gateway, stops) == []
    assert scene.result(stops, campaign) is None


def test_a_stop_while_a_worker_waits_for_its_slot_is_respected() -> None:
    clock = SceneClock()
    scene = SendingScene(clock=clock, paces=Paces(TWENTY_A_SECOND, TWENTY_A_SECOND, Pace(10_000)))
    members = scene.add_members(2)
    # Others have the next ten seconds.
    scene.sender().rates.reserve(Channel.SMS, "another", 200, clock.now())
    campaign = scene.begin(members)
    sender = scene.sender()
    waits = sender.delivering.wait_until

    def stops_meanwhile(until: datetime) -> None:
        if not scene.gateway.calls and len(scene.members.consent_records(members[1].member_id)) == 1:
            scene.say_stop(members[1])
        waits(until)

    key = scene.waking.take()
    assert key is not None
    replace(sender, delivering=replace(sender.delivering, wait_until=stops_meanwhile)).send(key)
    assert left_out(scene, campaign) == {LeftOut.STOPPED: 1}


def test_somebody_who_was_erased_since_is_passed_over(scene: SendingScene) -> None:
    gone, leaving, never_there = scene.add_members(3)
    now = scene.clock.now()
    campaign = scene.begin([gone, leaving, replace(never_there, member_id="m" + "0" * 16)])
    scene.change(gone, erasure=ErasureRequest(AskedBy.MEMBER, now - timedelta(days=14), now))
    scene.change(leaving, erasure=ErasureRequest(AskedBy.MEMBER, now, now + timedelta(days=14)))
    scene.settle()
    assert left_out(scene, campaign) == {LeftOut.GONE: 2, LeftOut.LEAVING: 1}
    assert scene.gateway.taken == []


def test_somebody_who_has_another_number_by_now_gets_it_there(scene: SendingScene) -> None:
    (member,) = scene.add_members(1)
    campaign = scene.begin([member])
    scene.change(member, phone="+4561616161")
    scene.settle()
    assert scene.gateway.per_recipient() == {"+4561616161": 1}
    assert scene.tally(campaign).sent == 1


def test_a_number_of_a_country_that_the_club_does_not_write_to_is_passed_over(scene: SendingScene) -> None:
    (member,) = scene.add_members(1)
    campaign = scene.begin([member])
    scene.change(member, phone="+33612345678")
    scene.settle()
    assert left_out(scene, campaign) == {LeftOut.COUNTRY: 1}


def test_somebody_in_two_segments_gets_one_message_in_twenty_hours(scene: SendingScene) -> None:
    (member,) = scene.add_members(1)
    first = scene.begin([member])
    scene.settle()
    second = scene.begin([member])
    scene.settle()
    scene.clock.passes(hours=20)
    third = scene.begin([member], timetable=Timetable(scene.clock.now(), scene.clock.now() + timedelta(days=2)))
    scene.clock.at = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    scene.settle()
    assert scene.tally(first).sent == 1
    assert left_out(scene, second) == {LeftOut.CAP: 1}
    assert scene.tally(third).sent == 1


def test_two_members_with_one_mail_address_get_one_message(scene: SendingScene) -> None:
    one, other = scene.add_member(email="vi@example.com"), scene.add_member(email="vi@example.com")
    campaign = scene.begin([one, other], Channel.EMAIL)
    scene.settle()
    assert scene.gateway.per_recipient() == {"vi@example.com": 1}
    assert left_out(scene, campaign, Channel.EMAIL) == {LeftOut.SAME_ADDRESS: 1}


def test_the_messages_of_a_plan_count_as_one_and_there_are_three_at_most(scene: SendingScene) -> None:
    """Black Friday reaches one member at 16.00, 6.30 and 17.00; the club's own hours begin at six."""
    (member,) = scene.add_members(1)
    for number in range(4):
        campaign = scene.begin([member], plan_id="b1234")
        scene.settle()
        assert scene.tally(campaign).sent == (number < 3)
    assert len(scene.gateway.taken) == 3


def test_an_address_that_bounced_for_good_is_passed_over(scene: SendingScene) -> None:
    (member,) = scene.add_members(1)
    assert member.email is not None
    scene.suppressions.note(Channel.EMAIL, member.email, Report(Trouble.BOUNCED_FOR_GOOD, NOON, "x1"))
    campaign = scene.begin([member], Channel.EMAIL)
    scene.settle()
    assert left_out(scene, campaign, Channel.EMAIL) == {LeftOut.SUPPRESSED: 1}


def test_whoever_followed_the_link_in_the_mail_gets_no_text_message(scene: SendingScene) -> None:
    clicks, does_not = scene.add_members(2)
    both = (Channel.EMAIL, Channel.SMS)
    campaign = scene.begin([], *both, sms_after=timedelta(hours=2))
    ids = [clicks.member_id, does_not.member_id]
    scene.begin_run(campaign, Channel.EMAIL, ids)
    run = scene.begin_run(campaign, Channel.SMS, ids)
    (waits,) = (scene.chunks.load(key) for key in run.in_flight())
    assert waits is not None
    scene.chunks.save(replace(waits, not_before=scene.clock.now() + timedelta(hours=2)))
    scene.settle_for(minutes=119)
    assert {letter.channel for _, letter in scene.gateway.taken} == {Channel.EMAIL}
    assert scene.results.note_click(clicks.member_id, campaign.campaign_id, Channel.EMAIL, scene.clock.now())
    scene.settle()
    assert left_out(scene, campaign) == {LeftOut.HAD_MAIL: 1}
    assert [letter.channel for letter in of(scene.gateway, does_not)] == [Channel.EMAIL, Channel.SMS]


def test_a_text_that_is_too_long_with_a_members_values_is_left_out_and_counted(scene: SendingScene) -> None:
    short, long = scene.add_member(first_name="Bo"), scene.add_member(first_name="Zoë")
    text = CampaignText("da", sms="a" * 850 + " {Fornavn} Afmeld: {Stop}")
    campaign = scene.begin([short, long], texts={"da": text})
    scene.settle()
    assert left_out(scene, campaign) == {LeftOut.TOO_LONG: 1}
    assert scene.tally(campaign).parts == 6


def test_what_does_not_fit_before_closing_time_goes_on_at_the_next_opening() -> None:
    clock = SceneClock(CLOSES - timedelta(seconds=5))
    scene = SendingScene(clock=clock, paces=Paces(TWENTY_A_SECOND, TWENTY_A_SECOND, Pace(10_000)))
    members = scene.add_members(300)
    campaign = scene.begin(members)
    scene.work_off()
    waits = scene.campaigns.find(campaign.campaign_id)
    sent = [at for at, _ in scene.gateway.taken]
    assert waits.waits_until == SUNDAY_OPENS
    assert max(sent) < CLOSES + timedelta(seconds=1)
    assert len(sent) < 200
    clock.at = SUNDAY_OPENS
    scene.campaign_life.wake(campaign.campaign_id)
    scene.settle()
    assert scene.gateway.per_recipient() == {member.phone: 1 for member in members}
    assert all(at >= SUNDAY_OPENS for at, _ in scene.gateway.taken[len(sent) :])


def test_what_is_past_its_end_is_not_sent(scene: SendingScene) -> None:
    members = scene.add_members(5)
    campaign = scene.begin(members, timetable=Timetable(NOON, NOON, ends_at=NOON + timedelta(minutes=1)))
    scene.clock.passes(minutes=1)
    scene.settle()
    assert scene.state(campaign) is CampaignStatus.EXPIRED
    assert scene.gateway.taken == []


def test_nothing_goes_within_the_undo_minute(scene: SendingScene) -> None:
    members = scene.add_members(5)
    scene.begin(members, pressed_at=NOON)
    scene.work_off()
    assert scene.gateway.taken == []
    scene.clock.passes(seconds=60)
    scene.sweep()
    scene.work_off()
    assert len(scene.gateway.taken) == 5


def test_the_months_ceiling_stops_a_campaign_before_it_is_passed(scene: SendingScene) -> None:
    members = scene.add_members(100)
    scene.ceilings.set(Ceiling(50 * 48, "Holm"), NOON)
    campaign = scene.begin(members)
    scene.work_off()
    paused = scene.campaigns.find(campaign.campaign_id)
    assert (paused.status, paused.paused_by) == (CampaignStatus.PAUSED, PausedBy.CEILING)
    assert len(scene.gateway.taken) == 40
    assert scene.ceilings.spent(NOON) == 40 * 48


def test_somebody_who_cannot_be_read_is_left_out_and_holds_up_nobody(scene: SendingScene) -> None:
    members = scene.add_members(30)
    campaign = scene.begin(members)
    key: Any = {"pk": {"S": f"M#{scene.club.club_id}#{members[3].member_id}"}, "sk": {"S": "MEMBER"}}
    row: Any = scene.client.get_item(TableName="members", Key=key)["Item"]
    scene.client.put_item(TableName="members", Item=row | {"joined_at": {"S": "yesterday"}})
    scene.settle()
    assert left_out(scene, campaign) == {LeftOut.UNREADABLE: 1}
    assert (scene.unreadable, len(scene.gateway.taken)) == ([3], 29)
    assert scene.campaigns.find(campaign.campaign_id).status is CampaignStatus.DONE


def test_what_breaks_before_anybody_is_called_costs_nothing_of_the_months_ceiling(scene: SendingScene) -> None:
    scene.ceilings.set(Ceiling(1_000 * 48, "Holm"), NOON)
    scene.begin(scene.add_members(20))
    sender, key = scene.sender(), scene.waking.take()
    assert key is not None

    class Away(type(sender.chunks)):  # type: ignore[misc]
        def save(self, *given: Any, **named: Any) -> Any:
            raise ConnectionError

    chunks = Away(scene.client, "messages", scene.club.club_id)
    with pytest.raises(ConnectionError):
        replace(sender, chunks=chunks).send(key)
    assert scene.gateway.calls == 0
    assert scene.ceilings.spent(NOON) == 0


def test_a_yes_is_noted_as_used_once_in_28_days(scene: SendingScene) -> None:
    (member,) = scene.add_members(1)

    def used_at() -> datetime | None:
        (record,) = scene.members.consent_records(member.member_id)
        return record.last_use(PermissionKind.SMS)

    scene.begin([member])
    scene.settle()
    assert used_at() == NOON
    scene.clock.at = NOON + timedelta(days=14)
    scene.begin([member])
    scene.settle()
    assert used_at() == NOON
    scene.clock.at = NOON + timedelta(days=28)
    scene.begin([member])
    scene.settle()
    assert used_at() == NOON + timedelta(days=28)


def test_a_lost_answer_that_a_report_clears_up_is_counted_anew(scene: SendingScene) -> None:
    scene.gateway.mood = lambda _: (AnswerLost("answer_lost"), True)
    members = scene.add_members(3)
    campaign = scene.begin(members)
    scene.settle()
    one, other, silent = members
    now, key = scene.clock.now(), campaign.campaign_id
    report = scene.results.report
    assert report(one.member_id, key, Channel.SMS, DeliveryState.DELIVERED, now) is Reported.NEWS
    assert report(one.member_id, key, Channel.SMS, DeliveryState.DELIVERED, now) is Reported.KNOWN
    assert report(other.member_id, key, Channel.SMS, DeliveryState.SENT, now) is Reported.NEWS
    scene.clock.passes(minutes=31)
    assert scene.sweep().silent == 1
    assert scene.sweep().silent == 0
    tally = scene.tally(campaign)
    assert (tally.sent, tally.unknown, tally.not_accepted, tally.parts) == (2, 0, 1, 2)
    # Events may be days late: what nobody expected any more has arrived after all.
    assert report(silent.member_id, key, Channel.SMS, DeliveryState.DELIVERED, now) is Reported.NEWS
    assert (scene.tally(campaign).sent, scene.tally(campaign).not_accepted) == (3, 0)
    assert report("m" + "0" * 16, key, Channel.SMS, DeliveryState.DELIVERED, now) is Reported.NOBODY


def test_of_a_gateway_that_reports_nothing_silence_says_nothing() -> None:
    scene = SendingScene(reports=False)
    scene.gateway.mood = lambda _: (AnswerLost("answer_lost"), True)
    campaign = scene.begin(scene.add_members(1))
    scene.settle()
    scene.clock.passes(minutes=31)
    assert scene.sweep().silent == 0
    assert scene.tally(campaign).unknown == 1


def test_no_more_goes_in_any_second_than_the_gateway_takes_and_none_of_it_is_wasted() -> None:
    scene = SendingScene(paces=Paces(TWENTY_A_SECOND, TWENTY_A_SECOND, Pace(10_000)))
    scene.begin(scene.add_members(400), lanes=3)
    scene.settle()
    sent = sorted(at for at, _ in scene.gateway.taken)
    second = timedelta(seconds=1)
    assert max(sum(1 for at in sent if begins <= at < begins + second) for begins in sent) <= 21
    assert (sent[-1] - sent[0]).total_seconds() == pytest.approx(399 / 20, rel=0.02)


def test_small_shops_do_not_wait_for_a_large_one() -> None:
    """Fairness: while a campaign of thousands goes out at 20 a second, 200 and 500 wait for two chunks at a time."""
    clock, gateway = SceneClock(), FaultyGateway()
    large = SendingScene(clock=clock, gateway=gateway, paces=Paces(TWENTY_A_SECOND, TWENTY_A_SECOND, Pace(10_000)))
    shops = {size: replace(large, club=make_club()) for size in (200, 500)}
    large.begin(large.add_members(2_000))
    large.work()
    began = clock.now()
    campaigns = {size: shop.begin(shop.add_members(size)) for size, shop in shops.items()}
    by_club = {each.club.club_id: each for each in (large, *shops.values())}
    done: dict[int, float] = {}
    while len(done) < len(shops):
        key = large.waking.take()
        assert key is not None
        by_club[key.club_id].sender().send(key)
        for size, shop in shops.items():
            if shop.state(campaigns[size]) is CampaignStatus.DONE:
                done.setdefault(size, (clock.now() - began).total_seconds())
    assert done[200] < 60
    assert done[500] < 120
    assert len(gateway.taken) < 2_000


def test_a_message_costs_little_more_than_its_claim_its_result_and_its_report(scene: SendingScene) -> None:
    members = scene.add_members(500)
    meter = UnitMeter()
    meter.attach(scene.client)
    campaign = scene.begin(members)
    scene.work_off()
    scene.sweep()
    now = scene.clock.now()
    notes = len(members)
    for member in members:
        scene.results.report(member.member_id, campaign.campaign_id, Channel.SMS, DeliveryState.DELIVERED, now)
    assert scene.tally(campaign).sent == 500
    # That a yes was used is noted once in 28 days, whatever is sent.
    assert (meter.written - notes) / 500 <= 3.3


def test_ten_are_with_the_gateway_at_a_time() -> None:
    scene = SendingScene(pool=ten_at_a_time(), queue=None)
    assert isinstance(scene.waking, Queue)
    members = scene.add_members(100)
    campaign = scene.begin(members)
    scene.settle()
    assert scene.tally(campaign).sent == 100


def test_somebody_is_told_which_campaigns_they_were_sent_and_what_became_of_them(scene: SendingScene) -> None:
    member, other = scene.add_members(2)
    arrived = scene.begin([member, other], Channel.EMAIL, name="Fastelavn")
    scene.settle()
    now, key = scene.clock.now(), arrived.campaign_id
    scene.results.report(member.member_id, key, Channel.EMAIL, DeliveryState.DELIVERED, now)
    scene.results.note_click(member.member_id, key, Channel.EMAIL, now)
    scene.gateway.mood = lambda _: (AnswerLost("answer_lost"), True)
    scene.begin([member], Channel.SMS, name="Boller")
    scene.settle()
    told = OwnMessages(scene.results, scene.campaigns).of(member.member_id)
    assert sorted((each.name, each.channel, each.outcome, each.opened_at) for each in told) == [
        ("Boller", Channel.SMS, "unknown", None),
        ("Fastelavn", Channel.EMAIL, "delivered", whole_milliseconds(now)),
    ]
    (others,) = OwnMessages(scene.results, scene.campaigns).of(other.member_id)
    assert (others.outcome, others.opened_at) == ("sent", None)
