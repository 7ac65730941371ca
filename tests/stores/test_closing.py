"""Closing a club: announced in time, honoured to the last day, and then nothing is left but a receipt."""

from __future__ import annotations

from copy import replace
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from itertools import count
from typing import Any

import pytest

from infra.closing import end_club
from infra.local.home import LocalRunError
from infra.restore.place import Place
from infra.restore.replay import replay
from stamkunde.bootstrap import Tills
from stamkunde.clubs.closing import SHORTEST_NOTICE, ClosingClub, find_closed
from stamkunde.clubs.known import KnownClubs
from stamkunde.clubs.model import Club, Outlet, ReceiptNumbers, Till, new_till_key, parse_till_key
from stamkunde.clubs.store import ClubRegistry, ClubStore
from stamkunde.gateways.tombstones import digest_of
from stamkunde.shared.clock import FixedClock, SystemClock, local_date
from stamkunde.shared.errors import Refusal
from stamkunde.shared.item import to_wire
from stamkunde.shared.transaction import commit
from tests.due_scene import Killed, Life
from tests.factories import make_club
from tests.ledger_checks import every_row
from tests.restore_scene import new_place
from tests.shop import Shop

PHONE = "+4527182818"


@dataclass
class Closer:
    """A club with a member, and another that stays."""

    place: Place
    club: Club
    key: str

    @property
    def today(self) -> date:
        return local_date(SystemClock().now(), self.club.time_zone)

    def closing(self) -> ClosingClub:
        found = ClubStore(self.place.tables, "clubs", self.club.club_id).load()
        assert found is not None
        return ClosingClub(self.place.tables, "clubs", found)

    def is_over(self) -> None:
        """Let the last day be yesterday."""
        long_ago = SystemClock().now() - timedelta(days=60)
        last_day = self.today - timedelta(days=1)
        closing = self.closing()
        closing.announce(last_day, long_ago)

    def end(self, slug: str = "bager-holm", place: Place | None = None) -> Any:
        return end_club(place or self.place, self.club.club_id, slug, wait=lambda: None)

    def rows(self) -> list[dict[str, Any]]:
        """All rows that name the club."""
        tables = every_row(self.place.tables).values()
        return [row for rows in tables for row in rows if self.club.club_id in str(row)]

    def bring_back(self, kept: dict[str, list[dict[str, Any]]]) -> None:
        """Have the rows of before again, and no others of the club."""
        for row in self.rows():
            self.place.tables.delete_item(TableName="clubs", Key=to_wire({"pk": row["pk"], "sk": row["sk"]}))
        for table, rows in kept.items():
            for row in rows:
                self.place.tables.put_item(TableName=table, Item=to_wire(row))
        assert len(self.rows()) > 1

    def open_till(self, days: int) -> None:
        """What a till does first, so many days from now."""
        clock = FixedClock(SystemClock().now() + timedelta(days=days))
        key = parse_till_key(self.key)
        assert key is not None
        Tills(self.place.settings, self.place.tables, clock).open(key, writes=True)


@pytest.fixture
def closer(engine_endpoint: str) -> Closer:
    place = new_place(engine_endpoint)
    clubs = [make_club(), make_club(slug="other")]
    keys = []
    for club in clubs:
        store = ClubStore(place.tables, "clubs", club.club_id)
        key, key_hash = new_till_key(club.club_id, "kasse-1")
        keys.append(key)
        till = Till("kasse-1", "banegaarden", "Kasse 1", ReceiptNumbers.NEVER_RESTART, key_hash, None, None)
        writes = [store.join_page_write(club.join_page)] if club.join_page else []
        commit(place.tables, [*store.new_club_writes(club), *writes])
        commit(place.tables, [store.outlet_write(Outlet("banegaarden", "Banegården")), store.new_till_write(till)])
        shop = Shop(place.tables, club)
        member_id = shop.join(PHONE, name="Thorbjørg").at_till.member.member_id
        shop.buy(member_id, 10_000)
        place.evidence.keep(f"{club.club_id}/{member_id}/photo.jpg", b"photo", "image/jpeg")
    return Closer(place, clubs[0], keys[0])


def test_a_club_closes_thirty_days_ahead_at_the_earliest(closer: Closer) -> None:
    closing, now = closer.closing(), SystemClock().now()
    with pytest.raises(Refusal, match="invalid_field"):
        closing.announce(closer.today + SHORTEST_NOTICE - timedelta(days=1), now)
    assert closer.closing().club.closing is None
    closing.announce(closer.today + SHORTEST_NOTICE, now)
    announced = closer.closing().club.closing
    assert announced is not None
    assert announced.last_day == closer.today + SHORTEST_NOTICE


def test_a_closing_club_honours_bonus_until_its_last_day(closer: Closer) -> None:
    closer.closing().announce(closer.today + timedelta(days=30), SystemClock().now())
    closer.open_till(days=30)
    with pytest.raises(Refusal, match="key_revoked"):
        closer.open_till(days=31)


def test_pages_of_a_closed_club_are_not_found(closer: Closer) -> None:
    closer.closing().announce(closer.today + timedelta(days=30), SystemClock().now())
    for days, is_there in ((30, True), (31, False)):
        clock = FixedClock(SystemClock().now() + timedelta(days=days))
        known = KnownClubs(closer.place.tables, "clubs", clocks_movable=False, clock=clock)
        assert (known.by_slug("bager-holm") is not None) == is_there
        assert known.by_id(closer.club.club_id) is not None, "jobs still find it"


