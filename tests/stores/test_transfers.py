"""Gifts and households on the real engine: nothing is lost, whoever writes at the same time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from copy import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from stamkunde.ledger.model.accounts import CouponUse, Hold, Movement
from stamkunde.ledger.model.coupons import BenefitKind, Coupon, CouponHistory
from stamkunde.ledger.model.entries import Entry, EntryKind, UseChange
from stamkunde.ledger.model.proving import differences
from stamkunde.ledger.store import new_entry_id
from stamkunde.ledger.transfers import Gift
from stamkunde.members.links import LinkState
from stamkunde.members.service_link import link_hash
from stamkunde.shared.errors import Refusal
from stamkunde.shared.idempotency import WriteKey
from stamkunde.shared.programme import Selection, StampProgramme
from stamkunde.shared.transaction import commit
from tests.erasing_shop import erase
from tests.factories import LONG_AGO, THREE_PERCENT, make_basket, make_club
from tests.ledger_checks import every_row
from tests.letterbox import token_in, waiting
from tests.shop import Shop
from tests.unit_meter import UnitMeter

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

ROUNDS = 4
PHONE = "+4520123456"
RYE = StampProgramme("rugbrod", "Rugbrød", 10, "gratis rugbrød", items=Selection(("5701000000000",)))


@pytest.fixture
def shop(dynamodb: DynamoDBClient) -> Shop:
    return Shop(dynamodb, club=make_club(programmes=(replace(THREE_PERCENT, stamp_programmes=(RYE,)),)))


def entries_of(shop: Shop, account_id: str) -> list[Entry]:
    return list(shop.store.entries_since(account_id, LONG_AGO))


def assert_all_proved(shop: Shop) -> None:
    """Every account of the club is what its entries come to, and its members' rows lead to it."""
    for account_id in shop.store.account_ids():
        account = shop.store.load_account(account_id, consistent=True)
        assert account is not None
        assert not differences(account, entries_of(shop, account_id))
        for member_id in account.members:
            assert shop.members.find_account(member_id) == account_id


def total(shop: Shop) -> int:
    """What all accounts of the club hold together."""
    accounts = (shop.store.load_account(each, consistent=True) for each in shop.store.account_ids())
    return sum(sum(account.lots.values()) - account.deficit for account in accounts if account)


def at_once(*jobs: Callable[[], Any]) -> list[Any]:
    def answer(job: Callable[[], Any]) -> Any:
        try:
            return job()
        except Refusal as refusal:
            return refusal

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(answer, jobs))


def refusals(answers: Iterable[Any]) -> set[str]:
    return {answer.code for answer in answers if isinstance(answer, Refusal)}


def refusal_code(shop: Shop, act: Callable[[], Any]) -> str:
    """The code something is refused with, once it is seen that nothing was written."""
    before = every_row(shop.client)
    with pytest.raises(Refusal) as refused:
        act()
    assert every_row(shop.client) == before
    return refused.value.code


