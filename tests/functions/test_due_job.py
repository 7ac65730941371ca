"""The hourly job and the state machine's steps, through their handlers: from the till to the last day."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from infra.constructs.member_machine import definition
from stamkunde.clubs.rounds import Rounds
from stamkunde.messaging.model import DeliveryState
from stamkunde.messaging.outbox import delivery_of
from stamkunde.messaging.store import Outbox
from stamkunde.settings import Settings
from stamkunde.shared.item import to_wire
from tests.function_fixtures import CONTEXT, new_till
from tests.functions.conftest import PAGE, OpenClub

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

PASSES = {"StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "End": True}}}


@dataclass
class DueClub:
    """A club whose clock a test moves, and a state machine that a test goes through step by step."""

    shop: OpenClub
    states: Any
    machine: str

    def noon_after(self, days: int, hours: int = 0) -> None:
        """Let it be noon in UTC, which is in every club's sending hours, so many days after the club was made."""
        today = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
        ahead = today + timedelta(days=days, hours=hours) - datetime.now(UTC)
        seconds = int(ahead.total_seconds())
        self.shop.operate("move_clock", club_id=self.shop.club.club_id, clock_offset_seconds=seconds)

    def run_job(self) -> dict[str, int]:
        from due_job.handler import lambda_handler

        return lambda_handler({}, CONTEXT)  # type: ignore[arg-type]

    def executions(self) -> dict[str, dict[str, str]]:
        """What every execution of this club was given, by its name."""
        listed = self.states.list_executions(stateMachineArn=self.machine)["executions"]
        described = [self.states.describe_execution(executionArn=each["executionArn"]) for each in listed]
        given = {each["name"]: json.loads(each["input"]) for each in described}
        return {name: case for name, case in given.items() if case["club"] == self.shop.club.club_id}

    def run_machine(self) -> list[list[str]]:
        """Walk every execution through the machine's states; which of them each entered."""
        return [self._walk(case) for case in self.executions().values()]

    def _walk(self, case: dict[str, str]) -> list[str]:
        from due_task.handler import lambda_handler

        states, entered, at = definition("due_task")["States"], [], "Act"
        acted: dict[str, str] = {}
        while at != "Done":
            entered.append(at)
            state = states[at]
            if state["Type"] == "Choice":
                (choice,) = state["Choices"]
                at = choice["Next"] if acted["outcome"] == choice["StringEquals"] else state["Default"]
                continue
            task = {"do": state["Parameters"]["do"], "club": case["club"], "case": case["case"]}
            answer = lambda_handler(task, CONTEXT)  # type: ignore[arg-type]
            acted = answer if state["ResultPath"] == "$.acted" else acted
            at = state["Next"]
        return entered

    def hour(self, days: int, hours: int = 0) -> dict[str, int]:
        self.noon_after(days, hours)
        counts = self.run_job()
        self.run_machine()
        self.post()
        return counts

    def post(self) -> None:
        """Let everything have been sent that was written, and lie where tests look for it all the same."""
        now = datetime.now(UTC)
        for row in self.shop.messages():
            message = Outbox(self.shop.client, "messages").load(row)
            assert message is not None
            delivery = delivery_of(message, DeliveryState.SENT, now)
            Outbox(self.shop.client, "messages").record(message, delivery)
            self.shop.client.put_item(TableName="messages", Item=to_wire(row))


