"""Rows of the clubs table: settings, published versions, outlets, tills."""

from collections.abc import Iterator, Mapping
from copy import replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from stamkunde.clubs.model import (
    CAREFUL_POLICY,
    Closing,
    Club,
    JoinPage,
    MemberPolicy,
    Outlet,
    PurchaseUse,
    Question,
    ReceiptNumbers,
    TermsVersion,
    Till,
    Trade,
)
from stamkunde.clubs.programme_form import programme_attributes, programme_from_attributes
from stamkunde.shared.clock import iso_instant, parse_instant
from stamkunde.shared.ids import shard_of
from stamkunde.shared.item import to_wire
from stamkunde.shared.programme import SHORTEST_UNSAID_EXPIRY_MONTHS, BonusProgramme
from stamkunde.shared.reading import get_row, query_rows
from stamkunde.shared.signing import SigningKey, derive
from stamkunde.shared.transaction import NOT_THERE, UNCHANGED, Put

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

    from stamkunde.shared.ladder import Ladder

ITEM_VERSION = 1
REGISTRY_SHARDS = 16


class ClubStore:
    """One club's rows. Built for one club: no method takes another's id."""

    def __init__(self, client: "DynamoDBClient", table: str, club_id: str) -> None:
        self._client = client
        self._table = table
        self._pk = f"CLUB#{club_id}"
        self.club_id = club_id

    def load(self, *, texts: bool = True) -> Club | None:
        """Settings with all published versions, in one Query; None when there is no such club.

        Parameters
        ----------
        texts
            Whether to read the texts of the terms too, in a second Query: only pages and operators show them.
        """
        rows = {row["sk"]: row for row in self._query("CLUB")}
        settings = rows.pop("CLUB", None)
        if settings is None:
            return None
        programmes = [_programme(row) for sk, row in rows.items() if sk.startswith("CLUB#PROGRAMME#")]
        published = [row for sk, row in rows.items() if sk.startswith("CLUB#TERMS#")]
        read = {row["sk"]: row["texts"] for row in self._query("TERMS_TEXT#")} if texts and published else {}
        terms = [_terms(row, read.get(_terms_text_sk(_version_of(row)), {})) for row in published]
        page = rows.get("CLUB#JOIN_PAGE")
        keys = rows.get("CLUB#SIGNING_KEYS")
        return _club(
            self.club_id,
            settings,
            tuple(programmes),
            tuple(terms),
            _signing_keys(keys, settings),
            _join_page(page) if page else None,
            _member_policy(rows.get("CLUB#MEMBER_POLICY")),
            _closing(rows.get("CLUB#CLOSING")),
        )

    def find_till(self, till_id: str, *, consistent: bool) -> Till | None:
        """One till."""
        row = get_row(self._client, self._table, self._pk, f"TILL#{till_id}", consistent=consistent)
        return _till(row) if row else None

    def outlets(self) -> list[Outlet]:
        """All outlets by id."""
        return [Outlet(row["sk"].removeprefix("OUTLET#"), row["name"]) for row in self._query("OUTLET#")]

    def tills(self) -> list[Till]:
        """All tills by id, revoked ones included."""
        return [_till(row) for row in self._query("TILL#")]

    def new_club_writes(self, club: Club) -> list[Put]:
        """Everything a new club starts with; its slug can be taken only once."""
        settings = {
            "slug": club.slug,
            "name": club.name,
            "country": club.country,
            "language": club.language,
            "currency": club.currency,
            "time_zone": club.time_zone,
            "join_countries": list(club.join_countries),
            "address_key": club.address_key,
            "clock_offset": None if club.clock_offset is None else int(club.clock_offset.total_seconds()),
            "created_at": iso_instant(club.created_at),
        }
        registry = {
            "pk": f"CLUBS#{shard_of(club.club_id, REGISTRY_SHARDS):02d}",
            "sk": club.club_id,
            "v": ITEM_VERSION,
            "slug": club.slug,
        }
        slug = {"pk": f"SLUG#{club.slug}", "sk": "SLUG", "v": ITEM_VERSION, "club_id": club.club_id}
        return [
            Put("slug", self._table, slug, NOT_THERE),
            Put("registry", self._table, registry, NOT_THERE),
            self._put("club", "CLUB", settings, NOT_THERE),
            *(self.programme_write(version) for version in club.programmes),
            *(write for version in club.terms for write in self.terms_writes(version)),
            self._put("signing keys", "CLUB#SIGNING_KEYS", _signing_keys_row(club.signing_keys), NOT_THERE),
            *([self.member_policy_write(club.member_policy)] if club.member_policy != CAREFUL_POLICY else []),
        ]

    def signing_keys_write(self, before: tuple[SigningKey, ...], after: tuple[SigningKey, ...]) -> Put:
        """A club's keys once a new one signs; refused if another new one came between."""
        return self._put(
            "signing keys",
            "CLUB#SIGNING_KEYS",
            _signing_keys_row(after),
            f"{NOT_THERE} OR newest = :before",
            {"before": before[0].key_id},
        )

    def join_page_write(self, page: JoinPage) -> Put:
        """What the club's public pages say from now on."""
        row = {
            "company": page.company,
            "registration_number": page.registration_number,
            "contact": page.contact,
            "goods": page.goods,
            "accent": page.accent,
        }
        return self._put("join page", "CLUB#JOIN_PAGE", row, None)

    def member_policy_write(self, policy: MemberPolicy) -> Put:
        """What the club asks of its members from now on."""
        row = {
            "asks_birth_date": policy.asks_birth_date,
            "asks_outlet": policy.asks_outlet,
            "questions": [[each.question_id, each.words, list(each.answers)] for each in policy.questions],
            "purchase_use": policy.purchase_use.value,
            "balancing_test": policy.balancing_test,
            "soft_opt_in": policy.soft_opt_in,
            "inactive_months": policy.inactive_months,
            "keeping_reason": policy.keeping_reason,
            "trade": policy.trade and policy.trade.value,
            "ladders": [
                [ladder.months, [[rung.after_months, rung.text.value] for rung in ladder.rungs]]
                for ladder in policy.ladders
            ],
        }
        return self._put("member policy", "CLUB#MEMBER_POLICY", row, None)

    def programme_write(self, programme: BonusProgramme) -> Put:
        """A new programme version; a version number is given once."""
        sk = f"CLUB#PROGRAMME#{programme.version:05d}"
        return self._put("programme", sk, programme_attributes(programme), NOT_THERE)

    def terms_writes(self, terms: TermsVersion) -> list[Put]:
        """A new terms version, and its texts apart; a version number is given once."""
        texts = {terms.language: terms.text, **terms.texts}
        row = {
            "language": terms.language,
            "published_at": iso_instant(terms.published_at),
            "bonus_expiry_months": terms.bonus_expiry_months,
            "inactive_months": terms.inactive_months,
            "hashes": {language: terms.text_hash_in(language) for language in texts},
            **_guided_attributes(terms),
        }
        return [
            self._put("terms", f"CLUB#TERMS#{terms.version:05d}", row, NOT_THERE),
            self._put("terms text", _terms_text_sk(terms.version), {"texts": texts}, NOT_THERE),
        ]

    def terms_form_write(self, version: int, words: Mapping[str, Mapping[str, str]]) -> Put:
        """A club's own words for a terms version, by language and point; no page reads them, so they lie apart."""
        attributes = {language: dict(points) for language, points in words.items()}
        return self._put("terms form", _terms_form_sk(version), {"words": attributes}, NOT_THERE)

    def load_terms_form(self, version: int) -> dict[str, dict[str, str]] | None:
        """The words that a terms version was made of; None for one that was made without the guided form."""
        row = get_row(self._client, self._table, self._pk, _terms_form_sk(version), consistent=True)
        return row["words"] if row else None

    def outlet_write(self, outlet: Outlet) -> Put:
        """A new outlet."""
        return self._put("outlet", f"OUTLET#{outlet.outlet_id}", {"name": outlet.name}, NOT_THERE)

    def new_till_write(self, till: Till) -> Put:
        """A new till."""
        return self._put("till", f"TILL#{till.till_id}", _till_row(till), NOT_THERE)

    def till_change_write(self, before: Till, after: Till) -> Put:
        """A till's new state, refused if another change came between: a revoked till must not come back by a race."""
        row = _till_row(replace(after, revision=before.revision + 1))
        return self._put("till", f"TILL#{after.till_id}", row, UNCHANGED, {"before": before.revision})

    def move_clock(self, offset: timedelta) -> None:
        """Move the club's clock; only a club made with a movable clock has one to move."""
        self._client.update_item(
            TableName=self._table,
            Key=to_wire({"pk": self._pk, "sk": "CLUB"}),
            UpdateExpression="SET clock_offset = :offset",
            ConditionExpression="attribute_type(clock_offset, :number)",
            ExpressionAttributeValues=to_wire({":offset": int(offset.total_seconds()), ":number": "N"}),
        )

    def _put(
        self, purpose: str, sk: str, row: dict[str, Any], condition: str | None, values: dict[str, Any] | None = None
    ) -> Put:
        return Put(
            purpose, self._table, {"pk": self._pk, "sk": sk, "v": ITEM_VERSION, **row}, condition, values or {}
        )

    def _query(self, sk_prefix: str) -> Iterator[dict[str, Any]]:
        return query_rows(self._client, self._table, self._pk, sk_prefix, consistent=True)


