"""What lapses and whose birthday it is, seen to by the hourly visits and by nothing else."""

from __future__ import annotations

from copy import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from stamkunde.ledger.coupon_service import CouponDesk
from stamkunde.ledger.model.accounts import Account, CouponUse, Hold
from stamkunde.ledger.model.coupons import BenefitKind, Coupon, CouponAudience
from stamkunde.ledger.model.entries import Entry, EntryKind, UseChange
from stamkunde.ledger.vouchers import Vouchers
from stamkunde.members.admission import Change
from stamkunde.members.birthdays import BirthdayNotes, Birthdays, birthday_from
from stamkunde.retention.arming import Arming
from stamkunde.retention.model import HORIZON
from stamkunde.retention.service import Outcome
from stamkunde.shared.clock import FixedClock
from stamkunde.shared.idempotency import WriteKey
from stamkunde.shared.programme import EVERYTHING
from tests.due_scene import DueShop
from tests.erasing_shop import erase
from tests.factories import THREE_PERCENT, make_club
from tests.ledger_checks import assert_ledger_adds_up
from tests.shop import Shop
from tests.unit_meter import UnitMeter

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

OPENED = datetime(2026, 3, 2, 13, 30, tzinfo=UTC)
LAST_DAY = date(2026, 4, 30)
FIRST_DAY = datetime(2026, 4, 30, 22, 0, tzinfo=UTC)
"""Midnight after the last day, in Copenhagen."""

AN_HOUR = timedelta(hours=1)
A_DAY = timedelta(days=1)
NOTED_AGAIN = 6
"""Write units of an entry and its account, and of the next hint."""


def open_shop(client: DynamoDBClient, months: int = 1) -> DueShop:
    club = make_club(created_at=OPENED, programmes=(replace(THREE_PERCENT, expiry_months=months),))
    due = DueShop(Shop(client, club, clock=FixedClock(OPENED)))
    due.has_come_to(OPENED)
    return due


@pytest.fixture
def due(dynamodb: DynamoDBClient) -> DueShop:
    return open_shop(dynamodb)


def days_of(due: DueShop, member_id: str) -> list[str]:
    """When a member is to be looked at, soonest first."""
    return sorted(row["sk"].partition("#")[0] for row in due.hints() if row["sk"].endswith(member_id))


def live_until(due: DueShop, end: datetime) -> None:
    """Let an hourly run look at whoever is due, whenever somebody is."""
    while (first := min((row["sk"] for row in due.hints()), default="~")) <= f"{end:%Y%m%dT%H%M%S}":
        due.jump(max(datetime.strptime(first[:15], "%Y%m%dT%H%M%S").replace(tzinfo=UTC), due.shop.now()))
    due.at(end)


def expired_of(due: DueShop, member_id: str) -> list[Entry]:
    return [entry for entry in due.shop.entries(member_id) if entry.kind is EntryKind.EXPIRE]


def born(due: DueShop, member_id: str, day: date | None) -> None:
    """A member tells when they were born, on their page."""
    before = due.shop.members.load(member_id, consistent=True)
    assert before is not None
    due.shop.admission.write(Change(before, replace(before, birth_date=day)), due.shop.now())


def celebrating(due: DueShop) -> list[tuple[str, date]]:
    shop = due.shop
    notes = BirthdayNotes(shop.client, shop.members_table, shop.club.club_id)
    listed = Birthdays(shop.club, notes, shop.members, shop.clock).list()
    return [(each.member.member_id, each.day) for each in listed]


def test_what_lapses_is_posted_in_the_first_hour_of_the_next_day(due: DueShop) -> None:
    member_id = due.shop.new_member()
    due.shop.buy(member_id, 10_000)
    live_until(due, FIRST_DAY - AN_HOUR)
    assert expired_of(due, member_id) == []
    live_until(due, FIRST_DAY + AN_HOUR)
    (entry,) = expired_of(due, member_id)
    assert (entry.amount, entry.day, entry.booked_at) == (-300, LAST_DAY, FIRST_DAY)
    assert due.cases() == []
    assert_ledger_adds_up(due.shop, member_id)


