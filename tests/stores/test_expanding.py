"""Beginning a campaign, whatever dies on the way: the same lists, nobody twice, nobody forgotten."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from stamkunde.campaigns.addresses import Addresses
from stamkunde.campaigns.chunk_store import CHUNK_SIZE, NOBODY, ChunkKey, RunKey
from stamkunde.campaigns.expanding import Expanded, Step
from stamkunde.campaigns.forgetting import CampaignTraces
from stamkunde.campaigns.model.campaign import Campaign, CampaignStatus, PausedBy
from stamkunde.campaigns.model.left_out import LeftOut
from stamkunde.campaigns.model.preview import Share
from stamkunde.campaigns.results import Results
from stamkunde.campaigns.runs import Running
from stamkunde.campaigns.service import When
from stamkunde.shared.channel import Channel
from stamkunde.shared.errors import Refusal
from stamkunde.shared.patience import Patience
from tests.campaign_shop import MESSAGES, MONDAY, CampaignShop, member, never
from tests.ledger_checks import rows

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

BOTH = (Channel.EMAIL, Channel.SMS)
A_DAY = timedelta(days=1)
MANY = 450
NO_MAIL: dict[str, Any] = {"email_confirmed": False, "email_hash": None, "email_until": None}


class DiedError(Exception):
    """The process is gone."""


class Dying:
    """A client whose process dies before, or right after, one of its writes."""

    def __init__(self, client: Any, at: int, *, after: bool) -> None:
        self._client = client
        self.left = at
        self._after = after

    def __getattr__(self, operation: str) -> Any:
        call = getattr(self._client, operation)
        if operation not in {"put_item", "update_item", "transact_write_items"}:
            return call

        def write(**given: Any) -> Any:
            self.left -= 1
            if self.left == 0 and not self._after:
                raise DiedError
            answer = call(**given)
            if self.left == 0:
                raise DiedError
            return answer

        return write


@pytest.fixture
def shop(dynamodb: DynamoDBClient) -> CampaignShop:
    shop = CampaignShop(dynamodb)
    shop.keep(member(f"m{number:016}", **({} if number % 3 == 0 else NO_MAIL)) for number in range(MANY))
    return shop


def everybody(shop: CampaignShop, campaign: Campaign, channel: Channel) -> list[str]:
    return [each for listed in shop.listed(campaign, channel) for each in listed]


def steps(shop: CampaignShop, campaign: Campaign) -> None:
    """The state machine's, one after the other."""
    expanding, campaign_id = shop.expanding, campaign.campaign_id
    for step in (Step.FREEZE, Step.MAKE_LISTS, Step.BEGIN):
        if expanding.do(step, campaign_id, never) is not Expanded.DONE:
            return


def test_everybody_who_may_get_it_is_in_one_list_and_lists_are_full(shop: CampaignShop) -> None:
    campaign = shop.begin(shop.scheduled())
    lists = shop.listed(campaign, Channel.SMS)
    assert [len(each) for each in lists] == [100, 100, 100, 100, 50]
    assert set(Counter(everybody(shop, campaign, Channel.SMS)).values()) == {1}
    run = shop.runs.load(RunKey(shop.club.club_id, campaign.campaign_id, Channel.SMS))
    assert run is not None
    assert (run.chunks, run.members) == (5, MANY)
    assert [each.number for each in shop.woken] == list(run.lanes)
    assert campaign.frozen is not None
    assert campaign.pin is not None
    assert (campaign.frozen.members, campaign.frozen.audience) == (MANY, campaign.pin.audience)


@pytest.mark.parametrize("after", [False, True])
def test_whatever_dies_while_a_campaign_begins_the_lists_are_the_same(shop: CampaignShop, after: bool) -> None:
    whole = shop.begin(shop.scheduled(channels=BOTH, sms_after=A_DAY))
    wanted = {channel: shop.listed(whole, channel) for channel in BOTH}
    counted = Dying(shop.client, 0, after=False)
    steps(_with(shop, counted), _scheduled(shop))
    total = -counted.left
    for at in [*range(1, total - 15, 17), *range(total - 15, total + 1)]:
        campaign = _scheduled(shop)
        with pytest.raises(DiedError):
            steps(_with(shop, Dying(shop.client, at, after=after)), campaign)
        # What has changed since is nothing to the lists that are begun.
        steps(shop, campaign)
        found = shop.store.find(campaign.campaign_id)
        assert found.status is CampaignStatus.SENDING, at
        assert {channel: shop.listed(campaign, channel) for channel in BOTH} == wanted, at


def _scheduled(shop: CampaignShop) -> Campaign:
    campaign = shop.scheduled(channels=BOTH, sms_after=A_DAY)
    shop.after_the_undo_minute(campaign)
    return campaign


