"""Each target is synthesized once, whatever the number of test workers."""

import fcntl
import os
from pathlib import Path

import pytest

from tests.infra.synthesis import TARGETS, composed
from tests.infra.templates import Stacks


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Stacks:
    """The templates for AWS."""
    return _synthesized("aws", tmp_path_factory)


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory) -> Stacks:
    """The templates for the local engine."""
    return _synthesized("local", tmp_path_factory)


@pytest.fixture(params=sorted(TARGETS))
def stacks(request: pytest.FixtureRequest) -> Stacks:
    """The templates for AWS, then those for the local engine."""
    templates: Stacks = request.getfixturevalue(request.param)
    return templates


def _synthesized(target: str, tmp_path_factory: pytest.TempPathFactory) -> Stacks:
    folder = _shared_by_workers(tmp_path_factory) / f"synthesized-{target}"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        finished = folder / "finished"
        if not finished.exists():
            composed(folder, TARGETS[target]).synth()
            finished.touch()
    return Stacks.read(folder / "assembly")


def _shared_by_workers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
