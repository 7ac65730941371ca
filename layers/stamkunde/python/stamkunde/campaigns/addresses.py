"""Who was written to by which campaign, by address, and the claim that comes before a call: rows of messages.

``ADDR#<club>#<keyed hash of the address>`` / ``<channel>``: the campaigns that an address was claimed for in the last
35 days. Whoever wins the claim calls the gateway, once; so two members with one address get one message, a worker
that comes later sees that somebody may have called, and the cap counts what was really tried. A claim is one write.
"""

from collections.abc import Iterable, Mapping
from copy import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from stamkunde.campaigns.model.capping import Sent, is_enough
from stamkunde.members.model import phone_pointer
from stamkunde.shared.channel import Channel
from stamkunde.shared.ids import new_id
from stamkunde.shared.reading import get_row, get_rows
from stamkunde.shared.transaction import (
    NOT_THERE,
    THERE,
    ConditionFailed,
    Delete,
    Put,
    Update,
    delete_alone,
    put_alone,
    update_alone,
)

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

ITEM_VERSION = 1
_GONE_OR_OURS = f"{NOT_THERE} OR v = :v"
REMEMBERED = timedelta(days=35)
"""Longer than the cap looks back, and as long as lists live."""


class Claim(Struct, frozen=True):
    """That a worker took an address for a campaign, and may have called the gateway.

    Parameters
    ----------
    chunk_id, index
        The place in the campaign's lists that it was claimed for.
    claim_id
        Tells whoever claimed it that it was them, when the answer to that was lost.
    """

    campaign_id: str
    chunk_id: str
    index: int
    at: datetime
    claim_id: str
    plan_id: str | None = None

    def is_of(self, chunk_id: str, index: int) -> bool:
        """Whether it was made for that place."""
        return (self.chunk_id, self.index) == (chunk_id, index)


class AddressState(Struct, frozen=True):
    """What is known of an address.

    Parameters
    ----------
    version
        Goes up with every write; 0 for one that nothing is known of.
    claims
        By campaign.
    """

    address_hash: str
    channel: Channel
    version: int = 0
    claims: Mapping[str, Claim] = field(default_factory=dict)

    def has_enough(self, campaign_id: str, plan_id: str | None, now: datetime) -> bool:
        """Whether the cap passes it over."""
        sent = (Sent(each.campaign_id, each.at, each.plan_id) for each in self.claims.values())
        return is_enough(sent, campaign_id, plan_id, now)

    def claimed(self, claim: Claim) -> "AddressState":
        """With one more claim, and without those of long ago."""
        kept = {name: each for name, each in self.claims.items() if claim.at - each.at < REMEMBERED}
        return replace(self, version=self.version + 1, claims={**kept, claim.campaign_id: claim})


class Addresses:
    """One club's addresses. Built for one club: no method takes another's id."""

    def __init__(self, client: "DynamoDBClient", table: str, club_id: str, address_key: bytes) -> None:
        self._client = client
        self._table = table
        self._club_id = club_id
        self._address_key = address_key

    def hash_of(self, address: str) -> str:
        """The keyed hash under which an address is found; as in all pointers of the club."""
        return phone_pointer(self._address_key, address)

    def load_all(self, hashes: Iterable[str], channel: Channel) -> dict[str, AddressState]:
        """What is known of some addresses, at most a hundred, by their hashes; it may be a moment old."""
        wanted = sorted(set(hashes))
        keys = [self._key(each, channel) for each in wanted]
        rows = get_rows(self._client, self._table, keys) if keys else []
        found = {state.address_hash: state for state in map(_state, rows)}
        return {each: found.get(each) or AddressState(each, channel) for each in wanted}

    def load(self, address_hash: str, channel: Channel) -> AddressState:
        """What is known of an address, as last confirmed."""
        key = self._key(address_hash, channel)
        row = get_row(self._client, self._table, key["pk"], key["sk"], consistent=True)
        return _state(row) if row else AddressState(address_hash, channel)

    def claim(self, before: AddressState, claim: Claim) -> AddressState | None:
        """Take an address for a campaign; None if it was written since it was read.

        Raises
        ------
        Busy
            Somebody writes the same row just now.
        """
        after = before.claimed(claim)
        condition, values = ("ver = :ver", {"ver": before.version}) if before.version else (NOT_THERE, {})
        try:
            put_alone(self._client, Put("claim", self._table, self._row(after, claim.at), condition, values))
        except ConditionFailed:
            found = self.load(before.address_hash, before.channel)
            held = found.claims.get(claim.campaign_id)
            return found if held is not None and held.claim_id == claim.claim_id else None
        return after

    def give_back(self, address_hash: str, channel: Channel, claim: Claim) -> None:
        """Let go of an address whose message the gateway surely has not taken; again is no harm.

        Raises
        ------
        Busy
            Somebody writes the same row just now.
        """
        name = f"sent.#{claim.campaign_id}"
        ours = f"{THERE} AND {name}.claim = :claim"
        change = f"SET ver = ver + :one REMOVE {name}"
        values = {"claim": claim.claim_id, "one": 1}
        key = self._key(address_hash, channel)
        try:
            update_alone(self._client, Update("claim", self._table, key, change, ours, values))
        except ConditionFailed:
            return

    def forget(self, hashes: Iterable[str]) -> None:
        """Forget when addresses were written to whose owner is erased; again is no harm.

        Raises
        ------
        Busy
            Somebody writes the same row just now.
        """
        keys = [self._key(each, channel) for each in sorted(set(hashes)) for channel in Channel]
        for row in get_rows(self._client, self._table, keys, consistent=True):
            key = {"pk": row["pk"], "sk": row["sk"]}
            delete_alone(self._client, Delete("address", self._table, key, _GONE_OR_OURS, {"v": ITEM_VERSION}))

    def _key(self, address_hash: str, channel: Channel) -> dict[str, str]:
        return {"pk": f"ADDR#{self._club_id}#{address_hash}", "sk": channel.value}

    def _row(self, state: AddressState, now: datetime) -> dict[str, Any]:
        return {
            **self._key(state.address_hash, state.channel),
            "v": ITEM_VERSION,
            "ver": state.version,
            "sent": {campaign_id: _claim_attribute(claim) for campaign_id, claim in state.claims.items()},
            "expires": int((now + REMEMBERED).timestamp()),
        }


def new_claim(campaign_id: str, plan_id: str | None, chunk_id: str, index: int, now: datetime) -> Claim:
    """A claim of one place, with an id of its own."""
    return Claim(campaign_id, chunk_id, index, now, new_id("", 12), plan_id)


def _claim_attribute(claim: Claim) -> dict[str, Any]:
    told = {"t": _milliseconds(claim.at), "chunk": claim.chunk_id, "i": claim.index, "claim": claim.claim_id}
    return told | ({"plan": claim.plan_id} if claim.plan_id else {})


def _state(row: Mapping[str, Any]) -> AddressState:
    claims = {
        campaign_id: Claim(
            campaign_id,
            each["chunk"],
            each["i"],
            datetime.fromtimestamp(each["t"] / 1000, UTC),
            each["claim"],
            each.get("plan"),
        )
        for campaign_id, each in row["sent"].items()
    }
    return AddressState(row["pk"].rpartition("#")[2], Channel(row["sk"]), row["ver"], claims)


def _milliseconds(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)
