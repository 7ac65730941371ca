"""Asking to be deleted: fourteen days in which everything can be undone, and from their end nobody finds anybody."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from stamkunde.members.access_store import ServiceLinks
from stamkunde.members.erasing import Erasing
from stamkunde.members.links import LinkState
from stamkunde.members.model import GRACE, AskedBy, Member
from stamkunde.members.service_link import FoundLink
from stamkunde.shared.errors import Refusal
from tests.access_scene import CALLER
from tests.erasing_shop import erase
from tests.ledger_checks import assert_ledger_adds_up, every_row, rows
from tests.letterbox import token_in, waiting
from tests.shop import Shop
from tests.stores.test_joining import form, join, newsletter
from tests.stores.test_member_card import PHONE, card_of, opened

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

MINUTE = timedelta(minutes=1)


@pytest.fixture
def shop(dynamodb: DynamoDBClient) -> Shop:
    return Shop(dynamodb)


def erasing(shop: Shop) -> Erasing:
    return Erasing(shop.club, shop.admission, shop.due, shop.clock, shop.patience)


def ask(shop: Shop, member_id: str, by: AskedBy = AskedBy.MEMBER) -> None:
    erasing(shop).ask(member_id, by)


def undo(shop: Shop, member_id: str, by: AskedBy = AskedBy.MEMBER) -> None:
    erasing(shop).undo(member_id, by)


def stored(shop: Shop, member_id: str) -> Member:
    member = shop.members.load_even_gone(member_id, consistent=True)
    assert member is not None
    return member


def link_of(shop: Shop, kind: str = "erasure_requested") -> FoundLink:
    link = ServiceLinks(shop.client, "members").find(token_in(waiting(shop.client, kind)[-1]))
    assert link is not None
    return link


def hints(shop: Shop) -> list[dict[str, Any]]:
    return [row for row in rows(shop.client, "members") if row["pk"].startswith("DUE#")]


def test_a_wish_is_kept_told_and_made_due_in_one_transaction(shop: Shop) -> None:
    member_id = shop.join(PHONE).at_till.member.member_id
    shop.buy(member_id, 10_000)
    ask(shop, member_id)
    wish = stored(shop, member_id).erasure
    assert wish is not None
    assert (wish.asked_by, wish.asked_at, wish.erase_at) == (AskedBy.MEMBER, shop.now(), shop.now() + GRACE)
    (told,) = waiting(shop.client, "erasure_requested_bonus")
    assert "slettes d. 5. december. Din bonus på 3 kr. gælder" in told["text"]
    assert all(hint["sk"].endswith(member_id) for hint in hints(shop))
    assert any(hint["sk"].startswith("20261205") for hint in hints(shop))


def test_whoever_shares_with_a_household_is_not_told_that_what_the_others_keep_is_lost(shop: Shop) -> None:
    mette, bo = shop.join(PHONE).at_till.member.member_id, shop.new_member()
    shop.buy(mette, 10_000)
    shop.households.join(bo, mette, "Ida")
    ask(shop, mette)
    (told,) = waiting(shop.client, "erasure_requested")
    assert "bonus" not in told["text"].lower()
    holds = card_of(shop).show(mette).holds
    assert holds is not None
    assert holds.shared
    shop.wait(GRACE)
    erase(shop, mette)
    assert shop.balance(bo).available == 300
    ask(shop, bo)
    assert "3 kr." in waiting(shop.client, "erasure_requested_bonus")[0]["text"]
    assert_ledger_adds_up(shop, bo)


def test_asking_again_moves_no_day_and_tells_nobody_twice(shop: Shop) -> None:
    member_id = shop.new_member()
    ask(shop, member_id)
    shop.wait(timedelta(days=3))
    before = every_row(shop.client)
    ask(shop, member_id)
    assert every_row(shop.client) == before


def test_two_taps_at_once_are_one_wish(shop: Shop) -> None:
    member_id = shop.new_member()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: ask(shop, member_id), range(4)))
    assert len(waiting(shop.client, "erasure_requested")) == 1
    assert len([hint for hint in hints(shop) if hint["sk"].startswith("20261205")]) == 1


def test_a_member_who_is_to_be_deleted_earns_and_spends_as_before(shop: Shop) -> None:
    member_id = shop.join(PHONE).at_till.member.member_id
    shop.buy(member_id, 100_000)
    ask(shop, member_id)
    shop.wait(GRACE - MINUTE)
    shop.buy(member_id, 10_000, spend_bonus=3_000)
    assert shop.membership.look_up(PHONE).balance.available == 210
    assert_ledger_adds_up(shop, member_id)


@pytest.mark.parametrize("undone_by", ["page", "link"])
def test_whoever_changes_their_mind_stays_and_is_told(shop: Shop, undone_by: str) -> None:
    member_id = shop.join(PHONE).at_till.member.member_id
    ask(shop, member_id)
    link = link_of(shop)
    shop.wait(GRACE - MINUTE)
    assert shop.links.look(link).state is LinkState.WAITING
    if undone_by == "page":
        undo(shop, member_id)
    else:
        shop.links.undo_erasure(link)
    assert stored(shop, member_id).erasure is None
    assert len(waiting(shop.client, "erasure_undone")) == 1
    assert shop.links.look(link).state is LinkState.DONE
    before = every_row(shop.client)
    undo(shop, member_id)
    shop.links.undo_erasure(link)
    assert every_row(shop.client) == before
    shop.wait(timedelta(days=1))
    assert shop.membership.look_up(PHONE).member.member_id == member_id


def test_the_shop_takes_back_what_it_asked_for_and_never_a_members_own_wish(shop: Shop) -> None:
    ours, theirs = shop.new_member(), shop.new_member()
    ask(shop, ours, AskedBy.STAFF)
    undo(shop, ours, AskedBy.STAFF)
    assert stored(shop, ours).erasure is None
    ask(shop, theirs, AskedBy.STAFF)
    ask(shop, theirs, AskedBy.MEMBER)
    ask(shop, theirs, AskedBy.STAFF)
    with pytest.raises(Refusal, match="members_own_wish"):
        undo(shop, theirs, AskedBy.STAFF)
    undo(shop, theirs)
    assert stored(shop, theirs).erasure is None


def test_from_that_day_on_nobody_finds_the_member_by_any_way(shop: Shop) -> None:
    member = shop.join(PHONE).at_till.member
    token = opened(shop)
    ask(shop, member.member_id)
    link = link_of(shop)
    shop.wait(GRACE - MINUTE)
    assert shop.membership.look_up(PHONE).member.member_id == member.member_id
    shop.wait(MINUTE)
    assert member.card_number is not None
    for look in (
        lambda: shop.membership.look_up(PHONE),
        lambda: shop.membership.look_up_by_card(str(member.card_number)),
        lambda: shop.buy(member.member_id),
        lambda: card_of(shop).show(member.member_id),
        lambda: card_of(shop).history(member.member_id, "da"),
        lambda: undo(shop, member.member_id),
    ):
        with pytest.raises(Refusal, match="unknown_member"):
            look()
    assert shop.devices.find(token) is not None
    assert shop.links.look(link).state is LinkState.OVER
    with pytest.raises(Refusal, match="link_over"):
        shop.links.undo_erasure(link)
    codes = len(waiting(shop.client, "code"))
    card_of(shop).ask_code(PHONE, "da", CALLER)
    assert len(waiting(shop.client, "code")) == codes


@pytest.mark.parametrize("where", ["till", "page"])
def test_whoever_joins_again_before_their_data_is_gone_is_somebody_new(shop: Shop, where: str) -> None:
    gone = shop.join(PHONE).at_till.member
    ask(shop, gone.member_id)
    shop.wait(GRACE)
    again = shop.join(PHONE).at_till.member if where == "till" else join(shop).member
    assert again.member_id != gone.member_id
    assert shop.membership.look_up(PHONE).member.member_id == again.member_id
    erase(shop, gone.member_id)
    assert shop.members.load_even_gone(gone.member_id, consistent=True) is None
    assert shop.membership.look_up(PHONE).member.member_id == again.member_id


def test_a_number_is_nobody_elses_before_that_day(shop: Shop) -> None:
    member = shop.join(PHONE).at_till.member
    ask(shop, member.member_id)
    shop.wait(GRACE - MINUTE)
    assert shop.join(PHONE).at_till.member.member_id == member.member_id
    undo(shop, member.member_id)
    shop.wait(MINUTE)
    assert shop.join(PHONE).at_till.member.member_id == member.member_id


def test_whoever_takes_the_news_only_is_deleted_too_and_reads_of_no_membership(shop: Shop) -> None:
    reader = join(shop, newsletter()).member
    ask(shop, reader.member_id)
    (told,) = waiting(shop.client, "erasure_requested_news")
    assert "medlem" not in told["text"]
    undo(shop, reader.member_id)
    assert waiting(shop.client, "erasure_undone") == []


def test_whoever_comes_into_the_club_has_no_wish_to_be_deleted_any_more(shop: Shop) -> None:
    reader = join(shop, newsletter()).member
    ask(shop, reader.member_id)
    shop.wait(timedelta(days=7))
    member = join(shop, form()).member
    assert (member.member_id, stored(shop, reader.member_id).erasure) == (reader.member_id, None)
    shop.wait(GRACE)
    assert shop.membership.look_up(PHONE).member.member_id == reader.member_id


def test_somebody_who_never_accepted_the_terms_is_promised_no_bonus(shop: Shop) -> None:
    member_id = shop.new_member(accepts=False)
    shop.buy(member_id, 10_000)
    ask(shop, member_id)
    assert len(waiting(shop.client, "erasure_requested")) == 1
    assert "bonus" not in waiting(shop.client, "erasure_requested")[0]["text"]


def test_two_who_are_one_are_not_merged_while_one_of_them_is_to_be_deleted(shop: Shop) -> None:
    one, other = shop.new_member(), shop.new_member()
    ask(shop, one)
    for loser, winner in ((one, other), (other, one)):
        with pytest.raises(Refusal, match="to_be_deleted"):
            shop.merging.merge(loser, winner, "Ida")
    undo(shop, one)
    assert shop.merging.merge(one, other, "Ida").member.member_id == other
