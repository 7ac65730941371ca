"""Codes on real tables: tries and limits hold whoever races, and nothing of the person is left behind."""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from copy import replace
from typing import TYPE_CHECKING

import pytest

from stamkunde.members.codes import TYPED_LIMIT, CodePurpose
from stamkunde.members.consents import Caller
from stamkunde.shared.errors import Refusal
from stamkunde.shared.item import to_wire
from stamkunde.shared.signing import SigningKey
from stamkunde.shared.transaction import ConditionFailed
from tests.access_scene import CALLER, PHONE, AccessScene, access_scene
from tests.factories import make_club
from tests.ledger_checks import every_row, rows

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


@pytest.fixture
def scene(dynamodb: DynamoDBClient, engine_endpoint: str) -> AccessScene:
    return access_scene(dynamodb, engine_endpoint)


def refusal_of(scene: AccessScene, challenge_id: str, typed: str) -> Refusal:
    with pytest.raises(Refusal) as refused:
        scene.check(challenge_id, typed)
    return refused.value


def phones(count: int) -> list[str]:
    return [f"+45{20_100_000 + number}" for number in range(count)]


def test_the_right_code_is_taken_and_its_message_waits(scene: AccessScene) -> None:
    asked = scene.ask()
    assert scene.messages_waiting() == 1
    assert len(scene.woken()) == 1
    challenge = scene.check(asked, f" {scene.code(asked)} ")
    assert (challenge.challenge_id, challenge.tries, challenge.used_by) == (asked, 1, None)


def test_neither_code_nor_number_lies_in_the_members_table_or_in_a_wake_up(scene: AccessScene) -> None:
    asked = scene.ask()
    scene.answer(asked, scene.wrong_code(asked))
    scene.check(asked, scene.code(asked))
    written = json.dumps(rows(scene.client, "members")) + "".join(scene.woken())
    for secret in (PHONE, PHONE[3:], scene.code(asked), CALLER.client_ip, CALLER.user_agent):
        assert secret not in written
    assert scene.code(asked) not in json.dumps(rows(scene.client, "messages"))


def test_a_wrong_code_tells_how_many_tries_are_left_and_the_fifth_locks(scene: AccessScene) -> None:
    asked = scene.ask()
    wrong = scene.wrong_code(asked)
    refusals = [refusal_of(scene, asked, wrong) for _ in range(6)]
    assert [refusal.code for refusal in refusals] == ["code_wrong"] * 4 + ["code_locked"] * 2
    assert [refusal.values.get("left") for refusal in refusals[:4]] == [4, 3, 2, 1]
    assert refusal_of(scene, asked, scene.code(asked)).code == "code_locked"


def test_a_form_sent_twenty_times_at_once_asks_for_one_code(scene: AccessScene) -> None:
    with ThreadPoolExecutor(20) as pool:
        asked = set(pool.map(lambda _: scene.ask(once="letters"), range(20)))
    assert len(asked) == scene.messages_waiting() == len(set(scene.woken())) == 1
    assert {row["used"] for row in scene.rows_of("LIMIT")} == {1}


@pytest.mark.parametrize("to_member", [True, False])
def test_a_form_sent_again_wakes_the_worker_for_the_same_code(scene: AccessScene, *, to_member: bool) -> None:
    asked = scene.ask(once="letters", to_member=to_member)
    (lost,) = scene.woken()
    scene.wait(seconds=29)
    assert scene.ask(once="letters", to_member=to_member) == asked
    assert scene.woken() == [lost]
    written = [row for row in rows(scene.client, "messages") if row["pk"].startswith("OUTBOX#")]
    keys = [{"pk": row["pk"], "sk": row["sk"]} for row in written]
    assert keys == ([json.loads(lost)] if to_member else [])


def test_a_form_sent_for_another_number_or_later_or_after_a_try_asks_for_another_code(scene: AccessScene) -> None:
    asked = [
        scene.ask(once="letters"),
        scene.ask("+4520123457", once="letters"),
        scene.ask(once="others"),
    ]
    scene.wait(seconds=29)
    assert scene.ask(once="letters") == asked[0]
    scene.wait(seconds=1)
    asked.append(scene.ask(once="letters"))
    scene.answer(asked[2], scene.wrong_code(asked[2]))
    asked.append(scene.ask(once="others"))
    assert len(set(asked)) == 5


def test_no_form_brings_back_a_code_that_somebody_once_saw(scene: AccessScene) -> None:
    seen = scene.ask(once="letters")
    scene.wait(days=3)
    for row in scene.rows_of("CODE"):
        assert row["expires"] < scene.now.timestamp()
        scene.client.delete_item(TableName="members", Key=to_wire({"pk": row["pk"], "sk": row["sk"]}))
    again = scene.ask(once="letters")
    assert again != seen
    assert scene.code(again) != scene.code(seen)


def test_what_cannot_be_a_code_costs_no_try(scene: AccessScene) -> None:
    asked = scene.ask()
    for typed in ("", "12345", "1234567", "abcdef"):
        refused = refusal_of(scene, asked, typed)
        assert (refused.code, refused.values) == ("code_wrong", {"left": 5})
    assert scene.answer(asked, scene.code(asked)) == "right"


