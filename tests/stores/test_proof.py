"""The nightly proof on real tables: what is changed behind the ledger's back is found, and left as it is."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from stamkunde.ledger.care_store import CareStore, touch_accounts
from stamkunde.ledger.model.proving import Difference, DifferenceKind
from stamkunde.ledger.proof import NIGHTS, NightlyProof, Proof, ProofRun, Unsettled, slice_of
from stamkunde.ledger.store import ACCOUNT_SHARDS, guest_account
from stamkunde.shared.clock import FixedClock
from stamkunde.shared.ids import shard_of
from stamkunde.shared.item import to_wire
from tests.ledger_checks import every_row, rows
from tests.shop import Shop

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

NIGHT = datetime(2026, 11, 22, 1, 30, tzinfo=UTC)
"""Half past two in Copenhagen."""


def never() -> bool:
    return False


@pytest.fixture
def shop(dynamodb: DynamoDBClient) -> Shop:
    return Shop(dynamodb)


def care(shop: Shop) -> CareStore:
    return CareStore(shop.client, "views", shop.club.club_id)


def proof(shop: Shop) -> Proof:
    return Proof(shop.store, shop.clock, shop.club.time_zone)


def at_night(shop: Shop, instant: datetime = NIGHT) -> NightlyProof:
    shop.clock = FixedClock(instant)
    return NightlyProof(proof(shop), care(shop))


def customer(shop: Shop) -> str:
    """An account with a purchase and a spending."""
    member_id = shop.new_member()
    shop.buy(member_id, 100_000)
    shop.buy(member_id, 10_000, spend_bonus=1_000)
    return shop.account(member_id).account_id


def touch(shop: Shop, *account_ids: str) -> None:
    touch_accounts(shop.client, "views", [(shop.club.club_id, each) for each in account_ids])


def tamper(shop: Shop, account_id: str, change: Callable[[dict[str, Any]], None], kind: str = "ACCOUNT") -> str:
    """Change a row behind the ledger's back. Returns its sort key."""
    row = next(
        row for row in rows(shop.client, "ledger") if row["pk"].endswith(account_id) and row["sk"].startswith(kind)
    )
    change(row)
    shop.client.put_item(TableName="ledger", Item=to_wire(row))
    return str(row["sk"])


def one_more(row: dict[str, Any]) -> None:
    lot = next(iter(row["lots"]))
    row["lots"][lot] += 1


def test_an_account_that_tills_wrote_is_what_its_entries_say(shop: Shop) -> None:
    proved = proof(shop).prove(customer(shop))
    assert (proved.entries, proved.differences) == (2, ())
    assert (proved.flows.earned, proved.flows.spent) == (3_270, -1_000)
    assert proved.flows.total == proved.liability.total == 2_270


def test_what_is_found_twice_in_a_night_is_one_difference() -> None:
    one, other = (Difference("a1", kind) for kind in (DifferenceKind.LOTS, DifferenceKind.MISSING))
    both = ProofRun(1, differences=(one,)) + ProofRun(1, differences=(other, one))
    assert (both.accounts, both.differences) == (2, (one, other))


def test_a_lot_that_was_changed_is_found_and_not_repaired(shop: Shop) -> None:
    account_id = customer(shop)
    tamper(shop, account_id, one_more)
    touch(shop, account_id)
    before = every_row(shop.client)["ledger"]
    run = at_night(shop).run(never)
    assert [(each.account_id, each.kind) for each in run.differences] == [(account_id, DifferenceKind.LOTS)]
    assert every_row(shop.client)["ledger"] == before
    (noted,) = care(shop).noted_differences()
    assert (noted.account_id, noted.found_at, noted.differences) == (account_id, NIGHT, run.differences)


def test_an_account_that_differs_is_proved_every_night_until_it_agrees(shop: Shop) -> None:
    account_id = customer(shop)
    tamper(shop, account_id, one_more)
    touch(shop, account_id)
    for night in range(3):
        assert at_night(shop, NIGHT + timedelta(days=night)).run(never).differences
    tamper(shop, account_id, lambda row: row["lots"].update({lot: n - 1 for lot, n in row["lots"].items()}))
    assert at_night(shop, NIGHT + timedelta(days=3)).run(never).differences == ()
    assert list(care(shop).noted_differences()) == []


def test_an_entry_that_was_deleted_is_found(shop: Shop) -> None:
    account_id = customer(shop)
    key = next(
        row for row in rows(shop.client, "ledger") if account_id in row["pk"] and row["sk"].startswith("ENTRY")
    )
    shop.client.delete_item(TableName="ledger", Key=to_wire({"pk": key["pk"], "sk": key["sk"]}))
    assert DifferenceKind.LOTS in [each.kind for each in proof(shop).prove(account_id).differences]


