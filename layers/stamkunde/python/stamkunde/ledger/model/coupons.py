"""Coupons: what an offer gives, to whom, when, and how often (features 15, 21)."""

import hashlib
import re
from collections.abc import Collection
from copy import replace
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from stamkunde.shared.errors import Refusal
from stamkunde.shared.ids import new_id
from stamkunde.shared.programme import ALWAYS, EVERYTHING, FULL_RATE, Hours, Selection

NOTICE_OF_NEW_VERSIONS = timedelta(minutes=2)
"""A new version starts at least this much later, so every warm Lambda knows it in time."""

LONGEST_COUPON = timedelta(days=366 * 5)
LARGEST_AMOUNT = 100_000_000
LONGEST_NAME = 40
MOST_USES = 1_000
MOST_TOTAL = 1_000_000
MOST_SURPRISES = 1_000
MOST_VERSIONS = 50
MOST_SELECTED = 200
LONGEST_ITEM = 40

CODE_LETTERS = 12
"""60 random bits: a million codes are open, and a thousand tries a second hit one in 36 years; a till's key is needed
for each."""

_COUPON_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,28}[a-z0-9])?")
_MISTAKEN_LETTERS = str.maketrans("oil", "011", " -.")


class BenefitKind(StrEnum):
    """What a coupon gives."""

    FREE_ITEM = "free_item"
    AMOUNT_OFF = "amount_off"
    PERCENT_OFF = "percent_off"


class CouponAudience(StrEnum):
    """Who may use a coupon."""

    EVERY_MEMBER = "every_member"
    VOUCHER = "voucher"
    """Only members who were handed a voucher for it."""

    CODE = "code"
    """Whoever has one of its single-use codes, member or not."""


class Coupon(Struct, frozen=True):
    """An offer with conditions and limits; a change is a new version that starts at least two minutes ahead.

    Parameters
    ----------
    coupon_id, name
        A short name such as ``fastelavn``, and the one that people read.
    benefit, value
        What it gives: one unit of `items` free (no value), minor units off, or basis points off `items`.
    items
        The goods it is about.
    required_items
        Goods one of which must be on the receipt too, if any.
    minimum_amount
        What the receipt's lines must sum to.
    valid_from, valid_until
        Instants in UTC, the end exclusive.
    uses_per_member
        None is without limit; 1 is the usual (feature 15).
    total
        Uses of all together, such as 40 bags; None is without limit.
    surprise_limit
        Vouchers staff may hand out for it on one day of the club's; 0 is none.
    own_range, cost
        For the accountant (R28): whether the goods are the shop's own, and what one costs the shop excl. VAT.
    """

    coupon_id: str
    version: int
    name: str
    benefit: BenefitKind
    value: int
    valid_from: datetime
    valid_until: datetime
    items: Selection = EVERYTHING
    required_items: Selection | None = None
    minimum_amount: int = 0
    hours: Hours = ALWAYS
    outlets: tuple[str, ...] = ()
    audience: CouponAudience = CouponAudience.EVERY_MEMBER
    uses_per_member: int | None = 1
    total: int | None = None
    surprise_limit: int = 0
    own_range: bool = True
    cost: int | None = None

    def in_time(self, at: datetime, time_zone: str) -> bool:
        """Whether it can be used at an instant: in its window, and in its hours."""
        return self.valid_from <= at < self.valid_until and self.hours.hold(at, time_zone)


class FoundCode(Struct, frozen=True):
    """A poster's single-use code as it was found."""

    coupon_id: str
    code_hash: str
    used: bool


class CouponHistory(Struct, frozen=True):
    """A coupon with all its versions, oldest first; never empty."""

    versions: tuple[Coupon, ...]

    @property
    def newest(self) -> Coupon:
        """The version published last."""
        return self.versions[-1]

    @property
    def over_at(self) -> datetime:
        """The instant from which no version of it is valid."""
        return max(version.valid_until for version in self.versions)

    def at(self, instant: datetime) -> Coupon:
        """The version that counts at an instant: the one that began last; the first for anything older."""
        begun = [version for version in self.versions if version.valid_from <= instant]
        return max(begun or self.versions[:1], key=lambda version: (version.valid_from, version.version))


