"""What a segment may know of a member, taken from real tables: and R12 in every fact."""

from __future__ import annotations

from collections.abc import Iterator
from copy import replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from stamkunde.campaigns.audience import Audience
from stamkunde.campaigns.facts_store import (
    Mark,
    MarkKind,
    Touched,
)
from stamkunde.campaigns.model.criteria import (
    EVERYBODY,
    AllOf,
    BoughtItem,
    Not,
    Permitted,
    Visits,
)
from stamkunde.campaigns.model.facts import (
    LOOKS_BACK_DAYS,
    NOTHING_BOUGHT,
    Bought,
    MemberFacts,
    Standing,
    day_number,
)
from stamkunde.campaigns.model.left_out import LeftOut
from stamkunde.campaigns.taking_facts import HASH_LETTERS, Seen, bought_of, facts_of
from stamkunde.clubs.model import MemberPolicy, PurchaseUse
from stamkunde.ledger.model.entries import Entry
from stamkunde.ledger.model.receipts import Basket, Line, Receipt
from stamkunde.ledger.store import LedgerStore
from stamkunde.members.consents import PermissionKind
from stamkunde.members.erasing import Erasing
from stamkunde.members.model import GRACE, AskedBy
from stamkunde.members.permission import Facts, purchase_basis
from stamkunde.shared.channel import Channel
from stamkunde.shared.programme import Selection, StampProgramme
from tests.factories import THREE_PERCENT, make_club
from tests.facts_scene import FactsShop, buyer, stored
from tests.refund_scene import refund_of
from tests.stores.test_joining import confirm, form, join, newsletter

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

PURCHASES, SMS = PermissionKind.PURCHASES, PermissionKind.SMS
BUN, RYE = "5701000000001", "5701000000002"
RYE_CARD = StampProgramme("rugbrod", "Rugbrød", 10, "gratis rugbrød", items=Selection((RYE,)))
WEIGHED = MemberPolicy(
    purchase_use=PurchaseUse.BALANCING_TEST, balancing_test="Vi vejer det op, og det er skrevet ned her."
)
FOR_EVER = timedelta(days=LOOKS_BACK_DAYS + 10)


@pytest.fixture
def shop(dynamodb: DynamoDBClient) -> FactsShop:
    return FactsShop(dynamodb, make_club(programmes=(replace(THREE_PERCENT, stamp_programmes=(RYE_CARD,)),)))


def bought(shop: FactsShop, member_id: str) -> Bought:
    facts = shop.renewed(member_id)
    assert facts.bought is not None
    return facts.bought


def test_what_a_segment_may_know_of_a_member(shop: FactsShop) -> None:
    joined = join(shop, form(permissions=frozenset({SMS, PermissionKind.EMAIL}), email="mette@holm.example")).member
    confirm(shop, joined)
    member = shop.members.load(joined.member_id, consistent=True)
    assert member is not None
    told = replace(
        member,
        birth_date=date(1990, 12, 24),
        answers=(("brod", "rug"),),
        own_outlet="havnen",
        revision=member.revision + 1,
    )
    shop.store.commit(shop.members.change_writes(member, told))
    shop.says(joined.member_id, given=[PURCHASES])
    shop.buys(joined.member_id, BUN, RYE, RYE)
    facts = shop.renewed(joined.member_id)
    today, year = shop.today(), date(2027, 11, 21)
    assert facts == MemberFacts(
        member_id=joined.member_id,
        first_name="Mette",
        language="da",
        country="DK",
        standing=Standing.MEMBER,
        joined_on=today,
        outlet="havnen",
        birthday=(12, 24),
        interests=(("brod", "rug"),),
        sms_until=year,
        email_until=year,
        email_confirmed=True,
        email_hash=shop.members.address_hash("mette@holm.example")[:16],
        purchases_until=year,
        bought=Bought(
            (day_number(today),),
            (30_000,),
            {"banegaarden": day_number(today)},
            dict.fromkeys((BUN, RYE), day_number(today)),
        ),
        stamps={"rugbrod": (2, 10)},
        bonus=900,
    )


def test_of_who_gave_no_permission_nothing_that_they_bought_is_kept_or_read(shop: FactsShop) -> None:
    """R12; what their bonus comes to is known for the text of a message, and chooses nobody."""
    member_id = shop.new_member()
    shop.buys(member_id, BUN)
    facts = shop.renewed(member_id)
    assert (facts.bought, facts.purchases_until, facts.bonus) == (None, None, 300)
    assert BUN.encode() not in stored(shop)

    class Unread(LedgerStore):
        def entries_since(self, account_id: str, since: datetime) -> Iterator[Entry]:
            raise AssertionError("nobody allowed that")

    unread = replace(shop.keeper.reader, ledger=Unread(shop.client, shop.ledger_table, shop.club.club_id))
    assert unread.of(member_id) == facts


