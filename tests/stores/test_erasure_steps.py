"""Erasing step by step: each may be killed at any point and done again, and in the end nobody is found."""

from __future__ import annotations

import json
from copy import deepcopy, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from infra.erasure_plan import PLAN
from stamkunde.audit.model import new_act
from stamkunde.erasure.model import Cause, Left, StepName
from stamkunde.erasure.steps import STEPS, StillSending, cause_of
from stamkunde.erasure_bootstrap import erasure
from stamkunde.gateways.tombstones import digest_of
from stamkunde.ledger.model.adjusting import Correction, CorrectionReason
from stamkunde.members.erasing import Erasing
from stamkunde.members.model import GRACE, AskedBy
from stamkunde.messaging.model import DeliveryState
from stamkunde.messaging.store import Outbox
from stamkunde.retention.model import StepKind
from stamkunde.settings import Settings
from stamkunde.shared.clock import FixedClock, local_date
from stamkunde.shared.errors import Refusal
from stamkunde.shared.idempotency import WriteKey
from stamkunde.shared.other_places import OtherPlace
from tests.architecture.test_data_page import describing
from tests.due_scene import AN_HOUR, ERASED, FIRST_REMINDER, JOINED, SECOND_REMINDER, DueShop
from tests.erasure_scene import Eraser
from tests.factories import make_club
from tests.ledger_checks import assert_ledger_adds_up, every_row
from tests.letterbox import waiting
from tests.stores.test_coupons import CouponShop
from tests.stores.test_forgotten import found, uses_everything
from tests.stores.test_joining import join, newsletter
from tests.tables import TABLES
from tests.unit_meter import UnitMeter

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

A_MOMENT = timedelta(milliseconds=1)
TOO_MUCH_FOR_ONE = 30_000
MANY = 10


@pytest.fixture
def due(dynamodb: DynamoDBClient) -> DueShop:
    return DueShop(CouponShop(dynamodb, make_club(created_at=JOINED), clock=FixedClock(JOINED)))


def wishes(due: DueShop) -> Erasing:
    shop = due.shop
    return Erasing(shop.club, shop.admission, shop.due, shop.clock, shop.patience)


def visit(due: DueShop, now: datetime) -> None:
    """The hourly run of a day, with nothing left undone before it; its cases wait."""
    for hint in due.free_hints():
        if hint.instant < now - timedelta(days=1):
            # Whoever would have been looked at on the way.
            due.shop.due.drop(hint)
    due.at(now)
    due.has_come_to(now - timedelta(days=1))
    due.run_job()


def staff_acts(eraser: Eraser, member_id: str) -> None:
    """Looks their data up, corrects their bonus, and proposes more than one person may give."""
    shop = eraser.due.shop
    eraser.erasure().stores.audit.note(new_act(shop.now(), "Ida", "show_member", (member_id, "m-other")))
    wish = Correction(member_id, CorrectionReason.GOODWILL, "ringede igen", "Ida", bonus=700)
    shop.adjustments.correct(wish, WriteKey("small", "0" * 32))
    shop.adjustments.correct(replace(wish, bonus=TOO_MUCH_FOR_ONE), WriteKey("large", "0" * 32))


def condemned(eraser: Eraser, by: AskedBy = AskedBy.MEMBER) -> tuple[str, str, str, str]:
    """Case, member, who they were before and a mate, on the hour at which somebody's day has come.

    Nobody has taken the message yet that told them so.
    """
    due = eraser.due
    member_id, former, mate = uses_everything(due)
    staff_acts(eraser, member_id)
    due.post(DeliveryState.SENT)
    wishes(due).ask(member_id, by)
    visit(due, due.shop.now() + GRACE)
    return eraser.case(), member_id, former, mate


def left_of(due: DueShop, *ids: str) -> set[str]:
    """The kinds of rows, and other places, in which one of these stands."""
    kept = [row for table in every_row(due.shop.client).values() for row in table]
    places = {
        row["pk"].partition("#")[0] for row in kept if any(each in json.dumps(row, default=str) for each in ids)
    }
    return places | ({"photos"} if any(each in name for each in ids for name in due.photos.kept) else set())


