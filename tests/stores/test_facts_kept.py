"""Keeping members' facts: nobody who is gone is left in them, nobody is lost, and what was marked is made anew."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from stamkunde.campaigns.audience import Audience
from stamkunde.campaigns.facts_service import FactsKeeper, renew_all
from stamkunde.campaigns.facts_store import (
    BLOCKS_A_SHARD,
    FactsStore,
    MarkKind,
    Touched,
    block_of,
    packed,
)
from stamkunde.campaigns.model.criteria import (
    EVERYBODY,
    AllOf,
    BoughtAt,
    BoughtItem,
    Not,
    Outlet,
)
from stamkunde.campaigns.model.facts import (
    Bought,
    MemberFacts,
    Standing,
    day_number,
)
from stamkunde.campaigns.taking_facts import FactsReader
from stamkunde.clubs.model import Club
from stamkunde.clubs.rounds import BrokenClub
from stamkunde.shared.errors import Refusal
from stamkunde.shared.ids import new_id
from stamkunde.shared.item import to_wire
from stamkunde.shared.patience import Patience
from tests.erasing_shop import KeptTombstones, Photos, erase, erasure_of, looking_of
from tests.facts_scene import VIEWS, FactsShop, buyer, keeper_of, stored
from tests.ledger_checks import every_row, rows
from tests.unit_meter import UnitMeter

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

BUN = "5701000000001"


@pytest.fixture
def shop(dynamodb: DynamoDBClient) -> FactsShop:
    return FactsShop(dynamodb)


def test_somebody_who_is_erased_has_no_facts(shop: FactsShop) -> None:
    member_id, other = buyer(shop), buyer(shop)
    shop.buys(member_id, BUN)
    shop.rebuild()
    assert member_id.encode() in stored(shop)
    erase(shop, member_id)
    assert member_id.encode() not in stored(shop)
    assert member_id not in str(every_row(shop.client)[VIEWS])
    assert shop.chosen() == {other}


def test_who_was_merged_before_and_is_erased_leaves_no_facts_under_the_former_id(shop: FactsShop) -> None:
    loser, winner = buyer(shop), buyer(shop)
    shop.rebuild()
    shop.wait(timedelta(hours=1))
    shop.merging.merge(loser, winner, "Ida")
    erase(shop, winner)
    assert {loser.encode(), winner.encode()} & set(words(stored(shop))) == set()
    assert shop.chosen() == set()


def test_an_erasure_is_not_undone_by_whoever_had_read_the_member_before(shop: FactsShop) -> None:
    """They were in no block yet: so the erasure found nothing to take out of it, and the block is unchanged."""
    member_id = buyer(shop)
    left = [member_id]

    class Slow(FactsReader, frozen=True):
        def of(self, member_id: str) -> MemberFacts | None:
            facts = super().of(member_id)
            while left:
                erase(shop, left.pop())
            return facts

    keeper, reader = shop.keeper, shop.keeper.reader
    slow = Slow(reader.club, reader.members, reader.ledger, reader.clock)
    FactsKeeper(keeper.store, slow, keeper.accounts, keeper.patience).renew([member_id])
    assert member_id.encode() not in stored(shop)


@pytest.mark.parametrize("attempt", range(5))
def test_an_erasure_between_renewals_leaves_nothing(shop: FactsShop, attempt: int) -> None:
    """Two at a time, over and over: whoever comes last finds nobody."""
    member_id = buyer(shop)
    keeper = shop.keeper

    def renew() -> None:
        for _ in range(10):
            keeper.renew([member_id])

    with ThreadPoolExecutor(3) as pool:
        renewing = [pool.submit(renew) for _ in range(2)]
        erasing = pool.submit(erase, shop, member_id)
        for each in (*renewing, erasing):
            each.result()
    assert member_id.encode() not in stored(shop)


def test_those_who_write_a_block_at_once_lose_nobody(shop: FactsShop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stamkunde.campaigns.facts_service.block_of", lambda _: 7)
    members = [buyer(shop) for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda member_id: shop.keeper.renew([member_id]), members))
    assert set(shop.facts.load(7).members) == set(members)


def test_a_renewal_that_changes_nothing_writes_nothing(shop: FactsShop) -> None:
    member_id = buyer(shop)
    shop.renewed(member_id)
    meter = UnitMeter()
    meter.attach(shop.client)
    assert shop.keeper.renew([member_id]).changed == 0
    assert meter.written == 0


def test_a_lost_row_is_healed_by_a_rebuild_and_a_stranger_in_it_goes(shop: FactsShop) -> None:
    members = {buyer(shop) for _ in range(5)}
    shop.rebuild()
    whole = rows(shop.client, VIEWS)
    lost = next(row for row in whole if "members" in row)
    shop.client.delete_item(TableName=VIEWS, Key=to_wire({"pk": lost["pk"], "sk": lost["sk"]}))
    facts = shop.of(min(members - {each for each in members if shop.of(each) is None}))
    assert facts is not None
    stranger = replace(facts, member_id=new_id("m"))
    block = shop.facts.load(block_of(stranger.member_id))
    assert shop.facts.put(block, {**block.members, stranger.member_id: stranger})
    assert shop.chosen() != members
    shop.rebuild()
    assert shop.chosen() == members


def test_a_rebuild_goes_on_where_the_time_was_over(shop: FactsShop) -> None:
    members = {buyer(shop) for _ in range(20)}
    turns = iter([False, False, False, True])
    begun = shop.keeper.rebuild(0, lambda: next(turns))
    assert (begun.finished, begun.following) == (False, 3)
    done = shop.keeper.rebuild(begun.following, lambda: False)
    assert done.finished
    assert begun.renewed.members + done.renewed.members == len(members)
    assert shop.chosen() == members


def test_a_night_that_was_too_short_goes_on_where_it_ended_and_the_next_begins_anew(shop: FactsShop) -> None:
    members = {buyer(shop) for _ in range(20)}
    over = iter([False] * 8 + [True])
    begun = shop.keeper.rebuild_nightly(lambda: next(over)).renewed.members
    assert 0 < begun < len(members)
    assert not Audience(shop.club, shop.facts, EVERYBODY, shop.today()).is_known
    assert begun + shop.keeper.rebuild_nightly(lambda: False).renewed.members == len(members)
    over = iter([False] * 8 + [True])
    shop.wait(timedelta(days=1))
    assert shop.keeper.rebuild_nightly(lambda: next(over)).renewed.members == begun
    shop.wait(timedelta(days=1))
    assert shop.keeper.rebuild_nightly(lambda: False).renewed.members == len(members)


def test_everybody_is_made_anew_once_a_night(shop: FactsShop) -> None:
    """From three o'clock in the club's zone on, and at once in a club that never was."""
    member_id = buyer(shop)
    assert not Audience(shop.club, shop.facts, EVERYBODY, shop.today()).is_known
    assert shop.keeper.rebuild_nightly(lambda: False).renewed.members == 1
    assert Audience(shop.club, shop.facts, EVERYBODY, shop.today()).is_known
    assert shop.keeper.rebuild_nightly(lambda: False).renewed.members == 0
    shop.wait(timedelta(hours=13, minutes=59))
    assert shop.keeper.rebuild_nightly(lambda: False).renewed.members == 0
    shop.wait(timedelta(minutes=1))
    over = iter([False, True])
    begun = shop.keeper.rebuild_nightly(lambda: next(over))
    assert not begun.finished
    assert Audience(shop.club, shop.facts, EVERYBODY, shop.today()).is_known
    assert shop.keeper.rebuild_nightly(lambda: False).finished
    assert shop.chosen() == {member_id}


def run(shop: FactsShop, **given: Any) -> list[Any]:
    def find(club_id: str) -> Club | None:
        return shop.club if club_id == shop.club.club_id else None

    def keeper(_club: Club) -> FactsKeeper:
        return given.get("keeper") or shop.keeper

    return list(renew_all(shop.marks, find, keeper, given.get("seconds", 35.0)))


def test_whoever_is_marked_is_made_anew_and_the_mark_goes(shop: FactsShop) -> None:
    members = [buyer(shop) for _ in range(3)]
    shop.marks.mark(map(shop.touches, members))
    assert shop.marks.mark(map(shop.touches, members[:1])) == 1
    (done,) = run(shop)
    assert done.result.members == 3
    assert shop.chosen() == set(members)
    assert list(shop.marks.marks()) == []
    assert run(shop) == []


def test_a_mark_that_is_made_meanwhile_stays_for_the_next_run(shop: FactsShop) -> None:
    member_id = buyer(shop)
    shop.marks.mark([shop.touches(member_id)])

    class Meanwhile(FactsKeeper, frozen=True):
        def renew_marked(self, marks: Any) -> Any:
            renewed = super().renew_marked(marks)
            shop.marks.mark([shop.touches(member_id)])
            return renewed

    keeper = shop.keeper
    run(shop, keeper=Meanwhile(keeper.store, keeper.reader, keeper.accounts, keeper.patience))
    assert [each.touched for each in shop.marks.marks()] == [shop.touches(member_id)]
    run(shop)
    assert list(shop.marks.marks()) == []


def test_marks_of_a_club_that_is_no_more_go(shop: FactsShop) -> None:
    shop.marks.mark([Touched(new_id("c"), MarkKind.MEMBER, new_id("m"))])
    assert run(shop) == []
    assert list(shop.marks.marks()) == []


def test_a_club_that_breaks_keeps_its_marks_and_stands_in_nobodys_way(shop: FactsShop) -> None:
    member_id = buyer(shop)
    broken = new_id("c")
    shop.marks.mark([shop.touches(member_id), Touched(broken, MarkKind.MEMBER, new_id("m"))])

    def find(club_id: str) -> Club | None:
        if club_id == broken:
            raise ValueError("an unreadable club")
        return shop.club

    done = list(renew_all(shop.marks, find, lambda _: shop.keeper, 35.0))
    assert {type(each) for each in done} == {BrokenClub, type(done[0]), type(done[1])}
    assert [each.club_id for each in done if isinstance(each, BrokenClub)] == [broken]
    assert [each.touched.club_id for each in shop.marks.marks()] == [broken]
    assert shop.chosen() == {member_id}


def test_a_block_that_others_keep_writing_is_given_up_and_not_overwritten(shop: FactsShop) -> None:
    member_id = buyer(shop)

    class Overtaken(FactsStore):
        def put(self, before: Any, members: Any) -> bool:
            return False

    keeper = keeper_of(shop, shop.client)
    store = Overtaken(shop.client, VIEWS, shop.club.club_id)
    with pytest.raises(Refusal, match="try_again"):
        FactsKeeper(store, keeper.reader, keeper.accounts, Patience(limit=0.05)).renew([member_id])
    assert shop.of(member_id) is None


def test_a_change_of_one_member_costs_what_their_block_weighs(shop: FactsShop) -> None:
    """Of some thousand members few lie in a block: one write unit, whatever the club's size."""
    member_id = buyer(shop)
    shop.buys(member_id, BUN)
    keeper, meter = shop.keeper, UnitMeter()
    meter.attach(shop.client)
    keeper.renew([member_id])
    assert meter.written == 1
    meter.reset()
    erasure = erasure_of(shop, looking_of(shop), Photos(), KeptTombstones())
    erasure.stores.facts.forget({member_id})
    assert meter.written == 1


