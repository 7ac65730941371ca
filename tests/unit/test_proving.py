"""What the proof sees, and what it doesn't mistake for a fault."""

from __future__ import annotations

from copy import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stamkunde.ledger.model.accounts import (
    Account,
    CouponUse,
    LotChange,
    LotKey,
    Movement,
    RewardKey,
    StampCard,
    StampChange,
)
from stamkunde.ledger.model.entries import (
    Benefit,
    BenefitSource,
    Earned,
    Entry,
    EntryKind,
    PurchaseFacts,
    RefundFacts,
    UseChange,
)
from stamkunde.ledger.model.proving import NO_FLOWS, DifferenceKind, differences, flows_of, fold
from stamkunde.ledger.model.receipts import Line
from stamkunde.ledger.proof import NIGHTS, slice_of
from stamkunde.ledger.store import ACCOUNT_SHARDS
from tests.factories import COPENHAGEN, NOON, make_account

LOT = LotKey(date(2027, 11, 30), 1)
LATER = LotKey(date(2027, 12, 31), 1)
REWARD = RewardKey(date(2027, 11, 30), "rugbrod")
MEMBER = "m0000000000000001"


class Book:
    """An account that is moved, and the entries that say so."""

    def __init__(self) -> None:
        self.account = make_account()
        self.entries: list[Entry] = []

    def move(self, movement: Movement, kind: EntryKind = EntryKind.CORRECTION, *uses: UseChange) -> None:
        for change in movement.stamps:
            if change.stamp_programme_id not in self.account.cards:
                self.account = self.account.replace_card(change.stamp_programme_id, StampCard(0, 10))
        self.account = self.account.apply(movement)
        held = dict(self.account.uses)
        for use in uses:
            before = held.get((use.coupon_id, MEMBER), CouponUse(0))
            held[use.coupon_id, MEMBER] = replace(
                before, used=before.used + use.used, vouchers=before.vouchers + use.vouchers
            )
        self.account = replace(self.account, uses=held)
        at = NOON + timedelta(minutes=len(self.entries))
        self.entries.append(
            Entry(
                entry_id=f"{len(self.entries):03d}",
                kind=kind,
                account_id=self.account.account_id,
                member_id=MEMBER,
                outlet_id=None,
                till_id=None,
                booked_at=at,
                day=at.date(),
                movement=movement,
                balance=self.account.balance(at, COPENHAGEN),
                uses=uses,
            )
        )

    def kinds(self, account: Account | None = None, entries: list[Entry] | None = None) -> list[DifferenceKind]:
        found = differences(account or self.account, self.entries if entries is None else entries)
        return [each.kind for each in found]


def into(lot: LotKey, amount: int, deficit: int = 0) -> Movement:
    return Movement((LotChange(lot, amount),), deficit)


@pytest.fixture
def book() -> Book:
    """Everything that an account may hold, once."""
    made = Book()
    made.move(into(LOT, 500))
    made.move(Movement((LotChange(LOT, -200), LotChange(LATER, 90)), 0, (StampChange("rugbrod", 3, ((REWARD, 2),)),)))
    made.move(into(LATER, -10, 40), EntryKind.REFUND, UseChange("fastelavn", 1, 2))
    return made


def test_an_account_that_is_what_its_entries_say_differs_in_nothing(book: Book) -> None:
    assert book.kinds() == []


def test_an_empty_account_differs_in_nothing() -> None:
    assert Book().kinds() == []


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"lots": {LOT: 301, LATER: 80}}, DifferenceKind.LOTS),
        ({"lots": {LOT: 300}}, DifferenceKind.LOTS),
        ({"deficit": 0}, DifferenceKind.DEFICIT),
        ({"cards": {"rugbrod": StampCard(4, 10)}}, DifferenceKind.STAMPS),
        ({"rewards": {REWARD: 1}}, DifferenceKind.REWARDS),
        ({"uses": {}}, DifferenceKind.USES),
        ({"uses": {("fastelavn", MEMBER): CouponUse(1, 1)}}, DifferenceKind.USES),
        ({"uses": {("fastelavn", "m0000000000000002"): CouponUse(1, 2)}}, DifferenceKind.USES),
    ],
)
def test_whatever_is_changed_behind_the_ledgers_back_is_seen(
    book: Book, change: dict[str, object], kind: DifferenceKind
) -> None:
    assert book.kinds(replace(book.account, **change)) == [kind]  # type: ignore[arg-type]


def test_less_than_nothing_is_seen_even_where_the_entries_say_the_same(book: Book) -> None:
    lots = {LOT: -1, LATER: 80}
    entries = [*book.entries, replace(book.entries[0], entry_id="900", movement=into(LOT, -301))]
    assert DifferenceKind.IMPOSSIBLE in book.kinds(replace(book.account, lots=lots), entries)


def test_an_entry_that_is_gone_is_seen(book: Book) -> None:
    for gone in book.entries:
        assert book.kinds(entries=[each for each in book.entries if each is not gone])


def test_a_balance_that_was_changed_in_an_entry_is_seen_and_named(book: Book) -> None:
    wrong = replace(book.entries[1], balance=replace(book.entries[1].balance, total=9))
    found = differences(book.account, [book.entries[0], wrong, book.entries[2]])
    assert [(each.kind, each.entry_id) for each in found] == [
        (DifferenceKind.CHAIN, "001"),
        (DifferenceKind.CHAIN, "002"),
    ]


