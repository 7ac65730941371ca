"""What a forecast says of a club and what then happens there, notice by notice: the hourly job until all are gone.

The hours are jumped over in which nobody is due: a client that sees every hint that is written knows them.
"""

from __future__ import annotations

import heapq
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from copy import replace
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from infra.local.demo_clubs import DemoClub, local_midnight, visits
from stamkunde.clubs.member_policy import Keeping, with_keeping
from stamkunde.clubs.model import CAREFUL_POLICY, Trade
from stamkunde.ledger.anonymous_store import GONE_SHARDS
from stamkunde.ledger.model.entries import EntryKind
from stamkunde.members.consents import ConsentMethod, PermissionKind
from stamkunde.members.counter import CounterPermissions, CounterWord
from stamkunde.members.model import Member
from stamkunde.members.wordings import club_permission
from stamkunde.messaging.model import KINDS, DeliveryState, MessageClass
from stamkunde.messaging.store import Outbox
from stamkunde.retention.facts import club_time
from stamkunde.retention.model import StepKind
from stamkunde.retention.model.simulation import Fate, Forecast, Told
from stamkunde.retention.rehearsal import Rehearsal, Rehearsed, course_of
from stamkunde.retention.service import Outcome
from stamkunde.retention.store import Case, Swept, hint_instant
from stamkunde.shared.clock import FixedClock, local_date, months_later
from stamkunde.shared.ladder import RungNotice, RungSkipped
from tests.due_scene import DueShop
from tests.factories import make_club
from tests.shop import Shop

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

AN_HOUR = timedelta(hours=1)
SHORTEST_LIFE = 35
"""Months: what is bought on the first of a month has lapsed on the very day on which its owner goes."""


class NotingClient:
    """DynamoDB, called by somebody who notes when anybody is to be looked at, and where a message waits."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.noted: list[datetime] = []
        self.messages: list[dict[str, str]] = []

    def __getattr__(self, operation: str) -> Any:
        called = getattr(self._inner, operation)
        if operation not in ("put_item", "transact_write_items"):
            return called

        def call(**given: Any) -> Any:
            puts = [each["Put"] for each in given.get("TransactItems", ()) if "Put" in each] or [given]
            for put in puts:
                self._note(put.get("Item", {}))
            return called(**given)

        return call

    def _note(self, item: dict[str, Any]) -> None:
        pk, sk = (item[name]["S"] for name in ("pk", "sk")) if item else ("", "")
        if pk.startswith("DUE#") and sk != "SWEPT":
            heapq.heappush(self.noted, hint_instant(sk))
        if pk.startswith("OUTBOX#"):
            self.messages.append({"pk": pk, "sk": sk})

    def next_hour(self, now: datetime) -> datetime | None:
        """The first full hour after one at which the job has something to do."""
        return max(now + AN_HOUR, full_hour(self.noted[0])) if self.noted else None

    def pass_by(self, now: datetime) -> None:
        """Forget what is due by now: the run that begins sees to it, or notes it anew."""
        while self.noted and self.noted[0] <= now:
            heapq.heappop(self.noted)


@dataclass
class Happened:
    """What became of a club's members who stayed away."""

    told: Counter[Told] = field(default_factory=Counter)
    erased: Counter[int] = field(default_factory=Counter)
    forfeited: Counter[int] = field(default_factory=Counter)
    hours: int = 0
    visits: int = 0

    def differences(self, forecast: Forecast) -> list[str]:
        """Where it isn't what was forecast, a line each."""
        pairs: dict[str, tuple[Mapping[Any, int], Counter[Any]]] = {
            "told": (forecast.told, self.told),
            "erased": (forecast.erased, self.erased),
            "forfeited": (forecast.forfeited, self.forfeited),
        }
        return [
            f"{what} {key}: {said.get(key, 0)} forecast, {happened[key]} happened"
            for what, (said, happened) in pairs.items()
            for key in sorted({*said, *happened})
            if said.get(key, 0) != happened[key]
        ]


