"""What is seen before sending: each member's own parts and price, and why others get nothing."""

from __future__ import annotations

import time
from copy import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stamkunde.campaigns.club_values import club_values, member_values, sample_link, text_facts
from stamkunde.campaigns.model.criteria import LastPurchase, Outlet
from stamkunde.campaigns.model.facts import MemberFacts, Standing
from stamkunde.campaigns.model.holdout import is_held_out
from stamkunde.campaigns.model.left_out import LeftOut
from stamkunde.campaigns.model.preview import CampaignPreview
from stamkunde.campaigns.model.rendering import render_sms
from stamkunde.shared.channel import Channel
from stamkunde.shared.errors import Refusal
from tests.campaign_shop import DOMAINS, ROLLS, TODAY, CampaignShop, member

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

BOTH = (Channel.EMAIL, Channel.SMS)
A_DAY = timedelta(days=1)
MANY = 50_000
SECONDS_FOR_MANY = 8.0
"""Of processor time: whoever presses the button waits for it."""


@pytest.fixture
def shop(dynamodb: DynamoDBClient) -> CampaignShop:
    return CampaignShop(dynamodb)


def preview(shop: CampaignShop, **given: Any) -> CampaignPreview:
    return shop.campaigns.preview(shop.campaigns.draft(shop.wish(**given), "anna").campaign_id)


def test_everybody_is_counted_with_their_own_name(shop: CampaignShop) -> None:
    shop.keep([member("m1"), member("m2", first_name="Zoë"), member("m3", first_name="Łukasz")])
    text = replace(ROLLS, sms="{Klub}: Hej {Fornavn}! Kom forbi, og smag vores nye rugbrød. Afmeld: {Stop}")
    seen = preview(shop, texts={"da": text})
    sms = seen.reckoned.by_channel[Channel.SMS]
    assert sms.by_parts == {1: 1, 2: 2}
    assert (seen.pin.members, seen.pin.parts, seen.pin.price) == (3, 5, 5 * 48)
    assert seen.sms.histogram == sms.by_parts
    assert {character for character, _ in seen.sms.costly} == {"ë", "Ł"}


LEFT_OUT_BY_SMS = [
    ({"sms_until": None}, LeftOut.NO_PERMISSION),
    ({"sms_until": TODAY}, LeftOut.NO_PERMISSION),
    ({"stopped": (Channel.SMS,), "sms_until": None}, LeftOut.STOPPED),
    ({"standing": Standing.OPEN}, LeftOut.TERMS_NOT_ACCEPTED),
    ({"leaving": True}, LeftOut.LEAVING),
    ({"country": "US"}, LeftOut.COUNTRY),
]


@pytest.mark.parametrize(("known", "reason"), LEFT_OUT_BY_SMS)
def test_whoever_gets_nothing_is_counted_with_the_reason_and_named(
    shop: CampaignShop, known: dict[str, Any], reason: LeftOut
) -> None:
    shop.keep([member("m1"), member("m2", **known)])
    sms = preview(shop).reckoned.by_channel[Channel.SMS]
    assert (sms.members, sms.left_out, sms.samples) == (1, {reason: 1}, {reason: ["m2"]})


def test_of_those_who_share_an_address_one_gets_the_mail(shop: CampaignShop) -> None:
    shop.keep([member("m1", email_hash="same"), member("m2", email_hash="same"), member("m3")])
    mail = preview(shop, channels=(Channel.EMAIL,)).reckoned.by_channel[Channel.EMAIL]
    assert (mail.members, mail.left_out) == (2, {LeftOut.SAME_ADDRESS: 1})


def test_an_address_that_nobody_confirmed_gets_no_mail_and_a_text_message_at_once(shop: CampaignShop) -> None:
    shop.keep([member("m1"), member("m2", email_confirmed=False, email_hash=None)])
    seen = preview(shop, channels=BOTH, sms_after=A_DAY)
    mail, sms = (seen.reckoned.by_channel[channel] for channel in BOTH)
    assert (mail.members, mail.left_out) == (1, {LeftOut.NO_ADDRESS: 1})
    assert (sms.members, sms.later) == (2, 1)


def test_what_is_saved_by_the_mail_that_goes_first_is_shown(shop: CampaignShop) -> None:
    shop.keep([member("m1"), member("m2"), member("m3", email_until=None)])
    seen = preview(shop, channels=BOTH, sms_after=A_DAY)
    assert (seen.pin.price, seen.most_saved) == (3 * 48, 2 * 48)
    assert seen.pin.members == 3
    assert preview(shop, channels=BOTH).most_saved == 0


def test_a_text_that_is_too_long_with_somebodys_name_leaves_them_out(shop: CampaignShop) -> None:
    shop.keep([member("m1"), member("m2", first_name="Ž" * 30)])
    long = replace(ROLLS, sms="{Klub}: {Fornavn} " + "rugbrød " * 60 + "Afmeld: {Stop}")
    sms = preview(shop, texts={"da": long}).reckoned.by_channel[Channel.SMS]
    assert (sms.members, sms.left_out) == (1, {LeftOut.TOO_LONG: 1})