def test_fifty_thousand_members_are_counted_at_once(shop: FactsShop) -> None:
    """In processor time, the engine's own part in it included: about a second, and eight at the most."""
    members = 50_000
    _put_many(shop, members)
    audience = Audience(
        shop.club,
        shop.facts,
        AllOf((Outlet(("torvet",)), BoughtItem(("item-7",), 365), Not(BoughtAt(("havnen",), 30)))),
        shop.today(),
    )
    begun = time.process_time()
    counted = audience.count()
    assert time.process_time() - begun < 8
    assert (counted.seen, counted.chosen) == (members, members // 50)


def _put_many(shop: FactsShop, members: int) -> None:
    """As a rebuild would leave them, twenty visits and ten item numbers each."""
    today = day_number(shop.today())
    days = tuple(range(today - 400, today, 20))
    blocks: dict[int, list[MemberFacts]] = {}
    for number in range(members):
        facts = MemberFacts(
            f"m{number:016}",
            "Mette",
            "da",
            "DK",
            Standing.MEMBER,
            shop.today(),
            outlet="torvet" if number % 2 else "havnen",
            sms_until=date(2027, 11, 21),
            bought=Bought(
                days,
                tuple(range(1_000, 1_000 + len(days))),
                {"torvet": days[-1]},
                {f"item-{(number // 2 + each) % 200}": days[each] for each in range(10)},
            ),
        )
        blocks.setdefault(block_of(facts.member_id), []).append(facts)
    for number, block in blocks.items():
        shard, place = divmod(number, BLOCKS_A_SHARD)
        row = {"pk": f"FACTS#{shop.club.club_id}#{shard:02}", "sk": f"{place:03}", "v": 1, "revision": 1}
        shop.client.put_item(TableName=VIEWS, Item=to_wire(row | {"members": packed(block)}))


def words(kept: bytes) -> Iterator[bytes]:
    for number in range(len(kept) - 16):
        yield kept[number : number + 17]
