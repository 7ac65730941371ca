"""What is left of entries whose members are gone: sums, and nothing that leads from one to another."""

from __future__ import annotations

from collections import defaultdict
from copy import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from stamkunde.ledger import accounting
from stamkunde.ledger.accounting import Accounting
from stamkunde.ledger.anonymous_store import GONE_SHARDS, PORTION, AnonymousStore
from stamkunde.ledger.explanations import explain_entry, explain_guest
from stamkunde.ledger.forgetting import MOST_PORTIONS, Forgetting, NotSettled
from stamkunde.ledger.model.accounting import AccountBook, Reading
from stamkunde.ledger.model.accounts import Account
from stamkunde.ledger.model.adjusting import Correction, CorrectionReason
from stamkunde.ledger.model.coupons import BenefitKind, CouponAudience
from stamkunde.ledger.model.entries import BenefitSource, EntryKind
from stamkunde.ledger.model.holding import account_of_reservation
from stamkunde.ledger.model.proving import fold
from stamkunde.ledger.model.receipts import Basket, Line
from stamkunde.ledger.notes import NoteKind
from stamkunde.ledger.proof import Proof
from stamkunde.ledger.refunds import Refunds
from stamkunde.ledger.reservations import Wish
from stamkunde.ledger.rows import entry_from_row
from stamkunde.ledger.store import accounts_of
from stamkunde.shared.clock import FixedClock
from stamkunde.shared.errors import Refusal
from stamkunde.shared.idempotency import WriteKey
from stamkunde.shared.programme import Selection, StampProgramme
from stamkunde.views.model import OutletDay, total_of
from stamkunde.views.service import sale_fact
from tests.factories import COPENHAGEN, THREE_PERCENT, make_club
from tests.ledger_checks import assert_ledger_adds_up, every_row, rows
from tests.refund_scene import ELSEWHERE, guard_of, parked, refund_of, refused
from tests.stores.test_coupons import BUN, CouponShop, coupon

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

BEGIN = datetime(2026, 11, 5, 9, 30, tzinfo=UTC)
NOVEMBER = date(2026, 11, 1)
AN_HOUR = timedelta(hours=1)
BREAD = Selection(("5701000000000",))
RYE = StampProgramme("rugbrod", "Rugbrød", 3, "gratis rugbrød", items=BREAD, reward=BREAD)
DANISH = Reading("DK", "DKK", "da", COPENHAGEN, in_points=False)


@pytest.fixture
def shop(dynamodb: DynamoDBClient) -> CouponShop:
    club = make_club(programmes=(replace(THREE_PERCENT, stamp_programmes=(RYE,)),))
    shop = CouponShop(dynamodb, club, clock=FixedClock(BEGIN))
    given = {"valid_from": BEGIN - timedelta(days=1), "valid_until": BEGIN + timedelta(days=20)}
    shop.publish(audience=CouponAudience.VOUCHER, uses_per_member=5, **given)
    return shop


def forgetting(shop: CouponShop) -> Forgetting:
    return Forgetting(shop.store, shop.clock, shop.club.time_zone, shop.patience)


def forget(shop: CouponShop, member_id: str, *formerly: str, within: str | None = None) -> None:
    """All that erasing does to the ledger, as often as it asks for it."""
    ids, account_id = frozenset({member_id, *formerly}), within or shop.account(member_id).account_id
    forgetting(shop).forfeit(account_id, member_id)
    while not forgetting(shop).forget_entries(account_id, ids):
        pass
    forgetting(shop).remove_account(account_id, ids)


def lives(shop: CouponShop, member_id: str) -> None:
    """Buys, spends, gets a voucher and uses it, brings something back and is given something by hand."""
    first = shop.buy(member_id, 100_000, 4_000)
    shop.wait(AN_HOUR)
    shop.buy(member_id, 10_000, spend_bonus=1_000)
    shop.hand_out(member_id)
    shop.use(member_id, coupon())
    shop.wait(timedelta(days=1))
    shop.ledger.refunds.book(refund_of(first, f"R-{member_id}", (0, 1), refunded_at=shop.now()), shop.point)
    key = WriteKey(f"key-{member_id}", "0" * 32)
    shop.adjustments.correct(Correction(member_id, CorrectionReason.GOODWILL, "ringede igen", "Ida", bonus=700), key)
    shop.buy(member_id, 3_000)


