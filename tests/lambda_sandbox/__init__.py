"""Runs a packaged handler as Lambda would: a fresh interpreter that finds its layers and its folder only.

Shared by the package tests, which look at what a start loads, and the benchmarks, which time it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.function_catalogue import FUNCTIONS
from infra.function_description import Http
from infra.packaging import Packages

ORIGIN_SECRET = "sandbox"

_CHILD = Path(__file__).with_name("child.py")

# Account, region and limits as the Lambda runtime gives them.
_RUNTIME_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": "eu-north-1",
    "AWS_DEFAULT_REGION": "eu-north-1",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
    "LANG": "en_US.UTF-8",
    "TZ": ":UTC",
    # The runtime's system has no time zone data, so a laptop's must not stand in for the layer's.
    "PYTHONTZPATH": "",
}


@dataclass(frozen=True)
class Call:
    """One invocation: how long it took, in seconds of the clock and of the processor, and its answer."""

    wall: float
    processor: float
    answer: Any


@dataclass(frozen=True)
class Start:
    """What one fresh process did."""

    init_wall: float
    modules: list[str]
    data_files: list[str]
    calls: list[Call]
    output: str

    @property
    def cold_wall(self) -> float:
        """Init and first call, which is what the first caller waits for."""
        return self.init_wall + self.calls[0].wall


class SandboxError(AssertionError):
    """The handler could not be imported or raised; carries the process's error output."""


def start(
    path: Sequence[Path],
    handler: str,
    *,
    environment: Mapping[str, str],
    events: Sequence[Any] = (),
    watch: bool = False,
) -> Start:
    """Import a handler in a fresh process and hand it the events one by one.

    Parameters
    ----------
    path
        What stands before the standard library on the module path.
    handler
        ``module.function`` as Lambda is told it.
    environment
        The function's own variables.
    events
        What it is invoked with, in this order.
    watch
        Also note which of botocore's data files are opened; slows the process down.
    """
    with tempfile.TemporaryDirectory() as folder:
        job, report = Path(folder, "job.json"), Path(folder, "report.json")
        job.write_text(
            json.dumps(
                {
                    "path": [str(part) for part in path],
                    "handler": handler,
                    "events": list(events),
                    "watch": watch,
                    "report": str(report),
                }
            )
        )
        # -S and -s: no site-packages; -P: not the script's own folder.
        outcome = subprocess.run(
            [sys.executable, "-S", "-s", "-P", str(_CHILD), str(job)],
            env={**_RUNTIME_ENVIRONMENT, "HOME": folder, **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        if outcome.returncode != 0:
            raise SandboxError(f"{handler} failed in its sandbox:\n{outcome.stderr}")
        told = json.loads(report.read_text())
    return Start(
        init_wall=told["init_wall"],
        modules=told["modules"],
        data_files=told["data_files"],
        calls=[Call(**call) for call in told["calls"]],
        output=outcome.stdout,
    )


def function_path(packages: Packages, name: str) -> list[Path]:
    """The module path of one of our functions: its folder, then the layers, as in a Lambda."""
    return [packages.functions[name], *packages.layers_on_path()]


DOMAINS = ("PAGES_DOMAIN", "SHORT_DOMAIN", "MAIL_DOMAIN")


def function_environment(name: str) -> dict[str, str]:
    """The variables that the stacks give to a function, with each table under its short name."""
    function = next(function for function in FUNCTIONS if function.name == name)
    return {
        "POWERTOOLS_SERVICE_NAME": name,
        "POWERTOOLS_METRICS_NAMESPACE": "Stamkunde",
        "POWERTOOLS_LOG_LEVEL": "INFO",
        **{f"{table.upper()}_TABLE": table for table in function.rights},
        **({"MESSAGE_QUEUE": "http://127.0.0.1/queue"} if function.wakes else {}),
        **({"ORIGIN_SECRET": ORIGIN_SECRET} if isinstance(function.trigger, Http) else {}),
        **(dict.fromkeys(DOMAINS, "example.com") if function.knows_domains else {}),
    }
