"""Looking for somebody wherever anything is kept: in every store that the engine has, meant to hold people or not.

Which stores there are is asked of the engine and of nobody's list, so one that is new is looked through as well. A
copy on demand can't be looked into: it has to be restored first (docs/runbook/restore.md).
"""

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from infra.local.home import Stack
from infra.local.loopback import client, require_loopback

type Clients = Callable[[str], Any]
"""Makes a client of a service of AWS."""

type Findings = dict[str, Counter[str]]
"""By place, how many texts hold each word that was looked for; a place without any stands there too."""

ENGINE_SECONDS = 30
SHORTEST_CODED = 8
"""Letters of a word's middle in base 64: fewer would be found by chance."""
_ESCAPED_LETTER = re.compile(r"\\+u([0-9a-fA-F]{4})")


def everywhere(stack: Stack, words: Mapping[str, str]) -> Findings:
    """Look for words, each under a name of its own, in every store of a running local stack."""
    clients = partial(client, endpoint=stack.aws_endpoint)
    return count(words, every_text(clients, stack.aws_endpoint))


def in_files(folder: Path, words: Mapping[str, str]) -> Findings:
    """Look for words in all files below a folder, such as those of an engine that has been stopped."""
    files = (file for file in sorted(folder.rglob("*")) if file.is_file())
    return count(words, ((str(file.relative_to(folder)), _readable(file.read_bytes())) for file in files))


def somewhere(findings: Findings) -> dict[str, dict[str, int]]:
    """The places in which something was found, and what."""
    return {place: dict(found) for place, found in findings.items() if found}


def count(words: Mapping[str, str], texts: Iterable[tuple[str, str]]) -> Findings:
    """How many of the texts of each place hold each word, however it is written down."""
    forms = {name: tuple(_forms(word)) for name, word in words.items()}
    findings: Findings = {}
    for place, text in texts:
        found = findings.setdefault(place, Counter())
        plain = _unescaped(text)
        found.update(name for name, written in forms.items() if any(form in plain for form in written))
    return findings


def every_text(clients: Clients, endpoint: str) -> Iterator[tuple[str, str]]:
    """Everything that the engine keeps but its own inbox, text by text, each with its place."""
    tables = clients("dynamodb")
    for table in names_of_tables(tables):
        yield from rows_of(tables, table)
    yield from _streams(clients("dynamodbstreams"))
    yield from _files(clients("s3"))
    yield from _queues(clients("sqs"), endpoint)
    yield from _executions(clients("stepfunctions"))
    yield from _schedules(clients("scheduler"), clients("events"))
    yield from _logs(clients("logs"))


def names_of_tables(tables: Any) -> list[str]:
    """Every table there is, also such as no stack made."""
    pages = tables.get_paginator("list_tables").paginate()
    return [name for page in pages for name in page["TableNames"]]


def rows_of(tables: Any, table: str) -> Iterator[tuple[str, str]]:
    """Every row of one table; an empty table is a place too."""
    place = f"table {table}"
    yield place, ""
    for page in tables.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
        yield from ((place, _text(item)) for item in page["Items"])


