"""A link in a message may do much, but it never says yes for anybody (R3, R29)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from stamkunde.members.access_store import ServiceLinks
from stamkunde.members.consents import PermissionText
from stamkunde.members.erasing import Erasing
from stamkunde.members.model import AskedBy
from stamkunde.members.service_link import LinkAct
from tests.access_scene import CALLER
from tests.due_scene import JOINED, DueShop
from tests.factories import everything_shown
from tests.letterbox import waiting
from tests.shop import Shop
from tests.stores.test_due_items import agree
from tests.stores.test_joining import form, join, newsletter
from tests.stores.test_ladder_acts import MISSED, WARNED, tokens

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

MESSAGES: Mapping[LinkAct, str] = {
    LinkAct.ACCEPT_TERMS: "till_join",
    LinkAct.CONFIRM_EMAIL: "confirm_email",
    LinkAct.UNDO_ERASURE: "erasure_requested_news",
    LinkAct.STAY: "last_notice",
    LinkAct.STOP_ADVERTISING: "ladder_missed_you",
}
RUNGS = {LinkAct.STAY: WARNED, LinkAct.STOP_ADVERTISING: MISSED}


def given_so_far(shop: Shop, member_id: str) -> list[PermissionText]:
    return [wording for record in shop.members.consent_records(member_id) for wording in record.given]


def somebody_who_gets(shop: Shop, act: LinkAct) -> str:
    """A member whom a message with such a link was written to."""
    if act is LinkAct.ACCEPT_TERMS:
        return shop.join(accepts=False).at_till.member.member_id
    if act is LinkAct.CONFIRM_EMAIL:
        return join(shop, form(email="mette@holm.dk")).member.member_id
    if act in RUNGS:
        return who_stayed_away(shop, act)
    member_id = join(shop, newsletter()).member.member_id
    Erasing(shop.club, shop.admission, shop.due, shop.clock, shop.patience).ask(member_id, AskedBy.MEMBER)
    return member_id


def who_stayed_away(shop: Shop, act: LinkAct) -> str:
    due = DueShop(shop)
    due.at(JOINED)
    member_id = shop.new_member()
    if act is LinkAct.STOP_ADVERTISING:
        due.at(RUNGS[act] - timedelta(days=1))
        agree(due, member_id)
    due.jump(RUNGS[act], outcome=None)
    return member_id


@pytest.mark.parametrize("act", LinkAct)
def test_no_act_of_a_link_gives_a_permission(dynamodb: DynamoDBClient, act: LinkAct) -> None:
    shop = Shop(dynamodb)
    member_id = somebody_who_gets(shop, act)
    before = given_so_far(shop, member_id)
    (message,) = waiting(shop.client, MESSAGES[act])
    link = ServiceLinks(shop.client, "members").find(tokens(message)[-1])
    assert link is not None
    assert link.act is act
    acts = {
        LinkAct.ACCEPT_TERMS: lambda: shop.links.accept(link, everything_shown(shop.club), CALLER),
        LinkAct.CONFIRM_EMAIL: lambda: shop.links.confirm_email(link, "da", CALLER),
        LinkAct.UNDO_ERASURE: lambda: shop.links.undo_erasure(link),
        LinkAct.STAY: lambda: shop.links.stay(link),
        LinkAct.STOP_ADVERTISING: lambda: shop.links.stop_advertising(link, "da", CALLER),
    }
    acts[act]()
    assert given_so_far(shop, member_id) == before
