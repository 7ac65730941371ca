"""Nothing that is kept beside the tables tells of a person: after a shop's whole day, at the till and on phones."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field

import httpx
import pytest

from tests.browser.customer import Customer
from tests.browser_fixtures import Customers
from tests.journeys.traces import PLANTED, lines, planted, traces, wake_ups, worker_asleep
from tests.local_stack import LocalStack, wait_until
from tests.till_over_http import OpenShop

FUNCTIONS = (
    "TillApi",
    "OperatorTask",
    "LedgerStream",
    "DayTotalsJob",
    "JoinPage",
    "MemberPage",
    "AssetPage",
    "MessageWorker",
    "OutboxJob",
)
PHONE, NAME = "28771903", "Ibrahim"
ONLINE_NAME = "Karoline"
TURNOVER = 10_000 + 2 * 4_995

# Whoever it is: an account or member id, a Danish or Norwegian number, a till's key.
KINDS = {
    "member id": r"\bm[0-9a-hjkmnp-tv-z]{16}\b",
    "account id": r"\ba[0-9a-hjkmnp-tv-z]{16}\b",
    "phone": r"(?:\+|\b00)4[57] ?\d{2}(?: ?\d{2}){3}\b",
    "till key": r"\btill_c[0-9a-z]{16}_",
}


@dataclass(frozen=True)
class Finding:
    """Something personal, and where."""

    kind: str
    place: str
    line: str


@dataclass
class Day:
    """What is known of everybody after a day, by kind, and the wake-ups that were seen on their way."""

    known: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    wake_ups: list[tuple[str, str]] = field(default_factory=list)

    def patterns(self) -> dict[str, re.Pattern[str]]:
        known = {
            kind: r"(?<![0-9A-Za-z])(?:" + "|".join(re.escape(each) for each in sorted(told)) + r")(?![0-9A-Za-z])"
            for kind, told in self.known.items()
        }
        return {kind: re.compile(pattern) for kind, pattern in (KINDS | known).items()}

    def findings(self, stack: LocalStack) -> list[Finding]:
        """Whatever looks personal, and whatever is known."""
        patterns = self.patterns()
        return [
            Finding(kind, place, line)
            for place, line in (*traces(stack), *self.wake_ups)
            for kind, pattern in patterns.items()
            if pattern.search(line)
        ]


@pytest.fixture
def day(local_stack: LocalStack, new_customer: Customers) -> Day:
    """Everything a till may ask for and everything a phone can do, the mistakes included."""
    day = Day()
    for person in (person for club in local_stack.stack.demo.values() for person in club["members"]):
        day.known["number"].add(person["phone"][3:])
        day.known["first name"].add(person["first_name"])
    _at_the_till(local_stack, day)
    _on_the_phone(local_stack, day, new_customer)
    return day


def test_nothing_tells_of_a_person(local_stack: LocalStack, day: Day) -> None:
    wait_until(lambda: all(any(name in place for place, _ in lines(local_stack)) for name in FUNCTIONS))
    assert {kind for kind, told in day.known.items() if told} >= {"number", "first name", "e-mail", "code", "token"}
    assert len(day.wake_ups) >= 4
    assert day.findings(local_stack) == []
    told = [next(iter(each)) for each in day.known.values()]
    with planted(local_stack, told):
        found = day.findings(local_stack)
    assert all(PLANTED in each.place for each in found)
    for kind, each in zip(day.known, told, strict=True):
        places = {finding.place.split(" ")[0] for finding in found if finding.kind == kind and each in finding.line}
        assert len(places) == 3, f"{kind} is found in {places} only"


def _at_the_till(stack: LocalStack, day: Day) -> None:
    with httpx.Client(base_url=stack.stack.api_url, timeout=30) as door:
        here = OpenShop.in_stack(stack.stack, door)
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
        till.send("POST", "/v1/members/lookup", {"card": "123456789012"})
        till.send("POST", "/v1/purchases/batch", {"purchases": [till.receipt(member_id), till.receipt(member_id)]})
        till.send("POST", "/v1/purchases", {"member_id": member_id, NAME: PHONE})
        till.send("GET", f"/v1/members/{member_id}/ledger")
        till.send("GET", f"/v1/members/{member_id}/nothing")
        till.send("GET", f"/v1/purchases/{member_id}", authorization=f"Bearer {till.key[:-1]}")
        here.wait_for_turnover(TURNOVER)
    for kind, told in {
        "number": PHONE,
        "first name": NAME,
        "id": member_id,
        "account": member["account_id"],
        "key": till.key,
    }.items():
        day.known[kind].add(told)


def _on_the_phone(stack: LocalStack, day: Day, new_customer: Customers) -> None:
    customer = new_customer()
    email = f"{customer.shop.slug}@privat.example"
    day.known["e-mail"].add(email)
    with worker_asleep(stack):
        customer.asks_to_join("terms", "sms", first_name=ONLINE_NAME, email=email)
        day.wake_ups += wake_ups(stack, 1)
    customer.types_the_code("000000")
    code = customer.shop.wait_for_code(customer.number)
    with worker_asleep(stack):
        customer.types_the_code(code)
        customer.sees_the_card()
        day.wake_ups += wake_ups(stack, 2)
    customer.page.goto(customer.shop.wait_for_message(email, "confirm_email")["links"][0])
    customer.presses("confirm.send")
    customer.opens("/m/{slug}")
    day.known["card"].add(re.sub(r"\D", "", customer.page.locator("figure figcaption").inner_text()))
    customer.page.get_by_role("link", name=customer.says("card.history")).click()
    customer.opens("/m/{slug}")
    customer.presses("devices.sign_out")
    customer.page.locator("[name=phone]").fill(customer.number)
    customer.presses("join.send")
    customer.types_the_code(customer.shop.wait_for_code(customer.number, 2))
    customer.sees_the_card()
    _remember(day, customer, email)
    for button in ("accept.send", "accept.delete"):
        other = new_customer(shop=customer.shop)
        with worker_asleep(stack):
            customer.shop.shop.till.join(other.number, accepts=False, first_name=ONLINE_NAME)
            day.wake_ups += wake_ups(stack, 1)
        (link,) = other.shop.wait_for_message(other.number, "till_join")["links"]
        other.page.goto(link)
        other.presses(button)
        _remember(day, other)


def _remember(day: Day, customer: Customer, *addresses: str) -> None:
    """Everything that was sent, typed and set, so that it can be looked for."""
    day.known["number"].add(customer.number[3:])
    day.known["first name"].add(ONLINE_NAME)
    for message in (message for to in (customer.number, *addresses) for message in customer.shop.messages(to)):
        if message["code"]:
            day.known["code"].add(message["code"])
        day.known["token"] |= {link.rpartition("/")[2] for link in message["links"] if "/l/" in link}
    for cookie in customer.page.context.cookies():
        day.known["cookie"].add(cookie["value"])
        day.known["token"].add(cookie["value"].rpartition(".")[2])
