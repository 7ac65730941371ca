"""Coupons as they are published, their versions, and codes for posters."""

from __future__ import annotations

from copy import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stamkunde.ledger.model.coupons import (
    CODE_LETTERS,
    MOST_VERSIONS,
    BenefitKind,
    Coupon,
    CouponAudience,
    CouponHistory,
    hash_code,
    new_code,
    next_version,
)
from stamkunde.shared.errors import Refusal
from stamkunde.shared.programme import Selection
from tests.factories import NOON

MINUTE = timedelta(minutes=1)
OUTLETS = ("banegaarden",)


def make_coupon(**given: Any) -> Coupon:
    standard: dict[str, Any] = {
        "coupon_id": "fastelavn",
        "version": 1,
        "name": "Gratis bolle",
        "benefit": BenefitKind.FREE_ITEM,
        "value": 0,
        "valid_from": NOON + 2 * MINUTE,
        "valid_until": NOON + timedelta(days=7),
        "items": Selection(("5701001000099",)),
    }
    return Coupon(**(standard | given))


def refused(wish: Coupon, before: CouponHistory | None = None) -> tuple[str, str | None]:
    with pytest.raises(Refusal) as found:
        next_version(before, wish, OUTLETS, NOON)
    return found.value.code, found.value.pointer


def test_a_version_starts_two_minutes_ahead_and_not_a_second_sooner() -> None:
    history = next_version(None, make_coupon(), OUTLETS, NOON)
    assert history.newest.version == 1
    early = make_coupon(valid_from=NOON + 2 * MINUTE - timedelta(milliseconds=1))
    assert refused(early) == ("version_starts_too_soon", "/valid_from")


def test_a_version_never_overtakes_the_one_before_it() -> None:
    history = next_version(None, make_coupon(valid_from=NOON + timedelta(days=1)), OUTLETS, NOON)
    assert refused(make_coupon(), history) == ("version_starts_too_soon", "/valid_from")
    again = next_version(history, make_coupon(valid_from=NOON + timedelta(days=1), name="Ny"), OUTLETS, NOON)
    assert again.at(NOON + timedelta(days=1)).name == "Ny"


def test_each_instant_has_the_version_that_began_last() -> None:
    first = make_coupon()
    history = CouponHistory((first, replace(first, version=2, valid_from=first.valid_from + timedelta(days=1))))
    for after, version in ((-1, 1), (0, 1), (1, 2), (9, 2)):
        assert history.at(first.valid_from + timedelta(days=after)).version == version
    assert history.over_at == first.valid_until


def test_a_coupon_is_over_when_its_longest_version_is() -> None:
    first = make_coupon()
    shorter = replace(
        first, version=2, valid_from=first.valid_from + MINUTE, valid_until=first.valid_from + 2 * MINUTE
    )
    assert CouponHistory((first, shorter)).over_at == first.valid_until


def test_what_people_have_in_hand_or_what_was_counted_cannot_be_turned_into_something_else() -> None:
    history = next_version(None, make_coupon(), OUTLETS, NOON)
    assert refused(make_coupon(audience=CouponAudience.CODE), history) == ("invalid_field", "/audience")
    assert refused(make_coupon(total=40), history) == ("invalid_field", "/total")
    limited = next_version(None, make_coupon(total=40), OUTLETS, NOON)
    assert refused(make_coupon(), limited) == ("invalid_field", "/total")
    assert next_version(limited, make_coupon(total=60), OUTLETS, NOON).newest.total == 60


def test_a_coupon_has_so_many_versions_and_no_more() -> None:
    history = CouponHistory(tuple(make_coupon(version=number + 1) for number in range(MOST_VERSIONS)))
    assert refused(make_coupon(), history) == ("invalid_field", "/coupon_id")


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"coupon_id": "#"}, "/coupon_id"),
        ({"name": ""}, "/name"),
        ({"name": "Bolle\n"}, "/name"),
        ({"items": Selection()}, "/items"),
        ({"items": Selection(("",))}, "/items"),
        ({"required_items": Selection(item_groups=("x" * 41,))}, "/required_items"),
        ({"benefit": BenefitKind.PERCENT_OFF, "value": 0}, "/value"),
        ({"benefit": BenefitKind.PERCENT_OFF, "value": 10_001}, "/value"),
        ({"minimum_amount": -1}, "/minimum_amount"),
        ({"valid_until": NOON + 2 * MINUTE}, "/valid_until"),
        ({"valid_until": NOON + timedelta(days=366 * 6)}, "/valid_until"),
        ({"cost": -1}, "/cost"),
        ({"audience": CouponAudience.VOUCHER, "surprise_limit": -1}, "/surprise_limit"),
        ({"outlets": ("trojborg",)}, "/outlets/0"),
    ],
)
def test_a_coupon_that_makes_no_sense_is_refused_where_it_does_not(wrong: dict[str, Any], pointer: str) -> None:
    assert refused(make_coupon(**wrong))[1] == pointer


def test_a_coupon_is_read_as_it_was_written() -> None:
    coupon = make_coupon(outlets=OUTLETS, required_items=Selection(item_groups=("kage",)), total=40, cost=900)
    assert msgspec.convert(msgspec.to_builtins(coupon), Coupon) == coupon


def test_a_code_is_the_same_however_it_is_typed() -> None:
    code = "0o1i-1l7k-2q9x".replace("o", "0").replace("i", "1").replace("l", "1")
    assert hash_code(code) == hash_code(code.upper()) == hash_code(code.replace("-", " "))
    assert hash_code("OO1I 117K 2Q9X") == hash_code("0011-117k-2q9x")
    assert hash_code("0011-117k-2q9y") != hash_code("0011-117k-2q9x")


@given(st.text(max_size=30))
def test_whatever_is_typed_is_a_code_or_is_none(typed: str) -> None:
    found = hash_code(typed)
    assert found is None or (len(found) == 64 and len(typed) >= CODE_LETTERS)


def test_codes_are_never_the_same_and_easy_to_read() -> None:
    codes = {new_code() for _ in range(1_000)}
    assert len(codes) == 1_000
    assert not set("".join(codes)) & set("ilou")
    assert {len(code) for code in codes} == {CODE_LETTERS + 2}
