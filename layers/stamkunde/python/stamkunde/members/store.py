"""Rows of the members table: members, what finds them, their consent records and the links sent to them.

``M#<club>#<member>``: ``MEMBER`` and one ``CONSENT#<instant>#<id>`` an act. ``P#<club>#<keyed hash>`` / ``PHONE``:
who has a number. ``LINK#<hash of token>`` / ``LINK``: what a service link does, for whom.
``M#<club>#<member>`` / ``MERGED``: whom somebody was merged into.
``NEWSLETTER#<club>#<shard>`` / ``<member>``: who came for the newsletter only; others are found by their accounts.
"""

from copy import replace
from datetime import date
from typing import TYPE_CHECKING, Any

from stamkunde.members.access_store import ServiceLinks, link_row
from stamkunde.members.consents import (
    ConsentMethod,
    ConsentRecord,
    Evidence,
    PermissionKind,
    PermissionText,
    TermsAccepted,
)
from stamkunde.members.model import AskedBy, ErasureRequest, FormerMember, Member, phone_pointer
from stamkunde.members.service_link import FoundLink, NewLink
from stamkunde.shared.clock import Clock, iso_instant, parse_instant
from stamkunde.shared.ids import shard_of
from stamkunde.shared.reading import get_row, query_between, query_rows
from stamkunde.shared.terms import Arrival, TermsChase, TermsReminder, TermsTold
from stamkunde.shared.transaction import NOT_THERE, THERE, UNCHANGED, Delete, Put, Update, Write

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

    from stamkunde.members.evidence_end import Outlived
    from stamkunde.shared.ladder import Absence

ITEM_VERSION = 1
CONSENT_PREFIX = "CONSENT#"
NEWSLETTER_SHARDS = 16
PHOTO = "PHOTO"
_LANGUAGE_BY_PREFIX = {"+47": "nb"}
_UNCHANGED_OR_GONE = "attribute_not_exists(pk) OR person = :person"
_THEIRS = "#member = :person"
_UNLISTED_OR_THEIRS = "attribute_not_exists(pk) OR v = :v"
_FREE_NUMBER = "attribute_not_exists(pk) OR attribute_exists(merged) OR gone_from <= :now"


