"""What stands on a member's card and in its history: bonus, stamps, coupons, and every kind of entry."""

from __future__ import annotations

import re
from copy import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from stamkunde.ledger.model.accounts import Balance, LotChange, LotKey, Movement
from stamkunde.ledger.model.entries import Entry, EntryKind, Grounds
from stamkunde.ledger.store import LedgerStore, new_entry_id
from stamkunde.members.member_card import soonest
from stamkunde.web.texts import page_text
from tests.function_fixtures import new_till
from tests.functions.conftest import PAGE, OpenClub
from tests.functions.test_member_page import member_id, opened

BREAD = {"item_numbers": ["5701001000013"]}
STAMPS = {
    "stamp_programme_id": "rugbrod",
    "name": "Rugbrød",
    "needed": 10,
    "reward_name": "gratis rugbrød",
    "items": BREAD,
    "reward": BREAD,
}
COFFEE = {
    "coupon_id": "kaffe",
    "name": "Kaffe og kage",
    "benefit": "amount_off",
    "value": 2_000,
    "valid_until": "2031-01-01T00:00:00",
}
REASONS = {
    EntryKind.CORRECTION: "goodwill",
    EntryKind.CARRY_OVER: "carry_over",
    EntryKind.VOUCHER: "thanks",
    EntryKind.GIFT_GIVEN: "gift",
    EntryKind.GIFT_RECEIVED: "gift",
    EntryKind.MOVED_OUT: "household_join",
    EntryKind.MOVED_IN: "household_leave",
}
LATER = timedelta(minutes=4)


def joined(shop: OpenClub) -> str:
    """The number of somebody who has joined at the till and accepted the terms there."""
    number = shop.number()
    assert shop.till.join(number, first_name="Mette").status == 201
    return number


def booked(shop: OpenClub, number: str, kind: EntryKind, amount: int = 500) -> None:
    """An entry of a kind in the member's ledger, as some function wrote it."""
    store = LedgerStore(shop.client, "ledger", shop.club.club_id)
    found = shop.till.look_up(number).body
    account = store.load_account(found["account_id"], consistent=True)
    assert account is not None
    now = datetime.now(UTC)
    entry = Entry(
        entry_id=new_entry_id(now),
        kind=kind,
        account_id=account.account_id,
        member_id=found["member_id"],
        outlet_id=None,
        till_id=None,
        booked_at=now,
        day=now.date(),
        movement=Movement((LotChange(LotKey(now.date(), 1), amount),)),
        balance=Balance(500, 500, 0),
        grounds=Grounds(REASONS[kind]) if kind in REASONS else None,
    )
    store.commit(store.entry_writes(account, replace(account, revision=account.revision + 1), entry))


def with_programme(operate: Any, tables: Any) -> OpenClub:
    """A club whose programme, in force by now, gives stamps; its coupon counts, too."""
    till = new_till(operate, clock_offset_seconds=0)
    club_id = till.club["club_id"]
    operate("publish_join_page", club_id=club_id, **PAGE)
    programme = {"rate": 300, "expiry_months": 36, "stamp_programmes": [STAMPS]}
    starts_at = (datetime.now(UTC) + timedelta(minutes=3)).isoformat()
    for published in (
        operate("publish_programme", club_id=club_id, valid_from=starts_at, programme=programme),
        operate("publish_coupon", club_id=club_id, coupon=COFFEE | {"valid_from": starts_at}),
        operate("move_clock", club_id=club_id, clock_offset_seconds=int(LATER.total_seconds())),
    ):
        assert "code" not in published, published
    return OpenClub(till, tables, operate)


def bread(shop: OpenClub, number: str, count: int) -> dict[str, Any]:
    """Buy rye bread: the answer that the till got."""
    line = {"item_number": "5701001000013", "quantity": count, "amount": 4_000 * count}
    bought_at = (datetime.now(UTC) + LATER).isoformat()
    answer = shop.till.buy(member_id(shop, number), lines=[line], bought_at=bought_at)
    assert answer.status == 201, answer.body
    body: dict[str, Any] = answer.body
    return body


