"""`make run`: what it starts, keeps, deploys again, notices and refuses."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import time
from collections.abc import Iterator
from copy import replace
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest

from infra.local.engine import is_engine
from infra.local.home import LOOPBACK, ROOT, LocalRunError, Stack
from infra.local.loopback import LOOPBACK_HOSTS, client
from infra.local.runner import reset
from tests.local_stack import DEPLOYED, LocalStack, copy_of, wait_until

# A cold function on a busy machine takes longer than five seconds; no answer is a matter of speed here.
PATIENCE = 30
UNCHANGED = "nothing changed since the last deployment"
# A server that listens on all addresses answers here too; one on 127.0.0.1 does not.
ANOTHER_ADDRESS = "127.0.0.2"
FUNCTIONS = {"operator_task", "day_totals_job", "due_job", "proof_job", "campaign_job", "campaign_watch_job"}
ROW = {"pk": {"S": "KEPT"}, "sk": {"S": "ROW"}}


@pytest.fixture(scope="module")
def other_stack(deployed: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A second stack, running."""
    stack = copy_of(deployed, tmp_path_factory.mktemp("other"))
    stack.start()
    yield stack
    stack.stop()


def test_ctrl_c_during_the_first_deployment_lets_it_finish(deployed: LocalStack) -> None:
    assert UNCHANGED in deployed.output
    assert DEPLOYED not in deployed.output


def test_a_running_stack_describes_itself(local_stack: LocalStack) -> None:
    described = local_stack.stack
    assert described.api_url == f"http://{LOOPBACK}:{local_stack.port}"
    assert described.pages_url == f"http://localhost:{local_stack.port}"
    assert set(described.tables) == {"clubs", "members", "ledger", "views", "messages"}
    assert set(described.functions) == FUNCTIONS
    assert all(httpx.URL(url).host in LOOPBACK_HOSTS for url in (described.aws_endpoint, described.inbox_url))
    assert httpx.get(described.inbox_url, timeout=PATIENCE).status_code == HTTPStatus.OK