class MemberStore:
    """One club's members. Built for one club: no method takes another's id.

    Who asked to be deleted is nobody's member from that instant on, whoever asks and by whatever way: so it takes the
    club's clock.
    """

    def __init__(self, client: "DynamoDBClient", table: str, club_id: str, address_key: bytes, clock: Clock) -> None:
        self._client = client
        self._table = table
        self._club_id = club_id
        self._address_key = address_key
        self._clock = clock

    def load(self, member_id: str, *, consistent: bool = False) -> Member | None:
        """A member by id; None also for one whose data waits for the next hourly run to be deleted."""
        member = self.load_even_gone(member_id, consistent=consistent)
        return None if member is None or member.is_gone(self._clock.now()) else member

    def load_even_gone(self, member_id: str, *, consistent: bool = False) -> Member | None:
        """A member's row as it stands: for whoever deletes it, and for nobody else."""
        row = get_row(self._client, self._table, self._member_pk(member_id), "MEMBER", consistent=consistent)
        return _member(row) if row else None

    def find_by_phone(self, phone: str, *, consistent: bool = False) -> Member | None:
        """The member with that E.164 number; also one who had it before they were merged with another."""
        pointer = get_row(self._client, self._table, self._phone_pk(phone), "PHONE", consistent=consistent)
        return self.find(pointer["member"], consistent=consistent) if pointer else None

    def find_by_own_phone(self, phone: str, *, consistent: bool = False) -> Member | None:
        """The member whose number that is now: who only had it once may have lost it to a stranger since."""
        member = self.find_by_phone(phone, consistent=consistent)
        return member if member is not None and member.phone == phone else None

    def find(self, member_id: str, *, consistent: bool = False) -> Member | None:
        """A member by id; for one who was merged with another, that one."""
        member = self.load(member_id, consistent=consistent)
        while member is None:
            redirect = get_row(self._client, self._table, self._member_pk(member_id), "MERGED", consistent=consistent)
            if redirect is None:
                return None
            member_id = redirect["member"]
            member = self.load(member_id, consistent=consistent)
        return member

    def find_account(self, member_id: str) -> str | None:
        """The account a member's bonus is in; of one who was merged with another, that one's."""
        member = self.find(member_id, consistent=True)
        return member.account_id if member else None

    def consent_records(self, member_id: str) -> list[ConsentRecord]:
        """Everything a member agreed to or took back, oldest first."""
        pk = self._member_pk(member_id)
        rows = query_rows(self._client, self._table, pk, CONSENT_PREFIX, consistent=True)
        return [_consent_record(row) for row in rows]

    def load_with_records(
        self, member_id: str, *, consistent: bool = True
    ) -> tuple[Member | None, list[ConsentRecord]]:
        """A member's row as it stands and everything they agreed to, in one read: half of what a visit costs."""
        pk = self._member_pk(member_id)
        rows = list(query_between(self._client, self._table, pk, CONSENT_PREFIX, "MEMBER", consistent=consistent))
        records = [_consent_record(row) for row in rows if row["sk"].startswith(CONSENT_PREFIX)]
        return next((_member(row) for row in rows if row["sk"] == "MEMBER"), None), records

    def join_writes(self, member: Member) -> list[Write]:
        """A new member; the number can belong to one member only.

        One that only leads to a member who was merged is free for whoever has proved that it is theirs now, and so is
        one whose member asked to be deleted and is gone.
        """
        return [
            self.number_write(member),
            Put("member", self._table, self._member_row(member), NOT_THERE),
            *([] if member.account_id else [self._listed(member)]),
        ]

    def number_write(self, member: Member) -> Put:
        """That a number is somebody's now, refused if it is another's."""
        now = {"now": iso_instant(self._clock.now())}
        return Put("phone", self._table, self._phone_row(member), _FREE_NUMBER, now)

    def number_removal(self, member: Member) -> Delete:
        """That a number is nobody's any more, refused if it isn't that member's."""
        key = {"pk": self._phone_pk(member.phone), "sk": "PHONE"}
        return Delete("old_phone", self._table, key, _THEIRS, {"person": member.member_id})

    def erasure_writes(self, before: Member, after: Member) -> list[Write]:
        """That somebody is to be deleted, or isn't any more; their number says so too, or nobody could join with it.

        Refused if another write came between.
        """
        number = Put("phone", self._table, self._phone_row(after), _THEIRS, {"person": after.member_id})
        return [*self.change_writes(before, after), number]

    def change_writes(self, before: Member, after: Member) -> list[Write]:
        """A member's new state, refused if another write came between."""
        row = self._member_row(after)
        return [Put("member", self._table, row, UNCHANGED, {"before": before.revision})]

    def merge_writes(self, winner: Member, united: Member, loser: Member) -> list[Write]:
        """The winner as they are now, the loser gone but for what leads to the winner; refused if either changed.

        Links that were sent to the loser lead nowhere, and no list of newsletters names them any more.
        """
        redirect = self._key(loser) | {"sk": "MERGED", "v": ITEM_VERSION, "member": winner.member_id}
        pointer = {"pk": self._phone_pk(loser.phone), "sk": "PHONE", "v": ITEM_VERSION, "member": winner.member_id}
        return [
            *self.change_writes(winner, united),
            Delete("loser", self._table, self._key(loser), UNCHANGED, {"before": loser.revision}),
            Put("redirect", self._table, redirect, NOT_THERE),
            Put("phone", self._table, pointer | {"merged": True}, THERE),
            self._unlisted(loser),
            *self._link_removals(loser),
        ]

    def former(self, member: Member) -> FormerMember:
        """What will still lead to somebody once they are merged into another."""
        return FormerMember(member.member_id, phone_pointer(self._address_key, member.phone), member.card_number)

    def consent_write(self, member_id: str, record: ConsentRecord) -> Put:
        """One more consent record; none is ever changed."""
        row = {
            "pk": self._member_pk(member_id),
            "sk": CONSENT_PREFIX + record.record_id,
            "v": ITEM_VERSION,
            **_evidence_attributes(record.evidence),
            **_agreed_attributes(record),
        }
        return Put("consent", self._table, row, NOT_THERE)

    def forgetting_write(self, member_id: str, outlived: "Outlived") -> Update | Delete:
        """What is to be forgotten of a record taken out of it; all of it, if nothing stays."""
        record, left = outlived.record, outlived.left
        key = {"pk": self._member_pk(member_id), "sk": CONSENT_PREFIX + record.record_id}
        purpose = f"evidence_{record.record_id}"
        if left is None:
            return Delete(purpose, self._table, key, "attribute_exists(pk)")
        agreed = _agreed_attributes(left)
        forgotten = {name: agreed.get(name, []) for name in ("given", "withdrawn", "soft_opt_in", "address")}
        change = "SET given = :given, withdrawn = :withdrawn, soft_opt_in = :soft_opt_in, address = :address"
        uses = [f"used_{kind.value}" for kind, _ in record.used if left.last_use(kind) is None]
        change += f" REMOVE {', '.join(uses)}" if uses else ""
        return Update(purpose, self._table, key, change, "attribute_exists(pk)", forgotten)

    def attachment_write(self, member_id: str, record: ConsentRecord, name: str) -> Update:
        """The photo of the form that a record tells of, attached once; nothing else of a record is ever changed."""
        key = {"pk": self._member_pk(member_id), "sk": CONSENT_PREFIX + record.record_id}
        once = f"{THERE} AND attribute_not_exists(attachment)"
        return Update("attachment", self._table, key, "SET attachment = :name", once, {"name": name})

    def link_write(self, link: NewLink, member_id: str) -> Put:
        """A link that was sent to a member; its token is kept nowhere, only what finds it."""
        sent = FoundLink(
            club_id=self._club_id,
            member_id=member_id,
            act=link.act,
            token_hash=link.token_hash,
            made_at=link.made_at,
            expires_at=link.expires_at,
            address_hash=link.address and self.address_hash(link.address),
        )
        return Put(f"link_{link.act}", self._table, link_row(sent), NOT_THERE)

    def is_about(self, link: FoundLink, address: str | None) -> bool:
        """Whether a link was sent to prove that address, and no earlier one."""
        return address is not None and link.address_hash == self.address_hash(address)

    def address_hash(self, address: str) -> str:
        """The keyed hash by which links and evidence name an e-mail address."""
        return phone_pointer(self._address_key, address)

    def load_link(self, token_hash: str) -> FoundLink | None:
        """A link by the hash of its token."""
        return ServiceLinks(self._client, self._table).load(token_hash)

    def disowning_writes(self, before: Member, after: Member, by: FoundLink) -> list[Write]:
        """A member who is nobody's from now on, and nothing finds them; refused if they were changed.

        The link by which it was done stays to its end, without the person, to say that it is done.
        """
        return [
            Put("link", self._table, link_row(replace(by, member_id=None))),
            *self.change_writes(before, after),
            *self.access_removals(before, by),
        ]

    def access_removals(self, member: Member, but: FoundLink | None = None) -> list[Delete]:
        """What finds a member, and the links that were sent to them but for one, taken away; again is no harm."""
        return [
            *self._own_number_removal(member),
            self._unlisted(member),
            *self._link_removals(member, but),
        ]

    def row_removal(self, member: Member) -> Delete:
        """A member's own row taken away, refused if it was changed."""
        return Delete("member", self._table, self._key(member), UNCHANGED, {"before": member.revision})

    def _link_removals(self, member: Member, but: FoundLink | None = None) -> list[Delete]:
        return [
            Delete(
                f"link_{number}",
                self._table,
                {"pk": f"LINK#{token_hash}", "sk": "LINK"},
                _UNCHANGED_OR_GONE,
                {"person": member.member_id},
            )
            for number, token_hash in enumerate(member.link_hashes)
            if but is None or token_hash != but.token_hash
        ]

    def _own_number_removal(self, member: Member) -> list[Delete]:
        """Nothing when somebody else has joined with the number since it was free."""
        pointer = get_row(self._client, self._table, self._phone_pk(member.phone), "PHONE", consistent=True)
        return [self.number_removal(member)] if pointer and pointer["member"] == member.member_id else []

    def _phone_row(self, member: Member) -> dict[str, Any]:
        erasure = member.erasure
        row = {"pk": self._phone_pk(member.phone), "sk": "PHONE", "v": ITEM_VERSION, "member": member.member_id}
        return row | ({"gone_from": iso_instant(erasure.erase_at)} if erasure else {})

    def newsletter_ids(self, shard: int) -> list[str]:
        """Who came for the newsletter only, of one of the equal parts of them; some have an account by now."""
        return [row["sk"] for row in query_rows(self._client, self._table, self._newsletter_pk(shard))]

    def kinds_of_rows(self, member_id: str) -> set[str]:
        """What is kept of somebody: what the sort keys of their rows begin with, and `PHOTO` for a signed form."""
        rows = list(query_rows(self._client, self._table, self._member_pk(member_id)))
        photos = {PHOTO for row in rows if row.get("attachment")}
        return photos | {row["sk"].partition("#")[0] for row in rows}

    def _listed(self, member: Member) -> Put:
        return Put("listed", self._table, self._listed_key(member) | {"v": ITEM_VERSION})

    def _unlisted(self, member: Member) -> Delete:
        return Delete("listed", self._table, self._listed_key(member), _UNLISTED_OR_THEIRS, {"v": ITEM_VERSION})

    def _listed_key(self, member: Member) -> dict[str, Any]:
        shard = shard_of(member.member_id, NEWSLETTER_SHARDS)
        return {"pk": self._newsletter_pk(shard), "sk": member.member_id}

    def _newsletter_pk(self, shard: int) -> str:
        return f"NEWSLETTER#{self._club_id}#{shard:02}"

    def _key(self, member: Member) -> dict[str, Any]:
        return {"pk": self._member_pk(member.member_id), "sk": "MEMBER"}

    def _member_pk(self, member_id: str) -> str:
        return f"M#{self._club_id}#{member_id}"

    def _phone_pk(self, phone: str) -> str:
        return f"P#{self._club_id}#{phone_pointer(self._address_key, phone)}"

    def _member_row(self, member: Member) -> dict[str, Any]:
        confirmed_at = member.email_confirmed_at
        return {
            **self._key(member),
            "v": ITEM_VERSION,
            "revision": member.revision,
            "account": member.account_id,
            "phone": member.phone,
            "first_name": member.first_name,
            "terms_version": member.terms_version,
            "joined_at": iso_instant(member.joined_at),
            "joined_outlet": member.joined_at_outlet,
            "joined_till": member.joined_at_till,
            "lang": member.language,
            "email": member.email,
            "email_confirmed_at": confirmed_at and iso_instant(confirmed_at),
            "pending_email": member.pending_email,
            "card": member.card_number,
            "links": list(member.link_hashes),
            **_formerly_attribute(member),
            **_details_attributes(member),
            **_life_attributes(member),
        }


