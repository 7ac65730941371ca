"""What 1,000 purchases cost in requests: metered units and log bytes at list prices."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from http import HTTPStatus
from io import StringIO
from unittest.mock import patch

from infra.function_catalogue import FUNCTIONS
from tests.benchmarks.scene import Scene
from tests.benchmarks.timing import Ratio
from tests.lambda_sandbox.child import LambdaContext
from tests.unit_meter import UnitMeter

PURCHASES = 50

# eu-north-1, on demand, US dollars.
WRITE_UNIT = 0.668e-6
READ_UNIT = 0.134e-6
HTTP_API_REQUEST = 1.03e-6
LAMBDA_REQUEST = 0.20e-6
LAMBDA_GB_SECOND = 13.33e-6
LOG_BYTE = 0.54e-9
# What Lambda itself adds to each invocation's log: START, END and REPORT.
PLATFORM_LOG_BYTES = 340

# Not measurable here: how long DynamoDB takes to answer in its own region.
SECONDS_PER_READ = 0.005
SECONDS_PER_TRANSACTION = 0.012


@dataclass(frozen=True)
class Cost:
    """One purchase's units and bytes, and what 1,000 of them cost in US dollars by part."""

    written: float
    read: float
    log_bytes: float
    parts: Mapping[str, float]

    @property
    def total(self) -> float:
        return sum(self.parts.values())


def purchase_cost(scene: Scene, processor: Ratio) -> Cost:
    """Meter some purchases of three lines and price them."""
    meter, log = UnitMeter(), StringIO()
    with _variables(scene.environment("till_api")), redirect_stdout(log):
        handler = importlib.import_module("till_api.handler")
        events = [scene.purchase_event() for _ in range(PURCHASES + 1)]
        # The first one reads the club as well, which then is known for a minute.
        handler.lambda_handler(events[0], LambdaContext())
        meter.attach(handler.TILLS.client)
        log.truncate(0)
        log.seek(0)
        for event in events[1:]:
            assert handler.lambda_handler(event, LambdaContext())["statusCode"] == HTTPStatus.CREATED
    written, read = meter.written / PURCHASES, meter.read / PURCHASES
    log_bytes = len(log.getvalue().encode()) / PURCHASES + PLATFORM_LOG_BYTES
    reads = (meter.calls["GetItem"] + meter.calls["Query"]) / PURCHASES
    seconds = processor.ours / 1000 + reads * SECONDS_PER_READ + SECONDS_PER_TRANSACTION
    memory_gb = next(function.memory_mb for function in FUNCTIONS if function.name == "till_api") / 1024
    parts = {
        "DynamoDB": written * WRITE_UNIT + read * READ_UNIT,
        "HTTP API": HTTP_API_REQUEST,
        "Lambda": LAMBDA_REQUEST + seconds * memory_gb * LAMBDA_GB_SECOND,
        "logs": log_bytes * LOG_BYTE,
    }
    return Cost(written, read, log_bytes, {name: price * 1000 for name, price in parts.items()})


@contextmanager
def _variables(environment: Mapping[str, str]) -> Iterator[None]:
    credentials = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "eu-north-1"}
    with patch.dict(os.environ, {**credentials, **environment}):
        yield
