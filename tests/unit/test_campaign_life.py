"""A campaign's life: what follows what, what stops workers, and what nobody can do any more."""

from __future__ import annotations

from collections.abc import Callable
from copy import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stamkunde.campaigns.model.campaign import (
    DRIFT_MEMBERS,
    LATEST_START,
    PREVIEW_LASTS,
    UNDO,
    Campaign,
    CampaignStatus,
    Counts,
    PausedBy,
    Pin,
    Timetable,
    begin,
    cancel,
    edit,
    expire,
    finish,
    freeze,
    hold_back,
    is_late,
    pause,
    resume,
    schedule,
    seen,
    take_back,
    wait,
    wake,
)
from stamkunde.campaigns.model.ceiling import Ceiling, month_of
from stamkunde.campaigns.model.criteria import Outlet
from stamkunde.campaigns.model.holdout import is_held_out
from stamkunde.campaigns.model.law import Answers
from stamkunde.campaigns.model.left_out import LeftOut
from stamkunde.campaigns.model.lists import run_lists
from stamkunde.campaigns.model.preview import Decided, Share
from stamkunde.campaigns.model.texts import CampaignText
from stamkunde.shared.channel import Channel
from stamkunde.shared.errors import Refusal

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
TEXT = CampaignText("da", sms="{Klub}: Boller til 5 kr. Bestil/stop sms: {Stop}")
PIN = Pin("0" * 16, 1_000, 1_000, 48_000, 1, NOW)
NOON = Timetable(NOW + 3 * HOUR, NOW + 5 * HOUR)


def draft(**changed: object) -> Campaign:
    known = Campaign("k1", "Boller", "anna", {"da": TEXT}, Answers(), (Channel.SMS,), NOW)
    return replace(known, **changed)  # type: ignore[arg-type]


def scheduled(timetable: Timetable = NOON, pin: Pin = PIN) -> Campaign:
    return schedule(seen(draft(), pin), timetable, NOW)


def sending() -> Campaign:
    campaign = freeze(scheduled(), NOON.starts_at)
    return begin(campaign, PIN, NOON.starts_at)


def refused(code: str, act: Callable[[], object]) -> None:
    with pytest.raises(Refusal) as refusal:
        act()
    assert refusal.value.code == code


def test_a_draft_is_scheduled_sent_and_done() -> None:
    campaign = sending()
    assert campaign.status is CampaignStatus.SENDING
    done = finish(campaign, Counts(sent=1_000), NOON.starts_at + HOUR)
    assert done.status is CampaignStatus.DONE
    assert done.counts.sent == 1_000
    assert done.ended_at == NOON.starts_at + HOUR


def test_nothing_goes_out_within_the_undo_minute() -> None:
    campaign = scheduled(Timetable(NOW, NOW + LATEST_START))
    assert campaign.first_at == NOW + UNDO
    refused("campaign_not_now", lambda: freeze(campaign, NOW + UNDO - timedelta(milliseconds=1)))
    begun = begin(freeze(campaign, NOW + UNDO), PIN, NOW + UNDO)
    assert not begun.state.may_send(begun.epoch, NOW + UNDO - timedelta(milliseconds=1))
    assert begun.state.may_send(begun.epoch, NOW + UNDO)


def test_what_is_scheduled_for_later_is_not_put_off_by_the_undo_minute() -> None:
    assert scheduled().first_at == NOON.starts_at


def test_a_scheduled_campaign_is_a_draft_again_once_it_is_taken_back() -> None:
    campaign = take_back(scheduled())
    assert campaign.status is CampaignStatus.DRAFT
    assert (campaign.pin, campaign.timetable, campaign.first_at) == (None, None, None)
    assert edit(campaign, replace(campaign, name="Brød")).name == "Brød"


def test_what_is_about_to_be_sent_can_be_cancelled_and_not_taken_back() -> None:
    campaign = freeze(scheduled(), NOON.starts_at)
    refused("campaign_not_now", lambda: take_back(campaign))
    assert cancel(campaign, NOON.starts_at).status is CampaignStatus.CANCELLED


def test_freezing_again_changes_nothing() -> None:
    campaign = freeze(scheduled(), NOON.starts_at)
    assert freeze(campaign, NOON.starts_at + MINUTE) is campaign


@pytest.mark.parametrize("status", [each for each in CampaignStatus if each is not CampaignStatus.DRAFT])
def test_only_a_draft_is_edited(status: CampaignStatus) -> None:
    refused("campaign_not_now", lambda: edit(draft(status=status), draft()))


