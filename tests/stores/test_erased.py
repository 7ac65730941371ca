"""What comes with an erasure: who is told, where else the shop looks, what is seen of one that isn't done."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from stamkunde.erasure.model import COPIES_LAST, Cause, Left, StepName
from stamkunde.erasure.steps import Erasure, case_of_its_own
from stamkunde.members.access_store import ServiceLinks
from stamkunde.members.model import GRACE, AskedBy
from stamkunde.messaging.model import DeliveryState
from stamkunde.messaging.written import written_day
from stamkunde.retention.model import StepKind
from stamkunde.retention.store import Swept
from stamkunde.shared.clock import FixedClock, local_date
from stamkunde.shared.errors import Refusal
from stamkunde.shared.other_places import OtherPlace
from stamkunde.views.service import rebuild_facts
from stamkunde.views.store import ProjectionStore
from tests.due_scene import AN_HOUR, ERASED, FIRST_REMINDER, JOINED, SECOND_REMINDER, DueShop
from tests.erasing_shop import erase
from tests.erasure_scene import Eraser
from tests.factories import make_club
from tests.letterbox import token_in
from tests.stores.test_coupons import CouponShop
from tests.stores.test_erasure_steps import assert_forgotten, condemned, visit, wishes
from tests.stores.test_forgotten import PHONE, found

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


@pytest.fixture
def due(dynamodb: DynamoDBClient) -> DueShop:
    return DueShop(CouponShop(dynamodb, make_club(created_at=JOINED), clock=FixedClock(JOINED)))


@pytest.mark.parametrize("by", [AskedBy.MEMBER, AskedBy.STAFF])
def test_who_asked_is_told_once_that_it_is_done_and_from_when_on_no_copy_holds_them(
    due: DueShop, by: AskedBy
) -> None:
    eraser = Eraser(due)
    case_id, member_id, *_ = condemned(eraser, by)
    due.post(DeliveryState.SENT)
    told = len(due.letters())
    for step in StepName:
        eraser.do_dying(step, case_id)
    (letter,) = due.letters()[told:]
    gone_on = local_date(due.shop.now(), due.shop.club.time_zone)
    assert (letter["kind"], letter["recipient"]) == ("erased", PHONE)
    assert written_day(gone_on + COPIES_LAST, "da") in letter["text"]
    due.post(DeliveryState.SENT)
    assert dict(found(due, {"phone": PHONE, "id": member_id})) == {}


def test_nobody_is_told_at_night_for_nothing_is_kept_of_them_until_the_morning(due: DueShop) -> None:
    eraser = Eraser(due)
    case_id, *_ = condemned(eraser)
    due.post(DeliveryState.SENT)
    told = len(due.letters())
    due.at(due.shop.now().replace(hour=22))
    eraser.do_all(case_id)
    assert due.letters()[told:] == []


def test_who_is_erased_by_the_clubs_rules_was_told_the_day_and_hears_no_more(due: DueShop) -> None:
    eraser = Eraser(due)
    due.shop.due.note_swept(Swept(JOINED, terms_version=1, shards_left=()))
    due.open_member()
    due.hour(FIRST_REMINDER)
    due.hour(SECOND_REMINDER)
    told = len(due.letters())
    visit(due, ERASED)
    case_id = eraser.case()
    due.at(ERASED + timedelta(hours=10))
    eraser.do_all(case_id)
    assert due.letters()[told:] == []


def test_whoever_says_that_a_number_is_not_theirs_is_erased_within_the_hour_with_a_tombstone(due: DueShop) -> None:
    eraser = Eraser(due)
    due.shop.due.note_swept(Swept(JOINED, terms_version=1, shards_left=()))
    joined = due.shop.join(PHONE, accepts=False).at_till.member
    due.shop.buy(joined.member_id, 10_000)
    (letter,) = due.letters("till_join")
    links = ServiceLinks(due.shop.client, due.shop.members_table)
    link = links.find(token_in(letter))
    assert link is not None
    due.post(DeliveryState.SENT)
    due.shop.links.delete(link)
    with pytest.raises(Refusal, match="unknown_member"):
        due.shop.membership.look_up(PHONE)
    stranger = due.shop.join(PHONE).at_till.member.member_id
    due.post(DeliveryState.SENT)
    due.hour(due.shop.now() + AN_HOUR)
    assert_forgotten(eraser, joined.member_id)
    (receipt,) = eraser.receipts(due.shop.today())
    assert (receipt.cause, receipt.checks) == (Cause.NOT_THEIRS, ())
    assert due.shop.membership.look_up(PHONE).member.member_id == stranger
    still = links.find(token_in(letter))
    assert still is not None
    assert still.member_id is None


def test_where_the_shop_looked_before_the_day_stays_with_the_receipt(due: DueShop) -> None:
    eraser, shop = Eraser(due), due.shop
    member_id = shop.new_member()
    wishes(due).ask(member_id, AskedBy.STAFF)
    for place in (OtherPlace.MAILS, OtherPlace.NOTEBOOK, OtherPlace.MAILS):
        wishes(due).look_in(member_id, place)
    due.post(DeliveryState.SENT)
    visit(due, shop.now() + GRACE)
    eraser.do_all(eraser.case())
    (receipt,) = eraser.receipts(shop.today())
    assert receipt.ticks == (OtherPlace.NOTEBOOK, OtherPlace.MAILS)


def test_nobody_has_to_look_elsewhere_for_a_member_who_asked_for_it_themselves(due: DueShop) -> None:
    member_id = due.shop.new_member()
    wishes(due).ask(member_id, AskedBy.MEMBER)
    with pytest.raises(Refusal, match="invalid_field"):
        wishes(due).look_in(member_id, OtherPlace.MAILS)


def test_an_erasure_that_is_not_done_is_told_by_how_long_it_has_waited(due: DueShop) -> None:
    """From the day on, attempt after attempt; and not of who is merely asked for, or done."""
    eraser, shop = Eraser(due), due.shop
    member_id = shop.new_member()
    wishes(due).ask(member_id, AskedBy.MEMBER)
    due.post(DeliveryState.SENT)
    day = shop.now() + GRACE
    due.jump(day - AN_HOUR)
    assert due.run_job().removal_waits == timedelta()
    for hours in (0, 1, 13):
        due.at(day + hours * AN_HOUR)
        assert due.run_job().removal_waits == hours * AN_HOUR
    eraser.do_all(eraser.case())
    due.at(day + 14 * AN_HOUR)
    assert due.run_job().removal_waits == timedelta()


def test_an_erasure_that_is_held_is_tried_again_after_a_day(due: DueShop) -> None:
    eraser, shop = Eraser(due), due.shop
    member_id = shop.new_member()
    wishes(due).ask(member_id, AskedBy.MEMBER)
    due.post(DeliveryState.SENT)
    visit(due, shop.now() + GRACE)
    case = shop.due.load_case(eraser.case())
    assert case is not None
    assert shop.due.hold(case, shop.now() + timedelta(days=1)) is not None
    assert shop.due.hold(case, shop.now() + timedelta(days=2)) is None
    for other in due.free_hints():
        shop.due.drop(other)
    for hours, started in ((2, 0), (23, 0), (25, 1)):
        due.at(case.started_at + hours * AN_HOUR)
        due.run_job()
        assert len(due.machine.waiting) == started


def test_who_buys_in_the_last_moment_is_not_erased_for_staying_away(
    due: DueShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A purchase writes no member: it is seen by the account that changed since it was decided."""
    shop, decisions = due.shop, [StepKind.REMOVE_INACTIVE, None]
    member_id = shop.new_member()

    def decided(*_: object) -> StepKind | None:
        shop.buy(member_id, 10_000)
        return decisions.pop(0)

    monkeypatch.setattr(Erasure, "_due", decided)
    case = case_of_its_own(shop.club.club_id, member_id, shop.now())
    assert due.erasure.condemn(case) is Left.NOT_DUE
    assert decisions == []
    assert shop.members.load(member_id, consistent=True) is not None


def test_days_are_rebuilt_with_what_members_bought_who_are_gone(due: DueShop) -> None:
    shop = due.shop
    goes, stays = shop.new_member(), shop.new_member()
    for member_id in (goes, goes, stays):
        shop.buy(member_id, 10_000)

    def rebuilt() -> int:
        views = ProjectionStore(shop.client, "views")
        since = shop.now() - timedelta(days=2)
        return rebuild_facts(shop.store, views, shop.club.time_zone, since, shop.now() + timedelta(days=1))

    before = rebuilt()
    erase(shop, goes)
    assert rebuilt() == before > 0