def test_a_club_that_stays_open_after_all_is_as_before(closer: Closer) -> None:
    before = closer.rows()
    closer.closing().announce(closer.today + timedelta(days=30), SystemClock().now())
    closer.closing().take_back()
    closer.closing().take_back()
    assert closer.rows() == before


def test_nothing_is_deleted_before_the_last_day_is_over_nor_under_another_name(closer: Closer) -> None:
    with pytest.raises(LocalRunError, match="isn't closed"):
        closer.end()
    closer.closing().announce(closer.today + timedelta(days=30), SystemClock().now())
    before = closer.rows()
    with pytest.raises(LocalRunError, match="isn't closed"):
        closer.end()
    closer.is_over()
    with pytest.raises(LocalRunError, match="is called bager-holm"):
        closer.end("other")
    assert len(closer.rows()) == len(before)


def test_a_closed_club_leaves_a_receipt_and_no_row(closer: Closer) -> None:
    others = [row for row in every_row(closer.place.tables)["ledger"] if closer.club.club_id not in str(row)]
    closer.is_over()
    closed = closer.end()
    (receipt,) = closer.rows()
    assert (receipt["pk"], receipt["sk"]) == (f"CLOSED#{closer.club.club_id}", "CLOSED")
    assert closed.counts["MEMBER"] == closed.counts["ACCOUNT"] == 1
    assert closed.out_of_copies_on == closer.today + timedelta(days=31)
    assert not [word for word in (PHONE, "Thorbjørg", "bager-holm", "Bager Holm") if word in str(receipt)]
    assert every_row(closer.place.tables)["ledger"] == others != []
    names = closer.place.clients("s3").list_objects_v2(Bucket=closer.place.settings.evidence_bucket)["Contents"]
    assert [each["Key"].startswith(closer.club.club_id) for each in names] == [False]
    assert closer.end() == closed == find_closed(closer.place.tables, "clubs", closer.club.club_id)


def test_no_hash_of_a_closed_club_can_be_made_again(closer: Closer) -> None:
    """Its address key hashed numbers and addresses, its signing keys codes and cookies."""
    secrets = [closer.club.address_key, *(key.secret for key in closer.club.signing_keys)]
    closer.is_over()
    closer.end()
    other = next(iter(set(ClubRegistry(closer.place.tables, "clubs").club_ids())))
    kept = [str(row) for row in every_row(closer.place.tables)["clubs"] if other not in str(row)]
    assert kept
    assert not [row for row in kept for secret in secrets if str(secret) in row]
    assert ClubStore(closer.place.tables, "clubs", closer.club.club_id).load() is None


def test_a_name_is_free_again_and_leads_no_lambda_to_the_club_that_is_gone(closer: Closer) -> None:
    known = KnownClubs(
        closer.place.tables, "clubs", clocks_movable=False, monotonic=iter(range(0, 10_000, 100)).__next__
    )
    assert known.by_slug("bager-holm") is not None
    closer.is_over()
    closer.end()
    assert known.by_slug("bager-holm") is None
    heir = make_club()
    commit(closer.place.tables, ClubStore(closer.place.tables, "clubs", heir.club_id).new_club_writes(heir))
    found = known.by_slug("bager-holm")
    assert found is not None
    assert found.club_id == heir.club_id


def test_closing_goes_on_where_it_was_killed(closer: Closer) -> None:
    """In turn before each of its calls that changes something."""
    closer.is_over()
    begun = every_row(closer.place.tables)
    for moments in count():
        mortal = replace(closer.place, clients=partial(mortal_client, closer.place, Life(moments)))
        try:
            closer.end(place=mortal)
            break
        except Killed:
            assert closer.end().counts["MEMBER"] == 1, "counted before anything went"
            assert [row["pk"] for row in closer.rows()] == [f"CLOSED#{closer.club.club_id}"]
            closer.bring_back(begun)
    assert moments > 6


def test_once_it_is_being_deleted_there_is_no_way_back(closer: Closer) -> None:
    closer.is_over()
    closing = closer.closing()
    closing.begin(SystemClock().now(), {"MEMBER": 1})
    with pytest.raises(Refusal, match="unknown_club"):
        closing.take_back()
    with pytest.raises(Refusal, match="unknown_club"):
        closing.announce(closer.today + timedelta(days=40), SystemClock().now())


def test_a_copy_that_is_brought_back_does_not_bring_a_closed_club_back(closer: Closer) -> None:
    closer.is_over()
    kept = every_row(closer.place.tables)
    closer.end()
    assert set(closer.place.tombstones.of_club(closer.club.club_id)) == {digest_of(closer.club.club_id)}
    closer.bring_back(kept)
    done = replay(closer.place, closer.place)
    assert (done.clubs, done.people) == (1, 0)
    assert closer.rows() == []


def mortal_client(place: Place, life: Life, service: str) -> Any:
    return Mortal(place.clients(service), life)


@dataclass
class Mortal:
    """A client, called by somebody who may die before each call that changes something."""

    inner: Any
    life: Life

    def __getattr__(self, operation: str) -> Any:
        called = getattr(self.inner, operation)
        changes = ("put_", "delete_", "transact_", "batch_write_", "update_")
        if not operation.startswith(changes):
            return called

        def call(**given: Any) -> Any:
            self.life.passes()
            return called(**given)

        return call
