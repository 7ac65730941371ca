"""A campaign to sixty members through the deployed stack: drafted, seen, pressed, begun, sent, and in the inbox."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from infra.local.loopback import client
from infra.local.operator import Operator
from tests.journeys.traces import lines
from tests.local_stack import LocalStack, wait_until

MEMBERS = 60
TEXT = "{Klub}: Hej {Fornavn|du}! Kom forbi og smag vores nye rugbrød. Afmeld: {Stop}"
A_WHILE = 180.0


@dataclass
class Sent:
    """A campaign that was sent to all of a club's members."""

    stack: LocalStack
    operator: Operator
    club_id: str
    campaign_id: str
    phones: list[str]
    seen: dict[str, Any]

    def shown(self) -> dict[str, Any]:
        return self.operator.do("show_campaign", club_id=self.club_id, campaign_id=self.campaign_id)

    def inbox(self) -> list[str]:
        """What arrived at our members' phones, by number, as often as it did."""
        shown = httpx.get(f"{self.stack.stack.aws_endpoint}/_ministack/sns/sms-messages", timeout=30).json()
        told: dict[str, list[dict[str, Any]]] = shown["sms_messages"]
        return [number for number, messages in told.items() for _ in messages if number in self.phones]


def members_file(phones: list[str]) -> str:
    said_at = (datetime.now(UTC) - timedelta(days=30)).isoformat()
    rows = [f"{phone};newsletter;{said_at};web_form;192.0.2.7;Ja tak til sms'er" for phone in phones]
    return "\n".join(["phone;wish;sms_given_at;sms_method;sms_from;sms_wording", *rows, ""])


@pytest.fixture
def sent(local_stack: LocalStack) -> Sent:
    """Sent at noon by the club's own clock, whenever the test runs."""
    operator, now = Operator(local_stack.stack), datetime.now(UTC)
    noon = (now + timedelta(days=1)).replace(hour=12, minute=0, second=0, microsecond=0)
    ahead = int((noon - now).total_seconds())
    contact = "x@example.com"
    slug = f"campaign-{time.time_ns()}"
    club = operator.do(
        "create_club", slug=slug, name="Bager Holm", country="DK", contact=contact, clock_offset_seconds=ahead
    )
    club_id = club["club_id"]
    phones = [f"+4523{number:06}" for number in range(440_000, 440_000 + MEMBERS)]
    brought = operator.do("import_members", club_id=club_id, csv=members_file(phones), by="Mette", write=True)
    assert brought["counts"]["newsletter"] == MEMBERS
    operator.do("rebuild_facts", club_id=club_id)
    draft = {"name": "Rugbrød", "texts": [{"language": "da", "sms": TEXT}]}
    drafted = operator.do("draft_campaign", club_id=club_id, campaign=draft, by="Mette")
    campaign_id = drafted["campaign_id"]
    seen = operator.do("preview_campaign", club_id=club_id, campaign_id=campaign_id, by="Mette")
    operator.do("schedule_campaign", club_id=club_id, campaign_id=campaign_id, seal=seen["seal"], by="Mette")
    # The undo minute is over; the job of the next minute begins it.
    operator.do("move_clock", club_id=club_id, clock_offset_seconds=ahead + 70)
    functions = client("lambda", local_stack.stack.aws_endpoint)
    functions.invoke(FunctionName=local_stack.stack.functions["campaign_job"], Payload=b"{}")
    campaign = Sent(local_stack, operator, club_id, campaign_id, phones, seen)
    wait_until(lambda: campaign.shown()["status"] == "done", seconds=A_WHILE)
    return campaign


def test_a_campaign_reaches_everybody_once_for_the_price_that_was_seen_and_no_log_tells_whom(sent: Sent) -> None:
    assert Counter(sent.inbox()) == dict.fromkeys(sent.phones, 1)
    counts = sent.shown()["counts"]
    assert (counts["sent"], counts["failed"], counts["unknown"]) == (MEMBERS, 0, 0)
    assert (sent.seen["members"], sent.seen["price"]["amount"]) == (MEMBERS, counts["price"])
    numbers = {phone.removeprefix("+45") for phone in sent.phones}
    told = [line for _, line in lines(sent.stack) if sent.campaign_id in line]
    assert told
    assert not [line for line in told if any(number in line for number in numbers)]