def assert_forgotten(eraser: Eraser, *ids: str) -> None:
    """Nothing names them."""
    assert left_of(eraser.due, *ids) == set()
    buried = eraser.due.tombstones.of_club(eraser.due.shop.club.club_id)
    assert set(buried) == {digest_of(each) for each in ids}


def assert_nothing_moved_twice(due: DueShop, entries: int) -> None:
    """Every entry that there was has one copy, and they come to nothing beside what others hold."""
    kept = [row for row in every_row(due.shop.client)["ledger"] if row["sk"].startswith("ENTRY#")]
    assert len(kept) == entries


def count_entries(due: DueShop) -> int:
    return sum(row["sk"].startswith("ENTRY#") for row in every_row(due.shop.client)["ledger"])


def test_each_step_may_die_before_and_after_what_it_does_and_is_done_once(due: DueShop) -> None:
    eraser = Eraser(due)
    case_id, member_id, former, mate = condemned(eraser)
    entries, held = count_entries(due), due.shop.balance(mate)
    deaths = {step: eraser.do_dying(step, case_id) for step in StepName}
    assert all(deaths.values()), "every step changes something, and could be killed"
    assert_forgotten(eraser, member_id, former)
    assert_nothing_moved_twice(due, entries)
    assert due.shop.balance(mate) == held
    assert_ledger_adds_up(due.shop, mate)
    (receipt,) = eraser.receipts(due.shop.today())
    assert (receipt.cause, receipt.done_on) == (Cause.ASKED_BY_MEMBER, due.shop.today())


def test_a_step_done_twice_changes_nothing(due: DueShop) -> None:
    eraser = Eraser(due)
    case_id, *_ = condemned(eraser)
    for step in StepName:
        eraser.do(step, case_id)
        before = every_row(due.shop.client), dict(due.photos.kept), deepcopy(due.tombstones.kept)
        eraser.do(step, case_id)
        assert (every_row(due.shop.client), due.photos.kept, due.tombstones.kept) == before


def test_who_lived_alone_leaves_nothing_but_sums(due: DueShop) -> None:
    eraser = Eraser(due)
    shop = due.shop
    member_id = shop.new_member()
    shop.buy(member_id, 10_000)
    staff_acts(eraser, member_id)
    wishes(due).ask(member_id, AskedBy.STAFF)
    due.post(DeliveryState.SENT)
    visit(due, shop.now() + GRACE)
    account_id = due.member(member_id).account_id  # type: ignore[union-attr]
    assert account_id is not None
    case_id = eraser.case()
    for step in StepName:
        eraser.do_dying(step, case_id)
    assert_forgotten(eraser, member_id)
    assert left_of(due, account_id) == set()
    gone = [row for row in every_row(due.shop.client)["ledger"] if row["sk"].startswith("ENTRY#")]
    assert {row["pk"].partition("#")[0] for row in gone} == {"GONE"}
    assert sum(row["amount"] for row in gone) == 0


def test_nobody_finds_them_from_the_first_step_on(due: DueShop) -> None:
    eraser = Eraser(due)
    case_id, member_id, *_ = condemned(eraser)
    eraser.do(StepName.CONDEMN, case_id)
    assert due.shop.members.load(member_id, consistent=True) is None
    for by in AskedBy:
        with pytest.raises(Refusal, match="unknown_member"):
            wishes(due).undo(member_id, by)


def test_undo_and_the_first_step_never_both_win(due: DueShop, monkeypatch: pytest.MonkeyPatch) -> None:
    eraser = Eraser(due)
    case_id, member_id, *_ = condemned(eraser)
    now, load = due.shop.now(), type(due.shop.members).load_with_records

    def undone_meanwhile(store: Any, wanted: str) -> Any:
        read = load(store, wanted)
        monkeypatch.setattr(type(due.shop.members), "load_with_records", load)
        due.at(now - A_MOMENT)
        wishes(due).undo(member_id, AskedBy.MEMBER)
        due.at(now)
        return read

    monkeypatch.setattr(type(due.shop.members), "load_with_records", undone_meanwhile)
    assert eraser.do(StepName.CONDEMN, case_id) is Left.NOT_DUE
    member = due.shop.members.load(member_id, consistent=True)
    assert member is not None
    assert member.erasure is None
    assert eraser.receipts(due.shop.today()) == []


