"""What must happen to a copy before anybody works with it: who was erased since is erased again, and nothing is sent.

Each part may be done again and changes nothing then.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Container, Mapping
from copy import replace
from dataclasses import dataclass
from functools import partial
from itertools import batched
from typing import Any

from infra.restore.place import Place, clock_of
from infra.restore.sweep import AT_ONCE, Sweep, delete_rows
from infra.restore.wishes import Wishes, asked_for
from stamkunde.bootstrap import admission
from stamkunde.campaigns.runs import RUNNING_SHARDS
from stamkunde.campaigns.store import DUE_SHARDS
from stamkunde.clubs.model import Club
from stamkunde.clubs.store import ClubRegistry, ClubStore
from stamkunde.erasure_bootstrap import erasure
from stamkunde.gateways.tombstones import digest_of
from stamkunde.gateways.wake_ups import WakeUps
from stamkunde.members.admission import Admission
from stamkunde.members.store import MemberStore
from stamkunde.messaging.member_messages import MemberMessages
from stamkunde.messaging.model import Domains
from stamkunde.messaging.store import OUTBOX_SHARDS, ClubMessages
from stamkunde.retention.store import DueStore
from stamkunde.shared.reading import query_rows

type Erase = Callable[[Place, Club, str], bool]
"""Erases a member of a club in the tables of a place; whether there was one."""


@dataclass(frozen=True)
class Replayed:
    """What replaying came to: clubs and people who are gone again, messages that won't go out a second time.

    Parameters
    ----------
    asked, withdrawn
        Wishes to be deleted that were said, or taken back, since the copy was made.
    """

    clubs: int = 0
    people: int = 0
    messages: int = 0
    asked: int = 0
    withdrawn: int = 0


class NobodyWakes:
    """A queue that leads nowhere: what is written here waits for the minute's job, or is taken out before."""

    def send_message_batch(self, **_given: Any) -> dict[str, Any]:
        """Let the wake-ups go by."""
        return {}


def erase(place: Place, club: Club, member_id: str) -> bool:
    """Erase somebody, whatever is due, step by step as it is always done."""
    made = erasure(place.settings, place.tables, club, clock_of(club))
    # The files of the place itself: what erases in a function would look for them with its own rights.
    stores = replace(made.stores, evidence=lambda: place.evidence, tombstones=lambda: place.tombstones)
    return replace(made, stores=stores).erase_now(member_id)


def replay(place: Place, standing: Place, erase: Erase = erase) -> Replayed:
    """Have nobody in a copy who is gone or stays though they asked, and nothing that waits to be sent.

    Who said no to offers since the copy was made can't be known from it: the runbook says what to do.

    Parameters
    ----------
    standing
        The tables that it is a copy of: wishes to be deleted are as they stand there.
    """
    client, table = place.tables, place.settings.clubs_table
    messages = take_out_messages(place)
    drop_facts(place)
    known, wished = everybody(place), (asked_for(standing), asked_for(place))
    clubs = people = asked = withdrawn = 0
    buried: set[str] = set()
    for club_id in sorted({*ClubRegistry(client, table).club_ids(), *known}):
        gone = place.tombstones.of_club(club_id)
        buried.update(gone)
        if digest_of(club_id) in gone:
            clubs += bool(Sweep(client, place.table_names).empty(club_id))
        elif (club := ClubStore(client, table, club_id).load()) is not None:
            theirs = sorted(each for each in known[club_id] if digest_of(each) in gone)
            people += sum(erase(place, club, member_id) for member_id in theirs)
            now_wished, once_wished = (each.get(club_id, set()) for each in wished)
            wishes = wishes_of(place, standing, club)
            asked += sum(wishes.ask_again(member_id, gone) for member_id in sorted(now_wished))
            withdrawn += sum(wishes.withdraw(member_id) for member_id in sorted(once_wished - now_wished))
    drop_hints(place, buried)
    return Replayed(clubs, people, messages, asked, withdrawn)


def wishes_of(place: Place, standing: Place, club: Club) -> Wishes:
    """What brings a club's wishes to be deleted into a copy."""
    clock, table = clock_of(club), place.settings.members_table
    members = MemberStore(standing.tables, standing.settings.members_table, club.club_id, club.address_key, clock)
    return Wishes(members, admitted(place, club), table, DueStore(place.tables, table, club.club_id), clock)


def everybody(place: Place) -> dict[str, set[str]]:
    """By club, the ids of all of whom the members' table holds anything, also of who is listed nowhere any more."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for row in place.rows("members", "begins_with(pk, :member)", member="M#"):
        _, club_id, member_id = row["pk"].split("#")
        found[club_id].add(member_id)
    return found


def drop_facts(place: Place) -> None:
    """Take away what segments know of members, and of whom it is to be made anew: the next hour makes all of it.

    It is a view. Tables are copied one after the other, so it may know of somebody whom no other row knows any more.
    """
    rows = place.rows("views", "begins_with(pk, :facts) OR begins_with(pk, :mark)", facts="FACTS#", mark="MARKED#")
    for some in batched(rows, AT_ONCE, strict=False):
        delete_rows(place.tables, place.settings.views_table, some)


def drop_hints(place: Place, gone: Container[str]) -> None:
    """Take away when people who are gone were to be looked at, and what was being done to them as the copy was made.

    In the tables themselves the next visit does that, and nobody visits a copy.
    """
    rows = place.rows("members", "begins_with(pk, :hint) OR begins_with(pk, :case)", hint="DUE#", case="CASE#")
    theirs = (row for row in rows if digest_of(_whom(row)) in gone)
    for some in batched(theirs, AT_ONCE, strict=False):
        delete_rows(place.tables, place.settings.members_table, some)


def _whom(row: Mapping[str, Any]) -> str:
    """Whom a hint is about, or a case by its hint; how far the visits have come is about nobody."""
    _, hint, _ = row.get("hint", ("", row["sk"], ""))
    return str(hint).rpartition("#")[2]


def take_out_messages(place: Place, club_id: str | None = None) -> int:
    """Delete what waits to be sent, in one club or in all; how many. Who got it then must not get it now.

    Campaigns that were due or being sent aren't looked after any more: what of them has gone since, no copy knows.
    """
    client, table, gone = place.tables, place.settings.messages_table, 0
    for pk in (
        *(f"OUTBOX#{shard}" for shard in range(OUTBOX_SHARDS)),
        *(f"CAMPAIGN_DUE#{shard}" for shard in range(DUE_SHARDS)),
        *(f"RUNNING#{shard}" for shard in range(RUNNING_SHARDS)),
    ):
        rows = query_rows(client, table, pk, consistent=True)
        theirs = (row for row in rows if club_id is None or club_id in row["sk"].split("#"))
        for some in batched(theirs, AT_ONCE, strict=False):
            delete_rows(client, table, some)
            gone += len(some)
    return gone


def admitted(place: Place, club: Club) -> Admission:
    """What writes that somebody comes or goes in a place; nobody is woken by it."""
    return admission(place.settings, place.tables, club, partial(_messages, place, club), clock_of(club))


def _messages(place: Place, club: Club) -> MemberMessages:
    settings = place.settings
    store = ClubMessages(place.tables, settings.messages_table, club.club_id)
    domains = Domains(settings.pages_domain, settings.short_domain, settings.mail_domain)
    return MemberMessages(club, store, WakeUps(NobodyWakes(), ""), domains)
