"""A shop whose members become due: the hourly job, and a state machine that runs when the test lets it."""

from __future__ import annotations

from collections.abc import Iterable
from copy import replace
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from stamkunde.members.lapsing import LapsingNotes
from stamkunde.members.model import Member
from stamkunde.members.remains import Remains
from stamkunde.messaging.model import DeliveryState
from stamkunde.messaging.outbox import delivery_of
from stamkunde.messaging.store import ClubMessages, Outbox
from stamkunde.retention.acts import Acted, DueActs
from stamkunde.retention.service import DueVisits, Looking, Visited
from stamkunde.retention.store import Swept
from stamkunde.shared.clock import FixedClock
from stamkunde.shared.item import from_wire
from tests.factories import make_club
from tests.letterbox import waiting
from tests.shop import Shop

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

JOINED = datetime(2026, 3, 2, 13, 30, tzinfo=UTC)
FIRST_REMINDER = datetime(2026, 3, 7, 7, tzinfo=UTC)
SECOND_REMINDER = datetime(2026, 3, 14, 7, tzinfo=UTC)
ERASED = datetime(2026, 3, 20, 23, tzinfo=UTC)
AN_HOUR = timedelta(hours=1)


class Killed(BaseException):
    """The process is gone: nothing catches this, and nothing is tidied up."""


@dataclass
class Life:
    """So many moments, one before each call that changes something; then death."""

    left: int

    def passes(self) -> None:
        if self.left == 0:
            raise Killed
        self.left -= 1


@dataclass
class MortalClient:
    """DynamoDB, called by somebody who may die before each write: after it is before the next one."""

    inner: Any
    life: Life

    def __getattr__(self, operation: str) -> Any:
        called = getattr(self.inner, operation)
        if operation not in ("put_item", "delete_item", "transact_write_items"):
            return called

        def call(**given: Any) -> Any:
            self.life.passes()
            return called(**given)

        return call


@dataclass
class Machine:
    """What Step Functions does with cases: a name is taken once and for all, and then the steps are gone through."""

    started: dict[str, str] = field(default_factory=dict)
    waiting: list[str] = field(default_factory=list)
    life: Life | None = None

    def start(self, _club_id: str, case_id: str, attempt: int, step: str) -> None:
        if self.life:
            self.life.passes()
        name = f"{case_id}-{attempt}"
        if name not in self.started:
            self.started[name] = step
            self.waiting.append(case_id)


@dataclass
class Photos:
    """The photos of signed forms that are kept, by name."""

    kept: dict[str, bytes] = field(default_factory=dict)

    def keep(self, name: str, content: bytes, _media_type: str) -> None:
        self.kept[name] = content

    def remove(self, name: str) -> None:
        self.kept.pop(name, None)

    def remove_all(self, beginning: str, but: str | None = None) -> None:
        for name in [each for each in self.kept if each.startswith(beginning) and each != but]:
            self.remove(name)