def test_a_purchase_makes_nobody_due_and_what_it_starts_is_met_all_the_same(due: DueShop) -> None:
    member_id = due.shop.new_member()
    live_until(due, datetime(2026, 5, 20, 12, tzinfo=UTC))
    before = days_of(due, member_id)
    due.shop.buy(member_id, 10_000)
    assert days_of(due, member_id) == before
    live_until(due, datetime(2026, 6, 30, 23, 0, tzinfo=UTC))
    (entry,) = expired_of(due, member_id)
    assert (entry.day, entry.booked_at) == (date(2026, 6, 30), datetime(2026, 6, 30, 22, 0, tzinfo=UTC))


def test_a_long_life_of_bonus_brings_no_more_visits_than_the_grid(dynamodb: DynamoDBClient) -> None:
    due = open_shop(dynamodb, months=36)
    member_id = due.shop.new_member()
    due.shop.buy(member_id, 10_000)
    live_until(due, OPENED + 4 * HORIZON)
    assert due.shop.account(member_id).lots
    (planned,) = days_of(due, member_id)
    assert planned > f"{OPENED + 4 * HORIZON:%Y%m%dT}"


def test_posting_costs_what_an_entry_does_and_a_hint(due: DueShop) -> None:
    member_id = due.shop.new_member()
    due.shop.buy(member_id, 10_000)
    live_until(due, FIRST_DAY - AN_HOUR)
    due.has_come_to(FIRST_DAY - AN_HOUR)
    due.at(FIRST_DAY)
    meter = UnitMeter()
    meter.attach(due.shop.client)
    assert due.run_job().outcomes[Outcome.REARMED] == 1
    # How far the run came is noted besides.
    assert meter.written == NOTED_AGAIN + 1
    assert len(expired_of(due, member_id)) == 1


def test_a_household_is_visited_by_each_and_loses_once(due: DueShop) -> None:
    first, second = due.shop.new_member(), due.shop.new_member()
    due.shop.households.join(second, first, "Ida")
    due.shop.buy(first, 10_000)
    due.shop.buy(second, 20_000)
    live_until(due, FIRST_DAY + AN_HOUR)
    assert [entry.amount for entry in expired_of(due, first)] == [-900]
    assert due.shop.account(first).account_id == due.shop.account(second).account_id
    assert_ledger_adds_up(due.shop, first)


def test_what_is_held_for_a_receipt_is_looked_at_again_in_an_hour(due: DueShop) -> None:
    member_id = due.shop.new_member()
    due.shop.buy(member_id, 10_000)
    live_until(due, FIRST_DAY - AN_HOUR)
    account = due.shop.account(member_id)
    held = account.replace_hold("h1", Hold(member_id, FIRST_DAY + timedelta(minutes=10), bonus=100))
    due.shop.store.put_alone(due.shop.store.account_write(account, replace(held, revision=account.revision + 1)))
    due.jump(FIRST_DAY)
    assert expired_of(due, member_id) == []
    assert due.machine.started == {}
    assert days_of(due, member_id) == [f"{FIRST_DAY + AN_HOUR:%Y%m%dT%H%M%S}000Z"]
    due.jump(FIRST_DAY + AN_HOUR)
    assert len(expired_of(due, member_id)) == 1


def test_whoever_is_being_reminded_loses_what_lapses_too(due: DueShop) -> None:
    """A case is under way on the first day: the visit after it posts."""
    member_id = due.open_member(buys=10_000)
    account = due.shop.account(member_id)
    lots = {replace(lot, expires_on=date(2026, 3, 6)): amount for lot, amount in account.lots.items()}
    changed = replace(account, lots=lots, revision=account.revision + 1)
    due.shop.store.put_alone(due.shop.store.account_write(account, changed))
    live_until(due, datetime(2026, 3, 7, 12, tzinfo=UTC))
    assert due.reminders() == ["terms_week_1"]
    assert [entry.day for entry in expired_of(due, member_id)] == [date(2026, 3, 6)]


