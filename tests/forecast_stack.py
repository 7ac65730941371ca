"""The same in a deployed club: people come to its till over HTTP, and state machines do what is due to them."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx

from infra.local.clock import MovedClub, read_distance
from infra.local.home import Stack
from infra.local.loopback import client
from stamkunde.messaging.model import MessageClass
from stamkunde.messaging.store import ClubMessages
from stamkunde.retention.model.simulation import Fate, Forecast, Told
from stamkunde.shared.clock import local_date
from stamkunde.shared.ladder import RungNotice, RungSkipped
from tests.forecast_scene import Happened, count_forfeited, told_of
from tests.public_shop import PAGES
from tests.till_client import TillClient
from tests.till_over_http import OpenShop

MONTHS = 30
GROUPS = 10
LATEST_END = "38mo"
"""By then everybody is gone: three years, and thirty days beyond the last notice for whoever was told late."""


@dataclass
class DeployedClub:
    """A club of a running stack in which people have joined over thirty months, and nobody does any more."""

    stack: Stack
    shop: OpenShop
    accepting: list[str] = field(default_factory=list)
    happened: Happened = field(default_factory=Happened)
    notices: set[tuple[str, RungNotice | RungSkipped]] = field(default_factory=set)
    days: set[date] = field(default_factory=set)
    _before: frozenset[tuple[str, RungNotice | RungSkipped]] = frozenset()

    @classmethod
    def in_stack(cls, stack: Stack, door: httpx.Client, people: int) -> DeployedClub:
        """So many people, a few every quarter; `door` is a client of the stack's front door."""
        noon = datetime.now(UTC).replace(hour=11, minute=0, second=0, microsecond=0)
        begun = noon - timedelta(days=round(MONTHS * 30.5))
        shop = OpenShop.in_stack(stack, door, clock_offset_seconds=_offset(begun))
        shop.operator.do("publish_join_page", club_id=shop.till.club["club_id"], **PAGES["DK"])
        club, chance = cls(stack, shop), random.Random(people)
        wording = next(
            each["wording"]
            for each in shop.till.send("GET", "/v1/permissions").body["permissions"]
            if (each["kind"], each["language"]) == ("sms", "da")
        )
        for group in range(GROUPS):
            moment = begun + group * (noon - begun) / GROUPS
            club.move(moment)
            for _ in range(people // GROUPS):
                club.come(shop.till, moment, chance, wording)
            list(club._moved.advance(read_distance("1h")))
        club.move(noon)
        return club

    def come(self, till: TillClient, moment: datetime, chance: random.Random, wording: str) -> None:
        """Somebody joins; most accept the terms and buy something, and some say yes to texts."""
        accepts, said_at = chance.random() < 0.9, moment.isoformat()
        terms = {"terms_version": 1, "method": "signed_form", "accepted_at": said_at}
        given = {"terms_acceptance": terms} if accepts else {}
        number = f"+4526{chance.randrange(10**6):06}"
        joined = till.join(number, accepts=False, **given)
        assert joined.status == 201, joined.body
        member_id = joined.body["member_id"]
        if chance.random() < 0.8:
            bought = till.buy(member_id, chance.randrange(2_000, 90_000), bought_at=said_at)
            assert bought.status == 201, bought.body
        if not accepts:
            return
        self.accepting.append(member_id)
        if chance.random() < 0.6:
            yes = {"method": "signed_form", "language": "da", "said_at": said_at, "withdrawn": []}
            word = yes | {"given": [{"kind": "sms", "wording": wording}]}
            said = till.send("POST", f"/v1/members/{member_id}/permissions", word)
            assert said.status == 201, said.body

    def forecast(self) -> Forecast:
        """What the operator is shown."""
        club_id = self.shop.till.club["club_id"]
        following: dict[str, str] = {}
        while True:
            shown = self.shop.operator.do("simulate_keeping", club_id=club_id, **following)
            if shown["following"] is None:
                return _read(shown["forecast"])
            following = {"following": shown["following"]}

    def live(self) -> Happened:
        """Let the clock go on until everybody is gone, and look at each stop what became of whom."""
        self._look(self._moved.now())
        self._before = frozenset(self.notices)
        # At once, as an hourly job would: whoever is due by now isn't left until the next who is due later.
        for distance in ("1h", LATEST_END):
            for stop in self._moved.advance(read_distance(distance)):
                self.happened.hours += 1
                self._look(stop.at)
        self.happened.forfeited = count_forfeited(self.shop.shop, self.days)
        sent = self._sent()
        self.happened.told = Counter(told_of(each, sent, self._zone) for _, each in self.notices - self._before)
        return self.happened

    def move(self, moment: datetime) -> None:
        """Set the club's clock."""
        club_id = self.shop.till.club["club_id"]
        self.shop.operator.do("move_clock", club_id=club_id, clock_offset_seconds=_offset(moment))

    def _look(self, now: datetime) -> None:
        self.happened.visits += len(self.accepting)
        for member_id in list(self.accepting):
            member = self.shop.shop.members.load_even_gone(member_id, consistent=True)
            if member is None:
                today = local_date(now, self._zone)
                self.accepting.remove(member_id)
                self.happened.erased[today.year] += 1
                self.days.add(today)
            elif member.absence is not None:
                self.notices |= {(member_id, _bare(each)) for each in member.absence.notices}

    def _sent(self) -> dict[str, MessageClass]:
        tables = client("dynamodb", self.stack.aws_endpoint)
        messages = ClubMessages(tables, self.stack.tables["messages"], self.shop.till.club["club_id"])
        ids = {each.message_id for _, each in self.notices if isinstance(each, RungNotice)}
        found = {message_id: messages.find_delivery(message_id) for message_id in ids}
        return {each: MessageClass(delivery.message_class) for each, delivery in found.items() if delivery}

    @property
    def _moved(self) -> MovedClub:
        return MovedClub(self.stack, self.shop.till.club["slug"])

    @property
    def _zone(self) -> str:
        return self.shop.shop.club.time_zone


def _bare(notice: RungNotice | RungSkipped) -> RungNotice | RungSkipped:
    """A notice as it was when it was written."""
    if isinstance(notice, RungSkipped):
        return notice
    return RungNotice(notice.rung, notice.written_at, notice.message_id, notice.names)


def _offset(moment: datetime) -> int:
    return int((moment - datetime.now(UTC)).total_seconds())


def _read(shown: dict[str, Any]) -> Forecast:
    """A forecast as an operator reads it."""
    return Forecast(
        people=shown["people"],
        told={
            Told(each["month"], rung["after_months"], Fate(rung["fate"])): rung["people"]
            for each in shown["notices"]
            for rung in each["rungs"]
        },
        erased={each["year"]: each["erased"] for each in shown["years"]},
        forfeited={each["year"]: each["forfeited"] for each in shown["years"] if each["forfeited"]},
    )
