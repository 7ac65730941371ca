"""Everything that a local stack leaves behind beside its tables: logs, queues, executions."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tests.local_stack import LocalStack, wait_until

PLANTED = "planted-by-a-test"
ESCAPED_LETTER = re.compile(r"\\+u([0-9a-fA-F]{4})")
WORKER_QUEUE = "MessageWorkerWakeUps"


def traces(stack: LocalStack) -> Iterator[tuple[str, str]]:
    """Every line of every log, every body in a queue, every step of an execution, each with its place."""
    for place, line in (*lines(stack), *bodies(stack), *executions(stack)):
        yield place, unescaped(line)


def unescaped(line: str) -> str:
    """The line with the letters that JSON writes as codes, however deep it lies in other JSON."""
    return ESCAPED_LETTER.sub(lambda found: chr(int(found[1], 16)), line)


def lines(stack: LocalStack) -> Iterator[tuple[str, str]]:
    """Every line of every log group, and of the files that the local stack writes beside them."""
    logs = stack.client("logs")
    for group in groups(logs):
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group):
            yield from ((f"{group}:{event['logStreamName']}", event["message"]) for event in page["events"])
    for file in sorted((stack.home / "logs").iterdir()):
        yield from ((file.name, line) for line in file.read_text(errors="replace").splitlines())


def groups(logs: Any) -> list[str]:
    pages = logs.get_paginator("describe_log_groups").paginate()
    return [group["logGroupName"] for page in pages for group in page["logGroups"]]


def bodies(stack: LocalStack) -> Iterator[tuple[str, str]]:
    """What lies in the queues, without taking it out."""
    shown = httpx.get(f"{stack.stack.aws_endpoint}/_ministack/sqs/messages", timeout=30).json()["messages"]
    for regions in shown.values():
        for queues in regions.values():
            for queue, messages in queues.items():
                yield from ((f"queue {queue}", json.dumps(message)) for message in messages)


def executions(stack: LocalStack) -> Iterator[tuple[str, str]]:
    """What went into, through and out of every execution of every state machine."""
    states = stack.client("stepfunctions")
    for machine in states.list_state_machines()["stateMachines"]:
        for execution in states.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"]:
            arn = execution["executionArn"]
            history = states.get_execution_history(executionArn=arn, includeExecutionData=True)
            yield f"execution {arn}", json.dumps(states.describe_execution(executionArn=arn), default=str)
            yield from ((f"execution {arn}", json.dumps(event, default=str)) for event in history["events"])


@contextmanager
def worker_asleep(stack: LocalStack) -> Iterator[None]:
    """Leave the wake-ups of the message worker in its queue, to be looked at."""
    functions = stack.client("lambda")
    (mapping,) = [
        each
        for each in functions.list_event_source_mappings()["EventSourceMappings"]
        if WORKER_QUEUE in each["EventSourceArn"]
    ]
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    try:
        yield
    finally:
        functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)


def wake_ups(stack: LocalStack, number: int) -> list[tuple[str, str]]:
    """The wake-ups that lie in the worker's queue, once there are so many."""
    wait_until(lambda: len(_wake_ups(stack)) >= number)
    return _wake_ups(stack)


def _wake_ups(stack: LocalStack) -> list[tuple[str, str]]:
    return [(place, body) for place, body in bodies(stack) if WORKER_QUEUE in place]


@contextmanager
def planted(stack: LocalStack, told: list[str]) -> Iterator[None]:
    """A log stream, a queue and an execution that tell everything; each is gone afterwards."""
    logs, queues, states = (stack.client(service) for service in ("logs", "sqs", "stepfunctions"))
    (group,) = [each for each in groups(logs) if "TillApi" in each]
    logs.create_log_stream(logGroupName=group, logStreamName=PLANTED)
    now = int(time.time() * 1000)
    events = [{"timestamp": now, "message": f'{{"message":"request","told":"{each}"}}'} for each in told]
    logs.put_log_events(logGroupName=group, logStreamName=PLANTED, logEvents=events)
    queue = queues.create_queue(QueueName=PLANTED)["QueueUrl"]
    for each in told:
        queues.send_message(QueueUrl=queue, MessageBody=json.dumps({"told": each}))
    definition = {"StartAt": "Tell", "States": {"Tell": {"Type": "Pass", "End": True}}}
    machine = states.create_state_machine(
        name=PLANTED, definition=json.dumps(definition), roleArn="arn:aws:iam::000000000000:role/planted"
    )["stateMachineArn"]
    states.start_execution(stateMachineArn=machine, input=json.dumps({"told": told}))
    try:
        yield
    finally:
        logs.delete_log_stream(logGroupName=group, logStreamName=PLANTED)
        queues.delete_queue(QueueUrl=queue)
        states.delete_state_machine(stateMachineArn=machine)
