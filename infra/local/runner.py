"""`stamkunde run`: engine, deployment, demo clubs and front door, in the foreground until Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from copy import replace
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from infra.local.deployment import Deployment, source_digest
from infra.local.engine import Engine, end_engine, engine_mark, is_engine
from infra.local.front_door import FrontDoor
from infra.local.home import (
    REGION,
    Home,
    LocalRunError,
    RunRecord,
    Stack,
    port_is_free,
    read_port,
    write_private,
)
from infra.local.inbox import Inbox
from infra.local.loopback import refuse_foreign_endpoints
from infra.local.mailbox import Mailbox
from infra.local.operator import Operator
from infra.local.seed import seed

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
READY = "Ready after"


class StopRequestedError(Exception):
    """Ctrl-C came while the stack was starting."""


def run(environment: Mapping[str, str], engine_environment: Mapping[str, str] | None = None) -> int:
    """Run the local stack until it is told to stop; return the exit code."""
    refuse_foreign_endpoints({**environment, **(engine_environment or {})})
    home = Home.from_environment(environment)
    port = read_port(environment)
    with home.lock():
        return Runner(home, port, engine_environment or {}).run()


class Runner:
    """One run of the local stack in one home."""

    def __init__(self, home: Home, port: int, engine_environment: Mapping[str, str]) -> None:
        self._home = home
        self._port = port
        self._engine_environment = engine_environment
        self._stop = threading.Event()
        self._stopped_at = home.last_saved()

    def run(self) -> int:
        """Start everything, stay until a signal comes, stop everything in order."""
        self._catch_signals()
        engine_port = self._home.engine_port(self._port)
        self._home.prepare()
        engine = Engine(self._home, engine_port, self._engine_environment)
        with closing(FrontDoor(self._port)) as front_door:
            self._look_back(engine_port)
            try:
                self._start(engine, front_door)
                return self._stay(engine)
            except StopRequestedError:
                return 0
            finally:
                # First the front door, so that no purchase is under way when the engine saves.
                front_door.close()
                self._stop_engine(engine)

    def _catch_signals(self) -> None:
        for number in STOP_SIGNALS:
            signal.signal(number, self._request_stop)

    def _request_stop(self, _number: int, _frame: FrameType | None) -> None:
        if not self._stop.is_set():
            _say("\nStopping: what is under way is finished first, and all data is kept.")
        self._stop.set()

    def _look_back(self, engine_port: int) -> None:
        """Tell how the last run in this home ended, and see that nothing of it is left running."""
        last = self._home.last_run()
        if last is not None and is_engine(last.engine):
            _say(f"The engine of the last run still runs (process {last.engine}): it is told to save and stop.")
            end_engine(last.engine)
        if not port_is_free(engine_port):
            raise LocalRunError(
                f"Port {engine_port}, which the engine of {self._home.path} uses, is taken by another "
                "program. Stop that program, or use another STAMKUNDE_HOME and STAMKUNDE_PORT."
            )
        if last is not None:
            _say(self._told_of_the_last_run(last))

    def _told_of_the_last_run(self, last: RunRecord) -> str:
        unclean = f"The last run (started {last.started}) was killed"
        if not engine_mark(self._home, last.engine_port).exists():
            return f"{unclean}, but its engine saved everything before it ended."
        saved = self._home.last_saved()
        if saved is None:
            return f"{unclean} together with its engine before the first clean stop: its rows are lost."
        return (
            f"{unclean} together with its engine: everything is as it was at the last clean stop, "
            f"{saved:%Y-%m-%d %H:%M:%S}. What was written after that is lost."
        )

    def _start(self, engine: Engine, front_door: FrontDoor) -> None:
        begun = time.monotonic()
        with self._stage("starting the local AWS"):
            engine.start()
            self._record_run(engine)
        deployment = Deployment(self._home, engine.endpoint)
        deployment.renew_stream_mappings()
        self._deploy_what_changed(deployment)
        outputs = deployment.outputs()
        front_door.open(f"{engine.endpoint}/_aws/execute-api/{outputs['ApiId']}/$default")
        front_door.show_inbox(Inbox(Mailbox(self._describe(engine, front_door, outputs)), front_door.pages_url))
        with self._stage("looking after the demo clubs"):
            stack = self._describe(engine, front_door, outputs)
            stack = replace(stack, demo=seed(stack))
            stack.save(self._home.path)
            self._make_good_lost_events(stack)
        _say(announcement(stack, self._home.path, time.monotonic() - begun))

    def _deploy_what_changed(self, deployment: Deployment) -> None:
        digest = source_digest()
        if deployment.is_current(digest):
            _say("  nothing changed since the last deployment")
            return
        if not deployment.is_bootstrapped():
            with self._stage("preparing it for the CDK"):
                deployment.bootstrap()
        with self._stage("building layers and stacks"):
            deployment.synthesize(digest)
        with self._stage("deploying the stacks"):
            deployment.deploy()

    @contextmanager
    def _stage(self, what: str) -> Iterator[None]:
        begun = time.monotonic()
        _say(f"  {what} ...", end="")
        try:
            yield
        except BaseException:
            _say("")
            raise
        _say(f" {time.monotonic() - begun:.1f} s")
        if self._stop.is_set():
            raise StopRequestedError

    def _record_run(self, engine: Engine) -> None:
        started = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M:%S")
        record = RunRecord(os.getpid(), engine.pid, self._port, engine.port, started)
        write_private(self._home.run_record, asdict(record))

    def _make_good_lost_events(self, stack: Stack) -> None:
        """Have the projections of the days since the last stop rebuilt: the engine forgets its streams."""
        if self._stopped_at is None:
            return
        days = (datetime.now(UTC) - self._stopped_at).days + 2
        Operator(stack).begin("rebuild_day_totals", days=days)

    def _describe(self, engine: Engine, front_door: FrontDoor, outputs: dict[str, str]) -> Stack:
        return Stack(
            api_url=front_door.url,
            pages_url=front_door.pages_url,
            inbox_url=f"{front_door.pages_url}/inbox",
            aws_endpoint=engine.endpoint,
            region=REGION,
            tables={
                "clubs": outputs["ClubsTable"],
                "members": outputs["MembersTable"],
                "ledger": outputs["LedgerTable"],
                "views": outputs["ViewsTable"],
                "messages": outputs["MessagesTable"],
            },
            state_machines={
                "member_due": outputs["MemberMachine"],
                "member_erased": outputs["ErasureMachine"],
                "campaign_begun": outputs["CampaignMachine"],
            },
            functions={
                "operator_task": outputs["OperatorFunction"],
                "day_totals_job": outputs["DayTotalsFunction"],
                "due_job": outputs["DueFunction"],
                "campaign_job": outputs["CampaignFunction"],
                "campaign_watch_job": outputs["CampaignWatchFunction"],
                "proof_job": outputs["ProofFunction"],
            },
            demo=self._home.known_demo(),
        )

    def _stay(self, engine: Engine) -> int:
        while not self._stop.wait(0.5):
            if (code := engine.exit_code()) is not None:
                _say(f"The engine ended by itself (exit code {code}); its log is {engine.log_file}.")
                return 1
        return 0

    def _stop_engine(self, engine: Engine) -> None:
        if engine.stop():
            self._home.run_record.unlink(missing_ok=True)
            _say("Stopped; all data is kept.")
        else:
            _say(f"The engine ended without saving its data; its log is {engine.log_file}.")


def reset(environment: Mapping[str, str]) -> int:
    """Throw away everything in the home, unless it is running."""
    home = Home.from_environment(environment)
    if not home.settings.exists():
        _say(f"There is nothing to throw away in {home.path}.")
        return 0
    with home.lock():
        home.remove()
    _say(f"Everything in {home.path} is thrown away; `make run` begins anew.")
    return 0


def announcement(stack: Stack, home: Path, seconds: float) -> str:
    """Return what is where, with a purchase to try."""
    lines = [
        f"{READY} {seconds:.1f} s. Ctrl-C stops it and keeps all data.",
        "",
        f"  inbox        {stack.inbox_url}   (every message that is sent)",
        f"  till API     {stack.api_url}/v1",
        f"  local AWS    {stack.aws_endpoint}   ({stack.region}; any credentials)",
        f"  described in {home / 'stack.json'}   (demo clubs and their till keys)",
        f"  logs         {home / 'logs'}",
    ]
    for club in stack.demo.values():
        till = club["tills"][0]
        body = json.dumps(club["purchase_example"], ensure_ascii=False).replace("'", "'\\''")
        lines += [
            "",
            f"  Join {club['name']}: {stack.pages_url}/{club['slug']}/join",
            f"  A card there: {stack.pages_url}/m/{club['slug']}   (a member's phone: {club['members'][0]['phone']})",
            f"  A purchase ({till['outlet']}):",
            f"  curl -s {stack.api_url}/v1/purchases -H 'authorization: Bearer {till['key']}' \\",
            f"    -H 'content-type: application/json' -d '{body}'",
        ]
    return "\n".join(lines)


def _say(text: str, end: str = "\n") -> None:
    sys.stdout.write(text + end)
    sys.stdout.flush()