def test_another_text_is_another_version_and_another_name_is_not() -> None:
    assert edit(draft(), draft(name="Brød")).text_version == 1
    assert edit(draft(), draft(texts={"da": replace(TEXT, sms="{Klub}: Brød. Afmeld: {Stop}")})).text_version == 2
    assert edit(draft(), draft(opening_hours={"da": "kl. 6.30-17.00"})).text_version == 2


def test_what_was_seen_counts_no_longer_once_the_draft_is_edited() -> None:
    campaign = edit(seen(draft(), PIN), draft(criteria=Outlet(("torvet",))))
    refused("preview_needed", lambda: schedule(campaign, NOON, NOW))


def test_a_preview_of_other_words_or_of_yesterday_is_not_sent_by() -> None:
    refused("preview_needed", lambda: scheduled(pin=replace(PIN, text_version=2)))
    refused("preview_needed", lambda: scheduled(pin=replace(PIN, at=NOW - PREVIEW_LASTS - MINUTE)))


def test_a_campaign_that_nobody_gets_is_not_sent() -> None:
    refused("nobody_to_write_to", lambda: scheduled(pin=replace(PIN, members=0)))


@pytest.mark.parametrize(
    "timetable",
    [
        Timetable(NOW - 3 * HOUR, NOW - HOUR),
        Timetable(NOW, NOW + timedelta(seconds=59)),
        Timetable(NOW + HOUR, NOW + 2 * HOUR, NOW + HOUR),
        Timetable(NOW, NOW + HOUR, NOW + timedelta(seconds=60)),
    ],
)
def test_what_would_come_too_late_is_refused_at_once(timetable: Timetable) -> None:
    refused("campaign_too_late", lambda: scheduled(timetable))


def test_a_missed_campaign_expires_and_is_not_sent_late() -> None:
    campaign = scheduled()
    assert not is_late(campaign, NOON.latest_start)
    assert is_late(campaign, NOON.latest_start + MINUTE)
    frozen = freeze(campaign, NOON.starts_at)
    assert begin(frozen, PIN, NOON.latest_start + MINUTE).status is CampaignStatus.EXPIRED


def test_text_messages_that_would_only_go_after_its_end_are_refused_at_once() -> None:
    both = replace(draft(), channels=(Channel.EMAIL, Channel.SMS), sms_after=24 * HOUR)
    ends = NOON.starts_at + 24 * HOUR
    refused("campaign_too_late", lambda: schedule(seen(both, PIN), replace(NOON, ends_at=ends), NOW))
    assert schedule(seen(both, PIN), replace(NOON, ends_at=ends + MINUTE), NOW).status is CampaignStatus.SCHEDULED


def test_nothing_is_sent_from_its_end_on() -> None:
    ends = NOON.starts_at + HOUR
    campaign = begin(freeze(scheduled(replace(NOON, ends_at=ends)), NOON.starts_at), PIN, NOON.starts_at)
    assert campaign.state.may_send(campaign.epoch, ends - MINUTE)
    assert not campaign.state.may_send(campaign.epoch, ends)
    paused = pause(campaign, PausedBy.STAFF)
    refused("campaign_too_late", lambda: resume(paused, ends))


@pytest.mark.parametrize("by", list(PausedBy))
def test_a_pause_stops_the_workers_of_before_and_a_resumption_does_not_bring_them_back(by: PausedBy) -> None:
    before = sending()
    paused = pause(before, by)
    assert paused.paused_by is by
    assert not paused.state.may_send(before.epoch, NOON.starts_at)
    resumed = resume(paused, NOON.starts_at + MINUTE)
    assert resumed.status is CampaignStatus.SENDING
    assert not resumed.state.may_send(before.epoch, NOON.starts_at + MINUTE)
    assert resumed.state.may_send(resumed.epoch, NOON.starts_at + MINUTE)


@pytest.mark.parametrize("of", [draft, scheduled, sending, lambda: pause(sending(), PausedBy.STAFF)])
def test_whatever_is_not_over_can_be_cancelled_and_no_worker_goes_on(of: Callable[[], Campaign]) -> None:
    before = of()
    after = cancel(before, NOW)
    assert after.status is CampaignStatus.CANCELLED
    assert after.epoch > before.epoch
    assert not after.state.may_send(before.epoch, NOON.starts_at)