def _streams(streams: Any) -> Iterator[tuple[str, str]]:
    for stream in _pages(streams.list_streams, "Streams", ("LastEvaluatedStreamArn", "ExclusiveStartStreamArn")):
        arn, place = stream["StreamArn"], f"stream {stream['TableName']}"
        yield place, ""
        for shard in streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
            begin = {"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
            following = streams.get_shard_iterator(**begin).get("ShardIterator")
            while following and (records := (page := streams.get_records(ShardIterator=following))["Records"]):
                yield from ((place, _text(record)) for record in records)
                following = page.get("NextShardIterator")


def _files(buckets: Any) -> Iterator[tuple[str, str]]:
    """Every version of every file, and the name of each that was deleted."""
    for name in (bucket["Name"] for bucket in buckets.list_buckets()["Buckets"]):
        place = f"bucket {name}"
        yield place, ""
        for page in buckets.get_paginator("list_object_versions").paginate(Bucket=name):
            yield from ((place, gone["Key"]) for gone in page.get("DeleteMarkers", ()))
            for kept in page.get("Versions", ()):
                which = {"Key": kept["Key"], "VersionId": kept["VersionId"]}
                body = buckets.get_object(Bucket=name, **which)["Body"].read()
                yield place, f"{kept['Key']} {_readable(body)}"


def _queues(queues: Any, endpoint: str) -> Iterator[tuple[str, str]]:
    """What lies in the queues, the dead letters' too: receiving it would count as a try."""
    for address in _pages(queues.list_queues, "QueueUrls", ("NextToken", "NextToken")):
        yield f"queue {address.rpartition('/')[2]}", ""
    shown = httpx.get(
        f"{require_loopback(endpoint, 'The engine')}/_ministack/sqs/messages", timeout=ENGINE_SECONDS
    ).json()["messages"]
    for regions in shown.values():
        for named in regions.values():
            for queue, messages in named.items():
                yield from ((f"queue {queue}", _text(message)) for message in messages)


def _executions(states: Any) -> Iterator[tuple[str, str]]:
    """What went into, through and out of every execution of every state machine."""
    for machine in _paginated(states, "list_state_machines", "stateMachines"):
        arn, place = machine["stateMachineArn"], f"executions {machine['name']}"
        yield place, ""
        for execution in _paginated(states, "list_executions", "executions", stateMachineArn=arn):
            which = execution["executionArn"]
            yield place, _text(states.describe_execution(executionArn=which))
            events = _paginated(
                states, "get_execution_history", "events", executionArn=which, includeExecutionData=True
            )
            yield from ((place, _text(event)) for event in events)


def _schedules(scheduler: Any, events: Any) -> Iterator[tuple[str, str]]:
    yield "schedules", ""
    for schedule in _paginated(scheduler, "list_schedules", "Schedules"):
        which = {"Name": schedule["Name"], "GroupName": schedule["GroupName"]}
        yield "schedules", _text(scheduler.get_schedule(**which))
    for rule in _paginated(events, "list_rules", "Rules"):
        yield "schedules", _text([rule, events.list_targets_by_rule(Rule=rule["Name"])["Targets"]])


def _logs(logs: Any) -> Iterator[tuple[str, str]]:
    for group in _paginated(logs, "describe_log_groups", "logGroups"):
        place = f"log {group['logGroupName']}"
        yield place, ""
        lines = _paginated(logs, "filter_log_events", "events", logGroupName=group["logGroupName"])
        yield from ((place, f"{line['logStreamName']} {line['message']}") for line in lines)


def _paginated(service: Any, operation: str, holding: str, **given: Any) -> Iterator[Any]:
    for page in service.get_paginator(operation).paginate(**given):
        yield from page.get(holding, ())


def _pages(operation: Callable[..., Any], holding: str, tokens: tuple[str, str]) -> Iterator[Any]:
    """All that an operation lists for which there is no paginator."""
    told, asked = tokens
    given: dict[str, str] = {}
    while True:
        page = operation(**given)
        yield from page.get(holding, ())
        if not page.get(told):
            return
        given = {asked: page[told]}


def _text(held: Any) -> str:
    return json.dumps(held, ensure_ascii=False, default=_spoken)


def _spoken(value: Any) -> str:
    return _readable(value) if isinstance(value, bytes) else str(value)


def _readable(content: bytes) -> str:
    return content.decode(errors="replace")


def _unescaped(text: str) -> str:
    """The text with the letters that JSON writes as codes, however deep it lies in other JSON."""
    return _ESCAPED_LETTER.sub(lambda found: chr(int(found[1], 16)), text) if "\\u" in text else text


def _forms(word: str) -> Iterator[str]:
    """A word as it may be written: as it is, in an address or a form, and in base 64 wherever it begins there."""
    yield word
    yield quote(word, safe="")
    for before in range(3):
        coded = base64.b64encode(b"\0" * before + word.encode()).decode()
        # Without the letters that also depend on what stands before and after it.
        middle = coded[(before * 8 + 5) // 6 : (before + len(word.encode())) // 3 * 4]
        if len(middle) >= SHORTEST_CODED:
            yield middle
