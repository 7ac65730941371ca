"""What operators do: clubs, outlets, tills and their keys."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from copy import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from stamkunde.bootstrap import Tills
from stamkunde.clubs.model import ReceiptNumbers, TillKey, parse_till_key
from stamkunde.clubs.service import NewClub, Operators
from stamkunde.settings import Settings
from stamkunde.shared.clock import FixedClock
from stamkunde.shared.errors import Refusal
from tests.factories import NOON
from tests.ledger_checks import every_row, rows

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

WISH = NewClub(slug="bager-holm", name="Bager Holm", country="DK", contact="hej@bagerholm.example")
SETTINGS = Settings("eu-north-1", "clubs", "members", "ledger", "views", clubs_clocks_movable=True)


def operators(client: DynamoDBClient, *, clocks_movable: bool = False, now: datetime = NOON) -> Operators:
    return Operators(
        client, "clubs", FixedClock(now), random_bytes=secrets.token_bytes, clocks_movable=clocks_movable
    )


def tills(client: DynamoDBClient) -> Tills:
    return Tills(SETTINGS, client, clock=FixedClock(NOON))


def parsed(key: str) -> TillKey:
    found = parse_till_key(key)
    assert found is not None
    return found


def new_till(desk: Operators) -> tuple[str, str]:
    """The id of a new club, and the key of its one till."""
    club = desk.create_club(WISH)
    desk.create_outlet(club.club_id, "banegaarden", "Banegårdspladsen")
    numbers = ReceiptNumbers.RESTART_YEARLY
    return club.club_id, desk.create_till(club.club_id, "banegaarden", "kasse-1", "Kasse 1", numbers).key


def refusal_code(client: DynamoDBClient, action: object) -> str:
    before = every_row(client)
    with pytest.raises(Refusal) as refused:
        action()  # type: ignore[operator]
    assert every_row(client) == before
    return refused.value.code


def test_a_new_club_has_its_countrys_money_zone_and_language(dynamodb: DynamoDBClient) -> None:
    desk = operators(dynamodb)
    danish = desk.create_club(WISH)
    norwegian = desk.create_club(replace(WISH, slug="sykkelhuset", name="Sykkelhuset", country="NO", rate=250))
    assert (danish.currency, danish.time_zone, danish.language) == ("DKK", "Europe/Copenhagen", "da")
    assert (norwegian.currency, norwegian.time_zone, norwegian.language) == ("NOK", "Europe/Oslo", "nb")
    assert "2,5 %" in norwegian.terms[0].text
    assert "Sykkelhuset" in norwegian.terms[0].text
    assert {club.slug for club in desk.clubs()} == {"bager-holm", "sykkelhuset"}
    assert desk.show(danish.club_id).club == danish
    assert danish.address_key != norwegian.address_key


def test_a_slug_is_taken_once_even_by_ten_at_once(dynamodb: DynamoDBClient) -> None:
    desk = operators(dynamodb)

    def create(_number: int) -> str:
        try:
            return desk.create_club(WISH).club_id
        except Refusal as refusal:
            return refusal.code

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(create, range(10)))
    assert answers.count("already_exists") == 9
    assert len(list(desk.clubs())) == 1


def test_a_till_key_is_kept_as_a_hash_only(dynamodb: DynamoDBClient) -> None:
    _, key = new_till(operators(dynamodb))
    assert parsed(key).secret not in str(every_row(dynamodb))


def test_a_key_opens_its_own_till(dynamodb: DynamoDBClient) -> None:
    club_id, key = new_till(operators(dynamodb))
    session = tills(dynamodb).open(parsed(key), writes=True)
    assert (session.club.club_id, session.till.till_id, session.till.outlet_id) == (club_id, "kasse-1", "banegaarden")


def test_revoked_means_revoked_also_for_a_till_api_that_is_warm(dynamodb: DynamoDBClient) -> None:
    desk = operators(dynamodb)
    club_id, key = new_till(desk)
    warm = tills(dynamodb)
    warm.open(parsed(key), writes=False)
    desk.revoke_till(club_id, "kasse-1")
    for writes in (True, False):
        with pytest.raises(Refusal) as refused:
            warm.open(parsed(key), writes=writes)
        assert refused.value.code == "key_revoked"


def test_a_new_key_ends_the_old_one(dynamodb: DynamoDBClient) -> None:
    desk = operators(dynamodb)
    club_id, old = new_till(desk)
    new = desk.replace_till_key(club_id, "kasse-1").key
    assert tills(dynamodb).open(parsed(new), writes=True).club.club_id == club_id
    with pytest.raises(Refusal) as refused:
        tills(dynamodb).open(parsed(old), writes=True)
    assert refused.value.code == "key_unknown"


def test_a_key_works_in_no_other_club_and_at_no_other_till(dynamodb: DynamoDBClient) -> None:
    desk = operators(dynamodb)
    club_id, key = new_till(desk)
    other = desk.create_club(replace(WISH, slug="another")).club_id
    desk.create_outlet(other, "banegaarden", "Banegårdspladsen")
    desk.create_till(other, "banegaarden", "kasse-1", "Kasse 1", ReceiptNumbers.NEVER_RESTART)
    desk.create_till(club_id, "banegaarden", "kasse-2", "Kasse 2", ReceiptNumbers.NEVER_RESTART)
    for wrong in (
        replace(parsed(key), club_id=other),
        replace(parsed(key), till_id="kasse-2"),
        replace(parsed(key), till_id="kasse-3"),
        replace(parsed(key), club_id="c0000000000000000"),
        replace(parsed(key), secret="A" * 40),
    ):
        with pytest.raises(Refusal) as refused:
            tills(dynamodb).open(wrong, writes=True)
        assert refused.value.code == "key_unknown"


def test_what_operators_may_not_do_is_refused_and_writes_nothing(dynamodb: DynamoDBClient) -> None:
    desk = operators(dynamodb)
    club_id, _ = new_till(desk)
    numbers = ReceiptNumbers.NEVER_RESTART
    assert refusal_code(dynamodb, lambda: desk.create_club(replace(WISH, slug="Bager Holm"))) == "invalid_field"
    assert refusal_code(dynamodb, lambda: desk.create_club(replace(WISH, slug="b", country="SE"))) == "invalid_field"
    assert refusal_code(dynamodb, lambda: desk.create_outlet("c0000000000000000", "x", "X")) == "unknown_club"
    assert refusal_code(dynamodb, lambda: desk.create_outlet(club_id, "banegaarden", "X")) == "already_exists"
    assert (
        refusal_code(dynamodb, lambda: desk.create_till(club_id, "nowhere", "kasse-9", "X", numbers))
        == "unknown_outlet"
    )
    assert (
        refusal_code(dynamodb, lambda: desk.create_till(club_id, "banegaarden", "kasse-1", "X", numbers))
        == "already_exists"
    )
    assert refusal_code(dynamodb, lambda: desk.revoke_till(club_id, "kasse-9")) == "unknown_till"
    assert (
        refusal_code(dynamodb, lambda: desk.open_for_late_receipts(club_id, "kasse-1", timedelta(days=32)))
        == "invalid_field"
    )
    too_soon = NOON + timedelta(seconds=119)
    assert (
        refusal_code(dynamodb, lambda: desk.publish_programme(club_id, 600, 36, too_soon))
        == "version_starts_too_soon"
    )
    assert refusal_code(dynamodb, lambda: desk.find_by_slug("nobody")) == "unknown_club"
    assert refusal_code(dynamodb, lambda: desk.require_outlet(club_id, "nowhere")) == "unknown_outlet"


def test_a_till_is_opened_for_older_receipts_for_a_limited_time(dynamodb: DynamoDBClient) -> None:
    desk = operators(dynamodb)
    club_id, _ = new_till(desk)
    assert desk.open_for_late_receipts(
        club_id, "kasse-1", timedelta(hours=2)
    ).late_receipts_until == NOON + timedelta(hours=2)
    (till,) = desk.show(club_id).tills
    assert till.late_receipts_until == NOON + timedelta(hours=2)


def test_programme_versions_are_numbered_and_kept(dynamodb: DynamoDBClient) -> None:
    desk = operators(dynamodb)
    club_id, key = new_till(desk)
    desk.publish_programme(club_id, 600, 36, NOON + timedelta(minutes=2))
    desk.publish_programme(club_id, 300, 36, NOON + timedelta(hours=5))
    session = tills(dynamodb).open(parsed(key), writes=False)
    assert [(p.version, p.rate) for p in session.club.programmes] == [(1, 300), (2, 600), (3, 300)]


def test_a_warm_till_api_learns_of_a_new_version_before_it_starts(dynamodb: DynamoDBClient) -> None:
    desk = operators(dynamodb)
    club_id, key = new_till(desk)
    seconds = [0.0]
    warm = Tills(SETTINGS, dynamodb, clock=FixedClock(NOON), monotonic=lambda: seconds[0])
    warm.open(parsed(key), writes=False)
    desk.publish_programme(club_id, 600, 36, NOON + timedelta(minutes=2))
    assert len(warm.open(parsed(key), writes=False).club.programmes) == 1
    seconds[0] = 119.0
    assert len(warm.open(parsed(key), writes=False).club.programmes) == 2


def test_what_is_not_said_of_a_new_version_stays_as_it_is(dynamodb: DynamoDBClient) -> None:
    desk = operators(dynamodb)
    club_id = desk.create_club(replace(WISH, expiry_months=24)).club_id
    assert desk.publish_programme(club_id, 600, None, NOON + timedelta(hours=1)).expiry_months == 24


def test_no_version_may_start_before_the_newest(dynamodb: DynamoDBClient) -> None:
    desk = operators(dynamodb)
    club_id, _ = new_till(desk)
    desk.publish_programme(club_id, 600, None, NOON + timedelta(days=2))
    earlier = NOON + timedelta(days=1)
    assert (
        refusal_code(dynamodb, lambda: desk.publish_programme(club_id, 300, None, earlier))
        == "version_starts_too_soon"
    )
    assert desk.publish_programme(club_id, 500, None, NOON + timedelta(days=2)).version == 3


def test_a_revoked_till_does_not_come_back_by_a_race(dynamodb: DynamoDBClient) -> None:
    desk = operators(dynamodb)
    club_id, key = new_till(desk)

    def act(number: int) -> None:
        if number == 5:
            desk.revoke_till(club_id, "kasse-1")
        else:
            desk.open_for_late_receipts(club_id, "kasse-1", timedelta(hours=number))

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(act, range(10)))
    with pytest.raises(Refusal) as refused:
        tills(dynamodb).open(parsed(key), writes=True)
    assert refused.value.code == "key_revoked"


def test_only_a_club_made_with_a_movable_clock_has_one_to_move(dynamodb: DynamoDBClient) -> None:
    desk = operators(dynamodb, clocks_movable=True)
    real_time = desk.create_club(WISH).club_id
    assert refusal_code(dynamodb, lambda: desk.move_clock(real_time, timedelta(days=1))) == "clock_not_movable"
    movable = desk.create_club(replace(WISH, slug="demo", clock_offset=timedelta(days=-120))).club_id
    desk.move_clock(movable, timedelta(days=-7))
    assert desk.show(movable).club.clock_offset == timedelta(days=-7)
    assert desk.show(real_time).club.clock_offset is None


def test_on_aws_no_clock_can_be_moved(dynamodb: DynamoDBClient) -> None:
    desk = operators(dynamodb, clocks_movable=False)
    wish = replace(WISH, clock_offset=timedelta(days=-1))
    assert refusal_code(dynamodb, lambda: desk.create_club(wish)) == "clock_not_movable"
    assert rows(dynamodb, "clubs") == []