@pytest.fixture
def due(tables: DynamoDBClient, operate: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[DueClub]:
    """A new club that the job alone goes to, for a session's other clubs are none of its business."""
    from due_job import handler

    from stamkunde.bootstrap import CLIENT_CONFIG, aws_client

    settings = Settings.from_environment()
    states = aws_client("stepfunctions", settings, CLIENT_CONFIG)
    role = "arn:aws:iam::000000000000:role/member-due"
    states.create_state_machine(name="member-due", definition=json.dumps(PASSES), roleArn=role)
    shop = OpenClub(new_till(operate, clock_offset_seconds=0), tables, operate)
    operate("publish_join_page", club_id=shop.club.club_id, **PAGE)
    rounds: Rounds = handler.ROUNDS
    monkeypatch.setattr(
        handler, "ROUNDS", Rounds(lambda: [shop.club.club_id], rounds.find_club, rounds.seconds, rounds.monotonic)
    )
    club = DueClub(shop, states, settings.member_machine)
    club.noon_after(0)
    club.run_job()
    yield club
    states.delete_state_machine(stateMachineArn=settings.member_machine)


def join(due: DueClub) -> None:
    assert due.shop.till.join(due.shop.number(), accepts=False).status == 201


def kinds(due: DueClub) -> list[str]:
    return [row["kind"] for row in due.shop.messages()]


def test_who_joined_at_a_till_and_never_accepts_is_reminded_twice_and_then_unknown(due: DueClub) -> None:
    number = due.shop.number()
    assert due.shop.till.join(number, accepts=False).status == 201
    for days in (5, 12, 19):
        due.hour(days)
    assert kinds(due) == ["till_join", "terms_week_1", "terms_week_2"]
    assert due.shop.till.look_up(number).code == "unknown_member"


def test_what_is_handed_to_the_machine_names_a_club_a_case_and_a_step_and_nobody(due: DueClub) -> None:
    join(due)
    due.noon_after(5)
    assert due.run_job()["started"] == 1
    ((name, given),) = due.executions().items()
    assert given == {"club": due.shop.club.club_id, "case": name.removesuffix("-1"), "step": "terms_reminder"}


def test_the_link_of_a_reminder_accepts_the_terms(due: DueClub) -> None:
    join(due)
    due.hour(5)
    browser = due.shop.browser()
    link = due.shop.link("terms_week_1")
    browser.get(link)
    browser.send(link, act="accept")
    due.hour(12)
    due.hour(19)
    assert kinds(due).count("terms_week_1") == 1
    assert "terms_week_2" not in kinds(due)


def test_a_run_twice_sends_nothing_twice(due: DueClub) -> None:
    join(due)
    # One run of a new club makes everybody due who is there, the next looks at them.
    for day in (1, 2, 5):
        due.noon_after(day)
        due.run_job()
    due.run_job()
    assert due.run_machine() == [["Act", "IsCaseOpen", "Rearm"]]
    assert due.run_machine() == [["Act", "IsCaseOpen"]]
    assert kinds(due).count("terms_week_1") == 1


def test_a_case_that_was_started_before_goes_on_as_it_is(due: DueClub) -> None:
    from stamkunde.gateways.cases import Cases

    for _ in range(2):
        Cases(due.states, due.machine).start(due.shop.club.club_id, "k1", 1, "terms_reminder")
    assert list(due.executions()) == ["k1-1"]


def test_a_machine_that_is_gone_is_told_and_nobody_is_lost(due: DueClub) -> None:
    join(due)
    due.noon_after(5)
    due.states.delete_state_machine(stateMachineArn=due.machine)
    assert due.run_job()["broken"] == 1
    due.states.create_state_machine(
        name="member-due", definition=json.dumps(PASSES), roleArn="arn:aws:iam::000000000000:role/member-due"
    )
    due.hour(5, hours=2)
    assert kinds(due).count("terms_week_1") == 1


def test_an_hour_in_which_the_time_did_not_suffice_is_told_and_the_next_one_goes_on(
    due: DueClub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from due_job import handler

    def told() -> list[float]:
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"DueUnfinished"' in line]
        return [count for line in lines for count in line["DueUnfinished"]]

    join(due)
    due.noon_after(5)
    rounds: Rounds = handler.ROUNDS
    monkeypatch.setattr(handler, "ROUNDS", copy.replace(rounds, seconds=-1.0))
    counts = due.run_job()
    assert (counts["unfinished"], counts["started"]) == (1, 0)
    assert told() == [1]
    monkeypatch.setattr(handler, "ROUNDS", rounds)
    counts = due.run_job()
    assert (counts["unfinished"], counts["started"]) == (0, 1)
    assert told() == [0]


def test_a_step_of_an_unknown_club_fails_so_that_somebody_sees_it(tables: DynamoDBClient) -> None:
    from due_task.handler import lambda_handler

    with pytest.raises(LookupError):
        lambda_handler({"do": "act", "club": "c0", "case": "k0"}, CONTEXT)  # type: ignore[arg-type]


def test_the_sample_events_are_what_the_machine_sends(tables: DynamoDBClient) -> None:
    from due_task.handler import Task

    from infra.local.home import ROOT

    for path in (ROOT / "events" / "due_task").glob("*.json"):
        event = json.loads(path.read_text())
        assert event.keys() == set(Task.__struct_fields__)
        assert event["do"] == path.stem
