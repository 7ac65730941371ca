"""Every route of the till API with no key, a wrong one, another club's: nothing is told, nothing is written."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from stamkunde.shared.routing import Route
from tests.function_fixtures import new_till
from tests.till_client import TillClient
from tests.written import writes_so_far
from till_api.routes import ROUTES


@dataclass
class Scene:
    """A member who has something to use, and what the routes name."""

    till: TillClient
    member_id: str = field(init=False)
    purchase_id: str = field(init=False)
    reservation_id: str = field(init=False)

    def __post_init__(self) -> None:
        self.member_id = self.till.join().body["member_id"]
        self.purchase_id = self.till.buy(self.member_id, 100_000).body["purchase_id"]
        self.reservation_id = self.till.hold(self.member_id, 100).body["reservation_id"]

    def path(self, route: Route) -> str:
        return route.path.format(
            member_id=self.member_id, purchase_id=self.purchase_id, reservation_id=self.reservation_id
        )

    def body(self, name: str) -> Any:
        return a_body(name, self.member_id, self.till)


def a_body(name: str, member_id: str, till: TillClient) -> Any:
    receipt = till.receipt(member_id)
    basket = {name: value for name, value in receipt.items() if name not in {"receipt_number", "bought_at"}}
    refund = {"refund_number": "R-1", "refunded_at": datetime.now(UTC).isoformat()}
    return {
        "look_up_member": {"phone": "20123456"},
        "join_member": {"phone": "20123457"},
        "carry_over": {"bonus": 100},
        "give_voucher": {"coupon_id": "kaffe", "reason": "waiting", "staff": "Ida"},
        "say_permissions": {
            "method": "counter_screen",
            "language": "da",
            "said_at": "2026-11-21T12:58:00+01:00",
            "given": [{"kind": "sms", "wording": "Ja tak"}],
        },
        "quote_purchase": basket,
        "book_purchase": receipt,
        "book_purchases": {"purchases": [receipt]},
        "reserve": basket | {"spend_bonus": 10},
        "capture": receipt,
        "refund_purchase": refund,
        "refund_receipt": refund | {"purchase": {k: receipt[k] for k in ("receipt_number", "bought_at")}},
    }.get(name)


HARMLESS = {"coupon_unknown", "carry_over_not_offered", "permission_not_asked"}
"""What a route may answer to the right key where the club's programme is the plainest."""

UNKNOWN_HERE = {"unknown_member", "unknown_purchase", "unknown_reservation"}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ("none", "key_missing"),
        ("basic", "key_missing"),
        ("garbage", "key_unknown"),
        ("another_club", "key_unknown"),
        ("revoked", "key_revoked"),
    ],
)
def test_every_route_refuses_every_wrong_key(
    till: TillClient, operate: Any, route: Any, wrong: str, code: str
) -> None:
    scene = Scene(till)
    path, body = scene.path(route), scene.body(route.name)
    right = till.send(route.method, path, body, idempotency_key="key-1")
    assert right.status < 300 or right.code in HARMLESS, right.body
    other_club = new_till(operate).club["club_id"]
    if wrong == "revoked":
        operate("revoke_till", club_id=till.club["club_id"], till_id="kasse-1")
    headers = {
        "none": "",
        "basic": "Basic dXNlcjpwYXNz",
        "garbage": "Bearer till_nonsense",
        "another_club": f"Bearer {till.key.replace(till.club['club_id'], other_club)}",
        "revoked": f"Bearer {till.key}",
    }
    before = writes_so_far()
    answer = till.send(route.method, path, body, authorization=headers[wrong], idempotency_key="key-1")
    assert (answer.status, answer.code) == (401, code)
    assert answer.headers["www-authenticate"] == "Bearer"
    assert writes_so_far() == before


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_route_finds_nothing_of_another_club(till: TillClient, operate: Any, route: Any) -> None:
    scene = Scene(till)
    cursor = till.send("GET", f"/v1/members/{scene.member_id}/ledger?limit=1").body["next"] or ""
    stranger = new_till(operate)
    path, body = scene.path(route), scene.body(route.name)
    if route.name == "join_member":
        assert stranger.send("POST", path, {"phone": "20123456"}).body["member_id"] != scene.member_id
        return
    before = writes_so_far()
    answer = stranger.send(route.method, f"{path}?cursor={cursor}" if cursor else path, body, idempotency_key="key-1")
    if route.name == "show_permission_texts":
        # The stranger's own sentences, of which a club that asks for nothing has none.
        assert (answer.status, answer.body) == (200, {"permissions": []})
    elif route.name == "book_purchases":
        assert [result["problem"]["code"] for result in answer.body["results"]] == ["unknown_member"]
    elif route.name == "refund_receipt":
        # Its sale might still arrive, so it waits; it is in the stranger's own club that it does.
        assert (answer.status, answer.body["state"]) == (202, "parked")
        return
    else:
        assert (answer.status, answer.code in UNKNOWN_HERE) == (404, True), answer.body
    assert scene.member_id not in json.dumps(answer.body)
    assert writes_so_far() == before
