"""An operator of the local stack, for everything here that needs one done."""

from __future__ import annotations

import json
from typing import Any

from infra.asking import run_task
from infra.local.home import LocalRunError, Stack
from infra.local.loopback import client


class Operator:
    """An operator of the local stack."""

    def __init__(self, stack: Stack) -> None:
        self._functions = client("lambda", stack.aws_endpoint)
        self._name = stack.functions["operator_task"]

    def ask(self, task: str, **given: Any) -> dict[str, Any]:
        """Carry out one task; the answer, or the problem document of a refusal."""
        return run_task(self._functions, self._name, {"task": task, **given})

    def do(self, task: str, **given: Any) -> dict[str, Any]:
        """Carry out one task that must succeed."""
        answer = self.ask(task, **given)
        if "code" in answer:
            raise LocalRunError(f"{task} was refused: {answer['detail']}")
        return answer

    def begin(self, task: str, **given: Any) -> None:
        """Have one task carried out without waiting for it."""
        payload = json.dumps({"task": task, **given}).encode()
        self._functions.invoke(FunctionName=self._name, InvocationType="Event", Payload=payload)