def _member(row: dict[str, Any]) -> Member:
    """A member, also from a row written when everybody had joined at a till and none had an e-mail address."""
    confirmed_at = row.get("email_confirmed_at")
    return Member(
        member_id=row["pk"].rpartition("#")[2],
        account_id=row["account"],
        phone=row["phone"],
        first_name=row["first_name"],
        terms_version=row["terms_version"],
        joined_at=parse_instant(row["joined_at"]),
        language=row.get("lang") or _LANGUAGE_BY_PREFIX.get(row["phone"][:3], "da"),
        joined_at_outlet=row["joined_outlet"],
        joined_at_till=row["joined_till"],
        email=row.get("email"),
        email_confirmed_at=confirmed_at and parse_instant(confirmed_at),
        pending_email=row.get("pending_email"),
        card_number=row.get("card"),
        link_hashes=tuple(row.get("links", ())),
        formerly=tuple(FormerMember(*each) for each in row.get("formerly", ())),
        revision=row["revision"],
        **_details(row),
        chase=_chase(row),
        erasure=_erasure(row),
        told_terms=_told_terms(*row["told_terms"]) if "told_terms" in row else None,
        noted_lapses=tuple((kind, date.fromisoformat(day)) for kind, day in row.get("noted_lapses", ())),
        shares_since=parse_instant(row["shares_since"]) if "shares_since" in row else None,
        absence=_absence(row["absence"]) if "absence" in row else None,
    )