@dataclass
class Foretold:
    """A club that a forecast was made for, and that lives from that instant on."""

    due: DueShop
    client: NotingClient
    rehearsed: Rehearsed
    began: datetime
    happened: Happened = field(default_factory=Happened)
    days: set[date] = field(default_factory=set)

    def live(self) -> Happened:
        """Run the job hour by hour until nobody is due any more."""
        club, now = self.due.shop.club, self.began
        for day, _ in course_of(club, self.began).ladders[1:]:
            heapq.heappush(self.client.noted, club_time(club).start_of(day))
        self.due.shop.due.note_swept(Swept(self.began - AN_HOUR, 0, ()))
        coming: datetime | None = now
        while coming is not None:
            self._hour(coming)
            coming = self.client.next_hour(coming)
        self.happened.forfeited = count_forfeited(self.due.shop, self.days)
        return self.happened

    def _hour(self, now: datetime) -> None:
        due = self.due
        due.at(now)
        self.client.pass_by(now)
        swept = due.shop.due.swept()
        assert swept is not None
        due.shop.due.note_swept(replace(swept, until=now))
        visited = due.run_job()
        assert visited.finished, visited
        assert visited.outcomes.keys() <= {Outcome.STARTED, Outcome.REARMED, Outcome.DROPPED}, visited
        self.happened.hours += 1
        self.happened.visits += visited.outcomes.total()
        cases = list(filter(None, map(due.shop.due.load_case, due.machine.waiting)))
        before = {case.case_id: due.member(case.member_id) for case in cases}
        due.run_machine()
        sent = dict(self._post(now))
        for case in cases:
            self._note(case, before[case.case_id], sent, now)

    def _note(self, case: Case, before: Member | None, sent: dict[str, MessageClass], now: datetime) -> None:
        after, zone = self.due.member(case.member_id), self.due.shop.club.time_zone
        if case.kind is StepKind.REMOVE_INACTIVE:
            assert after is None
            today = local_date(now, zone)
            self.happened.erased[today.year] += 1
            self.days.add(today)
        if after is None or after.absence is None:
            return
        known = before.absence.notices if before and before.absence else ()
        for each in after.absence.notices:
            if each not in known:
                self.happened.told[told_of(each, sent, zone)] += 1

    def _post(self, now: datetime) -> Iterator[tuple[str, MessageClass]]:
        """Send what waits, as the message worker would."""
        outbox = Outbox(self.due.shop.client, "messages")
        waiting, self.client.messages = self.client.messages, []
        for message in filter(None, map(outbox.load, waiting)):
            assert message.due_at < now + AN_HOUR
            self.due.send(message, DeliveryState.SENT)
            yield message.message_id, KINDS[message.kind].message_class


def count_forfeited(shop: Shop, days: Iterable[date]) -> Counter[int]:
    """How much bonus was lost on some days, by year: by the entries that are left, of nobody.

    What waited for the terms is no bonus of anybody's yet: those who never accepted them go on the same days.
    """
    lost: Counter[int] = Counter()
    gone, calendar = shop.store.gone(shop.club.time_zone), club_time(shop.club)
    for day in days:
        begin, end = calendar.start_of(day), calendar.start_of(day + timedelta(days=1))
        for shard in range(GONE_SHARDS):
            for entry in gone.entries_booked(begin, end, shard):
                movement = entry.movement
                if entry.kind is EntryKind.FORFEIT and any(not change.lot.pending for change in movement.lots):
                    lost[day.year] -= movement.amount
    return lost


def foretell(shop: Shop, client: NotingClient, began: datetime, wish: Keeping | None = None) -> Foretold:
    """Make a forecast for a shop, which from then on keeps its members so."""
    shop.clock = FixedClock(began)
    rehearsal = Rehearsal(shop.club, shop.members, shop.store, shop.clock)
    wish, following = wish or Keeping(), None
    while True:
        rehearsed = rehearsal.go(wish, following)
        if rehearsed.following is None:
            break
        following = rehearsed.following
    shop.club = rehearsed.club
    return Foretold(DueShop(shop), client, rehearsed, began)


def demo_shop(client: DynamoDBClient, demo: DemoClub, opened: datetime) -> tuple[Shop, NotingClient]:
    """A demo club after its 120 days; every other member who accepted the terms has said yes to texts at the till."""
    noting: Any = NotingClient(client)
    wish = Keeping(Trade(demo.trade), demo.keeping_months)
    zone = {"DK": "Europe/Copenhagen", "NO": "Europe/Oslo"}[demo.country]
    club = make_club(
        slug=demo.slug,
        name=demo.name,
        country=demo.country,
        currency=demo.currency,
        time_zone=zone,
        language={"DK": "da", "NO": "nb"}[demo.country],
        created_at=opened,
        member_policy=with_keeping(CAREFUL_POLICY, wish),
    )
    shop = Shop(noting, club, clock=FixedClock(opened))
    known: dict[str, str] = {}
    for visit in visits(demo):
        shop.clock = FixedClock(local_midnight(opened) + timedelta(days=1) + visit.after)
        phone = visit.member.phone
        if phone not in known:
            known[phone] = shop.join(phone, accepts=visit.member.accepts).at_till.member.member_id
            if visit.member.accepts and len(known) % 2:
                allow_texts(shop, known[phone])
        total = sum(amount for _, _, amount in visit.lines)
        spends = min(shop.balance(known[phone]).available, total) if visit.spends else 0
        shop.buy(known[phone], *(amount for _, _, amount in visit.lines), spend_bonus=spends)
    return shop, noting


