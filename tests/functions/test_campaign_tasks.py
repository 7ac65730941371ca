"""Campaigns as an operator has them, from a draft to the first lists; and what job and machine do for that."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from infra.command_line import main, parser
from infra.constructs import campaign_machine
from stamkunde.bootstrap import CLIENT_CONFIG, aws_client
from stamkunde.campaigns.store import CampaignStore, DueCampaigns
from stamkunde.messaging.model import MessageKind
from stamkunde.messaging.outbox import Message
from stamkunde.messaging.store import OUTBOX_SHARDS, Outbox
from stamkunde.settings import Settings
from tests.function_fixtures import CONTEXT, new_till
from tests.functions.conftest import PAGE, OpenClub

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

PASSES = {"StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "End": True}}}
ROLLS = {
    "language": "da",
    "sms": "{Klub}: Hej {Fornavn|du}! Kom forbi og smag vores nye rugbrød. Afmeld: {Stop}",
    "subject": "Nyt rugbrød",
    "body": "Hej {Fornavn|du}\n\n{Klub} har bagt et nyt rugbrød. Kom forbi og smag.\n\nAfmeld: {Stop}",
}
WISH = {"name": "Rugbrød", "texts": [ROLLS]}
BY = {"by": "Mette"}
A_MINUTE = timedelta(minutes=1)


@dataclass
class CampaignClub:
    """A club with three members, two of whom may be written to, and a clock that a test moves."""

    shop: OpenClub
    states: Any
    machine: str

    @property
    def club_id(self) -> str:
        return self.shop.club.club_id

    def do(self, task: str, **given: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.shop.operate(task, club_id=self.club_id, **given)
        return answer

    def move_to(self, instant: datetime) -> None:
        seconds = int((instant - datetime.now(UTC)).total_seconds()) + 1
        self.do("move_clock", clock_offset_seconds=seconds)

    def draft(self, **given: Any) -> str:
        drafted = self.do("draft_campaign", campaign=WISH | given, **BY)
        assert "code" not in drafted, drafted
        campaign_id: str = drafted["campaign_id"]
        return campaign_id

    def send(self, campaign_id: str) -> dict[str, Any]:
        seal = self.do("preview_campaign", campaign_id=campaign_id, **BY)["seal"]
        return self.do("schedule_campaign", campaign_id=campaign_id, seal=seal, **BY)

    def status(self, campaign_id: str) -> str:
        found: str = self.do("show_campaign", campaign_id=campaign_id)["status"]
        return found

    def minute(self) -> dict[str, int]:
        from campaign_job.handler import lambda_handler

        return lambda_handler({}, CONTEXT)  # type: ignore[arg-type]

    def executions(self) -> dict[str, dict[str, str]]:
        listed = self.states.list_executions(stateMachineArn=self.machine)["executions"]
        described = [self.states.describe_execution(executionArn=each["executionArn"]) for each in listed]
        given = {each["name"]: json.loads(each["input"]) for each in described}
        return {name: each for name, each in given.items() if each["club"] == self.club_id}

    def run_machine(self, handler: Callable[..., Any] | None = None) -> list[list[str]]:
        from campaign_task.handler import lambda_handler

        return [self._walk(each, handler or lambda_handler) for each in self.executions().values()]

    def _walk(self, given: dict[str, str], handler: Callable[..., Any]) -> list[str]:
        """The states that an execution goes through, as Step Functions would."""
        states = campaign_machine.definition("campaign_task")["States"]
        entered, at, last = [], "Freeze", ""
        while at not in {"Done", "Failed"}:
            entered.append(at)
            state = states[at]
            if state["Type"] == "Choice":
                chosen = {choice["StringEquals"]: choice["Next"] for choice in state["Choices"]}
                at = chosen.get(last, state["Default"])
                continue
            try:
                last = handler({"do": state["Parameters"]["do"], **given}, CONTEXT)["outcome"]
            except Exception:  # noqa: BLE001 - as the machine catches it
                at = state["Catch"][0]["Next"]
                continue
            at = state["Next"]
        return entered


@pytest.fixture
def club(tables: DynamoDBClient, operate: Any, monkeypatch: pytest.MonkeyPatch) -> CampaignClub:
    settings = Settings.from_environment()
    states = aws_client("stepfunctions", settings, CLIENT_CONFIG)
    role = "arn:aws:iam::000000000000:role/campaign-begun"
    states.create_state_machine(name="campaign-begun", definition=json.dumps(PASSES), roleArn=role)
    shop = OpenClub(new_till(operate, clock_offset_seconds=0), tables, operate)
    operate("publish_join_page", club_id=shop.club.club_id, **PAGE)
    found = CampaignClub(shop, states, settings.campaign_machine)
    # In the hours of every club, so that no test goes by when it runs.
    noon = (datetime.now(UTC) + timedelta(days=1)).replace(hour=12, minute=0, second=0, microsecond=0)
    found.move_to(noon)
    for yes in ("yes", "yes", "no"):
        shop.joined(shop.number(), sms=yes)
    operate("rebuild_facts", club_id=shop.club.club_id)
    mine = DueCampaigns.standing

    def standing(due: DueCampaigns, until: datetime | None) -> Any:
        """Of this test's club alone: others of the session stand in the same partitions."""
        return (each for each in mine(due, until) if each.club_id == shop.club.club_id)

    monkeypatch.setattr(DueCampaigns, "standing", standing)
    return found