def next_version(
    before: CouponHistory | None, wish: Coupon, outlet_ids: Collection[str], now: datetime
) -> CouponHistory:
    """A coupon with one version more, as somebody wishes it; its number is ours.

    Raises
    ------
    Refusal
        ``invalid_field`` with a pointer; ``version_starts_too_soon``: within the two minutes that warm Lambdas may
        still know the old versions, or before the newest one, which would overtake it without a word.
    """
    versions = before.versions if before else ()
    check_coupon(wish, outlet_ids)
    if len(versions) >= MOST_VERSIONS:
        raise _wrong(f"1-{MOST_VERSIONS} versions", "/coupon_id")
    if versions and wish.audience is not versions[-1].audience:
        # A code or a voucher that somebody has in hand would turn into nothing.
        raise _wrong(versions[-1].audience.value, "/audience")
    if versions and (wish.total is None) is not (versions[-1].total is None):
        # Nobody has counted what was used while there was no total.
        raise _wrong("total", "/total")
    earliest = now + NOTICE_OF_NEW_VERSIONS
    if wish.valid_from < max([earliest, *(version.valid_from for version in versions)]):
        seconds = int(NOTICE_OF_NEW_VERSIONS.total_seconds())
        raise Refusal("version_starts_too_soon", {"seconds": seconds}, "/valid_from")
    return CouponHistory((*versions, replace(wish, version=len(versions) + 1)))


def check_coupon(wish: Coupon, outlet_ids: Collection[str]) -> None:
    """See that a coupon makes sense.

    Raises
    ------
    Refusal
        ``invalid_field`` with a pointer to what doesn't.
    """
    if not _COUPON_ID.fullmatch(wish.coupon_id):
        raise _wrong("a-z 0-9 -", "/coupon_id")
    if not 0 < len(wish.name.strip()) <= LONGEST_NAME or not wish.name.isprintable():
        raise _wrong(f"1-{LONGEST_NAME}", "/name")
    _check_value(wish)
    _check_selection(wish.items, "/items")
    if wish.required_items is not None:
        _check_selection(wish.required_items, "/required_items")
    _check_range(wish.minimum_amount, 0, LARGEST_AMOUNT, "/minimum_amount")
    if not wish.valid_from < wish.valid_until <= wish.valid_from + LONGEST_COUPON:
        raise _wrong("valid_from < valid_until", "/valid_until")
    if len(set(wish.hours.weekdays)) != len(wish.hours.weekdays) or not set(wish.hours.weekdays) <= set(range(1, 8)):
        raise _wrong("1-7", "/hours/weekdays")
    for place, outlet_id in enumerate(wish.outlets):
        if outlet_id not in outlet_ids:
            raise Refusal("unknown_outlet", pointer=f"/outlets/{place}")
    _check_limits(wish)


def _check_value(wish: Coupon) -> None:
    if wish.benefit is BenefitKind.FREE_ITEM:
        if wish.value:
            raise _wrong("0", "/value")
        if wish.items.is_everything:
            # "Anything free" is nearly always a forgotten list.
            raise _wrong("item_numbers, item_groups", "/items")
    elif wish.benefit is BenefitKind.PERCENT_OFF:
        _check_range(wish.value, 1, FULL_RATE, "/value")
    else:
        _check_range(wish.value, 1, LARGEST_AMOUNT, "/value")


def _check_limits(wish: Coupon) -> None:
    if wish.uses_per_member is not None:
        _check_range(wish.uses_per_member, 1, MOST_USES, "/uses_per_member")
    if wish.total is not None:
        _check_range(wish.total, 1, MOST_TOTAL, "/total")
    if wish.surprise_limit and wish.audience is not CouponAudience.VOUCHER:
        raise _wrong("audience voucher", "/surprise_limit")
    _check_range(wish.surprise_limit, 0, MOST_SURPRISES, "/surprise_limit")
    if wish.cost is not None:
        _check_range(wish.cost, 0, LARGEST_AMOUNT, "/cost")


def _check_selection(selection: Selection, pointer: str) -> None:
    named = (*selection.item_numbers, *selection.item_groups)
    if len(named) > MOST_SELECTED or any(not 0 < len(each) <= LONGEST_ITEM for each in named):
        raise _wrong(f"0-{MOST_SELECTED} x 1-{LONGEST_ITEM}", pointer)


def _check_range(value: int, least: int, most: int, pointer: str) -> None:
    if not least <= value <= most:
        raise _wrong(f"{least}-{most}", pointer)


def _wrong(expected: str, pointer: str) -> Refusal:
    return Refusal("invalid_field", {"expected": expected}, pointer)


def new_code() -> str:
    """A code for a poster, such as ``7k2q-9x0c-4b8n``: no letter in it is mistaken for another."""
    letters = new_id("", CODE_LETTERS)
    return "-".join(letters[start : start + 4] for start in range(0, CODE_LETTERS, 4))


def hash_code(typed: str) -> str | None:
    """SHA-256 of a code, however it was typed; None for what can't be one.

    A plain hash is enough for 60 random bits that are worth a bun each.
    """
    code = typed.lower().translate(_MISTAKEN_LETTERS)
    if len(code) != CODE_LETTERS or not code.isascii() or not code.isalnum():
        return None
    return hashlib.sha256(code.encode()).hexdigest()
