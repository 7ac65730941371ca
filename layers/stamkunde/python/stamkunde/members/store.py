"""Rows of the members table: members, what finds them, and their consent records."""

from typing import TYPE_CHECKING, Any

from stamkunde.members.model import Member, TermsAcceptance, phone_pointer
from stamkunde.shared.clock import iso_instant, parse_instant
from stamkunde.shared.reading import get_row
from stamkunde.shared.transaction import NOT_THERE, UNCHANGED, Put

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

ITEM_VERSION = 1


class MemberStore:
    """One club's members. Built for one club: no method takes another's id."""

    def __init__(self, client: "DynamoDBClient", table: str, club_id: str, address_key: bytes) -> None:
        self._client = client
        self._table = table
        self._club_id = club_id
        self._address_key = address_key

    def load(self, member_id: str, *, consistent: bool = False) -> Member | None:
        """A member by id."""
        row = self._get(self._member_pk(member_id), "MEMBER", consistent=consistent)
        return _member(row) if row else None

    def find_by_phone(self, phone: str, *, consistent: bool = False) -> Member | None:
        """The member with that E.164 number."""
        pointer = self._get(self._phone_pk(phone), "PHONE", consistent=consistent)
        return self.load(pointer["member"], consistent=consistent) if pointer else None

    def find_account(self, member_id: str) -> str | None:
        """The account a member's bonus is in."""
        member = self.load(member_id, consistent=True)
        return member.account_id if member else None

    def join_writes(self, member: Member) -> list[Put]:
        """A new member; the number can belong to one member only."""
        pointer = {
            "pk": self._phone_pk(member.phone),
            "sk": "PHONE",
            "v": ITEM_VERSION,
            "member": member.member_id,
        }
        return [
            Put("phone", self._table, pointer, NOT_THERE),
            Put("member", self._table, self._member_row(member), NOT_THERE),
        ]

    def change_writes(self, before: Member, after: Member) -> list[Put]:
        """A member's new state, refused if another write came between."""
        return [
            Put(
                "member",
                self._table,
                self._member_row(after),
                UNCHANGED,
                {"before": before.revision},
            )
        ]

    def acceptance_write(self, member_id: str, record: TermsAcceptance) -> Put:
        """One more consent record; none is ever changed."""
        row = {
            "pk": self._member_pk(member_id),
            "sk": f"CONSENT#{record.record_id}",
            "v": ITEM_VERSION,
            "kind": "terms_accepted",
            "terms_version": record.terms_version,
            "text_hash": record.text_hash,
            "language": record.language,
            "method": record.method.value,
            "accepted_at": iso_instant(record.accepted_at),
            "recorded_at": iso_instant(record.recorded_at),
            "outlet": record.outlet_id,
            "till": record.till_id,
        }
        return Put("consent", self._table, row, NOT_THERE)

    def _get(self, pk: str, sk: str, *, consistent: bool) -> dict[str, Any] | None:
        return get_row(self._client, self._table, pk, sk, consistent=consistent)

    def _member_pk(self, member_id: str) -> str:
        return f"M#{self._club_id}#{member_id}"

    def _phone_pk(self, phone: str) -> str:
        return f"P#{self._club_id}#{phone_pointer(self._address_key, phone)}"

    def _member_row(self, member: Member) -> dict[str, Any]:
        return {
            "pk": self._member_pk(member.member_id),
            "sk": "MEMBER",
            "v": ITEM_VERSION,
            "revision": member.revision,
            "account": member.account_id,
            "phone": member.phone,
            "first_name": member.first_name,
            "terms_version": member.terms_version,
            "joined_at": iso_instant(member.joined_at),
            "joined_outlet": member.joined_at_outlet,
            "joined_till": member.joined_at_till,
        }


def _member(row: dict[str, Any]) -> Member:
    return Member(
        member_id=row["pk"].rpartition("#")[2],
        account_id=row["account"],
        phone=row["phone"],
        first_name=row["first_name"],
        terms_version=row["terms_version"],
        joined_at=parse_instant(row["joined_at"]),
        joined_at_outlet=row["joined_outlet"],
        joined_at_till=row["joined_till"],
        revision=row["revision"],
    )