def test_whoever_is_held_out_gets_nothing_by_either_channel(shop: CampaignShop) -> None:
    members = [member(f"m{number}") for number in range(200)]
    shop.keep(members)
    draft = shop.campaigns.draft(shop.wish(channels=BOTH, holdout_bp=2_500), "anna")
    seen = shop.campaigns.preview(draft.campaign_id)
    drawn = {
        each.member_id
        for each in members
        if is_held_out(shop.club.address_key, draft.campaign_id, each.member_id, 2_500)
    }
    assert 20 < len(drawn) < 90
    for channel in BOTH:
        total = seen.reckoned.by_channel[channel]
        assert (total.members, total.left_out) == (200 - len(drawn), {LeftOut.HOLDOUT: len(drawn)})


def test_whose_purchases_may_not_be_looked_at_is_left_out_of_what_they_would_choose(shop: CampaignShop) -> None:
    shop.keep([member("m1")])
    seen = preview(shop, criteria=LastPurchase(at_least_days=30))
    assert seen.reckoned.by_channel[Channel.SMS].left_out == {LeftOut.PURCHASES_NOT_ALLOWED: 1}
    assert (seen.reckoned.looked_at, seen.pin.members) == (1, 0)


def test_a_segment_looks_for_nobody_else(shop: CampaignShop) -> None:
    shop.keep([member("m1", outlet="torvet"), member("m2", outlet="havnen")])
    seen = preview(shop, criteria=Outlet(("torvet",)))
    assert (seen.reckoned.looked_at, seen.pin.members) == (1, 1)


def test_everybody_reads_their_own_language(shop: CampaignShop) -> None:
    shop.keep([member("m1"), member("m2", language="en")])
    english = replace(
        ROLLS, language="en", sms="{Club}: Hi {FirstName}! New rye bread 🍞. Unsubscribe: {Stop}", body="", subject=""
    )
    seen = preview(shop, texts={"da": replace(ROLLS, body="", subject=""), "en": english})
    assert seen.sms.ucs2 == 1


def test_before_anything_is_known_of_members_that_nobody_is_chosen_means_nothing(shop: CampaignShop) -> None:
    with pytest.raises(Refusal) as refusal:
        preview(shop)
    assert refusal.value.code == "facts_not_made"


def test_a_number_abroad_is_reckoned_at_our_own_price_and_told(shop: CampaignShop) -> None:
    shop.keep([member("m1"), member("m2", country="SE")])
    seen = preview(shop)
    assert (seen.pin.price, seen.reckoned.by_channel[Channel.SMS].unpriced) == (2 * 48, 1)
    assert seen.sms.unpriced == {"SE": 1}


def test_another_member_is_another_audience_and_the_same_ones_are_the_same(shop: CampaignShop) -> None:
    shop.keep([member("m1"), member("m2")])
    draft = shop.campaigns.draft(shop.wish(), "anna")
    first, again = (shop.campaigns.preview(draft.campaign_id) for _ in range(2))
    assert first.seal == again.seal
    shop.keep([member("m2", sms_until=None), member("m3")])
    assert shop.campaigns.preview(draft.campaign_id).seal != first.seal


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=25)
WORDS = st.lists(
    st.sampled_from(
        ["{Klub}", "{Fornavn|kunde}", "{Bonus|0 kr.}", "{Stempler}", "rugbrød", "€", "🎃", "–", "“", "ë", " "]
    ),
    max_size=30,
).map(" ".join)


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=WORDS, name=st.none() | NAMES, bonus=st.integers(0, 10**6), stamps=st.integers(0, 9))
def test_the_preview_of_a_member_is_what_is_written_to_them(
    shop: CampaignShop, words: str, name: str | None, bonus: int, stamps: int
) -> None:
    text = replace(ROLLS, sms=f"{{Klub}}: {words} Afmeld: {{Stop}}", stamp_programme_id="kort")
    campaign = replace(_campaign(shop), texts={"da": text})
    facts: MemberFacts = member("m1", first_name=name, bonus=bonus, stamps={"kort": (stamps, 10)})
    decided = shop.campaigns.scene.deciding(campaign, shop.clock.now()).decide(facts)
    link = sample_link(DOMAINS)
    told = text_facts(name, bonus, {"kort": (stamps, 10)}, text)
    written = render_sms(text, club_values(shop.club, DOMAINS, campaign, "da"), member_values(shop.club, told, link))
    share = decided.shares.get(Channel.SMS)
    if written.fault is not None:
        assert decided.by_channel[Channel.SMS] is LeftOut.TOO_LONG
    else:
        assert share is not None
        assert (share.parts, share.price) == (written.count.parts, written.count.parts * 48)


def _campaign(shop: CampaignShop) -> Any:
    if not shop.campaigns.lines():
        shop.campaigns.draft(shop.wish(), "anna")
    return shop.store.find(shop.campaigns.lines()[0].campaign_id)


def test_fifty_thousand_members_are_counted_while_somebody_waits(shop: CampaignShop) -> None:
    names = ["Anna", "Søren", "Zoë", "François", "Mette", "Łukasz", "Bo", "Christopher"]
    shop.keep(member(f"m{number:016}", first_name=names[number % 8], bonus=number) for number in range(MANY))
    text = replace(ROLLS, sms="{Klub}: Hej {Fornavn}! Din bonus: {Bonus|ingen}. Afmeld: {Stop}")
    draft = shop.campaigns.draft(shop.wish(texts={"da": text}), "anna")
    began = time.process_time()
    seen = shop.campaigns.preview(draft.campaign_id)
    took = time.process_time() - began
    assert (seen.pin.members, sum(seen.sms.histogram.values())) == (MANY, MANY)
    assert took < SECONDS_FOR_MANY, f"{took:.1f} s"