def test_a_campaign_goes_from_a_draft_to_its_first_lists(club: CampaignClub) -> None:
    campaign_id = club.draft()
    seen = club.do("preview_campaign", campaign_id=campaign_id, **BY)
    assert (seen["looked_at"], seen["members"], seen["price"]) == (3, 2, {"amount": 96, "currency": "DKK"})
    (left_out,) = seen["by_channel"]["sms"]["left_out"]
    assert (left_out["reason"], left_out["members"], len(left_out["member_ids"])) == ("no_permission", 1, 1)
    scheduled = club.do("schedule_campaign", campaign_id=campaign_id, seal=seen["seal"], **BY)
    assert scheduled["status"] == "scheduled"
    first = datetime.fromisoformat(scheduled["times"]["first_at"])
    assert club.minute() == {"begun": 0, "woken": 0, "ended": 0, "broken": 0}
    club.move_to(first)
    assert club.minute()["begun"] == 1
    ((name, handed_over),) = club.executions().items()
    assert (name.startswith(f"{campaign_id}-0-"), handed_over) == (
        True,
        {"club": club.club_id, "campaign": campaign_id},
    )
    assert club.run_machine() == [["Freeze", "FreezeAgain", "MakeLists", "MakeListsAgain", "Begin"]]
    shown = club.do("show_campaign", campaign_id=campaign_id)
    assert (shown["status"], shown["came_to"]["members"]) == ("sending", 2)
    # A second walk finds nothing to do.
    assert club.run_machine() == [["Freeze", "FreezeAgain"]]


def test_pressing_send_can_be_undone_for_a_minute(club: CampaignClub) -> None:
    campaign_id = club.draft()
    club.send(campaign_id)
    assert club.do("take_back_campaign", campaign_id=campaign_id, **BY)["status"] == "draft"
    club.move_to(datetime.now(UTC) + timedelta(days=1, hours=1))
    assert club.minute()["begun"] == 0


def test_what_could_not_be_begun_is_paused_and_begun_again_by_hand(club: CampaignClub) -> None:
    from campaign_task.handler import lambda_handler

    campaign_id = club.draft()
    first = datetime.fromisoformat(club.send(campaign_id)["times"]["first_at"])
    club.move_to(first)
    club.minute()

    def breaking(event: dict[str, Any], context: Any) -> dict[str, str]:
        if event["do"] == "make_lists":
            raise RuntimeError
        return lambda_handler(event, context)

    assert club.run_machine(breaking) == [["Freeze", "FreezeAgain", "MakeLists", "GiveUp"]]
    shown = club.do("show_campaign", campaign_id=campaign_id)
    assert (shown["status"], shown["paused_by"]) == ("paused", "fault")
    assert club.do("resume_campaign", campaign_id=campaign_id, **BY)["status"] == "scheduled"
    club.minute()
    assert len(club.executions()) == 2
    club.run_machine()
    assert club.status(campaign_id) == "sending"


