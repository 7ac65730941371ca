"""Valid objects for tests, each part of which a test may replace."""

from __future__ import annotations

from copy import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from stamkunde.clubs.model import (
    CAREFUL_POLICY,
    DEFAULT_JOIN_COUNTRIES,
    Club,
    JoinPage,
    MemberPolicy,
    ReceiptNumbers,
    TermsVersion,
    Till,
)
from stamkunde.ledger.model.accounts import Account, AccountMember, LotKey
from stamkunde.ledger.model.receipts import Basket, Line, Receipt, TillPoint
from stamkunde.members.consents import PermissionKind
from stamkunde.members.wordings import Shown, club_permission, digest, terms_wording
from stamkunde.shared.ids import new_id
from stamkunde.shared.programme import BonusProgramme
from stamkunde.shared.signing import SigningKey

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
COPENHAGEN = "Europe/Copenhagen"
THREE_PERCENT = BonusProgramme(version=1, valid_from=LONG_AGO, rate=300, expiry_months=36)
POINT = TillPoint("kasse-1", "banegaarden", "never", None)


def make_club(**given: Any) -> Club:
    standard: dict[str, Any] = {
        "club_id": new_id("c"),
        "slug": "bager-holm",
        "name": "Bager Holm",
        "country": "DK",
        "language": "da",
        "currency": "DKK",
        "time_zone": COPENHAGEN,
        "join_countries": DEFAULT_JOIN_COUNTRIES,
        "address_key": b"k" * 32,
        "clock_offset": None,
        "created_at": LONG_AGO,
        "programmes": (THREE_PERCENT,),
        "terms": (_first_terms(given.get("member_policy", CAREFUL_POLICY)),),
        "signing_keys": (SigningKey(1, b"s" * 32),),
        "join_page": JoinPage("Bager Holm ApS", "12345678", "hej@bagerholm.example", "brød og kager", "#9a4f1c"),
    }
    return Club(**(standard | given))


def _first_terms(policy: MemberPolicy) -> TermsVersion:
    """They promise no more than a month of bonus, so that a test's programme may be as short as it likes."""
    months = policy.inactive_months if policy.trade else None
    return TermsVersion(1, "da", "Betingelser", LONG_AGO, bonus_expiry_months=1, inactive_months=months)


def everything_shown(club: Club, language: str = "da", **given: Any) -> Shown:
    """What a form of the club has shown that was opened just now."""
    sentences = [terms_wording(club, language)]
    if club.join_page is not None:
        sentences += [club_permission(club, kind, language).wording for kind in PermissionKind]
    shown = Shown(language, club.current_terms().version, frozenset(digest(language, each) for each in sentences))
    return replace(shown, **given)


def make_till(**given: Any) -> Till:
    standard: dict[str, Any] = {
        "till_id": "kasse-1",
        "outlet_id": "banegaarden",
        "name": "Kasse 1",
        "receipt_numbers": ReceiptNumbers.NEVER_RESTART,
        "key_hash": "0" * 64,
        "revoked_at": None,
        "late_receipts_until": None,
    }
    return Till(**(standard | given))


def make_account(lots: dict[LotKey, int] | None = None, terms_version: int = 1, **given: Any) -> Account:
    standard: dict[str, Any] = {
        "account_id": "a0000000000000001",
        "revision": 1,
        "lots": lots or {},
        "members": {"m0000000000000001": AccountMember(terms_version, None)},
    }
    return Account(**(standard | given))


def make_basket(*amounts: int, spend_bonus: int = 0) -> Basket:
    lines = tuple(Line(f"570100{number:07d}", 1, amount) for number, amount in enumerate(amounts))
    return Basket(lines, spend_bonus)


def make_receipt(member_id: str, *amounts: int, **given: Any) -> Receipt:
    spend_bonus = given.pop("spend_bonus", 0)
    standard: dict[str, Any] = {
        "receipt_number": new_id("r"),
        "bought_at": NOON - timedelta(minutes=1),
        "member_id": member_id,
        "basket": make_basket(*(amounts or (4995,)), spend_bonus=spend_bonus),
    }
    return Receipt(**(standard | given))