def test_a_row_that_cannot_be_read_is_named_and_stops_nobody(shop: Shop) -> None:
    bad, good = customer(shop), customer(shop)
    entry = tamper(shop, bad, lambda row: row.update(kind="nonsense"), "ENTRY")
    touch(shop, bad, good)
    run = at_night(shop).run(never)
    assert run.accounts >= 2
    (found,) = {each for each in run.differences if each.account_id == bad}
    assert (found.kind, found.entry_id) == (DifferenceKind.UNREADABLE, entry.removeprefix("ENTRY#"))
    tamper(shop, good, lambda row: row.update(lots={"never": 1}))
    assert proof(shop).prove(good).differences[0].kind is DifferenceKind.UNREADABLE


def test_an_account_that_is_gone_though_it_is_listed_is_found(shop: Shop) -> None:
    account_id = customer(shop)
    pk = f"A#{shop.club.club_id}#{account_id}"
    shop.client.delete_item(TableName="ledger", Key=to_wire({"pk": pk, "sk": "ACCOUNT"}))
    assert [each.kind for each in proof(shop).prove(account_id).differences] == [DifferenceKind.MISSING]
    assert proof(shop).prove("a000000000never").differences == ()


def test_what_the_day_touched_is_proved_once_and_what_it_did_not_is_not(shop: Shop) -> None:
    quiet = next(each for each in iter(lambda: customer(shop), None) if not _tonight(each))
    touched = next(each for each in iter(lambda: customer(shop), None) if not _tonight(each))
    touch(shop, touched)
    touch(shop, touched)
    for each in (quiet, touched):
        tamper(shop, each, one_more)
    assert [each.account_id for each in at_night(shop).run(never).differences] == [touched]
    assert list(care(shop).touched()) == []


def test_everything_is_proved_within_four_weeks_also_if_the_hint_is_lost(shop: Shop) -> None:
    account_id = customer(shop)
    tamper(shop, account_id, one_more)
    nights = [NIGHT + timedelta(days=night) for night in range(NIGHTS)]
    (due,) = [night for night in nights if shard_of(account_id, ACCOUNT_SHARDS) in slice_of(night.date())]
    assert at_night(shop, due).run(never).differences


def test_a_night_is_proved_once_and_not_before_it_begins(shop: Shop) -> None:
    account_id = customer(shop)
    assert at_night(shop).run(never).finished
    touch(shop, account_id)
    assert at_night(shop, NIGHT + timedelta(hours=1)).run(never) == ProofRun()
    assert at_night(shop, NIGHT + timedelta(hours=23)).run(never) == ProofRun()
    assert at_night(shop, NIGHT + timedelta(days=1)).run(never).accounts >= 1


def test_a_night_that_is_cut_short_is_gone_on_with(shop: Shop) -> None:
    accounts = [customer(shop) for _ in range(4)]
    touch(shop, *accounts)
    proved = 0
    for _ in range(20):
        looks = iter(range(2))
        run = at_night(shop).run(lambda looks=looks: next(looks, None) is None)  # type: ignore[misc]
        proved += run.accounts
        if run.finished:
            break
    assert proved >= 4
    assert list(care(shop).touched()) == []
    assert at_night(shop).run(never) == ProofRun()


def test_a_mark_that_comes_while_its_account_is_proved_stays(shop: Shop) -> None:
    account_id = customer(shop)
    touch(shop, account_id)
    (mark,) = care(shop).touched()
    touch(shop, account_id)
    care(shop).untouch(mark)
    assert [each.account_id for each in care(shop).touched()] == [account_id]


def test_a_receipt_without_membership_has_no_account_to_prove(shop: Shop) -> None:
    assert touch_accounts(shop.client, "views", [(shop.club.club_id, guest_account("p123").account_id)]) == 0


def test_tills_that_write_meanwhile_are_no_difference(shop: Shop) -> None:
    member_id = shop.new_member()
    shop.buy(member_id, 10_000)
    account_id = shop.account(member_id).account_id
    with ThreadPoolExecutor(4) as pool:
        buying = [pool.submit(shop.buy, member_id, 1_000) for _ in range(12)]
        for _ in range(12):
            try:
                assert proof(shop).prove(account_id).differences == ()
            except Unsettled:
                continue
        for each in buying:
            each.result()
    assert proof(shop).prove(account_id).entries == 13


def test_an_account_that_is_written_all_the_time_is_proved_later(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    member_id = shop.new_member()
    account_id = shop.account(member_id).account_id
    touch(shop, account_id)
    read = type(shop.store).every_entry

    def buy_and_read(store: Any, wanted: str) -> Any:
        if wanted == account_id:
            shop.buy(member_id, 1_000)
        return read(store, wanted)

    monkeypatch.setattr(type(shop.store), "every_entry", buy_and_read)
    assert at_night(shop).run(never).unsettled >= 1
    assert [each.account_id for each in care(shop).touched()] == [account_id]


def _tonight(account_id: str) -> bool:
    return shard_of(account_id, ACCOUNT_SHARDS) in slice_of(NIGHT.date())
