"""Somebody who uses everything that a club in a running stack offers, and whom they leave behind there."""

from __future__ import annotations

import base64
import json
import secrets
import string
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from infra.local.clock import MovedClub
from infra.local.home import Stack
from infra.local.loopback import client
from stamkunde.clubs.form_code import PrintedForm, form_code
from stamkunde.members.model import phone_pointer
from stamkunde.shared.item import from_wire
from tests.journeys.visitor import Visitor
from tests.public_shop import PAGES, PublicShop
from tests.till_client import Answer
from tests.till_over_http import HOUR, OpenShop

STAFF = "Ida"
VOUCHER = {
    "coupon_id": "kage",
    "name": "Gratis kage",
    "benefit": "free_item",
    "items": {"item_numbers": ["5701001000020"]},
    "audience": "voucher",
    "uses_per_member": 2,
}
TOO_MUCH_FOR_ONE = 100_000
"""Bonus that one of the staff can only propose."""


def noon_club(stack: Stack, door: httpx.Client) -> PublicShop:
    """A club with open pages and a voucher to give, by whose clock it is noon."""
    noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
    offset = int((noon - datetime.now(UTC)).total_seconds())
    shop = OpenShop.in_stack(stack, door, clock_offset_seconds=offset - HOUR)
    club_id = shop.till.club["club_id"]
    begin = noon - timedelta(seconds=HOUR // 2)
    valid = {"valid_from": begin.isoformat(), "valid_until": (begin + timedelta(days=60)).isoformat()}
    shop.operator.do("publish_coupon", club_id=club_id, coupon=VOUCHER | valid)
    shop.operator.do("move_clock", club_id=club_id, clock_offset_seconds=offset)
    shop.operator.do("publish_join_page", club_id=club_id, **PAGES["DK"])
    return PublicShop(stack, shop)


@dataclass
class Club:
    """A club whose clock is moved, as a till and the staff have it."""

    here: PublicShop

    @property
    def club_id(self) -> str:
        club_id: str = self.here.shop.till.club["club_id"]
        return club_id

    def now(self) -> datetime:
        """The club's own time."""
        return MovedClub(self.here.stack, self.here.slug).now()

    def stand_at(self, instant: datetime) -> None:
        """Move its clock to an instant; whatever is due waits for the hourly job."""
        offset = int((instant - datetime.now(UTC)).total_seconds())
        self.ask("move_clock", clock_offset_seconds=offset)

    def ask(self, task: str, **given: Any) -> dict[str, Any]:
        return self.here.shop.operator.do(task, club_id=self.club_id, **given)

    def join(self, number: str, **given: Any) -> str:
        """Somebody signs the form in the shop."""
        accepted = {"terms_version": 1, "method": "signed_form", "accepted_at": self.now().isoformat()}
        answer = self.here.shop.till.join(number, accepts=False, terms_acceptance=accepted, **given)
        assert answer.status == 201, answer.body
        member_id: str = answer.body["member_id"]
        return member_id

    def buy(self, member_id: str, amount: int, **given: Any) -> Answer:
        bought = self.here.shop.till.buy(member_id, amount, bought_at=self.now().isoformat(), **given)
        assert bought.status == 201, bought.body
        return bought

    def rows(self, table: str) -> list[dict[str, Any]]:
        """All rows of a table that tell of the club."""
        tables = client("dynamodb", self.here.stack.aws_endpoint)
        pages = tables.get_paginator("scan").paginate(TableName=self.here.stack.tables[table], ConsistentRead=True)
        found = (from_wire(item) for page in pages for item in page["Items"])
        return [row for row in found if self.club_id in json.dumps(row, default=str)]


@dataclass
class Person:
    """Who they are, who they were before two of them were merged, and who shares their bonus."""

    number: str
    former_number: str
    name: str
    email: str
    member_id: str
    former_id: str
    mate_id: str
    mates_number: str
    card: str
    phone: Visitor

    def words(self, club: Club) -> dict[str, str]:
        """What nobody may find of them afterwards, wherever it is looked for."""
        key = club.here.shop.shop.club.address_key
        return {
            "phone": self.number,
            "hash of the phone": phone_pointer(key, self.number),
            "former phone": self.former_number,
            "hash of the former phone": phone_pointer(key, self.former_number),
            "name": self.name,
            "e-mail": self.email,
            "hash of the e-mail": phone_pointer(key, self.email),
            "card": self.card,
        }

    @property
    def ids(self) -> dict[str, str]:
        """Random, and lead to nobody once their rows are gone."""
        return {"id": self.member_id, "former id": self.former_id}


def uses_everything(club: Club, phone: Visitor) -> Person:
    """Joins twice, is merged, buys, spends, takes goods back, has a voucher, a household, a card on the phone."""
    here, name = club.here, "".join(secrets.choice(string.ascii_lowercase) for _ in range(10)).title()
    number, former_number, mates_number = (here.new_number() for _ in range(3))
    email = f"{name.lower()}@privat.example"
    former_id = _signs_in_the_shop(club, former_number, name)
    _joins_on_the_page(here, phone, number, name, email)
    member_id = here.shop.till.look_up(number).body["member_id"]
    club.buy(former_id, 100_000)
    club.ask("merge_members", member_id=former_id, winner_id=member_id, by=STAFF)
    club.ask("hand_out_voucher", coupon_id=VOUCHER["coupon_id"], member_id=member_id, by=STAFF, key="jul")
    bought = club.buy(member_id, 50_000, spend_bonus=1_000)
    refund = {"refund_number": "R-1", "refunded_at": club.now().isoformat(), "lines": [{"line": 1, "quantity": 1}]}
    taken = here.shop.till.send("POST", f"/v1/purchases/{bought.body['purchase_id']}/refunds", refund)
    assert taken.status == 201, taken.body
    used = [{"item_number": "5701001000020", "quantity": 1, "amount": 3_000}]
    club.buy(member_id, 0, lines=used, redemptions=[{"kind": "coupon", "name": VOUCHER["coupon_id"]}])
    given = {"member_id": member_id, "reason": "goodwill", "note": f"for {name}", "by": STAFF}
    club.ask("correct_member", **given, key="small", bonus=500)
    club.ask("correct_member", **given, key="large", bonus=TOO_MUCH_FOR_ONE)
    mate_id = club.join(mates_number, first_name="Bodil")
    club.ask("join_household", member_id=mate_id, host_id=member_id, by=STAFF)
    club.buy(mate_id, 20_000)
    (row,) = [row for row in club.rows("members") if row["sk"] == "MEMBER" and row["pk"].endswith(member_id)]
    return Person(number, former_number, name, email, member_id, former_id, mate_id, mates_number, row["card"], phone)


def _signs_in_the_shop(club: Club, number: str, name: str) -> str:
    member_id = club.join(number, first_name=name)
    terms = club.here.shop.shop.club.terms[0]
    code = form_code(club.here.shop.shop.club, PrintedForm(terms, "da"))
    # A photo, in which no word can be looked for.
    photo = base64.b64encode(b"%PDF-1.7 a photo").decode()
    club.ask("attach_signed_form", member_id=member_id, form_code=code, photo=photo, by=STAFF)
    return member_id


def _joins_on_the_page(here: PublicShop, phone: Visitor, number: str, name: str, email: str) -> None:
    page = f"/{here.slug}/join"
    boxes = {"terms": "yes", "sms": "yes", "email_news": "yes"}
    phone.send(page, page, phone=number, first_name=name, email=email, **boxes)
    phone.send(f"{page}/code", f"{page}/code", code=here.wait_for_code(number))
    phone.press(here.wait_for_message(email, "confirm_email")["links"][0], "confirm")