@dataclass
class DueShop:
    """A shop, its hourly job and its machine."""

    shop: Shop
    machine: Machine = field(default_factory=Machine)
    photos: Photos = field(default_factory=Photos)
    sent: list[dict[str, Any]] = field(default_factory=list)

    @property
    def looking(self) -> Looking:
        shop = self.shop
        club_id = shop.club.club_id
        remains = Remains(shop.client, shop.members_table, club_id)
        return Looking(shop.club, shop.members, remains, ClubMessages(shop.client, "messages", club_id))

    @property
    def visits(self) -> DueVisits:
        cases: Any = self.machine
        return DueVisits(self.shop.club, self.shop.due, self.looking, self.shop.store, cases, self.shop.clock)

    @property
    def acts(self) -> DueActs:
        shop = self.shop
        return DueActs(
            shop.club,
            shop.due,
            self.looking,
            shop.admission,
            shop.removal,
            lambda: self.photos,
            LapsingNotes(shop.client, shop.members_table, shop.club.club_id),
            shop.clock,
            shop.patience,
        )

    def at(self, now: datetime) -> None:
        self.shop.clock = FixedClock(now)

    def run_job(self, seconds: Iterable[bool] = ()) -> Visited:
        """One run; `seconds` says at each look at the watch whether the time is over, and afterwards it never is."""
        watch = iter(seconds)
        return self.visits.run(lambda: next(watch, False))

    def run_machine(self) -> list[Acted]:
        """Go through every case that was started."""
        outcomes = []
        while self.machine.waiting:
            case_id = self.machine.waiting.pop(0)
            outcome, _ = self.acts.act(case_id)
            outcomes.append(outcome)
            if outcome is not Acted.CLOSED:
                self.acts.rearm(case_id)
        return outcomes

    def hour(self, now: datetime, outcome: DeliveryState | None = DeliveryState.SENT) -> Visited:
        """An hourly run at an instant, what its cases do, and what becomes of the messages they write.

        None: nobody ever takes them.
        """
        self.at(now)
        visited = self.run_job()
        self.run_machine()
        if outcome:
            self.post(outcome)
        return visited

    def jump(self, now: datetime, outcome: DeliveryState | None = DeliveryState.SENT) -> Visited:
        """An hourly run at an instant, with nothing left undone before the day that leads to it."""
        self.shop.due.note_swept(Swept(now - timedelta(days=1), self.shop.club.current_terms().version, ()))
        return self.hour(now, outcome)

    def post(self, outcome: DeliveryState) -> None:
        """What the message worker makes of the club's messages that wait."""
        outbox, own = Outbox(self.shop.client, "messages"), f"#{self.shop.club.club_id}#"
        for row in waiting(self.shop.client):
            if own in row["sk"] and (message := outbox.load(row)) is not None:
                outbox.record(message, delivery_of(message, outcome, self.shop.now()))
                self.sent.append(row)

    def letters(self, kind: str = "") -> list[dict[str, Any]]:
        """The club's messages whose kind begins so, also those that wait, in the order in which they were due."""
        own = f"#{self.shop.club.club_id}#"
        rows = [row for row in [*self.sent, *waiting(self.shop.client)] if own in row["sk"]]
        return sorted((row for row in rows if row["kind"].startswith(kind)), key=lambda row: str(row["due_at"]))

    def dying_after(self, moments: int, now: datetime) -> bool:
        """An hourly run in which the process dies after so many moments; whether it came so far."""
        self.at(now)
        life = Life(moments)
        client: Any = MortalClient(self.shop.client, life)
        machine = replace(self.machine, life=life)
        mortal = DueShop(replace(self.shop, client=client), machine)
        try:
            mortal.run_job()
            mortal.run_machine()
        except Killed:
            return True
        finally:
            machine.life = None
            self.machine = machine
        return False

    def open_member(self, phone: str | None = None, *, buys: int = 0) -> str:
        member_id = self.shop.join(phone, accepts=False).at_till.member.member_id
        if buys:
            self.shop.buy(member_id, buys)
        return member_id

    def member(self, member_id: str) -> Member | None:
        return self.shop.members.load_even_gone(member_id, consistent=True)

    def reminders(self) -> list[str]:
        return [row["kind"] for row in self.letters("terms_")]

    def rows(self, prefix: str) -> list[dict[str, Any]]:
        """The rows of the members table whose partition begins so."""
        pages = self.shop.client.get_paginator("scan").paginate(TableName="members", ConsistentRead=True)
        rows = [from_wire(item) for page in pages for item in page["Items"]]
        return [row for row in rows if row["pk"].startswith(prefix)]

    def hints(self) -> list[dict[str, Any]]:
        return [row for row in self.rows("DUE#") if row["sk"] != "SWEPT"]

    def cases(self) -> list[dict[str, Any]]:
        return self.rows("CASE#")


def open_due_shop(client: DynamoDBClient) -> DueShop:
    """A shop that has just opened and been looked at once, at which somebody may join."""
    due = DueShop(Shop(client, make_club(created_at=JOINED), clock=FixedClock(JOINED)))
    due.shop.due.note_swept(Swept(JOINED, terms_version=1, shards_left=()))
    return due