def entry_rows(shop: CouponShop) -> list[dict[str, Any]]:
    return [row for row in rows(shop.client, "ledger") if row["sk"].startswith("ENTRY#")]


def gone_rows(shop: CouponShop) -> list[dict[str, Any]]:
    return [row for row in entry_rows(shop) if row["pk"].startswith("GONE#")]


def day_totals(shop: CouponShop) -> dict[OutletDay, object]:
    """What the days of all outlets come to by the entries that there are."""
    facts = defaultdict(list)
    for row in entry_rows(shop):
        fact = sale_fact(shop.club.club_id, entry_from_row(row))
        if fact is not None:
            facts[OutletDay(fact.club_id, fact.outlet_id, fact.day)].append(fact)
    return {day: total_of(day.day, found) for day, found in facts.items()}


def accountant(shop: CouponShop) -> Accounting:
    def at(name: str, instant: datetime) -> Any:
        history = shop.store.coupons.find(name)
        return history.at(instant) if history else None

    clock = FixedClock(datetime(2026, 12, 1, 9, tzinfo=UTC))
    return Accounting(shop.store, AccountBook(DANISH, at), shop.club.signing_keys, clock)


def file_of(shop: CouponShop) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """The month's rows, and its sums."""
    part = accountant(shop).export(NOVEMBER, None)
    assert part.following is None
    return part.rows, part.closing[:-1]


def assert_all_prove(shop: CouponShop) -> None:
    proof = Proof(shop.store, shop.clock, shop.club.time_zone)
    for account_id in shop.store.account_ids():
        assert proof.prove(account_id).differences == ()


def words_of(value: Any) -> set[str]:
    """All that is written in a row, key by key and name by name; amounts are no words."""
    match value:
        case str():
            return {word for word in value.split("#") if word}
        case list():
            return set().union(*map(words_of, value))
        case dict():
            return set().union(*map(words_of, value.values()))
    return set()


def everybodys(shop: CouponShop, gone: list[dict[str, Any]]) -> set[str]:
    """What entries of whoever may have in common: days, lots, and what the club calls what it has."""
    days = {row["day"] for row in gone} | {row["pk"].split("#")[2] for row in gone}
    instants = {word for row in gone for word in (row["booked"], row.get("bought"), row["sk"].split("#")[1]) if word}
    instants |= {row["refund"]["refunded_at"] for row in gone if "refund" in row}
    lots = {lot for row in gone for lot, _ in row["changes"]}
    names = {shop.point.outlet_id, "fastelavn", "Gratis bolle", *CorrectionReason, *EntryKind, *BenefitSource}
    return {"GONE", "ENTRY", shop.club.club_id, *map(str, range(GONE_SHARDS)), *days, *instants, *lots, *names}


def test_no_two_anonymous_entries_share_a_word(shop: CouponShop) -> None:
    member_id = shop.new_member()
    account_id = shop.account(member_id).account_id
    lives(shop, member_id)
    before = entry_rows(shop)
    forget(shop, member_id)
    gone = gone_rows(shop)
    assert len(gone) == len(before) + 1, "what was left was forfeited"
    own = [words_of(row) - everybodys(shop, gone) - {"campaign"} for row in gone]
    assert [words for words in own if len(words) != 1] == [], "each its random key"
    assert len(set().union(*own)) == len(gone)
    noons = {row["booked"][11:] for row in gone} | {row["bought"][11:] for row in gone if "bought" in row}
    assert noons == {"11:00:00.000Z"}, "of whatever hour it was, and noon in Copenhagen"
    for secret in (member_id, account_id, "ringede", "Ida", f"R-{member_id}", *(row["sk"][6:] for row in before)):
        assert secret not in str(gone)


def test_an_entry_of_nobody_keeps_no_balance_no_lines_and_no_receipt(shop: CouponShop) -> None:
    member_id = shop.new_member()
    lives(shop, member_id)
    forget(shop, member_id)
    for row in gone_rows(shop):
        assert "balance" not in row
        assert not row.get("lines")
        assert not row.get("receipt")
        assert not row.get("purchase")
        assert row["till"] is None
        assert row.get("uses") is row.get("stamps") is None


