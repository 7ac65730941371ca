"""Why somebody got a campaign, or didn't: what was decided, what stood in the way, what was sent."""

from __future__ import annotations

from copy import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from stamkunde.campaigns.chunk_store import RunKey, chunk_key
from stamkunde.campaigns.model.criteria import LastPurchase
from stamkunde.campaigns.model.facts import Bought, day_number
from stamkunde.campaigns.model.left_out import LeftOut
from stamkunde.campaigns.model.tally import Tally
from stamkunde.campaigns.results import Result, Results
from stamkunde.campaigns.why import Why, WhySent
from stamkunde.clubs.model import CAREFUL_POLICY, PurchaseUse
from stamkunde.messaging.model import DeliveryState
from stamkunde.shared.channel import Channel
from stamkunde.shared.errors import Refusal
from tests.campaign_shop import MESSAGES, MONDAY, TODAY, CampaignShop, member

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

SMS, EMAIL = Channel.SMS, Channel.EMAIL


@pytest.fixture
def shop(dynamodb: DynamoDBClient) -> CampaignShop:
    shop = CampaignShop(dynamodb)
    shop.keep([member(f"m{number:016}") for number in range(120)])
    shop.keep([member("silent", sms_until=None)])
    return shop


def why(shop: CampaignShop) -> WhySent:
    results = Results(shop.client, MESSAGES, shop.club.club_id)
    return WhySent(shop.campaigns.scene, shop.store, shop.audience, shop.chunks, results, shop.clock)


def test_before_it_begins_it_is_told_what_would_become_of_somebody_now(shop: CampaignShop) -> None:
    draft = shop.campaigns.draft(shop.wish(), "anna")
    explain = why(shop).explain
    assert explain(draft.campaign_id, "silent") == {SMS: Why(left_out=LeftOut.NO_PERMISSION)}
    assert explain(draft.campaign_id, "m0000000000000003") == {SMS: Why(waits=True)}
    assert explain(draft.campaign_id, "nobody") == {}
    chosen = shop.campaigns.draft(shop.wish(criteria=LastPurchase(at_least_days=9)), "anna")
    assert explain(chosen.campaign_id, "silent") == {SMS: Why(left_out=LeftOut.PURCHASES_NOT_ALLOWED)}


@pytest.mark.parametrize("unasked", [True, False])
def test_where_purchases_need_a_yes_they_are_not_looked_at_to_explain_either(
    dynamodb: DynamoDBClient, unasked: bool
) -> None:
    """What was kept while the club had a written reason is there until the facts are made anew (R12)."""
    use = PurchaseUse.BALANCING_TEST if unasked else PurchaseUse.CONSENT
    policy = replace(CAREFUL_POLICY, purchase_use=use, balancing_test="Vi vejer det af.")
    shop = CampaignShop(dynamodb, member_policy=policy)
    assert shop.club.uses_purchases_unasked is unasked
    bought = Bought((day_number(TODAY),), (10_000,))
    shop.keep([member("anna", purchases_weighed=True, bought=bought)])
    draft = shop.campaigns.draft(shop.wish(criteria=LastPurchase(at_most_days=9)), "anna")
    seen = shop.campaigns.preview(draft.campaign_id).reckoned.by_channel[SMS]
    told = why(shop).explain(draft.campaign_id, "anna")
    assert seen.members == unasked
    assert told == {SMS: Why(waits=True) if unasked else Why(left_out=LeftOut.PURCHASES_NOT_ALLOWED)}


def test_what_was_decided_stays_told_whatever_changes_since(shop: CampaignShop) -> None:
    campaign = shop.begin(shop.scheduled())
    shop.keep([member("silent")])
    assert why(shop).explain(campaign.campaign_id, "silent") == {SMS: Why(left_out=LeftOut.NO_PERMISSION)}


def test_what_stood_in_the_way_when_it_was_their_turn_is_told(shop: CampaignShop) -> None:
    campaign = shop.begin(shop.scheduled())
    run = RunKey(shop.club.club_id, campaign.campaign_id, SMS)
    lists = shop.listed(campaign, SMS)
    passed_over, waits = lists[1][3], lists[1][4]
    chunk = shop.chunks.load(chunk_key(run, 1))
    assert chunk is not None
    leased = shop.chunks.lease(chunk, shop.clock.now())
    assert leased is not None
    tally = Tally(left_out={LeftOut.CAP: 1})
    shop.chunks.save(leased.further(4, tally, {3: LeftOut.CAP}, shop.clock.now()))
    assert why(shop).explain(campaign.campaign_id, passed_over) == {SMS: Why(left_out=LeftOut.CAP)}
    assert why(shop).explain(campaign.campaign_id, waits) == {SMS: Why(waits=True)}
    shop.campaigns.cancel(campaign.campaign_id)
    never = why(shop).explain(campaign.campaign_id, waits)[SMS]
    assert never == Why()
    assert never.line("da") == "Det blev aldrig deres tur."


def test_what_was_sent_is_told_by_each_channel(shop: CampaignShop) -> None:
    campaign = shop.begin(shop.scheduled(channels=(EMAIL, SMS), sms_after=timedelta(hours=24)))
    somebody = shop.listed(campaign, EMAIL)[0][0]
    key = chunk_key(RunKey(shop.club.club_id, campaign.campaign_id, EMAIL), 0)
    sent = Result(key, 0, somebody, DeliveryState.SENT, shop.clock.now())
    assert Results(shop.client, MESSAGES, shop.club.club_id).record(sent)
    found = why(shop).explain(campaign.campaign_id, somebody)
    assert (found[EMAIL].result, found[SMS]) == (sent, Why(waits=True))
    assert found[EMAIL].line("nb") == "Sendt."


def test_a_campaign_that_there_is_none_of_is_unknown(shop: CampaignShop) -> None:
    with pytest.raises(Refusal) as refusal:
        why(shop).explain("k0", "silent")
    assert refusal.value.code == "unknown_campaign"


@pytest.mark.parametrize("language", ["da", "nb", "en"])
def test_every_reason_and_every_end_has_a_sentence(language: str) -> None:
    for reason in LeftOut:
        assert Why(left_out=reason).line(language)
    key = chunk_key(RunKey("c1", "k1", SMS), 0)
    for state in DeliveryState:
        sent = Result(key, 0, "m1", state, MONDAY)
        assert Why(sent).line(language)
