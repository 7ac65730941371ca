"""Synthesizing for tests: the real stacks, with almost empty packages."""

import json
from collections.abc import Mapping
from pathlib import Path

import aws_cdk as cdk

from infra.app import compose
from infra.function_catalogue import FUNCTIONS
from infra.packaging import ROOT, Packages

TARGETS: Mapping[str, Mapping[str, str]] = {
    "aws": {"target": "aws", "alarm_email": "operator@example.com"},
    "local": {"target": "local", "alarm_email": "operator@example.com", "source_digest": "0123456789abcdef"},
}


def small_packages(folder: Path) -> Packages:
    """Packages with next to nothing in them: no test of a template looks inside."""
    return Packages(
        dependencies=_package(folder / "dependencies", "python/package.py"),
        stamkunde=_package(folder / "stamkunde", "python/stamkunde/__init__.py"),
        functions={
            function.name: _package(folder / function.name, f"{function.name}/handler.py") for function in FUNCTIONS
        },
    )


def composed(folder: Path, context: Mapping[str, str]) -> cdk.App:
    """The app, not synthesized yet, under cdk.json's own flags."""
    flags = json.loads((ROOT / "cdk.json").read_text())["context"]
    return compose(small_packages(folder / "packages"), {**flags, **context}, str(folder / "assembly"))


def _package(folder: Path, file: str) -> Path:
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")
    return folder