def _details_attributes(member: Member) -> dict[str, Any]:
    """What most members never said takes no room."""
    told = {
        "birth_date": member.birth_date and member.birth_date.isoformat(),
        "answers": [list(answer) for answer in member.answers],
        "own_outlet": member.own_outlet,
        "details_confirmed_at": member.details_confirmed_at and iso_instant(member.details_confirmed_at),
    }
    return {name: value for name, value in told.items() if value}


def _details(row: dict[str, Any]) -> dict[str, Any]:
    born, confirmed_at = row.get("birth_date"), row.get("details_confirmed_at")
    return {
        "birth_date": date.fromisoformat(born) if born else None,
        "answers": tuple((question, answer) for question, answer in row.get("answers", ())),
        "own_outlet": row.get("own_outlet"),
        "details_confirmed_at": parse_instant(confirmed_at) if confirmed_at else None,
    }


def _life_attributes(member: Member) -> dict[str, Any]:
    attributes: dict[str, Any] = {}
    if chase := member.chase:
        reminders = [_reminder_attribute(reminder) for reminder in chase.reminders]
        attributes["chase"] = {"began_at": iso_instant(chase.began_at), "reminders": reminders}
    if erasure := member.erasure:
        asked_at, erase_at = iso_instant(erasure.asked_at), iso_instant(erasure.erase_at)
        asked = {"asked_by": erasure.asked_by.value, "asked_at": asked_at, "erase_at": erase_at}
        begun = {"case": erasure.case_id, "looked_in": [*erasure.looked_in], "asked_shop": erasure.asked_shop}
        attributes["erasure"] = asked | {name: value for name, value in begun.items() if value}
    if told := member.told_terms:
        attributes["told_terms"] = [told.version, iso_instant(told.written_at), told.message_id, told.times]
    if member.noted_lapses:
        attributes["noted_lapses"] = [[kind, day.isoformat()] for kind, day in member.noted_lapses]
    if member.shares_since:
        attributes["shares_since"] = iso_instant(member.shares_since)
    if member.absence:
        from stamkunde.members.absence_row import absence_attribute  # noqa: PLC0415 - most are there, and tills wait

        attributes["absence"] = absence_attribute(member.absence)
    return attributes