def test_a_hundred_guesses_at_once_are_five_tries(scene: AccessScene) -> None:
    asked = scene.ask()
    right = int(scene.code(asked))
    guesses = [f"{(right + 1 + number) % 1_000_000:06d}" for number in range(100)]
    with ThreadPoolExecutor(16) as pool:
        answers = Counter(pool.map(lambda typed: scene.answer(asked, typed), guesses))
    assert answers == {"code_wrong": 4, "code_locked": 96}
    (row,) = scene.rows_of("CODE")
    assert row["tries"] == 5


def test_the_right_code_among_racing_guesses_wins_only_within_the_five(scene: AccessScene) -> None:
    for _ in range(3):
        asked = scene.ask()
        guesses = [scene.wrong_code(asked)] * 8 + [scene.code(asked)] * 4
        with ThreadPoolExecutor(12) as pool:
            answers = Counter(pool.map(lambda typed, asked=asked: scene.answer(asked, typed), guesses))
        compared = answers["code_wrong"] + answers["right"]
        assert compared <= 5
        assert answers.total() == 12
        assert scene.answer(asked, scene.code(asked)) == "code_locked"


def test_a_club_takes_six_hundred_codes_an_hour_and_then_compares_none(
    scene: AccessScene, dynamodb: DynamoDBClient, engine_endpoint: str
) -> None:
    scene.wait(minutes=55)
    asked, other = scene.ask(), scene.ask("+4520123457")
    scene.answer(asked, scene.wrong_code(asked))
    (typed,) = [row for row in scene.rows_of("LIMIT") if "#typed#" in row["pk"]]
    scene.client.put_item(TableName="members", Item=to_wire({**typed, "used": TYPED_LIMIT.most - 1}))
    assert scene.answer(asked, scene.wrong_code(asked)) == "code_wrong"
    with pytest.raises(Refusal) as refused:
        scene.codes.check(asked, CodePurpose.JOIN, PHONE, scene.code(asked), language="en")
    refusal = refused.value
    assert (refusal.code, refusal.values, refusal.retry_after) == ("too_many_codes", {"wait": "5 minutes"}, 300)
    with pytest.raises(Refusal, match="too_many_codes"):
        scene.check(other, scene.code(other, "+4520123457"), "+4520123457")
    assert sorted(row["tries"] for row in scene.rows_of("CODE")) == [0, 2]
    elsewhere = access_scene(dynamodb, engine_endpoint, club=make_club(), now=scene.now)
    theirs = elsewhere.ask()
    assert elsewhere.answer(theirs, elsewhere.code(theirs)) == "right"
    scene.wait(minutes=5)
    assert scene.answer(asked, scene.code(asked)) == "right"


def test_a_code_lives_ten_minutes(scene: AccessScene) -> None:
    asked = scene.ask()
    scene.wait(minutes=9, seconds=59)
    assert scene.answer(asked, scene.code(asked)) == "right"
    scene.wait(seconds=1)
    assert scene.answer(asked, scene.code(asked)) == "code_expired"


def test_a_code_counts_for_its_own_purpose_number_club_and_challenge_only(
    scene: AccessScene, dynamodb: DynamoDBClient, engine_endpoint: str
) -> None:
    asked, other = scene.ask(), scene.ask()
    code = scene.code(asked)
    assert scene.answer(other, code) == "code_wrong"
    assert scene.answer("j0000000000000000", code) == "code_expired"
    with pytest.raises(Refusal, match="code_expired"):
        scene.check(asked, code, purpose=CodePurpose.OPEN_CARD)
    with pytest.raises(Refusal, match="code_wrong"):
        scene.check(asked, code, phone="+4520123457")
    elsewhere = access_scene(dynamodb, engine_endpoint, club=make_club())
    assert elsewhere.answer(asked, code) == "code_expired"
    assert scene.answer(asked, code) == "right"


def test_a_new_signing_key_keeps_the_codes_that_are_on_their_way(scene: AccessScene) -> None:
    asked = scene.ask()
    code = scene.code(asked)
    scene.club = replace(scene.club, signing_keys=(SigningKey(2, b"n" * 32), *scene.club.signing_keys))
    assert scene.answer(asked, code) == "right"
    assert scene.answer(asked, scene.code(asked)) == "right"


def test_of_twenty_who_use_a_code_at_once_one_does(scene: AccessScene) -> None:
    asked = scene.ask()
    challenge = scene.check(asked, scene.code(asked))

    def use(number: int) -> bool:
        try:
            scene.store.commit([scene.codes.use_write(challenge, f"m{number}")])
        except ConditionFailed:
            return False
        return True

    with ThreadPoolExecutor(20) as pool:
        used = list(pool.map(use, range(20)))
    assert sum(used) == 1
    assert scene.codes.again(challenge).was_used_by(f"m{used.index(True)}")