@pytest.mark.parametrize("status", [each for each in CampaignStatus if each.is_over])
def test_nothing_follows_an_end(status: CampaignStatus) -> None:
    over = replace(sending(), status=status)
    for act in (
        lambda: cancel(over, NOW),
        lambda: resume(over, NOW),
        lambda: pause(over, PausedBy.STAFF),
        lambda: take_back(over),
        lambda: begin(over, PIN, NOW),
        lambda: expire(over, NOW),
        lambda: finish(over, Counts(), NOW),
        lambda: wait(over, NOW),
        lambda: wake(over, NOW),
        lambda: freeze(over, NOW),
        lambda: hold_back(over, PausedBy.FAULT),
    ):
        refused("campaign_not_now", act)


def test_a_campaign_waits_for_the_next_opening_and_goes_on_there() -> None:
    opening = NOON.starts_at + 20 * HOUR
    waiting = wait(sending(), opening)
    assert not waiting.state.may_send(waiting.epoch, opening - MINUTE)
    woken = wake(waiting, opening)
    assert woken.waits_until is None
    assert woken.state.may_send(woken.epoch, opening)


def test_a_campaign_whose_end_comes_before_the_next_opening_expires() -> None:
    ends = NOON.starts_at + HOUR
    campaign = begin(freeze(scheduled(replace(NOON, ends_at=ends)), NOON.starts_at), PIN, NOON.starts_at)
    assert wake(wait(campaign, ends + HOUR), ends + HOUR).status is CampaignStatus.EXPIRED


@pytest.mark.parametrize(
    ("members", "price", "is_far"),
    [
        (1_000, 48_000, False),
        (1_020, 48_960, False),
        (1_021, 49_008, True),
        (979, 47_000, True),
        (1_000, 48_961, True),
        (1_000, 96_000, True),
    ],
)
def test_more_than_two_per_cent_of_members_or_of_the_price_asks_again(members: int, price: int, is_far: bool) -> None:
    found = replace(PIN, members=members, price=price)
    assert PIN.is_far_from(found) is is_far
    campaign = begin(freeze(scheduled(), NOON.starts_at), found, NOON.starts_at)
    assert campaign.status is (CampaignStatus.PAUSED if is_far else CampaignStatus.SENDING)
    assert campaign.paused_by is (PausedBy.DRIFT if is_far else None)


def test_one_who_joins_a_small_club_does_not_stop_its_campaign() -> None:
    small = replace(PIN, members=20, parts=20, price=960)
    assert not small.is_far_from(replace(small, members=20 + DRIFT_MEMBERS, price=960 + DRIFT_MEMBERS * 48))
    assert small.is_far_from(replace(small, members=21 + DRIFT_MEMBERS, price=960))
    assert small.is_far_from(replace(small, price=1_920))


def test_whoever_resumes_one_that_drifted_sends_by_what_it_came_to() -> None:
    found = replace(PIN, members=1_500, price=72_000)
    paused = begin(freeze(scheduled(), NOON.starts_at), found, NOON.starts_at)
    resumed = resume(paused, NOON.starts_at + 3 * HOUR)
    assert resumed.status is CampaignStatus.SCHEDULED
    assert resumed.pin == found
    assert not is_late(resumed, NOON.starts_at + 3 * HOUR + MINUTE)
    assert begin(resumed, found, NOON.starts_at + 3 * HOUR + MINUTE).status is CampaignStatus.SENDING


@pytest.mark.parametrize(
    "changed",
    [
        {"name": " "},
        {"channels": ()},
        {"channels": (Channel.SMS, Channel.SMS)},
        {"holdout_bp": -1},
        {"holdout_bp": 5_001},
        {"sms_after": HOUR},
        {"sms_after": timedelta(0), "channels": (Channel.EMAIL, Channel.SMS)},
        {"sms_after": timedelta(days=8), "channels": (Channel.EMAIL, Channel.SMS)},
    ],
)
def test_what_no_campaign_can_be_is_refused(changed: dict[str, object]) -> None:
    refused("invalid_field", lambda: draft(**changed))


def test_a_member_reads_their_own_language_or_else_the_clubs_or_else_what_there_is() -> None:
    english, danish = replace(TEXT, language="en"), TEXT
    campaign = draft(texts={"en": english, "da": danish})
    assert campaign.text_for("en", "da") is english
    assert campaign.text_for("nb", "da") is danish
    assert campaign.text_for("nb", "sv") is english


type Act = Callable[[Campaign, datetime], Campaign]