def test_who_withdraws_the_use_of_purchases_loses_them_at_the_next_renewal(shop: FactsShop) -> None:
    """R12."""
    member_id = buyer(shop)
    shop.buys(member_id, BUN)
    assert bought(shop, member_id).items
    assert BUN.encode() in stored(shop)
    shop.wait(timedelta(hours=1))
    shop.says(member_id, withdrawn=[PURCHASES])
    facts = shop.renewed(member_id)
    assert (facts.bought, facts.sms_until) == (None, date(2027, 11, 21))
    assert BUN.encode() not in stored(shop)


def test_a_permission_that_lapses_is_no_permission_before_anything_is_made_anew(shop: FactsShop) -> None:
    """R29: the day is kept with the facts."""
    member_id = buyer(shop)
    shop.buys(member_id, BUN)
    shop.rebuild()
    day = AllOf((BoughtItem((BUN,), LOOKS_BACK_DAYS), Permitted("sms")))
    before, after = date(2027, 11, 20), date(2027, 11, 21)
    assert [each.chosen for each in (_count(shop, day, before), _count(shop, day, after))] == [1, 0]
    assert _count(shop, BoughtItem((BUN,), LOOKS_BACK_DAYS), after).left_out == {LeftOut.PURCHASES_NOT_ALLOWED: 1}


def test_a_club_that_weighs_needs_no_yes_until_it_asks_again(dynamodb: DynamoDBClient) -> None:
    """R12: what was kept by the written reason counts no more on the day on which that is taken back."""
    shop = FactsShop(dynamodb, make_club(member_policy=WEIGHED))
    member_id = shop.new_member()
    shop.buys(member_id, BUN)
    assert bought(shop, member_id).items == {BUN: day_number(shop.today())}
    everywhere = BoughtItem((BUN,), 30)
    assert shop.chosen(everywhere) == {member_id}
    assert _found(shop, member_id).bought is not None
    shop.club = replace(shop.club, member_policy=MemberPolicy())
    assert _found(shop, member_id).bought is None
    assert _count(shop, everywhere, shop.today()).left_out == {LeftOut.PURCHASES_NOT_ALLOWED: 1}
    shop.rebuild()
    assert BUN.encode() not in stored(shop)


def test_who_is_under_age_is_in_no_segment_of_purchases(dynamodb: DynamoDBClient) -> None:
    """R14: from eighteen on they are, once the night has made everybody's facts anew."""
    shop = FactsShop(dynamodb, make_club(member_policy=WEIGHED))
    member_id = shop.new_member()
    member = shop.members.load(member_id, consistent=True)
    assert member is not None
    born = replace(member, birth_date=date(2008, 12, 1), revision=member.revision + 1)
    shop.store.commit(shop.members.change_writes(member, born))
    shop.buys(member_id, BUN)
    assert shop.renewed(member_id).bought is None
    shop.wait(timedelta(days=10))
    shop.rebuild()
    assert shop.chosen(BoughtItem((BUN,), 30)) == {member_id}


def test_who_has_not_accepted_the_terms_is_known_and_nothing_that_they_bought(dynamodb: DynamoDBClient) -> None:
    shop = FactsShop(dynamodb, make_club(member_policy=WEIGHED))
    member_id = shop.new_member(accepts=False)
    shop.buys(member_id, BUN)
    facts = shop.renewed(member_id)
    assert (facts.standing, facts.bought, facts.bonus, facts.stamps) == (Standing.OPEN, None, 0, {})
    assert _count(shop, EVERYBODY, shop.today()).reachable[Channel.SMS] == 0


def test_who_came_for_the_news_only_is_in_segments_that_look_at_no_purchases(shop: FactsShop) -> None:
    member = join(shop, newsletter()).member
    shop.rebuild()
    facts = shop.of(member.member_id)
    assert facts is not None
    assert (facts.standing, facts.bought) == (Standing.NEWSLETTER, None)
    assert shop.chosen(Permitted("sms")) == {member.member_id}
    assert shop.chosen(Not(BoughtItem((BUN,), 30))) == set()


def test_what_was_brought_back_was_not_bought(shop: FactsShop) -> None:
    member_id = buyer(shop)
    sale = shop.buys(member_id, BUN, RYE)
    first, today = shop.today(), day_number(shop.today())
    shop.ledger.refunds.book(refund_of(sale, "R1", (0, 1)), shop.point)
    assert bought(shop, member_id) == Bought((today,), (10_000,), {"banegaarden": today}, {RYE: today})
    shop.wait(timedelta(days=1))
    shop.ledger.refunds.book(refund_of(sale, "R2", (1, 1), refunded_at=shop.now()), shop.point)
    assert bought(shop, member_id) == NOTHING_BOUGHT
    assert shop.today() > first


