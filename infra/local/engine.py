"""The local AWS (MiniStack) as a child process whose life is tied to the runner's."""

from __future__ import annotations

import ctypes
import http.client
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from infra.local.home import LOOPBACK, REGION, Home, LocalRunError
from infra.local.loopback import engine_environment

START_SECONDS = 60.0
STOP_SECONDS = 90.0
PR_SET_PDEATHSIG = 1


class Engine:
    """MiniStack on one loopback port; it saves its data when it is told to stop.

    Parameters
    ----------
    home
        Where its state, objects and temporary files lie.
    port
        Its one port.
    extra_environment
        Added to its environment, which every Lambda inherits (a test puts a fault proxy there).
    """

    def __init__(self, home: Home, port: int, extra_environment: Mapping[str, str] | None = None) -> None:
        self.endpoint = f"http://{LOOPBACK}:{port}"
        self._home = home
        self.port = port
        self._extra_environment = dict(extra_environment or {})
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None, "the engine has not been started"
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._clear_temporary_files()
        with self._new_log().open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "ministack"],
                cwd=self._home.path,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Its own session: Ctrl-C reaches the runner only, which stops it in order.
                start_new_session=True,
                preexec_fn=stop_with_parent(),
            )
        self._wait_until_ready()

    def exit_code(self) -> int | None:
        """Return its exit code if it has ended by itself."""
        return self._process.poll() if self._process else None

    def stop(self) -> bool:
        """Stop it; return whether it has saved its data."""
        if self._process is None:
            return True
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        return not engine_mark(self._home, self.port).exists()

    @property
    def log_file(self) -> Path:
        return self._home.logs / "engine.log"

    def _new_log(self) -> Path:
        if self.log_file.exists():
            self.log_file.replace(self._home.logs / "engine.previous.log")
        return self.log_file

    def _clear_temporary_files(self) -> None:
        # Each Lambda worker leaves an unpacked copy of its layers when it dies with the engine.
        shutil.rmtree(self._home.temporary, ignore_errors=True)
        self._home.temporary.mkdir(parents=True)

    def _environment(self) -> dict[str, str]:
        return (
            engine_environment(self._home.temporary)
            | {
                "BIND_HOST": LOOPBACK,
                "GATEWAY_PORT": str(self.port),
                "MINISTACK_REGION": REGION,
                "AWS_ENDPOINT_URL": self.endpoint,
                "PERSIST_STATE": "1",
                "STATE_DIR": str(self._home.engine_state),
                "S3_PERSIST": "1",
                "S3_DATA_DIR": str(self._home.engine_objects),
                "SFN_WAIT_SCALE": "0",
                "IOT_MTLS_ENABLED": "0",
                "SFTP_ENABLED": "0",
                "LOG_LEVEL": "WARNING",
            }
            | self._extra_environment
        )

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if (code := self.exit_code()) is not None:
                raise LocalRunError(f"The engine ended at once (exit code {code}); its log is {self.log_file}.")
            if answers(self.port):
                return
            time.sleep(0.05)
        raise LocalRunError(f"The engine does not answer on port {self.port}; its log is {self.log_file}.")


def answers(port: int) -> bool:
    """Say whether an engine answers on this port."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=2)
    try:
        connection.request("GET", "/_ministack/health")
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()


def engine_mark(home: Home, port: int) -> Path:
    """Return the engine's own process file: it removes it after it has saved, and only then."""
    return home.temporary / f"ministack-{port}.pid"


def is_engine(pid: int) -> bool:
    """Say whether a process of this id is an engine (ids are used again after a while)."""
    if Path("/proc/self").exists():
        file = Path(f"/proc/{pid}/cmdline")
        command = file.read_bytes().replace(b"\0", b" ").decode() if file.exists() else ""
    else:
        shown = subprocess.run(["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False)
        command = shown.stdout
    return "-m ministack" in command


def end_engine(pid: int) -> None:
    """Make an engine without a runner save and stop."""
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while is_engine(pid):
        if time.monotonic() > deadline:
            raise LocalRunError(f"The engine in process {pid} does not stop: end it with `kill -9 {pid}`.")
        time.sleep(0.1)


def stop_with_parent() -> Callable[[], None] | None:
    """Return a function that makes a child process stop (and save) when its parent dies; Linux only."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def ask_the_kernel() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGTERM)

    return ask_the_kernel