def test_a_campaign_is_paused_resumed_and_cancelled_by_hand(club: CampaignClub) -> None:
    campaign_id = club.draft()
    club.move_to(datetime.fromisoformat(club.send(campaign_id)["times"]["first_at"]))
    club.minute()
    club.run_machine()
    for task, status in (("pause", "paused"), ("resume", "sending"), ("cancel", "cancelled")):
        assert club.do(f"{task}_campaign", campaign_id=campaign_id, **BY)["status"] == status
    refused = club.do("resume_campaign", campaign_id=campaign_id, **BY)
    assert (refused["code"], refused["detail"]) == ("campaign_not_now", "The campaign is cancelled.")
    (line,) = club.do("list_campaigns")["campaigns"]
    assert (line["name"], line["status"]) == ("Rugbrød", "cancelled")


def test_a_missed_campaign_expires(club: CampaignClub) -> None:
    campaign_id = club.draft()
    first = datetime.fromisoformat(club.send(campaign_id)["times"]["first_at"])
    club.move_to(first + timedelta(hours=3))
    assert club.minute() == {"begun": 0, "woken": 0, "ended": 1, "broken": 0}
    assert club.status(campaign_id) == "expired"
    assert club.executions() == {}


def test_one_campaign_that_breaks_is_in_no_others_way(club: CampaignClub, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = club.draft(), club.draft(name="Kage")
    club.send(first)
    at = datetime.fromisoformat(club.send(second)["times"]["first_at"])
    club.move_to(at)
    load = CampaignStore.load

    def breaking(store: CampaignStore, campaign_id: str) -> Any:
        if campaign_id == first:
            raise RuntimeError
        return load(store, campaign_id)

    monkeypatch.setattr(CampaignStore, "load", breaking)
    counts = club.minute()
    assert (counts["begun"], counts["broken"]) == (1, 1)


def test_a_campaign_is_tried_out_on_one_number(club: CampaignClub) -> None:
    campaign_id = club.draft()
    tried = club.do("try_campaign", campaign_id=campaign_id, phone=club.shop.number(), first_name="Zoë", **BY)
    sms = tried["by_channel"]["sms"]
    assert sms["text"].startswith("Bager Holm: Hej Zoë! Kom forbi")
    assert sms["state"] == "pending"


def test_a_campaign_by_e_mail_is_tried_out_in_a_mailbox_too(club: CampaignClub) -> None:
    campaign_id = club.draft(channels=["email", "sms"])
    given = {"campaign_id": campaign_id, "first_name": "Zoë", **BY}
    tried = club.do("try_campaign", phone=club.shop.number(), email=" Mette@Example.com ", **given)
    email = tried["by_channel"]["email"]
    assert set(tried["by_channel"]) == {"sms", "email"}
    assert (email["subject"], email["state"]) == ("Nyt rugbrød", "pending")
    assert email["text"].startswith("Hej Zoë\n\nBager Holm har bagt")
    assert "Afmeld: https://" in email["text"]
    waiting = {message.message_id: message for message in _outbox(club)}[email["message_id"]]
    assert (waiting.channel.value, waiting.recipient, waiting.subject) == (
        "email",
        "Mette@example.com",
        "Nyt rugbrød",
    )
    assert waiting.sender.startswith("Bager Holm <")
    only = club.do("try_campaign", email="mette@example.com", **given)
    assert set(only["by_channel"]) == {"email"}


@pytest.mark.parametrize(
    ("channels", "given"),
    [
        (["sms"], {"email": "mette@example.com"}),
        (["email"], {"phone": "20123456"}),
        (["sms"], {"phone": "20123456", "email": "mette@example.com"}),
        (["email", "sms"], {}),
    ],
)
def test_a_campaign_is_tried_out_only_by_what_it_goes_by(
    club: CampaignClub, channels: list[str], given: dict[str, str]
) -> None:
    campaign_id = club.draft(channels=channels)
    refused = club.do("try_campaign", campaign_id=campaign_id, **given, **BY)
    assert refused["code"] == "invalid_field"
    fields = {"sms": "phone", "email": "email"}
    assert all(fields[channel] in refused["detail"] for channel in channels)
    assert _outbox(club) == []


def test_an_address_that_can_be_none_sends_nothing_to_the_number_either(club: CampaignClub) -> None:
    campaign_id = club.draft(channels=["email", "sms"])
    given = {"phone": club.shop.number(), "email": "mette@", **BY}
    assert club.do("try_campaign", campaign_id=campaign_id, **given)["code"] == "email_invalid"
    assert _outbox(club) == []


def _outbox(club: CampaignClub) -> list[Message]:
    """What waits to be sent to try something out."""
    outbox, until = Outbox(club.shop.client, "messages"), datetime.now(UTC) + timedelta(days=1)
    rows = [row for shard in range(OUTBOX_SHARDS) for row in outbox.due(shard, until)]
    found = [outbox.load(row.key) for row in rows if f"#{club.club_id}#" in row.key["sk"]]
    return [message for message in found if message is not None and message.kind is MessageKind.TEST]


@pytest.mark.parametrize(
    ("at", "said"),
    [("2026-11-26", "2026-11-26T16:00"), ("4 pm", "2026-11-26T16:00"), ("", "2026-11-26T16:00")],
)
@pytest.mark.parametrize("field", ["at", "ends"])
def test_what_is_no_time_is_refused_with_one_that_is(club: CampaignClub, field: str, at: str, said: str) -> None:
    campaign_id = club.draft()
    seal = club.do("preview_campaign", campaign_id=campaign_id, **BY)["seal"]
    refused = club.do("schedule_campaign", campaign_id=campaign_id, seal=seal, **{field: at}, **BY)
    assert (refused["code"], refused["pointer"], said in refused["detail"]) == ("invalid_field", f"/{field}", True)


def test_a_campaign_is_scheduled_by_the_clock_on_the_shops_wall(club: CampaignClub) -> None:
    campaign_id = club.draft()
    seal = club.do("preview_campaign", campaign_id=campaign_id, **BY)["seal"]
    day = (datetime.now(UTC) + timedelta(days=3)).date()
    given = {"at": f"{day}T16:00", "ends": f"{day}T20:30"}
    scheduled = club.do("schedule_campaign", campaign_id=campaign_id, seal=seal, **given, **BY)
    wall = {name: datetime.fromisoformat(scheduled["times"][name]) for name in ("first_at", "ends_at")}
    shown = {name: f"{instant.astimezone(ZoneInfo('Europe/Copenhagen')):%H:%M}" for name, instant in wall.items()}
    assert shown == {"first_at": "16:00", "ends_at": "20:30"}


def test_a_campaigns_file_is_read_by_the_command_that_sends_it(
    club: CampaignClub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stack = SimpleNamespace(aws_endpoint="", functions={"operator_task": "operator"})
    monkeypatch.setattr("infra.operator_commands.Stack.load", lambda _: stack)
    monkeypatch.setattr("infra.operator_commands.client", lambda *_: None)
    monkeypatch.setattr("infra.operator_commands.run_task", lambda _, __, task: club.shop.operate(**task))
    file = tmp_path / "campaign.json"
    words = ["campaign", "draft", club.club_id, str(file), "--by", "Mette"]
    assert parser().parse_args(words).campaign_file == file  # It needn't be there to be named.
    file.write_text("{")
    assert main(words) == 1
    assert f"{file} is not JSON" in capsys.readouterr().err
    file.write_text(json.dumps(WISH))
    assert main(words) == 0
    drafted = json.loads(capsys.readouterr().out)
    assert (drafted["name"], drafted["by"]) == ("Rugbrød", "Mette")
    file.write_text(json.dumps(WISH | {"name": "Boller"}))
    assert main(["campaign", "edit", club.club_id, drafted["campaign_id"], str(file), "--by", "Mette"]) == 0
    assert json.loads(capsys.readouterr().out)["name"] == "Boller"


def test_words_that_compare_no_price_are_refused_with_the_answer_that_settles_it(club: CampaignClub) -> None:
    text = ROLLS | {"sms": "{Klub}: Brød af 100 % økologisk mel. Afmeld: {Stop}"}
    campaign_id = club.draft(texts=[text])
    refused = club.do("preview_campaign", campaign_id=campaign_id, **BY)
    assert refused["code"] == "campaign_unfinished"
    assert '"reduction": "no_price"' in refused["detail"]
    answered = WISH | {"texts": [text], "answers": {"reduction": "no_price"}}
    club.do("edit_campaign", campaign_id=campaign_id, campaign=answered, **BY)
    assert "seal" in club.do("preview_campaign", campaign_id=campaign_id, **BY)


def test_an_unfinished_campaign_says_what_it_lacks(club: CampaignClub) -> None:
    campaign_id = club.draft(texts=[ROLLS | {"sms": "{Klub}: {Tilbud}!"}])
    refused = club.do("preview_campaign", campaign_id=campaign_id, **BY)
    assert refused["code"] == "campaign_unfinished"
    assert "{Tilbud}" in refused["detail"]
    shown = club.do("show_campaign", campaign_id=campaign_id)
    assert not shown["texts"][0]["may_be_sent"]
    edited = club.do("edit_campaign", campaign_id=campaign_id, campaign=WISH, **BY)
    assert edited["texts"][0]["may_be_sent"]


def test_a_campaign_takes_a_saved_segment_along(club: CampaignClub) -> None:
    criteria = {"is": "language", "languages": ["nb"]}
    club.do("save_segment", segment_id="norsk", name="Norsk", criteria=criteria, **BY)
    campaign_id = club.draft(segment="norsk")
    assert club.do("show_campaign", campaign_id=campaign_id)["criteria"] == criteria
    assert club.do("preview_campaign", campaign_id=campaign_id, **BY)["members"] == 0


def test_why_somebody_got_a_campaign_or_not_is_told_in_a_sentence(club: CampaignClub) -> None:
    campaign_id = club.draft()
    seen = club.do("preview_campaign", campaign_id=campaign_id, **BY)
    (left_out,) = seen["by_channel"]["sms"]["left_out"]
    (nobody,) = left_out["member_ids"]
    why = club.do("explain_campaign", campaign_id=campaign_id, member_id=nobody, **BY)
    assert why["by_channel"]["sms"]["said"] == "De har ikke givet lov, eller tilladelsen er udløbet (R29)."
    club.do("schedule_campaign", campaign_id=campaign_id, seal=seen["seal"], **BY)
    shown = club.do("show_campaign", campaign_id=campaign_id)
    club.move_to(datetime.fromisoformat(shown["times"]["first_at"]))
    club.minute()
    club.run_machine()
    assert club.do("explain_campaign", campaign_id=campaign_id, member_id=nobody, **BY) == why
    everybody = {row["pk"].split("#")[2] for row in _members(club)}
    (somebody, _) = sorted(everybody - {nobody})
    waiting = club.do("explain_campaign", campaign_id=campaign_id, member_id=somebody, **BY)["by_channel"]["sms"]
    assert (waiting["waits"], waiting["said"]) == (True, "Det er ikke deres tur endnu.")


def _members(club: CampaignClub) -> list[dict[str, Any]]:
    from tests.ledger_checks import rows_of

    return [row for row in rows_of(club.shop.client, "members", [club.club_id]) if row["sk"] == "MEMBER"]


def test_the_owners_ceiling_is_written_down_with_a_name_and_holds(club: CampaignClub) -> None:
    shown = club.do("set_ceiling", limit=95, approved_by="Holm", **BY)
    assert (shown["limit"], shown["spent"], shown["approved_by"], shown["set_by"]) == (95, 0, "Holm", "Mette")
    campaign_id = club.draft()
    refused = club.send(campaign_id)
    assert (refused["code"], "DKK 0.96" in refused["detail"]) == ("over_ceiling", True)
    assert club.do("set_ceiling", approved_by="Holm", **BY)["limit"] is None
    assert club.send(campaign_id)["status"] == "scheduled"


def test_a_club_chooses_its_sending_hours(club: CampaignClub) -> None:
    assert club.do("show_sending_hours")["workdays"] == ["08:00", "21:00"]
    hours = {"workdays": ["06:00", "21:30"], "sundays_and_holidays": ["10:00", "20:00"]}
    assert club.do("set_sending_hours", **hours, **BY) == hours
    refused = club.do("set_sending_hours", **hours | {"workdays": ["05:00", "21:00"]}, **BY)
    assert refused["code"] == "invalid_field"
    unread = club.do("set_sending_hours", **hours | {"workdays": ["06:00", "9 pm"]}, **BY)
    assert (unread["pointer"], "06:30" in unread["detail"]) == ("/workdays/1", True)


def test_a_club_without_known_members_is_told_so(operate: Any, tables: DynamoDBClient) -> None:
    shop = OpenClub(new_till(operate), tables, operate)
    drafted = operate("draft_campaign", club_id=shop.club.club_id, campaign=WISH, **BY)
    refused = operate("preview_campaign", club_id=shop.club.club_id, campaign_id=drafted["campaign_id"], **BY)
    assert refused["code"] == "facts_not_made"
