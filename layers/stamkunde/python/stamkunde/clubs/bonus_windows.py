"""Hours of more bonus that a plan opens and closes, written together with the messages that promise them."""

from collections.abc import Collection
from copy import replace
from datetime import datetime

from msgspec import Struct

from stamkunde.clubs.model import NOTICE_OF_NEW_VERSIONS, Club
from stamkunde.clubs.programmes import check_programme, first_start, next_programme
from stamkunde.clubs.store import ClubStore
from stamkunde.clubs.terms import check_promises
from stamkunde.shared.errors import Refusal
from stamkunde.shared.programme import BonusProgramme, Multiplier
from stamkunde.shared.transaction import Put


def checked_version(
    store: ClubStore, club: Club, wish: BonusProgramme, start: datetime, now: datetime
) -> BonusProgramme:
    """The next version of a club's programme, if it promises what can be kept.

    Raises
    ------
    Refusal
        Those of `next_programme`, of `check_programme` and of `check_promises`.
    """
    newest = club.programmes[-1]
    version = next_programme(newest, wish, start, now)
    outlets = [outlet.outlet_id for outlet in store.outlets()]
    months = club.current_terms().bonus_expiry_months
    check_programme(version, newest, months, outlets, club.programmes[:-1])
    check_promises(club.current_terms(), version)
    return version


class BonusWindows(Struct, frozen=True):
    """One club's hours of more bonus (feature 18)."""

    store: ClubStore

    def open_writes(self, windows: Collection[Multiplier], now: datetime) -> list[Put]:
        """A version with them, from as soon as may be; no write for those that are published already.

        Raises
        ------
        Refusal
            ``unknown_club``; ``version_starts_too_soon``: one begins before a new version can; those of
            `checked_version`.
        """
        club = self._club()
        newest = club.programmes[-1]
        missing = tuple(each for each in windows if each not in newest.multipliers)
        if not missing:
            return []
        start = first_start(newest, now)
        if any(each.starts_at < start for each in missing):
            seconds = int(NOTICE_OF_NEW_VERSIONS.total_seconds())
            raise Refusal("version_starts_too_soon", {"seconds": seconds}, "/multipliers")
        return self._writes(club, (*newest.multipliers, *missing), start, now)

    def close_writes(self, windows: Collection[Multiplier], now: datetime) -> list[Put]:
        """A version without those of them that are published and haven't begun: bonus in its hours is a claim.

        Raises
        ------
        Refusal
            ``unknown_club``, those of `checked_version`.
        """
        club = self._club()
        newest = club.programmes[-1]
        start = first_start(newest, now)
        kept = tuple(each for each in newest.multipliers if each not in windows or each.starts_at <= start)
        return [] if kept == newest.multipliers else self._writes(club, kept, start, now)

    def _writes(self, club: Club, multipliers: tuple[Multiplier, ...], start: datetime, now: datetime) -> list[Put]:
        wish = replace(club.programmes[-1], multipliers=multipliers)
        return [self.store.programme_write(checked_version(self.store, club, wish, start, now))]

    def _club(self) -> Club:
        club = self.store.load(texts=False)
        if club is None:
            raise Refusal("unknown_club")
        return club
