"""The end of a club: every row and file of it goes, then its keys and its name, and a receipt stays.

Each part may be done again, so whatever stops it half-way, it is begun anew and goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from infra.local.home import LocalRunError
from infra.restore.place import Place, clock_of
from infra.restore.sweep import Sweep
from stamkunde.clubs.closing import Closed, ClosingClub, find_closed
from stamkunde.clubs.model import Club
from stamkunde.clubs.store import ClubStore
from stamkunde.shared.clock import local_date

SETTLES_IN = 75.0
"""Seconds in which the stream has told of what went, and the minute's job has counted the days that touches."""


def settle() -> None:
    """Let whatever runs by itself come to an end."""
    time.sleep(SETTLES_IN)


def end_club(place: Place, club_id: str, slug: str, wait: Callable[[], None] = settle) -> Closed:
    """Delete a club whose last day is over, and all that is kept in it.

    Parameters
    ----------
    slug
        Its name in addresses, to be sure which club is meant.

    Raises
    ------
    LocalRunError
        There is no such club, it isn't called so, or it isn't closed.
    """
    client, table = place.tables, place.settings.clubs_table
    closed = find_closed(client, table, club_id)
    if closed is None:
        closed = _end(place, _club_to_end(ClubStore(client, table, club_id).load(), slug))
    sweep = Sweep(client, place.table_names)
    while sweep.empty(club_id):
        wait()
    return closed


def _club_to_end(club: Club | None, slug: str) -> Club:
    if club is None:
        raise LocalRunError("There is no such club.")
    if club.slug != slug:
        raise LocalRunError(f"That club is called {club.slug} in addresses, and not {slug}: nothing was deleted.")
    if not club.is_closed(_present(club)):
        raise LocalRunError(
            f"{slug} isn't closed: announce its last day with `stamkunde club close`, and wait for it."
        )
    return club


def _end(place: Place, club: Club) -> Closed:
    now, club_id = _present(club), club.club_id
    closing = ClosingClub(place.tables, place.settings.clubs_table, club)
    sweep = Sweep(place.tables, place.table_names)
    begun = closing.begin(now, sweep.count(club_id))
    # Before anything goes: a copy that is brought back from now on must not bring the club back.
    place.tombstones.keep(club_id, club_id, local_date(now, club.time_zone))
    sweep.empty(club_id, but_club=True)
    place.evidence.remove_all(f"{club_id}/")
    return closing.end(begun, now)


def _present(club: Club) -> datetime:
    return clock_of(club).now()