def test_days_and_the_accountants_file_sum_to_the_same_after_erasing(shop: CouponShop) -> None:
    member_id, other = shop.new_member(), shop.new_member()
    lives(shop, member_id)
    lives(shop, other)
    forgetting(shop).forfeit(shop.account(member_id).account_id, member_id)
    days, (listed, sums) = day_totals(shop), file_of(shop)
    forget(shop, member_id)
    assert day_totals(shop) == days
    again, sums_again = file_of(shop)
    assert sums_again == sums
    assert len(again) == len(listed)
    assert {row[0] for row in again} == {row[0] for row in listed}, "each stands at its day"


def test_a_coupon_that_got_dearer_on_that_day_costs_what_it_did(shop: CouponShop) -> None:
    for hours, cost in ((1, 400), (2, 900)):
        shop.publish(
            coupon_id="kage",
            name="Kage",
            benefit=BenefitKind.FREE_ITEM,
            valid_from=shop.now() + hours * AN_HOUR,
            valid_until=BEGIN + timedelta(days=20),
            cost=cost,
        )
    member_id = shop.new_member()
    shop.wait(timedelta(minutes=90))
    shop.use(member_id, coupon("kage"))
    forgetting(shop).forfeit(shop.account(member_id).account_id, member_id)
    _, sums = file_of(shop)
    forget(shop, member_id)
    assert file_of(shop)[1] == sums


def test_an_account_sums_to_zero_just_before_it_goes(shop: CouponShop) -> None:
    member_id = shop.new_member()
    lives(shop, member_id)
    account_id = shop.account(member_id).account_id
    ids = frozenset({member_id})
    with pytest.raises(AssertionError):
        assert fold(shop.store.every_entry(account_id)).lots == {}
    forgetting(shop).forfeit(account_id, member_id)
    moved = fold(shop.store.every_entry(account_id))
    assert (moved.lots, moved.deficit, moved.stamps, moved.rewards) == ({}, 0, {}, {})
    sk = next(row["sk"] for row in entry_rows(shop) if row["kind"] == EntryKind.CORRECTION.value)
    key = {"pk": {"S": f"A#{shop.club.club_id}#{account_id}"}, "sk": {"S": sk}}
    kept = shop.client.get_item(TableName="ledger", Key=key)["Item"]
    shop.client.delete_item(TableName="ledger", Key=key)
    before = every_row(shop.client)
    with pytest.raises(NotSettled):
        forgetting(shop).forget_entries(account_id, ids)
    assert every_row(shop.client) == before
    shop.client.put_item(TableName="ledger", Item=kept)
    assert forgetting(shop).forget_entries(account_id, ids)
    assert sum(row["amount"] for row in gone_rows(shop)) == 0


def test_nothing_of_an_account_is_left_but_what_sums_need(shop: CouponShop) -> None:
    member_id = shop.new_member()
    lives(shop, member_id)
    account_id = shop.account(member_id).account_id
    forget(shop, member_id)
    left = str([row for table in ("ledger", "views") for row in rows(shop.client, table)])
    assert account_id not in left
    assert member_id not in left
    assert not shop.store.is_listed(account_id)
    assert_all_prove(shop)


def test_a_household_keeps_its_bonus_and_proves_after_one_of_it_is_gone(shop: CouponShop) -> None:
    member_id, mate = shop.new_member(), shop.new_member()
    lives(shop, member_id)
    lives(shop, mate)
    alone = shop.account(member_id).account_id
    shop.households.join(member_id, mate, "Ida")
    shop.wait(AN_HOUR)
    lives(shop, member_id)
    shop.buy(mate, 20_000)
    held = shop.balance(mate)
    days, (_, sums) = day_totals(shop), file_of(shop)
    forget(shop, member_id)
    assert shop.balance(mate) == held
    assert day_totals(shop) == days
    assert file_of(shop)[1] == sums
    assert_all_prove(shop)
    assert_ledger_adds_up(shop, mate)
    left = str(rows(shop.client, "ledger"))
    assert member_id not in left
    assert alone not in left, "nor the account that the bonus came from"
    assert shop.buy(mate, 10_000, spend_bonus=100).entry.balance.total > 0
    told = [explain_entry(entry, "DKK", "da") for entry in shop.entries(mate)]
    assert explain_guest("da") not in told, "somebody was, though nobody knows who"
    own = [entry for entry in shop.entries(mate) if entry.member_id == mate]
    assert own
    assert all(entry.purchase.lines for entry in own if entry.purchase)