class ClubRegistry:
    """Which clubs there are: for operators, and for the jobs named in docs/data.md."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def club_ids(self) -> Iterator[str]:
        """Every club's id, shard by shard."""
        for shard in range(REGISTRY_SHARDS):
            yield from (row["sk"] for row in query_rows(self._client, self._table, f"CLUBS#{shard:02d}"))

    def find_by_slug(self, slug: str) -> str | None:
        """The id of the club with that slug."""
        row = get_row(self._client, self._table, f"SLUG#{slug}", "SLUG", consistent=True)
        return row["club_id"] if row else None


def _instant(text: str | None) -> datetime | None:
    return None if text is None else parse_instant(text)


def _programme(row: dict[str, Any]) -> BonusProgramme:
    return programme_from_attributes(int(row["sk"].rpartition("#")[2]), row)


def _terms(row: dict[str, Any], texts: Mapping[str, str]) -> TermsVersion:
    """A version, also from a row written when its texts lay in it."""
    language, valid_from = row["language"], row.get("valid_from")
    told = texts or {language: row.get("text", ""), **row.get("translations", {})}
    is_guided = row.get("guided", "translations" in row)
    return TermsVersion(
        version=_version_of(row),
        language=language,
        text=told[language],
        published_at=parse_instant(row["published_at"]),
        # Terms from before it was stated promise what the law gives.
        bonus_expiry_months=row.get("bonus_expiry_months", SHORTEST_UNSAID_EXPIRY_MONTHS),
        texts=told if is_guided and told[language] else {},
        rate=row.get("rate"),
        inactive_months=row.get("inactive_months"),
        valid_from=date.fromisoformat(valid_from) if valid_from else None,
        said_worse=row.get("said_worse", False),
        hashes=row.get("hashes", {}),
    )


