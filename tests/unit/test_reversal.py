"""What a refund gives back and takes back: all refunds of a purchase together are exactly its reverse."""

from __future__ import annotations

from collections.abc import Sequence
from copy import replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from stamkunde.ledger.model.accounts import (
    Account,
    AccountMember,
    CouponUse,
    Hold,
    LotKey,
    Movement,
    RewardKey,
    StampCard,
)
from stamkunde.ledger.model.coupons import BenefitKind, Coupon
from stamkunde.ledger.model.entries import Entry, EntryKind, PurchaseFacts
from stamkunde.ledger.model.receipts import (
    Basket,
    Line,
    LineKind,
    Payment,
    ReceiptTime,
    Redemption,
    RedemptionKind,
)
from stamkunde.ledger.model.redeeming import Offers
from stamkunde.ledger.model.reversal import GRACE, Reversal, lots_over, reverse
from stamkunde.ledger.model.settlement import Terms, settle
from stamkunde.shared.clock import local_date
from stamkunde.shared.errors import Refusal
from stamkunde.shared.programme import (
    BonusProgramme,
    EarningRule,
    Exclusions,
    Selection,
    StampKind,
    StampProgramme,
    Unit,
)
from stamkunde.shared.terms import NOT_ACCEPTED
from tests.factories import COPENHAGEN, LONG_AGO, NOON, THREE_PERCENT, make_account

MEMBER = "m0000000000000001"
BREAD = StampProgramme(
    "rugbrod", "Rugbrød", 10, "Et rugbrød", items=Selection(("bread",)), reward=Selection(("bread",))
)
VISITS = StampProgramme("besog", "Besøg", 5, "Kaffe", kind=StampKind.VISIT)
EVERYTHING_ON = replace(
    THREE_PERCENT,
    rules=(EarningRule("kage", 700, Selection(("cake",))),),
    exclusions=Exclusions(items=Selection(("paper",)), payment_kinds=("invoice",)),
    stamp_programmes=(BREAD, VISITS),
)
POINTS = BonusProgramme(1, LONG_AGO, rate=300, expiry_months=36, unit=Unit.POINTS, point_value=25)
TEN_OFF = Coupon(
    "ti", 1, "10 kr.", BenefitKind.AMOUNT_OFF, 1_000, LONG_AGO, NOON + timedelta(days=99), uses_per_member=None
)
FREE_CAKE = replace(TEN_OFF, coupon_id="kage", benefit=BenefitKind.FREE_ITEM, value=0, items=Selection(("cake",)))
OFFERS = Offers({each.stamp_programme_id: each for each in (BREAD, VISITS)}, {"ti": TEN_OFF, "kage": FREE_CAKE})
SOON, LATER = date(2026, 12, 31), date(2028, 5, 31)


def buy(
    basket: Basket, account: Account, programme: BonusProgramme = THREE_PERCENT, at: datetime = NOON
) -> tuple[Entry, Account]:
    """A purchase as the ledger keeps it."""
    terms = Terms(programme, "banegaarden", COPENHAGEN, OFFERS)
    settled = settle(basket, terms, account, MEMBER, ReceiptTime(at, at))
    facts = PurchaseFacts(
        "p1", "1", at, settled.total, settled.earned, settled.asked_to_spend, settled.spent, basket.lines, (),
        paid_with_bonus=settled.paid_with_bonus, not_earning=settled.not_earning, line_rates=settled.line_rates,
        benefits=settled.benefits, stamped=tuple((name, each.by_line) for name, each in settled.stamped.items()),
        cards=tuple((name, each.card.stamps, each.card.needed) for name, each in settled.stamped.items()),
    )  # fmt: skip
    day = local_date(at, COPENHAGEN)
    entry = Entry(
        "e1", EntryKind.PURCHASE, account.account_id, MEMBER, "banegaarden", "kasse-1", at, day, settled.movement,
        settled.balance, facts,
    )  # fmt: skip
    return entry, settled.account


def give_back(
    sale: Entry,
    account: Account,
    lines: Sequence[tuple[int, int]] | None = None,
    refunded: dict[int, int] | None = None,
    at: datetime = NOON,
    lapsed: int | None = None,
) -> Reversal:
    return reverse(sale, refunded or {}, lines, account, MEMBER, at, COPENHAGEN, lapsed)


def in_parts(sale: Entry, account: Account, parts: Sequence[Sequence[tuple[int, int]] | None]) -> list[Reversal]:
    done: list[Reversal] = []
    for lines in parts:
        before = done[-1].account if done else account
        done.append(give_back(sale, before, lines, dict(done[-1].refunded) if done else None))
    return done


