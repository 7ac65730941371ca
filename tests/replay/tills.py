"""The tills of a replay: they post receipts and refunds over HTTP and compare every answer with the plan."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import httpx

from tests.replay.outcome import Outcome
from tests.replay.plan import PlannedRefund, PlannedSale
from tests.replay.promises import STAMP_PROGRAMME

TWICE_EVERY = 10
CHANGED_EVERY = 100
MORE_EVERY = 4


@dataclass(frozen=True)
class Tills:
    """A club's tills.

    Parameters
    ----------
    keys
        One a till, by its number; a store's number says at which till it sells.
    members
        By household, as enrolling answered.
    again
        Whether it may have been posted before, as far as that got.
    """

    http: httpx.Client
    keys: list[str]
    members: dict[int, dict[str, Any]]
    outcome: Outcome
    again: bool
    purchase_ids: dict[int, str] = field(default_factory=dict)

    def sell(self, sale: PlannedSale) -> None:
        """Post a receipt; a coupon that isn't honoured is refused first, and taken off the receipt."""
        body = self._receipt(sale)
        if sale.refusal and not sale.late:
            self._try_coupon(sale, body)
            del body["redemptions"]
        for answer in self._send_once_or_twice(sale.basket_id, "/v1/purchases", body, self._till(sale)):
            self._check_sale(sale, answer)
        if sale.basket_id % CHANGED_EVERY == 1:
            self._check_changed(sale, body)

    def send_early(self, refund: PlannedRefund) -> None:
        """Post a refund whose sale isn't there yet."""
        path, body = self._refund(refund)
        answer = self._send(path, body, self._refunding_till(refund))
        state = answer.json().get("state")
        due = {"parked", "booked"} if self.again else {"parked"}
        self.outcome.compare_any(f"refund {refund.basket_id}-{refund.part} before its sale", state, due)
        self.outcome.count("refund repeated" if state == "booked" else "refund before its sale")

    def take_back(self, refund: PlannedRefund) -> None:
        """Post a refund, or ask again for one that was sent before its sale."""
        path, body = self._refund(refund)
        for answer in self._send_once_or_twice(refund.basket_id, path, body, self._refunding_till(refund)):
            self._check_refund(refund, answer)
        if refund.nothing_left and not self.again and refund.basket_id % MORE_EVERY == 0:
            self._check_nothing_left(refund)

    def _receipt(self, sale: PlannedSale) -> dict[str, Any]:
        member = self.members[sale.household_id]
        body = {
            "receipt_number": str(sale.basket_id),
            "bought_at": sale.bought_at.isoformat(),
            "currency": "DKK",
            "member_id": member["member_id"],
            "account_id": member["account_id"],
            "lines": sale.lines,
            "spend_bonus": sale.spent,
            "offline": sale.late,
        }
        if sale.coupon_id:
            body["redemptions"] = [{"kind": "coupon", "name": sale.coupon_id}]
        return body

    def _try_coupon(self, sale: PlannedSale, body: dict[str, Any]) -> None:
        """Once the receipt is booked without the coupon, with it it is another receipt."""
        answer = self._send("/v1/purchases", body, self._till(sale))
        due = {sale.refusal, "receipt_differs"} if self.again else {sale.refusal}
        self.outcome.compare_any(f"coupon on basket {sale.basket_id}", answer.json().get("code"), due)
        self.outcome.count("refused with a coupon")

    def _check_sale(self, sale: PlannedSale, answer: httpx.Response) -> None:
        self._count(answer, "booked", "repeated")
        shown = answer.json()
        what = f"basket {sale.basket_id}"
        if answer.is_error:
            self.outcome.compare(what, shown, "booked")
            return
        stamps = sum(card["given"] for card in shown["stamps"])
        told = (shown["earned"]["amount"], shown["spent"]["amount"], shown["discount"], shown["to_pay"], stamps)
        self.outcome.compare(what, told, (sale.earned, sale.spent, sale.discount, sale.to_pay, sale.stamps))
        refused = [(each["what"], each["name"], each["code"]) for each in shown["refused"]]
        due = [("coupon", sale.coupon_id, sale.refusal)] if sale.refusal and sale.late else []
        self.outcome.compare(f"{what}, what was refused", refused, due)
        if due:
            self.outcome.count("booked without its coupon")
        self.purchase_ids[sale.basket_id] = shown["purchase_id"]

    def _check_changed(self, sale: PlannedSale, body: dict[str, Any]) -> None:
        first, *rest = body["lines"]
        changed = body | {"lines": [first | {"amount": first["amount"] + 1}, *rest]}
        answer = self._send("/v1/purchases", changed, self._till(sale))
        self.outcome.count("refused for another line")
        self.outcome.compare(f"basket {sale.basket_id}, changed", answer.json().get("code"), "receipt_differs")

    def _refund(self, refund: PlannedRefund) -> tuple[str, dict[str, Any]]:
        """Of every other receipt the till knows only what stands on it."""
        body: dict[str, Any] = {
            "refund_number": f"{refund.basket_id}-{refund.part}",
            "refunded_at": refund.refunded_at.isoformat(),
        }
        if refund.lines is not None:
            body["lines"] = refund.lines
        if not refund.quick and refund.basket_id % 2:
            return f"/v1/purchases/{self.purchase_ids[refund.basket_id]}/refunds", body
        receipt = {"receipt_number": str(refund.basket_id), "bought_at": refund.bought_at.isoformat()}
        if self._refunding_till(refund) != self._till(refund):
            receipt["till_id"] = f"till-{self._till(refund)}"
        return "/v1/refunds", body | {"purchase": receipt}

    def _check_refund(self, refund: PlannedRefund, answer: httpx.Response) -> None:
        self._count(answer, "refund booked", "refund repeated")
        if self._refunding_till(refund) != self._till(refund):
            self.outcome.count("refund at another till")
        shown = answer.json()
        what = f"refund {refund.basket_id}-{refund.part}"
        if answer.is_error or shown["state"] != "booked":
            self.outcome.compare(what, shown, "booked")
            return
        amounts = ("amount", "money_back", "bonus_given_back", "bonus_taken_back", "owed")
        told = tuple(shown[name] for name in amounts)
        due = (refund.amount, refund.money_back, refund.spent_back, refund.taken_back, refund.owed)
        self.outcome.compare(what, told, due)
        stamps = {each["stamp_programme_id"]: each["stamps"] for each in shown["stamps"]}
        self.outcome.compare(f"{what}, stamps", stamps, {STAMP_PROGRAMME: refund.stamps} if refund.stamps else {})
        coupons = [each["source"] for each in shown["benefits"]]
        self.outcome.compare(f"{what}, coupons", coupons, ["coupon"] if refund.coupon_back else [])

    def _check_nothing_left(self, refund: PlannedRefund) -> None:
        body = {"refund_number": f"{refund.basket_id}-more", "refunded_at": refund.refunded_at.isoformat()}
        path = f"/v1/purchases/{self.purchase_ids[refund.basket_id]}/refunds"
        answer = self._send(path, body, self._refunding_till(refund))
        self.outcome.count("refused as more than was sold")
        what = f"refund of all of {refund.basket_id} once more"
        self.outcome.compare(what, answer.json().get("code"), "refund_exceeds_sale")

    def _till(self, at: PlannedSale | PlannedRefund) -> int:
        return at.store_id % len(self.keys)

    def _refunding_till(self, refund: PlannedRefund) -> int:
        return (refund.store_id + refund.basket_id // 2 % 2) % len(self.keys)

    def _count(self, answer: httpx.Response, first: str, repeated: str) -> None:
        self.outcome.count(repeated if answer.status_code == HTTPStatus.OK else first)

    def _send_once_or_twice(self, basket_id: int, path: str, body: dict[str, Any], till: int) -> list[httpx.Response]:
        """Now and then the same is sent twice at once: it counts once, and both get the same answer."""
        if basket_id % TWICE_EVERY:
            return [self._send(path, body, till)]
        with ThreadPoolExecutor(2) as twins:
            answers = list(twins.map(lambda _: self._send(path, body, till), range(2)))
        first, second = (answer.json() for answer in answers)
        self.outcome.compare(f"basket {basket_id}, sent twice", first, second)
        created = [answer.status_code for answer in answers].count(HTTPStatus.CREATED)
        self.outcome.compare(f"basket {basket_id}, booked at once", max(created, 1), 1)
        return answers

    def _send(self, path: str, body: dict[str, Any], till: int) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.keys[till]}"}
        begun = time.perf_counter()
        while True:
            answer = self.http.post(path, json=body, headers=headers)
            if answer.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
                break
            self.outcome.count("told to try again")
            time.sleep(float(answer.headers["retry-after"]) * random.random())
        self.outcome.milliseconds.append((time.perf_counter() - begun) * 1000)
        return answer
