"""Seals: only what the club sealed, for this purpose, with a key that still counts, is opened."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stamkunde.clubs.known import KNOWN_FOR_SECONDS
from stamkunde.clubs.model import with_new_signing_key
from stamkunde.shared.errors import Refusal
from stamkunde.shared.signing import SigningKey, derive, in_order_of_use, seal, unseal
from tests.factories import NOON

TWO_MINUTES, ONE_TICK = timedelta(minutes=2), timedelta(milliseconds=1)
KEYS = (SigningKey(2, b"b" * 32), SigningKey(1, b"a" * 32))


@given(st.binary(max_size=300))
def test_what_was_sealed_is_opened_for_the_same_purpose_only(payload: bytes) -> None:
    sealed = seal(KEYS, "join", payload)
    assert unseal(KEYS, "join", sealed) == payload
    assert unseal(KEYS, "open_card", sealed) is None


@given(st.text(max_size=80))
def test_whatever_somebody_makes_up_is_refused(text: str) -> None:
    assert unseal(KEYS, "join", text) is None


@given(st.data())
def test_a_seal_with_one_letter_changed_is_refused(data: st.DataObject) -> None:
    sealed = seal(KEYS, "join", b'{"phone":"+4520123456"}')
    place = data.draw(st.integers(0, len(sealed) - 1))
    other = data.draw(st.sampled_from("ABab01._-€").filter(lambda letter: letter != sealed[place]))
    assert unseal(KEYS, "join", sealed[:place] + other + sealed[place + 1 :]) is None


def test_a_seal_outlives_one_new_key_and_not_two() -> None:
    sealed = seal(KEYS, "join", b"x")
    once = with_new_signing_key(KEYS, b"c" * 32, NOON)
    assert [key.key_id for key in once] == [3, 2]
    assert unseal(once, "join", sealed) == b"x"
    assert unseal(with_new_signing_key(once, b"d" * 32, NOON + TWO_MINUTES), "join", sealed) is None


def test_a_new_key_opens_at_once_and_signs_in_two_minutes_when_every_warm_lambda_knows_it() -> None:
    made = with_new_signing_key(KEYS, b"c" * 32, NOON)
    before, after = (in_order_of_use(made, NOON + TWO_MINUTES - early) for early in (ONE_TICK, timedelta()))
    assert [key.key_id for key in before] == [2, 3]
    assert [key.key_id for key in after] == [3, 2]
    for sealing in (before, after):
        for opening in (before, after):
            assert unseal(opening, "join", seal(sealing, "join", b"x")) == b"x"


def test_a_warm_lambda_with_the_old_keys_is_never_met_by_a_seal_of_the_new_one() -> None:
    just_before_it_is_read_again = NOON + timedelta(seconds=KNOWN_FOR_SECONDS)
    made = with_new_signing_key(KEYS, b"c" * 32, NOON)
    sealed = seal(in_order_of_use(made, just_before_it_is_read_again), "join", b"x")
    assert unseal(KEYS, "join", sealed) == b"x"


def test_no_second_new_key_pushes_out_the_one_that_signs() -> None:
    made = with_new_signing_key(KEYS, b"c" * 32, NOON)
    with pytest.raises(Refusal, match="already_exists"):
        with_new_signing_key(made, b"d" * 32, NOON + TWO_MINUTES - ONE_TICK)


@pytest.mark.parametrize(("one", "other"), [(("a", "bc"), ("ab", "c")), (("a",), ("a", ""))])
def test_what_is_derived_depends_on_where_the_parts_end(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    assert derive(b"k" * 32, "code", *one) != derive(b"k" * 32, "code", *other)
