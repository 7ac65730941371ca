"""Telling the campaign worker that a chunk waits. A wake-up may be lost: the minute job sends another."""

import json
from collections.abc import Sequence
from datetime import timedelta
from itertools import batched

from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct

from stamkunde.campaigns.chunk_store import ChunkKey
from stamkunde.gateways.wake_ups import MOST_A_CALL, SqsClient


class ChunkWakeUps(Struct, frozen=True):
    """The queue that starts the campaign worker; what lies in it are names of lists, which tell of nobody.

    It is a fair one: each message says whose it is, so that the queue itself lets nobody wait long for another
    club's. What is promised rests on the window alone (`stamkunde.campaigns.runs`).
    """

    client: SqsClient
    queue: str

    def wake(self, keys: Sequence[ChunkKey], delay: timedelta = timedelta()) -> int:
        """Wake workers for these chunks, not before so long; how many of the wake-ups were lost."""
        return sum(self._send(batch, delay) for batch in batched(keys, MOST_A_CALL, strict=False))

    def _send(self, keys: Sequence[ChunkKey], delay: timedelta) -> int:
        entries = [
            {
                "Id": str(number),
                "MessageBody": json.dumps(key.wake_up()),
                "DelaySeconds": round(delay.total_seconds()),
                "MessageGroupId": key.club_id,
            }
            for number, key in enumerate(keys)
        ]
        try:
            answer = self.client.send_message_batch(QueueUrl=self.queue, Entries=entries)
        except (ClientError, BotoCoreError):
            return len(keys)
        return len(answer.get("Failed", ()))
