"""Telling the message worker that a row waits. A wake-up may be lost: the outbox job sends another."""

import json
from collections.abc import Mapping, Sequence
from itertools import batched
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct

MOST_A_CALL = 10


class SqsClient(Protocol):
    """What is used of botocore's SQS client."""

    def send_message_batch(self, **given: Any) -> Mapping[str, Any]:
        """Send up to ten messages."""
        ...


class WakeUps(Struct, frozen=True):
    """The queue that starts the worker; what lies in it are keys of rows, which tell of nobody."""

    client: SqsClient
    queue: str

    def send(self, keys: Sequence[Mapping[str, str]]) -> int:
        """Wake the worker for these rows; how many of the wake-ups were lost."""
        return sum(self._send(batch) for batch in batched(keys, MOST_A_CALL, strict=False))

    def _send(self, keys: Sequence[Mapping[str, str]]) -> int:
        entries = [{"Id": str(number), "MessageBody": json.dumps(dict(key))} for number, key in enumerate(keys)]
        try:
            answer = self.client.send_message_batch(QueueUrl=self.queue, Entries=entries)
        except (ClientError, BotoCoreError):
            return len(keys)
        return len(answer.get("Failed", ()))
