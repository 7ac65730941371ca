"""A campaign to thousands in a deployed club: begun by the operator's commands, sent by the deployed workers."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import batched
from typing import Any

import httpx

from infra.local.home import Stack
from infra.local.loopback import client
from infra.local.operator import Operator
from stamkunde.clubs.model import Club
from stamkunde.clubs.store import ClubStore
from stamkunde.members.consents import PermissionKind
from stamkunde.members.model import Member
from stamkunde.members.store import MemberStore
from stamkunde.messaging.model import DeliveryState
from stamkunde.messaging.parts import count_parts
from stamkunde.messaging.prices import PART_PRICES
from stamkunde.shared.channel import Channel
from stamkunde.shared.clock import SystemClock
from stamkunde.shared.ids import new_id
from stamkunde.shared.item import to_wire
from stamkunde.shared.terms import NOT_ACCEPTED
from stamkunde.shared.transaction import Put
from tests.local_stack import wait_until
from tests.sending_scene import SendingScene, said_yes
from tests.unit_meter import UnitMeter

NAMES = ("Anna", "Søren", "Zoë", "Bo", "Łukasz", "Mette", None)
"""Some are in no text message's usual alphabet: with them it is dearer."""

TEXT = (
    "{Klub}: Hej {Fornavn|du}! Kom forbi på lørdag, og smag vores nye rugbrød med kerner. "
    "Vi har åbent til klokken 17. Afmeld: {Stop}"
)
SAID_YES = timedelta(days=30)
AT_ONCE = 25
"""Rows that the table takes at a time."""

EVERY_NTH_SAID_NOTHING = 50
WATCH_JOB = "CampaignWatchJob"
MOST_UNITS = 3.3
"""Written for each message, with its report."""


@dataclass
class StackCampaign:
    """A new club of a running stack by whose clock it is noon, and its campaign.

    Parameters
    ----------
    names
        By phone number, of those who may be written to.
    """

    stack: Stack
    operator: Operator
    club: Club
    noon_ahead: int
    names: dict[str, str | None]
    campaign_id: str = ""

    @classmethod
    def in_stack(cls, stack: Stack, members: int) -> StackCampaign:
        """With so many members who said yes to text messages, and some who didn't."""
        operator, now = Operator(stack), datetime.now(UTC)
        noon = (now + timedelta(days=1)).replace(hour=12, minute=0, second=0, microsecond=0)
        ahead = int((noon - now).total_seconds())
        slug = f"campaign-{time.time_ns()}"
        club_id = operator.do(
            "create_club",
            slug=slug,
            name="Bager Holm",
            country="DK",
            contact="x@example.com",
            clock_offset_seconds=ahead,
        )["club_id"]
        club = ClubStore(client("dynamodb", stack.aws_endpoint), stack.tables["clubs"], club_id).load()
        assert club is not None
        begun = cls(stack, operator, club, ahead, {})
        begun.add_members(members)
        begun.make_facts()
        return begun

    def make_facts(self) -> None:
        """Let segments know of everybody, as `stamkunde segment rebuild` does."""
        following: int | None = 0
        while following is not None:
            following = self.ask("rebuild_facts", following=following)["following"]

    def add_members(self, count: int) -> None:
        """Written in process: that they join is shown elsewhere."""
        tables = client("dynamodb", self.stack.aws_endpoint)
        name = self.stack.tables["members"]
        store = MemberStore(tables, name, self.club.club_id, self.club.address_key, SystemClock())
        silent = count // EVERY_NTH_SAID_NOTHING
        # Whoever else of the stack was written to would be counted with ours.
        free = set(map("+45{}".format, random.sample(range(20_000_000, 29_999_999), 2 * (count + silent))))
        numbers = sorted(free - self._all_messages().keys())[: count + silent]
        puts: list[Put] = []
        for place, phone in enumerate(numbers):
            member = self._member(phone, NAMES[place % len(NAMES)])
            writes = store.join_writes(member)
            if place < count:
                self.names[phone] = member.first_name
                said = said_yes([PermissionKind.SMS], member.joined_at)
                writes.append(store.consent_write(member.member_id, said))
            puts += [write for write in writes if isinstance(write, Put)]
        for some in batched(puts, AT_ONCE, strict=False):
            rows = [{"PutRequest": {"Item": to_wire(put.item)}} for put in some]
            answer = tables.batch_write_item(RequestItems={name: rows})
            assert not answer["UnprocessedItems"]

    def ask(self, task: str, **given: Any) -> dict[str, Any]:
        """An operator's task about the club."""
        return self.operator.do(task, club_id=self.club.club_id, **given)

    def draft(self, **given: Any) -> dict[str, Any]:
        """Draft a campaign and look at it."""
        form = {"name": "Rugbrød", "texts": [{"language": "da", "sms": TEXT}]} | given
        self.campaign_id = self.ask("draft_campaign", campaign=form, by="Mette")["campaign_id"]
        return self.of_campaign("preview_campaign", by="Mette")

    def press_send(self, seal: str) -> None:
        """Have it sent at once, once the undo minute is over."""
        self.of_campaign("schedule_campaign", seal=seal, by="Mette")
        self.ask("move_clock", clock_offset_seconds=self.noon_ahead + 70)
        self.run_minute_job()

    def run_minute_job(self) -> None:
        """Look at the campaigns that are due now, rather than within a minute."""
        functions = client("lambda", self.stack.aws_endpoint)
        functions.invoke(FunctionName=self.stack.functions["campaign_job"], Payload=b"{}")

    def run_watch_job(self) -> None:
        """Wake what waits and count what is over, rather than within a minute."""
        functions = client("lambda", self.stack.aws_endpoint)
        pages = functions.get_paginator("list_functions").paginate()
        names = [each["FunctionName"] for page in pages for each in page["Functions"]]
        (name,) = [name for name in names if WATCH_JOB in name]
        functions.invoke(FunctionName=name, Payload=b"{}")

    def of_campaign(self, task: str, **given: Any) -> dict[str, Any]:
        """An operator's task about the campaign."""
        return self.ask(task, campaign_id=self.campaign_id, **given)

    def shown(self) -> dict[str, Any]:
        """What its report says."""
        return self.of_campaign("show_campaign")

    def wait_for(self, status: str, seconds: float) -> None:
        """Wait until its report says so."""
        wait_until(lambda: self._is(status), seconds=seconds)

    def inbox(self) -> dict[str, list[str]]:
        """Every text message that arrived at our members' phones, by number."""
        told = self._all_messages()
        return {number: [each["Message"] for each in told[number]] for number in self.names.keys() & told.keys()}

    def _all_messages(self) -> dict[str, list[dict[str, Any]]]:
        shown = httpx.get(f"{self.stack.aws_endpoint}/_ministack/sns/sms-messages", timeout=120).json()
        told: dict[str, list[dict[str, Any]]] = shown["sms_messages"]
        return told

    def _is(self, status: str) -> bool:
        time.sleep(0.5)
        return bool(self.shown()["status"] == status)

    def _member(self, phone: str, first_name: str | None) -> Member:
        joined_at = datetime.now(UTC) - SAID_YES
        return Member(
            member_id=new_id("m"),
            account_id=None,
            phone=phone,
            first_name=first_name,
            terms_version=NOT_ACCEPTED,
            joined_at=joined_at,
            language="da",
        )


