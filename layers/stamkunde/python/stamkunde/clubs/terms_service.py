"""What operators do with a club's terms: fill in the form, publish, compare."""

from collections.abc import Sequence
from copy import replace
from datetime import datetime, time
from typing import TYPE_CHECKING

from msgspec import Struct

from stamkunde.clubs.keeping import is_shorter, seen_policy
from stamkunde.clubs.model import Club, MemberPolicy, TermsVersion
from stamkunde.clubs.programmes import check_programme, first_start, next_programme
from stamkunde.clubs.service import Operators
from stamkunde.clubs.store import ClubStore
from stamkunde.clubs.terms import (
    NewTerms,
    TermsForm,
    TermsPoint,
    TermsSettings,
    first_form,
    next_terms,
    outdated_points,
)
from stamkunde.clubs.terms_changes import ChangedBlock, changes
from stamkunde.shared.clock import local_date, wall_instant
from stamkunde.shared.errors import Refusal
from stamkunde.shared.patience import Patience
from stamkunde.shared.programme import BonusProgramme
from stamkunde.shared.transaction import ConditionFailed, Put, commit

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


class NewSettings(Struct, frozen=True):
    """Settings that change together with the terms that say so; None for those that stay as they are.

    Parameters
    ----------
    forecast
        The seal of what another time of keeping members would bring, which names that time.
    keeping_reason
        Why it is three years or longer.
    """

    rate: int | None = None
    expiry_months: int | None = None
    forecast: str | None = None
    keeping_reason: str | None = None

    def programme(self, newest: BonusProgramme) -> BonusProgramme:
        """The bonus programme that the terms are to name."""
        return replace(
            newest,
            rate=newest.rate if self.rate is None else self.rate,
            expiry_months=newest.expiry_months if self.expiry_months is None else self.expiry_months,
        )

    def policy(self, club: Club, now: datetime) -> MemberPolicy:
        """What the club asks of its members, as the terms are to name it."""
        if self.forecast is None:
            return club.member_policy
        return seen_policy(club, self.forecast, self.keeping_reason, now)


class Compared(Struct, frozen=True):
    """What is new in a version against an older one."""

    older: TermsVersion
    newer: TermsVersion
    changed: tuple[ChangedBlock, ...]


class TermsDesk(Struct, frozen=True):
    """The operators' use cases for terms, one club at a time."""

    client: "DynamoDBClient"
    table: str
    operators: Operators
    patience: Patience

    def form(self, club_id: str, languages: Sequence[str] = ()) -> TermsForm:
        """The form to edit: as it was filled in last, with our suggestions for languages it wasn't filled in for.

        Parameters
        ----------
        languages
            Those to fill it in for; by default those of the newest version.

        Raises
        ------
        Refusal
            ``unknown_club``.
        """
        club = self._club(club_id)
        kept = self._kept_form(club)
        wanted = languages or tuple(kept.words) or (club.language,)
        return TermsForm({**first_form(club, wanted).words, **_among(kept, wanted).words})

    def publish(self, club_id: str, wish: NewTerms, new: NewSettings | None = None) -> TermsVersion:
        """A new version of the terms, with the settings that change along with it, or nothing.

        Raises
        ------
        Refusal
            ``unknown_club``, ``already_exists``: another one was published just now; those of `next_terms` and, for
            settings that change, of `check_programme` and `seen_policy`.
        """
        club = self._club(club_id)
        now = self.operators.present(club)
        new = new or NewSettings()
        policy, today = new.policy(club, now), local_date(now, club.time_zone)
        settings = TermsSettings(new.programme(club.programmes[-1]), policy)
        if club.current_terms().inactive_months is None and is_shorter(club, policy):
            # Nothing that the two versions say can be compared.
            wish = replace(wish, said_worse=True)
        terms = next_terms(club, wish, settings, now, today)
        store = self._store(club_id)
        self._write(
            [
                *store.terms_writes(terms),
                store.terms_form_write(terms.version, wish.form.document()),
                *self._settings_writes(club, settings, terms, now),
            ]
        )
        return terms

    def compare(self, club_id: str, older: int | None, newer: int | None, language: str) -> Compared:
        """What is new in a version; by default in the newest one against the one before it.

        Raises
        ------
        Refusal
            ``unknown_club``, ``unknown_terms_version``.
        """
        club = self._club(club_id)
        to = find_version(club, newer or club.current_terms().version, "/newer")
        since = find_version(club, older or max(1, to.version - 1), "/older")
        return Compared(since, to, changes(since, to, language))

    def outdated(self, club_id: str) -> tuple[TermsPoint, ...] | None:
        """The points of the newest version that no longer say what the club does.

        None where nobody but a reader can tell: it was made without the guided form.

        Raises
        ------
        Refusal
            ``unknown_club``.
        """
        club = self._club(club_id)
        form = self._kept_form(club)
        return outdated_points(club, club.current_terms(), form) if form.words else None

    def _settings_writes(self, club: Club, settings: TermsSettings, terms: TermsVersion, now: datetime) -> list[Put]:
        writes = []
        newest, store = club.programmes[-1], self._store(club.club_id)
        if settings.programme != newest:
            programme = next_programme(newest, settings.programme, _start(club, terms, now), now)
            outlets = [outlet.outlet_id for outlet in store.outlets()]
            check_programme(programme, newest, terms.bonus_expiry_months, outlets, club.programmes[:-1])
            writes.append(store.programme_write(programme))
        if settings.policy != club.member_policy:
            writes.append(store.member_policy_write(settings.policy))
        return writes

    def _kept_form(self, club: Club) -> TermsForm:
        kept = self._store(club.club_id).load_terms_form(club.current_terms().version) or {}
        return TermsForm(
            {language: {TermsPoint(each): said for each, said in words.items()} for language, words in kept.items()}
        )

    def _club(self, club_id: str) -> Club:
        return self.operators.show(club_id).club

    def _store(self, club_id: str) -> ClubStore:
        return ClubStore(self.client, self.table, club_id)

    def _write(self, writes: list[Put]) -> None:
        try:
            self.patience.until_done(lambda: commit(self.client, writes))
        except ConditionFailed as failed:
            raise Refusal("already_exists", {"what": ", ".join(sorted(failed.found))}) from failed


def find_version(club: Club, number: int, pointer: str) -> TermsVersion:
    """A published version of a club's terms.

    Raises
    ------
    Refusal
        ``unknown_terms_version``.
    """
    found = next((terms for terms in club.terms if terms.version == number), None)
    if found is None:
        raise Refusal("unknown_terms_version", pointer=pointer)
    return found


def _among(form: TermsForm, languages: Sequence[str]) -> TermsForm:
    return TermsForm({language: words for language, words in form.words.items() if language in languages})


def _start(club: Club, terms: TermsVersion, now: datetime) -> datetime:
    """When a bonus programme begins that new terms name: as they do, or as soon as may be."""
    first = first_start(club.programmes[-1], now)
    if terms.valid_from is None:
        return first
    return max(first, wall_instant(datetime.combine(terms.valid_from, time.min), club.time_zone))
