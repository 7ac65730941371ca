"""Rows of the members table that prove who somebody is: challenges, counters, devices, card numbers.

``CODE#<club>#<challenge>`` / ``CODE``: that a code was asked for. ``LIMIT#<club>#<kind>#<keyed hash>`` /
``<hour or day>``: how many were. ``M#<club>#<member>`` / ``DEVICE#<hash>``: where a card is open.
``K#<club>#<card number>`` / ``CARD``: whose card it is. Links, which members' own rows are written with, are found
here by whoever has no more than a token. The table clears away what is over by the attribute
``expires``; nothing here relies on it.
"""

from copy import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from stamkunde.members.codes import (
    MOST_TRIES,
    MOST_TRIES_AFTER_USE,
    Challenge,
    CodePurpose,
    Limit,
    LimitKind,
    user_of,
)
from stamkunde.members.device import DEVICE_LASTS, Device
from stamkunde.members.service_link import FoundLink, LinkAct, is_token, link_hash
from stamkunde.shared.clock import iso_instant, parse_instant
from stamkunde.shared.reading import get_row, query_rows
from stamkunde.shared.signing import derive
from stamkunde.shared.transaction import (
    NOT_THERE,
    THERE,
    Delete,
    Put,
    Update,
    Write,
    commit,
    delete_alone,
    put_alone,
)

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

    from stamkunde.members.message_notes import MessageNotes

ITEM_VERSION = 1
DEVICE_PREFIX = "DEVICE#"
KEPT_AFTER_ITS_END = timedelta(days=1)
LONGEST_WINDOW = timedelta(days=1)


class AccessStore:
    """One club's codes, devices and cards. Built for one club: no method takes another's id."""

    def __init__(self, client: "DynamoDBClient", table: str, club_id: str, address_key: bytes) -> None:
        self._client = client
        self._table = table
        self._club_id = club_id
        self._address_key = address_key

    @property
    def message_notes(self) -> "MessageNotes":
        """What the same club's members were written to, for the transactions that write to them."""
        from stamkunde.members.message_notes import MessageNotes  # noqa: PLC0415 - a till's start writes to nobody

        return MessageNotes(self._client, self._table, self._club_id)

    def load_challenge(self, challenge_id: str) -> Challenge | None:
        """A challenge as last confirmed."""
        row = get_row(self._client, self._table, self._code_pk(challenge_id), "CODE", consistent=True)
        return _challenge(row) if row else None

    def challenge_write(self, challenge: Challenge) -> Put:
        """A new challenge."""
        row = {
            "pk": self._code_pk(challenge.challenge_id),
            "sk": "CODE",
            "v": ITEM_VERSION,
            "purpose": challenge.purpose.value,
            "expires_at": iso_instant(challenge.expires_at),
            "tries": challenge.tries,
            "expires": _epoch(challenge.expires_at + KEPT_AFTER_ITS_END),
        }
        return Put("challenge", self._table, row, NOT_THERE)

    def try_write(self, challenge: Challenge) -> Update:
        """One more try of a challenge, refused if another was counted since it was read, or it was used up."""
        most = MOST_TRIES if challenge.used_by is None else MOST_TRIES_AFTER_USE
        return Update(
            "challenge",
            self._table,
            self._code_key(challenge),
            "ADD tries :one",
            "tries = :seen AND tries < :most",
            {"one": 1, "seen": challenge.tries, "most": most},
        )

    def use_write(self, challenge: Challenge, member_id: str) -> Update:
        """That the right code was used for a member; only one use of a challenge is ever written."""
        return Update(
            "challenge",
            self._table,
            self._code_key(challenge),
            "SET used_by = :member",
            f"{THERE} AND attribute_not_exists(used_by)",
            {"member": user_of(member_id)},
        )

    def limit_write(self, limit: Limit, counted: str, now: datetime) -> Update:
        """One more code asked for by a number, an address or the club, or typed; refused when there were enough."""
        hashed = derive(self._address_key, "code_limit", limit.kind.value, counted).hex()
        return Update(
            limit.purpose,
            self._table,
            {"pk": f"LIMIT#{self._club_id}#{limit.kind}#{hashed}", "sk": limit.window.name_at(now)},
            "ADD used :one SET v = :v, expires = :expires",
            "attribute_not_exists(used) OR used < :most",
            {
                "one": 1,
                "v": ITEM_VERSION,
                "expires": _epoch(now + LONGEST_WINDOW + KEPT_AFTER_ITS_END),
                "most": limit.most,
            },
        )

    def find_device(self, member_id: str, device_id: str) -> Device | None:
        """A device on which a member's card was opened, as last confirmed."""
        pk = self._member_pk(member_id)
        row = get_row(self._client, self._table, pk, DEVICE_PREFIX + device_id, consistent=True)
        return _device(row) if row else None

    def devices(self, member_id: str) -> list[Device]:
        """Every device of a member, those that are over included."""
        pk = self._member_pk(member_id)
        rows = query_rows(self._client, self._table, pk, DEVICE_PREFIX, consistent=True)
        return [_device(row) for row in rows]

    def device_write(self, device: Device) -> Put:
        """A newly opened device."""
        row = {
            "pk": self._member_pk(device.member_id),
            "sk": DEVICE_PREFIX + device.device_id,
            "v": ITEM_VERSION,
            "label": device.label,
            "opened_at": iso_instant(device.opened_at),
            "used_at": iso_instant(device.used_at),
            "expires": _epoch(device.used_at + DEVICE_LASTS + KEPT_AFTER_ITS_END),
        }
        return Put("device", self._table, row, NOT_THERE)

    def device_used_write(self, device: Device, now: datetime) -> Update:
        """That a device was used again, refused if it has been removed."""
        return Update(
            "device",
            self._table,
            self._device_key(device),
            "SET used_at = :now, expires = :expires",
            THERE,
            {"now": iso_instant(now), "expires": _epoch(now + DEVICE_LASTS + KEPT_AFTER_ITS_END)},
        )

    def device_removal(self, device: Device) -> Delete:
        """A device that is removed, refused if it has been."""
        key = self._device_key(device)
        return Delete(f"device_{device.device_id}", self._table, key, THERE)

    def find_by_card(self, card_number: str, *, consistent: bool = False) -> str | None:
        """Whose card it is: the member's id."""
        row = get_row(self._client, self._table, self._card_pk(card_number), "CARD", consistent=consistent)
        return str(row["member"]) if row else None

    def card_write(self, card_number: str, member_id: str) -> Put:
        """What finds a member by the card; a number belongs to one member only."""
        row = {"pk": self._card_pk(card_number), "sk": "CARD", "v": ITEM_VERSION, "member": member_id}
        return Put("card", self._table, row, NOT_THERE)

    def card_merged_write(self, card_number: str, member_id: str) -> Put:
        """A card that leads to the member its owner was merged into."""
        return replace(self.card_write(card_number, member_id), condition=THERE)

    def card_removal(self, card_number: str) -> Delete:
        """A card that leads nowhere any more."""
        key = {"pk": self._card_pk(card_number), "sk": "CARD"}
        return Delete("card", self._table, key, THERE)

    def commit(self, writes: list[Write]) -> None:
        """Write everything or nothing; see `stamkunde.shared.transaction.commit`."""
        commit(self._client, writes)

    def write_alone(self, write: Put | Delete) -> None:
        """Write or take away one item by itself; see `stamkunde.shared.transaction`."""
        if isinstance(write, Put):
            put_alone(self._client, write)
        else:
            delete_alone(self._client, write)

    def limit_writes(self, limits: tuple[Limit, ...], phone: str, address: str, now: datetime) -> list[Update]:
        """One more code asked for, in every counter that it touches."""
        counted = {LimitKind.NUMBER: phone, LimitKind.ADDRESS: address, LimitKind.CLUB: ""}
        return [self.limit_write(limit, counted[limit.kind], now) for limit in limits]

    def _member_pk(self, member_id: str) -> str:
        return f"M#{self._club_id}#{member_id}"

    def _card_pk(self, card_number: str) -> str:
        return f"K#{self._club_id}#{card_number}"

    def _code_pk(self, challenge_id: str) -> str:
        return f"CODE#{self._club_id}#{challenge_id}"

    def _code_key(self, challenge: Challenge) -> dict[str, Any]:
        return {"pk": self._code_pk(challenge.challenge_id), "sk": "CODE"}

    def _device_key(self, device: Device) -> dict[str, Any]:
        return {"pk": self._member_pk(device.member_id), "sk": DEVICE_PREFIX + device.device_id}


