"""What is known of a message on its way, however reports arrive."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stamkunde.messaging.model import DeliveryState

FINALS = {DeliveryState.DELIVERED, DeliveryState.FAILED, DeliveryState.EXPIRED}
ON_THE_WAY = (
    DeliveryState.PENDING,
    DeliveryState.CLAIMED,
    DeliveryState.UNKNOWN,
    DeliveryState.NOT_ACCEPTED,
    DeliveryState.SENT,
)
STATES = st.sampled_from(DeliveryState)


@pytest.mark.parametrize(("earlier", "later"), list(product(DeliveryState, repeat=2)))
def test_a_delivery_state_only_moves_right(earlier: DeliveryState, later: DeliveryState) -> None:
    order = {state: place for place, state in enumerate(ON_THE_WAY)} | dict.fromkeys(FINALS, len(ON_THE_WAY))
    moves = order[later] > order[earlier]
    assert (earlier in later.replaceable) is moves
    assert later.after(earlier) is (later if moves else earlier)


def test_what_is_final_stays() -> None:
    assert {state for state in DeliveryState if state.is_final} == FINALS
    assert not any(set(state.replaceable) & FINALS for state in DeliveryState)


def test_a_claim_is_won_once() -> None:
    assert DeliveryState.CLAIMED.replaceable == (DeliveryState.PENDING,)
    assert DeliveryState.PENDING.replaceable == ()


@given(st.lists(STATES).flatmap(lambda states: st.tuples(st.just(states), st.permutations(states))))
def test_reports_in_any_order_tell_the_same_until_one_is_final(
    orders: tuple[list[DeliveryState], list[DeliveryState]],
) -> None:
    def told(order: list[DeliveryState]) -> DeliveryState:
        state = DeliveryState.PENDING
        for report in order:
            state = report.after(state)
        return state

    one, other = map(told, orders)
    assert one is other or {one, other} <= FINALS
