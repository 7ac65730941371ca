"""A shop whose members become due: the hourly job, and a state machine that runs when the test lets it."""

from __future__ import annotations

from collections.abc import Iterable
from copy import replace
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from stamkunde.erasure.model import Left, StepName
from stamkunde.erasure.steps import Erasure
from stamkunde.ledger.expiry import Expiry
from stamkunde.members.birthdays import BirthdayNotes
from stamkunde.members.lapsing import LapsingNotes
from stamkunde.members.model import Member
from stamkunde.members.uses import Uses
from stamkunde.messaging.model import DeliveryState
from stamkunde.messaging.outbox import Message, delivery_of
from stamkunde.messaging.store import Outbox
from stamkunde.retention.acts import Acted, DueActs
from stamkunde.retention.at_once import AtOnce
from stamkunde.retention.everybody import ladder_name
from stamkunde.retention.model import HORIZON, look_at
from stamkunde.retention.service import DueVisits, Looking, Visited
from stamkunde.retention.store import Hint, Swept
from stamkunde.shared.clock import FixedClock, local_date
from stamkunde.shared.item import from_wire
from tests.erasing_shop import KeptTombstones, Photos, erasure_of, looking_of
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
        if operation not in ("put_item", "update_item", "delete_item", "transact_write_items"):
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
    erasing: set[str] = field(default_factory=set)
    life: Life | None = None

    def start(self, _club_id: str, case_id: str, attempt: int, step: str, *, removes: bool) -> None:
        if self.life:
            self.life.passes()
        name = f"{case_id}-{attempt}"
        if name not in self.started:
            self.started[name] = step
            self.waiting.append(case_id)
            if removes:
                self.erasing.add(case_id)


@dataclass
class DueShop:
    """A shop, its hourly job and its machine."""

    shop: Shop
    machine: Machine = field(default_factory=Machine)
    photos: Photos = field(default_factory=Photos)
    sent: list[dict[str, Any]] = field(default_factory=list)
    tombstones: KeptTombstones = field(default_factory=KeptTombstones)

    @property
    def looking(self) -> Looking:
        return looking_of(self.shop)

    @property
    def erasure(self) -> Erasure:
        return erasure_of(self.shop, self.looking, self.photos, self.tombstones)

    @property
    def visits(self) -> DueVisits:
        cases: Any = self.machine
        return DueVisits(self.shop.club, self.shop.due, self.looking, self.at_once, cases, self.shop.clock)

    @property
    def at_once(self) -> AtOnce:
        shop = self.shop
        expiry = Expiry(shop.store, shop.clock, shop.club.time_zone, shop.patience)
        return AtOnce(shop.club, expiry, BirthdayNotes(shop.client, shop.members_table, shop.club.club_id))

    @property
    def acts(self) -> DueActs:
        shop = self.shop
        return DueActs(
            shop.club,
            shop.due,
            self.looking,
            shop.admission,
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

    def run_machine(self) -> list[Acted | Left]:
        """Go through every case that was started, each in its machine."""
        outcomes: list[Acted | Left] = []
        while self.machine.waiting:
            case_id = self.machine.waiting.pop(0)
            outcomes.append(self._erase(case_id) if case_id in self.machine.erasing else self._act(case_id))
        return outcomes

    def _act(self, case_id: str) -> Acted:
        outcome, _ = self.acts.act(case_id)
        if outcome is not Acted.CLOSED:
            self.acts.rearm(case_id)
        return outcome

    def _erase(self, case_id: str) -> Left:
        for step in StepName:
            while (left := self.erasure.do(step, case_id)) is Left.MORE:
                pass
            if left is Left.NOT_DUE:
                self.erasure.rearm(case_id)
                return left
        return Left.DONE

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
        """An hourly run at an instant, with nothing left undone before the day that leads to it.

        Whoever would have been looked at on the way, for nothing, is so now.
        """
        for hint in self.free_hints():
            if hint.instant < now - timedelta(days=1):
                self.shop.due.put_off(hint, now)
        self.has_come_to(now - timedelta(days=1))
        return self.hour(now, outcome)

    def has_come_to(self, now: datetime, terms_version: int | None = None) -> None:
        """As if everybody was seen to who was due before an instant, by the terms and the ladder of then."""
        club = self.shop.club
        version = club.current_terms().version if terms_version is None else terms_version
        self.shop.due.note_swept(Swept(now, version, (), ladder_name(club.ladder(local_date(now, club.time_zone)))))

    def post(self, outcome: DeliveryState) -> None:
        """What the message worker makes of the club's messages that wait."""
        outbox, own = Outbox(self.shop.client, "messages"), f"#{self.shop.club.club_id}#"
        for row in waiting(self.shop.client):
            if own in row["sk"] and (message := outbox.load(row)) is not None:
                self.send(message, outcome)
                self.sent.append(row)

    def send(self, message: Message, outcome: DeliveryState) -> None:
        """What the message worker does with one: advertising that is sent uses the yes that it is sent by."""
        outbox = Outbox(self.shop.client, "messages")
        assert outbox.record(message, delivery_of(message, outcome, self.shop.now()))
        if message.yes is not None and outcome is DeliveryState.SENT:
            uses = Uses(self.shop.client, "members", self.shop.club.club_id)
            uses.note(message.yes, message.channel, self.shop.now())

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
        mortal = DueShop(replace(self.shop, client=client), machine, self.photos, tombstones=self.tombstones)
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

    def free_hints(self) -> list[Hint]:
        """The club's hints for which nothing is being done."""
        rows = [row for row in self.hints() if f"#{self.shop.club.club_id}#" in row["pk"] and "case_id" not in row]
        parted = [(row, str(row["sk"]).partition("#")) for row in rows]
        return [Hint(row["pk"], due_at, member_id, row["arming"]) for row, (due_at, _, member_id) in parted]

    def are_only_looked_at_again(self, *member_ids: str) -> bool:
        """Whether nothing is known to be due of these and nobody else, and they will be looked at on their days."""
        hints, now = self.free_hints(), self.shop.now()
        on_their_days = all(hint.instant == look_at(hint.member_id, now + 2 * HORIZON, now) for hint in hints)
        return on_their_days and sorted(hint.member_id for hint in hints) == sorted(member_ids)

    def cases(self) -> list[dict[str, Any]]:
        return self.rows("CASE#")


def open_due_shop(client: DynamoDBClient) -> DueShop:
    """A shop that has just opened and been looked at once, at which somebody may join."""
    due = DueShop(Shop(client, make_club(created_at=JOINED), clock=FixedClock(JOINED)))
    due.has_come_to(JOINED)
    return due
