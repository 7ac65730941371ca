"""A club's public pages and signing keys, as operators give them and warm functions know them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from copy import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from stamkunde.bootstrap import known_clubs
from stamkunde.clubs.known import KnownClubs
from stamkunde.clubs.member_policy import Keeping
from stamkunde.clubs.model import RESERVED_SLUGS, JoinPage, Trade
from stamkunde.clubs.service import NewClub
from stamkunde.clubs.store import ClubStore
from stamkunde.shared.clock import FixedClock
from stamkunde.shared.errors import Refusal
from stamkunde.shared.transaction import commit
from tests.factories import NOON
from tests.stores.test_clubs import SETTINGS, operators, refusal_code
from tests.stores.test_clubs import WISH as UNDECIDED
from tests.unit.test_terms import made
from tests.unit_meter import UnitMeter

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

PAGE = JoinPage("Bager Holm ApS", "12 34 56 78", "hej@bagerholm.example", "brød,  kager og kaffe ", "#9A4F1C")
WISH = replace(UNDECIDED, keeping=Keeping(Trade.GROCERIES))


def clubs(client: DynamoDBClient, seconds: list[float] | None = None) -> KnownClubs:
    passed = seconds or [0.0]
    return known_clubs(SETTINGS, client, FixedClock(NOON), lambda: passed[0])


def test_a_new_clubs_pages_are_closed_until_it_says_who_it_is(dynamodb: DynamoDBClient) -> None:
    desk = operators(dynamodb)
    club_id = desk.create_club(WISH).club_id
    known = clubs(dynamodb, [0.0])
    assert (found := known.by_slug("bager-holm")) is not None
    assert found.join_page is None
    desk.publish_join_page(club_id, PAGE)
    assert (opened := clubs(dynamodb).by_slug("bager-holm")) is not None
    assert opened.join_page == JoinPage(
        "Bager Holm ApS", "12345678", "hej@bagerholm.example", "brød, kager og kaffe", "#9a4f1c"
    )


def test_no_pages_open_before_a_club_has_chosen_how_long_it_keeps_members(dynamodb: DynamoDBClient) -> None:
    """R15."""
    desk = operators(dynamodb)
    undecided = desk.create_club(UNDECIDED).club_id
    assert refusal_code(dynamodb, lambda: desk.publish_join_page(undecided, PAGE)) == "keeping_not_chosen"
    unfounded = replace(UNDECIDED, slug="another", keeping=Keeping(Trade.TOURIST_CRAFTS))
    assert refusal_code(dynamodb, lambda: desk.create_club(unfounded)) == "invalid_field"
    founded = desk.create_club(replace(unfounded, keeping_reason="Mange kommer kun på ferie, og ikke hvert år."))
    assert desk.publish_join_page(founded.club_id, PAGE)
    stored = desk.show(founded.club_id).club
    assert (stored.member_policy.trade, stored.ladder(NOON.date()).months) == (Trade.TOURIST_CRAFTS, 36)


@pytest.mark.parametrize(
    "wrong",
    [
        {"company": "  "},
        {"company": "x" * 81},
        {"registration_number": "1234567"},
        {"registration_number": "１２３４５６７８"},
        {"registration_number": "DK12345678"},
        {"contact": ""},
        {"goods": "\u0007"},
        {"accent": "red"},
        {"accent": "#12345g"},
        {"accent": "#9a4f1c; background: url(x)"},
    ],
)
def test_a_page_that_would_not_say_who_it_is_is_refused(dynamodb: DynamoDBClient, wrong: dict[str, str]) -> None:
    desk = operators(dynamodb)
    club_id = desk.create_club(WISH).club_id
    refused = refusal_code(dynamodb, lambda: desk.publish_join_page(club_id, replace(PAGE, **wrong)))
    assert refused == "invalid_field"


def test_a_norwegian_club_has_nine_digits(dynamodb: DynamoDBClient) -> None:
    desk = operators(dynamodb)
    club_id = desk.create_club(replace(WISH, country="NO")).club_id
    assert desk.publish_join_page(club_id, replace(PAGE, registration_number="987 654 321"))
    assert refusal_code(dynamodb, lambda: desk.publish_join_page(club_id, PAGE)) == "invalid_field"


@pytest.mark.parametrize("slug", sorted(RESERVED_SLUGS))
def test_no_club_takes_the_address_of_a_page_of_ours(dynamodb: DynamoDBClient, slug: str) -> None:
    desk = operators(dynamodb)
    wish = NewClub(slug=slug, name="x", country="DK", contact="x@example.com")
    assert refusal_code(dynamodb, lambda: desk.create_club(wish)) == "already_exists"


def test_a_new_signing_key_leaves_the_one_before_it_valid_and_no_other(dynamodb: DynamoDBClient) -> None:
    desk = operators(dynamodb)
    club_id = desk.create_club(WISH).club_id
    first = desk.show(club_id).club.signing_keys
    assert desk.new_signing_key(club_id) == 2
    assert refusal_code(dynamodb, lambda: desk.new_signing_key(club_id)) == "already_exists"
    two_minutes_later = operators(dynamodb, now=NOON + timedelta(minutes=2))
    assert two_minutes_later.new_signing_key(club_id) == 3
    after = desk.show(club_id).club.signing_keys
    assert [key.key_id for key in after] == [3, 2]
    assert not {key.secret for key in first} & {key.secret for key in after}


def test_of_new_signing_keys_at_the_same_moment_one_is_made(dynamodb: DynamoDBClient) -> None:
    desk = operators(dynamodb)
    club_id = desk.create_club(WISH).club_id

    def attempt(_: int) -> int:
        try:
            return desk.new_signing_key(club_id)
        except Refusal as refusal:
            assert refusal.code == "already_exists"
            return 0

    with ThreadPoolExecutor(8) as pool:
        made = [key_id for key_id in pool.map(attempt, range(8)) if key_id]
    assert made == [2]
    assert [key.key_id for key in desk.show(club_id).club.signing_keys] == [2, 1]


def test_a_club_from_before_there_were_signing_keys_has_one_of_its_own(dynamodb: DynamoDBClient) -> None:
    desk = operators(dynamodb)
    ids = [desk.create_club(replace(WISH, slug=slug)).club_id for slug in ("one", "two")]
    for club_id in ids:
        key = {"pk": {"S": f"CLUB#{club_id}"}, "sk": {"S": "CLUB#SIGNING_KEYS"}}
        dynamodb.delete_item(TableName="clubs", Key=key)
    first, second = (desk.show(club_id).club.signing_keys for club_id in ids)
    assert (first[0].key_id, second[0].key_id) == (0, 0)
    assert first != second
    assert desk.new_signing_key(ids[0]) == 1
    assert [key.key_id for key in desk.show(ids[0]).club.signing_keys] == [1, 0]


def test_the_key_that_signs_comes_first_and_changes_without_reading_the_club_again(dynamodb: DynamoDBClient) -> None:
    desk = operators(dynamodb)
    club_id = desk.create_club(WISH).club_id
    desk.new_signing_key(club_id)
    known = clubs(dynamodb)
    for later, order in ((timedelta(seconds=119), [1, 2]), (timedelta(minutes=2), [2, 1])):
        known.clock = FixedClock(NOON + later)
        assert (club := known.by_id(club_id)) is not None
        assert [key.key_id for key in club.signing_keys] == order


def test_a_club_is_known_for_a_minute_and_found_as_soon_as_it_is_made(dynamodb: DynamoDBClient) -> None:
    seconds = [0.0]
    known = clubs(dynamodb, seconds)
    desk = operators(dynamodb)
    assert known.by_slug("bager-holm") is None
    club_id = desk.create_club(WISH).club_id
    assert known.by_slug("bager-holm") is not None
    desk.publish_join_page(club_id, PAGE)
    assert known.by_slug("bager-holm") is not None
    desk.publish_join_page(club_id, replace(PAGE, goods="vin"))
    seconds[0] = 59.0
    assert (kept := known.by_slug("bager-holm")) is not None
    assert (kept.join_page and kept.join_page.goods) == "brød, kager og kaffe"
    seconds[0] = 61.0
    assert (read_again := known.by_slug("bager-holm")) is not None
    assert (read_again.join_page and read_again.join_page.goods) == "vin"


def test_pages_that_somebody_waits_for_open_at_once(dynamodb: DynamoDBClient) -> None:
    known = clubs(dynamodb, [0.0])
    desk = operators(dynamodb)
    club_id = desk.create_club(WISH).club_id
    for club in (known.by_slug("bager-holm"), known.by_id(club_id)):
        assert club is not None
        assert club.join_page is None
    desk.publish_join_page(club_id, PAGE)
    assert (opened := known.by_slug("bager-holm")) is not None
    assert opened.join_page is not None


def test_a_club_lives_by_its_own_clock_where_clocks_may_be_moved(dynamodb: DynamoDBClient) -> None:
    desk = operators(dynamodb, clocks_movable=True)
    moved = desk.create_club(replace(WISH, clock_offset=timedelta(days=-3)))
    known = clubs(dynamodb)
    assert known.clock_of(moved).now() == NOON - timedelta(days=3)
    fixed = KnownClubs(dynamodb, "clubs", clocks_movable=False, clock=FixedClock(NOON))
    assert fixed.clock_of(moved).now() == NOON


def test_a_till_knows_all_versions_of_the_terms_and_reads_none_of_their_texts(dynamodb: DynamoDBClient) -> None:
    """Ten versions in three languages are a hundred kilobytes; what a till needs of them is two."""
    club_id = operators(dynamodb).create_club(WISH).club_id
    store = ClubStore(dynamodb, "clubs", club_id)
    published = [replace(made(), version=number) for number in range(2, 12)]
    commit(dynamodb, [write for terms in published for write in store.terms_writes(terms)])
    meter = UnitMeter()
    meter.attach(dynamodb)
    at_till = KnownClubs(dynamodb, "clubs", clocks_movable=False).by_id(club_id)
    for_till = meter.read
    on_page = KnownClubs(dynamodb, "clubs", clocks_movable=False, texts=True).by_id(club_id)
    assert at_till is not None
    assert on_page is not None
    assert for_till == 2
    assert meter.read - for_till > 10 * for_till
    assert on_page.terms[1:] == tuple(published)
    english = [terms.text_hash_in("en") for terms in published]
    for club in (at_till, on_page):
        assert [terms.text_hash_in("en") for terms in club.terms[1:]] == english
    with pytest.raises(LookupError):
        at_till.current_terms().text_in("da")