def test_a_used_code_posted_again_says_for_whom_it_was_used(scene: AccessScene) -> None:
    asked = scene.ask()
    for _ in range(4):
        scene.answer(asked, scene.wrong_code(asked))
    challenge = scene.check(asked, scene.code(asked))
    scene.store.commit([scene.codes.use_write(challenge, "m0123456789abcdef")])
    again = [scene.check(asked, scene.code(asked)) for _ in range(5)]
    assert all(each.was_used_by("m0123456789abcdef") and not each.was_used_by("m0") for each in again)
    assert scene.answer(asked, scene.code(asked)) == "code_locked"


def test_a_used_code_is_not_guessed_more_easily(scene: AccessScene) -> None:
    asked = scene.ask()
    challenge = scene.check(asked, scene.code(asked))
    scene.store.commit([scene.codes.use_write(challenge, "m0123456789abcdef")])
    answers = Counter(scene.answer(asked, scene.wrong_code(asked)) for _ in range(20))
    assert answers == {"code_wrong": 8, "code_locked": 12}


def test_a_number_gets_five_codes_an_hour_and_ten_a_day(scene: AccessScene) -> None:
    given = 0
    for _ in range(4):
        answers = [scene.ask_or_refusal() for _ in range(7)]
        given += sum(isinstance(answer, str) for answer in answers)
        scene.wait(hours=1)
    assert given == 10
    assert isinstance(scene.ask_or_refusal("+4520123457"), str)
    scene.wait(days=1)
    assert isinstance(scene.ask_or_refusal(), str)


@pytest.mark.parametrize(
    ("used_up_after", "wait", "seconds"), [(5, "60 minutter", 3600), (10, "11 timer", 11 * 3600)]
)
def test_a_refusal_says_when_to_try_again(scene: AccessScene, used_up_after: int, wait: str, seconds: int) -> None:
    for number in range(used_up_after):
        if number == 5:
            scene.wait(hours=1)
        scene.ask()
    refusal = scene.ask_or_refusal()
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.status, refusal.values) == ("too_many_codes", 429, {"wait": wait})
    assert refusal.retry_after == seconds


def test_a_refused_code_writes_nothing_and_wakes_nobody(scene: AccessScene) -> None:
    for _ in range(5):
        scene.ask()
    scene.woken()
    before = every_row(scene.client)
    assert isinstance(scene.ask_or_refusal(), Refusal)
    assert every_row(scene.client) == before
    assert scene.woken() == []


def test_an_address_gets_thirty_codes_an_hour_whatever_it_asks_for(scene: AccessScene) -> None:
    answers = [scene.ask_or_refusal(phone) for phone in phones(33)]
    assert sum(isinstance(answer, str) for answer in answers) == 30
    assert isinstance(scene.ask_or_refusal("+4520200000", Caller("203.0.113.8", "")), str)


def test_a_household_is_one_address_of_ipv6(scene: AccessScene) -> None:
    answers = [
        scene.ask_or_refusal(phone, Caller(f"2001:db8:0:1::{number:x}", ""))
        for number, phone in enumerate(phones(31))
    ]
    assert sum(isinstance(answer, str) for answer in answers) == 30


def test_a_hundred_askers_at_once_get_exactly_what_the_limits_allow(scene: AccessScene) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: scene.ask_or_refusal(), range(100)))
    assert sum(isinstance(answer, str) for answer in answers) == 5
    assert {answer.code for answer in answers if isinstance(answer, Refusal)} == {"too_many_codes"}
    assert (len(scene.rows_of("CODE")), scene.messages_waiting()) == (5, 5)
    assert {row["used"] for row in scene.rows_of("LIMIT")} == {5}


def test_a_club_gives_three_hundred_codes_an_hour_to_however_many_racing_numbers(scene: AccessScene) -> None:
    def ask(number: int, phone: str) -> bool:
        return isinstance(scene.ask_or_refusal(phone, Caller(f"198.51.100.{number % 20}", "")), str)

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, range(320), phones(320)))
    assert sum(answers) == 300
    assert scene.messages_waiting() == 300


def test_whether_a_number_is_a_member_shows_in_no_answer_and_no_counter(scene: AccessScene) -> None:
    member, stranger = "+4520123456", "+4526999999"
    for phone, to_member in ((member, True), (stranger, False)):
        answers = []
        for _ in range(6):
            try:
                asked = scene.ask(phone, purpose=CodePurpose.OPEN_CARD, to_member=to_member)
                answers.append(asked[0])
            except Refusal as refusal:
                answers.append(refusal.code)
        assert answers == ["o"] * 5 + ["too_many_codes"]
    assert scene.messages_waiting() == 5
    assert len(scene.woken()) == 10
    codes = scene.rows_of("CODE")
    assert len(codes) == 10
    assert len({frozenset(row) for row in codes}) == 1
    used = Counter((row["pk"].split("#")[2], row["used"]) for row in scene.rows_of("LIMIT"))
    assert used == {("number", 5): 4, ("address", 10): 1, ("club", 10): 1}


def test_everything_about_codes_says_when_it_may_be_cleared_away(scene: AccessScene) -> None:
    scene.ask()
    kept = [*scene.rows_of("CODE"), *scene.rows_of("LIMIT")]
    assert len(kept) == 5
    for row in kept:
        assert 0 < row["expires"] - scene.now.timestamp() <= 2 * 86_400 + 600
