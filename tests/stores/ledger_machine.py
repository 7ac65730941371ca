"""Everything that moves bonus, stamps and coupons, in any order: what a random walk over the ledger can do.

Each step is tried, may be refused, and may lose the answer of its write; then it is asked again, as a till would.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import replace
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ReadTimeoutError
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, precondition, rule

from stamkunde.ledger.expiry import Expiry
from stamkunde.ledger.model.accounts import Account
from stamkunde.ledger.model.adjusting import BONUS, Brought, Correction, CorrectionReason
from stamkunde.ledger.model.coupons import BenefitKind, Coupon, CouponHistory
from stamkunde.ledger.model.entries import Entry
from stamkunde.ledger.model.proving import differences
from stamkunde.ledger.model.receipts import Basket, Line, Receipt, Redemption, RedemptionKind
from stamkunde.ledger.model.reversal import Refund
from stamkunde.ledger.reservations import Wish
from stamkunde.ledger.transfers import Gift
from stamkunde.shared.errors import Refusal
from stamkunde.shared.idempotency import WriteKey
from stamkunde.shared.patience import Patience
from stamkunde.shared.programme import Selection, StampProgramme
from tests.factories import LONG_AGO, THREE_PERCENT, make_club
from tests.shop import Shop

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

RYE, CAKE = "5701001", "5701002"
USES_EACH, USES_IN_ALL = 2, 4
LOOKS_EVERY = 30
RYE_CARD = StampProgramme(
    "rugbrod", "Rugbrød", needed=3, reward_name="gratis rugbrød", items=Selection((RYE,)), reward=Selection((RYE,)),
    expiry_months=2, most_carried_over=2,
)  # fmt: skip
PROGRAMME = replace(
    THREE_PERCENT, rate=2_500, expiry_months=2, stamp_programmes=(RYE_CARD,), most_bonus_carried_over=5_000
)
CAKE_COUPON = Coupon(
    "kage", 1, "Gratis kage", BenefitKind.FREE_ITEM, 0, LONG_AGO, LONG_AGO.replace(year=2099), Selection((CAKE,)),
    uses_per_member=USES_EACH, total=USES_IN_ALL,
)  # fmt: skip
REWARD = Redemption(RedemptionKind.REWARD, "rugbrod")
COUPON = Redemption(RedemptionKind.COUPON, "kage")

lines = st.lists(
    st.builds(Line, st.sampled_from([RYE, CAKE]), st.integers(1, 4), st.integers(0, 20_000)), min_size=1, max_size=3
)
redemptions = st.sampled_from([(), (), (), (), (REWARD,), (COUPON,), (REWARD, COUPON)])
members = st.integers(0, 3)
amounts = st.sampled_from([0, 0, 0, 1, 700, 3_000])


@dataclass
class LosesAnswers:
    """A client whose next write is carried out, and not answered; it counts the entries that were written."""

    inner: Any
    lose_next: bool = False
    entries_written: int = 0
    entries_lost: int = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def transact_write_items(self, **given: Any) -> Any:
        answer = self.inner.transact_write_items(**given)
        items = [write.get("Put", {}).get("Item", {}) for write in given["TransactItems"]]
        written = sum(item.get("sk", {}).get("S", "").startswith("ENTRY#") for item in items)
        self.entries_written += written
        if self.lose_next:
            self.lose_next, self.entries_lost = False, written
            raise ReadTimeoutError(endpoint_url="dynamodb")
        return answer


@dataclass(frozen=True)
class Sale:
    """A receipt that was booked, and its entry."""

    receipt: Receipt
    entry: Entry


class LedgerMachine(RuleBasedStateMachine):
    """A random walk; after each step the ledger adds up, and no entry has changed."""

    sales: Bundle[Sale] = Bundle("sales")
    holds: Bundle[tuple[str, str]] = Bundle("holds")

    def __init__(self, dynamodb: DynamoDBClient) -> None:
        super().__init__()
        self.answers = LosesAnswers(dynamodb)
        self.client: DynamoDBClient = self.answers  # type: ignore[assignment]
        self.shop = Shop(self.client, make_club(programmes=(PROGRAMME,)), patience=Patience(limit=5.0))
        self.keys = map(str, count(1))
        self.people: list[str] = []
        self.accounts: set[str] = set()
        self.kept: dict[str, Entry] = {}
        self.steps = 0
        self.merged = False

    @initialize()
    def open(self) -> None:
        self.shop.store.coupons.commit(self.shop.store.coupons.publish_writes(None, CouponHistory((CAKE_COUPON,))))
        self.people = [self.shop.new_member() for _ in range(4)]
        self.note_accounts()
        for who in range(len(self.people)):
            self.shop.ledger.book(self.receipt(who, [Line(RYE, 2, 20_000)], (), 0, 0), self.shop.point)

    # --- what tills do

    @rule(
        target=sales,
        who=members,
        bought=lines,
        uses=redemptions,
        spend=amounts,
        late=st.integers(0, 5),
        lost=st.booleans(),
    )
    def buy(
        self, who: int, bought: list[Line], uses: tuple[Redemption, ...], spend: int, late: int, lost: bool
    ) -> Any:
        receipt = self.receipt(who, bought, uses, spend, late)
        booked = self.attempt(lambda: self.shop.ledger.book(receipt, self.shop.point), lost=lost)
        return multiple() if booked is None else Sale(receipt, booked.entry)

    @rule(target=sales, who=members, bought=lines, uses=redemptions, spend=amounts)
    def sell_offline(self, who: int, bought: list[Line], uses: tuple[Redemption, ...], spend: int) -> Sale:
        receipt = replace(self.receipt(who, bought, uses, spend, 1), offline=True)
        return Sale(receipt, self.shop.ledger.book(receipt, self.shop.point).entry)

    @rule(sale=sales)
    def send_again(self, sale: Sale) -> None:
        again = self.shop.ledger.book(sale.receipt, self.shop.point)
        assert again.repeated
        assert again.entry == sale.entry

    @rule(target=holds, who=members, bought=lines, uses=redemptions, spend=amounts, lost=st.booleans())
    def reserve(self, who: int, bought: list[Line], uses: tuple[Redemption, ...], spend: int, lost: bool) -> Any:
        wish = Wish(Basket(tuple(bought), spend, uses), self.people[who], None, self.key())
        reserved = self.attempt(lambda: self.shop.reservations.reserve(wish, self.shop.point), lost=lost)
        return multiple() if reserved is None else (self.people[who], reserved.reservation_id)

    @rule(target=sales, hold=holds, bought=lines, lost=st.booleans())
    def capture(self, hold: tuple[str, str], bought: list[Line], lost: bool) -> Any:
        receipt = replace(self.receipt(0, bought, (), 0, 0), member_id=hold[0], reservation_id=hold[1])
        booked = self.attempt(lambda: self.shop.ledger.book(receipt, self.shop.point), lost=lost)
        return multiple() if booked is None else Sale(receipt, booked.entry)

    @rule(hold=holds, lost=st.booleans())
    def let_go(self, hold: tuple[str, str], lost: bool) -> None:
        self.attempt(lambda: self.shop.reservations.release(hold[1]), lost=lost)

    @rule(sale=sales, part=st.integers(0, 5), units=st.integers(1, 4), whole=st.booleans(), lost=st.booleans())
    def refund(self, sale: Sale, part: int, units: int, whole: bool, lost: bool) -> None:
        assert sale.entry.purchase is not None
        chosen = None if whole else ((part % len(sale.entry.purchase.lines), units),)
        refund = Refund(sale.entry.purchase.purchase_id, f"r{next(self.keys)}", self.shop.now(), chosen)
        self.attempt(lambda: self.shop.ledger.refunds.book(refund, self.shop.point), lost=lost)

    # --- what people do

    @rule(giver=members, receiver=members, bonus=st.integers(1, 4_000), lost=st.booleans())
    def give(self, giver: int, receiver: int, bonus: int, lost: bool) -> None:
        gift, key = Gift(self.people[giver], self.people[receiver], bonus, "Mette"), self.key()
        self.attempt(lambda: self.shop.transfers.give(gift, key), lost=lost)

    @rule(who=members, bonus=st.integers(-3_000, 3_000), stamps=st.integers(-4, 4), lost=st.booleans())
    def correct(self, who: int, bonus: int, stamps: int, lost: bool) -> None:
        what: dict[str, Any] = {"bonus": bonus} if bonus % 2 else {"stamps": stamps, "stamp_programme_id": "rugbrod"}
        wish = Correction(self.people[who], CorrectionReason.GOODWILL, "En fejl", "Jens", **what)
        key = self.key()
        self.attempt(lambda: self.shop.adjustments.correct(wish, key), lost=lost)

    @rule(who=members, bonus=st.integers(1, 5_000), of_stamps=st.booleans(), lost=st.booleans())
    def bring_along(self, who: int, bonus: int, of_stamps: bool, lost: bool) -> None:
        brought = Brought("rugbrod", 2) if of_stamps else Brought(BONUS, bonus)
        key, point = self.key(), self.shop.point
        self.attempt(
            lambda: self.shop.adjustments.carry_over(
                self.people[who], brought, key, outlet_id=point.outlet_id, till_id=point.till_id
            ),
            lost=lost,
        )

    @rule(guest=members, host=members, lost=st.booleans())
    def share(self, guest: int, host: int, lost: bool) -> None:
        self.attempt(lambda: self.shop.households.join(self.people[guest], self.people[host], "Jens"), lost=lost)

    @rule(who=members, lost=st.booleans())
    def live_alone(self, who: int, lost: bool) -> None:
        self.attempt(lambda: self.shop.households.leave(self.people[who], "Jens"), lost=lost)
        self.note_accounts()

    @precondition(lambda self: not self.merged)
    @rule(loser=members, winner=members, lost=st.booleans())
    def merge(self, loser: int, winner: int, lost: bool) -> None:
        merged = self.attempt(
            lambda: self.shop.merging.merge(self.people[loser], self.people[winner], "Jens"), lost=lost
        )
        self.merged = merged is not None

    # --- what time does

    @rule(hours=st.sampled_from([0, 0, 0, 1, 26, 24 * 13, 24 * 40]), minutes=st.integers(1, 59))
    def wait(self, hours: int, minutes: int) -> None:
        self.shop.wait(timedelta(hours=hours, minutes=minutes))

    @rule()
    def post_what_lapsed(self) -> None:
        shop = self.shop
        expiry = Expiry(shop.store, shop.clock, shop.club.time_zone, shop.patience)
        for account_id in sorted(self.accounts):
            expiry.post(account_id)

    # --- what must hold

    @invariant()
    def the_ledger_adds_up(self) -> None:
        """Looked at now and then, since every look reads everything, and at the end."""
        self.steps += 1
        if self.steps % LOOKS_EVERY == 0:
            self.look()

    def teardown(self) -> None:
        """Look at what a walk has left."""
        if self.people:
            self.look()

    def look(self) -> None:
        """Read everything once."""
        found: dict[str, Entry] = {}
        for account_id in sorted(self.accounts):
            account = self.shop.store.load_account(account_id, consistent=True)
            entries = list(self.shop.store.every_entry(account_id))
            found |= {entry.entry_id: entry for entry in entries}
            assert account is not None
            assert differences(account, entries) == []
            self.it_promises_no_more_than_there_is(account)
        self.no_entry_has_changed(found)
        self.no_coupon_is_used_more_often_than_all_together_may()

    def no_entry_has_changed(self, found: dict[str, Entry]) -> None:
        assert self.kept.items() <= found.items()
        receipts = [entry.purchase.purchase_id for entry in found.values() if entry.purchase]
        assert len(receipts) == len(set(receipts)), "a receipt counted twice"
        self.kept = found

    def it_promises_no_more_than_there_is(self, account: Account) -> None:
        balance = account.balance(self.shop.now(), self.shop.club.time_zone)
        assert balance.available >= 0
        assert balance.total == sum(account.lots.values()) - account.deficit
        assert all(0 <= use.used <= USES_EACH for use in account.uses.values())

    def no_coupon_is_used_more_often_than_all_together_may(self) -> None:
        limit = self.shop.store.coupons.limit(CAKE_COUPON.coupon_id)
        assert limit is not None
        used = sum(change.used for entry in self.kept.values() for change in entry.uses)
        assert used <= limit.taken <= USES_IN_ALL

    # --- how it is done

    def attempt[T](self, act: Callable[[], T], *, lost: bool) -> T | None:
        """An act, or None if it is refused; when its answer is lost, it is asked for again and done once."""
        self.answers.lose_next = lost
        try:
            return act()
        except Refusal as refusal:
            assert refusal.code not in {"internal_error", "try_again"}
            return None
        except ReadTimeoutError:
            written, lost_entries = self.answers.entries_written, self.answers.entries_lost
            done = act()
            # What lapsed may be swept away before: then nothing was done when that answer was lost.
            assert not lost_entries or self.answers.entries_written == written, "asked again, it was done twice"
            return done
        finally:
            self.answers.lose_next = False

    def note_accounts(self) -> None:
        """Every account there ever was: members may leave some behind."""
        self.accounts |= {account_id for who in self.people if (account_id := self.shop.members.find_account(who))}

    def receipt(
        self, who: int, bought: list[Line], uses: tuple[Redemption, ...], spend: int, days_late: int
    ) -> Receipt:
        return Receipt(
            next(self.keys),
            self.shop.now() - timedelta(days=days_late),
            self.people[who],
            Basket(tuple(bought), spend, uses),
        )

    def key(self) -> WriteKey:
        number = next(self.keys)
        return WriteKey(number, number)
