"""Which gateway may carry a campaign, and what a gateway carries along."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stamkunde.campaigns.model.gateway_choice import MOST_WITHOUT_EVENTS, SmsGateway, may_carry, needs_events
from stamkunde.gateways.reference import CampaignReference, MessageReference, read_reference
from stamkunde.shared.ids import new_id

SES_TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")
IDS = st.text("0123456789abcdefghjkmnpqrstvwxyz", min_size=1, max_size=17)


@pytest.mark.parametrize("gateway", SmsGateway)
@pytest.mark.parametrize("recipients", [1, MOST_WITHOUT_EVENTS, MOST_WITHOUT_EVENTS + 1, 50_000])
def test_more_than_two_hundred_on_aws_need_a_gateway_that_reports(gateway: SmsGateway, recipients: int) -> None:
    assert needs_events(recipients) is (recipients > 200)
    assert may_carry(gateway, recipients, is_local=False) is (gateway is not SmsGateway.SNS or recipients <= 200)
    assert may_carry(gateway, recipients, is_local=True)


@given(IDS, IDS, st.sampled_from(["s0", "e12", "s500"]), st.integers(0, 99))
def test_a_reference_comes_back_as_it_was_and_fits_every_gateway(
    club: str, campaign: str, chunk: str, index: int
) -> None:
    reference = CampaignReference(club, campaign, chunk, index)
    assert read_reference(reference.text) == reference
    assert SES_TAG.fullmatch(reference.text)
    message = MessageReference(club, campaign)
    assert read_reference(message.text) == message
    assert SES_TAG.fullmatch(message.text)


def test_a_reference_of_the_longest_ids_fits_in_sixty_four_letters() -> None:
    assert len(CampaignReference(new_id("c"), new_id("k"), "s10485", 99).text) <= 64


@pytest.mark.parametrize(
    "text", [None, 7, "", "a", "a_b_c", "a_b_s1_x", "a_b_s1_2_3", "A_b", "a_b_s1_99999", "æ_b", "a_b\n"]
)
def test_what_is_not_ours_is_no_reference(text: object) -> None:
    assert read_reference(text) is None
