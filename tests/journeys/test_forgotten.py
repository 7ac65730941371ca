"""Being really forgotten, in a running stack: found everywhere before and nowhere after, whoever dies on the way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, timedelta
from typing import Any

import httpx
import pytest

from infra.local.clock import MovedClub, read_distance
from infra.restore.search import everywhere, in_files, somewhere
from stamkunde.erasure.model import StepName
from stamkunde.gateways.tombstones import digest_of
from stamkunde.members.codes import user_of
from stamkunde.members.signed_forms import photos_of
from stamkunde.retention.model import StepKind
from stamkunde.retention.store import DUE_SHARDS, DueStore
from tests.architecture.test_data_page import ENTITIES, describing
from tests.journeys.person import STAFF, Club, Person, noon_club, uses_everything
from tests.journeys.traces import worker_asleep
from tests.journeys.visitor import visiting
from tests.ledger_checks import assert_ledger_adds_up
from tests.local_stack import LocalStack, wait_until
from tests.till_over_http import OUTLET

GRACE = timedelta(days=14)
AN_HOUR = timedelta(hours=1)
A_MINUTE = timedelta(minutes=1)
A_WHILE = 180.0
NOT_TODAY = {
    "Lapsing permission": "a permission is noted when it is eleven months old",
    "Newsletter list": "who has an account isn't on it",
    "Code counter": "by a keyed hash of its own, for two days",
    "Stop under a number that was given up": "it begins when somebody who said stop is gone",
    "Case": "there while something is being done",
    "Coupon total": "reservations of what there is a number of",
    "Ledger difference": "nothing differs",
    "Birthday": "it isn't theirs",
    "Chunk of a campaign": "the worker has written to all of it",
    "Message in doubt": "the gateway has answered",
    "Address that makes trouble": "nothing came back from it",
}
"""What is kept of somebody, and not on this day, nor of this person."""

FOR_A_MINUTE = {"Mark for facts"}
"""There until the job of the next minute has done what it asks for."""

THE_INBOXS_OWN_COPY = "engine/state/sns.json"
"""What phones got is shown in the local inbox; on AWS nobody keeps it."""

FOR_A_DAY_IN_STREAMS = {
    "LedgerTable": {"id", "former id", "name"},
    "MembersTable": {"id", "former id", "hash of the phone", "hash of the former phone", "card"},
}
"""The ledger's stream keeps for a day what a row was: random ids, and the note that one of the staff wrote by hand.
That of the members table keeps the keys of rows."""


@pytest.fixture
def club(local_stack: LocalStack) -> Iterator[Club]:
    with httpx.Client(base_url=local_stack.stack.api_url, timeout=60) as door:
        yield Club(noon_club(local_stack.stack, door))


@pytest.fixture
def person(club: Club) -> Iterator[Person]:
    with visiting(club.here) as phone:
        yield uses_everything(club, phone)


def test_undo_brings_everything_back_until_the_last_hour_and_afterwards_nobody_is_found_anywhere(
    local_stack: LocalStack, club: Club, person: Person
) -> None:
    card_page = f"/m/{club.here.slug}"
    words = person.words(club)
    sends_a_campaign(local_stack, club)
    assert an_offer_names(club, person)
    as_before = club.here.shop.till.look_up(person.number).body
    with worker_asleep(local_stack):
        asked_at = club.now()
        person.phone.send(f"{card_page}/delete", f"{card_page}/delete")
        assert_found_in_every_store(local_stack, club, person)

    club.stand_at(asked_at + GRACE - AN_HOUR)
    assert person.name in json.dumps(club.here.shop.till.look_up(person.number).body, ensure_ascii=False)
    person.phone.send(card_page, f"{card_page}/keep")
    assert club.here.shop.till.look_up(person.number).body == as_before
    assert not [row for row in club.rows("members") if row["sk"] == "MEMBER" and row.get("erasure")]
    again_at = club.now()
    person.phone.send(f"{card_page}/delete", f"{card_page}/delete")

    gone_at = again_at + GRACE
    club.stand_at(gone_at + A_MINUTE)
    assert_nobody_is_there(club, person)
    sums = money_of(club)
    list(MovedClub(local_stack.stack, club.here.slug).advance(read_distance("1h")))
    assert club.now() < gone_at + 2 * AN_HOUR

    assert_nobody_is_there(club, person)
    wait_until_nobody_is_marked(club)
    found = somewhere(everywhere(local_stack.stack, words | person.ids))
    for place, told in found.items():
        (allowed,) = [
            each for table, each in FOR_A_DAY_IN_STREAMS.items() if place.startswith("stream ") and table in place
        ]
        assert set(told) <= allowed, found
    assert photos(local_stack, club, person) == []
    assert tombstones(local_stack, club) == {digest_of(each) for each in person.ids.values()}
    assert money_of(club) == sums
    assert club.here.shop.till.look_up(person.mates_number).body["balance"]["available"] > 0
    assert_ledger_adds_up(club.here.shop.shop, person.mate_id)
    verified = club.ask("verify_ledger")
    assert (verified["difference_count"], verified["unsettled"]) == (0, 0)
    (receipt,) = [row for row in club.rows("members") if row["pk"].startswith("ERASED#")]
    assert (receipt["cause"], receipt["done_on"]) == ("asked_by_member", receipt["begun_on"])

    local_stack.stop()
    kept = somewhere(in_files(local_stack.home, words | person.ids))
    assert set(kept) == {THE_INBOXS_OWN_COPY}
    assert set(kept[THE_INBOXS_OWN_COPY]) <= {"phone", "former phone", "name"}
    stays = somewhere(in_files(local_stack.home, {"id": person.mate_id, "phone": person.mates_number}))
    assert stays["engine/state/dynamodb.json"] == {"id": 1, "phone": 1}, "the search finds what is there"


def sends_a_campaign(stack: LocalStack, club: Club) -> None:
    """The shop writes to all its members who allow it."""
    club.ask("rebuild_facts")
    text = {"language": "da", "sms": "Hej {Fornavn|du}! Kom forbi og smag vores nye brød hos {Klub}. Afmeld: {Stop}"}
    drafted = club.ask("draft_campaign", campaign={"name": "Nyt brød", "texts": [text]}, by=STAFF)
    named = {"campaign_id": drafted["campaign_id"]}
    seen = club.ask("preview_campaign", **named, by=STAFF)
    club.ask("schedule_campaign", **named, seal=seen["seal"], by=STAFF)
    club.stand_at(club.now() + 2 * A_MINUTE)
    stack.client("lambda").invoke(FunctionName=stack.stack.functions["campaign_job"], Payload=b"{}")
    wait_until(lambda: club.ask("show_campaign", **named)["status"] == "done", seconds=A_WHILE)


def an_offer_names(club: Club, person: Person) -> bool:
    """It has arrived at their phone."""
    messages = club.here.messages(person.number)
    return any(person.name in each["text"] for each in messages if each["class"] == "marketing")


def assert_found_in_every_store(stack: LocalStack, club: Club, person: Person) -> None:
    """Before they are gone, the search finds them in whatever docs/data.md says tells of people."""
    accounts = {
        row["pk"].rpartition("#")[2]
        for row in club.rows("ledger")
        if row["pk"].startswith("A#") and any(each in json.dumps(row, default=str) for each in person.ids.values())
    }
    wait_until(lambda: any(row["pk"].startswith("TOUCHED#") for row in club.rows("views")))
    club.ask("rebuild_facts")
    entries = {row["sk"].partition("#")[2] for row in club.rows("ledger") if row.get("member") in person.ids.values()}
    users = map(user_of, person.ids.values())
    words = [*person.words(club).values(), *person.ids.values(), *users, *accounts, *entries]
    kinds = {
        describing(table, row)[0]["entity"]
        for table in ("clubs", "members", "ledger", "views", "messages")
        for row in club.rows(table)
        if any(word in json.dumps(row, default=str, ensure_ascii=False) for word in words)
    }
    telling = {entity["entity"] for entity in ENTITIES if entity["personal data"] != "no"}
    assert telling - kinds - FOR_A_MINUTE == set(NOT_TODAY)
    places = somewhere(everywhere(stack.stack, person.words(club) | person.ids))
    kinds_of_places = {place.partition(" ")[0] for place in places}
    assert kinds_of_places >= {"table", "stream"}
    assert photos(stack, club, person) != []


def wait_until_nobody_is_marked(club: Club) -> None:
    """The minute's job has looked at everybody of whom the streams have told, those who are gone too."""
    wait_until(lambda: not any(row["pk"].startswith("MARKED#") for row in club.rows("views")), seconds=150)