def holdings(account: Account) -> dict[str, object]:
    """What must be as if the purchase had never been."""
    return {
        "lots": dict(account.lots),
        "deficit": account.deficit,
        "stamps": {name: card.stamps for name, card in account.cards.items() if card.stamps},
        "rewards": dict(account.rewards),
        "uses": {key: (use.used, use.vouchers) for key, use in account.uses.items() if use.used or use.vouchers},
    }


def bread(quantity: int, amount: int = 3_000) -> Line:
    return Line("bread", quantity, amount)


def test_a_void_undoes_what_was_earned_and_spent() -> None:
    before = make_account({LotKey(SOON, 1): 100, LotKey(LATER, 1): 400})
    sale, after = buy(Basket((Line("a", 1, 4_995),), 300), before)
    undone = give_back(sale, after)
    assert (undone.amount, undone.money_back, undone.spent_back) == (4_995, 4_695, 300)
    assert (undone.taken_back, undone.owed) == (4_695 * 300 // 10_000, 0)
    assert undone.account.lots == before.lots


def test_part_of_a_line_takes_back_what_that_part_earned() -> None:
    sale, after = buy(Basket((Line("a", 3, 9_999),), 0), make_account())
    first, rest = in_parts(sale, after, [[(0, 1)], None])
    assert (first.amount, first.taken_back, first.lines) == (3_333, 299 - 199, ((0, 1),))
    assert (rest.amount, rest.taken_back, rest.lines) == (6_666, 199, ((0, 2),))


def test_never_more_comes_back_than_was_sold() -> None:
    sale, after = buy(Basket((Line("a", 2, 1_000), Line("weighed", 0, 500)), 0), make_account())
    refused = [
        ([(0, 3)], "refund_exceeds_sale", "/lines/0/quantity"),
        ([(0, 1), (0, 2)], "refund_exceeds_sale", "/lines/1/quantity"),
        ([(2, 1)], "refund_exceeds_sale", "/lines/0/line"),
        ([(1, 1)], "invalid_field", "/lines/0/quantity"),
        ([(1, 0), (1, 0)], "refund_exceeds_sale", "/lines/1/quantity"),
        ([(0, 0)], "invalid_field", "/lines/0/quantity"),
    ]
    for lines, code, pointer in refused:
        with pytest.raises(Refusal) as refusal:
            give_back(sale, after, lines)
        assert (refusal.value.code, refusal.value.pointer) == (code, pointer)
    everything = give_back(sale, after)
    for again in (None, [(0, 1)], [(1, 0)]):
        with pytest.raises(Refusal) as refusal:
            give_back(sale, everything.account, again, dict(everything.refunded))
        assert refusal.value.code == "refund_exceeds_sale"


def test_bonus_that_was_spent_since_is_owed_and_the_next_bonus_pays_it_off() -> None:
    sale, after = buy(Basket((Line("a", 1, 10_000),), 0), make_account())
    _, spent = buy(Basket((Line("b", 1, 250),), 250), after)
    undone = give_back(sale, spent)
    assert (undone.taken_back, undone.owed) == (300, 250)
    assert (undone.account.deficit, undone.account.lots) == (250, {})
    _, again = buy(Basket((Line("a", 1, 10_000),), 0), undone.account)
    assert (again.deficit, sum(again.lots.values())) == (0, 50)


def test_what_is_missing_is_taken_from_other_lots_before_anything_is_owed() -> None:
    earned_in = LotKey(date(2029, 11, 30), 1)
    sale, after = buy(Basket((Line("a", 1, 10_000),), 0), make_account())
    elsewhere = replace(after, lots={earned_in: 100, LotKey(LATER, 1): 150, LotKey(SOON, 1): 20})
    undone = give_back(sale, elsewhere)
    assert (undone.owed, undone.account.lots, undone.account.deficit) == (30, {}, 30)
    assert [change.lot for change in undone.movement.lots] == [earned_in, LotKey(SOON, 1), LotKey(LATER, 1)]


def test_what_is_reserved_stays_reserved_and_the_rest_is_owed() -> None:
    sale, after = buy(Basket((Line("a", 1, 10_000),), 0), make_account())
    held = after.replace_hold("h1", Hold(MEMBER, NOON + timedelta(minutes=5), bonus=200))
    undone = give_back(sale, held)
    assert (undone.owed, sum(undone.account.lots.values()), undone.account.reserved(NOON)) == (200, 200, 200)


def test_of_bonus_that_has_expired_since_only_what_is_left_is_taken() -> None:
    short = replace(THREE_PERCENT, expiry_months=1)
    sale, after = buy(Basket((Line("a", 1, 10_000),), 0), make_account(), short)
    late = NOON + timedelta(days=60)
    kept = replace(after, lots={**after.lots, LotKey(LATER, 1): 500})
    assert give_back(sale, kept, at=late).account.lots == {LotKey(LATER, 1): 500}
    gone = replace(after, lots={LotKey(LATER, 1): 500})
    undone = give_back(sale, gone, at=late)
    assert (undone.taken_back, undone.owed, undone.account.lots) == (0, 0, gone.lots)


def test_bonus_that_was_spent_before_it_was_over_is_owed_and_what_lapsed_is_not() -> None:
    sale, after = buy(Basket((Line("a", 1, 10_000),), 0), make_account())
    (lot,) = after.lots
    late = datetime.combine(lot.expires_on, NOON.timetz()) + timedelta(days=1)
    assert lots_over(sale, after, MEMBER, late, COPENHAGEN) == (lot,)
    assert lots_over(sale, after, MEMBER, late - timedelta(days=1), COPENHAGEN) == ()
    all_spent = give_back(sale, replace(after, lots={}), at=late, lapsed=0)
    assert (all_spent.taken_back, all_spent.owed, all_spent.lapsed, all_spent.account.deficit) == (300, 300, 0, 300)
    some_spent = give_back(sale, replace(after, lots={}), at=late, lapsed=180)
    assert (some_spent.taken_back, some_spent.owed, some_spent.lapsed) == (120, 120, 180)
    not_posted = give_back(sale, replace(after, lots={lot: 180}), at=late, lapsed=0)
    assert (not_posted.taken_back, not_posted.owed, not_posted.account.lots) == (300, 120, {})
    of_others_too = give_back(sale, replace(after, lots={}), at=late, lapsed=900)
    assert (of_others_too.owed, of_others_too.lapsed) == (0, 300)
    elsewhere = give_back(sale, make_account(), at=late)
    assert (elsewhere.owed, elsewhere.lapsed) == (0, 300)


def test_spent_bonus_goes_back_to_its_own_lots_last_spent_first() -> None:
    before = make_account({LotKey(SOON, 1): 100, LotKey(LATER, 2): 400})
    sale, after = buy(Basket((Line("a", 4, 1_000),), 300), before, replace(THREE_PERCENT, rate=0))
    first, second, _ = in_parts(sale, after, [[(0, 2)], [(0, 1)], None])
    assert first.movement.lots[0].lot == LotKey(LATER, 2)
    assert (first.spent_back, first.account.lots) == (150, {LotKey(LATER, 2): 350})
    assert second.account.lots == {LotKey(LATER, 2): 400, LotKey(SOON, 1): 25}


def test_spent_bonus_whose_lot_is_over_can_be_used_for_fourteen_days_more() -> None:
    sale, after = buy(Basket((Line("a", 1, 1_000),), 100), make_account({LotKey(SOON, 1): 100}))
    last_day = datetime.combine(SOON, NOON.timetz())
    assert LotKey(SOON, 1) in give_back(sale, after, at=last_day).account.lots
    late = last_day + timedelta(days=1)
    undone = give_back(sale, after, at=late)
    assert undone.account.lots[LotKey(late.date() + GRACE, 1)] == 100


def test_bonus_that_comes_back_pays_off_what_is_owed_first() -> None:
    sale, after = buy(Basket((Line("a", 1, 1_000),), 100), make_account({LotKey(SOON, 1): 100}))
    undone = give_back(sale, replace(after, lots={}, deficit=70))
    assert (undone.spent_back, undone.taken_back, undone.owed) == (100, 27, 0)
    assert (undone.account.deficit, undone.account.lots) == (0, {LotKey(SOON, 1): 3})


def test_an_open_members_bonus_is_taken_from_what_waits_and_from_what_was_released() -> None:
    open_account = make_account(terms_version=NOT_ACCEPTED)
    sale, after = buy(Basket((Line("", 1, 10_000),), 0), open_account)
    assert give_back(sale, after).account.lots == {}
    released = replace(
        after,
        lots={LotKey(lot.expires_on, 3): amount for lot, amount in after.lots.items()} | {LotKey(SOON, 3): 10},
        members={MEMBER: AccountMember(3, None)},
    )
    assert give_back(sale, released).account.lots == {LotKey(SOON, 3): 10}


def test_points_come_back_whole_and_money_to_the_ore() -> None:
    before = make_account({LotKey(LATER, 1): 7})
    sale, after = buy(Basket((Line("a", 3, 1_000),), 7), before, POINTS)
    parts = in_parts(sale, after, [[(0, 1)], [(0, 1)], [(0, 1)]])
    assert [part.spent_back for part in parts] == [2, 2, 3]
    assert sum(part.money_back for part in parts) == 1_000 - 7 * 25
    assert all(part.money_back >= 0 for part in parts)


def test_the_free_unit_comes_back_last_and_its_reward_with_it() -> None:
    reward = RewardKey(LATER, "rugbrod", 8)
    before = make_account(rewards={reward: 1})
    basket = Basket((bread(3),), 0, (Redemption(RedemptionKind.REWARD, "rugbrod"),))
    sale, after = buy(basket, before, EVERYTHING_ON)
    two, one = in_parts(sale, after, [[(0, 2)], [(0, 1)]])
    assert (two.amount, two.benefits, two.stamps_back) == (2_000, (), (("rugbrod", 2),))
    assert (one.amount, one.money_back, [each.name for each in one.benefits]) == (0, 0, ["rugbrod"])
    assert one.account.rewards == before.rewards


def test_a_reward_that_is_over_comes_back_for_fourteen_days() -> None:
    before = make_account(rewards={RewardKey(SOON, "rugbrod"): 1})
    sale, after = buy(Basket((bread(1),), 0, (Redemption(RedemptionKind.REWARD, "rugbrod"),)), before, EVERYTHING_ON)
    late = datetime.combine(SOON, NOON.timetz()) + timedelta(days=1)
    assert give_back(sale, after, at=late).account.rewards == {RewardKey(late.date() + GRACE, "rugbrod"): 1}


def test_stamps_of_a_full_card_open_its_reward_again_and_a_used_one_leaves_the_card_below_nothing() -> None:
    sale, after = buy(Basket((bread(23),), 0), make_account(), EVERYTHING_ON)
    assert (sum(after.rewards.values()), after.cards["rugbrod"].stamps) == (2, 3)
    fewer = give_back(sale, after, [(0, 5)])
    assert (sum(fewer.account.rewards.values()), fewer.account.cards["rugbrod"].stamps) == (1, 8)
    used = replace(after, rewards={})
    owing = give_back(sale, used, [(0, 5)])
    assert owing.account.cards["rugbrod"].stamps == -2


def test_a_reward_that_comes_back_pays_the_stamps_that_its_card_owes() -> None:
    first, full = buy(Basket((bread(10),), 0), make_account(), EVERYTHING_ON)
    basket = Basket((bread(1),), 0, (Redemption(RedemptionKind.REWARD, "rugbrod"),))
    second, used = buy(basket, full, EVERYTHING_ON, NOON + timedelta(minutes=5))
    owing = give_back(first, used).account
    assert owing.cards["rugbrod"].stamps == -10
    settled = give_back(second, owing).account
    assert (settled.cards["rugbrod"].stamps, settled.rewards) == (0, {})


THREE_FOR_ONE = replace(EVERYTHING_ON, stamp_programmes=(replace(BREAD, needed=3), VISITS))


@pytest.mark.parametrize(
    ("first", "then", "sold"), [(THREE_FOR_ONE, EVERYTHING_ON, 3), (EVERYTHING_ON, THREE_FOR_ONE, 10)]
)
def test_a_full_card_is_opened_at_what_it_asked_for_whatever_the_programme_asks_by_now(
    first: BonusProgramme, then: BonusProgramme, sold: int
) -> None:
    sale, full = buy(Basket((bread(sold),), 0), make_account(), first)
    _, after = buy(Basket((bread(1),), 0), full, then, NOON + timedelta(days=1))
    undone = give_back(sale, after).account
    assert (undone.cards["rugbrod"].stamps, undone.rewards) == (1, {})
    owing = give_back(sale, replace(after, rewards={})).account
    assert owing.cards["rugbrod"].stamps == 1 - sold


def test_who_has_left_a_household_owes_the_stamps_on_a_card_of_their_own() -> None:
    sale, _ = buy(Basket((bread(10),), 0), make_account(), EVERYTHING_ON)
    undone = give_back(sale, make_account())
    assert dict(undone.stamps_back) == {"rugbrod": 10, "besog": 1}
    assert {change.stamp_programme_id: change.stamps for change in undone.movement.stamps} == {
        "rugbrod": -10,
        "besog": -1,
    }
    assert undone.account.cards["rugbrod"] == StampCard(-10, 10)
    _, after = buy(Basket((bread(11),), 0), undone.account, EVERYTHING_ON, NOON + timedelta(days=1))
    assert (after.cards["rugbrod"].stamps, after.rewards) == (1, {})


def test_a_reward_that_is_held_at_a_till_is_not_taken() -> None:
    sale, after = buy(Basket((bread(10),), 0), make_account(), EVERYTHING_ON)
    held = after.replace_hold("h1", Hold(MEMBER, NOON + timedelta(minutes=5), rewards=("rugbrod",)))
    undone = give_back(sale, held)
    assert (sum(undone.account.rewards.values()), undone.account.cards["rugbrod"].stamps) == (1, -10)


def test_the_stamp_of_a_visit_goes_when_nothing_of_it_is_kept() -> None:
    sale, after = buy(Basket((Line("a", 1, 500), Line("b", 1, 500)), 0), make_account(), EVERYTHING_ON)
    one, other = in_parts(sale, after, [[(0, 1)], [(1, 1)]])
    assert one.account.cards["besog"].stamps == 1
    assert other.account.cards["besog"].stamps == 0


def test_what_is_bought_instead_of_what_came_back_is_a_visit_too() -> None:
    sale, after = buy(Basket((Line("a", 1, 500),), 0), make_account(), EVERYTHING_ON)
    _, again = buy(
        Basket((Line("b", 1, 500),), 0), give_back(sale, after).account, EVERYTHING_ON, NOON + timedelta(minutes=5)
    )
    assert again.cards["besog"].stamps == 1


def test_what_made_several_lines_cheaper_comes_back_with_the_last_of_them() -> None:
    basket = Basket((Line("a", 1, 2_000), Line("b", 1, 3_000)), 0, (Redemption(RedemptionKind.COUPON, "ti"),))
    sale, after = buy(basket, make_account(), EVERYTHING_ON)
    one, other = in_parts(sale, after, [[(0, 1)], [(1, 1)]])
    assert (one.amount, one.uses, one.account.uses["ti", MEMBER].used) == (1_600, (), 1)
    assert (other.amount, [(use.coupon_id, use.used) for use in other.uses]) == (2_400, [("ti", -1)])
    assert other.account.uses["ti", MEMBER].used == 0


def test_a_purchase_of_which_no_lines_were_kept_comes_back_whole() -> None:
    sale, after = buy(Basket((Line("", 2, 4_000),), 0), make_account())
    assert sale.purchase is not None
    bare = replace(sale, purchase=replace(sale.purchase, lines=()))
    with pytest.raises(Refusal):
        give_back(bare, after, [(0, 1)])
    assert give_back(bare, after).taken_back == 120


goods = st.sampled_from(["bread", "cake", "paper", "other"])
lines = st.lists(
    st.builds(
        Line,
        goods,
        st.integers(0, 23),
        st.integers(0, 50_000),
        kind=st.sampled_from([LineKind.GOODS, LineKind.GOODS, LineKind.DEPOSIT]),
    ),
    min_size=1,
    max_size=6,
)
redemptions = st.lists(
    st.sampled_from(
        [
            Redemption(RedemptionKind.REWARD, "rugbrod"),
            Redemption(RedemptionKind.COUPON, "ti"),
            Redemption(RedemptionKind.COUPON, "kage"),
        ]
    ),
    max_size=4,
)


@st.composite
def accounts(draw: st.DrawFn) -> Account:
    """A member with something of everything; who owes has nothing to spend."""
    owed = draw(st.sampled_from([0, 0, 0, 70, 900]))
    lots = draw(st.lists(st.integers(1, 20_000), max_size=4)) if not owed else []
    return make_account(
        {LotKey(date(2026 + year, 12, 31), 1 + year % 2): amount for year, amount in enumerate(lots)},
        deficit=owed,
        cards={"rugbrod": StampCard(draw(st.integers(0, 9)), 10), "besog": StampCard(draw(st.integers(0, 4)), 5)},
        rewards={RewardKey(SOON, "rugbrod"): 2, RewardKey(date(2027, 6, 30), "rugbrod"): 1},
        uses={("ti", MEMBER): CouponUse(draw(st.integers(0, 3)))},
    )


@st.composite
def purchases(draw: st.DrawFn) -> tuple[Account, Entry, Account]:
    before = draw(accounts())
    sold = tuple(draw(lines))
    available = before.balance(NOON, COPENHAGEN).available
    total = sum(line.amount for line in sold)
    payments = (Payment("invoice", draw(st.integers(0, total))),) if draw(st.booleans()) else ()
    programme = draw(st.sampled_from([EVERYTHING_ON, replace(EVERYTHING_ON, unit=Unit.POINTS, point_value=25)]))
    basket = Basket(sold, draw(st.integers(0, available)), tuple(draw(redemptions)), payments)
    try:
        sale, after = buy(basket, before, programme)
    except Refusal:
        assume(False)
    return before, sale, after


@st.composite
def splits(draw: st.DrawFn, sale: Entry) -> list[list[tuple[int, int]]]:
    """Every unit of a purchase, in any order, in refunds of any size."""
    assert sale.purchase is not None
    units = [
        (place, 1 if line.quantity else 0)
        for place, line in enumerate(sale.purchase.lines)
        for _ in range(line.quantity or 1)
    ]
    units = draw(st.permutations(units))
    cuts = sorted(draw(st.sets(st.integers(1, len(units)), max_size=5)) | {len(units)})
    return [units[begin:end] for begin, end in zip([0, *cuts], cuts, strict=False)]


@given(st.data())
def test_a_purchase_that_comes_back_whole_might_never_have_been_however_it_is_split(data: st.DataObject) -> None:
    before, sale, after = data.draw(purchases())
    parts = in_parts(sale, after, data.draw(splits(sale)))
    assert holdings(parts[-1].account) == holdings(before)
    assert sale.purchase is not None
    assert sum(part.amount for part in parts) == sale.purchase.total - sale.purchase.discount
    assert sum(part.money_back for part in parts) == sale.purchase.to_pay
    assert sum(part.spent_back for part in parts) == sale.purchase.spent
    assert sum(part.taken_back for part in parts) == sale.purchase.earned.amount
    assert all(min(part.amount, part.money_back, part.spent_back, part.taken_back) >= 0 for part in parts)
    assert all(part.money_back <= part.amount for part in parts)
    assert sum(len(part.benefits) for part in parts) == len(sale.purchase.benefits)


@given(st.data(), lines)
def test_after_any_refund_the_member_has_what_the_kept_goods_would_have_earned(
    data: st.DataObject, sold: list[Line]
) -> None:
    sale, account = buy(Basket(tuple(sold), 0), make_account(), EVERYTHING_ON)
    assert sale.purchase is not None
    returned = data.draw(st.sets(st.integers(0, len(sold) - 1), min_size=1))
    undone = give_back(sale, account, [(place, sold[place].quantity) for place in returned])
    kept = tuple(line for place, line in enumerate(sold) if place not in returned)
    bought_only_those, _ = buy(Basket(kept, 0), make_account(), EVERYTHING_ON)
    assert bought_only_those.purchase is not None
    assert sale.purchase.earned.amount - undone.taken_back == bought_only_those.purchase.earned.amount


@given(st.data())
def test_whatever_happens_between_sale_and_refund_the_account_adds_up(data: st.DataObject) -> None:
    _, sale, account = data.draw(purchases())
    at = NOON
    moved = sum(account.lots.values()) - account.deficit
    refunded: dict[int, int] = {}
    for lines_back in data.draw(splits(sale)):
        at += timedelta(days=data.draw(st.integers(0, 500)))
        wish = data.draw(st.integers(0, account.balance(at, COPENHAGEN).available))
        between, account = buy(
            Basket((Line("other", 1, data.draw(st.integers(wish, 50_000))),), wish), account, at=at
        )
        moved += between.amount
        undone = give_back(sale, account, lines_back, refunded, at)
        assert account.apply(undone.movement).lots == undone.account.lots
        account, refunded = undone.account, dict(undone.refunded)
        moved += undone.movement.amount
        assert sum(account.lots.values()) - account.deficit == moved
        assert all(amount > 0 for amount in account.lots.values())
        assert account.deficit >= 0
        assert all(count > 0 for count in account.rewards.values())


def test_a_movement_of_nothing_is_nothing() -> None:
    sale, after = buy(Basket((Line("paper", 1, 0),), 0), make_account(), replace(EVERYTHING_ON, stamp_programmes=()))
    undone = give_back(sale, after)
    assert (undone.movement, undone.amount, undone.money_back) == (Movement(), 0, 0)