def test_undone_and_asked_again_on_the_same_day_ends_once_on_the_second_day(due: DueShop) -> None:
    eraser = Eraser(due)
    member_id = due.shop.new_member()
    first = due.shop.now()
    wishes(due).ask(member_id, AskedBy.MEMBER)
    due.shop.wait(AN_HOUR)
    wishes(due).undo(member_id, AskedBy.MEMBER)
    due.shop.wait(AN_HOUR)
    wishes(due).ask(member_id, AskedBy.MEMBER)
    due.post(DeliveryState.SENT)
    visit(due, first + GRACE + AN_HOUR)
    assert due.machine.waiting == []
    assert due.shop.members.load(member_id) is not None
    visit(due, first + GRACE + 2 * AN_HOUR)
    eraser.do_all(eraser.case())
    visit(due, first + GRACE + 3 * AN_HOUR)
    assert due.machine.waiting == []
    assert len(eraser.receipts(due.shop.today())) == 1
    assert_forgotten(eraser, member_id)


def test_who_never_accepted_the_terms_is_erased_on_the_day_that_was_named(due: DueShop) -> None:
    eraser = Eraser(due)
    due.has_come_to(JOINED)
    member_id = due.open_member(buys=10_000)
    due.hour(FIRST_REMINDER)
    due.hour(SECOND_REMINDER)
    visit(due, ERASED)
    eraser.do_all(eraser.case())
    (receipt,) = eraser.receipts(due.shop.today())
    assert (receipt.cause, receipt.asked_on) == (Cause.TERMS_NOT_ACCEPTED, None)
    assert_forgotten(eraser, member_id)


def test_who_only_took_the_news_is_erased_once_no_permission_lives(due: DueShop) -> None:
    eraser = Eraser(due)
    member_id = join(due.shop, newsletter(phone="20123456")).member.member_id
    due.post(DeliveryState.SENT)
    over = JOINED + timedelta(days=400)
    due.shop.due.arm(member_id, over)
    visit(due, over)
    eraser.do_all(eraser.case())
    (receipt,) = eraser.receipts(due.shop.today())
    assert (receipt.cause, receipt.asked_on) == (Cause.NEWS_LAPSED, None)
    assert_forgotten(eraser, member_id)


def test_two_cases_of_one_person_write_one_receipt(due: DueShop) -> None:
    eraser = Eraser(due)
    case_id, member_id, *_ = condemned(eraser)
    eraser.do(StepName.CONDEMN, case_id)
    due.shop.due.arm(member_id, due.shop.now() - A_MOMENT)
    due.run_job()
    assert eraser.do(StepName.CONDEMN, eraser.case()) is Left.NOT_DUE
    assert len(eraser.receipts(due.shop.today())) == 1


def test_another_case_of_them_and_what_led_to_it_go_with_them(due: DueShop) -> None:
    """Its row names them by its hint, and would stand for two hours more."""
    eraser = Eraser(due)
    case_id, member_id, former, _ = condemned(eraser)
    eraser.do(StepName.CONDEMN, case_id)
    due.shop.due.arm(member_id, due.shop.now() - A_MOMENT)
    due.run_job()
    other = eraser.case()
    eraser.do_all(case_id)
    assert_forgotten(eraser, member_id, former)
    assert due.shop.due.load_case(other) is None
    assert eraser.do(StepName.CONDEMN, other) is Left.DONE
    assert eraser.do(StepName.PERSON, other) is Left.DONE
    assert len(eraser.receipts(due.shop.today())) == 1


def test_whoever_has_the_number_by_now_keeps_it(due: DueShop) -> None:
    eraser = Eraser(due)
    case_id, member_id, *_ = condemned(eraser)
    phone = due.member(member_id).phone  # type: ignore[union-attr]
    stranger = due.shop.join(phone).at_till.member.member_id
    assert stranger != member_id
    eraser.do_all(case_id)
    found_by_phone = due.shop.members.find_by_phone(phone, consistent=True)
    assert found_by_phone is not None
    assert found_by_phone.member_id == stranger