def test_entries_of_two_tills_may_change_places_within_milliseconds(book: Book) -> None:
    swapped = [replace(book.entries[1], entry_id="002"), replace(book.entries[2], entry_id="001"), book.entries[0]]
    assert book.kinds(entries=swapped) == []


def test_a_purchase_that_moved_something_else_than_it_says_is_seen() -> None:
    book = Book()
    book.move(into(LOT, 300), EntryKind.PURCHASE)
    earned = Earned(1, 10_000, 300, 300, 1)
    facts = PurchaseFacts("p1", "1", NOON, 10_000, earned, 0, 0, (), ())
    assert book.kinds(entries=[replace(book.entries[0], purchase=facts)]) == []
    lying = replace(facts, earned=replace(earned, amount=301))
    assert book.kinds(entries=[replace(book.entries[0], purchase=lying)]) == [DifferenceKind.RECKONING]


def bought(earned: int) -> list[Entry]:
    """One purchase of two lines at 3 and 5 percent, one of them made cheaper, in part paid with bonus."""
    book = Book()
    book.move(into(LOT, 2_000))
    book.move(Movement((LotChange(LOT, -1_300), LotChange(LATER, earned))), EntryKind.PURCHASE)
    facts = PurchaseFacts(
        purchase_id="p1",
        receipt_number="1",
        bought_at=NOON,
        total=14_000,
        earned=Earned(1, 11_700, 300, earned, 1),
        asked_to_spend=1_300,
        spent=1_300,
        lines=(Line("", 1, 10_000), Line("", 2, 4_000)),
        flags=(),
        paid_with_bonus=1_300,
        line_rates=(300, 500),
        benefits=(Benefit(BenefitSource.COUPON, "kage", ((0, 1_000),)),),
    )
    return [book.entries[0], replace(book.entries[1], purchase=facts)]


def kinds_of(entries: list[Entry]) -> list[DifferenceKind]:
    """What differs from the account that the entries come to."""
    folded = fold(entries)
    account = make_account(dict(folded.lots), deficit=folded.deficit)
    return [each.kind for each in differences(account, entries)]


def test_a_purchase_that_earned_what_its_lines_come_to_differs_in_nothing() -> None:
    # (9,000 x 3 % + 4,000 x 5 %) x 11,700 / 13,000
    assert kinds_of(bought(423)) == []


@pytest.mark.parametrize("earned", [0, 422, 424, 99_423])
def test_what_was_raised_in_entry_and_account_together_is_seen_by_the_lines(earned: int) -> None:
    assert kinds_of(bought(earned)) == [DifferenceKind.RECKONING]


def test_a_receipt_that_counted_twice_is_seen_and_the_later_entry_is_named() -> None:
    opening, purchase = bought(423)
    total = purchase.balance.total + purchase.amount
    again = replace(purchase, entry_id="900", balance=replace(purchase.balance, total=total))
    account = make_account({LOT: 2_000 - 2 * 1_300, LATER: 2 * 423})
    found = [(each.kind, each.entry_id) for each in differences(account, [again, opening, purchase])]
    assert found == [(DifferenceKind.IMPOSSIBLE, None), (DifferenceKind.TWICE, "900")]


@pytest.mark.parametrize(("changed", "seen"), [({}, False), ({"taken_back": 1}, True), ({"spent_back": 201}, True)])
def test_a_refund_that_moved_something_else_than_it_says_is_seen(changed: dict[str, int], seen: bool) -> None:
    book = Book()
    book.move(into(LOT, 300, 50))
    book.move(Movement((LotChange(LOT, -100), LotChange(LATER, 200)), -50), EntryKind.REFUND)
    facts = RefundFacts("p1", "e1", "1", NOON, ((0, 1),), 5_000, 4_800, taken_back=50, spent_back=200, owed=0)
    entries = [book.entries[0], replace(book.entries[1], refund=replace(facts, **changed))]  # type: ignore[arg-type]
    assert (DifferenceKind.RECKONING in book.kinds(entries=entries)) is seen


moves = st.lists(
    st.tuples(
        st.sampled_from(list(EntryKind)), st.sampled_from([LOT, LATER]), st.integers(-300, 300), st.integers(0, 1)
    ),
    max_size=20,
)


@given(moves, st.randoms())
def test_any_moves_fold_to_the_account_in_any_order(
    taken: list[tuple[EntryKind, LotKey, int, int]], chance: object
) -> None:
    book = Book()
    for kind, lot, amount, uses in taken:
        bounded = max(amount, -book.account.lots.get(lot, 0))
        movement = Movement((LotChange(lot, bounded),), 0, (StampChange("kaffe", bounded % 3),))
        book.move(movement, kind, *([UseChange("bolle", 1)] if uses else []))
    assert book.kinds() == []
    shuffled = list(book.entries)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert fold(shuffled) == fold(book.entries)
    assert sum(map(flows_of, book.entries), NO_FLOWS).total == sum(book.account.lots.values()) - book.account.deficit


def test_every_account_is_proved_once_in_four_weeks() -> None:
    nights = [date(2026, 11, 1) + timedelta(days=each) for each in range(NIGHTS)]
    proved = [shard for night in nights for shard in slice_of(night)]
    assert sorted(proved) == list(range(ACCOUNT_SHARDS))
    assert max(len(slice_of(night)) for night in nights) == 3