def test_when_the_last_of_a_household_goes_all_of_it_does(shop: CouponShop) -> None:
    member_id, mate = shop.new_member(), shop.new_member()
    shop.buy(mate, 50_000)
    shop.households.join(member_id, mate, "Ida")
    lives(shop, member_id)
    shop.buy(mate, 20_000)
    forget(shop, member_id)
    forget(shop, mate)
    kept = {row["pk"].partition("#")[0] for row in rows(shop.client, "ledger")}
    assert not kept & {"A", "ACCOUNTS"}
    assert sum(row["amount"] for row in gone_rows(shop)) == 0


def test_when_two_of_a_household_are_forgotten_at_once_all_of_it_goes(
    shop: CouponShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither is the last when they begin: each still finds the other named."""
    member_id, mate = shop.new_member(), shop.new_member()
    shop.buy(mate, 50_000)
    shop.households.join(member_id, mate, "Ida")
    shop.wait(AN_HOUR)
    shop.buy(member_id, 10_000)
    shop.buy(mate, 20_000)
    account_id = shop.account(mate).account_id
    for each in (member_id, mate):
        forgetting(shop).forfeit(account_id, each)
    replace_entries = AnonymousStore.replace

    def overtaken(gone: AnonymousStore, account: Account, *what: Any) -> None:
        if account.account_id == account_id:
            monkeypatch.setattr(AnonymousStore, "replace", replace_entries)
            forget(shop, mate, within=account_id)
        replace_entries(gone, account, *what)

    monkeypatch.setattr(AnonymousStore, "replace", overtaken)
    forget(shop, member_id, within=account_id)
    kept = {row["pk"].partition("#")[0] for row in rows(shop.client, "ledger")}
    assert not kept & {"A", "ACCOUNTS"}
    assert len({row["pk"] + row["sk"] for row in gone_rows(shop)}) == len(entry_rows(shop))
    assert sum(row["amount"] for row in gone_rows(shop)) == 0


def test_what_somebody_left_in_a_household_goes_with_them_and_theirs_stays(shop: CouponShop) -> None:
    member_id, mate = shop.new_member(), shop.new_member()
    shop.buy(mate, 50_000)
    shop.households.join(member_id, mate, "Ida")
    lives(shop, member_id)
    shop.households.leave(member_id, "Ida")
    shop.wait(AN_HOUR)
    shop.buy(member_id, 5_000)
    held = shop.balance(mate)
    forget(shop, member_id)
    assert member_id not in str(rows(shop.client, "ledger"))
    assert shop.balance(mate) == held
    assert_all_prove(shop)


def test_a_refund_of_an_erased_purchase_is_answered_as_before(shop: CouponShop) -> None:
    member_id = shop.new_member()
    bought, brought = shop.buy(member_id, 10_000, 5_000), shop.buy(member_id, 9_000)
    back = refund_of(brought, "R1")
    shop.ledger.refunds.book(back, shop.point)
    receipt = shop.receipt(member_id, 4_000, number="77")
    shop.ledger.book(receipt, shop.point)
    forget(shop, member_id)

    def refunding() -> object:
        return shop.ledger.refunds.book(refund_of(bought, "R2"), shop.point)

    assert refused(shop, refunding)[0] == "not_a_member_purchase"
    assert refused(shop, lambda: shop.ledger.refunds.book(back, shop.point))[0] == "not_a_member_purchase"
    assert refused(shop, lambda: shop.ledger.book(receipt, shop.point))[0] == "not_a_member_purchase"
    guard = guard_of(shop, brought)
    assert guard.booked, "the receipt counts once all the same"
    assert (guard.account_id, guard.entry_id, guard.refunds, guard.parked) == ("", "", {}, {})


@pytest.mark.parametrize("days", [0, 3])
def test_what_the_owner_was_told_of_a_refund_that_did_not_fit_goes_with_the_purchase(
    shop: CouponShop, days: int
) -> None:
    """At once with the sale that it waited for, or when a later job looked after what was left behind."""
    member_id, other = shop.new_member(), shop.new_member()
    for each in (member_id, other):
        receipt = shop.receipt(each, 10_000)
        for number in ("R-first", "R-second"):
            shop.ledger.refunds.book_or_park(parked(shop, receipt, number), ELSEWHERE)
        with pytest.MonkeyPatch.context() as late:
            if days:
                late.setattr(Refunds, "book_parked", lambda *_: 0)
            shop.ledger.book(receipt, shop.point)
    shop.wait(timedelta(days=days))
    shop.ledger.refunds.tend_parked(shop.now())
    assert len(shop.store.notes_of_day(shop.today())) == 2
    gone, account_id = {entry.entry_id for entry in shop.entries(member_id)}, shop.account(member_id).account_id
    kept = shop.account(other).account_id
    forget(shop, member_id)
    (note,) = shop.store.notes_of_day(shop.today())
    assert (note.kind, note.account_id) == (NoteKind.UNMATCHED_REFUND, kept)
    left = str(rows(shop.client, "ledger"))
    assert not [each for each in (account_id, *gone) if each in left]
    assert [row["account"] for row in rows(shop.client, "ledger") if row["sk"] == "GUARD" and "noted" in row] == [
        kept
    ]


def test_what_somebody_had_set_aside_of_a_coupon_is_there_for_others_and_names_no_account(shop: CouponShop) -> None:
    days = {"valid_from": BEGIN - timedelta(days=1), "valid_until": BEGIN + timedelta(days=2)}
    shop.publish(coupon_id="brodpose", name="Brødpose", total=2, **days)
    member_id, other = shop.new_member(), shop.new_member()
    for each in (member_id, other):
        basket = Basket((Line(BUN, 1, 5_000),), 0, (coupon("brodpose"),))
        shop.reservations.reserve(Wish(basket, each, None, WriteKey(f"key-{each}", "0" * 32)), shop.point)
    accounts = [shop.account(each).account_id for each in (member_id, other)]
    # Over, and ended: no till ever looks at that total again.
    shop.wait(timedelta(days=30))
    forget(shop, member_id)
    limit = shop.store.coupons.limit("brodpose")
    assert limit is not None
    assert limit.taken == 1
    assert [account_of_reservation(hold) for hold in limit.holds] == accounts[1:]


def test_a_surprise_that_was_given_to_whoever_is_gone_is_not_given_again(shop: CouponShop) -> None:
    shop.publish(coupon_id="kaffe", name="Kaffe", audience=CouponAudience.VOUCHER, surprise_limit=3)
    member_id = shop.new_member()
    shop.surprise(member_id, "same-key")
    forget(shop, member_id)
    assert not [row for row in rows(shop.client, "ledger") if row["sk"] == "GUARD" and row.get("entry")]
    assert not [row for row in rows(shop.client, "ledger") if row["pk"].startswith("NOTED#")]


def test_long_ledgers_go_in_portions_and_each_may_be_done_again(
    shop: CouponShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stamkunde.ledger.forgetting.PORTION", 2)
    monkeypatch.setattr("stamkunde.ledger.forgetting.MOST_PORTIONS", 2)
    member_id = shop.new_member()
    lives(shop, member_id)
    account_id, ids = shop.account(member_id).account_id, frozenset({member_id})
    forgetting(shop).forfeit(account_id, member_id)
    count, asked = len(entry_rows(shop)), 1
    while not forgetting(shop).forget_entries(account_id, ids):
        asked += 1
        assert_all_prove(shop)
        forgetting(shop).remove_account(account_id, ids)
        assert shop.store.is_listed(account_id)
    assert asked == -(-count // 4)
    assert len(gone_rows(shop)) == len(entry_rows(shop)) == count
    before = every_row(shop.client)
    assert forgetting(shop).forget_entries(account_id, ids)
    assert every_row(shop.client) == before
    assert 2 * PORTION + 2 <= 100
    assert MOST_PORTIONS


def test_a_file_that_entries_moved_under_is_begun_again(shop: CouponShop, monkeypatch: pytest.MonkeyPatch) -> None:
    member_id = shop.new_member()
    lives(shop, member_id)
    lives(shop, shop.new_member())
    monkeypatch.setattr(accounting, "MOST_ROWS", 1)
    part = accountant(shop).export(NOVEMBER, None)
    assert part.following is not None
    forget(shop, member_id)
    with pytest.raises(Refusal, match="try_again"):
        accountant(shop).export(NOVEMBER, part.following)
    monkeypatch.undo()
    assert file_of(shop)[0]


def test_the_stream_finds_no_account_for_what_is_nobodys(shop: CouponShop) -> None:
    member_id = shop.new_member()
    shop.buy(member_id, 10_000)
    account_id = shop.account(member_id).account_id
    assert accounts_of(entry_rows(shop)) == {(shop.club.club_id, account_id)}
    forget(shop, member_id)
    assert gone_rows(shop)
    assert accounts_of(gone_rows(shop)) == set()