def _with(shop: CampaignShop, client: Dying) -> CampaignShop:
    return CampaignShop(client, shop.clock, club_id=shop.club.club_id)  # type: ignore[arg-type]


def test_whoever_changes_while_the_lists_are_made_is_in_one_of_them_at_most_and_nobody_is_forgotten(
    shop: CampaignShop,
) -> None:
    campaign = _scheduled(shop)
    with pytest.raises(DiedError):
        steps(_with(shop, Dying(shop.client, 60, after=True)), campaign)
    shop.keep(member(f"m{number:016}", sms_until=None, email_until=None) for number in range(0, MANY, 60))
    shop.keep([member(f"n{number:016}", **NO_MAIL) for number in range(4)])
    steps(shop, campaign)
    found = Counter(everybody(shop, campaign, Channel.SMS))
    assert set(found.values()) == {1}
    stayed = {f"m{number:016}" for number in range(MANY) if number % 60}
    assert stayed <= set(found)


def test_two_that_make_the_same_lists_at_once_make_them_once(shop: CampaignShop) -> None:
    campaign = _scheduled(shop)

    def make(_who: int) -> str:
        try:
            steps(shop, campaign)
        except Refusal as refusal:
            return refusal.code
        return "done"

    with ThreadPoolExecutor(3) as pool:
        found = set(pool.map(make, range(3)))
    assert found <= {"done", "campaign_changed"}
    steps(shop, campaign)
    assert shop.store.find(campaign.campaign_id).status is CampaignStatus.SENDING
    assert set(Counter(everybody(shop, campaign, Channel.SMS)).values()) == {1}
    assert len(everybody(shop, campaign, Channel.SMS)) == MANY


def test_a_step_that_runs_out_of_time_goes_on_where_it_was(shop: CampaignShop) -> None:
    campaign = _scheduled(shop)
    answers: list[str] = []
    for step in (shop.expanding.freeze, shop.expanding.make_lists):
        while True:
            answer = step(campaign.campaign_id, _Once())
            answers.append(answer)
            if answer is Expanded.DONE:
                break
    assert answers.count(Expanded.MORE) == 15 + 6
    shop.expanding.begin(campaign.campaign_id)
    assert len(everybody(shop, campaign, Channel.SMS)) == MANY


class _Once:
    """Time enough for one part only."""

    def __init__(self) -> None:
        self._asked = 0

    def __call__(self) -> bool:
        self._asked += 1
        return self._asked > 1


def test_whoever_gets_a_mail_first_gets_the_text_message_later_and_nobody_before(shop: CampaignShop) -> None:
    campaign = shop.begin(shop.scheduled(channels=BOTH, sms_after=A_DAY))
    mails, texts = everybody(shop, campaign, Channel.EMAIL), shop.listed(campaign, Channel.SMS)
    assert [len(each) for each in texts] == [100, 100, 100, 100, 50]
    assert len(mails) == 150
    later = {each for listed in texts[3:] for each in listed}
    assert later == set(mails)
    for number in range(5):
        chunk = shop.chunks.load(ChunkKey(shop.club.club_id, campaign.campaign_id, f"s{number}"))
        assert chunk is not None
        assert campaign.first_at is not None
        assert chunk.not_before == (campaign.first_at + A_DAY if number >= 3 else None)


def test_nothing_begins_that_was_taken_back_cancelled_or_missed(shop: CampaignShop) -> None:
    for end in (shop.campaigns.take_back, shop.campaigns.cancel):
        campaign = _scheduled(shop)
        end(campaign.campaign_id)
        assert shop.expanding.freeze(campaign.campaign_id, never) is Expanded.NOT_NOW
        assert shop.expanding.begin(campaign.campaign_id) is Expanded.NOT_NOW
    missed = _scheduled(shop)
    shop.clock.instant += timedelta(hours=3)
    assert shop.expanding.freeze(missed.campaign_id, never) is Expanded.NOT_NOW
    assert shop.store.find(missed.campaign_id).status is CampaignStatus.EXPIRED
    assert shop.woken == []


def test_nothing_begins_within_the_undo_minute(shop: CampaignShop) -> None:
    campaign = shop.scheduled()
    with pytest.raises(Refusal) as refusal:
        shop.expanding.freeze(campaign.campaign_id, never)
    assert refusal.value.code == "campaign_not_now"
    assert shop.campaigns.take_back(campaign.campaign_id).status is CampaignStatus.DRAFT


def test_a_campaign_cancelled_while_its_lists_are_made_is_not_begun(shop: CampaignShop) -> None:
    campaign = _scheduled(shop)
    shop.expanding.freeze(campaign.campaign_id, never)
    shop.expanding.make_lists(campaign.campaign_id, never)
    shop.campaigns.cancel(campaign.campaign_id)
    assert shop.expanding.begin(campaign.campaign_id) is Expanded.NOT_NOW
    assert shop.runs.load(RunKey(shop.club.club_id, campaign.campaign_id, Channel.SMS)) is None


