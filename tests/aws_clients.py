"""Clients of the tests' engines: made by the hundred, so they share one session and what it has read."""

from __future__ import annotations

import random
from functools import cache
from typing import Any

import botocore.session
from botocore.config import Config

from infra.local.home import REGION
from stamkunde import service_data


def engine_client(service: str, endpoint: str, config: Config | None = None, account: str | None = None) -> Any:
    """A client of an engine; in an account of its own unless it is told in which: an access key is an account."""
    return _session().create_client(
        service,
        region_name=REGION,
        endpoint_url=endpoint,
        aws_access_key_id=account or f"{random.randrange(10**11, 10**12)}",
        aws_secret_access_key="test",
        config=config,
    )


@cache
def _session() -> botocore.session.Session:
    session = botocore.session.get_session()
    service_data.register(session)
    return session
