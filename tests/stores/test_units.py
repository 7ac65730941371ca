"""What each call of a till costs in DynamoDB units, held to the budgets of docs/performance.md.

A purchase is measured at its worst still within budget: 12 lines, and an account that holds 36 lots.
"""

from __future__ import annotations

from copy import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from stamkunde.bootstrap import Tills, TillSession
from stamkunde.clubs.model import Club, ReceiptNumbers, TillKey, parse_till_key
from stamkunde.clubs.service import NewClub, Operators
from stamkunde.ledger.model.receipts import Basket, Line, Receipt, TillPoint
from stamkunde.ledger.reservations import Wish
from stamkunde.members.consents import ConsentMethod
from stamkunde.members.model import Acceptance
from stamkunde.messaging.member_messages import MemberMessages
from stamkunde.settings import Settings
from stamkunde.shared.clock import FixedClock
from stamkunde.shared.idempotency import WriteKey
from tests.letterbox import member_messages
from tests.unit_meter import UnitMeter

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

PHONE = "+4526000001"
BEGAN = datetime(2026, 1, 5, 12, tzinfo=UTC)
SETTINGS = Settings("eu-north-1", "clubs", "members", "ledger", "views")


def messages_of(_: Settings, client: DynamoDBClient, club: Club) -> MemberMessages:
    return member_messages(client, club)


class MeteredTill:
    """A till whose every call is metered, authentication included, as till_api makes it."""

    def __init__(self, client: DynamoDBClient) -> None:
        desk = Operators(client, "clubs", FixedClock(BEGAN), random_bytes=bytes, clocks_movable=False)
        club = desk.create_club(NewClub("bager-holm", "Bager Holm", "DK", "hej@bagerholm.example"))
        desk.create_outlet(club.club_id, "banegaardspladsen", "Banegårdspladsen")
        numbers = ReceiptNumbers.RESTART_DAILY
        key = parse_till_key(desk.create_till(club.club_id, "banegaardspladsen", "kasse-1", "Kasse 1", numbers).key)
        assert key is not None
        self.key: TillKey = key
        self.tills = Tills(SETTINGS, client, clock=FixedClock(BEGAN), messages=messages_of)
        self.meter = UnitMeter()
        self.meter.attach(client)
        self.at(BEGAN)

    def open(self, *, writes: bool) -> TillSession:
        return self.tills.open(self.key, writes=writes)

    def at(self, instant: datetime) -> None:
        self.tills = replace(self.tills, clock=FixedClock(instant))
        self.open(writes=False)  # the club's settings are read once a minute, not with every call
        self.meter.reset()

    def join(self, *, accepts: bool = True) -> str:
        session = self.open(writes=True)
        acceptance = Acceptance(1, ConsentMethod.SIGNED_FORM, session.clock.now()) if accepts else None
        joined = session.membership.join(PHONE, "Anne-Margrethe", acceptance, "banegaardspladsen", "kasse-1")
        return joined.at_till.member.member_id

    def book(self, receipt: Receipt) -> None:
        session = self.open(writes=True)
        till = session.till
        session.ledger.book(receipt, TillPoint(till.till_id, till.outlet_id, till.receipt_numbers.value, None))

    def account_id(self, member_id: str) -> str:
        account_id = self.open(writes=False).ledger.find_account(member_id)
        assert account_id is not None
        return account_id


def large_basket(spend_bonus: int = 0) -> Basket:
    return Basket(tuple(Line(f"57010010{n:05d}", 12, 123_456) for n in range(12)), spend_bonus)


@pytest.fixture
def till(dynamodb: DynamoDBClient) -> MeteredTill:
    return MeteredTill(dynamodb)


@pytest.fixture
def worst(till: MeteredTill) -> tuple[MeteredTill, Receipt]:
    """A member whose account holds 36 lots, and a receipt of 12 lines that spends from most of them."""
    member_id = till.join()
    account_id = till.account_id(member_id)
    for month in range(36):
        at = BEGAN + timedelta(days=30.5 * month)
        till.at(at)
        till.book(Receipt(f"9{month:07d}", at, member_id, large_basket(), account_id))
    account = till.open(writes=False).ledger.store.load_account(account_id, consistent=True)
    assert account is not None
    assert len(account.lots) == 36
    at = BEGAN + timedelta(days=30.5 * 35, hours=1)
    till.at(at)
    till.meter.reset()
    return till, Receipt("10023412", at, member_id, large_basket(50_000), account_id)


