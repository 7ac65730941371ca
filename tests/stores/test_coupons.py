"""Coupons, codes and vouchers on real tables: used as often as they say, whoever is quicker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import replace
from dataclasses import dataclass, field
from datetime import date, timedelta
from threading import Barrier
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import ReadTimeoutError

from stamkunde.ledger.coupon_service import CouponDesk
from stamkunde.ledger.known_coupons import KNOWN_FOR_SECONDS, ClubCoupons, CouponMemory
from stamkunde.ledger.model.accounts import CouponUse
from stamkunde.ledger.model.coupons import BenefitKind, Coupon, CouponAudience
from stamkunde.ledger.model.entries import EntryKind
from stamkunde.ledger.model.receipts import Basket, Line, Receipt, Redemption, RedemptionKind
from stamkunde.ledger.model.vouchers import VoucherReason
from stamkunde.ledger.notes import NoteKind
from stamkunde.ledger.service import Booked
from stamkunde.ledger.vouchers import Surprise, Vouchers
from stamkunde.shared.clock import FixedClock
from stamkunde.shared.errors import Refusal
from stamkunde.shared.idempotency import WriteKey
from stamkunde.shared.ids import new_id
from stamkunde.shared.programme import Selection
from tests.factories import NOON, POINT
from tests.ledger_checks import assert_ledger_adds_up, every_row, rows
from tests.refund_scene import parked
from tests.shop import Shop
from tests.stores.ledger_machine import LosesAnswers

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

TWO_MINUTES = timedelta(minutes=2)
BUN = "5701001000099"
ROOMS = range(20)


def make_coupon(**given: Any) -> Coupon:
    standard: dict[str, Any] = {
        "coupon_id": "fastelavn",
        "version": 1,
        "name": "Gratis bolle",
        "benefit": BenefitKind.FREE_ITEM,
        "value": 0,
        "valid_from": NOON - timedelta(days=1),
        "valid_until": NOON + timedelta(days=30),
        "items": Selection((BUN,)),
    }
    return Coupon(**(standard | given))


@dataclass
class CouponShop(Shop):
    """A shop whose operator publishes coupons, long enough ago that they count now."""

    names: list[str] = field(default_factory=lambda: ["banegaarden"])

    def desk(self, at: timedelta = -timedelta(days=2)) -> CouponDesk:
        return CouponDesk(self.store.coupons, self.names, FixedClock(self.now() + at), self.patience)

    def publish(self, **given: Any) -> Coupon:
        return self.desk().publish(make_coupon(**given))

    @property
    def vouchers(self) -> Vouchers:
        return Vouchers(self.ledger)

    def using(self, member_id: str | None, *redemptions: Redemption, **given: Any) -> Receipt:
        receipt = self.receipt(member_id or "", 4000, number=given.pop("number", None))
        basket = Basket((Line("5701001000001", 1, 4000), Line(BUN, 2, 5000)), 0, redemptions)
        return replace(receipt, member_id=member_id, basket=basket, **given)

    def use(self, member_id: str | None, *redemptions: Redemption, **given: Any) -> Booked:
        return self.ledger.book(self.using(member_id, *redemptions, **given), self.point)

    def hand_out(self, member_id: str, key: str | None = None, last_day: date | None = None) -> Booked:
        return self.vouchers.hand_out(member_id, "fastelavn", last_day, WriteKey(key or new_id("k"), "0" * 32))

    def surprise(self, member_id: str, till_key: str, **given: Any) -> Booked:
        standard: dict[str, Any] = {
            "member_id": member_id,
            "coupon_id": "kaffe",
            "reason": VoucherReason.WAITING,
            "staff": "Ida",
            "key": WriteKey(till_key, "0" * 32),
        }
        return self.vouchers.surprise(Surprise(**(standard | given)), self.point)


def coupon(name: str = "fastelavn") -> Redemption:
    return Redemption(RedemptionKind.COUPON, name)


def code(typed: str) -> Redemption:
    return Redemption(RedemptionKind.CODE, typed)


@pytest.fixture
def shop(dynamodb: DynamoDBClient) -> CouponShop:
    return CouponShop(dynamodb)


def outcomes(acts: Sequence[Callable[[], Any]]) -> list[Any]:
    """What each act came to when all begin at the same moment: its answer, or the code it is refused with."""
    barrier = Barrier(len(acts))

    def run(act: Callable[[], Any]) -> Any:
        barrier.wait()
        try:
            return act()
        except Refusal as refusal:
            return refusal.code

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def refusals(found: Sequence[Any]) -> list[str]:
    return [each for each in found if isinstance(each, str)]


def test_a_coupon_takes_its_item_off_and_is_used(shop: CouponShop) -> None:
    shop.publish()
    member = shop.new_member()
    purchase = shop.use(member, coupon()).entry.purchase
    assert purchase is not None
    assert (purchase.discount, purchase.to_pay, purchase.earned.base) == (2500, 6500, 6500)
    assert (purchase.benefits[0].title, purchase.benefits[0].free_units) == ("Gratis bolle", ((1, 1),))
    with pytest.raises(Refusal, match="coupon_used"):
        shop.use(member, coupon())
    assert_ledger_adds_up(shop, member)


def test_a_coupon_is_used_once_even_at_twenty_tills(shop: CouponShop) -> None:
    shop.publish()
    member = shop.new_member()
    found = outcomes([lambda: shop.use(member, coupon()) for _ in ROOMS])
    assert refusals(found) == ["coupon_used"] * 19
    assert shop.account(member).uses["fastelavn", member].used == 1


def test_the_same_receipt_with_a_coupon_at_twenty_tills_counts_once(shop: CouponShop) -> None:
    shop.publish(total=40)
    receipt = shop.using(shop.new_member(), coupon())
    found = outcomes([lambda: shop.ledger.book(receipt, shop.point) for _ in ROOMS])
    assert refusals(found) == []
    assert sorted(booked.repeated for booked in found) == [False] + [True] * 19
    assert shop.coupons.store.limit("fastelavn").taken == 1  # type: ignore[union-attr]


def test_the_last_of_forty_bags_is_sold_once(shop: CouponShop) -> None:
    shop.publish(total=3)
    members = [shop.new_member() for _ in range(8)]
    found = outcomes([lambda member=member: shop.use(member, coupon()) for member in members])  # type: ignore[misc]
    assert refusals(found) == ["coupon_sold_out"] * 5
    limit = shop.coupons.store.limit("fastelavn")
    assert limit is not None
    assert (limit.taken, limit.left(3, shop.now())) == (3, 0)


def test_a_quote_tells_that_a_coupon_is_sold_out(shop: CouponShop) -> None:
    shop.publish(total=1)
    shop.use(shop.new_member(), coupon())
    other = shop.new_member()
    receipt = shop.using(other, coupon())
    with pytest.raises(Refusal, match="coupon_sold_out"):
        shop.ledger.quote(receipt.basket, "banegaarden", other, None)


def test_a_code_is_used_once_even_at_two_tills_and_by_nobody_known(shop: CouponShop) -> None:
    shop.publish(audience=CouponAudience.CODE)
    (typed,) = shop.desk().make_codes("fastelavn", 1)
    found = outcomes([lambda: shop.use(None, code(typed)), lambda: shop.use(None, code(typed))])
    assert refusals(found) == ["code_used"]
    (booked,) = (each for each in found if isinstance(each, Booked))
    assert (booked.entry.member_id, booked.entry.purchase.discount) == (None, 2500)  # type: ignore[union-attr]


def test_a_code_stands_nowhere_as_it_is_typed(shop: CouponShop, dynamodb: DynamoDBClient) -> None:
    shop.publish(audience=CouponAudience.CODE)
    typed, other = shop.desk().make_codes("fastelavn", 2)
    shop.use(None, code(typed.upper().replace("-", " ")))
    shop.use(None, code(typed), offline=True)
    everything = str(every_row(dynamodb))
    for each in (typed, other):
        assert each not in everything
        assert each.replace("-", "") not in everything
        assert each.upper().replace("-", " ") not in everything


def test_a_code_nobody_made_is_unknown(shop: CouponShop) -> None:
    shop.publish(audience=CouponAudience.CODE)
    for typed in ("0000-0000-0000", "æøå", ""):
        with pytest.raises(Refusal, match="code_unknown"):
            shop.use(None, code(typed))


def test_what_a_queued_receipt_cannot_use_is_told_and_the_owner_sees_it(shop: CouponShop) -> None:
    shop.publish(total=1)
    shop.publish(coupon_id="rabat", benefit=BenefitKind.AMOUNT_OFF, value=500, items=Selection())
    shop.use(shop.new_member(), coupon())
    member = shop.new_member()
    booked = shop.use(member, coupon(), coupon("rabat"), offline=True).entry
    assert booked.purchase is not None
    assert [(each.name, each.code) for each in booked.purchase.refused] == [("fastelavn", "coupon_sold_out")]
    assert [each.name for each in booked.purchase.benefits] == ["rabat"]
    assert booked.purchase.flags == ("redemption_refused",)
    (note,) = shop.store.notes_of_day(shop.today())
    assert (note.kind, note.code, note.subject) == (NoteKind.REDEMPTION_REFUSED, "coupon_sold_out", "fastelavn")
    assert (note.entry_id, note.member_id) == (booked.entry_id, member)


def test_queued_receipts_that_race_for_the_last_bag_are_all_booked(shop: CouponShop) -> None:
    shop.publish(total=1)
    members = [shop.new_member() for _ in range(6)]
    acts = [lambda member=member: shop.use(member, coupon(), offline=True) for member in members]
    found = outcomes(acts)
    assert refusals(found) == []
    assert sorted(len(each.entry.purchase.benefits) for each in found) == [0, 0, 0, 0, 0, 1]
    assert [note.code for note in shop.store.notes_of_day(shop.today())] == ["coupon_sold_out"] * 5


def test_what_an_ended_hold_held_is_free_for_the_next(shop: CouponShop) -> None:
    published = shop.publish(total=2)
    coupons = shop.store.coupons
    coupons.commit([coupons.hold_write(published, "h1", shop.now() - timedelta(seconds=1))])
    coupons.commit([coupons.hold_write(published, "h2", shop.now() + timedelta(minutes=5))])
    shop.use(shop.new_member(), coupon())
    with pytest.raises(Refusal, match="coupon_sold_out"):
        shop.use(shop.new_member(), coupon())
    limit = coupons.limit("fastelavn")
    assert limit is not None
    assert (limit.taken, set(limit.holds)) == (2, {"h2"})
    coupons.commit([coupons.release_write("fastelavn", "h2")])
    shop.use(shop.new_member(), coupon())


def test_a_hold_that_is_captured_takes_nothing_more(shop: CouponShop) -> None:
    published = shop.publish(total=2)
    coupons = shop.store.coupons
    coupons.commit([coupons.hold_write(published, "h1", shop.now() + timedelta(minutes=5))])
    coupons.commit([coupons.capture_write(published, "h1")])
    limit = coupons.limit("fastelavn")
    assert limit is not None
    assert (limit.taken, limit.holds) == (1, {})
    coupons.commit([coupons.give_back_write("fastelavn")])
    assert coupons.limit("fastelavn").taken == 0  # type: ignore[union-attr]


def test_a_late_receipt_is_judged_by_the_coupon_as_it_was(shop: CouponShop) -> None:
    rebate = {"coupon_id": "rabat", "benefit": BenefitKind.AMOUNT_OFF, "items": Selection(), "uses_per_member": None}
    shop.publish(**rebate, value=500)
    begins = shop.now() + TWO_MINUTES
    shop.desk(timedelta()).publish(
        make_coupon(**rebate, value=800, valid_from=begins, valid_until=begins + timedelta(hours=1))
    )
    before = shop.now()
    shop.wait(timedelta(days=3))
    late = shop.use(shop.new_member(), coupon("rabat"), bought_at=before).entry.purchase
    changed = shop.use(shop.new_member(), coupon("rabat"), bought_at=begins).entry.purchase
    assert late is not None
    assert changed is not None
    assert (late.discount, changed.discount) == (500, 800)
    with pytest.raises(Refusal, match="coupon_not_now"):
        shop.use(shop.new_member(), coupon("rabat"))


def test_coupons_that_are_long_over_are_not_read_and_unknown(shop: CouponShop) -> None:
    shop.publish()
    shop.wait(timedelta(days=60))
    assert shop.coupons.at(shop.now()) == {}
    assert [each.history.newest.coupon_id for each in shop.desk().coupons(over=True)] == ["fastelavn"]
    with pytest.raises(Refusal, match="coupon_unknown"):
        shop.use(shop.new_member(), coupon())


def test_a_version_that_ends_later_moves_the_coupon_in_the_list(shop: CouponShop, dynamodb: DynamoDBClient) -> None:
    shop.publish()
    begins = shop.now() + TWO_MINUTES
    longer = make_coupon(valid_from=begins, valid_until=NOON + timedelta(days=90))
    assert shop.desk(timedelta()).publish(longer).version == 2
    listed = [row for row in rows(dynamodb, "ledger") if row["pk"].startswith("COUPONS#")]
    assert len(listed) == 1
    assert shop.coupons.at(begins)["fastelavn"].version == 2
    assert shop.coupons.at(shop.now())["fastelavn"].version == 1


def test_of_two_versions_published_at_once_one_is_refused(shop: CouponShop) -> None:
    wish = make_coupon(valid_from=NOON + TWO_MINUTES)
    found = outcomes([lambda: shop.desk(timedelta()).publish(wish) for _ in range(4)])
    made = [each.version for each in found if isinstance(each, Coupon)]
    assert sorted(made) == list(range(1, len(made) + 1))
    assert set(refusals(found)) <= {"already_exists"}


def test_a_list_is_kept_for_a_minute_and_less_than_versions_are_published_ahead(shop: CouponShop) -> None:
    second = 0.0
    coupons = ClubCoupons(shop.store.coupons, shop.clock, CouponMemory(lambda: second))
    assert coupons.at(shop.now()) == {}
    shop.publish()
    assert coupons.at(shop.now()) == {}
    second = KNOWN_FOR_SECONDS + 1.0
    assert set(coupons.at(shop.now())) == {"fastelavn"}
    assert TWO_MINUTES.total_seconds() > KNOWN_FOR_SECONDS


def test_only_who_has_a_voucher_can_use_it_as_often_as_they_have_one(shop: CouponShop) -> None:
    shop.publish(audience=CouponAudience.VOUCHER, uses_per_member=2)
    member = shop.new_member()
    with pytest.raises(Refusal, match="coupon_no_voucher"):
        shop.use(member, coupon())
    entry = shop.hand_out(member).entry
    assert (entry.kind, entry.amount) == (EntryKind.VOUCHER, 0)
    shop.use(member, coupon())
    with pytest.raises(Refusal, match="coupon_used"):
        shop.use(member, coupon())
    shop.hand_out(member)
    shop.use(member, coupon())
    with pytest.raises(Refusal, match="voucher_given"):
        shop.hand_out(member)
    assert shop.account(member).uses["fastelavn", member] == CouponUse(2, 2, None, 4)
    assert_ledger_adds_up(shop, member)


def test_a_vouchers_last_day_counts(shop: CouponShop) -> None:
    shop.publish(audience=CouponAudience.VOUCHER)
    member = shop.new_member()
    shop.hand_out(member, last_day=shop.today())
    shop.wait(timedelta(days=1))
    with pytest.raises(Refusal, match="coupon_no_voucher"):
        shop.use(member, coupon())


def test_a_lapsed_voucher_is_not_revived_by_a_new_one(shop: CouponShop) -> None:
    shop.publish(audience=CouponAudience.VOUCHER, uses_per_member=5)
    member = shop.new_member()
    shop.hand_out(member, last_day=shop.today())
    shop.wait(timedelta(days=1))
    shop.hand_out(member)
    shop.use(member, coupon())
    with pytest.raises(Refusal, match="coupon_used"):
        shop.use(member, coupon())
    assert_ledger_adds_up(shop, member)


def test_a_new_voucher_does_not_shorten_an_older_one(shop: CouponShop) -> None:
    shop.publish(audience=CouponAudience.VOUCHER, uses_per_member=5)
    member = shop.new_member()
    shop.hand_out(member, last_day=shop.today() + timedelta(days=9))
    shop.hand_out(member, last_day=shop.today())
    shop.wait(timedelta(days=9))
    shop.use(member, coupon())


def test_a_voucher_handed_out_again_after_a_lost_answer_is_one_voucher(dynamodb: DynamoDBClient) -> None:
    lost = LosesAnswers(dynamodb)
    shop = CouponShop(cast("DynamoDBClient", lost))
    shop.publish(audience=CouponAudience.VOUCHER, uses_per_member=None)
    member = shop.new_member()
    lost.lose_next = True
    with pytest.raises(ReadTimeoutError):
        shop.hand_out(member, "jul")
    assert shop.hand_out(member, "jul").repeated
    assert shop.account(member).uses["fastelavn", member].vouchers == 1
    with pytest.raises(Refusal, match="idempotency_key_differs"):
        shop.vouchers.hand_out(member, "fastelavn", None, WriteKey("jul", "other"))
    assert not shop.hand_out(member, "pinse").repeated


def test_merged_members_use_a_once_voucher_once(shop: CouponShop) -> None:
    shop.publish(audience=CouponAudience.VOUCHER)
    winner, loser = shop.new_member(), shop.new_member()
    shop.hand_out(winner)
    shop.hand_out(loser)
    shop.use(winner, coupon())
    shop.merging.merge(loser, winner, "Jens")
    with pytest.raises(Refusal, match="coupon_used"):
        shop.use(winner, coupon())


def test_staff_give_so_many_surprises_a_day_and_the_owner_sees_each(shop: CouponShop) -> None:
    shop.publish(coupon_id="kaffe", audience=CouponAudience.VOUCHER, surprise_limit=2)
    members = [shop.new_member() for _ in range(5)]
    acts = [lambda member=member: shop.surprise(member, f"key-{member}") for member in members]
    found = outcomes(acts)
    assert refusals(found) == ["surprise_limit_reached"] * 3
    notes = shop.store.notes_of_day(shop.today())
    assert [(note.kind, note.code, note.subject) for note in notes] == [
        (NoteKind.SURPRISE_VOUCHER, "waiting", "kaffe")
    ] * 2
    (late, *_) = set(members) - {note.member_id for note in notes}
    shop.wait(timedelta(days=1))
    assert not shop.surprise(late, "next").repeated


def test_a_surprise_sent_again_is_one_voucher(shop: CouponShop) -> None:
    shop.publish(coupon_id="kaffe", audience=CouponAudience.VOUCHER, surprise_limit=1)
    member = shop.new_member()
    found = outcomes([lambda: shop.surprise(member, "key") for _ in range(6)])
    assert refusals(found) == []
    assert sorted(each.repeated for each in found) == [False] + [True] * 5
    assert shop.surprise(member, "key").repeated
    assert shop.account(member).uses["kaffe", member].vouchers == 1
    with pytest.raises(Refusal, match="idempotency_key_differs"):
        shop.surprise(member, "key", key=WriteKey("key", "1" * 32))


def test_a_sale_whose_refund_was_quicker_hears_too_that_none_is_left(shop: CouponShop) -> None:
    shop.publish(total=1)
    shop.use(shop.new_member(), coupon())
    receipt = shop.using(shop.new_member(), coupon())
    shop.ledger.refunds.book_or_park(parked(shop, receipt, "R-1", (1, 1)), shop.point)
    with pytest.raises(Refusal, match="coupon_sold_out"):
        shop.ledger.book(receipt, shop.point)


def test_a_refused_coupon_writes_nothing(shop: CouponShop, dynamodb: DynamoDBClient) -> None:
    shop.publish(total=1)
    shop.use(shop.new_member(), coupon())
    member = shop.new_member()
    before = every_row(dynamodb)
    with pytest.raises(Refusal, match="coupon_sold_out"):
        shop.use(member, coupon())
    assert every_row(dynamodb) == before


def test_a_receipt_is_booked_at_a_till_that_hears_nothing_of_the_race(shop: CouponShop) -> None:
    """The write's answer is lost: the same receipt again finds its own use, and isn't refused by it."""
    shop.publish(total=1)
    receipt = shop.using(shop.new_member(), coupon())
    first = shop.ledger.book(receipt, POINT)
    again = shop.ledger.book(receipt, POINT)
    assert (first.repeated, again.repeated, again.entry) == (False, True, first.entry)
