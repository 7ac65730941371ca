"""Joining and accepting at the till: one member a number, evidence kept, pending bonus released."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from copy import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import EndpointConnectionError

from stamkunde.clubs.model import TermsVersion
from stamkunde.members.consents import ConsentMethod, TermsAccepted
from stamkunde.members.model import Acceptance, MemberState
from stamkunde.members.service_link import link_hash
from stamkunde.shared.errors import Refusal
from stamkunde.shared.item import to_wire
from tests.factories import LONG_AGO, NOON, make_club
from tests.ledger_checks import assert_ledger_adds_up, every_row, rows
from tests.letterbox import NotingQueue, token_in, waiting
from tests.shop import Shop
from tests.stores.test_joining import join, newsletter

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


@pytest.mark.parametrize(
    "typed", ["20 12 34 56", "+45 20123456", "0045 20 12 34 56", "4520123456", "２０１２３４５６"]
)
def test_one_member_per_phone_whatever_the_format_typed(dynamodb: DynamoDBClient, typed: str) -> None:
    shop = Shop(dynamodb)
    first = shop.join("+4520123456")
    again = shop.join(typed)
    assert (first.new, again.new) == (True, False)
    assert again.at_till.member == first.at_till.member
    assert shop.membership.look_up(typed).member == first.at_till.member


def test_the_same_phone_is_somebody_else_in_another_club(dynamodb: DynamoDBClient) -> None:
    here, there = Shop(dynamodb), Shop(dynamodb, club=make_club(address_key=b"j" * 32))
    here.join("+4520123456")
    with pytest.raises(Refusal) as refused:
        there.membership.look_up("+4520123456")
    assert refused.value.code == "unknown_member"


def test_twenty_tills_enrol_one_number_once(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    with ThreadPoolExecutor(20) as pool:
        joined = list(pool.map(lambda _: shop.join("+4520123456"), range(20)))
    assert sum(each.new for each in joined) == 1
    assert len({each.at_till.member.member_id for each in joined}) == 1
    assert len([row for row in rows(dynamodb, "ledger") if row["sk"] == "ACCOUNT"]) == 1


def test_without_acceptance_a_member_is_open_and_bonus_is_pending(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    member = shop.join(accepts=False).at_till.member
    assert member.state is MemberState.OPEN
    shop.buy(member.member_id, 10_000)
    assert (shop.balance(member.member_id).pending, shop.balance(member.member_id).available) == (300, 0)


def test_accepting_in_the_shop_releases_pending_bonus_and_keeps_the_evidence(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    joined = shop.join("+4520123456", accepts=False).at_till.member
    shop.buy(joined.member_id, 10_000)
    shop.wait(timedelta(days=1))
    accepted = shop.join("+4520123456").at_till
    assert accepted.member.state is MemberState.MEMBER
    assert (accepted.balance.available, accepted.balance.pending) == (300, 0)
    (evidence,) = [row for row in rows(dynamodb, "members") if row["sk"].startswith("CONSENT#")]
    assert (evidence["method"], evidence["terms_version"], evidence["outlet"], evidence["till"]) == (
        "signed_form",
        1,
        "banegaarden",
        "kasse-1",
    )
    assert evidence["text_hash"] == shop.club.terms[0].text_hash
    assert_ledger_adds_up(shop, joined.member_id)
    shop.buy(joined.member_id, 1_000, spend_bonus=300)


def test_accepting_twice_leaves_one_record(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    shop.join("+4520123456")
    before = every_row(dynamodb)
    shop.join("+4520123456")
    assert every_row(dynamodb) == before


def test_accepting_while_twenty_purchases_are_booked_loses_no_bonus(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    member = shop.join("+4520123456", accepts=False).at_till.member.member_id
    receipts = [shop.receipt(member, 1_000) for _ in range(20)]

    def act(number: int) -> None:
        if number == 7:
            shop.join("+4520123456")
        else:
            shop.ledger.book(receipts[number], shop.point)

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(act, range(20)))
    assert shop.balance(member).available == 19 * 30
    assert shop.balance(member).pending == 0
    assert_ledger_adds_up(shop, member)


def test_who_has_not_accepted_is_sent_a_link_that_names_nobody(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    member = shop.join("+4520123456", accepts=False, name="Mette").at_till.member
    (message,) = waiting(dynamodb)
    assert (message["kind"], message["recipient"], message["due_at"]) == (
        "till_join",
        "+4520123456",
        "2026-11-21T12:00:00.000Z",
    )
    assert "Mette" not in message["text"]
    assert member.link_hashes == (link_hash(token_in(message)),)
    assert len(shop.queue.told) == 1


def test_who_accepted_in_the_shop_is_welcomed(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    shop.join("+4520123456", name="Mette")
    shop.join("+4520123456", name="Mette")
    (message,) = waiting(dynamodb)
    assert message["kind"] == "welcome"


def test_accepting_later_in_the_shop_is_welcomed_too(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    shop.join("+4520123456", accepts=False)
    shop.wait(timedelta(hours=1))
    shop.join("+4520123456")
    assert sorted(row["kind"] for row in waiting(dynamodb)) == ["till_join", "welcome"]


def test_joining_again_another_day_sends_the_terms_again_and_a_second_press_does_not(
    dynamodb: DynamoDBClient,
) -> None:
    shop = Shop(dynamodb)
    shop.join("+4520123456", accepts=False)
    shop.join("+4520123456", accepts=False)
    assert len(waiting(dynamodb, "till_join")) == 1
    shop.wait(timedelta(days=1))
    again = shop.join("+4520123456", accepts=False)
    assert not again.new
    tokens = [token_in(row) for row in waiting(dynamodb, "till_join")]
    assert sorted(map(link_hash, tokens)) == sorted(again.at_till.member.link_hashes)
    assert len(set(tokens)) == 2


def test_the_terms_are_sent_again_whatever_else_was_sent_since(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    shop.join("+4520123456", accepts=False)
    shop.wait(timedelta(hours=23))
    join(shop, newsletter(email="mette@holm.dk"))
    shop.join("+4520123456", accepts=False)
    assert len(waiting(dynamodb, "till_join")) == 1
    shop.wait(timedelta(hours=20))
    shop.join("+4520123456", accepts=False)
    assert len(waiting(dynamodb, "till_join")) == 2


def test_a_queue_that_is_away_does_not_keep_anybody_from_joining(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb, queue=GoneQueue())
    assert shop.join("+4520123456").new
    assert len(waiting(dynamodb)) == 1


def test_everybody_with_an_account_has_a_card_that_finds_them(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    member = shop.join("+4520123456", accepts=False).at_till.member
    assert member.card_number is not None
    at_till = shop.membership.look_up_by_card(f" {member.card_number[:4]} {member.card_number[4:]}")
    assert at_till.member == member


@pytest.mark.parametrize(("typed", "code"), [("000000000000", "unknown_member"), ("000000000001", "card_invalid")])
def test_a_card_of_nobody_is_told_from_one_that_cannot_be(dynamodb: DynamoDBClient, typed: str, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        Shop(dynamodb).membership.look_up_by_card(typed)
    assert (refused.value.code, refused.value.pointer) == (code, "/card")


def test_a_landline_gets_no_messages_and_cannot_join(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    before = every_row(dynamodb)
    with pytest.raises(Refusal) as refused:
        shop.join("+47 22 12 34 56")
    assert refused.value.code == "phone_not_mobile"
    assert every_row(dynamodb) == before


def test_a_reader_of_the_newsletter_who_joins_at_the_till_is_new_there(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    reader = join(shop, newsletter(language="en")).member
    shop.wait(timedelta(days=1))
    joined = shop.join("+4520123456", accepts=False, name="Gert")
    member = joined.at_till.member
    assert joined.new
    assert (member.member_id, member.state, member.first_name) == (reader.member_id, MemberState.OPEN, "Mette")
    assert joined.at_till.first_name == "Gert", "the till was told a name that nobody typed there"
    assert (member.joined_at, member.joined_at_till) == (shop.now(), "kasse-1")
    assert len(shop.members.consent_records(member.member_id)) == 1
    (message,) = waiting(dynamodb, "till_join")
    assert "Thank you for joining" in message["text"]


def test_a_member_who_signs_newer_terms_in_the_shop_is_recorded(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    member = shop.join("+4520123456").at_till.member
    shop.club = replace(shop.club, terms=(*shop.club.terms, TermsVersion(2, "da", "Nye betingelser", LONG_AGO)))
    shop.wait(timedelta(days=1))
    newer = Acceptance(2, ConsentMethod.SIGNED_FORM, shop.now())
    shop.membership.join("+4520123456", None, newer, "banegaarden", "kasse-1")
    assert [record.terms and record.terms.version for record in shop.members.consent_records(member.member_id)] == [
        1,
        2,
    ]
    assert shop.account(member.member_id).members[member.member_id].terms_version == 2
    assert len(waiting(dynamodb)) == 1


def test_rows_from_before_there_were_cards_and_addresses_are_read_and_completed(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    member_id = shop.join("+4520123456", accepts=False).at_till.member.member_id
    pk = f"M#{shop.club.club_id}#{member_id}"
    (row,) = [row for row in rows(dynamodb, "members") if row["sk"] == "MEMBER"]
    newer = ("lang", "email", "email_confirmed_at", "card", "links")
    put(dynamodb, {name: value for name, value in row.items() if name not in newer})
    put(
        dynamodb,
        {
            "pk": pk,
            "sk": "CONSENT#20261120T120000000Z#00000000",
            "v": 1,
            "kind": "terms_accepted",
            "terms_version": 1,
            "text_hash": "0" * 64,
            "language": "da",
            "method": "signed_form",
            "accepted_at": "2026-11-20T12:00:00.000Z",
            "recorded_at": "2026-11-20T12:00:00.000Z",
            "outlet": "banegaarden",
            "till": "kasse-1",
        },
    )
    old = shop.members.load(member_id)
    assert old is not None
    assert (old.language, old.email, old.card_number, old.link_hashes) == ("da", None, None, ())
    (record,) = shop.members.consent_records(member_id)
    assert (record.evidence.given_at, record.given) == (NOON - timedelta(days=1), ())
    assert record.terms == TermsAccepted(1, "0" * 64)
    assert shop.join("+4520123456").at_till.member.card_number is not None


def put(client: DynamoDBClient, row: dict[str, Any]) -> None:
    client.put_item(TableName="members", Item=to_wire(row))


class GoneQueue(NotingQueue):
    """A queue that can't be reached."""

    def send_message_batch(self, **given: Any) -> Mapping[str, Any]:
        raise EndpointConnectionError(endpoint_url="http://127.0.0.1")