def _guided_attributes(terms: TermsVersion) -> dict[str, Any]:
    """What a version says that was made with the guided form; an older one has none of it."""
    if not terms.texts:
        return {}
    return {
        "guided": True,
        "rate": terms.rate,
        "valid_from": terms.valid_from and terms.valid_from.isoformat(),
        "said_worse": terms.said_worse,
    }


def _version_of(row: Mapping[str, Any]) -> int:
    return int(row["sk"].rpartition("#")[2])


def _terms_text_sk(version: int) -> str:
    return f"TERMS_TEXT#{version:05d}"


def _terms_form_sk(version: int) -> str:
    return f"TERMS_FORM#{version:05d}"


def _till_row(till: Till) -> dict[str, Any]:
    return {
        "revision": till.revision,
        "outlet_id": till.outlet_id,
        "name": till.name,
        "receipt_numbers": till.receipt_numbers.value,
        "key_hash": till.key_hash,
        "revoked_at": till.revoked_at and iso_instant(till.revoked_at),
        "late_receipts_until": till.late_receipts_until and iso_instant(till.late_receipts_until),
    }


def _till(row: dict[str, Any]) -> Till:
    return Till(
        till_id=row["sk"].removeprefix("TILL#"),
        outlet_id=row["outlet_id"],
        name=row["name"],
        receipt_numbers=ReceiptNumbers(row["receipt_numbers"]),
        key_hash=row["key_hash"],
        revoked_at=_instant(row["revoked_at"]),
        late_receipts_until=_instant(row["late_receipts_until"]),
        revision=row["revision"],
    )


