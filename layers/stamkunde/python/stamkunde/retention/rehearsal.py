"""What a way of keeping members would bring in a club, by the members that it has: read in parts, nothing written."""

import hashlib
import time
from collections.abc import Callable, Iterator
from datetime import datetime

import msgspec
from msgspec import Struct, field

from stamkunde.clubs.keeping import made_of, proposed, seal_forecast
from stamkunde.clubs.member_policy import Keeping
from stamkunde.clubs.model import Club
from stamkunde.ledger.model.accounts import Account
from stamkunde.ledger.store import ACCOUNT_SHARDS, LedgerStore
from stamkunde.members.model import MemberState
from stamkunde.members.permission import LASTS_MONTHS, Facts, advertised_until, basis
from stamkunde.members.store import MemberStore
from stamkunde.retention.facts import away_of, club_time
from stamkunde.retention.model.simulation import Course, Forecast, Household, Lot, Person, Told, simulate
from stamkunde.shared.channel import Channel
from stamkunde.shared.clock import Clock, end_of_month, iso_instant, local_date, months_later, parse_instant
from stamkunde.shared.errors import Refusal
from stamkunde.shared.signing import seal, unseal

PURPOSE = "keeping forecast part"
WORK_SECONDS = 20.0
LATEST_END = 3
"""So many months after a ladder's end everybody is gone whom its notices reached."""


class Begun(Struct, frozen=True):
    """How far a forecast has come: carried from part to part under a seal, so that nobody adds to it on the way.

    Parameters
    ----------
    began_at
        The instant from which everything is reckoned.
    made_of
        What held then, and what was wished for.
    """

    club_id: str
    began_at: str
    made_of: str
    part: int = 0
    told: tuple[tuple[Told, int], ...] = ()
    forecast: Forecast = Forecast()


class Rehearsed(Struct, frozen=True):
    """A part of a forecast, or all of it.

    Parameters
    ----------
    club
        As it would be.
    following
        What to ask the next part by; None once it is whole.
    forecast
        Of those who were looked at so far.
    sealed
        Once it is whole: what shows that somebody saw it.
    """

    club: Club
    following: str | None
    forecast: Forecast
    sealed: str | None


class Rehearsal(Struct, frozen=True):
    """Works out for one club what a way of keeping members would bring.

    Parameters
    ----------
    monotonic
        Measures how long a part has taken; tells no date.
    """

    club: Club
    members: MemberStore
    ledger: LedgerStore
    clock: Clock
    monotonic: Callable[[], float] = field(default=time.monotonic)

    def go(self, wish: Keeping, following: str | None) -> Rehearsed:
        """The next part of a forecast.

        Raises
        ------
        Refusal
            ``invalid_field``: the part isn't one of this forecast, or no club may keep its members so.
        """
        state = self._open(following, wish) if following else self._begin(wish)
        now = parse_instant(state.began_at)
        club = proposed(self.club, wish, local_date(now, self.club.time_zone))
        forecast, part, end = state.forecast, state.part, self.monotonic() + WORK_SECONDS
        forecast = msgspec.structs.replace(forecast, told=dict(state.told))
        while part < ACCOUNT_SHARDS and self.monotonic() < end:
            forecast += self._part(part, club, now)
            part += 1
        if part == ACCOUNT_SHARDS:
            return Rehearsed(club, None, forecast, seal_forecast(self.club, wish, now))
        told, bare = tuple(forecast.told.items()), msgspec.structs.replace(forecast, told={})
        state = msgspec.structs.replace(state, part=part, told=told, forecast=bare)
        return Rehearsed(club, seal(self.club.signing_keys, PURPOSE, msgspec.json.encode(state)), forecast, None)

    def _begin(self, wish: Keeping) -> Begun:
        return Begun(self.club.club_id, iso_instant(self.clock.now()), self._made_of(wish))

    def _open(self, sealed: str, wish: Keeping) -> Begun:
        opened = unseal(self.club.signing_keys, PURPOSE, sealed)
        state = msgspec.json.decode(opened, type=Begun) if opened else None
        if state is None or state.club_id != self.club.club_id or state.made_of != self._made_of(wish):
            raise Refusal("invalid_field", {"expected": "following"}, "/following")
        return state

    def _made_of(self, wish: Keeping) -> str:
        return hashlib.sha256(made_of(self.club).encode() + msgspec.json.encode(wish)).hexdigest()

    def _part(self, part: int, club: Club, now: datetime) -> Forecast:
        course = course_of(club, now)
        today = local_date(now, club.time_zone)
        longest = max(ladder.months for _, ladder in course.ladders)
        until = club_time(club).start_of(months_later(today, longest + LATEST_END))
        return simulate(self._households(part, now), course, club_time(club), now, until)

    def _households(self, part: int, now: datetime) -> Iterator[Household]:
        for account_id in self.ledger.account_ids_of(part):
            account = self.ledger.load_account(account_id, consistent=False)
            if account is not None:
                people = tuple(self._people(account, now))
                yield Household(people, tuple(self._lots(account, now)), account.deficit)

    def _people(self, account: Account, now: datetime) -> Iterator[Person]:
        """Who is on the ladder; who asked to be deleted, or never accepted the terms, goes another way."""
        zone = self.club.time_zone
        for member_id in account.members:
            member, records = self.members.load_with_records(member_id)
            if member is None or member.erasure is not None or member.state is not MemberState.MEMBER:
                continue
            facts = Facts(self.club, member, tuple(records))
            until, found = advertised_until(facts, Channel.SMS, now), basis(facts, Channel.SMS, now)
            use_keeps = LASTS_MONTHS if found is not None and found.yes is not None else 0
            yield Person(away_of(member, records, account, zone), until, use_keeps)

    def _lots(self, account: Account, now: datetime) -> Iterator[Lot]:
        """What an account holds; by the shortest life that bonus ever had here, a lot is as young as it can be."""
        today = local_date(now, self.club.time_zone)
        shortest = min(programme.expiry_months for programme in self.club.programmes)
        for lot, amount in account.lots.items():
            yield Lot(amount, lot.expires_on, min(today, end_of_month(lot.expires_on, -shortest)))


def course_of(club: Club, now: datetime) -> Course:
    """A club's ladders from now on, as its terms come to hold."""
    today = local_date(now, club.time_zone)
    coming = {day for terms in club.terms if (day := terms.first_day(club.time_zone)) > today}
    return Course(tuple((day, club.ladder(day)) for day in sorted({today, *coming})))