def _absence(attribute: dict[str, Any]) -> "Absence":
    from stamkunde.members.absence_row import absence_of  # noqa: PLC0415 - most are there, and tills wait

    return absence_of(attribute)


def _reminder_attribute(reminder: TermsReminder) -> list[str | None]:
    return [iso_instant(reminder.written_at), reminder.message_id, reminder.names.isoformat(), reminder.arrival]


def _reminder(at: str, message_id: str, day: str, arrival: str | None) -> TermsReminder:
    return TermsReminder(
        parse_instant(at), message_id, date.fromisoformat(day), Arrival(arrival) if arrival else None
    )


def _chase(row: dict[str, Any]) -> TermsChase | None:
    chase = row.get("chase")
    reminders = (_reminder(*each) for each in chase["reminders"]) if chase else ()
    return TermsChase(parse_instant(chase["began_at"]), tuple(reminders)) if chase else None


def _told_terms(version: int, at: str, message_id: str, times: int) -> TermsTold:
    return TermsTold(version, parse_instant(at), message_id, times)


def _erasure(row: dict[str, Any]) -> ErasureRequest | None:
    if (asked := row.get("erasure")) is None:
        return None
    asked_at, erase_at = parse_instant(asked["asked_at"]), parse_instant(asked["erase_at"])
    by, looked_in = AskedBy(asked["asked_by"]), tuple(asked.get("looked_in", ()))
    asked_shop = asked.get("asked_shop", by is AskedBy.STAFF)
    return ErasureRequest(by, asked_at, erase_at, asked.get("case"), looked_in, asked_shop)