def assert_nobody_is_there(club: Club, person: Person) -> None:
    """Neither a till nor a page knows them."""
    till = club.here.shop.till
    assert till.look_up(person.number).code == "unknown_member"
    assert till.look_up(person.former_number).code == "unknown_member"
    assert till.look_up_card(person.card).code == "unknown_member"
    receipt = till.receipt(person.member_id, 1_000, bought_at=club.now().isoformat())
    assert till.send("POST", "/v1/purchases", receipt).code == "unknown_member"
    page = person.phone.see(f"/m/{club.here.slug}")
    assert person.name not in page.html
    assert [form for form in page.forms if "phone" in form.fields], "a stranger is asked for a number"
    for path in ("details", "data", "history"):
        assert person.name not in person.phone.see(f"/m/{club.here.slug}/{path}").html


def money_of(club: Club) -> list[dict[str, Any]]:
    """What the outlet's days come to, counted anew from the entries that there are."""
    today = club.now().date()
    club.ask("rebuild_day_totals", days=60)
    club.here.shop.day_totals()
    years = {today.year, (today - timedelta(days=60)).year}
    return [day for year in sorted(years) for day in club.ask("show_day_totals", outlet_id=OUTLET, year=year)["days"]]


def photos(stack: LocalStack, club: Club, person: Person) -> list[str]:
    """The photos of their forms that can be opened."""
    of_theirs = tuple(photos_of(club.club_id, each) for each in person.ids.values())
    return [name for name in names_of_files(stack, club, "evidence") if name.startswith(of_theirs)]