def test_history_names_and_explains_every_kind_of_entry_in_every_language(shop: OpenClub) -> None:
    number = joined(shop)
    shop.till.buy(member_id(shop, number), 49_500)
    bought = {EntryKind.PURCHASE, EntryKind.REFUND}
    for kind in EntryKind:
        if kind not in bought:
            booked(shop, number, kind)
    last = shop.till.buy(member_id(shop, number), 10_000).body["purchase_id"]
    refund = {"refund_number": "1", "refunded_at": datetime.now(UTC).isoformat()}
    assert shop.till.send("POST", f"/v1/purchases/{last}/refunds", refund).status == 201
    browser = opened(shop, number)
    for language in ("da", "nb", "en"):
        seen = browser.get(f"{shop.card}/history?lang={language}")
        assert seen.status == 200
        named = {each.text for each in seen.all("p")}
        assert {page_text(language, f"history.{kind.value}") for kind in EntryKind} <= named
        assert not [text for text in named if ".." in text]


def test_the_card_shows_stamps_and_what_is_ready_and_the_coupons_that_can_be_used(operate: Any, tables: Any) -> None:
    shop = with_programme(operate, tables)
    number = joined(shop)
    bread(shop, number, 7)
    seen = opened(shop, number).seen
    stamps = " ".join(seen.by_id("stamps").text.split())
    assert "7 af 10 – Rugbrød ●●●●●●●○○○ Et fuldt kort giver: gratis rugbrød" in stamps
    assert "Kaffe og kage Til og med 31. december 2030." in " ".join(seen.by_id("coupons").text.split())
    assert re.search(r"8,40 kr\. kan bruges til og med \d+\. \w+ 20\d\d\.", seen.text)
    assert [each.attributes["aria-hidden"] for each in seen.elements if each.attributes.get("class") == "stamps"] == [
        "true"
    ]
    bread(shop, number, 5)
    full = opened(shop, number).get(f"{shop.card}?lang=en")
    assert re.search(r"2 of 10 – Rugbrød ●●○+ Ready for you: 1 × gratis rugbrød, up to and including \d", full.text)


def test_a_club_without_stamps_and_coupons_says_nothing_of_them(shop: OpenClub) -> None:
    seen = opened(shop, joined(shop)).seen
    assert not {"stamps", "coupons"} & {each.attributes.get("id") for each in seen.elements}


def test_what_waits_for_the_terms_is_not_said_to_be_ready(operate: Any, tables: Any) -> None:
    shop = with_programme(operate, tables)
    number = shop.number()
    shop.till.join(number, accepts=False)
    printed = bread(shop, number, 10)["receipt_text"]
    assert "Rugbrød: kortet er fyldt, gratis rugbrød venter på, at betingelserne godkendes." in printed
    seen = opened(shop, number).seen
    assert "Venter, til du har godkendt betingelserne: 1 × gratis rugbrød" in seen.text
    assert "Kaffe og kage" not in seen.text


def test_a_club_that_counts_points_tells_no_kroner(operate: Any, tables: Any) -> None:
    shop = OpenClub(new_till(operate, unit="points"), tables, operate)
    operate("publish_join_page", club_id=shop.club.club_id, **PAGE)
    number = joined(shop)
    shop.till.buy(member_id(shop, number), 4_000)
    browser = opened(shop, number)
    assert [each.text for each in browser.seen.elements if each.attributes.get("class") == "sum"] == ["120 point"]
    assert "120 point kan bruges til og med" in browser.seen.text
    history = browser.get(f"{shop.card}/history")
    assert [each.text for each in history.elements if each.attributes.get("class") == "amount"] == ["+120 point"]
    assert ("Hvorfor 120 point?" in history.text, "Saldo 120 point" in history.text) == (True, True)
    assert "120 kr" not in history.text


def test_what_is_held_or_owed_comes_off_the_bonus_that_expires_first() -> None:
    days = [datetime(2027, month, 28, tzinfo=UTC).date() for month in (1, 2, 3, 4, 5)]
    expiring = [(day, 100) for day in days]
    assert soonest(expiring, 350) == ((days[1], 50), (days[2], 100), (days[3], 100))
    assert soonest(expiring, 0) == ()