def test_an_item_is_kept_until_its_last_unit_came_back_and_a_weighed_one_until_it_did(shop: FactsShop) -> None:
    member_id = buyer(shop)
    basket = Basket((Line(BUN, 3, 3_000), Line(RYE, 0, 5_000)), 0)
    sale = shop.ledger.book(Receipt("1", shop.now(), member_id, basket), shop.point)
    today = day_number(shop.today())
    for number, line, items, left in (
        ("R1", (0, 2), {BUN, RYE}, 6_000),
        ("R2", (1, 0), {BUN}, 1_000),
        ("R3", (0, 1), set[str](), 0),
    ):
        shop.ledger.refunds.book(refund_of(sale, number, line), shop.point)
        now = bought(shop, member_id)
        assert (set(now.items), sum(now.amounts)) == (items, left)
        assert now.days == ((today,) if items else ())


def test_two_purchases_of_a_day_are_one_visit(shop: FactsShop) -> None:
    member_id = buyer(shop)
    shop.buys(member_id, BUN)
    shop.buys(member_id, RYE)
    shop.wait(timedelta(days=3))
    shop.buys(member_id, BUN, price=500)
    facts = bought(shop, member_id)
    assert facts.amounts == (20_000, 500)
    assert shop.chosen(Visits(days=4, at_least=2, at_most=2)) == {member_id}
    assert shop.chosen(Visits(days=3, at_least=2)) == set()


def test_what_is_older_than_two_years_is_forgotten_but_for_the_last_day(shop: FactsShop) -> None:
    member_id = buyer(shop)
    shop.buys(member_id, BUN)
    last = day_number(shop.today())
    shop.wait(FOR_EVER)
    shop.says(member_id, given=[PURCHASES])
    assert bought(shop, member_id) == Bought(earlier=last)


def test_what_others_of_a_household_buy_is_not_theirs_but_the_bonus_is(shop: FactsShop) -> None:
    guest, host = buyer(shop), buyer(shop)
    shop.buys(guest, RYE)
    shop.wait(timedelta(hours=1))
    shop.households.join(guest, host, "Ida")
    shop.wait(timedelta(hours=1))
    shop.buys(host, BUN)
    account_id = shop.account(host).account_id
    shop.keeper.renew_marked([Mark(Touched(shop.club.club_id, MarkKind.ACCOUNT, account_id), "d1")])
    both = [shop.of(guest), shop.of(host)]
    assert [list(each.bought.items) for each in both if each and each.bought] == [[RYE], [BUN]]
    assert [each.bonus for each in both if each] == [600, 600]


def test_who_was_merged_brings_what_they_bought_and_is_in_no_block_any_more(shop: FactsShop) -> None:
    loser, winner = buyer(shop), buyer(shop)
    shop.buys(loser, RYE)
    shop.rebuild()
    shop.wait(timedelta(hours=1))
    shop.merging.merge(loser, winner, "Ida")
    shop.keeper.renew([loser, winner])
    assert shop.of(loser) is None
    assert set(bought(shop, winner).items) == {RYE}
    assert shop.chosen() == {winner}


def test_who_asked_to_be_deleted_is_leaving_and_gone_from_that_day_on(shop: FactsShop) -> None:
    member_id = buyer(shop)
    Erasing(shop.club, shop.admission, shop.due, shop.clock, shop.patience).ask(member_id, AskedBy.MEMBER)
    assert shop.renewed(member_id).leaving
    shop.wait(GRACE)
    shop.keeper.renew([member_id])
    assert shop.of(member_id) is None


def _count(shop: FactsShop, criterion: Any, day: date) -> Any:
    return Audience(shop.club, shop.facts, criterion, day).count()


def _found(shop: FactsShop, member_id: str) -> MemberFacts:
    facts = Audience(shop.club, shop.facts, EVERYBODY, shop.today()).find(member_id)
    assert facts is not None
    return facts


def test_whatever_segments_know_of_somebody_follows_from_their_own_data(shop: FactsShop) -> None:
    """Their own data has no part about segments, for nothing is known there that it doesn't tell (R17)."""
    joined = join(shop, form(permissions=frozenset({SMS, PermissionKind.EMAIL}), email="mette@holm.example")).member
    confirm(shop, joined)
    shop.says(joined.member_id, given=[PURCHASES])
    sale = shop.buys(joined.member_id, BUN, RYE, RYE)
    shop.ledger.refunds.book(refund_of(sale, "R1", (0, 1)), shop.point)
    kept = shop.renewed(joined.member_id)
    own = shop.own_data.read(joined.member_id)
    known = Facts(own.club, own.member, own.records)
    basis = purchase_basis(known, own.gathered_at)
    today = day_number(shop.today())
    bought = bought_of(own.entries, today - LOOKS_BACK_DAYS + 1, today)
    named = shop.members.address_hash(own.member.email or "")[:HASH_LETTERS]
    assert kept == facts_of(known, own.member, own.account, Seen(basis, bought), named, own.gathered_at)
    assert (kept.bought, bought.items, kept.email_confirmed) == (bought, {RYE: today}, True)
