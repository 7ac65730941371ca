"""STAMKUNDE_HOME: the folder, ports, lock and description (stack.json) of one local run."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
REGION = "eu-north-1"
LOOPBACK = "127.0.0.1"
DEFAULT_PORT = 8080
# The engine's port is the front door's plus this, or the next free one: neighbouring front doors
# (8080, 8081) must not collide with each other's engine.
ENGINE_PORT_DISTANCE = 1000
ENGINE_PORTS_TRIED = 50


class LocalRunError(Exception):
    """The local run can't go on; the message tells a person why and what to do."""


@dataclass(frozen=True)
class Stack:
    """What a client, the command line or a test needs to know of a running local stack."""

    api_url: str
    pages_url: str
    inbox_url: str
    aws_endpoint: str
    region: str
    tables: dict[str, str]
    state_machines: dict[str, str]
    functions: dict[str, str]
    demo: dict[str, Any]

    @classmethod
    def load(cls, home: Path) -> Self:
        """Read stack.json of `home`."""
        try:
            content = json.loads((home / "stack.json").read_text())
        except FileNotFoundError:
            raise LocalRunError(f"No local stack has run in {home} yet: start one with `make run`.") from None
        return cls(**{field.name: content[field.name] for field in fields(cls)})

    def save(self, home: Path) -> None:
        """Write stack.json, readable by its owner only: it holds the demo tills' keys."""
        write_private(home / "stack.json", asdict(self))


@dataclass(frozen=True)
class Home:
    """The folder that holds everything of one local run."""

    path: Path

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Return the home that STAMKUNDE_HOME names, or .local/ of the repository."""
        return cls(Path(environment.get("STAMKUNDE_HOME") or ROOT / ".local").expanduser().resolve())

    @property
    def engine_state(self) -> Path:
        return self.path / "engine" / "state"

    @property
    def engine_objects(self) -> Path:
        return self.path / "engine" / "s3"

    @property
    def temporary(self) -> Path:
        return self.path / "engine" / "tmp"

    @property
    def assembly(self) -> Path:
        return self.path / "cdk.out"

    @property
    def cdk_cache(self) -> Path:
        return self.path / "cdk"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def deploying(self) -> Path:
        """A mark that lies here while the stacks are being changed."""
        return self.path / "deploying"

    @property
    def settings(self) -> Path:
        return self.path / "home.json"

    @property
    def run_record(self) -> Path:
        return self.path / "run.json"

    def prepare(self) -> None:
        """Make the folders."""
        for folder in (self.engine_state, self.engine_objects, self.logs, self.cdk_cache):
            folder.mkdir(parents=True, exist_ok=True)
        self.path.chmod(0o700)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the home for one runner; a second one is told where the first is."""
        self._refuse_foreign_folder()
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / "lock").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise LocalRunError(self._occupied()) from None
            yield

    def _refuse_foreign_folder(self) -> None:
        if not self.path.exists() or self.settings.exists():
            return
        if not self.path.is_dir() or any(entry.name != "lock" for entry in self.path.iterdir()):
            raise LocalRunError(
                f"{self.path} holds something else than a local stack: set STAMKUNDE_HOME to a folder of its own."
            )

    def _occupied(self) -> str:
        record = self.last_run()
        where = f" (process {record.runner}, http://{LOOPBACK}:{record.port})" if record else ""
        return (
            f"Stamkunde is already running in {self.path}{where}. Stop it there with Ctrl-C, "
            "or start a second one beside it with another STAMKUNDE_HOME and another STAMKUNDE_PORT."
        )

    def engine_port(self, port: int) -> int:
        """Return the engine's port: chosen on the first start, then kept.

        It is part of stored addresses (queues), so it stays while the front door may move.
        """
        if self.settings.exists():
            kept = int(json.loads(self.settings.read_text())["engine_port"])
            if kept == port:
                raise LocalRunError(
                    f"Port {port} is the engine's own port in {self.path}: choose another STAMKUNDE_PORT."
                )
            return kept
        chosen = self._free_engine_port(port)
        write_private(self.settings, {"engine_port": chosen})
        return chosen

    @staticmethod
    def _free_engine_port(port: int) -> int:
        first = port + ENGINE_PORT_DISTANCE
        if first + ENGINE_PORTS_TRIED > 65535:
            first = port - ENGINE_PORT_DISTANCE - ENGINE_PORTS_TRIED
        for candidate in range(first, first + ENGINE_PORTS_TRIED):
            if port_is_free(candidate):
                return candidate
        raise LocalRunError(
            f"No free port for the engine between {first} and {first + ENGINE_PORTS_TRIED - 1}: "
            "choose another STAMKUNDE_PORT."
        )

    def last_run(self) -> RunRecord | None:
        """Return the record of a run that is going on, or that ended without cleaning up."""
        try:
            return RunRecord(**json.loads(self.run_record.read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def last_saved(self) -> datetime | None:
        """Return when the engine last saved its data."""
        times = [file.stat().st_mtime for file in self.engine_state.glob("*.json")]
        return datetime.fromtimestamp(max(times), UTC).astimezone() if times else None

    def known_demo(self) -> dict[str, Any]:
        """Return the demo part of the last stack.json: keys are shown once, so it has to survive."""
        try:
            return Stack.load(self.path).demo
        except (LocalRunError, ValueError, KeyError, TypeError):
            return {}

    def remove(self) -> None:
        """Throw away everything that a local run has put here, and nothing else."""
        for folder in (self.path / "engine", self.assembly, self.cdk_cache, self.logs):
            shutil.rmtree(folder, ignore_errors=True)
        for file in (self.path / "stack.json", self.run_record, self.deploying, self.settings):
            file.unlink(missing_ok=True)


@dataclass(frozen=True)
class RunRecord:
    """Who runs in a home; it is removed by a clean stop."""

    runner: int
    engine: int
    port: int
    engine_port: int
    started: str


def read_port(environment: Mapping[str, str]) -> int:
    """Return the front door's port from STAMKUNDE_PORT."""
    text = environment.get("STAMKUNDE_PORT") or str(DEFAULT_PORT)
    if not text.isascii() or not text.isdigit() or not 1024 <= int(text) <= 65535:
        raise LocalRunError(f"STAMKUNDE_PORT is {text!r}: give a port between 1024 and 65535.")
    return int(text)


def port_is_free(port: int) -> bool:
    """Bind-test a port: a health check alone may be answered by somebody else's server."""
    try:
        socket.create_server((LOOPBACK, port)).close()
    except OSError:
        return False
    return True


def write_private(file: Path, content: object) -> None:
    """Write JSON in one step, readable by its owner only."""
    draft = file.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        json.dump(content, out, indent=2, ensure_ascii=False)
        out.write("\n")
    draft.replace(file)