def _epoch(instant: datetime) -> int:
    return int(instant.timestamp())


def _challenge(row: dict[str, Any]) -> Challenge:
    return Challenge(
        challenge_id=row["pk"].rpartition("#")[2],
        purpose=CodePurpose(row["purpose"]),
        expires_at=parse_instant(row["expires_at"]),
        tries=row["tries"],
        used_by=row.get("used_by"),
    )


def _device(row: dict[str, Any]) -> Device:
    return Device(
        device_id=row["sk"].removeprefix(DEVICE_PREFIX),
        member_id=row["pk"].rpartition("#")[2],
        label=row["label"],
        opened_at=parse_instant(row["opened_at"]),
        used_at=parse_instant(row["used_at"]),
    )


class ServiceLinks:
    """Every club's service links: whoever follows one brings nothing but its token."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def find(self, token: str) -> FoundLink | None:
        """The link with that token; None when it was never sent, or is gone with its member."""
        return self.load(link_hash(token)) if is_token(token) else None

    def load(self, token_hash: str) -> FoundLink | None:
        """The link whose token has that hash."""
        row = get_row(self._client, self._table, f"LINK#{token_hash}", "LINK", consistent=True)
        return _link(row) if row else None


def link_row(link: FoundLink) -> dict[str, Any]:
    """What is kept of a link."""
    return {
        "pk": f"LINK#{link.token_hash}",
        "sk": "LINK",
        "v": ITEM_VERSION,
        "club": link.club_id,
        "person": link.member_id,
        "act": link.act.value,
        "made_at": iso_instant(link.made_at),
        "expires_at": iso_instant(link.expires_at),
        "address": link.address_hash,
        "expires": int(link.expires_at.timestamp()),
    }


def _link(row: dict[str, Any]) -> FoundLink:
    return FoundLink(
        club_id=row["club"],
        member_id=row["person"],
        act=LinkAct(row["act"]),
        token_hash=row["pk"].rpartition("#")[2],
        made_at=parse_instant(row["made_at"]),
        expires_at=parse_instant(row["expires_at"]),
        address_hash=row["address"],
    )