def rich(shop: Shop, bonus: int = 3_000, phone: str | None = None) -> str:
    member_id = shop.join(phone).at_till.member.member_id
    shop.buy(member_id, bonus * 10_000 // 300)
    assert shop.balance(member_id).available == bonus
    return member_id


def give(shop: Shop, giver: str, receiver: str, bonus: int, key: str = "k1") -> Entry:
    return shop.transfers.give(Gift(giver, receiver, bonus, "Anna"), WriteKey(key, f"{receiver}{bonus}")).entry


def set_uses(shop: Shop, member_id: str, coupon_id: str, use: CouponUse) -> None:
    """Vouchers and uses, and the entry that gave them."""
    account = shop.account(member_id)
    after = replace(account.apply(Movement()), uses={**account.uses, (coupon_id, member_id): use})
    entry = Entry(
        entry_id=new_entry_id(shop.now()),
        kind=EntryKind.VOUCHER,
        account_id=account.account_id,
        member_id=member_id,
        outlet_id=None,
        till_id=None,
        booked_at=shop.now(),
        day=shop.today(),
        movement=Movement(),
        balance=shop.balance(member_id),
        uses=(UseChange(coupon_id, use.used, use.vouchers),),
    )
    shop.store.commit(shop.store.entry_writes(account, after, entry))


def test_a_gift_is_two_entries_with_one_transfer(shop: Shop) -> None:
    anna, bo = rich(shop), rich(shop, 300)
    given = give(shop, anna, bo, 1_000)
    (received,) = [entry for entry in shop.entries(bo) if entry.kind is EntryKind.GIFT_RECEIVED]
    assert (given.kind, given.amount, received.amount) == (EntryKind.GIFT_GIVEN, -1_000, 1_000)
    assert given.grounds is not None
    assert received.grounds is not None
    assert given.grounds.transfer_id == received.grounds.transfer_id
    assert given.grounds.with_account == shop.account(bo).account_id
    assert [change.lot for change in given.changes] == [change.lot for change in received.changes]
    assert (shop.balance(anna).available, shop.balance(bo).available) == (2_000, 1_300)
    assert_all_proved(shop)


def test_a_gift_costs_eight_write_units(shop: Shop) -> None:
    anna, bo = rich(shop), rich(shop)
    meter = UnitMeter()
    meter.attach(shop.client)
    give(shop, anna, bo, 1_000)
    assert (meter.written, meter.calls["TransactWriteItems"]) == (8, 1)


def test_the_same_gift_again_is_given_once_also_after_a_move(shop: Shop) -> None:
    anna, bo, cai = rich(shop), rich(shop), rich(shop)
    first = give(shop, anna, bo, 1_000)
    assert give(shop, anna, bo, 1_000) == first
    shop.households.join(anna, cai, "Mette")
    shop.wait(timedelta(hours=23))
    again = shop.transfers.give(Gift(anna, bo, 1_000, "Anna"), WriteKey("k1", f"{bo}1000"))
    assert (again.repeated, again.entry) == (True, first)
    assert refusal_code(shop, lambda: give(shop, anna, bo, 999)) == "idempotency_key_differs"
    assert give(shop, anna, bo, 999, "k2") != first


def test_a_gift_that_is_refused_writes_nothing(shop: Shop) -> None:
    anna, bo, unaccepted = rich(shop), rich(shop), shop.new_member(accepts=False)
    assert refusal_code(shop, lambda: give(shop, anna, bo, 3_001)) == "not_enough_bonus"
    assert refusal_code(shop, lambda: give(shop, anna, unaccepted, 1)) == "terms_not_accepted"
    assert refusal_code(shop, lambda: give(shop, anna, anna, 1)) == "own_household"
    assert refusal_code(shop, lambda: give(shop, anna, "m0000000000000000", 1)) == "unknown_member"
    assert refusal_code(shop, lambda: give(shop, anna, bo, 0)) == "invalid_field"


def test_one_gift_sent_by_ten_threads_is_given_once(shop: Shop) -> None:
    anna, bo = rich(shop), rich(shop)
    answers = at_once(*[lambda: give(shop, anna, bo, 1_000)] * 10)
    assert len({answer.entry_id for answer in answers}) == 1
    assert (shop.balance(anna).total, shop.balance(bo).total) == (2_000, 4_000)


def test_the_same_bonus_is_given_or_spent_but_not_both(shop: Shop) -> None:
    for number in range(ROUNDS):
        anna, bo = rich(shop), shop.new_member()
        receipt = replace(shop.receipt(anna), basket=make_basket(3_000, spend_bonus=3_000))
        before = total(shop)
        answers = at_once(
            partial(give, shop, anna, bo, 3_000, f"g{number}"),
            partial(shop.ledger.book, receipt, shop.point),
        )
        assert refusals(answers) == {"not_enough_bonus"}
        assert total(shop) in {before, before - 3_000}
        assert shop.balance(anna).total == 0
    assert_all_proved(shop)


def test_two_who_give_each_other_at_once_both_do(shop: Shop) -> None:
    anna, bo = rich(shop), rich(shop)
    answers = at_once(
        *(partial(give, shop, anna, bo, 100, f"a{n}") for n in range(5)),
        *(partial(give, shop, bo, anna, 70, f"b{n}") for n in range(5)),
    )
    assert not refusals(answers)
    assert (shop.balance(anna).total, shop.balance(bo).total) == (3_000 - 500 + 350, 3_000 + 500 - 350)
    assert_all_proved(shop)


def test_a_household_shares_one_balance_and_each_keeps_their_own_uses(shop: Shop) -> None:
    anna, bo = rich(shop, 1_200), rich(shop, 2_100)
    set_uses(shop, anna, "kage", CouponUse(1, 2))
    left_behind = shop.account(anna).account_id
    shared = shop.households.join(anna, bo, "Mette")
    assert shared.member_ids == tuple(sorted((anna, bo)))
    assert shop.balance(anna) == shop.balance(bo)
    assert shop.balance(bo).available == 3_300
    assert (shop.account(bo).uses["kage", anna].used, ("kage", bo) in shop.account(bo).uses) == (1, False)
    emptied = shop.store.load_account(left_behind, consistent=True)
    assert emptied is not None
    assert (dict(emptied.lots), dict(emptied.members)) == ({}, {})
    assert shop.households.join(anna, bo, "Mette") == replace(shared, repeated=True)
    shop.buy(anna, 10_000, spend_bonus=2_500)
    assert shop.balance(bo).available == 800 + 7_500 * 300 // 10_000
    assert_all_proved(shop)


def test_a_till_that_still_names_the_old_account_finds_the_shared_one(shop: Shop) -> None:
    anna, bo = rich(shop), rich(shop)
    known = replace(shop.receipt(anna), account_id=shop.account(anna).account_id)
    sold = shop.buy(anna)
    shop.households.join(anna, bo, "Mette")
    assert shop.ledger.book(known, shop.point).entry.account_id == shop.account(bo).account_id
    assert sold.entry.purchase is not None
    assert shop.ledger.find_purchase(sold.entry.purchase.purchase_id) == sold.entry


def test_whoever_leaves_begins_anew_and_may_come_back(shop: Shop) -> None:
    anna, bo = rich(shop, 1_200), rich(shop, 2_100)
    set_uses(shop, anna, "kage", CouponUse(1))
    shop.households.join(anna, bo, "Mette")
    alone = shop.households.leave(anna, "Mette")
    assert (alone.member_ids, shop.balance(anna).total, shop.balance(bo).total) == ((anna,), 0, 3_300)
    assert shop.account(anna).uses["kage", anna].used == 1
    assert shop.account(bo).uses["kage", anna].used == 0
    assert shop.households.leave(anna, "Mette") == replace(alone, repeated=True)
    shop.buy(anna, 10_000)
    shop.households.join(anna, bo, "Mette")
    assert (shop.balance(bo).total, shop.account(bo).uses["kage", anna].used) == (3_600, 1)
    assert_all_proved(shop)


def test_uses_of_coupons_that_are_over_stay_behind_and_those_of_others_move(shop: Shop) -> None:
    anna, bo = rich(shop), rich(shop)
    old_account = shop.account(anna).account_id
    ends = {"sidste-aar": shop.now() - timedelta(days=8), "i-gaar": shop.now() - timedelta(days=1)}
    for coupon_id, until in ends.items():
        coupon = Coupon(coupon_id, 1, "Kage", BenefitKind.AMOUNT_OFF, 100, LONG_AGO, until)
        shop.store.commit(shop.store.coupons.publish_writes(None, CouponHistory((coupon,))))
        set_uses(shop, anna, coupon_id, CouponUse(1))
    shop.households.join(anna, bo, "Mette")
    assert {key for key, use in shop.account(bo).uses.items() if use.used} == {("i-gaar", anna)}
    emptied = shop.store.load_account(old_account, consistent=True)
    assert emptied is not None
    assert emptied.uses["sidste-aar", anna].used == 1
    assert_all_proved(shop)


def test_whoever_has_too_much_to_move_in_one_go_is_told_so(shop: Shop) -> None:
    anna, bo = rich(shop), rich(shop)
    account = shop.account(anna)
    uses = {(f"uge-{week}", anna): CouponUse(1) for week in range(60)}
    after = replace(account.apply(Movement()), uses=uses)
    shop.store.commit([shop.store.account_write(account, after), *shop.store.use_writes(account, after)])
    assert refusal_code(shop, lambda: shop.households.join(anna, bo, "Mette")) == "merge_too_large"


def test_what_keeps_a_member_from_sharing_an_account(shop: Shop) -> None:
    anna, bo, unaccepted = rich(shop), rich(shop), shop.new_member(accepts=False)
    join = shop.households.join
    assert refusal_code(shop, lambda: join(anna, anna, "Mette")) == "same_member"
    assert refusal_code(shop, lambda: join(unaccepted, anna, "Mette")) == "terms_not_accepted"
    assert refusal_code(shop, lambda: join(anna, unaccepted, "Mette")) == "terms_not_accepted"
    assert refusal_code(shop, lambda: join(anna, "m0000000000000000", "Mette")) == "unknown_member"
    account = shop.account(anna)
    held = account.replace_hold("h1", Hold(anna, shop.now() + timedelta(minutes=5), 10))
    shop.store.commit([shop.store.account_write(account, replace(held, revision=account.revision + 1))])
    assert refusal_code(shop, lambda: join(anna, bo, "Mette")) == "held_now"
    shop.wait(timedelta(minutes=6))
    shop.households.join(anna, bo, "Mette")
    assert shop.account(anna) == shop.account(bo)


def test_a_purchase_and_joining_a_household_lose_nothing(shop: Shop) -> None:
    for _ in range(ROUNDS):
        anna, bo = rich(shop), rich(shop)
        old = shop.account(anna).account_id
        known = [replace(shop.receipt(anna, 10_000), account_id=old) for _ in range(4)]
        asked = [shop.receipt(anna, 10_000) for _ in range(4)]
        before = total(shop)
        answers = at_once(
            *(partial(shop.ledger.book, r, shop.point) for r in [*known, *asked]),
            partial(shop.households.join, anna, bo, "Mette"),
        )
        assert not refusals(answers)
        assert total(shop) == before + 8 * 300
        assert shop.balance(bo).total == 6_000 + 8 * 300
    assert_all_proved(shop)


def test_two_who_join_each_other_at_once_share_one_account(shop: Shop) -> None:
    for _ in range(ROUNDS):
        anna, bo = rich(shop), rich(shop)
        answers = at_once(
            partial(shop.households.join, anna, bo, "Mette"),
            partial(shop.households.join, bo, anna, "Mette"),
        )
        assert not refusals(answers)
        assert shop.account(anna).account_id == shop.account(bo).account_id
        assert shop.balance(anna).total == 6_000
    assert_all_proved(shop)


def test_deleting_a_mistyped_number_leaves_a_shared_balance_to_the_others(shop: Shop) -> None:
    anna = rich(shop)
    open_id = shop.join(PHONE, accepts=False).at_till.member.member_id
    (message,) = waiting(shop.client, "till_join")
    # Nobody comes into a household before accepting; a share from elsewhere must not make deleting fail.
    account, own = shop.account(anna), shop.account(open_id)
    shared = account.replace_member(open_id, own.members[open_id])
    member = shop.members.load(open_id)
    assert member is not None
    commit(
        shop.client,
        [
            shop.store.account_write(account, replace(shared, revision=account.revision + 1)),
            shop.store.account_write(own, replace(own, members={}, revision=own.revision + 1)),
            *shop.members.change_writes(
                member, replace(member, account_id=account.account_id, revision=member.revision + 1)
            ),
        ],
    )
    link = shop.members.load_link(link_hash(token_in(message)))
    assert link is not None
    shop.links.delete(link)
    assert shop.links.look(replace(link, member_id=None)).state is LinkState.DELETED
    erase(shop, open_id)
    assert (set(shop.account(anna).members), shop.balance(anna).total) == ({anna}, 3_000)
    assert shop.members.load(open_id) is None
    assert_all_proved(shop)