def _formerly_attribute(member: Member) -> dict[str, Any]:
    formerly = [[each.member_id, each.phone_hash, each.card_number] for each in member.formerly]
    return {"formerly": formerly} if formerly else {}


def _evidence_attributes(evidence: Evidence) -> dict[str, Any]:
    return {
        "method": evidence.method.value,
        "given_at": iso_instant(evidence.given_at),
        "recorded_at": iso_instant(evidence.recorded_at),
        "language": evidence.language,
        "outlet": evidence.outlet_id,
        "till": evidence.till_id,
        "client_ip": evidence.client_ip,
        "user_agent": evidence.user_agent,
        **({"brought_by": evidence.brought_by} if evidence.brought_by else {}),
        **({"till_clock": iso_instant(evidence.till_clock)} if evidence.till_clock else {}),
    }


def _agreed_attributes(record: ConsentRecord) -> dict[str, Any]:
    terms = record.terms
    return {
        "terms_version": terms and terms.version,
        "text_hash": terms and terms.text_hash,
        "wording": terms and terms.wording,
        "given": [[text.kind.value, text.version, text.wording] for text in record.given],
        "withdrawn": [kind.value for kind in record.withdrawn],
        "address": record.address_hash,
        **({"soft_opt_in": [kind.value for kind in record.soft_opt_in]} if record.soft_opt_in else {}),
    }


def _consent_record(row: dict[str, Any]) -> ConsentRecord:
    """A record, also one of the time when terms were all that anybody agreed to."""
    version = row["terms_version"]
    return ConsentRecord(
        record_id=row["sk"].removeprefix(CONSENT_PREFIX),
        evidence=Evidence(
            method=ConsentMethod(row["method"]),
            given_at=parse_instant(row.get("given_at") or row["accepted_at"]),
            recorded_at=parse_instant(row["recorded_at"]),
            language=row["language"],
            outlet_id=row["outlet"],
            till_id=row["till"],
            client_ip=row.get("client_ip"),
            user_agent=row.get("user_agent"),
            brought_by=row.get("brought_by"),
            till_clock=parse_instant(row["till_clock"]) if "till_clock" in row else None,
        ),
        terms=TermsAccepted(version, row["text_hash"], row.get("wording")) if version else None,
        given=tuple(
            PermissionText(PermissionKind(kind), number, words) for kind, number, words in row.get("given", ())
        ),
        withdrawn=tuple(PermissionKind(kind) for kind in row.get("withdrawn", ())),
        address_hash=row.get("address"),
        soft_opt_in=tuple(PermissionKind(kind) for kind in row.get("soft_opt_in", ())),
        attachment=row.get("attachment"),
        used=tuple(
            (kind, parse_instant(row[f"used_{kind.value}"])) for kind in PermissionKind if f"used_{kind.value}" in row
        ),
    )
