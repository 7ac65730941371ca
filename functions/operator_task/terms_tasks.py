"""The operators' tasks for terms: the form, publish, show, compare, who accepted which, attach a signed form."""

import base64
from collections.abc import Callable, Mapping
from datetime import date
from typing import Annotated, Any, Literal

from msgspec import Meta

from operator_task.desk import Desk, Months, Name, Rate, TaskModel
from operator_task.ledger_tasks import Bench
from stamkunde.clubs.form_code import PrintedForm, form_code
from stamkunde.clubs.member_policy import LONGEST_REASON
from stamkunde.clubs.model import Club, TermsVersion
from stamkunde.clubs.terms import NewTerms, read_form
from stamkunde.clubs.terms_changes import Change, ChangedBlock
from stamkunde.clubs.terms_service import NewSettings, TermsDesk, find_version
from stamkunde.evidence_bootstrap import evidence_store
from stamkunde.ledger.accepted_terms import AcceptedTerms
from stamkunde.ledger.account_members import AccountMembers
from stamkunde.members.access_store import AccessStore
from stamkunde.members.signed_forms import SignedForms
from stamkunde.shared.clock import iso_instant, local_date
from stamkunde.shared.errors import Refusal
from stamkunde.shared.patience import Patience
from stamkunde.shared.terms import NOT_ACCEPTED

LONGEST_PHOTO_TEXT = 5_600_000
"""Letters of base64: somewhat more than a photo may have, and less than an invocation takes."""

MARKS = {Change.KEPT: " ", Change.GONE: "-", Change.NEW: "+"}

type Language = Literal["da", "nb", "en"]
type Version = Annotated[int, Meta(ge=1)]


class TermsForm(TaskModel, tag="terms_form"):
    """The form to edit and publish: as it was filled in last, or with our suggestions."""

    club_id: str
    languages: tuple[Language, ...] = ()


class PublishTerms(TaskModel, tag="publish_terms"):
    """A new version of a club's terms, from a filled-in form; settings that change along with it are named here.

    `forecast` is the seal of what another time of keeping members would bring: that time is set. `worse` says that it
    is worse for members in what no rule can judge: then they are asked again.
    """

    club_id: str
    form: dict[str, Any]
    valid_from: date | None = None
    worse: bool = False
    rate: Rate | None = None
    expiry_months: Months | None = None
    forecast: Annotated[str, Meta(max_length=100_000)] | None = None
    keeping_reason: Annotated[str, Meta(max_length=LONGEST_REASON)] | None = None


class ShowTerms(TaskModel, tag="show_terms"):
    """A version of a club's terms, with the code of the form that is printed of it; by default the newest."""

    club_id: str
    version: Version | None = None
    language: Language | None = None


class CompareTerms(TaskModel, tag="compare_terms"):
    """What is new in a version, sentence by sentence; by default in the newest against the one before."""

    club_id: str
    older: Version | None = None
    newer: Version | None = None
    language: Language | None = None


class TermsMembers(TaskModel, tag="terms_members"):
    """How many members accepted each version last."""

    club_id: str


class AttachSignedForm(TaskModel, tag="attach_signed_form"):
    """The photo (JPEG, PNG or PDF, in base64) of the form by which a member accepted the terms in the shop."""

    club_id: str
    member_id: str
    form_code: Annotated[str, Meta(max_length=80)]
    photo: Annotated[str, Meta(max_length=LONGEST_PHOTO_TEXT)]
    by: Name


type TermsTask = TermsForm | PublishTerms | ShowTerms | CompareTerms | TermsMembers | AttachSignedForm


def terms_form(desk: Desk, task: TermsForm) -> dict[str, Any]:
    """Carry out `TermsForm`."""
    return _terms(desk).form(task.club_id, task.languages).document()