def test_a_purchase_costs_six_write_units_and_two_read_units_in_one_query_and_one_transaction(
    worst: tuple[MeteredTill, Receipt],
) -> None:
    till, receipt = worst
    till.book(receipt)
    assert till.meter.written <= 6
    assert till.meter.read <= 2
    assert dict(till.meter.calls) == {"GetItem": 1, "Query": 1, "TransactWriteItems": 1}


def test_a_till_that_does_not_say_the_account_costs_one_read_more(worst: tuple[MeteredTill, Receipt]) -> None:
    till, receipt = worst
    till.book(replace(receipt, account_id=None))
    assert (till.meter.written <= 6, till.meter.read) == (True, 3)


def test_a_quote_writes_nothing_and_costs_two_read_units(worst: tuple[MeteredTill, Receipt]) -> None:
    till, receipt = worst
    till.open(writes=False).ledger.quote(receipt.basket, "banegaarden", str(receipt.member_id), receipt.account_id)
    assert till.meter.written == 0
    assert till.meter.read <= 2


def test_a_look_up_writes_nothing_and_costs_two_read_units(worst: tuple[MeteredTill, Receipt]) -> None:
    till, _ = worst
    look_up(till)  # a club's coupons are read once a minute, not with every call
    till.meter.reset()
    look_up(till)
    assert till.meter.written == 0
    assert till.meter.read <= 2


def look_up(till: MeteredTill) -> None:
    """As the till API answers it: who it is, and what they have to use."""
    session = till.open(writes=False)
    found = session.membership.look_up(PHONE)
    session.ledger.on_offer(session.till.outlet_id).standing(found.account, found.member.member_id)


def test_a_reservation_of_a_full_account_costs_two_write_units_and_its_end_as_much(
    worst: tuple[MeteredTill, Receipt],
) -> None:
    till, receipt = worst
    wish = Wish(receipt.basket, str(receipt.member_id), receipt.account_id, WriteKey("key", "content"))
    session = till.open(writes=True)
    till.meter.reset()
    held = session.reservations.reserve(wish, session.point)
    assert (till.meter.written <= 2, till.meter.read <= 2) == (True, True)
    till.meter.reset()
    session.reservations.release(held.reservation_id)
    assert (till.meter.written <= 2, till.meter.read <= 2) == (True, True)


def test_capturing_a_reservation_costs_what_a_purchase_costs(worst: tuple[MeteredTill, Receipt]) -> None:
    till, receipt = worst
    wish = Wish(receipt.basket, str(receipt.member_id), receipt.account_id, WriteKey("key", "content"))
    session = till.open(writes=True)
    held = session.reservations.reserve(wish, session.point)
    till.meter.reset()
    till.book(replace(receipt, basket=replace(receipt.basket, spend_bonus=0), reservation_id=held.reservation_id))
    assert (till.meter.written <= 6, till.meter.read <= 2) == (True, True)


@pytest.mark.parametrize("accepts", [True, False])
def test_joining_costs_eighteen_write_units(till: MeteredTill, accepts: bool) -> None:
    till.join(accepts=accepts)
    assert till.meter.written <= 18


def test_joining_is_one_transaction_with_what_is_written_to_the_member(till: MeteredTill) -> None:
    till.join(accepts=False)
    assert till.meter.calls["TransactWriteItems"] == 1
    assert set(till.meter.calls) == {"GetItem", "TransactWriteItems"}


def test_a_receipt_sent_again_writes_no_more_than_the_try(worst: tuple[MeteredTill, Receipt]) -> None:
    till, receipt = worst
    till.book(receipt)
    till.meter.reset()
    till.book(receipt)
    assert till.meter.written <= 6


def test_each_kilobyte_of_lines_beyond_twelve_costs_two_write_units(worst: tuple[MeteredTill, Receipt]) -> None:
    till, receipt = worst
    lines = tuple(Line(f"57010010{n:05d}", 12, 123_456) for n in range(300))
    till.book(replace(receipt, basket=Basket(lines, 0)))
    assert till.meter.written <= 6 + 2 * 9
