"""DynamoDB in trouble on each call of a purchase, a join and a look-up: done once, or not at all and told so."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from infra.function_catalogue import FUNCTIONS
from stamkunde.shared.patience import Patience
from tests.faults.conftest import READ_TIMEOUT, Scene
from tests.faults.proxy import Rule, conflict, no_answer, server_error, throttled
from tests.ledger_checks import every_row
from tests.till_client import Answer

PHONE = "20123456"
WRITE = "TransactWriteItems"
WRITES_OF_A_PURCHASE = 3
PATIENCE = Patience()
SLOWEST_RETRIES = 3.0
"""What the client waits at most between its three tries."""

# By what a call is for, how a rule of the proxy knows it.
CALLS: dict[str, dict[str, str]] = {
    "till": {"operation": "GetItem", "body": "starts_with(Key.sk.S, 'TILL#')"},
    "club": {"operation": "Query", "resource": "clubs"},
    "phone": {"operation": "GetItem", "body": "Key.sk.S == 'PHONE'"},
    "member": {"operation": "GetItem", "body": "Key.sk.S == 'MEMBER'"},
    "account": {"operation": "Query", "body": """starts_with(ExpressionAttributeValues.":pk".S, 'A#')"""},
    "coupons": {"operation": "Query", "body": """starts_with(ExpressionAttributeValues.":pk".S, 'COUPONS#')"""},
    "words": {"operation": "GetItem", "body": "starts_with(Key.sk.S, 'TEXT#')"},
    "write": {"operation": WRITE},
}
CALLS_OF = {
    "buy": ("till", "club", "member", "account", "write"),
    "join": ("till", "club", "phone", "words", "write", "coupons"),
    "look_up": ("till", "club", "phone", "member", "account", "coupons"),
}
# Who the till is and which club it belongs to is asked in the same way whatever it wants.
EACH_CALL = [
    pytest.param(act, call, id=f"{act}-{call}")
    for act, calls in CALLS_OF.items()
    for call in calls
    if act == "buy" or call not in {"till", "club"}
]


def rehearse(scene: Scene, act: str) -> Callable[[], Answer]:
    """Everything an act needs beforehand; what comes back does it, the same each time."""
    if act == "join":
        return lambda: scene.till.join(PHONE)
    member_id = scene.till.join(PHONE).body["member_id"]
    if act == "look_up":
        return lambda: scene.till.look_up(PHONE)
    receipt = scene.till.receipt(member_id, 10_000)
    return lambda: scene.till.send("POST", "/v1/purchases", receipt)


def assert_done_once(scene: Scene, act: str, answer: Answer) -> None:
    assert answer.status == {"buy": 201, "join": 201, "look_up": 200}[act]
    member_id = scene.till.look_up(PHONE).body["member_id"]
    assert scene.purchases(member_id) == (1 if act == "buy" else 0)
    if act == "join":
        phones = [row for row in every_row(scene.shop.client)["members"] if row["sk"] == "PHONE"]
        assert [row["member"] for row in phones if scene.shop.club.club_id in row["pk"]] == [member_id]


def assert_told_to_try_again(answer: Answer) -> None:
    assert (answer.status, answer.code) == (503, "try_again")
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) > 0


@pytest.mark.parametrize("act", CALLS_OF)
def test_the_list_of_calls_is_complete(scene: Scene, act: str) -> None:
    do = rehearse(scene, act)
    before = scene.proxy.calls()
    answer = do()
    assert scene.proxy.calls() - before == len(CALLS_OF[act])
    assert_done_once(scene, act, answer)


@pytest.mark.parametrize(("act", "call"), EACH_CALL)
def test_a_call_that_is_never_answered_is_made_again(scene: Scene, act: str, call: str) -> None:
    do = rehearse(scene, act)
    scene.proxy.inject(no_answer(2 * READ_TIMEOUT, **CALLS[call], times=1))
    answer = do()
    assert scene.proxy.fired() == 1
    assert_done_once(scene, act, answer)


@pytest.mark.parametrize(("act", "call"), EACH_CALL)
def test_when_a_call_keeps_breaking_nothing_is_written_and_a_new_try_succeeds(
    scene: Scene, act: str, call: str
) -> None:
    do = rehearse(scene, act)
    before = every_row(scene.shop.client)
    scene.proxy.inject(server_error(**CALLS[call]))
    assert_told_to_try_again(do())
    assert every_row(scene.shop.client) == before
    scene.proxy.relent()
    assert_done_once(scene, act, do())


@pytest.mark.parametrize("act", ["buy", "join", "look_up"])
def test_when_dynamodb_does_not_answer_at_all_nothing_is_written_and_a_new_try_succeeds(
    scene: Scene, act: str
) -> None:
    do = rehearse(scene, act)
    before = every_row(scene.shop.client)
    scene.proxy.inject(no_answer(5))
    assert_told_to_try_again(do())
    assert every_row(scene.shop.client) == before
    scene.proxy.relent()
    assert_done_once(scene, act, do())


@pytest.mark.parametrize(
    "trouble",
    [
        throttled(times=2),
        throttled(operation=WRITE, times=2),
        server_error(operation=WRITE, times=2),
        conflict(WRITES_OF_A_PURCHASE, times=3),
    ],
    ids=["all throttled", "write throttled", "write broken", "conflict"],
)
def test_trouble_that_passes_is_not_noticed_at_the_till(scene: Scene, trouble: Rule) -> None:
    do = rehearse(scene, "buy")
    scene.proxy.inject(trouble)
    answer = do()
    assert scene.proxy.fired() == trouble["times"]
    assert_done_once(scene, "buy", answer)


@pytest.mark.parametrize("act", ["buy", "join"])
def test_a_conflict_that_never_ends_is_told_within_the_limit(scene: Scene, act: str) -> None:
    do = rehearse(scene, act)
    before = every_row(scene.shop.client)
    scene.proxy.inject(conflict(WRITES_OF_A_PURCHASE if act == "buy" else 5))
    began = time.monotonic()
    answer = do()
    waited = time.monotonic() - began
    assert_told_to_try_again(answer)
    assert PATIENCE.limit - PATIENCE.longest_wait <= waited < PATIENCE.limit + 0.5
    assert every_row(scene.shop.client) == before
    scene.proxy.relent()
    assert_done_once(scene, act, do())


def test_throttling_that_never_ends_is_told_within_the_limit_and_the_clients_own_retries(scene: Scene) -> None:
    do = rehearse(scene, "buy")
    before = every_row(scene.shop.client)
    scene.proxy.inject(throttled(operation=WRITE))
    began = time.monotonic()
    answer = do()
    assert time.monotonic() - began < PATIENCE.limit + SLOWEST_RETRIES + 0.5
    assert_told_to_try_again(answer)
    assert every_row(scene.shop.client) == before
    scene.proxy.relent()
    assert_done_once(scene, "buy", do())


def test_a_purchase_of_a_batch_that_finds_no_turn_keeps_only_its_own_member_waiting(scene: Scene) -> None:
    unlucky, lucky = (scene.till.join(phone).body["member_id"] for phone in (PHONE, "26123457"))
    receipts = [
        scene.till.receipt(member_id, 1_000, receipt_number=number)
        for member_id, number in ((unlucky, "unlucky"), (unlucky, "later"), (lucky, "lucky"))
    ]
    scene.proxy.inject(conflict(WRITES_OF_A_PURCHASE, body="contains(to_string(@), '\"unlucky\"')"))
    answer = scene.till.send("POST", "/v1/purchases/batch", {"purchases": receipts})
    assert [(result["status"], _code(result)) for result in answer.body["results"]] == [
        (503, "try_again"),
        (503, "try_again"),
        (201, None),
    ]
    scene.proxy.relent()
    again = scene.till.send("POST", "/v1/purchases/batch", {"purchases": receipts})
    assert [result["status"] for result in again.body["results"]] == [201, 201, 200]
    assert (scene.purchases(unlucky), scene.purchases(lucky)) == (2, 1)


def test_a_till_is_answered_before_a_hanging_call_uses_up_the_functions_time() -> None:
    from stamkunde.bootstrap import CLIENT_CONFIG

    settings: Any = CLIENT_CONFIG
    tries = settings.retries["total_max_attempts"]
    (till_api,) = [function for function in FUNCTIONS if function.name == "till_api"]
    slowest = tries * (settings.connect_timeout + settings.read_timeout) + SLOWEST_RETRIES
    assert slowest < till_api.timeout_seconds


def _code(result: dict[str, Any]) -> str | None:
    code: str | None = result.get("problem", {}).get("code")
    return code
