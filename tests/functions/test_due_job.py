"""The hourly job and the state machine's steps, through their handlers: from the till to the last day."""

from __future__ import annotations

import copy
import importlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from infra.constructs import erasure_machine, member_machine
from infra.local.home import ROOT
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

MACHINES = ("member-due", "member-erased")
PASSES = {"StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "End": True}}}


@dataclass
class DueClub:
    """A club whose clock a test moves, and a state machine that a test goes through step by step."""

    shop: OpenClub
    states: Any
    machine: str
    erasing_machine: str

    def noon_after(self, days: int, hours: int = 0) -> None:
        """Let it be noon in UTC, which is in every club's sending hours, so many days after the club was made."""
        today = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
        ahead = today + timedelta(days=days, hours=hours) - datetime.now(UTC)
        seconds = int(ahead.total_seconds())
        self.shop.operate("move_clock", club_id=self.shop.club.club_id, clock_offset_seconds=seconds)

    def run_job(self) -> dict[str, int]:
        from due_job.handler import lambda_handler

        return lambda_handler({}, CONTEXT)  # type: ignore[arg-type]

    def executions(self, machine: str = "") -> dict[str, dict[str, str]]:
        """What every execution of this club was given, by its name."""
        listed = self.states.list_executions(stateMachineArn=machine or self.machine)["executions"]
        described = [self.states.describe_execution(executionArn=each["executionArn"]) for each in listed]
        given = {each["name"]: json.loads(each["input"]) for each in described}
        return {name: case for name, case in given.items() if case["club"] == self.shop.club.club_id}

    def run_machine(self) -> list[list[str]]:
        """Walk every execution through its machine's states; which of them each entered."""
        return [*map(self._walk, self.executions().values()), *self.run_erasures()]

    def run_erasures(self) -> list[list[str]]:
        return [*map(self._erase, self.executions(self.erasing_machine).values())]

    def _walk(self, case: dict[str, str]) -> list[str]:
        from due_task.handler import lambda_handler

        return _walked(member_machine.definition("due_task"), case, lambda_handler)

    def _erase(self, case: dict[str, str]) -> list[str]:
        from erasure_task.handler import lambda_handler

        return _walked(erasure_machine.definition("erasure_task"), case, lambda_handler)

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


def _walked(definition: dict[str, Any], case: dict[str, str], handler: Any) -> list[str]:
    """The states that a case goes through, as Step Functions would."""
    entered, at, last = [], definition["StartAt"], ""
    while at != "Done":
        entered.append(at)
        state = definition["States"][at]
        if state["Type"] == "Choice":
            (choice,) = state["Choices"]
            at = choice["Next"] if last == choice["StringEquals"] else state["Default"]
            continue
        task = {"do": state["Parameters"]["do"], "club": case["club"], "case": case["case"]}
        last = handler(task, CONTEXT)["outcome"]
        at = state["Next"]
    return entered


@pytest.fixture
def due(tables: DynamoDBClient, operate: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[DueClub]:
    """A new club that the job alone goes to, for a session's other clubs are none of its business."""
    from due_job import handler

    from stamkunde.bootstrap import CLIENT_CONFIG, aws_client

    settings = Settings.from_environment()
    states = aws_client("stepfunctions", settings, CLIENT_CONFIG)
    role = "arn:aws:iam::000000000000:role/member-due"
    for name in MACHINES:
        states.create_state_machine(name=name, definition=json.dumps(PASSES), roleArn=role)
    shop = OpenClub(new_till(operate, clock_offset_seconds=0), tables, operate)
    operate("publish_join_page", club_id=shop.club.club_id, **PAGE)
    rounds: Rounds = handler.ROUNDS
    monkeypatch.setattr(
        handler, "ROUNDS", Rounds(lambda: [shop.club.club_id], rounds.find_club, rounds.seconds, rounds.monotonic)
    )
    club = DueClub(shop, states, settings.member_machine, settings.erasure_machine)
    club.noon_after(0)
    club.run_job()
    yield club
    for machine in (settings.member_machine, settings.erasure_machine):
        states.delete_state_machine(stateMachineArn=machine)


def join(due: DueClub) -> None:
    assert due.shop.till.join(due.shop.number(), accepts=False).status == 201


def tomorrow() -> str:
    """Noon of the day after a test's, when the club's terms are published by any clock."""
    noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
    return (noon + timedelta(days=1)).isoformat()


def accepting(due: DueClub) -> tuple[str, str]:
    """The number and the id of somebody who joined a day later and signed the terms."""
    due.noon_after(1)
    number = due.shop.number()
    accepted = {"terms_version": 1, "method": "signed_form", "accepted_at": tomorrow()}
    joined = due.shop.till.join(number, accepts=False, terms_acceptance=accepted)
    assert joined.status == 201, joined
    return number, joined.body["member_id"]


def kinds(due: DueClub) -> list[str]:
    return [row["kind"] for row in due.shop.messages()]


def test_who_joined_at_a_till_and_never_accepts_is_reminded_twice_and_then_unknown(due: DueClub) -> None:
    number = due.shop.number()
    assert due.shop.till.join(number, accepts=False).status == 201
    for days in (5, 12):
        due.hour(days)
    assert kinds(due) == ["till_join", "terms_week_1", "terms_week_2"]
    due.hour(19)
    assert due.shop.till.look_up(number).code == "unknown_member"
    ((name, given),) = due.executions(due.erasing_machine).items()
    assert given == {"club": due.shop.club.club_id, "case": name.removesuffix("-1"), "step": "remove_open"}


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

    cases = Cases(due.states, due.machine, due.erasing_machine)
    for _ in range(2):
        cases.start(due.shop.club.club_id, "k1", 1, "terms_reminder", removes=False)
        cases.start(due.shop.club.club_id, "k2", 1, "remove_open", removes=True)
    assert list(due.executions()) == ["k1-1"]
    assert list(due.executions(due.erasing_machine)) == ["k2-1"]


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


def test_a_closed_club_that_nobody_deletes_is_told_of_after_a_week(
    due: DueClub, capsys: pytest.CaptureFixture[str]
) -> None:
    due.noon_after(0)
    last_day = (datetime.now(UTC) + timedelta(days=31)).date()
    due.shop.operate("close_club", club_id=due.shop.club.club_id, last_day=last_day.isoformat(), by="Mette")
    told = {}
    for days in (31, 37, 40):
        due.noon_after(days)
        due.run_job()
        told[days] = '"ClubsLeftLying":[1.0]' in capsys.readouterr().out
    assert told == {31: False, 37: False, 40: True}
    due.shop.operate("stay_open", club_id=due.shop.club.club_id, by="Mette")
    due.run_job()
    assert '"ClubsLeftLying":[0.0]' in capsys.readouterr().out


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


def test_who_takes_back_their_wish_in_the_last_moment_stays_and_is_looked_at_again(due: DueClub) -> None:
    """The job has begun a case, and then they think again: their machine finds that nobody is to be erased."""
    number, member_id = accepting(due)
    due.shop.operate("ask_erasure", club_id=due.shop.club.club_id, member_id=member_id, by="Ida")
    due.noon_after(15, hours=1)
    due.run_job()
    due.noon_after(14)
    due.shop.operate("undo_erasure", club_id=due.shop.club.club_id, member_id=member_id, by="Ida")
    due.noon_after(15, hours=1)
    assert due.run_erasures() == [["Condemn", "CondemnIsDue", "Rearm"]]
    assert due.shop.till.look_up(number).status == 200


def test_an_erasure_goes_through_every_step_and_again_without_harm(due: DueClub) -> None:
    number, member_id = accepting(due)
    assert due.shop.till.buy(member_id, 10_000, bought_at=tomorrow()).status == 201
    due.shop.operate("ask_erasure", club_id=due.shop.club.club_id, member_id=member_id, by="Ida")
    due.noon_after(15, hours=1)
    due.run_job()
    states = [name for name in erasure_machine.definition("erasure_task")["States"] if name not in {"Rearm", "Done"}]
    for _ in range(2):
        assert due.run_erasures() == [states]
    assert due.shop.till.look_up(number).code == "unknown_member"


def test_an_erasure_in_a_club_that_is_gone_ends_quietly(tables: DynamoDBClient) -> None:
    """Whoever empties a club has deleted everybody in it."""
    from erasure_task.handler import lambda_handler

    for step in ("condemn", "close", "rearm"):
        told = lambda_handler({"do": step, "club": "c0", "case": "k0"}, CONTEXT)  # type: ignore[arg-type]
        assert told == {"outcome": "done"}


def test_what_breaks_a_step_is_told_by_its_kind_alone(due: DueClub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its message may quote a row, and would lie in the execution's history for 90 days."""
    from erasure_task import handler

    def broken(*_: Any) -> None:
        raise ValueError("+4520123456")

    monkeypatch.setattr(handler, "erasure", broken)
    with pytest.raises(handler.StepBrokeError) as told:
        handler.lambda_handler(
            {"do": "condemn", "club": due.shop.club.club_id, "case": "k0"},
            CONTEXT,  # type: ignore[arg-type]
        )
    assert str(told.value) == "ValueError"


@pytest.mark.parametrize("function", ["due_task", "erasure_task"])
def test_the_sample_events_are_what_the_machine_sends(function: str, tables: DynamoDBClient) -> None:
    task = importlib.import_module(f"{function}.handler").Task

    for path in (ROOT / "events" / function).glob("*.json"):
        event = json.loads(path.read_text())
        assert event.keys() == set(task.__struct_fields__)
        assert event["do"] == path.stem
        assert msgspec.convert(event, task)
