"""A club whose campaigns are sent: the real worker and engine, a gateway that fails on demand, and its own time."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from copy import replace
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any

from stamkunde.campaigns.addresses import Addresses
from stamkunde.campaigns.ceilings import Ceilings
from stamkunde.campaigns.chunk_store import CHUNK_SIZE, Chunk, ChunkKey, ChunkStore, RunKey, chunk_key
from stamkunde.campaigns.delivering import Delivering
from stamkunde.campaigns.life import CampaignLife
from stamkunde.campaigns.model.campaign import Campaign, CampaignStatus, Timetable
from stamkunde.campaigns.model.law import NO_ANSWERS
from stamkunde.campaigns.model.pacing import Pace
from stamkunde.campaigns.model.tally import Tally
from stamkunde.campaigns.model.texts import CampaignText
from stamkunde.campaigns.model.timing import Rhythm
from stamkunde.campaigns.rates import Paces, Rates
from stamkunde.campaigns.results import Doubts, Result, Results
from stamkunde.campaigns.runs import Run, Running, RunStore, lanes_at
from stamkunde.campaigns.sending import ChunkSender, Ended
from stamkunde.campaigns.stop_links import StopLinks, StopNumbers
from stamkunde.campaigns.store import CampaignStore
from stamkunde.campaigns.sweep import Sweep, Swept
from stamkunde.campaigns.writing import Letter, Sources, Writing
from stamkunde.clubs.model import Club
from stamkunde.gateways.handover import AnswerLost, NotAccepted, Refused
from stamkunde.ledger.store import LedgerStore
from stamkunde.members.consents import (
    ConsentMethod,
    ConsentRecord,
    Evidence,
    PermissionKind,
    PermissionText,
    new_record_id,
)
from stamkunde.members.model import Member
from stamkunde.members.store import MemberStore
from stamkunde.members.uses import Uses
from stamkunde.messaging.model import Domains
from stamkunde.messaging.quiet_hours import SendingHours
from stamkunde.messaging.suppression import Suppressions
from stamkunde.shared.channel import Channel
from stamkunde.shared.ids import new_id
from stamkunde.shared.patience import Patience
from stamkunde.shared.transaction import Put, put_alone
from tests.engine_at_hand import engine_at_hand
from tests.factories import NOON, make_club

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

DOMAINS = Domains("klub.example.com", "k.test", "stamkunde.test")
TEXT = CampaignText(
    "da",
    sms="{Klub}: Hej {Fornavn}! I dag er der friske boller. Bestil/stop sms: {Link}",
    subject="Boller i dag",
    body="Hej {Fornavn}\n\nI dag er der friske boller: {Link}",
)
JOINED = NOON - timedelta(days=90)
NO_HURRY = Paces(Pace(100_000), Pace(100_000), Pace(100_000))


class Killed(BaseException):
    """The process is gone: nothing catches this, and nothing is tidied up."""


@dataclass
class Life:
    """Decides at each moment, one before and one after each call to the world, whether the process lives on.

    All of its threads die with it.
    """

    lasts: Callable[[], bool]
    is_over: bool = False
    moments: int = 0
    lock: Any = field(default_factory=Lock)

    def passes(self) -> None:
        with self.lock:
            self.moments += 1
            self.is_over = self.is_over or not self.lasts()
            if self.is_over:
                raise Killed


def for_ever() -> Life:
    return Life(lambda: True)


def of_moments(moments: int) -> Life:
    left = iter(range(moments))
    return Life(lambda: next(left, None) is not None)


@dataclass
class MortalClient:
    """DynamoDB, called by a process that may die before or after each call."""

    inner: Any
    life: Life

    def __getattr__(self, operation: str) -> Any:
        def call(**given: Any) -> Any:
            self.life.passes()
            answer = getattr(self.inner, operation)(**given)
            self.life.passes()
            return answer

        return call


@dataclass
class SceneClock:
    """Time as a test moves it, or as somebody sleeps until later."""

    at: datetime = NOON
    lock: Any = field(default_factory=Lock)

    def now(self) -> datetime:
        return self.at

    def wait_until(self, instant: datetime) -> None:
        with self.lock:
            self.at = max(self.at, instant)

    def passes(self, **duration: float) -> None:
        self.at += timedelta(**duration)


@dataclass
class FaultyGateway:
    """Takes letters, and tells of it as often as it is told to.

    Parameters
    ----------
    mood
        What becomes of a letter: a failure, and whether it was taken all the same.
    """

    mood: Callable[[Letter], tuple[Exception | None, bool]] = field(default=lambda _: (None, True))
    clock: SceneClock = field(default_factory=SceneClock)
    taken: list[tuple[datetime, Letter]] = field(default_factory=list)
    calls: int = 0
    lost: int = 0
    lock: Any = field(default_factory=Lock)

    def carry(self, letter: Letter) -> str:
        with self.lock:
            self.calls += 1
            failure, is_taken = self.mood(letter)
            if is_taken:
                self.taken.append((self.clock.now(), letter))
            self.lost += isinstance(failure, AnswerLost)
        if failure is not None:
            raise failure
        return new_id("g", 12)

    def release(self) -> None:
        return

    def per_recipient(self) -> Counter[str]:
        return Counter(letter.recipient for _, letter in self.taken)


@dataclass
class MortalCarrier:
    inner: FaultyGateway
    life: Life

    def carry(self, letter: Letter) -> str:
        self.life.passes()
        answer = self.inner.carry(letter)
        self.life.passes()
        return answer

    def release(self) -> None:
        return


@dataclass
class Queue:
    """The queue of wake-ups: each is seen once its delay is over, if it isn't lost."""

    clock: SceneClock
    waiting: list[tuple[datetime, int, ChunkKey]] = field(default_factory=list)
    loses: Callable[[], bool] = field(default=lambda: False)
    sent: int = 0

    def wake(self, keys: Sequence[ChunkKey], delay: timedelta = timedelta()) -> int:
        lost = 0
        for key in keys:
            self.sent += 1
            if self.loses():
                lost += 1
            else:
                self.waiting.append((self.clock.now() + delay, self.sent, key))
        return lost

    def take(self) -> ChunkKey | None:
        visible = [each for each in self.waiting if each[0] <= self.clock.now()]
        if not visible:
            return None
        first = min(visible, key=lambda each: each[:2])
        self.waiting.remove(first)
        return first[2]

    def next_at(self) -> datetime | None:
        return min((at for at, _, _ in self.waiting), default=None)


