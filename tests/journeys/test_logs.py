"""No log tells of a person: every log group and every log file of the stack, after a shop's whole day."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.local_stack import LocalStack, wait_until
from tests.till_over_http import OpenShop

FUNCTIONS = ("TillApi", "OperatorTask", "LedgerStream", "DayTotalsJob")
PHONE, NAME = "28771903", "Ibrahim"
TURNOVER = 10_000 + 2 * 4_995
PLANTED = "planted-by-a-test"

# Whoever it is: an account or member id, a Danish or Norwegian number, a till's key.
KINDS = {
    "member id": r"\bm[0-9a-hjkmnp-tv-z]{16}\b",
    "account id": r"\ba[0-9a-hjkmnp-tv-z]{16}\b",
    "phone": r"(?:\+|\b00)4[57] ?\d{2}(?: ?\d{2}){3}\b",
    "till key": r"\btill_c[0-9a-z]{16}_",
}


@dataclass(frozen=True)
class Finding:
    """Something personal in a log, and where."""

    kind: str
    place: str
    line: str


@pytest.fixture
def day_at_the_shop(local_stack: LocalStack) -> OpenShop:
    """Everything a till may ask for, the mistakes included."""
    with httpx.Client(base_url=local_stack.stack.api_url, timeout=30) as door:
        here = OpenShop.in_stack(local_stack.stack, door)
        till = here.till
        member = till.join(PHONE, accepts=False, first_name=NAME).body
        member_id = member["member_id"]
        till.buy(member_id, 10_000, account_id=member["account_id"])
        till.buy(member_id, 10_000, spend_bonus=100)
        till.join(PHONE)
        till.look_up(PHONE)
        till.look_up(f"+45{PHONE}x")
        till.join(PHONE, first_name=f"{NAME} www.example.com")
        till.quote(member_id)
        till.send("POST", "/v1/purchases/batch", {"purchases": [till.receipt(member_id), till.receipt(member_id)]})
        till.send("POST", "/v1/purchases", {"member_id": member_id, NAME: PHONE})
        till.send("GET", f"/v1/members/{member_id}/ledger")
        till.send("GET", f"/v1/members/{member_id}/nothing")
        till.send("GET", f"/v1/purchases/{member_id}", authorization=f"Bearer {till.key[:-1]}")
        here.wait_for_turnover(TURNOVER)
        return here


def test_no_log_line_tells_of_a_person(local_stack: LocalStack, day_at_the_shop: OpenShop) -> None:
    wait_until(lambda: all(any(name in place for place, _ in lines(local_stack)) for name in FUNCTIONS))
    assert findings(local_stack, day_at_the_shop) == []


@pytest.fixture
def planted(local_stack: LocalStack, day_at_the_shop: OpenShop) -> Iterator[list[str]]:
    """A log stream beside the till API's own that tells everything."""
    logs = local_stack.client("logs")
    (group,) = [each for each in groups(logs) if "TillApi" in each]
    shop = day_at_the_shop.shop
    member = shop.members.find_by_phone(f"+45{PHONE}", consistent=True)
    assert member is not None
    told = [member.member_id, member.account_id, member.phone, PHONE, NAME, day_at_the_shop.till.key]
    now = int(time.time() * 1000)
    logs.create_log_stream(logGroupName=group, logStreamName=PLANTED)
    events = [{"timestamp": now, "message": f'{{"message":"request","told":"{each}"}}'} for each in told]
    logs.put_log_events(logGroupName=group, logStreamName=PLANTED, logEvents=events)
    yield told
    logs.delete_log_stream(logGroupName=group, logStreamName=PLANTED)


def test_the_search_finds_everything_that_is_planted(
    local_stack: LocalStack, day_at_the_shop: OpenShop, planted: list[str]
) -> None:
    found = findings(local_stack, day_at_the_shop)
    assert {each.place.rpartition(":")[2] for each in found} == {PLANTED}
    for told in planted:
        assert any(told in each.line for each in found), told
    assert {each.kind for each in found} >= {*KINDS, "first name", "number"}


def findings(stack: LocalStack, here: OpenShop) -> list[Finding]:
    """Whatever looks personal, and what is known of everybody the stack knows by name."""
    people = [person for club in stack.stack.demo.values() for person in club["members"]]
    numbers = {PHONE} | {person["phone"][3:] for person in people}
    names = {NAME} | {person["first_name"] for person in people}
    kinds = KINDS | {
        "number": rf"(?<!\d)(?:{'|'.join(numbers)})(?!\d)",
        "first name": rf"\b(?:{'|'.join(names)})\b",
    }
    patterns = {kind: re.compile(pattern) for kind, pattern in kinds.items()}
    return [
        Finding(kind, place, line)
        for place, line in lines(stack)
        for kind, pattern in patterns.items()
        if pattern.search(line)
    ]


def lines(stack: LocalStack) -> Iterator[tuple[str, str]]:
    """Every line of every log group, and of the files that the local stack writes beside them."""
    logs = stack.client("logs")
    for group in groups(logs):
        for page in logs.get_paginator("describe_log_streams").paginate(logGroupName=group):
            for stream in page["logStreams"]:
                name = stream["logStreamName"]
                for event in every_event(logs, group, name):
                    yield f"{group}:{name}", event
    for file in sorted((stack.home / "logs").iterdir()):
        yield from ((file.name, line) for line in file.read_text(errors="replace").splitlines())


def groups(logs: Any) -> list[str]:
    pages = logs.get_paginator("describe_log_groups").paginate()
    return [group["logGroupName"] for page in pages for group in page["logGroups"]]


def every_event(logs: Any, group: str, stream: str) -> Iterator[str]:
    where = {"logGroupName": group, "logStreamName": stream, "startFromHead": True}
    token: dict[str, str] = {}
    while True:
        page = logs.get_log_events(**where, **token)
        yield from (event["message"] for event in page["events"])
        if not page["events"] or page["nextForwardToken"] == token.get("nextToken"):
            return
        token = {"nextToken": page["nextForwardToken"]}
