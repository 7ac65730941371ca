"""A proxy (microburst) between the Lambdas and the engine that fails the way AWS fails, in AWS's own wire format."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import httpx

from infra.local.engine import stop_with_parent
from infra.local.home import LOOPBACK
from infra.local.loopback import client
from tests.local_stack import free_port, wait_until

type Rule = dict[str, Any]


class FaultProxy:
    """One running proxy; without rules it only passes on."""

    def __init__(self, upstream: str) -> None:
        port = free_port()
        self.url = f"http://{LOOPBACK}:{port}"
        self._control = httpx.Client(base_url=f"{self.url}/_microburst", timeout=30)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "microburst", "--upstream", upstream, "--host", LOOPBACK, "--port", str(port)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=stop_with_parent(),
        )
        wait_until(self._answers)
        # The first call of all takes seconds: the proxy reads the service's model.
        client("dynamodb", self.url).list_tables()

    def inject(self, *rules: Rule) -> None:
        """From now on, fail by these rules and no others."""
        self._control.delete("/fired")
        self._control.post("/rules", json=list(rules)).raise_for_status()

    def relent(self) -> None:
        """From now on, only pass on."""
        self.inject()

    def fired(self) -> int:
        """How many calls have failed since the rules were set."""
        return len(self._control.get("/fired", params={"limit": 1_000}).json())

    def calls(self) -> int:
        """How many calls have come through since the start."""
        seen: int = self._control.get("/health").json()["requests_seen"]
        return seen

    def kept(self) -> int:
        """How many of them have not reached the engine, or not yet."""
        forwarded: int = self._control.get("/stats").json()["requests"]["forwarded"]
        return self.calls() - forwarded

    def stop(self) -> None:
        self._control.close()
        self._process.terminate()
        self._process.wait()

    def _answers(self) -> bool:
        try:
            return self._control.get("/health").is_success
        except httpx.TransportError:
            return False


def lost_answer(**given: Any) -> Rule:
    """The call is carried out, and the connection breaks before its answer has arrived."""
    return _rule(given, response={"abort_bytes": 0})


def late_call(seconds: float, **given: Any) -> Rule:
    """The call is held up, and carried out all the same."""
    return _rule(given, latency=seconds * 1000)


def no_answer(seconds: float, **given: Any) -> Rule:
    """The call never arrives, and nobody says so."""
    return _rule(given, timeout_ms=seconds * 1000)


def server_error(**given: Any) -> Rule:
    """DynamoDB breaks."""
    return _rule(given, error={"code": "InternalServerError", "status": 500})


def throttled(**given: Any) -> Rule:
    """DynamoDB asks for patience."""
    return _rule(given, error={"code": "ProvisionedThroughputExceededException", "status": 400})


def conflict(writes: int, **given: Any) -> Rule:
    """Another transaction holds one of the items."""
    reasons = [{"Code": "TransactionConflict", "Message": "Transaction is ongoing"}] + [{"Code": "None"}] * (
        writes - 1
    )
    error = {
        "code": "TransactionCanceledException",
        "status": 400,
        "fields": {"CancellationReasons": reasons},
    }
    return _rule({"operation": "TransactWriteItems"} | given, error=error)


def _rule(given: dict[str, Any], **fault: Any) -> Rule:
    return {"service": "dynamodb"} | fault | given