def crowded_shop(
    client: DynamoDBClient, people: int, now: datetime, keeping: Keeping, seed: int = 1
) -> tuple[Shop, NotingClient]:
    """A shop with so many people of all sorts, some of whom have stayed away for long."""
    noting: Any = NotingClient(client)
    opened = datetime.combine(months_later(now.date(), -42), now.timetz())
    club = make_club(created_at=opened, member_policy=with_keeping(CAREFUL_POLICY, keeping))
    short = replace(club.programmes[0], version=2, valid_from=now - timedelta(days=300), expiry_months=SHORTEST_LIFE)
    shop = Shop(noting, replace(club, programmes=(*club.programmes, short)), clock=FixedClock(opened))
    chance, last = random.Random(seed), None
    for _ in range(people):
        joined = opened + chance.random() * (now - opened - timedelta(days=2))
        accepts = chance.random() < 0.94
        shop.clock = FixedClock(joined)
        member_id = shop.join(accepts=accepts).at_till.member.member_id
        for instant in sorted(
            joined + chance.random() * (now - joined) for _ in range(chance.choice((0, 1, 1, 2, 4)))
        ):
            # The first of a month is when lots of a whole number of months have just lapsed.
            shop.clock = FixedClock(max(joined, instant.replace(day=1)) if chance.random() < 0.3 else instant)
            shop.buy(member_id, chance.randrange(2_000, 90_000))
        if accepts:
            _decide_on_texts(shop, member_id, chance, joined, now)
        shop.clock = FixedClock(now - timedelta(days=1))
        if accepts and last and chance.random() < 0.08:
            shop.households.join(member_id, last, "Bo")
            last = None
        else:
            last = member_id if accepts else last
    return shop, noting


def _decide_on_texts(shop: Shop, member_id: str, chance: random.Random, joined: datetime, now: datetime) -> None:
    """Two of three say yes, of them one in five stops again."""
    if chance.random() < 0.66:
        shop.clock = FixedClock(joined + chance.random() * (now - joined))
        allow_texts(shop, member_id)
        if chance.random() < 0.2:
            shop.clock = FixedClock(shop.now() + timedelta(hours=5))
            allow_texts(shop, member_id, stops=True)


def allow_texts(shop: Shop, member_id: str, *, stops: bool = False) -> None:
    """Say at the counter that texts with offers may come, or not any more."""
    sms = PermissionKind.SMS
    given = {} if stops else {sms: club_permission(shop.club, sms, shop.club.language).wording}
    word = CounterWord(
        given=given,
        withdrawn=frozenset({sms}) if stops else frozenset(),
        method=ConsentMethod.SIGNED_FORM,
        language=shop.club.language,
        said_at=shop.now(),
        outlet_id=shop.point.outlet_id,
        till_id=shop.point.till_id,
    )
    assert CounterPermissions(shop.club, shop.admission, shop.clock, shop.patience).say(member_id, word).new


def full_hour(instant: datetime) -> datetime:
    """The first full hour that isn't before an instant."""
    begun = instant.replace(minute=0, second=0, microsecond=0)
    return begun if begun == instant else begun + AN_HOUR


def told_of(notice: RungNotice | RungSkipped, sent: Mapping[str, MessageClass], zone: str) -> Told:
    """What a forecast calls a notice that was written, or passed over; `sent` has the classes of the messages."""
    if isinstance(notice, RungSkipped):
        return Told(f"{notice.day:%Y-%m}", notice.rung.after_months, Fate(notice.reason.value))
    advertises = sent[notice.message_id] is MessageClass.MARKETING
    month = f"{local_date(notice.written_at, zone):%Y-%m}"
    return Told(month, notice.rung.after_months, Fate.SENT if advertises else Fate.SERVICE)