class InTurn(Executor):
    """One task after the other: for tests that count every moment."""

    def submit(self, task: Any, /, *given: Any, **named: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(task(*given, **named))
        except BaseException as error:  # noqa: BLE001 - as a pool does
            done.set_exception(error)
        return done


@dataclass
class SendingScene:
    """One club on one engine; several scenes may share an engine, a gateway and a queue."""

    client: DynamoDBClient = field(default_factory=engine_at_hand)
    club: Club = field(default_factory=make_club)
    clock: SceneClock = field(default_factory=SceneClock)
    gateway: FaultyGateway = field(default_factory=FaultyGateway)
    queue: Queue | None = None
    paces: Paces = NO_HURRY
    pool: Executor = field(default_factory=InTurn)
    life: Life = field(default_factory=for_ever)
    reports: bool = True
    phones: Iterator[int] = field(default_factory=lambda: iter(range(20_000_001, 30_000_000)))
    unreadable: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.gateway.clock = self.clock
        self.queue = self.queue or Queue(self.clock)

    def note_unreadable(self, _chunk: Chunk, index: int, _error: Exception) -> None:
        self.unreadable.append(index)

    @property
    def mortal(self) -> Any:
        return MortalClient(self.client, self.life)

    @property
    def members(self) -> MemberStore:
        return MemberStore(self.client, "members", self.club.club_id, self.club.address_key, self.clock)

    @property
    def campaigns(self) -> CampaignStore:
        return CampaignStore(self.client, "messages", self.club.club_id)

    @property
    def chunks(self) -> ChunkStore:
        return ChunkStore(self.client, "messages", self.club.club_id)

    @property
    def runs(self) -> RunStore:
        return RunStore(self.client, "messages", self.club.club_id)

    @property
    def results(self) -> Results:
        return Results(self.client, "messages", self.club.club_id)

    @property
    def addresses(self) -> Addresses:
        return Addresses(self.client, "messages", self.club.club_id, self.club.address_key)

    @property
    def suppressions(self) -> Suppressions:
        return Suppressions(self.client, "members", self.club.club_id, self.club.address_key)

    @property
    def ceilings(self) -> Ceilings:
        return Ceilings(self.client, "messages", self.club.club_id, self.club.time_zone)

    @property
    def campaign_life(self) -> CampaignLife:
        return CampaignLife(self.campaigns, self.runs, self.clock)

    @property
    def waking(self) -> Queue:
        assert self.queue is not None
        return self.queue

    @property
    def rhythm(self) -> Rhythm:
        return Rhythm(SendingHours(), self.club.time_zone, self.club.country)

    def sender(self) -> ChunkSender:
        """A worker as it starts; it dies with the scene's life."""
        client, club_id, patience = self.mortal, self.club.club_id, Patience(limit=30.0)
        addresses = Addresses(client, "messages", club_id, self.club.address_key)
        members = MemberStore(client, "members", club_id, self.club.address_key, self.clock)
        results = Results(client, "messages", club_id)
        ledger = LedgerStore(client, "ledger", club_id)
        suppressions = Suppressions(client, "members", club_id, self.club.address_key)
        sources = Sources(
            members.load_with_records,
            lambda account_id: ledger.load_account(account_id, consistent=True),
            suppressions.suppressed,
            results.clicked,
        )
        runs, chunks = RunStore(client, "messages", club_id), ChunkStore(client, "messages", club_id)
        links = StopLinks(self.club, DOMAINS.short, self.clock)
        uses = Uses(client, "members", club_id)
        return ChunkSender(
            CampaignLife(CampaignStore(client, "messages", club_id, patience), runs, self.clock),
            chunks,
            runs,
            Writing(self.club, DOMAINS, sources, addresses, links, self.clock, self.pool, self.note_unreadable),
            Delivering(
                addresses,
                results,
                MortalCarrier(self.gateway, self.life),
                uses.note,
                self.clock,
                self.clock,
                self.clock.wait_until,
                patience,
                self.pool,
            ),
            Rates(client, "messages", self.paces),
            Ceilings(client, "messages", club_id, self.club.time_zone),
            self.waking,
            self.rhythm,
            self.clock,
            self.clock,
            patience,
        )

    def add_member(self, **given: Any) -> Member:
        """Somebody who said yes to both channels, and has confirmed an address."""
        number = next(self.phones)
        standard: dict[str, Any] = {
            "member_id": new_id("m"),
            "account_id": new_id("a"),
            "phone": f"+45{number}",
            "first_name": "Mette",
            "terms_version": 1,
            "joined_at": JOINED,
            "language": "da",
            "email": f"m{number}@example.com",
            "email_confirmed_at": JOINED,
        }
        says_yes = given.pop("says_yes", (PermissionKind.SMS, PermissionKind.EMAIL))
        member = Member(**(standard | given))
        written = [each for each in self.members.join_writes(member) if each.purpose == "member"]
        writes = [*written, self.members.consent_write(member.member_id, said_yes(says_yes))]
        for write in writes:
            assert isinstance(write, Put)
            put_alone(self.client, write)
        return member

    def add_members(self, count: int) -> list[Member]:
        return [self.add_member() for _ in range(count)]

    def say_stop(self, member: Member, kind: PermissionKind = PermissionKind.SMS) -> None:
        evidence = Evidence(ConsentMethod.STOP_LINK, self.clock.now(), self.clock.now(), "da")
        record = ConsentRecord(new_record_id(self.clock.now()), evidence, withdrawn=(kind,))
        put_alone(self.client, self.members.consent_write(member.member_id, record))

    def change(self, before: Member, **changes: Any) -> Member:
        after = replace(before, revision=before.revision + 1, **changes)
        for write in self.members.change_writes(before, after):
            assert isinstance(write, Put)
            put_alone(self.client, write)
        return after

    def begin(
        self, members: Sequence[Member], *channels: Channel, lanes: int | None = None, **given: Any
    ) -> Campaign:
        """A campaign to these members, whose lists are made and whose first chunks are woken."""
        now = self.clock.now()
        channels = channels or (Channel.SMS,)
        standard: dict[str, Any] = {
            "campaign_id": new_id("k"),
            "name": "Boller",
            "by": "Holm",
            "texts": {"da": TEXT},
            "answers": NO_ANSWERS,
            "channels": channels,
            "drafted_at": now,
            "status": CampaignStatus.SENDING,
            "epoch": 1,
            "timetable": Timetable(now - timedelta(minutes=5), now + timedelta(hours=2)),
            "pressed_at": now - timedelta(minutes=5),
            "begun_at": now,
        }
        campaign = Campaign(**(standard | given))
        self.campaigns.create(campaign)
        for channel in channels if members else ():
            self.begin_run(campaign, channel, [each.member_id for each in members], lanes)
        return campaign

    def begin_run(self, campaign: Campaign, channel: Channel, ids: list[str], lanes: int | None = None) -> Run:
        now = self.clock.now()
        key = RunKey(self.club.club_id, campaign.campaign_id, channel)
        lists = [ids[at : at + CHUNK_SIZE] for at in range(0, len(ids), CHUNK_SIZE)]
        for number, listed in enumerate(lists):
            self.chunks.write(chunk_key(key, number), listed, now)
        number = StopNumbers(self.client, "messages").take(key, now)
        window = lanes or lanes_at(self.paces.of(channel).per_second, len(lists))
        run = Run(key, len(lists), len(ids), number, tuple(range(min(window, len(lists)))), now, Tally())
        for write in self.runs.begin_writes(run):
            put_alone(self.client, write)
        self.waking.wake(run.in_flight())
        return run

    def work(self) -> Ended | None:
        """What the next wake-up comes to; None if there is none, or its worker dies."""
        key = self.waking.take()
        if key is None:
            return None
        try:
            return self.sender().send(key)
        except (Killed, Refused, NotAccepted):
            return None

    def work_off(self) -> None:
        """All wake-ups that are there, and those that follow at once."""
        while self.waking.next_at() is not None and self.waking.next_at() <= self.clock.now():  # type: ignore[operator]
            self.work()

    def sweep(self) -> Swept:
        """The minute job, which doesn't die here."""
        alive = replace(self, life=for_ever())
        return Sweep(
            Running(self.client, "messages"),
            Doubts(self.client, "messages"),
            lambda club_id: alive.sender() if club_id == self.club.club_id else None,
            lambda _: self.results,
            dict.fromkeys(Channel, self.reports),
            self.clock,
        ).tend()

    def settle(self, minutes: int = 60) -> None:
        """Everything works again: time passes, the minute job runs, until nothing is under way."""
        for _ in range(minutes):
            self.work_off()
            if self.sweep().running == 0:
                return
            self.clock.passes(minutes=1)
        raise AssertionError("it never ends")

    def settle_for(self, minutes: int) -> None:
        """So many minutes pass, with the job in each."""
        for _ in range(minutes):
            self.work_off()
            self.sweep()
            self.clock.passes(minutes=1)

    def state(self, campaign: Campaign) -> CampaignStatus:
        return self.campaigns.find(campaign.campaign_id).status

    def tally(self, campaign: Campaign, channel: Channel = Channel.SMS) -> Tally:
        run = self.runs.load(RunKey(self.club.club_id, campaign.campaign_id, channel))
        assert run is not None
        return run.tally

    def result(self, member: Member, campaign: Campaign, channel: Channel = Channel.SMS) -> Result | None:
        return self.results.load(member.member_id, campaign.campaign_id, channel)


def said_yes(kinds: Sequence[PermissionKind], at: datetime = JOINED) -> ConsentRecord:
    evidence = Evidence(ConsentMethod.JOIN_PAGE, at, at, "da", client_ip="192.0.2.1", user_agent="test")
    given = tuple(PermissionText(kind, 1, "Ja tak") for kind in kinds)
    return ConsentRecord(new_record_id(at), evidence, given=given)


def sometimes(odds: random.Random, share: float, failure: Callable[[], Exception]) -> Any:
    """A gateway's mood: of so large a share it loses the answer, of half of which the letter was taken."""

    def mood(_: Letter) -> tuple[Exception | None, bool]:
        if odds.random() >= share:
            return None, True
        return failure(), odds.random() < 0.5

    return mood


def ten_at_a_time() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(10)