def test_only_its_owner_may_read_the_till_keys(local_stack: LocalStack) -> None:
    assert stat.S_IMODE((local_stack.home / "stack.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(local_stack.home.stat().st_mode) == 0o700


def test_every_demo_club_prints_a_purchase_that_earns(local_stack: LocalStack) -> None:
    for club in local_stack.stack.demo.values():
        key = club["tills"][0]["key"]
        assert key in local_stack.output
        answer = _post(local_stack.stack, "/v1/purchases", club["purchase_example"], key)
        assert answer.is_success, answer.text


def test_all_servers_bind_to_loopback_only(local_stack: LocalStack) -> None:
    for url in (local_stack.stack.api_url, local_stack.stack.aws_endpoint):
        with socket.socket() as probe:
            probe.settimeout(2)
            assert probe.connect_ex((ANOTHER_ADDRESS, httpx.URL(url).port or 0)) != 0


def test_the_front_door_decides_the_origin_and_the_callers_address(local_stack: LocalStack) -> None:
    described = local_stack.stack
    through = httpx.post(f"{described.api_url}/v1/purchases", json={}, timeout=PATIENCE)
    forged = httpx.post(
        f"{described.api_url}/v1/purchases", json={}, headers={"x-stamkunde-origin": "forged"}, timeout=PATIENCE
    )
    behind = httpx.post(f"{_api_behind(local_stack)}/v1/purchases", json={}, timeout=PATIENCE)
    assert through.status_code == forged.status_code == HTTPStatus.UNAUTHORIZED
    assert through.headers["content-type"] == "application/problem+json"
    assert behind.status_code == HTTPStatus.FORBIDDEN


def test_the_front_door_refuses_a_body_that_api_gateway_would_refuse(local_stack: LocalStack) -> None:
    answer = httpx.post(
        f"{local_stack.stack.api_url}/v1/purchases", content=bytes(11 * 1024 * 1024), timeout=PATIENCE
    )
    assert answer.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    assert answer.json()["code"] == "body_too_large"


def test_a_restart_keeps_rows_and_keys_and_deploys_nothing(local_stack: LocalStack) -> None:
    _write_row(local_stack)
    before = _lasting(local_stack.stack)
    deployed = (local_stack.home / "logs" / "deploy.log").read_bytes()
    assert local_stack.stop() == 0
    began = time.monotonic()
    assert _lasting(local_stack.start()) == before
    assert time.monotonic() - began < 30
    assert UNCHANGED in local_stack.output
    assert (local_stack.home / "logs" / "deploy.log").read_bytes() == deployed
    assert _row_is_there(local_stack)


def test_sigterm_stops_as_cleanly_as_ctrl_c(local_stack: LocalStack) -> None:
    _write_row(local_stack)
    assert local_stack.stop(signal.SIGTERM) == 0
    local_stack.start()
    assert "killed" not in local_stack.output
    assert _row_is_there(local_stack)


def test_a_second_runner_in_the_same_home_is_told_where_the_first_is(local_stack: LocalStack) -> None:
    second = _second_runner(local_stack.home, local_stack.port + 1)
    assert second.wait() == 1
    assert f"already running in {local_stack.home}" in second.output
    assert local_stack.stack.api_url in second.output


def test_a_running_home_cannot_be_reset(local_stack: LocalStack) -> None:
    with pytest.raises(LocalRunError, match="already running"):
        reset({"STAMKUNDE_HOME": str(local_stack.home)})
    assert local_stack.stack.tables


def test_a_taken_port_is_told(local_stack: LocalStack, tmp_path: Path) -> None:
    second = _second_runner(tmp_path / "home", local_stack.port)
    assert second.wait() == 1
    assert f"Port {local_stack.port} on {LOOPBACK} is taken" in second.output
    assert "STAMKUNDE_PORT=" in second.output


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB"])
def test_an_endpoint_that_is_not_on_this_machine_is_refused(tmp_path: Path, name: str) -> None:
    stack = LocalStack(tmp_path / "home")
    stack.launch(environment={name: "https://dynamodb.eu-north-1.amazonaws.com"})
    assert stack.wait() == 1
    assert name in stack.output
    assert "not on this machine" in stack.output
    assert not stack.home.exists()


def test_no_client_can_be_made_for_an_endpoint_that_is_not_on_this_machine() -> None:
    with pytest.raises(LocalRunError, match="not on this machine"):
        client("dynamodb", "https://dynamodb.eu-north-1.amazonaws.com")


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    stack = _second_runner(tmp_path, 29_999)
    assert stack.wait() == 1
    assert "a folder of its own" in stack.output
    assert [entry.name for entry in tmp_path.iterdir()] == ["letter.txt"]


def test_a_killed_runner_takes_its_engine_along_and_loses_nothing(local_stack: LocalStack) -> None:
    _write_row(local_stack)
    engine = local_stack.engine_pid
    local_stack.stop(signal.SIGKILL)
    wait_until(lambda: not is_engine(engine))
    local_stack.start()
    assert "was killed, but its engine saved everything" in local_stack.output
    assert _row_is_there(local_stack)


def test_a_killed_engine_is_told_with_what_is_lost(local_stack: LocalStack) -> None:
    local_stack.restart()
    _delete_row(local_stack)
    os.kill(local_stack.engine_pid, signal.SIGKILL)
    assert local_stack.wait() == 1
    assert "ended without saving" in local_stack.output
    local_stack.start()
    assert "everything is as it was at the last clean stop" in local_stack.output
    assert _row_is_there(local_stack)


def test_the_same_home_moves_to_another_port(local_stack: LocalStack) -> None:
    _write_row(local_stack)
    before = local_stack.stack
    local_stack.stop()
    moved = LocalStack(local_stack.home)
    described = moved.start()
    assert UNCHANGED in moved.output
    assert described.api_url != before.api_url
    assert described.aws_endpoint == before.aws_endpoint
    assert _row_is_there(moved)
    moved.stop()
    local_stack.start()


def test_two_run_side_by_side(local_stack: LocalStack, other_stack: LocalStack) -> None:
    _write_row(local_stack)
    described = other_stack.stack
    assert described.aws_endpoint != local_stack.stack.aws_endpoint
    assert not _row_is_there(other_stack)
    assert _row_is_there(local_stack)


def test_changed_code_is_served_after_the_next_start_and_stream_and_rows_live_on(
    other_stack: LocalStack, tmp_path: Path
) -> None:
    _write_row(other_stack)
    mappings_before = _mappings(other_stack)
    assert not _sends_the_changed_cookie(other_stack)
    other_stack.stop()
    changed = LocalStack(other_stack.home, other_stack.port, root=_changed_copy(tmp_path))
    changed.start()
    assert DEPLOYED in changed.output
    assert _sends_the_changed_cookie(changed)
    assert _row_is_there(changed)
    assert _mappings(changed) == mappings_before
    changed.stop()


def test_reset_begins_anew_and_leaves_other_files(other_stack: LocalStack) -> None:
    other_stack.stop()
    (other_stack.home / "letter.txt").write_text("mine")
    assert reset({"STAMKUNDE_HOME": str(other_stack.home)}) == 0
    assert {entry.name for entry in other_stack.home.iterdir()} == {"lock", "letter.txt"}


def _second_runner(home: Path, port: int) -> LocalStack:
    second = LocalStack(home, port)
    second.launch()
    return second


def _post(stack: Stack, path: str, body: object, key: str) -> httpx.Response:
    return httpx.post(
        f"{stack.api_url}{path}", json=body, headers={"authorization": f"Bearer {key}"}, timeout=PATIENCE
    )


def _lasting(stack: Stack) -> Stack:
    """Return all that stays: the example is a receipt of the moment."""
    demo = {slug: {**club, "purchase_example": None} for slug, club in stack.demo.items()}
    return replace(stack, demo=demo)


def _api_behind(stack: LocalStack) -> str:
    apis = stack.client("apigatewayv2").get_apis()["Items"]
    return f"{stack.stack.aws_endpoint}/_aws/execute-api/{apis[0]['ApiId']}/$default"


def _write_row(stack: LocalStack) -> None:
    stack.client("dynamodb").put_item(TableName=stack.stack.tables["views"], Item=ROW)


def _delete_row(stack: LocalStack) -> None:
    stack.client("dynamodb").delete_item(TableName=stack.stack.tables["views"], Key=ROW)


def _row_is_there(stack: LocalStack) -> bool:
    answer = stack.client("dynamodb").get_item(TableName=stack.stack.tables["views"], Key=ROW)
    return "Item" in answer


def _sends_the_changed_cookie(stack: LocalStack) -> bool:
    return "changed" in httpx.post(f"{stack.stack.api_url}/v1/purchases", json={}, timeout=PATIENCE).cookies


def _mappings(stack: LocalStack) -> list[tuple[str, str]]:
    mappings = stack.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    return sorted((mapping["EventSourceArn"], mapping["FunctionArn"]) for mapping in mappings)


def _changed_copy(folder: Path) -> Path:
    """Return a copy of the sources whose till API sets a cookie."""
    copy = folder / "repository"
    copy.mkdir()
    for name in ("functions", "layers", "infra", "tests", ".build"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("cdk.json", "package-lock.json", "requirements-dev.txt"):
        shutil.copy(ROOT / name, copy / name)
    for name in (".tools", "node_modules"):
        (copy / name).symlink_to(ROOT / name)
    handler = copy / "functions" / "till_api" / "handler.py"
    text = handler.read_text()
    served = "RESOLVER.resolve(event)"
    changed = text.replace(served, f'{served} | {{"cookies": ["changed=yes"]}}')
    assert changed != text
    handler.write_text(changed)
    return copy