def test_an_account_that_cannot_be_posted_is_tried_again_and_holds_up_nobody(
    due: DueShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = due.shop.new_member(), due.shop.new_member()
    for member_id in (bad, good):
        due.shop.buy(member_id, 10_000)
    live_until(due, FIRST_DAY - AN_HOUR)
    broken, commit = due.shop.account(bad).account_id, type(due.shop.store).account_write

    def break_one(store: object, before: Account, after: Account) -> object:
        if before.account_id == broken:
            raise ValueError("no such lot")
        return commit(store, before, after)  # type: ignore[arg-type]

    monkeypatch.setattr(type(due.shop.store), "account_write", break_one)
    assert len(due.jump(FIRST_DAY).broken) == 1
    assert [len(expired_of(due, each)) for each in (bad, good)] == [0, 1]
    monkeypatch.undo()
    due.jump(FIRST_DAY + AN_HOUR)
    assert len(expired_of(due, bad)) == 1


def voucher_until(due: DueShop, member_id: str, last_day: date | None) -> None:
    """The operator gives a member a voucher for a coupon of many months."""
    shop = due.shop
    coupon = Coupon(
        "kaffe",
        1,
        "Kaffe",
        BenefitKind.PERCENT_OFF,
        1000,
        OPENED - A_DAY,
        OPENED + timedelta(days=700),
        EVERYTHING,
        audience=CouponAudience.VOUCHER,
        uses_per_member=None,
    )
    if shop.store.coupons.find("kaffe") is None:
        CouponDesk(shop.store.coupons, [], FixedClock(OPENED - 2 * A_DAY), shop.patience).publish(coupon)
    key = WriteKey(f"k{last_day}{shop.now()}", "0" * 32)
    vouchers = Vouchers(shop.ledger, Arming(shop.club, shop.due).day_write)
    vouchers.hand_out(member_id, "kaffe", last_day, key)


def test_a_voucher_that_nobody_used_is_taken_off_a_week_after_its_last_day(dynamodb: DynamoDBClient) -> None:
    due = open_shop(dynamodb, months=36)
    member_id = due.shop.new_member()
    voucher_until(due, member_id, date(2026, 3, 20))
    gone_on = datetime(2026, 3, 27, 23, 0, tzinfo=UTC)
    assert days_of(due, member_id)[0] <= f"{gone_on:%Y%m%dT%H%M%S}000Z"
    live_until(due, gone_on - AN_HOUR)
    assert due.shop.account(member_id).uses["kaffe", member_id].vouchers == 1
    live_until(due, gone_on + AN_HOUR)
    (entry,) = expired_of(due, member_id)
    assert (entry.member_id, entry.day, entry.uses) == (member_id, date(2026, 3, 20), (UseChange("kaffe", 0, -1),))
    use = due.shop.account(member_id).uses["kaffe", member_id]
    assert (use.used, use.vouchers, use.last_day) == (0, 0, date(2026, 3, 20))
    assert_ledger_adds_up(due.shop, member_id)


def test_a_new_voucher_is_not_taken_for_one_that_was_taken_off(dynamodb: DynamoDBClient) -> None:
    due = open_shop(dynamodb, months=36)
    member_id = due.shop.new_member()
    voucher_until(due, member_id, date(2026, 3, 20))
    live_until(due, datetime(2026, 4, 2, 12, tzinfo=UTC))
    voucher_until(due, member_id, date(2026, 4, 20))
    use = due.shop.account(member_id).uses["kaffe", member_id]
    assert (use.vouchers, use.last_day) == (1, date(2026, 4, 20))
    live_until(due, datetime(2026, 5, 2, 12, tzinfo=UTC))
    assert due.shop.account(member_id).uses["kaffe", member_id].vouchers == 0
    assert len(expired_of(due, member_id)) == 2
    assert_ledger_adds_up(due.shop, member_id)


def test_a_voucher_without_a_last_day_ends_with_its_coupon(dynamodb: DynamoDBClient) -> None:
    due = open_shop(dynamodb, months=36)
    member_id = due.shop.new_member()
    before = days_of(due, member_id)
    voucher_until(due, member_id, None)
    assert days_of(due, member_id) == before
    live_until(due, OPENED + timedelta(days=200))
    assert due.shop.account(member_id).uses["kaffe", member_id] == CouponUse(0, 1, revision=1)


def test_bonus_and_vouchers_of_a_household_lapse_in_one_transaction(due: DueShop) -> None:
    first, second = due.shop.new_member(), due.shop.new_member()
    due.shop.households.join(second, first, "Ida")
    due.shop.buy(first, 10_000)
    for member_id in (first, second):
        voucher_until(due, member_id, LAST_DAY - timedelta(days=7))
    live_until(due, FIRST_DAY + AN_HOUR)
    rows = [due.shop.store.every_entry(due.shop.account(first).account_id)]
    posted = [entry for entries in rows for entry in entries if entry.kind is EntryKind.EXPIRE]
    assert sorted(entry.member_id or "" for entry in posted) == sorted(["", first, second])
    assert {entry.booked_at for entry in posted} == {FIRST_DAY}
    assert_ledger_adds_up(due.shop, first)


def test_on_their_birthday_a_member_is_shown_and_no_other_day(due: DueShop) -> None:
    member_id = due.shop.new_member()
    born(due, member_id, date(1990, 3, 10))
    live_until(due, datetime(2026, 3, 9, 22, tzinfo=UTC))
    assert celebrating(due) == []
    live_until(due, datetime(2026, 3, 10, 8, tzinfo=UTC))
    assert celebrating(due) == [(member_id, date(2026, 3, 10))]
    assert due.cases() == []
    assert due.letters("birthday") == []
    live_until(due, datetime(2026, 3, 16, 8, tzinfo=UTC))
    assert celebrating(due) == [(member_id, date(2026, 3, 10))]
    live_until(due, datetime(2026, 3, 17, 8, tzinfo=UTC))
    assert celebrating(due) == []


def test_a_birthday_comes_again_each_year(due: DueShop) -> None:
    member_id = due.shop.new_member()
    born(due, member_id, date(1990, 3, 10))
    live_until(due, datetime(2027, 3, 10, 8, tzinfo=UTC))
    assert celebrating(due) == [(member_id, date(2027, 3, 10))]


def test_a_birthday_on_which_no_job_ran_is_passed_over(due: DueShop) -> None:
    member_id = due.shop.new_member()
    born(due, member_id, date(1990, 3, 10))
    due.jump(datetime(2026, 3, 11, 8, tzinfo=UTC))
    assert celebrating(due) == []
    assert days_of(due, member_id)[0] > "20260312"


def test_who_tells_another_date_is_shown_on_that_day_only(due: DueShop) -> None:
    member_id = due.shop.new_member()
    born(due, member_id, date(1990, 3, 10))
    live_until(due, datetime(2026, 3, 10, 8, tzinfo=UTC))
    born(due, member_id, date(1990, 3, 12))
    assert celebrating(due) == []
    live_until(due, datetime(2026, 3, 12, 8, tzinfo=UTC))
    assert celebrating(due) == [(member_id, date(2026, 3, 12))]


def test_a_birthday_of_today_that_is_told_today_is_shown_within_the_hour(due: DueShop) -> None:
    member_id = due.shop.new_member()
    born(due, member_id, date(1990, 3, 2))
    due.jump(due.shop.now() + AN_HOUR)
    assert celebrating(due) == [(member_id, date(2026, 3, 2))]


def test_nobody_is_congratulated_who_accepted_no_terms(due: DueShop) -> None:
    member_id = due.open_member()
    born(due, member_id, date(1990, 3, 5))
    live_until(due, datetime(2026, 3, 5, 12, tzinfo=UTC))
    assert celebrating(due) == []


def test_nothing_of_a_birthday_is_left_of_who_is_erased_whatever_date_they_told_since(due: DueShop) -> None:
    member_id = due.shop.new_member()
    born(due, member_id, date(1990, 3, 10))
    live_until(due, datetime(2026, 3, 10, 8, tzinfo=UTC))
    born(due, member_id, None)
    due.at(datetime(2026, 3, 19, 8, tzinfo=UTC))
    assert [row["sk"] for row in due.rows("BIRTHDAYS#") if row["sk"] == member_id] == [member_id]
    erase(due.shop, member_id)
    assert [row["sk"] for row in due.rows("BIRTHDAYS#") if row["sk"] == member_id] == []


@pytest.mark.parametrize(
    ("told", "since", "on"),
    [
        (date(1990, 3, 2), date(2026, 3, 2), date(2026, 3, 2)),
        (date(1990, 3, 2), date(2026, 3, 3), date(2027, 3, 2)),
        (date(1992, 2, 29), date(2026, 1, 1), date(2026, 3, 1)),
        (date(1992, 2, 29), date(2028, 1, 1), date(2028, 2, 29)),
        (date(1992, 2, 29), date(2027, 3, 2), date(2028, 2, 29)),
        (date(1990, 12, 31), date(2027, 1, 1), date(2027, 12, 31)),
    ],
)
def test_a_birthday_is_the_day_on_which_they_are_a_year_older(
    due: DueShop, told: date, since: date, on: date
) -> None:
    member = due.shop.members.load(due.shop.new_member(), consistent=True)
    assert member is not None
    assert birthday_from(replace(member, birth_date=told), since) == on