def test_an_audience_that_grew_since_it_was_seen_asks_again(shop: CampaignShop) -> None:
    campaign = shop.scheduled(When(MONDAY + timedelta(hours=1)))
    shop.keep(member(f"n{number:016}") for number in range(20))
    paused = shop.begin(campaign)
    assert (paused.status, paused.paused_by) == (CampaignStatus.PAUSED, PausedBy.DRIFT)
    assert shop.woken == []
    resumed = shop.campaigns.resume(campaign.campaign_id)
    assert shop.begin(resumed).status is CampaignStatus.SENDING
    assert len(everybody(shop, campaign, Channel.SMS)) == MANY + 20


def test_those_who_said_stop_since_are_left_out_without_asking(shop: CampaignShop) -> None:
    campaign = shop.scheduled(When(MONDAY + timedelta(hours=1)))
    shop.keep([member(f"m{number:016}", sms_until=None, stopped=(Channel.SMS,)) for number in range(3)])
    assert shop.begin(campaign).status is CampaignStatus.SENDING
    assert len(everybody(shop, campaign, Channel.SMS)) == MANY - 3
    found = shop.audience.find(campaign.campaign_id, "m0000000000000000")
    assert found is not None
    assert found.by_channel == {Channel.SMS: LeftOut.STOPPED}


def test_what_was_decided_about_everybody_is_kept_and_one_who_is_erased_is_taken_out(shop: CampaignShop) -> None:
    campaign = shop.begin(shop.scheduled())
    found = shop.audience.find(campaign.campaign_id, "m0000000000000007")
    assert found is not None
    assert found.by_channel == {Channel.SMS: Share(1, 48)}
    assert shop.audience.find(campaign.campaign_id, "m9") is None
    assert shop.audience.forget(campaign.campaign_id, "m0000000000000007")
    assert not shop.audience.forget(campaign.campaign_id, "m0000000000000007")
    assert shop.audience.find(campaign.campaign_id, "m0000000000000007") is None
    everywhere = [each.member_id for row in shop.audience.rows(campaign.campaign_id) for each in row.decided]
    assert (len(everywhere), everywhere.count(NOBODY)) == (MANY, 1)


def test_an_erasure_takes_somebody_out_of_all_that_campaigns_decided_of_late(shop: CampaignShop) -> None:
    begun = [shop.begin(shop.scheduled(name=name)) for name in ("Brød", "Kage")]
    draft = shop.campaigns.draft(shop.wish(), "anna")
    club_id = shop.club.club_id
    traces = CampaignTraces(
        Addresses(shop.client, MESSAGES, club_id, shop.club.address_key),
        Results(shop.client, MESSAGES, club_id),
        shop.chunks,
        Running(shop.client, MESSAGES),
        shop.store,
        shop.audience,
        Patience(),
    )
    for _ in range(2):
        traces.forget_decisions(["m0000000000000007", "m0000000000000008"], shop.clock.now())
    for campaign in begun:
        named = {each.member_id for row in shop.audience.rows(campaign.campaign_id) for each in row.decided}
        assert named & {"m0000000000000007", "m0000000000000008"} == set()
        assert len(named) == MANY - 2 + 1
    assert list(shop.audience.rows(draft.campaign_id)) == []
    # Nothing was sent to them yet: they stood in the lists, too.
    told = str(rows(shop.client, MESSAGES))
    assert "m0000000000000006" in told
    assert "m0000000000000007" not in told


def test_an_erasure_between_freezing_and_lists_moves_nobody_else(shop: CampaignShop) -> None:
    campaign = _scheduled(shop)
    shop.expanding.freeze(campaign.campaign_id, never)
    shop.audience.forget(campaign.campaign_id, "m0000000000000007")
    steps(shop, campaign)
    found = everybody(shop, campaign, Channel.SMS)
    assert (len(found), found.count(NOBODY)) == (MANY, 1)
    assert "m0000000000000007" not in found


def test_what_could_not_be_begun_is_paused_for_somebody_to_see(shop: CampaignShop) -> None:
    campaign = _scheduled(shop)
    shop.expanding.give_up(campaign.campaign_id)
    found = shop.store.find(campaign.campaign_id)
    assert (found.status, found.paused_by) == (CampaignStatus.PAUSED, PausedBy.FAULT)
    assert shop.begin(shop.campaigns.resume(campaign.campaign_id)).status is CampaignStatus.SENDING


def test_a_list_holds_no_more_than_a_worker_takes(shop: CampaignShop) -> None:
    campaign = shop.begin(shop.scheduled())
    assert max(map(len, shop.listed(campaign, Channel.SMS))) <= CHUNK_SIZE
