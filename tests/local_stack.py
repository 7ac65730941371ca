"""A whole local stack for tests, in a home of its own: the real command in a process of its own.

`python -m tests.local_stack NAME=VALUE ...` is `stamkunde run` with extra variables for the engine.
"""

from __future__ import annotations

import fcntl
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from infra.local.engine import stop_with_parent
from infra.local.home import ENGINE_PORT_DISTANCE, ROOT, Home, Stack, port_is_free
from infra.local.loopback import client
from infra.local.runner import READY, run

START_SECONDS = 180.0
STOP_SECONDS = 60.0
DEPLOYED = "deploying the stacks"


class LocalStack:
    """A local stack that can be started, stopped, killed and started again.

    Parameters
    ----------
    home
        Its STAMKUNDE_HOME.
    port
        Its STAMKUNDE_PORT; a free one by default.
    root
        The source tree that it deploys.
    """

    def __init__(self, home: Path, port: int | None = None, root: Path = ROOT) -> None:
        self.home = home
        self.port = port or free_port()
        self._root = root
        self._process: subprocess.Popen[bytes] | None = None
        self._output = home.with_name(f"{home.name}-output")

    @property
    def stack(self) -> Stack:
        """What stack.json says."""
        return Stack.load(self.home)

    @property
    def output(self) -> str:
        """Everything that the present or last run has printed."""
        return self._output.read_text() if self._output.exists() else ""

    @property
    def engine_pid(self) -> int:
        return int(json.loads((self.home / "run.json").read_text())["engine"])

    def launch(
        self,
        engine_environment: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start the process and wait for nothing."""
        extra = [f"{name}={value}" for name, value in (engine_environment or {}).items()]
        variables = os.environ | {"STAMKUNDE_HOME": str(self.home), "STAMKUNDE_PORT": str(self.port)}
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.local_stack", *extra]
                if extra
                else [sys.executable, "-m", "infra.command_line", "run"],
                cwd=self._root,
                env=variables | dict(environment or {}),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                preexec_fn=stop_with_parent(),
            )

    def start(self, engine_environment: Mapping[str, str] | None = None) -> Stack:
        """Start it and wait until it is ready."""
        self.launch(engine_environment)
        self.wait_for(READY)
        return self.stack

    def wait_for(self, said: str) -> None:
        """Wait until it has said so."""
        deadline = time.monotonic() + START_SECONDS
        while said not in self.output:
            assert self._running.poll() is None, f"the local stack ended:\n{self.output}"
            assert time.monotonic() < deadline, f"the local stack has not said {said!r}:\n{self.output}"
            time.sleep(0.05)

    def stop(self, number: int = signal.SIGINT) -> int:
        """Stop it as Ctrl-C does; return its exit code."""
        if self.is_running():
            self._running.send_signal(number)
        return self.wait()

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def wait(self) -> int:
        """Wait until it has ended; return its exit code."""
        return self._process.wait(STOP_SECONDS) if self._process else 0

    def restart(self, engine_environment: Mapping[str, str] | None = None) -> Stack:
        """Stop it and start it again in the same home."""
        self.stop()
        return self.start(engine_environment)

    def client(self, service: str) -> Any:
        """Return a boto3 client of its engine."""
        return client(service, self.stack.aws_endpoint)

    @property
    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "the local stack has not been started"
        return self._process


def free_port() -> int:
    """Return a port for a front door whose engine's port is free as well."""
    candidates = random.sample(range(20_000, 30_000), 100)
    return next(port for port in candidates if port_is_free(port) and port_is_free(port + ENGINE_PORT_DISTANCE))


def wait_until(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(scope="session")
def deployed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> LocalStack:
    """A local stack that was deployed, seeded and stopped, once for all processes of the session: start its copies.

    Ctrl-C came in the middle of its first deployment.
    """
    folder = tmp_path_factory.getbasetemp()
    if hasattr(request.config, "workerinput"):
        folder = folder.parent
    stack = LocalStack(folder / "deployed")
    done = folder / "deployed-done"
    with (folder / "deployed-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(stack.home, ignore_errors=True)
            stack.launch()
            stack.wait_for(DEPLOYED)
            assert stack.stop() == 0, stack.output
            stack.start()
            assert stack.stop() == 0, stack.output
            done.touch()
    return stack


def copy_of(deployed: LocalStack, folder: Path) -> LocalStack:
    """A stack in a copy of a home, with an engine on a port of its own."""
    copy = LocalStack(folder / "home")
    home = Home(copy.home)
    shutil.copytree(deployed.home, home.path, ignore=lambda inside, _: ["tmp"] if inside.endswith("/engine") else [])
    port = int(json.loads(home.settings.read_text())["engine_port"])
    home.settings.unlink()
    own_port = home.engine_port(copy.port)
    for file in home.engine_state.glob("*.json"):
        content = file.read_text()
        if f"localhost:{port}" in content:
            file.write_text(content.replace(f"localhost:{port}", f"localhost:{own_port}"))
    return copy


@pytest.fixture(scope="session")
def session_stack(deployed: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """One local stack for the whole session; use `local_stack`."""
    stack = copy_of(deployed, tmp_path_factory.mktemp("local-stack"))
    yield stack
    stack.stop()


@pytest.fixture
def local_stack(session_stack: LocalStack) -> LocalStack:
    """The session's local stack, running, whatever an earlier test has done to it."""
    if not session_stack.is_running():
        session_stack.start()
    return session_stack


if __name__ == "__main__":
    sys.exit(run(os.environ, dict(argument.split("=", 1) for argument in sys.argv[1:])))