ACTS: list[Act] = [
    lambda campaign, at: edit(campaign, draft(name="Nyt")),
    lambda campaign, at: seen(campaign, replace(PIN, at=at, text_version=campaign.text_version)),
    lambda campaign, at: schedule(campaign, Timetable(at, at + LATEST_START), at),
    lambda campaign, at: take_back(campaign),
    freeze,
    lambda campaign, at: begin(campaign, PIN, at),
    lambda campaign, at: begin(campaign, replace(PIN, price=99_000), at),
    lambda campaign, at: hold_back(campaign, PausedBy.FAULT),
    lambda campaign, at: pause(campaign, PausedBy.CEILING),
    resume,
    lambda campaign, at: wait(campaign, at + HOUR),
    wake,
    cancel,
    expire,
    lambda campaign, at: finish(campaign, Counts(), at),
]


@given(st.lists(st.tuples(st.sampled_from(range(len(ACTS))), st.integers(1, 100)), max_size=40))
def test_whatever_is_done_to_a_campaign_no_rule_is_broken(walk: list[tuple[int, int]]) -> None:
    campaign, at = draft(), NOW
    for act, minutes in walk:
        at += minutes * MINUTE
        before = campaign
        try:
            campaign = ACTS[act](campaign, at)
        except Refusal:
            continue
        if campaign is before:
            continue
        assert not before.status.is_over
        assert campaign.revision == before.revision + 1
        assert campaign.epoch >= before.epoch
        if before.status is CampaignStatus.SENDING and campaign.status is not CampaignStatus.DONE:
            assert campaign.epoch > before.epoch
        if campaign.status is CampaignStatus.SENDING:
            assert campaign.begun_at is not None
            assert campaign.pin is not None
            assert campaign.first_at is not None
            assert campaign.begun_at >= campaign.first_at
        assert (campaign.paused_by is not None) is (campaign.status is CampaignStatus.PAUSED)
        assert (campaign.ended_at is not None) is campaign.status.is_over


def test_a_ceiling_lets_through_what_fits_in_and_whatever_costs_nothing() -> None:
    ceiling = Ceiling(10_000)
    assert ceiling.allows(4_000, 6_000)
    assert not ceiling.allows(4_001, 6_000)
    assert ceiling.allows(0, 20_000)
    assert ceiling.left(20_000) == 0
    assert Ceiling(None).allows(10**9, 10**9)
    assert Ceiling(None).left(5) is None
    refused("invalid_field", lambda: Ceiling(-1))


def test_a_month_begins_at_midnight_in_the_shop() -> None:
    assert month_of(datetime(2026, 10, 31, 22, 59, tzinfo=UTC), "Europe/Copenhagen").month == 10
    assert month_of(datetime(2026, 10, 31, 23, 0, tzinfo=UTC), "Europe/Copenhagen").month == 11


@given(st.binary(min_size=16, max_size=32), st.text(min_size=1, max_size=20))
def test_nobody_is_held_out_of_a_campaign_without_a_holdout(key: bytes, member_id: str) -> None:
    assert not is_held_out(key, "k1", member_id, 0)
    assert is_held_out(key, "k1", member_id, 10_000)


def test_about_a_tenth_is_held_out_and_others_by_the_next_campaign() -> None:
    members = [f"m{number}" for number in range(10_000)]
    first, second = ({each for each in members if is_held_out(b"key", name, each, 1_000)} for name in ("k1", "k2"))
    assert 900 < len(first) < 1_100
    assert 50 < len(first & second) < 160
    assert first == {each for each in members if is_held_out(b"key", "k1", each, 1_000)}


def test_whoever_gets_a_text_message_only_without_a_click_is_in_the_last_lists() -> None:
    decided = [
        Decided("m1", {Channel.EMAIL: Share(), Channel.SMS: Share(1, 48, True, later=True)}),
        Decided("m2", {Channel.EMAIL: LeftOut.NO_ADDRESS, Channel.SMS: Share(1, 48)}),
        Decided("m3", {Channel.EMAIL: LeftOut.STOPPED, Channel.SMS: LeftOut.STOPPED}),
        Decided("m4", {Channel.EMAIL: Share(), Channel.SMS: LeftOut.NO_PERMISSION}),
    ]
    lists = run_lists(decided)
    assert lists[Channel.EMAIL].at_once == ("m1", "m4")
    assert (lists[Channel.SMS].at_once, lists[Channel.SMS].later) == (("m2",), ("m1",))
    assert [(chunk.members, chunk.later) for chunk in lists[Channel.SMS].chunks(100)] == [
        (("m2",), False),
        (("m1",), True),
    ]
