"""Campaigns in the engine: each state comes back as it was, nobody loses a change, the ceiling holds."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from copy import replace
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from stamkunde.campaigns.hours import HoursStore
from stamkunde.campaigns.model.campaign import CampaignStatus, PausedBy, Timetable, pause, schedule
from stamkunde.campaigns.model.ceiling import Ceiling
from stamkunde.campaigns.model.criteria import AllOf, Not, Outlet
from stamkunde.campaigns.model.law import Answers, Stock
from stamkunde.campaigns.service import When
from stamkunde.campaigns.store import DueCampaigns, look_at
from stamkunde.messaging.quiet_hours import SendingHours, SendingWindow
from stamkunde.shared.channel import Channel
from stamkunde.shared.errors import Refusal
from tests.campaign_shop import MESSAGES, MONDAY, ROLLS, CampaignShop, member

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

HOUR = timedelta(hours=1)


@pytest.fixture
def shop(dynamodb: DynamoDBClient) -> CampaignShop:
    shop = CampaignShop(dynamodb)
    shop.keep(member(f"m{number:016}") for number in range(10))
    return shop


def refused(code: str, act: Any) -> Refusal:
    with pytest.raises(Refusal) as refusal:
        act()
    assert refusal.value.code == code
    return refusal.value


def due(shop: CampaignShop, until: datetime | None = None) -> list[tuple[str, str]]:
    found = DueCampaigns(shop.client, MESSAGES).standing(until)
    return [(each.campaign_id, each.due_at) for each in found if each.club_id == shop.club.club_id]


def test_a_campaign_comes_back_as_it_was_written(shop: CampaignShop) -> None:
    wish = shop.wish(
        channels=(Channel.SMS, Channel.EMAIL),
        criteria=AllOf((Not(Outlet(("torvet",))),)),
        answers=Answers(conditions="Så længe lager haves", stock=Stock.ENOUGH),
        sms_after=timedelta(hours=24),
        holdout_bp=1_000,
        opening_hours={"da": "kl. 6.30-17.00"},
    )
    draft = shop.campaigns.draft(wish, "anna")
    assert shop.store.find(draft.campaign_id) == draft
    seal = shop.campaigns.preview(draft.campaign_id).seal
    at = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)
    scheduled = shop.campaigns.schedule(draft.campaign_id, seal, When(at, ends=at + 26 * HOUR)).campaign
    assert scheduled.timetable == Timetable(at, at + 2 * HOUR, at + 26 * HOUR)
    assert shop.store.find(draft.campaign_id) == scheduled
    begun = shop.begin(scheduled)
    assert begun.status is CampaignStatus.SENDING
    assert shop.store.find(draft.campaign_id) == begun
    assert shop.store.read_state(draft.campaign_id) == begun.state


def test_a_list_of_campaigns_tells_the_newest_first_and_where_each_stands(shop: CampaignShop) -> None:
    first = shop.campaigns.draft(shop.wish(name="Først"), "anna")
    shop.clock.instant += HOUR
    second = shop.scheduled(name="Så")
    found = shop.campaigns.lines()
    assert [(line.name, line.status) for line in found] == [
        ("Så", CampaignStatus.SCHEDULED),
        ("Først", CampaignStatus.DRAFT),
    ]
    assert [line.campaign_id for line in found] == [second.campaign_id, first.campaign_id]


def test_a_change_of_what_somebody_else_has_changed_is_refused(shop: CampaignShop) -> None:
    draft = shop.campaigns.draft(shop.wish(), "anna")
    shop.campaigns.edit(draft.campaign_id, shop.wish(name="Brød"))
    refused("campaign_changed", lambda: shop.store.save(draft, replace(draft, name="Kage", revision=2)))
    assert shop.store.find(draft.campaign_id).name == "Brød"


def test_of_two_who_press_send_at_once_one_is_told_that_it_was_changed(shop: CampaignShop) -> None:
    draft = shop.campaigns.draft(shop.wish(), "anna")
    seal = shop.campaigns.preview(draft.campaign_id).seal

    def press(_who: int) -> str:
        try:
            shop.campaigns.schedule(draft.campaign_id, seal, When())
        except Refusal as refusal:
            return refusal.code
        return "scheduled"

    with ThreadPoolExecutor(8) as pool:
        found = sorted(pool.map(press, range(8)))
    assert found.count("scheduled") == 1
    assert set(found) <= {"scheduled", "campaign_changed", "campaign_not_now"}
    assert len(due(shop)) == 1


def test_a_campaign_that_there_is_none_of_is_unknown(shop: CampaignShop) -> None:
    refused("unknown_campaign", lambda: shop.campaigns.show("k0"))
    assert shop.store.load("k0") is None
    assert shop.store.read_state("k0") is None


def test_another_clubs_campaign_is_nobodys(shop: CampaignShop, dynamodb: DynamoDBClient) -> None:
    draft = shop.campaigns.draft(shop.wish(), "anna")
    assert CampaignShop(dynamodb).store.load(draft.campaign_id) is None


def test_the_minute_job_finds_a_campaign_at_its_time_and_at_no_other(shop: CampaignShop) -> None:
    at = MONDAY + 3 * HOUR
    campaign = shop.scheduled(When(at))
    assert due(shop, at - timedelta(minutes=1)) == []
    assert due(shop, at) == [(campaign.campaign_id, "20261123T120000000Z")]
    shop.campaigns.take_back(campaign.campaign_id)
    assert due(shop) == []


def test_what_is_sent_waits_or_is_paused_is_looked_at_again_and_what_is_over_never(shop: CampaignShop) -> None:
    campaign = shop.begin(shop.scheduled())
    assert look_at(campaign) == campaign.first_at
    tomorrow = MONDAY + 22 * HOUR
    shop.life.wait(campaign.campaign_id, tomorrow)
    assert due(shop) == [(campaign.campaign_id, "20261124T070000000Z")]
    shop.clock.instant = tomorrow
    shop.life.wake(campaign.campaign_id)
    shop.campaigns.pause(campaign.campaign_id)
    assert [each for each, _ in due(shop)] == [campaign.campaign_id]
    shop.campaigns.cancel(campaign.campaign_id)
    assert due(shop) == []


def test_an_edited_text_is_another_version_and_the_old_one_stays(shop: CampaignShop) -> None:
    draft = shop.campaigns.draft(shop.wish(), "anna")
    other = replace(ROLLS, sms="{Klub}: Kanelsnegle. Afmeld: {Stop}")
    edited = shop.campaigns.edit(draft.campaign_id, shop.wish(texts={"da": other}))
    assert edited.text_version == 2
    assert shop.store.find(draft.campaign_id).texts["da"].sms.endswith("Kanelsnegle. Afmeld: {Stop}")


def test_a_copy_is_a_draft_of_the_same_words_however_the_first_one_went(shop: CampaignShop) -> None:
    cancelled = shop.campaigns.cancel(shop.scheduled().campaign_id)
    copy = shop.campaigns.copy(cancelled.campaign_id, "bo")
    assert (copy.status, copy.texts, copy.by) == (CampaignStatus.DRAFT, cancelled.texts, "bo")
    assert copy.campaign_id != cancelled.campaign_id


def test_workers_may_say_the_same_as_often_as_they_like(shop: CampaignShop) -> None:
    campaign = shop.begin(shop.scheduled())
    until = MONDAY + 22 * HOUR
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: shop.life.wait(campaign.campaign_id, until), range(6)))
    waiting = shop.store.find(campaign.campaign_id)
    assert (waiting.waits_until, waiting.epoch) == (until, campaign.epoch + 1)
    for _ in range(2):
        shop.life.pause(campaign.campaign_id, PausedBy.FAULT)
        assert shop.store.find(campaign.campaign_id).epoch == campaign.epoch + 2
    for _ in range(2):
        shop.life.expire(campaign.campaign_id)
        assert shop.store.find(campaign.campaign_id).status is CampaignStatus.EXPIRED
    shop.life.pause(campaign.campaign_id, PausedBy.FAULT)
    shop.life.finish(campaign.campaign_id)
    assert shop.store.find(campaign.campaign_id).status is CampaignStatus.EXPIRED


def test_a_campaign_is_woken_at_its_opening_and_not_before(shop: CampaignShop) -> None:
    campaign = shop.begin(shop.scheduled())
    until = MONDAY + 22 * HOUR
    shop.life.wait(campaign.campaign_id, until)
    shop.life.wake(campaign.campaign_id)
    assert shop.store.find(campaign.campaign_id).waits_until == until
    shop.clock.instant = until
    shop.life.wake(campaign.campaign_id)
    assert shop.store.find(campaign.campaign_id).waits_until is None


def test_a_campaign_that_was_missed_expires_and_one_that_nobody_resumes_does_in_a_month(shop: CampaignShop) -> None:
    missed = shop.scheduled(When(MONDAY + HOUR))
    paused = shop.begin(shop.scheduled())
    shop.campaigns.pause(paused.campaign_id)
    shop.clock.instant = MONDAY + 3 * HOUR
    assert not shop.life.end_if_late(missed.campaign_id)
    shop.clock.instant += timedelta(minutes=1)
    assert shop.life.end_if_late(missed.campaign_id)
    assert shop.store.find(missed.campaign_id).status is CampaignStatus.EXPIRED
    assert not shop.life.end_if_late(paused.campaign_id)
    shop.clock.instant += timedelta(days=30)
    assert shop.life.end_if_late(paused.campaign_id)


def test_a_campaign_outside_the_hours_goes_at_the_next_opening_and_that_is_told(shop: CampaignShop) -> None:
    draft = shop.campaigns.draft(shop.wish(), "anna")
    seal = shop.campaigns.preview(draft.campaign_id).seal
    scheduled = shop.campaigns.schedule(draft.campaign_id, seal, When(datetime(2026, 11, 24, 6, 30)))
    assert scheduled.start.waits
    assert scheduled.campaign.first_at == datetime(2026, 11, 24, 7, 0, tzinfo=UTC)


def test_only_what_was_seen_is_sent(shop: CampaignShop) -> None:
    draft = shop.campaigns.draft(shop.wish(), "anna")
    refused("preview_needed", lambda: shop.campaigns.schedule(draft.campaign_id, "", When()))
    seal = shop.campaigns.preview(draft.campaign_id).seal
    shop.campaigns.edit(draft.campaign_id, shop.wish(criteria=Outlet(("torvet",))))
    refused("preview_needed", lambda: shop.campaigns.schedule(draft.campaign_id, seal, When()))
    seal = shop.campaigns.preview(draft.campaign_id).seal
    refused("nobody_to_write_to", lambda: shop.campaigns.schedule(draft.campaign_id, seal, When()))


def test_a_campaign_dearer_than_what_is_left_of_the_month_is_not_begun(shop: CampaignShop) -> None:
    shop.ceilings.set(Ceiling(479, "Holm", "anna"), MONDAY)
    draft = shop.campaigns.draft(shop.wish(), "anna")
    preview = shop.campaigns.preview(draft.campaign_id)
    assert (preview.pin.price, preview.ceiling_left, preview.is_over_ceiling) == (480, 479, True)
    refusal = refused("over_ceiling", lambda: shop.campaigns.schedule(draft.campaign_id, preview.seal, When()))
    assert [value.text("da") for value in refusal.values.values() if not isinstance(value, str | int)] == [
        "4,80 kr.",
        "4,79 kr.",
    ]
    shop.ceilings.set(Ceiling(480, "Holm", "anna"), MONDAY)
    shop.campaigns.schedule(draft.campaign_id, preview.seal, When())


def test_a_ceiling_that_was_used_up_since_pauses_the_campaign_before_its_first_message(shop: CampaignShop) -> None:
    shop.ceilings.set(Ceiling(600, "Holm", "anna"), MONDAY)
    campaign = shop.scheduled()
    assert shop.ceilings.put_aside(200, MONDAY)
    paused = shop.begin(campaign)
    assert (paused.status, paused.paused_by) == (CampaignStatus.PAUSED, PausedBy.CEILING)
    assert shop.woken == []
    shop.ceilings.set(Ceiling(1_000, "Holm", "anna"), MONDAY)
    resumed = shop.campaigns.resume(campaign.campaign_id)
    assert resumed.status is CampaignStatus.SCHEDULED
    assert shop.begin(resumed).status is CampaignStatus.SENDING
    assert shop.woken


def test_workers_that_put_aside_at_once_never_pass_the_ceiling_together(shop: CampaignShop) -> None:
    shop.ceilings.set(Ceiling(1_000, "Holm", "anna"), MONDAY)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: shop.ceilings.put_aside(48, MONDAY), range(40)))
    assert found.count(True) == 1_000 // 48
    assert shop.ceilings.spent(MONDAY) == 1_000 // 48 * 48
    shop.ceilings.give_back(48, MONDAY)
    assert shop.ceilings.put_aside(48, MONDAY)


def test_a_ceiling_begins_anew_with_the_month_and_is_no_ceiling_until_it_is_set(shop: CampaignShop) -> None:
    assert shop.ceilings.load() == Ceiling(None)
    assert shop.ceilings.put_aside(10**6, MONDAY)
    shop.ceilings.set(Ceiling(100, "Holm", "anna"), MONDAY)
    assert not shop.ceilings.put_aside(1, MONDAY)
    assert shop.ceilings.put_aside(100, datetime(2026, 12, 1, tzinfo=UTC))
    assert shop.ceilings.load() == Ceiling(100, "Holm", "anna", MONDAY)


def test_a_club_may_choose_its_own_hours_from_six_to_ten(dynamodb: DynamoDBClient, shop: CampaignShop) -> None:
    store = HoursStore(dynamodb, MESSAGES, shop.club.club_id)
    assert store.load() == SendingHours()
    own = SendingHours(SendingWindow(time(6), time(22)), SendingWindow(time(9, 30), time(20)))
    store.set(own)
    assert store.load() == own


def test_an_unfinished_campaign_says_all_that_it_lacks(shop: CampaignShop) -> None:
    text = replace(ROLLS, sms="{Klub}: Spar 50 % på {Tilbud}!")
    draft = shop.campaigns.draft(shop.wish(texts={"da": text}), "anna")
    refusal = refused("campaign_unfinished", lambda: shop.campaigns.preview(draft.campaign_id))
    said = str(refusal.values["findings"])
    assert "{Tilbud}" in said
    assert "R6" in said
    assert "R30" in said


def test_a_draft_whose_channel_has_no_words_is_unfinished(shop: CampaignShop) -> None:
    text = replace(ROLLS, subject="", body="")
    draft = shop.campaigns.draft(shop.wish(texts={"da": text}, channels=(Channel.SMS, Channel.EMAIL)), "anna")
    refusal = refused("campaign_unfinished", lambda: shop.campaigns.preview(draft.campaign_id))
    assert "email (da)" in str(refusal.values["findings"])


def test_a_paused_campaign_says_who_paused_it(shop: CampaignShop) -> None:
    campaign = shop.begin(shop.scheduled())
    paused = shop.store.save(campaign, pause(campaign, PausedBy.CEILING))
    assert shop.campaigns.show(campaign.campaign_id).campaign == paused


def test_the_model_and_the_store_agree_on_what_is_scheduled(shop: CampaignShop) -> None:
    draft = shop.campaigns.draft(shop.wish(), "anna")
    shop.campaigns.preview(draft.campaign_id)
    seen = shop.store.find(draft.campaign_id)
    table = Timetable(MONDAY, MONDAY + HOUR)
    shop.store.save(seen, schedule(seen, table, MONDAY))
    assert shop.store.find(draft.campaign_id).timetable == table
