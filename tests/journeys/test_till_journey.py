"""A shop's days with a real till: HTTP through the front door, the deployed Lambdas, the operators' command line."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from infra.local.home import ROOT
from tests.local_stack import LocalStack
from tests.till_client import Answer, TillClient
from tests.till_over_http import OpenShop, call_over
from till_api.routes import ROUTES

THREADS = 20
LAMBDAS = 6
TRY_AGAIN = {429, 503}
PROBLEM = "application/problem+json"
ADDRESSES = {
    "member_id": "m0000000000000000",
    "purchase_id": "p000000000000000000000000",
    "reservation_id": "h00000000000000000000000000000000",
}


@pytest.fixture
def door(local_stack: LocalStack) -> Iterator[httpx.Client]:
    """A client of the front door that takes as long as a till would."""
    limits = httpx.Limits(max_connections=THREADS)
    with httpx.Client(base_url=local_stack.stack.api_url, timeout=30, limits=limits) as door:
        yield door


@pytest.fixture
def here(local_stack: LocalStack, door: httpx.Client) -> OpenShop:
    return OpenShop.in_stack(local_stack.stack, door)


@pytest.fixture
def till(here: OpenShop) -> TillClient:
    return here.till


def assert_problem(answer: Answer, status: int, code: str) -> None:
    assert (answer.status, answer.code) == (status, code)
    assert answer.headers["content-type"] == PROBLEM
    assert answer.body["status"] == status
    assert answer.body["title"]


def test_a_customer_joins_is_found_buys_and_spends(here: OpenShop) -> None:
    till = here.till
    joined = till.join("20 12 34 56", first_name="Mette")
    member_id, account_id = joined.body["member_id"], joined.body["account_id"]
    assert (joined.status, joined.body["state"]) == (201, "member")
    assert till.look_up("0045 20123456").body == joined.body

    quoted = till.quote(member_id, 50_000, account_id=account_id)
    booked = till.buy(member_id, 50_000, account_id=account_id)
    assert (quoted.status, booked.status) == (200, 201)
    assert quoted.body["earned"] == booked.body["earned"]
    assert booked.body["receipt_text"] == ["Bonus for købet: 15,00 kr.", "Til næste gang: 15,00 kr."]

    spent = till.buy(member_id, 10_000, spend_bonus=1_500, account_id=account_id)
    assert (spent.body["spent"]["amount"], spent.body["to_pay"], spent.body["earned"]["amount"]) == (
        1_500,
        8_500,
        255,
    )
    shown = till.send("GET", f"/v1/purchases/{spent.body['purchase_id']}")
    assert (shown.status, shown.body) == (200, spent.body | {"refunds": []})
    assert till.look_up("20123456").body["balance"] == {"total": 255, "available": 255, "pending": 0, "reserved": 0}
    assert here.purchases(member_id) == 2


def test_a_queue_of_receipts_is_booked_and_read_back_page_by_page(here: OpenShop) -> None:
    till = here.till
    member_id = till.join().body["member_id"]
    queue = [till.receipt(member_id, amount) for amount in range(1_000, 8_000, 1_000)]
    first = till.send("POST", "/v1/purchases/batch", {"purchases": queue})
    again = till.send("POST", "/v1/purchases/batch", {"purchases": queue})
    assert [result["status"] for result in first.body["results"]] == [201] * len(queue)
    assert [result["status"] for result in again.body["results"]] == [200] * len(queue)
    assert [result["purchase"] for result in again.body["results"]] == [r["purchase"] for r in first.body["results"]]

    entries: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = till.send("GET", f"/v1/members/{member_id}/ledger?limit=3{cursor}").body
        entries += page["entries"]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert [entry["amount"] for entry in entries] == list(range(210, 0, -30))
    assert entries[0]["balance_after"]["total"] == sum(entry["amount"] for entry in entries)
    assert here.purchases(member_id) == len(queue)


@pytest.fixture
def few_lambdas(local_stack: LocalStack) -> Iterator[None]:
    """As many Lambdas as a small machine can start at once; whoever finds none free is turned away, as on AWS."""
    functions = local_stack.client("lambda")
    names = [each["FunctionName"] for each in functions.list_functions()["Functions"]]
    (name,) = [name for name in names if "TillApi" in name]
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=LAMBDAS)
    yield
    functions.delete_function_concurrency(FunctionName=name)


@pytest.mark.usefixtures("few_lambdas")
def test_twenty_tills_at_once_on_one_member_lose_nothing(here: OpenShop) -> None:
    till = here.till
    member = till.join().body
    till.buy(member["member_id"], 100_000)
    each = [till.receipt(member["member_id"], 1_000, spend_bonus=10) for _ in range(THREADS)]

    def settle(receipt: dict[str, Any]) -> list[int]:
        # As a real till: again and again, until the answer says it is booked.
        statuses = [till.send("POST", "/v1/purchases", receipt).status]
        while statuses[-1] in TRY_AGAIN:
            time.sleep(random.uniform(0.05, 0.5))
            statuses.append(till.send("POST", "/v1/purchases", receipt).status)
        return statuses

    with ThreadPoolExecutor(THREADS) as tills:
        answers = list(tills.map(settle, each))
    assert {statuses[-1] for statuses in answers} <= {200, 201}
    assert sum(statuses[-1] == 201 for statuses in answers) == len(each)
    earned = 3_000 + len(each) * (990 * 300 // 10_000)
    assert here.shop.balance(member["member_id"]).total == earned - 10 * len(each)
    assert here.purchases(member["member_id"]) == 1 + len(each)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_no_route_answers_without_a_key_or_with_a_wrong_one(
    local_stack: LocalStack, door: httpx.Client, route: Any
) -> None:
    path = route.path.format(**ADDRESSES)
    known = local_stack.stack.demo["bager-holm"]["tills"][0]["key"]
    for wrong in ("", "Basic dGlsbDp0aWxs", "Bearer nonsense", f"Bearer {known[:-6]}wrongs"):
        headers = {"authorization": wrong} if wrong else {}
        answer = door.request(route.method, path, headers=headers, json={})
        assert (answer.status_code, answer.headers["content-type"]) == (401, PROBLEM)
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["code"] == ("key_unknown" if wrong.startswith("Bearer") else "key_missing")


def test_addresses_that_do_not_exist_and_wrong_methods_are_told_in_problem_documents(till: TillClient) -> None:
    for path in ("/", "/v1", "/v1/nothing", "/v2/purchases", "/v1/purchases/batch/more"):
        assert_problem(till.send("GET", path), 404, "no_such_route")
    for method, path in (("DELETE", "/v1/purchases"), ("PUT", "/v1/members"), ("GET", "/v1/quotes")):
        wrong = till.send(method, path)
        assert_problem(wrong, 405, "method_not_allowed")
        assert wrong.headers["allow"] == "POST"


def test_bodies_that_are_too_large_or_too_deep_are_refused(till: TillClient) -> None:
    member_id = till.join().body["member_id"]
    large = json.dumps(till.receipt(member_id, receipt_number="x" * 1024 * 1024))
    assert_problem(till.send("POST", "/v1/purchases", large), 413, "body_too_large")
    deep = json.dumps(till.receipt(member_id, lines=["DEEP"])).replace('"DEEP"', "[" * 100_000 + "]" * 100_000)
    assert_problem(till.send("POST", "/v1/purchases", deep), 422, "invalid_field")
    assert_problem(till.send("POST", "/v1/purchases", "[" * 100_000 + "]" * 100_000), 422, "invalid_field")
    assert_problem(till.send("POST", "/v1/purchases", "not json"), 400, "malformed_body")
    assert_problem(till.send("POST", "/v1/purchases", "a=1", content_type="text/plain"), 415, "wrong_content_type")
    assert till.look_up("20123456").body["balance"]["total"] == 0


def test_a_body_beyond_what_the_gateway_takes_is_refused_by_the_front_door(
    local_stack: LocalStack, till: TillClient
) -> None:
    huge = httpx.post(
        f"{local_stack.stack.api_url}/v1/purchases",
        content=bytes(11 * 1024 * 1024),
        headers={"authorization": f"Bearer {till.key}", "content-type": "application/json"},
        timeout=30,
    )
    assert (huge.status_code, huge.headers["content-type"]) == (413, PROBLEM)
    assert huge.json()["code"] == "body_too_large"


def test_what_tills_sell_is_in_the_day_totals(here: OpenShop) -> None:
    member_id = here.till.join().body["member_id"]
    here.till.buy(member_id, 40_000)
    here.till.buy(member_id, 10_000, spend_bonus=1_000)
    here.wait_for_turnover(50_000)
    (day,) = here.day_totals()
    assert (day["purchases"], day["earned"], day["spent"]) == (2, 1_200 + 270, 1_000)


def test_an_operator_opens_a_shop_watches_over_its_tills_and_closes_one(
    local_stack: LocalStack, door: httpx.Client
) -> None:
    slug = f"bager-{random.randrange(10**9)}"
    asked = ("--country", "DK", "--contact", "hej@bagerholm.example")
    club = stamkunde(local_stack, "club", "create", slug, "Bager Holm", *asked)
    club_id = club["club_id"]
    stamkunde(local_stack, "outlet", "create", club_id, "torvet", "Torvet")
    created = stamkunde(
        local_stack, "till", "create", club_id, "torvet", "kasse-9", "Kasse 9", "--receipt-numbers", "yearly"
    )
    assert slug in {each["slug"] for each in stamkunde(local_stack, "club", "list")["clubs"]}
    shown = stamkunde(local_stack, "club", "show", slug)
    assert [(each["outlet_id"], each["till_id"]) for each in shown["tills"]] == [("torvet", "kasse-9")]
    assert created["key"] not in json.dumps(shown)

    till = TillClient(club, created["key"], call_over(door))
    member_id = till.join().body["member_id"]
    old = till.receipt(member_id, bought_at=(datetime.now(UTC) - timedelta(days=20)).isoformat())
    assert till.send("POST", "/v1/purchases", old).code == "receipt_too_old"
    stamkunde(local_stack, "till", "open-late", club_id, "kasse-9", "--hours", "1")
    booked = till.send("POST", "/v1/purchases", old)
    assert (booked.status, booked.body["flags"]) == (201, ["late"])

    stamkunde(local_stack, "till", "revoke", club_id, "kasse-9")
    assert_problem(till.buy(member_id), 401, "key_revoked")
    assert_problem(till.look_up("20123456"), 401, "key_revoked")
    refused = stamkunde(local_stack, "club", "create", slug, "Bager Holm", *asked, expected=1)
    assert refused["code"] == "already_exists"


def stamkunde(stack: LocalStack, *arguments: str, expected: int = 0) -> dict[str, Any]:
    """What the command line prints about the stack in that home."""
    ended = subprocess.run(
        [sys.executable, "-m", "infra.command_line", *arguments],
        cwd=ROOT,
        env=os.environ | {"STAMKUNDE_HOME": str(stack.home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == expected, ended.stderr
    printed: dict[str, Any] = json.loads(ended.stdout)
    return printed
