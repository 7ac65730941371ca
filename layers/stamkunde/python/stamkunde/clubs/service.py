"""What operators do with clubs: create, see, publish, give and take away till keys."""

from collections.abc import Callable, Iterator
from copy import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from msgspec import Struct

from stamkunde.clubs.bonus_windows import checked_version
from stamkunde.clubs.member_policy import Keeping, check_member_policy, with_keeping
from stamkunde.clubs.model import (
    CAREFUL_POLICY,
    COUNTRIES,
    DEFAULT_JOIN_COUNTRIES,
    LONGEST_LATE_OPENING,
    NOTICE_OF_NEW_VERSIONS,
    Club,
    Country,
    JoinPage,
    MemberPolicy,
    Outlet,
    ReceiptNumbers,
    TermsVersion,
    Till,
    check_id,
    check_join_page,
    check_slug,
    new_till_key,
    with_new_signing_key,
)
from stamkunde.clubs.programmes import check_programme, first_start, promised_by, with_extra_bonus
from stamkunde.clubs.store import ClubRegistry, ClubStore
from stamkunde.clubs.terms import check_promises, keeping_text, rate_text
from stamkunde.shared.clock import Clock
from stamkunde.shared.errors import Refusal
from stamkunde.shared.ids import new_id
from stamkunde.shared.language import text
from stamkunde.shared.patience import Patience
from stamkunde.shared.programme import BonusProgramme, Unit
from stamkunde.shared.signing import SigningKey
from stamkunde.shared.transaction import Busy, ConditionFailed, Put, commit

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

SECRET_BYTES = 32


class NewClub(Struct, frozen=True):
    """What an operator says of a new club; the rest follows from its country.

    Parameters
    ----------
    rate
        Bonus in basis points, or in points for 100 kr.
    unit, point_value
        What bonus is counted in, for ever, and what a point pays for in minor units.
    terms_text
        The first terms version; None takes the default text of the club's language.
    clock_offset
        Makes a club whose clock can be moved (local engine only).
    keeping, keeping_reason
        For how long it keeps members who stay away, and why; its pages are closed until it has chosen.
    """

    slug: str
    name: str
    country: str
    contact: str
    rate: int = 300
    expiry_months: int = 36
    unit: Unit = Unit.MONEY
    point_value: int = 1
    terms_text: str | None = None
    clock_offset: timedelta | None = None
    keeping: Keeping | None = None
    keeping_reason: str | None = None


class ShownKey(Struct, frozen=True):
    """A till with its key, the only time the key is shown."""

    till: Till
    key: str


class ClubOverview(Struct, frozen=True):
    """A club as an operator sees it."""

    club: Club
    outlets: list[Outlet]
    tills: list[Till]