def tombstones(stack: LocalStack, club: Club) -> set[str]:
    """What is remembered of who is gone."""
    return {name.rpartition("/")[2] for name in names_of_files(stack, club, "tombstones")}


def names_of_files(stack: LocalStack, club: Club, kind: str) -> list[str]:
    files = stack.client("s3")
    (bucket,) = [each["Name"] for each in files.list_buckets()["Buckets"] if kind in each["Name"]]
    found = files.list_objects_v2(Bucket=bucket, Prefix=f"{club.club_id}/").get("Contents", ())
    return [each["Key"] for each in found]


def test_whoever_dies_between_two_steps_is_taken_over_and_each_person_is_erased_once(
    local_stack: LocalStack, club: Club
) -> None:
    """After no step, after the first, after the first two, and so on: the next attempt goes through all of them."""
    dead_after = [*StepName]
    people = [club.join(club.here.new_number(), first_name="Mette") for _ in range(len(dead_after) + 1)]
    for member_id in people:
        club.buy(member_id, 10_000)
        club.ask("ask_erasure", member_id=member_id, by="Ida")
    club.stand_at(club.now() + GRACE + A_MINUTE)
    cases = begun_cases(local_stack, club)
    assert sorted(cases) == sorted(people)
    for number, member_id in enumerate(people):
        for step in dead_after[:number]:
            do(local_stack, club, step, cases[member_id])
    list(MovedClub(local_stack.stack, club.here.slug).advance(read_distance("2h")))
    wait_until_nobody_is_marked(club)
    kept = [json.dumps(row, default=str) for table in ("members", "ledger", "views") for row in club.rows(table)]
    assert not [row for row in kept for member_id in people if member_id in row]
    receipts = [row for row in club.rows("members") if row["pk"].startswith("ERASED#")]
    assert len(receipts) == len(people)
    assert all(row["done_on"] and row["cause"] == "asked_by_staff" for row in receipts)
    assert tombstones(local_stack, club) == {digest_of(each) for each in people}
    left = [row for row in club.rows("ledger") if row["pk"].startswith("GONE#") and row["sk"].startswith("ENTRY#")]
    assert sorted(row["kind"] for row in left) == ["forfeit"] * len(people) + ["purchase"] * len(people)
    assert not [row for row in club.rows("ledger") if row["pk"].startswith(("A#", "ACCOUNTS#"))]


def begun_cases(stack: LocalStack, club: Club) -> dict[str, str]:
    """Cases as the hourly job begins them, of which no machine was started: by member."""
    due = DueStore(stack.client("dynamodb"), stack.stack.tables["members"], club.club_id)
    now, cases = club.now(), {}
    for days in range(2):
        day = now.astimezone(UTC).date() - timedelta(days=days)
        for shard in range(DUE_SHARDS):
            for hint in list(due.due_on(day, shard, now)):
                case = due.claim(hint, StepKind.REMOVE_ASKED, now)
                assert case is not None
                cases[hint.member_id] = case.case_id
    return cases


def do(stack: LocalStack, club: Club, step: StepName, case_id: str) -> None:
    """One step, as the state machine has it done."""
    functions = stack.client("lambda")
    names = [each["FunctionName"] for each in functions.list_functions()["Functions"]]
    (function,) = [name for name in names if "ErasureTask" in name]
    task = json.dumps({"do": step, "club": club.club_id, "case": case_id}).encode()
    answer = functions.invoke(FunctionName=function, Payload=task)
    told = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, told
    assert told["outcome"] == "done"
