"""The drill in a running stack, as an operator types it: jobs and the stream go on beside it."""

from __future__ import annotations

import json

import pytest

from infra.command_line import main
from infra.restore.copies import Copies, leftovers
from tests.local_stack import LocalStack


def test_an_operator_drills_in_a_running_stack_and_no_copy_stays(
    local_stack: LocalStack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STAMKUNDE_HOME", str(local_stack.home))
    # A real one waits until the minute's job has counted the drill's days again, to take that away too.
    monkeypatch.setattr("infra.closing.SETTLES_IN", 1.0)
    assert main(["restore", "drill", "--phone", "+4520123456"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["passed"]
    assert shown["sums_agree"]
    assert shown["copied"]
    assert shown["replayed"] == {}
    tables = local_stack.client("dynamodb")
    assert leftovers(tables) == ([], [])

    Copies(tables, "killed").take({"members": local_stack.stack.tables["members"]})
    assert main(["restore", "tidy"]) == 0
    assert json.loads(capsys.readouterr().out) == {"tables": [], "backups": 1}
    assert leftovers(tables) == ([], [])