def publish_terms(desk: Desk, task: PublishTerms) -> dict[str, Any]:
    """Carry out `PublishTerms`."""
    club = desk.operators.show(task.club_id).club
    wish = NewTerms(read_form(task.form, club.language), task.valid_from, task.worse)
    settings = NewSettings(task.rate, task.expiry_months, task.forecast, task.keeping_reason)
    published = _terms(desk).publish(task.club_id, wish, settings)
    return _version(published) | {"asks_again": published.said_worse or published.is_worse_than(club.current_terms())}


def show_terms(desk: Desk, task: ShowTerms) -> dict[str, Any]:
    """Carry out `ShowTerms`."""
    club = desk.operators.show(task.club_id).club
    terms = find_version(club, task.version or club.current_terms().version, "/version")
    language = task.language or club.language
    today = local_date(desk.operators.present(club), club.time_zone)
    return _version(terms) | {
        "inactive_months_today": club.keeping_months(today),
        "text": terms.text_in(language),
        "text_hash": terms.text_hash_in(language),
        "form_code": form_code(club, PrintedForm(terms, language)),
        "terms_differ": terms_differ(desk, club.club_id) if terms == club.current_terms() else None,
    }


def compare_terms(desk: Desk, task: CompareTerms) -> dict[str, Any]:
    """Carry out `CompareTerms`."""
    language = task.language or desk.operators.show(task.club_id).club.language
    compared = _terms(desk).compare(task.club_id, task.older, task.newer, language)
    return {
        "older": compared.older.version,
        "newer": compared.newer.version,
        "changes": [_changed(block) for block in compared.changed],
    }


def terms_members(desk: Desk, task: TermsMembers) -> dict[str, Any]:
    """Carry out `TermsMembers`."""
    club = desk.operators.show(task.club_id).club
    counted = AcceptedTerms(AccountMembers(desk.client, desk.settings.ledger_table, club.club_id, Patience())).count()
    return {
        "versions": [{"version": terms.version, "members": counted[terms.version]} for terms in club.terms],
        "not_accepted": counted[NOT_ACCEPTED],
    }


def attach_signed_form(desk: Desk, task: AttachSignedForm) -> dict[str, Any]:
    """Carry out `AttachSignedForm`."""
    club = desk.operators.show(task.club_id).club
    attached = _signed_forms(desk, club).attach(task.member_id, task.form_code, _photo(task.photo))
    return {"member_id": task.member_id, "record_id": attached.record_id, "file": attached.name}


TERMS_TASKS: Mapping[type[TaskModel], Callable[[Desk, Any], dict[str, Any]]] = {
    TermsForm: terms_form,
    PublishTerms: publish_terms,
    ShowTerms: show_terms,
    CompareTerms: compare_terms,
    TermsMembers: terms_members,
    AttachSignedForm: attach_signed_form,
}


def terms_differ(desk: Desk, club_id: str) -> list[str] | None:
    """The points in which a club's newest terms no longer say what it does; null where only a reader can tell."""
    outdated = _terms(desk).outdated(club_id)
    return None if outdated is None else [point.value for point in outdated]


def _terms(desk: Desk) -> TermsDesk:
    return TermsDesk(desk.client, desk.settings.clubs_table, desk.operators, Patience())


def _signed_forms(desk: Desk, club: Club) -> SignedForms:
    access = AccessStore(desk.client, desk.settings.members_table, club.club_id, club.address_key)
    return SignedForms(club, Bench(desk, club.club_id).members, access, evidence_store(desk.settings), Patience())


def _photo(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise Refusal("invalid_field", {"expected": "base64"}, "/photo") from error


def _version(terms: TermsVersion) -> dict[str, Any]:
    return {
        "version": terms.version,
        "languages": list(terms.texts) or [terms.language],
        "published_at": iso_instant(terms.published_at),
        "valid_from": terms.valid_from and terms.valid_from.isoformat(),
        "rate": terms.rate,
        "expiry_months": terms.bonus_expiry_months,
        "inactive_months": terms.inactive_months,
        "worse": terms.said_worse,
    }


def _changed(block: ChangedBlock) -> dict[str, Any]:
    return {
        "heading": block.heading,
        "sentences": [f"{MARKS[sentence.change]} {sentence.words}" for sentence in block.sentences],
    }