def test_what_waits_to_be_sent_goes_and_what_is_under_way_is_waited_for(due: DueShop) -> None:
    eraser = Eraser(due)
    member_id = due.shop.new_member()
    due.post(DeliveryState.SENT)
    wishes(due).ask(member_id, AskedBy.MEMBER)
    (row,) = waiting(due.shop.client)
    visit(due, due.shop.now() + GRACE)
    case_id = eraser.case()
    outbox = Outbox(due.shop.client, "messages")
    message = outbox.load(row)
    assert message is not None
    claimed = outbox.claim(message, due.shop.now())
    assert claimed is not None
    with pytest.raises(StillSending):
        eraser.do(StepName.PENDING_SENDS, case_id)
    assert outbox.load(row) is not None
    outbox.give_back(claimed)
    assert eraser.do(StepName.PENDING_SENDS, case_id) is Left.DONE
    assert outbox.load(row) is None


def test_the_receipt_tells_of_nobody(due: DueShop) -> None:
    eraser = Eraser(due)
    case_id, member_id, former, _ = condemned(eraser, AskedBy.STAFF)
    eraser.do_all(case_id)
    (row,) = [row for row in every_row(due.shop.client)["members"] if row["pk"].startswith("ERASED#")]
    day = due.shop.today().isoformat()
    asked = local_date(due.shop.now() - GRACE, due.shop.club.time_zone).isoformat()
    assert {name: row[name] for name in row if name not in {"pk", "sk", "v"}} == {
        "cause": "asked_by_staff",
        "asked_on": asked,
        "begun_on": day,
        "done_on": day,
        "ticks": [],
        "asked_shop": True,
    }
    assert member_id not in str(row)
    assert former not in str(row)
    assert due.shop.due.load_case(case_id) is None


def test_ticks_stay_with_the_receipt(due: DueShop) -> None:
    eraser = Eraser(due)
    case_id, *_ = condemned(eraser, AskedBy.STAFF)
    eraser.do(StepName.CONDEMN, case_id)
    (receipt,) = eraser.receipts(due.shop.today())
    ticked = receipt
    for check in (receipt.checks[3], receipt.checks[0], receipt.checks[3]):
        ticked = ticked.tick(check)
    due_on = due.shop.now().date()
    eraser.erasure().stores.receipts.note_ticks(due_on, ticked)
    for step in [*StepName][1:]:
        eraser.do(step, case_id)
    (kept,) = eraser.receipts(due.shop.today())
    assert kept.ticks == (receipt.checks[0], receipt.checks[3])
    assert kept.done_on is not None


def test_staff_are_asked_to_look_elsewhere_only_where_they_were_asked(due: DueShop) -> None:
    eraser = Eraser(due)
    case_id, *_ = condemned(eraser, AskedBy.MEMBER)
    eraser.do(StepName.CONDEMN, case_id)
    (receipt,) = eraser.receipts(due.shop.today())
    assert receipt.checks == ()
    with pytest.raises(Refusal, match="invalid_field"):
        receipt.tick(OtherPlace.NOTEBOOK)


@pytest.mark.parametrize("first", [AskedBy.STAFF, AskedBy.MEMBER], ids=str)
def test_who_asked_the_shop_and_on_their_page_is_looked_for_elsewhere_too(due: DueShop, first: AskedBy) -> None:
    """Whichever they did first, and what the shop has ticked by then stays."""
    eraser, member_id = Eraser(due), due.shop.new_member()
    second = AskedBy.MEMBER if first is AskedBy.STAFF else AskedBy.STAFF
    wishes(due).ask(member_id, first)
    if first is AskedBy.STAFF:
        wishes(due).look_in(member_id, OtherPlace.MAILS)
    assert wishes(due).ask(member_id, second).asked_by is AskedBy.MEMBER
    looked = wishes(due).look_in(member_id, OtherPlace.NOTEBOOK).looked_in
    visit(due, due.shop.now() + GRACE)
    eraser.do(StepName.CONDEMN, eraser.case())
    (receipt,) = eraser.receipts(due.shop.today())
    assert (receipt.cause, receipt.checks) == (Cause.ASKED_BY_MEMBER, tuple(OtherPlace))
    assert receipt.ticks == tuple(each for each in OtherPlace if each.value in looked)
    assert receipt.tick(OtherPlace.PAPER_FORMS).ticks[-1] is OtherPlace.PAPER_FORMS