@pytest.mark.parametrize(
    ("acceptance", "code"),
    [
        (Acceptance(2, ConsentMethod.COUNTER_SCREEN, NOON), "unknown_terms_version"),
        (Acceptance(1, ConsentMethod.COUNTER_SCREEN, NOON + timedelta(minutes=6)), "acceptance_in_future"),
        (Acceptance(1, ConsentMethod.SIGNED_FORM, LONG_AGO - timedelta(days=1)), "acceptance_before_terms"),
    ],
)
def test_an_acceptance_that_cannot_be_is_refused(dynamodb: DynamoDBClient, acceptance: Acceptance, code: str) -> None:
    shop = Shop(dynamodb)
    before = every_row(dynamodb)
    with pytest.raises(Refusal) as refused:
        shop.membership.join("+4520123456", "Mette", acceptance, "banegaarden", "kasse-1")
    assert refused.value.code == code
    assert every_row(dynamodb) == before


def test_a_tills_clock_a_little_ahead_is_taken_as_now(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    ahead = Acceptance(1, ConsentMethod.COUNTER_SCREEN, NOON + timedelta(minutes=4))
    shop.membership.join("+4520123456", None, ahead, "banegaarden", "kasse-1")
    (evidence,) = [row for row in rows(dynamodb, "members") if row["sk"].startswith("CONSENT#")]
    assert evidence["given_at"] == "2026-11-21T12:00:00.000Z"


def test_no_key_of_any_row_tells_a_phone_number(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    shop.buy(shop.join("+4520123456", name="Mette").at_till.member.member_id)
    keys = [row["pk"] + row["sk"] for table in every_row(dynamodb).values() for row in table]
    assert keys
    assert not any("20123456" in key or "Mette" in key for key in keys)


def test_the_ledger_holds_neither_names_nor_numbers(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    shop.buy(shop.join("+4520123456", name="Mette").at_till.member.member_id)
    written = str(rows(dynamodb, "ledger"))
    assert "Mette" not in written
    assert "20123456" not in written


def test_the_pointer_of_a_number_differs_from_club_to_club(dynamodb: DynamoDBClient) -> None:
    one = Shop(dynamodb)
    other = Shop(dynamodb, club=replace(make_club(), club_id=one.club.club_id, address_key=b"z" * 32))
    one.join("+4520123456")
    with pytest.raises(Refusal):
        other.membership.look_up("+4520123456")