class Operators:
    """The operators' use cases, one club at a time."""

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        clock: Clock,
        *,
        random_bytes: Callable[[int], bytes],
        clocks_movable: bool,
    ) -> None:
        self._client = client
        self._table = table
        self._clock = clock
        self._random_bytes = random_bytes
        self._clocks_movable = clocks_movable
        self._patience = Patience()
        self._registry = ClubRegistry(client, table)

    def create_club(self, wish: NewClub) -> Club:
        """A new club with its first programme and terms.

        Raises
        ------
        Refusal
            ``already_exists`` (the slug), ``invalid_field``, ``expiry_not_in_terms``, ``clock_not_movable``.
        """
        country = COUNTRIES.get(wish.country)
        if country is None:
            raise Refusal("invalid_field", {"expected": ", ".join(COUNTRIES)}, "/country")
        if wish.clock_offset is not None:
            self._require_movable_clocks()
        now = self._clock.now() + (wish.clock_offset or timedelta())
        programme = BonusProgramme(1, now, wish.rate, wish.expiry_months, wish.unit, wish.point_value)
        policy = _first_policy(wish)
        terms = _first_terms(wish, programme, policy, country)
        check_programme(programme, programme, terms.bonus_expiry_months, ())
        club = Club(
            club_id=new_id("c"),
            slug=check_slug(wish.slug),
            name=wish.name,
            country=wish.country,
            language=country.language,
            currency=country.currency,
            time_zone=country.time_zone,
            join_countries=DEFAULT_JOIN_COUNTRIES,
            address_key=self._random_bytes(SECRET_BYTES),
            clock_offset=wish.clock_offset,
            created_at=now,
            programmes=(programme,),
            terms=(terms,),
            signing_keys=(SigningKey(1, self._random_bytes(SECRET_BYTES)),),
            member_policy=policy,
        )
        self._write(self._store(club.club_id).new_club_writes(club))
        return club

    def publish_join_page(self, club_id: str, page: JoinPage) -> JoinPage:
        """Open a club's public pages, or change what they say.

        Raises
        ------
        Refusal
            ``unknown_club``, ``invalid_field``. ``keeping_not_chosen``: nobody has said for how long members are
            kept (R15).
        """
        club = self._club(club_id)
        if club.member_policy.trade is None:
            raise Refusal("keeping_not_chosen")
        checked = check_join_page(page, club.country)
        self._write([self._store(club_id).join_page_write(checked)])
        return checked

    def publish_member_policy(self, club_id: str, wish: MemberPolicy) -> MemberPolicy:
        """What a club asks of its members from now on; every warm Lambda knows it within a minute.

        Raises
        ------
        Refusal
            ``unknown_club``, those of `check_member_policy` and of `check_promises`.
        """
        club = self._club(club_id)
        checked = check_member_policy(wish, club.member_policy, club.country)
        check_promises(club.current_terms(), None, checked)
        self._write([self._store(club_id).member_policy_write(checked)])
        return checked

    def new_signing_key(self, club_id: str) -> int:
        """Have a club's codes and pages signed with a new key from in two minutes on; the number of that key.

        What the key before it signed still counts, and nothing older: two new keys within a quarter of an hour make
        every sign-in under way start over.

        Raises
        ------
        Refusal
            ``unknown_club``, ``already_exists``: another one was made in the last two minutes.
        """
        before = self._club(club_id).signing_keys
        after = with_new_signing_key(before, self._random_bytes(SECRET_BYTES), self._clock.now())
        self._write([self._store(club_id).signing_keys_write(before, after)])
        return after[0].key_id

    def create_outlet(self, club_id: str, outlet_id: str, name: str) -> Outlet:
        """A new place of sale.

        Raises
        ------
        Refusal
            ``unknown_club``, ``already_exists``, ``invalid_field``.
        """
        self._club(club_id)
        outlet = Outlet(check_id(outlet_id, "/outlet_id"), name)
        self._write([self._store(club_id).outlet_write(outlet)])
        return outlet

    def create_till(
        self, club_id: str, outlet_id: str, till_id: str, name: str, receipt_numbers: ReceiptNumbers
    ) -> ShownKey:
        """A new till with its key.

        Raises
        ------
        Refusal
            ``unknown_club``, ``unknown_outlet``, ``already_exists``, ``invalid_field``.
        """
        self.require_outlet(club_id, outlet_id)
        store = self._store(club_id)
        key, key_hash = new_till_key(club_id, check_id(till_id, "/till_id"))
        till = Till(till_id, outlet_id, name, receipt_numbers, key_hash, None, None)
        self._write([store.new_till_write(till)])
        return ShownKey(till, key)

    def require_outlet(self, club_id: str, outlet_id: str) -> None:
        """See that an outlet is there: a typo must not look like an empty shop.

        Raises
        ------
        Refusal
            ``unknown_club``, ``unknown_outlet``.
        """
        self._club(club_id)
        if all(outlet.outlet_id != outlet_id for outlet in self._store(club_id).outlets()):
            raise Refusal("unknown_outlet", pointer="/outlet_id")

    def replace_till_key(self, club_id: str, till_id: str) -> ShownKey:
        """A new key for a till; the old one is refused from now on, and a revoked till works again.

        Raises
        ------
        Refusal
            ``unknown_till``.
        """
        key, key_hash = new_till_key(club_id, till_id)
        till = self._change_till(club_id, till_id, lambda till: replace(till, key_hash=key_hash, revoked_at=None))
        return ShownKey(till, key)

    def revoke_till(self, club_id: str, till_id: str) -> Till:
        """Refuse a till's key from now on.

        Raises
        ------
        Refusal
            ``unknown_till``.
        """
        now = self._clock.now()
        return self._change_till(club_id, till_id, lambda till: replace(till, revoked_at=till.revoked_at or now))

    def open_for_late_receipts(self, club_id: str, till_id: str, duration: timedelta) -> Till:
        """Take receipts of any age from a till for a limited time.

        Raises
        ------
        Refusal
            ``unknown_till``, ``invalid_field``: not between now and 31 days.
        """
        if not timedelta() <= duration <= LONGEST_LATE_OPENING:
            raise Refusal("invalid_field", {"expected": f"0-{LONGEST_LATE_OPENING.days * 24} hours"}, "/hours")
        until = self.present(self._club(club_id)) + duration
        return self._change_till(club_id, till_id, lambda till: replace(till, late_receipts_until=until))

    def publish_programme(
        self, club_id: str, rate: int | None, expiry_months: int | None, valid_from: datetime
    ) -> BonusProgramme:
        """A new version of the bonus programme in which the rate or the months differ, and nothing else.

        Raises
        ------
        Refusal
            Those of `publish_whole_programme`.
        """
        newest = self._club(club_id).programmes[-1]
        return self.publish_whole_programme(
            club_id,
            replace(
                newest,
                rate=newest.rate if rate is None else rate,
                expiry_months=newest.expiry_months if expiry_months is None else expiry_months,
            ),
            valid_from,
        )

    def publish_whole_programme(self, club_id: str, wish: BonusProgramme, valid_from: datetime) -> BonusProgramme:
        """A new version of the bonus programme, from an instant at least two minutes ahead.

        Raises
        ------
        Refusal
            ``unknown_club``, ``version_starts_too_soon``, ``already_exists``: another was published just now; those
            of `check_programme` and of `check_promises`.
        """
        club = self._club(club_id)
        return self._publish(club, wish, valid_from, self.present(club))

    def publish_extra_bonus(
        self, club_id: str, starts_at: datetime, ends_at: datetime, factor: int, outlets: tuple[str, ...]
    ) -> BonusProgramme:
        """A new version, from as soon as may be, with a factor on all bonus between two instants.

        Raises
        ------
        Refusal
            ``version_starts_too_soon``: the time begins before the new version can; those of
            `publish_whole_programme`.
        """
        club = self._club(club_id)
        newest, now = club.programmes[-1], self.present(club)
        start = first_start(newest, now)
        if starts_at < start:
            raise Refusal(
                "version_starts_too_soon", {"seconds": int(NOTICE_OF_NEW_VERSIONS.total_seconds())}, "/starts_at"
            )
        wish = with_extra_bonus(newest, starts_at, ends_at, factor, outlets, club.time_zone)
        return self._publish(club, wish, start, now)

    def _publish(self, club: Club, wish: BonusProgramme, start: datetime, now: datetime) -> BonusProgramme:
        store = self._store(club.club_id)
        version = checked_version(store, club, wish, start, now)
        self._write([store.programme_write(version)])
        return version

    def clubs(self) -> Iterator[Club]:
        """Every club there is."""
        return (self._club(club_id) for club_id in self._registry.club_ids())

    def show(self, club_id: str) -> ClubOverview:
        """A club with its outlets and tills.

        Raises
        ------
        Refusal
            ``unknown_club``.
        """
        store = self._store(club_id)
        return ClubOverview(self._club(club_id), store.outlets(), store.tills())

    def find_by_slug(self, slug: str) -> Club:
        """A club by its slug.

        Raises
        ------
        Refusal
            ``unknown_club``.
        """
        club_id = self._registry.find_by_slug(slug)
        if club_id is None:
            raise Refusal("unknown_club", pointer="/slug")
        return self._club(club_id)

    def move_clock(self, club_id: str, offset: timedelta) -> None:
        """Move one club's clock, and nobody else's (local engine only).

        Raises
        ------
        Refusal
            ``clock_not_movable``: not here, or the club lives in real time.
        """
        self._require_movable_clocks()
        if self._club(club_id).clock_offset is None:
            raise Refusal("clock_not_movable")
        self._store(club_id).move_clock(offset)

    def present(self, club: Club) -> datetime:
        """The present instant of a club: the real one, unless its clock is moved (local engine only)."""
        return self._clock.now() + (club.clock_offset or timedelta())

    def _require_movable_clocks(self) -> None:
        if not self._clocks_movable:
            raise Refusal("clock_not_movable")

    def _store(self, club_id: str) -> ClubStore:
        return ClubStore(self._client, self._table, club_id)

    def _club(self, club_id: str) -> Club:
        club = self._store(club_id).load()
        if club is None:
            raise Refusal("unknown_club", pointer="/club_id")
        return club

    def _till(self, club_id: str, till_id: str) -> Till:
        till = self._store(club_id).find_till(till_id, consistent=True)
        if till is None:
            raise Refusal("unknown_till", pointer="/till_id")
        return till

    def _change_till(self, club_id: str, till_id: str, change: Callable[[Till], Till]) -> Till:
        """Change a till as it stands at this moment, again if somebody else changed it meanwhile."""
        store = self._store(club_id)

        def attempt() -> Till:
            before = self._till(club_id, till_id)
            after = change(before)
            try:
                commit(self._client, [store.till_change_write(before, after)])
            except ConditionFailed as failed:
                raise Busy from failed
            return after

        return self._patience.until_done(attempt)

    def _write(self, writes: list[Put]) -> None:
        try:
            self._patience.until_done(lambda: commit(self._client, writes))
        except ConditionFailed as failed:
            raise Refusal("already_exists", {"what": ", ".join(sorted(failed.found))}) from failed


def _first_policy(wish: NewClub) -> MemberPolicy:
    """Nobody is a member yet, so there is nothing to forecast."""
    if wish.keeping is None:
        return CAREFUL_POLICY
    chosen = replace(with_keeping(CAREFUL_POLICY, wish.keeping), keeping_reason=wish.keeping_reason)
    return check_member_policy(chosen, CAREFUL_POLICY, wish.country)


def _first_terms(wish: NewClub, programme: BonusProgramme, policy: MemberPolicy, country: Country) -> TermsVersion:
    """Our short text says how long members are kept, if the club has chosen that; nobody reads it in a club's own."""
    published_at = programme.valid_from
    if wish.terms_text is not None:
        promised = promised_by(wish.terms_text, wish.expiry_months)
        return TermsVersion(1, country.language, wish.terms_text, published_at, promised)
    months = policy.inactive_months if policy.trade else None
    words = text(
        country.language,
        "terms.first",
        club=wish.name,
        contact=wish.contact,
        rate=rate_text(programme, country.currency, country.language),
        months=wish.expiry_months,
        keeping=f" {keeping_text(months, country.language)}" if months else "",
    )
    return TermsVersion(1, country.language, words, published_at, wish.expiry_months, inactive_months=months)
