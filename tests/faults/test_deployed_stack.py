"""The answer lost after the write, for real: HTTP, the deployed Lambda, and the proxy behind it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.faults.proxy import FaultProxy, lost_answer, server_error
from tests.local_stack import LocalStack
from tests.till_over_http import OpenShop

WRITE = "TransactWriteItems"


@pytest.fixture(scope="module")
def proxy(session_stack: LocalStack) -> Iterator[FaultProxy]:
    """A proxy that every Lambda of the session's stack goes through, until this module is done."""
    if not session_stack.is_running():
        session_stack.start()
    proxy = FaultProxy(session_stack.stack.aws_endpoint)
    session_stack.restart({"AWS_ENDPOINT_URL": proxy.url})
    yield proxy
    session_stack.stop()
    proxy.stop()


@pytest.fixture
def scene(proxy: FaultProxy, session_stack: LocalStack) -> Iterator[OpenShop]:
    stack = session_stack.stack
    with httpx.Client(base_url=stack.api_url, timeout=30) as door:
        yield OpenShop.in_stack(stack, door)
    proxy.relent()


def test_a_purchase_whose_answer_is_lost_behind_the_lambda_counts_once(scene: OpenShop, proxy: FaultProxy) -> None:
    member_id = scene.till.join().body["member_id"]
    proxy.inject(lost_answer(operation=WRITE, times=1))
    booked = scene.till.buy(member_id, 10_000)
    assert (booked.status, proxy.fired(), scene.purchases(member_id)) == (201, 1, 1)


def test_a_till_that_was_not_answered_tries_again_and_its_purchase_counts_once(
    scene: OpenShop, proxy: FaultProxy
) -> None:
    member_id = scene.till.join().body["member_id"]
    receipt = scene.till.receipt(member_id, 10_000)
    proxy.inject(lost_answer(operation=WRITE))
    lost = scene.till.send("POST", "/v1/purchases", receipt)
    assert (lost.status, lost.code, lost.headers["retry-after"]) == (503, "try_again", "5")
    assert lost.headers["content-type"] == "application/problem+json"
    assert scene.purchases(member_id) == 1
    proxy.relent()
    again = scene.till.send("POST", "/v1/purchases", receipt)
    assert (again.status, again.body["earned"]["amount"], again.body["balance_after"]["total"]) == (200, 300, 300)
    assert scene.purchases(member_id) == 1


def test_a_lambda_that_cannot_read_the_till_says_so_in_a_problem_document(scene: OpenShop, proxy: FaultProxy) -> None:
    proxy.inject(server_error(operation="GetItem"))
    told = scene.till.look_up("20123456")
    assert (told.status, told.code) == (503, "try_again")
    proxy.relent()
    assert scene.till.look_up("20123456").code == "unknown_member"
