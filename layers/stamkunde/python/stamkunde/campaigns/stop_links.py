"""What the links in campaigns lead to: ``STOP_NUMBER#<number>`` / ``<club>``: which run has a number.

A run's number stands in all of its tokens, so nothing is written for each message. It lives longer than the lists: a
token of an old message still leads to the club, which then asks for the number (R6).
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from msgspec import Struct

from stamkunde.campaigns.chunk_store import CHUNK_SIZE, ChunkStore, RunKey, chunk_key
from stamkunde.campaigns.model.stop_token import (
    MOST_NUMBERS,
    TEST_INDEX,
    StopToken,
    is_genuine,
    link_of,
    read_token,
    token_of,
)
from stamkunde.clubs.model import Club
from stamkunde.shared.channel import Channel
from stamkunde.shared.clock import Clock
from stamkunde.shared.ids import shard_of
from stamkunde.shared.reading import query_rows
from stamkunde.shared.signing import in_order_of_use
from stamkunde.shared.transaction import NOT_THERE, ConditionFailed, Put, put_alone

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

ITEM_VERSION = 1
LINKS_LAST = timedelta(days=400)
"""Longer than any permission: whoever finds an old message can still stop by it."""

_MOST_TRIES = 20


class Followed(Struct, frozen=True):
    """Where a token leads.

    Parameters
    ----------
    member_id
        Whose message it was in; None once that can't be told any more, or of a message to whoever tried it out.
    """

    club: Club
    run: RunKey
    member_id: str | None


class StopNumbers:
    """The numbers of the runs of all clubs, for whoever makes links or follows them."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def take(self, run: RunKey, now: datetime) -> int:
        """The number of a run: the same one whenever it is asked for.

        Raises
        ------
        LookupError
            There are too many runs for numbers of 24 bits.
        Busy
            Somebody writes the same row just now.
        """
        for attempt in range(_MOST_TRIES):
            number = shard_of(f"{run.club_id}#{run.campaign_id}#{run.channel}#{attempt}", MOST_NUMBERS)
            if self._is_ours(number, run, now):
                return number
        raise LookupError("no number is free")

    def find(self, number: int) -> RunKey | None:
        """Which run has a number."""
        for row in query_rows(self._client, self._table, _pk(number), consistent=True):
            return RunKey(row["sk"], row["campaign"], Channel(row["channel"]))
        return None

    def _is_ours(self, number: int, run: RunKey, now: datetime) -> bool:
        holder = self.find(number)
        if holder is not None:
            return holder == run
        row = {
            "pk": _pk(number),
            "sk": run.club_id,
            "v": ITEM_VERSION,
            "campaign": run.campaign_id,
            "channel": run.channel.value,
            "expires": int((now + LINKS_LAST).timestamp()),
        }
        try:
            put_alone(self._client, Put("number", self._table, row, NOT_THERE))
        except ConditionFailed:
            return self.find(number) == run
        # Of two clubs that take a number at the same time, whose rows don't stand in each other's way, one has it.
        return self.find(number) == run


class StopLinks(Struct, frozen=True):
    """Makes the links in one club's campaigns."""

    club: Club
    short_domain: str
    clock: Clock

    def link(self, number: int, index: int) -> str:
        """The link of a place in a run, from 0 through all of its lists; without ``https://``."""
        return link_of(self.short_domain, self.token(number, index))

    def token(self, number: int, index: int) -> str:
        """What the link ends in; a mail program's own button posts it."""
        return token_of(in_order_of_use(self.club.signing_keys, self.clock.now()), number, index)

    def test_link(self, number: int) -> str:
        """The link in a message to whoever tries a campaign out: it works, and leads to nobody."""
        return self.link(number, TEST_INDEX)


class Following(Struct, frozen=True):
    """Follows a token, without asking who does."""

    numbers: StopNumbers
    find_club: Callable[[str], Club | None]
    chunks_of: Callable[[str], ChunkStore]

    def follow(self, text: str) -> Followed | None:
        """Where a token leads; None for one that nobody of ours has made.

        A signature that no key opens any more leads to the club alone, like a list that was cleared away.
        """
        token = read_token(text)
        run = self.numbers.find(token.number) if token else None
        club = self.find_club(run.club_id) if run else None
        if token is None or run is None or club is None:
            return None
        return Followed(club, run, self._member(club, run, token))

    def _member(self, club: Club, run: RunKey, token: StopToken) -> str | None:
        if token.index == TEST_INDEX or not is_genuine(club.signing_keys, token):
            return None
        number, index = divmod(token.index, CHUNK_SIZE)
        return self.chunks_of(club.club_id).member_at(chunk_key(run, number), index)


def place_in_run(chunk_number: int, index: int) -> int:
    """The place in a run of a place in one of its lists."""
    return chunk_number * CHUNK_SIZE + index


def _pk(number: int) -> str:
    return f"STOP_NUMBER#{number}"
