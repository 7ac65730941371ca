"""A search for somebody who used everything and was then deleted: it finds them before, and nowhere afterwards."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from stamkunde.clubs.form_code import PrintedForm, form_code
from stamkunde.ledger.model.coupons import CouponAudience
from stamkunde.members.erasing import Erasing
from stamkunde.members.model import GRACE, AskedBy, phone_pointer
from stamkunde.members.own_data_file import member_file
from stamkunde.members.signed_forms import SignedForms
from stamkunde.shared.clock import FixedClock
from stamkunde.shared.errors import Refusal
from tests.due_scene import AN_HOUR, JOINED, DueShop
from tests.factories import make_club
from tests.ledger_checks import assert_ledger_adds_up, every_row
from tests.stores.test_coupons import CouponShop, coupon
from tests.stores.test_joining import BOTH, CALLER, confirm, form, join

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

PHONE, FORMER_PHONE = "+4527182818", "+4531415926"
NAME, EMAIL = "Thorbjørg", "thorbjoerg@vesterlund.dk"


@pytest.fixture
def due(dynamodb: DynamoDBClient) -> DueShop:
    return DueShop(CouponShop(dynamodb, make_club(created_at=JOINED), clock=FixedClock(JOINED)))


def uses_everything(due: DueShop) -> tuple[str, str, str]:
    """Their id, the one that they had before they were merged, and the id of whom they share their bonus with."""
    shop = due.shop
    assert isinstance(shop, CouponShop)
    shop.publish(
        valid_from=JOINED - timedelta(days=1),
        valid_until=JOINED + timedelta(days=30),
        audience=CouponAudience.VOUCHER,
        uses_per_member=2,
    )
    former = shop.join(FORMER_PHONE, name=NAME).at_till.member.member_id
    signs(due, former)
    member_id = join(shop, form(phone=PHONE, first_name=NAME, email=EMAIL, permissions=BOTH)).member.member_id
    member = due.member(member_id)
    assert member is not None
    confirm(shop, member)
    shop.wait(AN_HOUR)
    shop.buy(former, 10_000)
    shop.merging.merge(former, member_id, "Ida")
    shop.wait(AN_HOUR)
    shop.join(PHONE)
    shop.hand_out(member_id)
    shop.use(member_id, coupon())
    shop.hand_out(member_id)
    shop.buy(member_id, 10_000, spend_bonus=100)
    mate = shop.new_member()
    shop.households.join(mate, member_id, "Ida")
    shop.wait(AN_HOUR)
    shop.buy(mate, 20_000)
    return member_id, former, mate


def signs(due: DueShop, member_id: str) -> None:
    shop = due.shop
    code = form_code(shop.club, PrintedForm(shop.club.terms[0], "da"))
    SignedForms(shop.club, shop.members, shop.access, due.photos, shop.patience).attach(member_id, code, b"%PDF-1.7")


def found(due: DueShop, words: dict[str, str]) -> dict[str, set[str]]:
    """Where each of these stands: in which tables' rows, among the photos, in the queue, in the machine's history."""
    places = {
        **{
            table: [json.dumps(row, default=str) for row in kept]
            for table, kept in every_row(due.shop.client).items()
        },
        "photos": list(due.photos.kept),
        "queue": due.shop.queue.told,
        "history": [f"{name} {step}" for name, step in due.machine.started.items()],
    }
    where = defaultdict(set)
    for place, texts in places.items():
        for text in texts:
            for name, word in words.items():
                if json.dumps(word)[1:-1] in text or word in text:
                    where[name].add(place)
    return where


def test_a_search_finds_nobody_who_used_everything_and_was_deleted(due: DueShop) -> None:
    shop = due.shop
    member_id, former, mate = uses_everything(due)
    member = due.member(member_id)
    assert member is not None
    assert member.card_number is not None
    key = shop.club.address_key
    words = {
        "phone": PHONE,
        "hash of the phone": phone_pointer(key, PHONE),
        "former phone": FORMER_PHONE,
        "hash of the former phone": phone_pointer(key, FORMER_PHONE),
        "name": NAME,
        "e-mail": EMAIL,
        "hash of the e-mail": phone_pointer(key, EMAIL),
        "card": member.card_number,
        "browser": CALLER.user_agent,
        "network address": CALLER.client_ip,
        **{f"link {number}": each for number, each in enumerate(member.link_hashes)},
    }
    ids = {"id": member_id, "former id": former}
    assert member_file(shop.own_data.read(member_id))
    Erasing(shop.club, shop.admission, shop.due, shop.clock, shop.patience).ask(member_id, AskedBy.MEMBER)
    assert set(found(due, words)) == set(words), "the search finds what is there"
    assert found(due, ids)["id"] >= {"members", "ledger"}
    assert found(due, ids)["former id"] >= {"members", "ledger"}
    assert due.photos.kept
    gone_at = shop.now() + GRACE
    due.hour(shop.now())
    due.hour(shop.now())
    due.jump(gone_at)
    due.hour(gone_at + AN_HOUR)
    due.hour(gone_at + 2 * AN_HOUR)
    assert dict(found(due, words | ids)) == {}
    assert due.photos.kept == {}
    assert shop.balance(mate).available > 0
    assert_ledger_adds_up(shop, mate)
    with pytest.raises(Refusal, match="unknown_member"):
        shop.buy(member_id, 10_000)
