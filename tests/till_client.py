"""What a till does, in a till's own words; how the call travels is up to who builds it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any
from urllib.parse import parse_qsl, urlsplit

type Call = Callable[[str, str, dict[str, str], str], tuple[int, dict[str, str], Any]]


@dataclass
class Answer:
    """Status, headers and JSON of an answer."""

    status: int
    headers: dict[str, str]
    body: Any

    @property
    def code(self) -> str | None:
        code: str | None = self.body.get("code")
        return code


@dataclass
class TillClient:
    """One till with its key."""

    club: dict[str, Any]
    key: str
    call: Call
    _numbers: Any = field(default_factory=lambda: count(1))

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        given = {"authorization": f"Bearer {self.key}", "content-type": "application/json"}
        changed = {name.replace("_", "-"): value for name, value in headers.items()}
        text = body if isinstance(body, str) else json.dumps(body) if body is not None else ""
        return Answer(*self.call(method, path, given | changed, text))

    def join(self, phone: str = "20123456", *, accepts: bool = True, **given: Any) -> Answer:
        body: dict[str, Any] = {"phone": phone} | given
        if accepts:
            body["terms_acceptance"] = {
                "terms_version": 1,
                "method": "signed_form",
                "accepted_at": datetime.now(UTC).isoformat(),
            }
        return self.send("POST", "/v1/members", body)

    def look_up(self, phone: str) -> Answer:
        return self.send("POST", "/v1/members/lookup", {"phone": phone})

    def look_up_card(self, card: str) -> Answer:
        return self.send("POST", "/v1/members/lookup", {"card": card})

    def receipt(self, member_id: str, amount: int = 4995, **given: Any) -> dict[str, Any]:
        standard: dict[str, Any] = {
            "receipt_number": str(next(self._numbers)),
            "bought_at": datetime.now(UTC).isoformat(),
            "currency": self.club["currency"],
            "member_id": member_id,
            "lines": [{"item_number": "5701001000013", "quantity": 1, "amount": amount}],
        }
        return standard | given

    def buy(self, member_id: str, amount: int = 4995, **given: Any) -> Answer:
        return self.send("POST", "/v1/purchases", self.receipt(member_id, amount, **given))

    def hold(self, member_id: str, spend_bonus: int, amount: int = 4995, key: str | None = None) -> Answer:
        basket = self.basket(member_id, amount, spend_bonus=spend_bonus)
        return self.send("POST", "/v1/reservations", basket, idempotency_key=key or f"key-{next(self._numbers)}")

    def basket(self, member_id: str, amount: int = 4995, **given: Any) -> dict[str, Any]:
        receipt = self.receipt(member_id, amount, **given)
        return {name: value for name, value in receipt.items() if name not in {"receipt_number", "bought_at"}}

    def quote(self, member_id: str, amount: int = 4995, **given: Any) -> Answer:
        return self.send("POST", "/v1/quotes", self.basket(member_id, amount, **given))


def gateway_event(method: str, path: str, headers: dict[str, str], body: str) -> dict[str, Any]:
    """An event as an API Gateway HTTP API sends it (payload version 2.0)."""
    address = urlsplit(path)
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "ANY /v1/{proxy+}",
        "rawPath": address.path,
        "rawQueryString": address.query,
        "headers": headers,
        "requestContext": {"http": {"method": method, "path": address.path, "sourceIp": "192.0.2.1"}},
        "isBase64Encoded": False,
    }
    if address.query:
        event["queryStringParameters"] = dict(parse_qsl(address.query, keep_blank_values=True))
    if body:
        event["body"] = body
    return event
