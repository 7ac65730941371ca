"""Bringing back a copy doesn't bring back who was deleted: the drill, and what a real restore does, on the engine."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from copy import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from infra.function_catalogue import TABLES
from infra.restore.copies import BEGINNING, Copies, leftovers
from infra.restore.drill import Sums, drill, take_leftovers
from infra.restore.place import Place
from infra.restore.replay import Replayed, erase, replay, take_out_messages
from infra.restore.search import count, every_text, in_files, somewhere
from stamkunde.campaigns.facts_store import FACT_SHARDS, MarkKind, MarkStore, Touched
from stamkunde.campaigns.model.facts import MemberFacts
from stamkunde.clubs.model import Club
from stamkunde.clubs.store import ClubStore
from stamkunde.facts_bootstrap import keeper_of
from stamkunde.gateways.tombstones import digest_of
from stamkunde.members.erasing import Erasing
from stamkunde.members.model import AskedBy
from stamkunde.members.service_link import LinkAct
from stamkunde.retention.model import StepKind
from stamkunde.retention.store import DUE_SHARDS
from stamkunde.shared.clock import FixedClock, SystemClock
from stamkunde.shared.ids import new_id
from stamkunde.shared.item import to_wire
from stamkunde.shared.transaction import commit
from tests.due_scene import ERASED, FIRST_REMINDER, SECOND_REMINDER, open_due_shop
from tests.factories import make_club
from tests.ledger_checks import every_row, rows
from tests.letterbox import waiting
from tests.restore_scene import new_place
from tests.sending_scene import SendingScene
from tests.shop import Shop
from tests.stores.test_joining import join, newsletter

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

PHONE, NAME = "+4527182818", "Thorbjørg"
OPERATOR = "+4520123456"


@pytest.fixture
def place(engine_endpoint: str) -> Place:
    return new_place(engine_endpoint)


@pytest.fixture
def shop(place: Place) -> Shop:
    club = make_club()
    commit(place.tables, ClubStore(place.tables, "clubs", club.club_id).new_club_writes(club))
    # As those who replay live by: wishes are about days to come.
    return Shop(place.tables, club, clock=FixedClock(SystemClock().now()))


def run(place: Place, **given: Any) -> Any:
    return drill(place, OPERATOR, wait=lambda: None, **given)


def copied(place: Place) -> Place:
    """Copies of all tables as they are now, brought back."""
    copies = Copies(place.tables, "test")
    return place.with_tables(copies.bring_back(copies.take(place.table_names)))


def holding(place: Place, *words: str) -> set[str]:
    """The tables of a place in which any of these stands."""
    names = place.table_names.values()
    return {name for name in names if any(word in str(row) for row in rows(place.tables, name) for word in words)}


def test_the_drill_finds_the_person_in_the_copy_first_then_nobody_and_the_sums_agree(
    place: Place, shop: Shop
) -> None:
    member_id = shop.join(PHONE, name=NAME).at_till.member.member_id
    shop.buy(member_id, 10_000)
    before = every_row(place.tables)
    drilled = run(place)
    assert drilled.passed
    for found in (drilled.before, drilled.copied):
        words = {word for each in found.values() for word in each}
        assert words == {"phone", "hash of the phone", "name", "card", "id"}
    assert all(BEGINNING in where for where in drilled.copied)
    assert drilled.deleted == drilled.replayed == {}
    assert drilled.sums == Sums({"purchase": 300, "forfeit": -300}, 0) == drilled.copied_sums
    assert drilled.done.people == 1
    assert every_row(place.tables) == before, "nothing stays of it"
    assert leftovers(place.tables) == ([], [])


@pytest.mark.parametrize("fails_at", ["live", "copy"])
def test_a_drill_that_fails_half_way_leaves_no_copy(place: Place, fails_at: str) -> None:
    def broken(at: Place, club: Club, member_id: str) -> bool:
        if at.settings.members_table.startswith(BEGINNING) == (fails_at == "copy"):
            raise ValueError(fails_at)
        return erase(at, club, member_id)

    before = every_row(place.tables)
    with pytest.raises(ValueError, match=fails_at):
        run(place, erase=broken)
    assert leftovers(place.tables) == ([], [])
    assert every_row(place.tables) == before


def test_whoever_drills_may_be_a_member_somewhere(place: Place, shop: Shop) -> None:
    shop.join(OPERATOR, name=NAME)
    assert run(place).passed
    assert shop.members.find_by_phone(OPERATOR) is not None


def test_a_drill_in_which_nobody_is_erased_does_not_pass(place: Place) -> None:
    drilled = run(place, erase=lambda *_: True)
    assert not drilled.passed
    assert drilled.deleted
    assert drilled.replayed


def test_a_drill_that_was_killed_is_cleared_away_by_the_next(place: Place) -> None:
    copied(place)
    assert [len(each) for each in leftovers(place.tables)] == [len(TABLES), len(TABLES)]
    take_leftovers(place, lambda: None)
    assert leftovers(place.tables) == ([], [])


def test_a_drill_takes_no_shop_for_its_own(place: Place) -> None:
    club = make_club(slug="restore-drill", name="Restore drill")
    commit(place.tables, ClubStore(place.tables, "clubs", club.club_id).new_club_writes(club))
    before = every_row(place.tables)
    take_leftovers(place, lambda: None)
    assert every_row(place.tables) == before


def test_who_was_erased_since_is_erased_again_and_everybody_else_stays(place: Place, shop: Shop) -> None:
    gone = shop.join(PHONE, name=NAME).at_till.member
    shop.buy(gone.member_id, 10_000)
    stays = shop.join("+4520202020", name="Bodil").at_till.member
    copy = copied(place)
    assert erase(place, shop.club, gone.member_id)
    assert holding(copy, PHONE, NAME)
    assert replay(copy, place).people == 1
    assert not holding(copy, PHONE, NAME)
    kept = in_copy(shop, copy)
    assert kept.members.find_by_phone("+4520202020") == stays


def test_whom_the_clock_takes_away_is_remembered_outside_of_all_tables(dynamodb: DynamoDBClient) -> None:
    due = open_due_shop(dynamodb)
    member_id = due.open_member()
    for instant in (FIRST_REMINDER, SECOND_REMINDER, ERASED):
        due.jump(instant)
    assert due.member(member_id) is None
    assert due.tombstones.of_club(due.shop.club.club_id) == {digest_of(member_id): due.shop.today()}


def test_nobody_is_taken_away_who_cannot_be_remembered(
    dynamodb: DynamoDBClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    due = open_due_shop(dynamodb)
    member_id = due.open_member()
    for instant in (FIRST_REMINDER, SECOND_REMINDER):
        due.jump(instant)
    before = due.member(member_id)
    assert before is not None

    def broken(*_given: Any) -> None:
        raise ConnectionError

    monkeypatch.setattr(due.tombstones, "keep", broken)
    with pytest.raises(ConnectionError):
        due.jump(ERASED)
    after = due.member(member_id)
    assert after is not None
    assert after.is_gone(due.shop.now())
    assert replace(after, erasure=None, revision=before.revision) == before
    assert due.rows("P#")
    assert due.rows("K#")


def test_who_was_half_erased_as_the_copy_was_made_is_erased_from_it_too(place: Place, shop: Shop) -> None:
    """Neither the list of accounts nor an account leads to them then."""
    gone = shop.join(PHONE, name=NAME).at_till.member
    copy = copied(place)
    assert erase(place, shop.club, gone.member_id)
    for row in rows(place.tables, copy.settings.ledger_table):
        key = to_wire({"pk": row["pk"], "sk": row["sk"]})
        place.tables.delete_item(TableName=copy.settings.ledger_table, Key=key)
    assert replay(copy, place).people == 1
    assert not holding(copy, PHONE, NAME, gone.member_id)


def test_nothing_of_a_copy_says_when_somebody_who_is_gone_is_to_be_looked_at(place: Place, shop: Shop) -> None:
    """Nobody visits a copy: neither a hint years ahead nor what was being done to them would ever go."""
    gone = shop.join(PHONE, name=NAME).at_till.member.member_id
    stays = shop.join("+4520202020", name="Bodil").at_till.member.member_id
    now = SystemClock().now()
    for member_id in (gone, stays):
        shop.due.arm(member_id, now + timedelta(days=1_000))
        shop.due.arm(member_id, now)
    for shard in range(DUE_SHARDS):
        for hint in list(shop.due.due_on(now.date(), shard, now)):
            assert shop.due.claim(hint, StepKind.TERMS_REMINDER, now)
    copy = copied(place)
    assert erase(place, shop.club, gone)
    held = sum(stays in str(row) for row in rows(place.tables, copy.settings.members_table))
    assert replay(copy, place).people == 1
    assert not holding(copy, gone)
    assert sum(stays in str(row) for row in rows(place.tables, copy.settings.members_table)) == held >= 4


def test_who_only_took_the_news_is_erased_again_too(place: Place, shop: Shop) -> None:
    member = join(shop, newsletter(phone=PHONE, first_name=NAME)).member
    copy = copied(place)
    assert erase(place, shop.club, member.member_id)
    assert holding(copy, PHONE)
    assert replay(copy, place).people == 1
    assert not holding(copy, PHONE, NAME)


def wishes(shop: Shop) -> Erasing:
    return Erasing(shop.club, shop.admission, shop.due, shop.clock, shop.patience)


def in_copy(shop: Shop, copy: Place) -> Shop:
    return replace(shop, members_table=copy.settings.members_table, ledger_table=copy.settings.ledger_table)


def test_a_wish_to_be_deleted_that_came_after_the_copy_is_asked_again_for_the_same_day(
    place: Place, shop: Shop
) -> None:
    """They were told the day, and the link by which they can think again."""
    asks, stays = (shop.join(phone).at_till.member.member_id for phone in (PHONE, "+4520202020"))
    copy = copied(place)
    wish = wishes(shop).ask(asks, AskedBy.STAFF)
    wishes(shop).look_in(asks, "notebook")
    restored = in_copy(shop, copy)
    assert replay(copy, place) == Replayed(messages=2, asked=1)
    member = restored.members.load(asks)
    assert member is not None
    assert member.erasure == replace(wish, looked_in=("notebook",))
    day = wish.erase_at.date()
    assert [hint.instant for hint in restored.due.hints_of(asks, day, day)] == [wish.erase_at]
    links = [link for each in member.link_hashes if (link := restored.members.load_link(each))]
    assert [link.member_id for link in links if link.act is LinkAct.UNDO_ERASURE] == [asks]
    restored.clock = FixedClock(wish.erase_at)
    assert restored.members.find_by_phone(PHONE) is None
    other = restored.members.load(stays)
    assert other is not None
    assert other.erasure is None
    once = {name: rows(place.tables, name) for name in copy.table_names.values()}
    assert replay(copy, place) == Replayed()
    assert {name: rows(place.tables, name) for name in copy.table_names.values()} == once


def test_who_was_merged_since_the_copy_and_asked_then_is_deleted_from_it_with_both(place: Place, shop: Shop) -> None:
    loser, winner = (shop.join(phone).at_till.member.member_id for phone in (PHONE, "+4520202020"))
    copy = copied(place)
    shop.merging.merge(loser, winner, "Ida")
    wish = wishes(shop).ask(winner, AskedBy.MEMBER)
    assert replay(copy, place).asked == 2
    both = [in_copy(shop, copy).members.load(each) for each in (loser, winner)]
    assert [member and member.erasure for member in both] == [wish, wish]


def test_who_thought_again_after_the_copy_was_made_stays_in_it(place: Place, shop: Shop) -> None:
    thinks_again, asks = (shop.join(phone).at_till.member.member_id for phone in (PHONE, "+4520202020"))
    for each in (thinks_again, asks):
        wishes(shop).ask(each, AskedBy.MEMBER)
    copy = copied(place)
    wishes(shop).undo(thinks_again, AskedBy.MEMBER)
    done = replay(copy, place)
    assert (done.asked, done.withdrawn) == (0, 1)
    after, still = (in_copy(shop, copy).members.load(each) for each in (thinks_again, asks))
    assert after is not None
    assert still is not None
    assert after.erasure is None
    assert after.details_confirmed_at == shop.now()
    assert still.erasure is not None


def test_a_wish_of_which_the_tables_know_nothing_any_more_is_kept_as_the_copy_has_it(
    place: Place, shop: Shop
) -> None:
    asks = shop.join(PHONE).at_till.member.member_id
    wish = wishes(shop).ask(asks, AskedBy.MEMBER)
    copy = copied(place)
    key = to_wire({"pk": f"M#{shop.club.club_id}#{asks}", "sk": "MEMBER"})
    place.tables.delete_item(TableName="members", Key=key)
    done = replay(copy, place)
    assert (done.asked, done.withdrawn) == (0, 0)
    kept = in_copy(shop, copy).members.load(asks)
    assert kept is not None
    assert kept.erasure == wish


def test_a_replay_writes_no_receipt_of_an_erasure_that_has_one(place: Place, shop: Shop) -> None:
    gone = shop.join(PHONE).at_till.member.member_id
    copy = copied(place)
    assert erase(place, shop.club, gone)
    assert replay(copy, place).people == 1
    assert not [row for row in rows(place.tables, copy.settings.members_table) if row["pk"].startswith("ERASED#")]


def test_a_replay_may_be_done_again(place: Place, shop: Shop) -> None:
    gone = shop.join(PHONE, name=NAME).at_till.member.member_id
    copy = copied(place)
    assert erase(place, shop.club, gone)
    replay(copy, place)
    once = {name: rows(place.tables, name) for name in copy.table_names.values()}
    assert replay(copy, place) == Replayed()
    assert {name: rows(place.tables, name) for name in copy.table_names.values()} == once


def test_a_copy_knows_nothing_for_segments_until_it_is_made_anew(place: Place, shop: Shop) -> None:
    """A copy of the views may be older, or younger, than that of the members."""
    stays, gone = (shop.join(phone).at_till.member.member_id for phone in (PHONE, "+4520123457"))
    keeper = keeper_of(place.settings, place.tables, shop.club, shop.clock)
    MarkStore(place.tables, "views").mark([Touched(shop.club.club_id, MarkKind.MEMBER, gone)])
    assert keeper.rebuild_nightly(lambda: False).renewed.members == 2
    copy = copied(place)
    assert erase(place, shop.club, gone)
    replay(copy, place)
    left = rows(place.tables, copy.settings.views_table)
    assert not [row for row in left if row["pk"].startswith(("FACTS#", "MARKED#"))]
    anew = keeper_of(copy.settings, copy.tables, shop.club, shop.clock)
    assert anew.rebuild_nightly(lambda: False).finished
    assert {each for shard in range(FACT_SHARDS) for each in map(_id, anew.store.of_shard(shard))} == {stays}


def _id(facts: MemberFacts) -> str:
    return facts.member_id


def test_a_restored_outbox_sends_nothing(place: Place, shop: Shop) -> None:
    shop.join(PHONE)
    other = replace(shop, club=make_club())
    other.join(PHONE)
    assert len(waiting(place.tables)) == 2
    copy = copied(place)
    assert replay(copy, place).messages == 2
    assert not [row for row in rows(place.tables, copy.settings.messages_table) if row["pk"].startswith("OUTBOX#")]
    assert take_out_messages(place, other.club.club_id) == 1
    (left,) = waiting(place.tables)
    assert shop.club.club_id in left["sk"]


def test_a_search_looks_into_every_kind_of_store_the_engine_has(place: Place, engine_endpoint: str) -> None:
    """Each kind is given something to find: rows, files of old, messages, histories, schedules, logs."""
    clients = place.clients
    words = {"name": NAME, "phone": PHONE}
    before = count(words, every_text(clients, engine_endpoint))
    assert somewhere(before) == {}
    for plant in PLANTS:
        plant(clients)
    found = somewhere(count(words, every_text(clients, engine_endpoint)))
    kinds = {name.partition(" ")[0] for name in found}
    assert kinds == {"table", "stream", "bucket", "queue", "executions", "schedules", "log"}


def _in_a_streamed_table(clients: Callable[[str], Any]) -> None:
    tables = clients("dynamodb")
    tables.create_table(
        TableName="new",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    tables.put_item(TableName="new", Item={"pk": {"S": "1"}, "coded": {"B": f"x{NAME}".encode()}})


def _in_an_old_version(clients: Callable[[str], Any]) -> None:
    files = clients("s3")
    name = new_id("new-")
    files.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-north-1"})
    files.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    files.put_object(Bucket=name, Key="a", Body=f"tel:{PHONE}".encode())
    files.delete_object(Bucket=name, Key="a")


def _in_a_queue(clients: Callable[[str], Any]) -> None:
    queues = clients("sqs")
    queue = queues.create_queue(QueueName="new")["QueueUrl"]
    queues.send_message(QueueUrl=queue, MessageBody='{"name":"Thorbj\\u00f8rg"}')


def _in_a_history(clients: Callable[[str], Any]) -> None:
    states = clients("stepfunctions")
    machine = states.create_state_machine(
        name="new",
        definition='{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}',
        roleArn="arn:aws:iam::000000000000:role/new",
    )["stateMachineArn"]
    states.start_execution(stateMachineArn=machine, input=f'{{"phone":"{PHONE}"}}')


def _in_a_schedule(clients: Callable[[str], Any]) -> None:
    clients("scheduler").create_schedule(
        Name="new",
        ScheduleExpression="cron(0 0 1 1 ? 2199)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={
            "Arn": "arn:aws:lambda:eu-north-1:000000000000:function:a",
            "RoleArn": "arn:aws:iam::000000000000:role/a",
            "Input": f'"{PHONE}"',
        },
    )


def _in_a_log(clients: Callable[[str], Any]) -> None:
    logs = clients("logs")
    logs.create_log_group(logGroupName="new")
    logs.create_log_stream(logGroupName="new", logStreamName="new")
    event = {"timestamp": int(SystemClock().now().timestamp() * 1000), "message": "tel=%2B4527182818"}
    logs.put_log_events(logGroupName="new", logStreamName="new", logEvents=[event])


PLANTS = (_in_a_streamed_table, _in_an_old_version, _in_a_queue, _in_a_history, _in_a_schedule, _in_a_log)


@pytest.mark.parametrize("before", ["", "x", "xx"])
def test_a_word_is_found_however_it_is_written_down(before: str, tmp_path: Any) -> None:
    coded = base64.b64encode(f"{before}{NAME}".encode()).decode()
    for number, text in enumerate([NAME, json.dumps(json.dumps(NAME)), "Thorbj%C3%B8rg", coded]):
        (tmp_path / "deep").mkdir(exist_ok=True)
        (tmp_path / "deep" / str(number)).write_text(f"a {before}{text} b")
    (tmp_path / "nothing").write_text("Thorbjørn")
    found = in_files(tmp_path, {"name": NAME})
    assert {place: dict(words) for place, words in found.items()} == {
        **{f"deep/{number}": {"name": 1} for number in range(4)},
        "nothing": {},
    }


def test_a_restored_campaign_sends_no_more_for_nobody_knows_whom_it_has_reached_since(
    place: Place, shop: Shop
) -> None:
    scene = SendingScene(client=place.tables, club=shop.club)
    scene.begin(scene.add_members(3))
    copy = copied(place)
    under_way = ("RUNNING#", "CAMPAIGN_DUE#")
    assert [row for row in rows(place.tables, copy.settings.messages_table) if row["pk"].startswith(under_way)]
    replay(copy, place)
    assert not [row for row in rows(place.tables, copy.settings.messages_table) if row["pk"].startswith(under_way)]
