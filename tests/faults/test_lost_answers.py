"""The answer lost after the write: whoever asks again, a receipt counts once."""

from __future__ import annotations

import time

from tests.faults.conftest import READ_TIMEOUT, Scene
from tests.faults.proxy import late_call, lost_answer
from tests.local_stack import wait_until

TRIES = 3
WRITE = "TransactWriteItems"


def test_an_answer_lost_once_is_asked_for_again_by_the_client_itself(scene: Scene) -> None:
    member_id = scene.till.join().body["member_id"]
    scene.proxy.inject(lost_answer(operation=WRITE, times=1))
    booked = scene.till.buy(member_id, 10_000)
    assert (booked.status, booked.body["earned"]["amount"]) == (201, 300)
    assert (scene.proxy.fired(), scene.purchases(member_id)) == (1, 1)


def test_when_every_answer_is_lost_the_till_is_told_to_try_again_and_then_gets_what_was_booked(scene: Scene) -> None:
    member_id = scene.till.join().body["member_id"]
    receipt = scene.till.receipt(member_id, 10_000)
    scene.proxy.inject(lost_answer(operation=WRITE))
    lost = scene.till.send("POST", "/v1/purchases", receipt)
    assert (lost.status, lost.code, lost.headers["retry-after"]) == (503, "try_again", "5")
    assert lost.headers["content-type"] == "application/problem+json"
    assert lost.body["detail"] == "Prøv igen om et øjeblik. En bon tæller kun én gang."
    assert (scene.proxy.fired(), scene.purchases(member_id)) == (TRIES, 1)
    scene.proxy.relent()
    again = scene.till.send("POST", "/v1/purchases", receipt)
    assert (again.status, again.body["balance_after"]["total"]) == (200, 300)
    shown = scene.till.send("GET", f"/v1/purchases/{again.body['purchase_id']}")
    assert shown.body == again.body | {"refunds": []}
    assert scene.purchases(member_id) == 1


def test_spent_bonus_is_taken_once_when_every_answer_is_lost(scene: Scene) -> None:
    member_id = scene.till.join().body["member_id"]
    scene.till.buy(member_id, 100_000)
    receipt = scene.till.receipt(member_id, 10_000, spend_bonus=3_000)
    scene.proxy.inject(lost_answer(operation=WRITE))
    assert scene.till.send("POST", "/v1/purchases", receipt).status == 503
    scene.proxy.relent()
    again = scene.till.send("POST", "/v1/purchases", receipt)
    assert (again.status, again.body["spent"]["amount"], again.body["balance_after"]["total"]) == (200, 3_000, 210)
    assert scene.purchases(member_id) == 2


def test_a_batch_whose_answers_are_lost_counts_once_when_it_is_sent_again(scene: Scene) -> None:
    member_id = scene.till.join().body["member_id"]
    batch = {"purchases": [scene.till.receipt(member_id, amount) for amount in (1_000, 2_000, 3_000)]}
    scene.proxy.inject(lost_answer(operation=WRITE))
    lost = scene.till.send("POST", "/v1/purchases/batch", batch)
    assert (lost.status, lost.code) == (503, "try_again")
    scene.proxy.relent()
    again = scene.till.send("POST", "/v1/purchases/batch", batch)
    assert [result["status"] for result in again.body["results"]] == [200, 201, 201]
    assert (scene.purchases(member_id), scene.shop.balance(member_id).total) == (3, 180)


def test_somebody_whose_joining_was_not_answered_has_joined_once(scene: Scene) -> None:
    scene.proxy.inject(lost_answer(operation=WRITE))
    assert scene.till.join("20123456").code == "try_again"
    scene.proxy.relent()
    again = scene.till.join("20123456")
    assert (again.status, again.body["state"]) == (200, "member")
    assert scene.till.look_up("20123456").body == again.body
    assert scene.purchases(again.body["member_id"]) == 0


def test_a_release_of_pending_bonus_is_done_once_when_its_answer_is_lost(scene: Scene) -> None:
    member_id = scene.till.join(accepts=False).body["member_id"]
    scene.till.buy(member_id, 10_000)
    scene.proxy.inject(lost_answer(operation=WRITE))
    assert scene.till.join().code == "try_again"
    scene.proxy.relent()
    assert scene.till.join().body["balance"] == {"total": 300, "available": 300, "pending": 0, "reserved": 0}
    assert [entry.kind for entry in scene.shop.entries(member_id)] == ["release", "purchase"]
    assert scene.purchases(member_id) == 2


def test_a_write_that_arrives_after_the_till_has_given_up_counts_once(scene: Scene) -> None:
    member_id = scene.till.join().body["member_id"]
    receipt = scene.till.receipt(member_id, 10_000)
    held_up = 4.0 + TRIES * READ_TIMEOUT
    kept = scene.proxy.kept()
    scene.proxy.inject(late_call(held_up, operation=WRITE))
    began = time.monotonic()
    assert scene.till.send("POST", "/v1/purchases", receipt).code == "try_again"
    assert time.monotonic() - began < held_up, "the till was answered before the first write arrived"
    assert (scene.proxy.fired(), scene.proxy.kept() - kept, scene.purchases(member_id)) == (TRIES, TRIES, 0)
    scene.proxy.relent()
    booked = scene.till.send("POST", "/v1/purchases", receipt)
    assert booked.status == 201
    scene.till.buy(member_id, 5_000)
    wait_until(lambda: scene.proxy.kept() == kept)
    assert (scene.purchases(member_id), scene.shop.balance(member_id).total) == (2, 450)
    assert scene.till.send("POST", "/v1/purchases", receipt).body == booked.body
