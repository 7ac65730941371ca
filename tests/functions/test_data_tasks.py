"""Members brought along, staff's acts on record, the list of a breach: as operators ask for them."""

from __future__ import annotations

import csv
import json
import stat
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from infra.data_commands import breach_export, import_file
from stamkunde.gateways.tombstones import digest_of
from stamkunde.shared.errors import Refusal
from tests.function_fixtures import new_till
from tests.functions.conftest import OpenClub
from tests.functions.test_events import cases
from tests.ledger_checks import rows
from tests.till_client import TillClient

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

EVENTS = cases("operator_task")
READER = "Revisor"
LATELY = datetime.now(UTC).isoformat()
FILE = f"""phone;first_name;sms_given_at;sms_method;sms_from;sms_wording
20123456;Mette;{LATELY};web_form;198.51.100.7;Ja tak til sms'er
20123457;=2+5;;;;
20123458;Bo;{LATELY};;;
"""


@pytest.fixture
def ask(operate: Any) -> Any:
    """As the command line asks: a refusal ends it."""

    def asked(task: str, **given: Any) -> dict[str, Any]:
        answer: dict[str, Any] = operate(task, **given)
        assert "code" not in answer, answer
        return answer

    return asked


def printed(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """What a command printed last; what the functions log stands above it."""
    _, begin, shown = f"\n{capsys.readouterr().out}".rpartition("\n{\n")
    answer: dict[str, Any] = json.loads(begin + shown)
    return answer


def acts(operate: Any, club_id: str, **given: Any) -> list[dict[str, Any]]:
    """What is on record, but for our own looks at it."""
    shown: list[dict[str, Any]] = operate("show_audit", club_id=club_id, by=READER, **given)["acts"]
    return [act for act in shown if act["by"] != READER]


def told(operate: Any, club_id: str) -> list[tuple[str, str, list[str]]]:
    return [(act["by"], act["what"], act["member_ids"]) for act in acts(operate, club_id)]


def test_a_dry_run_is_what_happens_unless_asked_to_write(till: TillClient, operate: Any) -> None:
    task = {"club_id": till.club["club_id"], "csv": FILE, "by": "Anna"}
    dry = operate("import_members", **task)
    assert (dry["written"], dry["counts"]["open"], dry["counts"]["refused"]) == (False, 2, 1)
    assert [(row["row"], row["troubles"]) for row in dry["rows"]] == [
        (2, []),
        (3, [{"column": "first_name", "code": "formula"}]),
        (4, [{"column": "sms", "code": "evidence_incomplete"}]),
    ]
    assert till.look_up("20123456").code == "unknown_member"
    assert operate("import_members", **task, write=True) == dry | {"written": True}
    assert till.look_up("20123456").body["state"] == "open"


def test_a_file_goes_in_parts_and_rows_keep_their_numbers(
    till: TillClient, ask: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.data_commands.ROWS_A_TASK", 2)
    file = tmp_path / "members.csv"
    file.write_text(f"{FILE}20123456;Mette;;;;\n", encoding="utf-8-sig")
    shown = []
    for write in (False, True):
        assert import_file(ask, till.club["club_id"], file, "Anna", write=write) == 0
        shown.append(printed(capsys))
    dry, written = shown
    assert dry["counts"] == {"already_there": 1, "open": 2, "refused": 1}
    assert [(row["row"], row["fate"]) for row in dry["rows"]] == [(3, "refused"), (4, "open"), (5, "already_there")]
    assert written == dry | {"written": True}


def test_every_look_at_a_member_and_every_change_is_on_record(till: TillClient, operate: Any) -> None:
    club = {"club_id": till.club["club_id"]}
    anna, bo = (till.join(phone).body["member_id"] for phone in ("20123456", "26123456"))
    operate("find_member", **club, phone="20123456", by="Mette")
    wish = {"reason": "goodwill", "note": "Regn", "key": "k1", "bonus": 25_000}
    proposed = operate("correct_member", **club, member_id=anna, by="Mette", **wish)
    operate("approve_proposal", **club, proposal_id=proposed["proposal_id"], by="Jens")
    operate("give_bonus", **club, member_id=anna, receiver_id=bo, bonus=300, by="Mette", key="k2")
    operate("merge_members", **club, member_id=anna, winner_id=bo, by="Mette")
    assert told(operate, till.club["club_id"]) == [
        ("Mette", "find_member", [anna]),
        ("Mette", "correct_member", [anna]),
        ("Jens", "approve_proposal", [anna]),
        ("Mette", "give_bonus", [anna, bo]),
        ("Mette", "merge_members", [anna, bo]),
    ]
    # Whoever was merged is the winner, and what was done to either concerns them.
    assert len(acts(operate, till.club["club_id"], member_id=bo)) == 5


def test_what_was_refused_is_on_record_as_asked_for(till: TillClient, operate: Any) -> None:
    nobody = "m0000000000000000"
    about = {"club_id": till.club["club_id"], "member_id": nobody, "by": "Mette"}
    assert operate("leave_household", **about)["code"] == "unknown_member"
    about = {"club_id": till.club["club_id"], "by": "Jens"}
    assert operate("find_member", **about, phone="20123456")["code"] == "unknown_member"
    proposal = {"proposal_id": "q2026110123456789ab"}
    refused = [operate(task, **about, **proposal)["code"] for task in ("approve_proposal", "decline_proposal")]
    assert refused == ["unknown_proposal"] * 2
    assert told(operate, till.club["club_id"]) == [
        # As whoever was erased: the record must not name anew whom it was to forget.
        ("Mette", "leave_household", [digest_of(nobody)]),
        ("Jens", "find_member", []),
        ("Jens", "approve_proposal", []),
        ("Jens", "decline_proposal", []),
    ]


def test_a_member_in_a_list_that_was_taken_out_finds_it_on_record(till: TillClient, operate: Any) -> None:
    club = {"club_id": till.club["club_id"]}
    anna, bo, eva = (till.join(f"2012345{number}").body["member_id"] for number in range(3))
    operate("list_for_breach", **club, by="Mette")
    operate("merge_members", **club, member_id=anna, winner_id=bo, by="Ida")
    for member_id in (anna, bo):
        whats = [act["what"] for act in acts(operate, club["club_id"], member_id=member_id)]
        assert whats == ["list_for_breach", "merge_members"]
    (listed,) = acts(operate, club["club_id"], member_id=eva)
    assert set(listed["member_ids"]) == {anna, bo, eva}


def test_nothing_is_looked_at_or_changed_that_cannot_be_put_on_record(
    till: TillClient, operate: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    member_id = till.join("20123456").body["member_id"]
    about = {"club_id": till.club["club_id"], "by": "Mette"}

    def refuse(*_: Any) -> None:
        raise Refusal("try_again")

    monkeypatch.setattr("stamkunde.audit.store.AuditStore.note", refuse)
    wish = {"member_id": member_id, "reason": "goodwill", "note": "Regn", "key": "k1", "bonus": 100}
    assert operate("correct_member", **about, **wish)["code"] == "try_again"
    assert operate("find_member", **about, phone="20123456")["code"] == "try_again"
    assert till.look_up("20123456").body["balance"]["available"] == 0


def test_whoever_lists_proposals_or_notes_or_exports_the_ledger_is_on_record(till: TillClient, operate: Any) -> None:
    club = {"club_id": till.club["club_id"]}
    anna, bo = (till.join(phone).body["member_id"] for phone in ("20123456", "26123456"))
    wish = {"reason": "goodwill", "note": "Regn", "by": "Mette"}
    operate("correct_member", **club, **wish, member_id=anna, bonus=100, key="k1")
    operate("correct_member", **club, **wish, member_id=bo, bonus=25_000, key="k2")
    day = acts(operate, till.club["club_id"])[0]["at"][:10]
    operate("list_proposals", **club, by="Ida")
    # Just after midnight the club's day is the next one already.
    for each in (day, (date.fromisoformat(day) + timedelta(days=1)).isoformat()):
        operate("list_ledger_notes", **club, by="Jens", day=each)
    operate("export_ledger", **club, by="Anna", month="2026-01")
    on_record = told(operate, till.club["club_id"])
    assert ("Ida", "list_proposals", [bo]) in on_record
    assert ("Jens", "list_ledger_notes", [anna]) in on_record
    assert on_record[-1] == ("Anna", "export_ledger", [])


def test_no_answer_without_a_name_tells_of_a_member(till: TillClient, operate: Any) -> None:
    club = {"club_id": till.club["club_id"]}
    members = [till.join(phone).body["member_id"] for phone in ("20123456", "26123456")]
    till.buy(members[0], 10_000)
    wish = {"reason": "goodwill", "note": "Regn", "by": "Mette"}
    operate("correct_member", **club, **wish, member_id=members[0], bonus=100, key="k1")
    operate("correct_member", **club, **wish, member_id=members[1], bonus=25_000, key="k2")
    for case, event in EVENTS.items():
        if "by" not in event:
            told_of = json.dumps(operate(**(event | (club if "club_id" in event else {}))))
            assert not [each for each in (*members, "+4520123456", "+4526123456") if each in told_of], case


@pytest.mark.parametrize("case", [case for case, event in EVENTS.items() if "by" in event])
def test_every_task_with_a_name_is_on_record(case: str, till: TillClient, operate: Any) -> None:
    from operator_task.auditing import NAMING_MEMBERS

    event = EVENTS[case] | {"club_id": till.club["club_id"]}
    operate(**event)
    # Nobody of these is there.
    named = [digest_of(event[name]) for name in NAMING_MEMBERS if name in event]
    assert told(operate, till.club["club_id"]) == [(event["by"], case, named)]


def test_whoever_looks_at_the_record_is_on_it_and_names_nobody_who_stands_there(
    till: TillClient, operate: Any
) -> None:
    club_id = till.club["club_id"]
    anna, bo = (till.join(phone).body["member_id"] for phone in ("20123456", "26123456"))
    for phone in ("20123456", "26123456"):
        operate("find_member", club_id=club_id, phone=phone, by="Mette")
    operate("show_audit", club_id=club_id, by="Ida")
    operate("show_audit", club_id=club_id, by="Jens", member_id=anna)
    assert told(operate, club_id)[2:] == [("Ida", "show_audit", []), ("Jens", "show_audit", [anna])]
    assert [act["by"] for act in acts(operate, club_id, member_id=anna)] == ["Mette", "Jens"]
    assert [act["by"] for act in acts(operate, club_id, member_id=bo)] == ["Mette"]
    (look,) = operate("show_audit", club_id=club_id, by="Bo", from_day="2020-01-01", until_day="2020-01-02").values()
    assert look == []
    assert told(operate, club_id)[-1] == ("Bo", "show_audit", [])
    assert operate("show_audit", club_id=club_id)["code"] == "invalid_field"


def test_a_name_is_asked_for(till: TillClient, operate: Any) -> None:
    refused = operate("find_member", club_id=till.club["club_id"], phone="20123456")
    assert refused["code"] == "invalid_field"


def test_the_record_is_of_one_club_and_of_the_days_asked_for(operate: Any) -> None:
    here, there = new_till(operate), new_till(operate)
    here.join("20123456")
    there.join("20123456")
    for each in (here, there):
        operate("find_member", club_id=each.club["club_id"], phone="20123456", by="Mette")
    assert len(acts(operate, here.club["club_id"])) == len(acts(operate, there.club["club_id"])) == 1
    days = {"from_day": "2020-01-01", "until_day": "2020-12-31"}
    assert acts(operate, here.club["club_id"], **days) == []
    asked = {"club_id": here.club["club_id"], "by": READER}
    too_many = operate("show_audit", **asked, from_day="2020-01-01", until_day="2021-01-01")
    assert too_many["code"] == "invalid_field"
    backwards = operate("show_audit", **asked, from_day="2026-01-02", until_day="2026-01-01")
    assert backwards["code"] == "invalid_field"


def test_what_staff_did_is_forgotten_after_a_year(operate: Any, tables: DynamoDBClient) -> None:
    till = new_till(operate, clock_offset_seconds=0)
    club_id = till.club["club_id"]
    till.join("20123456")
    operate("find_member", club_id=club_id, phone="20123456", by="Mette")
    (row,) = [each for each in rows(tables, "members") if each["pk"].startswith(f"AUDIT#{club_id}#")]
    noted_at = datetime.fromisoformat(row["at"])
    assert row["expires"] == int((noted_at + timedelta(days=365)).timestamp())
    day = noted_at.date().isoformat()
    days = {"from_day": day, "until_day": (noted_at + timedelta(days=1)).date().isoformat()}
    operate("move_clock", club_id=club_id, clock_offset_seconds=364 * 86_400)
    assert len(acts(operate, club_id, **days)) == 1
    # DynamoDB takes the row away when it likes, the local engine never: it is not shown either way.
    operate("move_clock", club_id=club_id, clock_offset_seconds=366 * 86_400)
    assert acts(operate, club_id, **days) == []


def test_tills_that_look_members_up_write_nothing(till: TillClient, tables: DynamoDBClient) -> None:
    till.join("20123456")
    before = rows(tables, "members")
    till.look_up("20123456")
    assert rows(tables, "members") == before


def test_the_list_of_a_breach_counts_people_and_fields_and_names_no_data(
    shop: OpenClub, ask: Any, operate: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    number = shop.number()
    shop.joined(number, email="mette@holm.dk")
    member_id = operate("find_member", club_id=shop.club.club_id, phone=number, by="Anna")["member_id"]
    shop.till.buy(member_id, 10_000)
    file = tmp_path / "breach.csv"
    file.write_text("of the last time")
    assert breach_export(ask, shop.club.club_id, "Anna", file, addresses=False) == 0
    shown = printed(capsys)
    assert shown["people"] == 1
    kept = {name for name, count in shown["fields"].items() if count}
    assert kept >= {"phone", "first_name", "email", "card_number", "consents", "devices", "purchases"}
    (person,) = csv.DictReader(file.read_text(encoding="utf-8-sig").splitlines(), delimiter=";")
    assert (person["member_id"], person["state"], person["email"], person["birth_date"]) == (
        member_id,
        "member",
        "x",
        "",
    )
    assert number not in file.read_text(encoding="utf-8-sig")
    assert breach_export(ask, shop.club.club_id, "Anna", file, addresses=True) == 0
    (person,) = csv.DictReader(file.read_text(encoding="utf-8-sig").splitlines(), delimiter=";")
    assert (person["phone_number"], person["email_address"]) == (f"'+45{number}", "mette@holm.dk")
    assert ("Anna", "list_for_breach", [member_id]) in told(operate, shop.club.club_id)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_list_of_a_breach_comes_in_parts(
    till: TillClient, ask: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("operator_task.audit_tasks.MOST_MEMBERS", 1)
    for number in range(5):
        till.join(f"2012345{number}")
    breach_export(ask, till.club["club_id"], "Anna", tmp_path / "breach.csv", addresses=False)
    assert printed(capsys)["people"] == 5
