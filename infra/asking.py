"""Carrying out an operator's task from the command line: one, or several that make a whole."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from infra.local.home import Home, LocalRunError, Stack
from infra.local.loopback import client

if TYPE_CHECKING:
    from types_boto3_lambda.client import LambdaClient

type Ask = Callable[..., dict[str, Any]]
"""Carries out a task of the operator Lambda: its name, and what it is given."""


def run_task(functions: LambdaClient, function_name: str, task: dict[str, Any]) -> dict[str, Any]:
    """Invoke the operator Lambda with one task.

    Raises
    ------
    LocalRunError
        The Lambda broke: its own log says why.
    """
    answer = functions.invoke(FunctionName=function_name, Payload=json.dumps(task).encode())
    shown: dict[str, Any] = json.loads(answer["Payload"].read())
    if answer.get("FunctionError"):
        raise LocalRunError(f"The operator function broke ({shown.get('errorType')}): see its log.")
    return shown


def asking() -> Ask:
    """Ask the local stack's operator Lambda; a refusal ends the command."""
    stack = Stack.load(Home.from_environment(os.environ).path)
    functions: LambdaClient = client("lambda", stack.aws_endpoint)

    def ask(task: str, **given: Any) -> dict[str, Any]:
        shown = run_task(functions, stack.functions["operator_task"], {"task": task, **given})
        if "code" in shown:
            raise LocalRunError(f"{shown['code']}: {shown.get('detail', '')}")
        return shown

    return ask


def print_json(shown: dict[str, Any] | Sequence[Any]) -> None:
    """Print an answer as people and programs can read it."""
    sys.stdout.write(json.dumps(shown, indent=2, ensure_ascii=False) + "\n")
