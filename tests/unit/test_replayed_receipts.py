"""Real receipts and refunds one after the other: every amount, stamp, reward and coupon equals the SQL calculation.

`make replay` does the same over HTTP, several tills at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import msgspec
import pytest

from operator_task.coupon_tasks import CouponFile
from stamkunde.clubs.programme_form import read_programme
from stamkunde.clubs.programmes import check_programme
from stamkunde.ledger.model.accounts import Account, AccountMember
from stamkunde.ledger.model.coupons import Coupon, check_coupon
from stamkunde.ledger.model.entries import Entry, EntryKind, PurchaseFacts
from stamkunde.ledger.model.receipts import Basket, Line, ReceiptTime, Redemption, RedemptionKind
from stamkunde.ledger.model.redeeming import Offers
from stamkunde.ledger.model.reversal import reverse
from stamkunde.ledger.model.settlement import Settlement, Terms, settle
from stamkunde.shared.clock import local_date
from stamkunde.shared.errors import Refusal
from stamkunde.shared.programme import BonusProgramme
from stamkunde.shared.terms import NOT_ACCEPTED
from tests.factories import COPENHAGEN
from tests.replay.plan import Household, Plan, PlannedRefund, PlannedSale
from tests.replay.promises import OUTLETS, PROGRAMME

BASKETS = 3_000
YEAR_BEGINS = datetime(2016, 12, 31, 12, tzinfo=UTC)
MEMBER = "m0000000000000001"


@dataclass
class Counter:
    """A shop of which every rule is applied at once, and nothing kept but accounts and what was sold."""

    programme: BonusProgramme
    coupons: dict[str, Coupon]
    accounts: dict[int, Account]
    sold: dict[int, Entry] = field(default_factory=dict)
    refunded: dict[int, dict[int, int]] = field(default_factory=dict)

    def sell(self, sale: PlannedSale, day: date) -> None:
        account = self.accounts[sale.household_id]
        redemption = Redemption(RedemptionKind.COUPON, sale.coupon_id) if sale.coupon_id else None
        asked = (redemption,) if redemption else ()
        if sale.refusal and not sale.late:
            with pytest.raises(Refusal) as refusal:
                self._settle(sale, day, asked)
            assert refusal.value.code == sale.refusal, sale.basket_id
            asked = ()
        settled = self._settle(sale, day, asked)
        stamps = sum(units for each in settled.stamped.values() for _, units in each.by_line)
        told = (settled.earned.amount, settled.spent, settled.discount, settled.to_pay, stamps)
        assert told == (sale.earned, sale.spent, sale.discount, sale.to_pay, sale.stamps), sale.basket_id
        refused = [sale.refusal] if sale.refusal and sale.late else []
        assert [each.code for each in settled.refused] == refused, sale.basket_id
        self.sold[sale.basket_id] = _entry(sale, settled, account.account_id, _booked(day))
        self.accounts[sale.household_id] = settled.account

    def _settle(self, sale: PlannedSale, day: date, redemptions: tuple[Redemption, ...]) -> Settlement:
        outlet_id = OUTLETS[sale.store_id % len(OUTLETS)]
        return settle(
            Basket(_lines(sale), sale.spent, redemptions),
            Terms(self.programme, outlet_id, COPENHAGEN, Offers(coupons=self.coupons)),
            self.accounts[sale.household_id],
            MEMBER,
            ReceiptTime(sale.bought_at, _booked(day)),
            offline=sale.late,
        )

    def take_back(self, refund: PlannedRefund, day: date) -> None:
        account = self.accounts[refund.household_id]
        before = self.refunded.get(refund.basket_id, {})
        asked = None if refund.lines is None else [(each["line"] - 1, each["quantity"]) for each in refund.lines]
        entry = self.sold[refund.basket_id]
        back = reverse(entry, before, asked, account, MEMBER, _booked(day), COPENHAGEN)
        told = (back.amount, back.money_back, back.spent_back, back.taken_back, back.owed)
        due = (refund.amount, refund.money_back, refund.spent_back, refund.taken_back, refund.owed)
        assert told == due, refund.basket_id
        found = (sum(units for _, units in back.stamps_back), bool(back.benefits))
        assert found == (refund.stamps, refund.coupon_back), refund.basket_id
        if refund.nothing_left:
            with pytest.raises(Refusal, match="refund_exceeds_sale"):
                reverse(entry, back.refunded, None, back.account, MEMBER, _booked(day), COPENHAGEN)
        self.refunded[refund.basket_id] = dict(back.refunded)
        self.accounts[refund.household_id] = back.account


def published(form: dict[str, Any]) -> Coupon:
    coupon = msgspec.convert(form, CouponFile).to_coupon(COPENHAGEN, YEAR_BEGINS)
    check_coupon(coupon, OUTLETS)
    return coupon


def promised() -> BonusProgramme:
    programme = read_programme(PROGRAMME, YEAR_BEGINS, COPENHAGEN)
    check_programme(programme, programme, 36, OUTLETS)
    return programme


def opened(household: Household) -> Account:
    terms_version = NOT_ACCEPTED if household.open else 1
    return Account(f"a{household.household_id}", 1, {}, {MEMBER: AccountMember(terms_version, None)})


def _booked(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(0, 5), UTC)


def _lines(sale: PlannedSale) -> tuple[Line, ...]:
    return tuple(
        Line(line["item_number"], line["quantity"], line["amount"], line["item_group"]) for line in sale.lines
    )


def _entry(sale: PlannedSale, settled: Settlement, account_id: str, booked_at: datetime) -> Entry:
    facts = PurchaseFacts(
        purchase_id=str(sale.basket_id),
        receipt_number=str(sale.basket_id),
        bought_at=sale.bought_at,
        total=settled.total,
        earned=settled.earned,
        asked_to_spend=settled.asked_to_spend,
        spent=settled.spent,
        lines=_lines(sale),
        flags=(),
        paid_with_bonus=settled.paid_with_bonus,
        not_earning=settled.not_earning,
        line_rates=settled.line_rates,
        benefits=settled.benefits,
        stamped=tuple((name, each.by_line) for name, each in settled.stamped.items()),
    )
    return Entry(
        entry_id=str(sale.basket_id),
        kind=EntryKind.PURCHASE,
        account_id=account_id,
        member_id=MEMBER,
        outlet_id=OUTLETS[sale.store_id % len(OUTLETS)],
        till_id="till-0",
        booked_at=booked_at,
        day=local_date(sale.bought_at, COPENHAGEN),
        movement=settled.movement,
        balance=settled.balance,
        purchase=facts,
    )


def test_every_amount_stamp_and_coupon_of_real_receipts_and_refunds_is_right() -> None:
    plan = Plan(BASKETS)
    households = plan.households()
    coupons = {form["coupon_id"]: published(form) for form in plan.coupons()}
    shop = Counter(promised(), coupons, {each.household_id: opened(each) for each in households})
    for planned in plan.days():
        for event in planned.events:
            if isinstance(event, PlannedSale):
                shop.sell(event, planned.day)
            else:
                shop.take_back(event, planned.day)
    for household in households:
        account = shop.accounts[household.household_id]
        left = (
            sum(account.lots.values()) - account.deficit,
            sum(card.stamps for card in account.cards.values()),
            sum(account.rewards.values()),
            sum(use.used for use in account.uses.values()),
        )
        expected = (household.balance, household.stamps, household.rewards, household.coupons_used)
        assert left == expected, household.household_id
    facts = plan.facts()
    plan.close()
    assert len(shop.sold) == facts["baskets"] == BASKETS
    assert {kind: count for kind, count in facts.items() if not count} == {}
    assert {coupon.benefit.value for coupon in coupons.values()} == {"percent_off", "amount_off", "free_item"}
    assert sum(household.rewards for household in households) > 0