@dataclass(frozen=True)
class Told:
    """What a campaign's preview and report say, and what the inbox holds.

    Parameters
    ----------
    seconds
        From the beginning to the last message, as somebody sees it who waits.
    """

    seen: dict[str, Any]
    report: dict[str, Any]
    inbox: dict[str, list[str]]
    names: dict[str, str | None]
    seconds: float

    def differences(self) -> list[str]:
        """Whatever isn't the same in all three."""
        texts = [text for messages in self.inbox.values() for text in messages]
        parts = Counter(count_parts(text).parts for text in texts)
        total = sum(number * each for number, each in parts.items())
        price = total * PART_PRICES["DK"].part.amount
        counts, sms = self.report["counts"], self.seen["by_channel"]["sms"]
        by_parts = {int(each): number for each, number in sms["members_by_parts"].items()}
        said = {
            "members": (len(self.names), self.seen["members"], counts["sent"], len(texts)),
            "parts": (sms["parts"], counts["parts"], total),
            "price": (self.seen["price"]["amount"], counts["price"], price),
            "members by parts": (by_parts, dict(parts)),
            "what did not arrive": (0, *(counts[each] for each in ("failed", "unknown", "skipped", "unsent"))),
        }
        found = [f"{name}: {values}" for name, values in said.items() if any(each != values[0] for each in values)]
        return found + self._wrong_messages(texts)

    def _wrong_messages(self, texts: Sequence[str]) -> list[str]:
        again = [number for number in self.names if len(self.inbox.get(number, ())) != 1]
        strangers = [
            number
            for number, messages in self.inbox.items()
            for text in messages
            if not text.startswith(f"Bager Holm: Hej {self.names[number] or 'du'}! ")
        ]
        links = {text.rpartition(" ")[2] for text in texts}
        return [
            *(["not everybody has one message"] if again else []),
            *(["somebody reads another's name"] if strangers else []),
            *(["two have the same link"] if len(links) != len(texts) else []),
        ]

    def rate(self) -> float:
        """Messages a second."""
        return len(self.names) / self.seconds


def send_through(stack: Stack, members: int, patience: float) -> Told:
    """A campaign to so many members from the draft to the inbox."""
    campaign = StackCampaign.in_stack(stack, members)
    seen = campaign.draft()
    begun = time.monotonic()
    campaign.press_send(seen["seal"])
    campaign.wait_for("done", patience)
    seconds = time.monotonic() - begun
    return Told(seen, campaign.shown(), campaign.inbox(), campaign.names, seconds)


@dataclass(frozen=True)
class Units:
    """What a message costs of the tables' units, on average."""

    written: float
    read: float


def units_of_a_message(members: int) -> Units:
    """By the meter: begun lists, the worker, the minute job, and a report for each message.

    In process, where each call can be metered; that a yes was used is one more, once in 28 days, and not counted.
    """
    scene, meter = SendingScene(), UnitMeter()
    people = scene.add_members(members)
    meter.attach(scene.client)
    campaign = scene.begin(people)
    scene.work_off()
    scene.sweep()
    read = meter.read
    now, key = scene.clock.now(), campaign.campaign_id
    for each in people:
        scene.results.report(each.member_id, key, Channel.SMS, DeliveryState.DELIVERED, now)
    assert scene.tally(campaign).sent == members
    return Units((meter.written - members) / members, read / members)