def _signing_keys_row(keys: tuple[SigningKey, ...]) -> dict[str, Any]:
    return {
        "newest": keys[0].key_id,
        "secrets": [
            {
                "key_id": key.key_id,
                "secret": key.secret,
                "signs_from": key.signs_from and iso_instant(key.signs_from),
            }
            for key in keys
        ],
    }


def _signing_keys(row: dict[str, Any] | None, settings: dict[str, Any]) -> tuple[SigningKey, ...]:
    """A club made before there were signing keys has one that follows from its other secret."""
    if row is None:
        return (SigningKey(0, derive(settings["address_key"], "first signing key")),)
    return tuple(
        SigningKey(each["key_id"], each["secret"], _instant(each.get("signs_from"))) for each in row["secrets"]
    )


def _join_page(row: dict[str, Any]) -> JoinPage:
    return JoinPage(
        company=row["company"],
        registration_number=row["registration_number"],
        contact=row["contact"],
        goods=row["goods"],
        accent=row["accent"],
    )


def _member_policy(row: dict[str, Any] | None) -> MemberPolicy:
    if row is None:
        return CAREFUL_POLICY
    return MemberPolicy(
        asks_birth_date=row["asks_birth_date"],
        asks_outlet=row["asks_outlet"],
        questions=tuple(Question(key, words, tuple(answers)) for key, words, answers in row["questions"]),
        purchase_use=PurchaseUse(row["purchase_use"]),
        balancing_test=row["balancing_test"],
        soft_opt_in=row["soft_opt_in"],
        inactive_months=row["inactive_months"],
        keeping_reason=row.get("keeping_reason"),
        trade=Trade(row["trade"]) if row.get("trade") else None,
        ladders=_ladders(row["ladders"]) if row.get("ladders") else (),
    )


def _ladders(ladders: list[Any]) -> "tuple[Ladder, ...]":
    from stamkunde.shared.ladder import Ladder, Rung, RungText  # noqa: PLC0415 - few clubs have any, and no till asks

    return tuple(
        Ladder(months, tuple(Rung(after, RungText(text)) for after, text in rungs)) for months, rungs in ladders
    )


def _closing(row: dict[str, Any] | None) -> Closing | None:
    if row is None:
        return None
    last_day = date.fromisoformat(row["last_day"])
    return Closing(parse_instant(row["announced_at"]), last_day, _instant(row.get("began_at")), row.get("counts", {}))


def _club(
    club_id: str,
    row: dict[str, Any],
    programmes: tuple[BonusProgramme, ...],
    terms: tuple[TermsVersion, ...],
    signing_keys: tuple[SigningKey, ...],
    join_page: JoinPage | None,
    member_policy: MemberPolicy,
    closing: Closing | None,
) -> Club:
    offset = row["clock_offset"]
    return Club(
        club_id=club_id,
        slug=row["slug"],
        name=row["name"],
        country=row["country"],
        language=row["language"],
        currency=row["currency"],
        time_zone=row["time_zone"],
        join_countries=tuple(row["join_countries"]),
        address_key=row["address_key"],
        clock_offset=None if offset is None else timedelta(seconds=offset),
        created_at=parse_instant(row["created_at"]),
        programmes=programmes,
        terms=terms,
        signing_keys=signing_keys,
        join_page=join_page,
        member_policy=member_policy,
        closing=closing,
    )