def test_a_search_finds_nobody_after_the_last_step(due: DueShop) -> None:
    eraser = Eraser(due)
    case_id, member_id, former, _ = condemned(eraser)
    member = due.member(member_id)
    assert member is not None
    words = {"phone": member.phone, "card": str(member.card_number), "name": str(member.first_name)}
    assert set(found(due, words)) == set(words)
    assert left_of(due, member_id) >= {"M", "A", "AUDIT", "PROPOSALS", "NOTED", "DUE"}
    eraser.do_all(case_id)
    due.post(DeliveryState.SENT)
    assert dict(found(due, words)) == {}
    assert left_of(due, member_id, former) == set()
    audit = [row for row in every_row(due.shop.client)["members"] if row["pk"].startswith("AUDIT#")]
    assert [digest_of(member_id), "m-other"] in [row["members"] for row in audit]


def test_whoever_is_gone_is_erased_from_a_copy_at_once_though_nothing_is_due(due: DueShop) -> None:
    eraser = Eraser(due)
    member_id, former, mate = uses_everything(due)
    staff_acts(eraser, member_id)
    held = due.shop.balance(mate)
    assert eraser.erasure().erase_now(member_id)
    assert_forgotten(eraser, member_id, former)
    assert due.shop.balance(mate) == held
    before = every_row(due.shop.client)
    assert not eraser.erasure().erase_now(member_id)
    assert every_row(due.shop.client) == before


def test_the_root_puts_together_what_erases_as_this_scene_does(due: DueShop, dynamodb: DynamoDBClient) -> None:
    tables = {f"{name.upper()}_TABLE": name for name in TABLES}
    eraser = Eraser(due)
    member_id = due.shop.new_member()
    due.shop.buy(member_id, 10_000)
    made = erasure(
        Settings.from_environment({"AWS_REGION": "eu-north-1", **tables}), dynamodb, due.shop.club, due.shop.clock
    )
    mine = eraser.erasure().stores
    made = replace(made, stores=replace(made.stores, evidence=mine.evidence, tombstones=mine.tombstones))
    assert made.erase_now(member_id)
    assert_forgotten(eraser, member_id)


def test_what_the_plan_says_that_a_step_clears_names_nobody_after_it(due: DueShop) -> None:
    eraser = Eraser(due)
    case_id, *ids, _ = condemned(eraser)
    seen = set()
    for step in json.loads(PLAN.read_text())["steps"]:
        # The hint of their own case stands until that is closed.
        clears = set(step["clears"]) - {"Due item"}
        seen |= clears & naming(due, *ids)
        eraser.do(StepName(step["name"]), case_id)
        assert not clears & naming(due, *ids), step["name"]
    assert len(seen) > MANY, "the search found them before"


def naming(due: DueShop, *ids: str) -> set[str]:
    """The entities of which a row names somebody."""
    return {
        describing(table, row)[0]["entity"]
        for table, kept in every_row(due.shop.client).items()
        for row in kept
        if any(each in json.dumps(row, default=str) for each in ids)
    }


def test_everything_that_removes_somebody_has_a_cause(due: DueShop) -> None:
    member = due.shop.join().at_till.member
    removing = {kind for kind in StepKind if kind.removes} - {StepKind.REMOVE_REST}
    assert {kind for kind in StepKind if cause_of(member, kind) is not None} == removing


def test_every_step_of_the_plan_can_be_done() -> None:
    assert list(STEPS) == list(StepName)


def test_erasing_costs_five_units_an_entry_and_thirty_and_three_to_tell_them(due: DueShop) -> None:
    eraser, shop, meter = Eraser(due), due.shop, UnitMeter()
    member_id = shop.new_member()
    for _ in range(45):
        shop.buy(member_id, 10_000)
    due.post(DeliveryState.SENT)
    wishes(due).ask(member_id, AskedBy.MEMBER)
    due.post(DeliveryState.SENT)
    visit(due, shop.now() + GRACE)
    case_id = eraser.case()
    meter.attach(shop.client)
    for step in StepName:
        eraser.do(step, case_id)
    # What was left was forfeited by an entry more.
    assert meter.written <= 5 * (45 + 1) + 30 + 3
