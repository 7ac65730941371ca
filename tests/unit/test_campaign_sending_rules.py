"""The rules of sending a campaign: how often somebody is written to, how fast, by which links; what is counted."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stamkunde.campaigns.model.capping import LATELY, MOST_IN_A_MONTH, Sent, is_enough
from stamkunde.campaigns.model.left_out import LeftOut
from stamkunde.campaigns.model.pacing import Pace, Slot
from stamkunde.campaigns.model.stop_token import (
    MOST_IN_A_RUN,
    MOST_NUMBERS,
    SAMPLE_TOKEN,
    TOKEN_LETTERS,
    is_genuine,
    link_of,
    read_token,
    token_of,
)
from stamkunde.campaigns.model.tally import Handled, Outcome, Tally, read_counters, tally_of
from stamkunde.campaigns.runs import LEAST_LANES, MOST_LANES, lanes_at
from stamkunde.shared.errors import Refusal
from stamkunde.shared.signing import SigningKey
from tests.factories import NOON

KEYS = (SigningKey(2, b"n" * 32), SigningKey(1, b"o" * 32))
LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
NUMBERS = st.integers(0, MOST_NUMBERS - 1)
INDEXES = st.integers(0, MOST_IN_A_RUN)


def sent(campaign_id: str, hours_ago: float, plan_id: str | None = None) -> Sent:
    return Sent(campaign_id, NOON - timedelta(hours=hours_ago), plan_id)


def test_one_message_in_twenty_hours_is_enough() -> None:
    assert is_enough([sent("k1", 19.99)], "k2", None, NOON)
    assert not is_enough([sent("k1", 20)], "k2", None, NOON)
    assert timedelta(hours=20) == LATELY


def test_four_messages_in_thirty_days_are_enough() -> None:
    month = [sent(f"k{number}", 24 * number + 24) for number in range(MOST_IN_A_MONTH)]
    assert is_enough(month, "k9", None, NOON)
    assert not is_enough(month[1:], "k9", None, NOON)
    assert not is_enough([*month[1:], sent("k8", 30 * 24)], "k9", None, NOON)


def test_a_plans_messages_count_as_one_and_there_are_three_at_most() -> None:
    plan = [sent("k1", 2, "b1"), sent("k2", 1, "b1")]
    assert not is_enough(plan, "k3", "b1", NOON)
    assert is_enough([*plan, sent("k3", 0.5, "b1")], "k4", "b1", NOON)
    assert is_enough(plan, "k3", "b2", NOON), "another plan is another message"
    assert is_enough(plan, "k3", None, NOON)
    month = [sent(f"k{number}", 24 * number + 24, "b1") for number in range(3)]
    others = [sent(f"k9{number}", 24 * number + 48) for number in range(2)]
    assert not is_enough([*month, *others], "k7", None, NOON), "they are three, and not five"


def test_what_was_claimed_for_the_campaign_itself_is_no_earlier_message() -> None:
    assert not is_enough([sent("k1", 0)], "k1", None, NOON)


@given(NUMBERS, INDEXES)
def test_a_token_says_again_what_it_was_made_of(number: int, index: int) -> None:
    text = token_of(KEYS, number, index)
    token = read_token(text)
    assert len(text) == TOKEN_LETTERS == len(SAMPLE_TOKEN)
    assert token is not None
    assert (token.number, token.index) == (number, index)
    assert is_genuine(KEYS, token)
    assert is_genuine((SigningKey(3, b"x" * 32), KEYS[0]), token), "of two keys either counts"
    assert not is_genuine((SigningKey(3, b"x" * 32),), token)


@given(NUMBERS, INDEXES, st.integers(0, TOKEN_LETTERS - 1), st.sampled_from(LETTERS))
def test_a_token_with_another_letter_is_nobodys(number: int, index: int, place: int, letter: str) -> None:
    text = token_of(KEYS, number, index)
    forged = text[:place] + letter + text[place + 1 :]
    token = read_token(forged)
    assert forged == text or token is None or not is_genuine(KEYS, token)


@pytest.mark.parametrize("text", ["", "x" * 11, "x" * 13, "x" * 11 + "-", "æ" * 12, "z" * 12])
def test_what_is_no_token_is_none(text: str) -> None:
    assert read_token(text) is None


@pytest.mark.parametrize(("number", "index"), [(-1, 0), (MOST_NUMBERS, 0), (0, -1), (0, MOST_IN_A_RUN + 1)])
def test_a_token_has_no_room_for_more(number: int, index: int) -> None:
    with pytest.raises(ValueError, match="room"):
        token_of(KEYS, number, index)


def test_a_link_costs_twenty_letters_with_a_short_domain() -> None:
    assert len(link_of("k.dk", SAMPLE_TOKEN)) == 17
    whole = "https://" + link_of("k.dk", SAMPLE_TOKEN)
    assert len(whole) == 25


@given(st.integers(1, 10_000), st.integers(1, 120))
def test_a_pace_is_never_exceeded_by_rounding(quota: int, parts: int) -> None:
    pace = Pace(quota)
    assert pace.lasts(parts).total_seconds() * pace.per_second >= parts - 1e-6 * pace.per_second
    assert pace.parts_in(pace.lasts(parts)) >= parts - 1
    assert Slot(NOON, pace).instant_of(0) == NOON


@pytest.mark.parametrize("quota", [0, -1])
def test_a_pace_of_nothing_is_refused(quota: float) -> None:
    with pytest.raises(Refusal):
        Pace(quota)


@pytest.mark.parametrize(
    ("rate", "chunks", "lanes"), [(20, 500, 2), (100, 500, 10), (500, 5_000, 50), (2_000, 5_000, 50), (20, 1, 1)]
)
def test_the_window_is_ten_seconds_of_what_the_gateway_takes(rate: float, chunks: int, lanes: int) -> None:
    assert lanes_at(rate, chunks) == lanes
    assert LEAST_LANES <= lanes <= MOST_LANES or chunks == 1


HANDLED = st.one_of(
    st.builds(Handled, outcome=st.sampled_from(Outcome), parts=st.integers(0, 6), price=st.integers(0, 300)),
    st.builds(Handled, left_out=st.sampled_from(LeftOut)),
)


@given(st.lists(HANDLED), st.lists(HANDLED))
def test_a_tally_is_the_sum_of_its_parts_and_survives_its_row(one: list[Handled], other: list[Handled]) -> None:
    whole = tally_of([*one, *other])
    assert whole.handled == len(one) + len(other)
    assert (tally_of(one) + tally_of(other)).counters() == whole.counters()
    assert (whole - tally_of(other)).counters() == tally_of(one).counters()
    assert read_counters(whole.counters()).counters() == whole.counters()
    assert not Tally().counters()
